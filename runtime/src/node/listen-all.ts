import type * as net from "node:net";
import type { ListenAddress } from "./listen-address.js";

/**
 * Binds a listener to each address. Those that fail are left out, as in grpc-js; rejects when none is left.
 */
export async function listenAll(
  addresses: ListenAddress[],
  createListener: () => net.Server,
): Promise<{ servers: net.Server[]; port: number; address: string }> {
  const servers: net.Server[] = [];
  const errors: string[] = [];
  let port = 0;
  let text = "";
  for (const address of addresses) {
    const server = createListener();
    // With port 0 the first socket picks, and the others share its port.
    const target = "path" in address ? address : { host: address.host, port: address.port === 0 ? port : address.port };
    const error = await new Promise<Error | undefined>((resolve) => {
      server.once("error", resolve);
      server.listen(target, () => resolve(undefined));
    });
    if (error !== undefined) {
      errors.push(error.message);
      continue;
    }
    server.on("error", () => {});
    servers.push(server);
    if (servers.length > 1) continue;
    const info = server.address();
    port = typeof info === "object" && info !== null ? info.port : 1;
    if (typeof info === "object" && info !== null) {
      text = `${info.family === "IPv6" ? `[${info.address}]` : info.address}:${info.port}`;
    } else text = `unix:${"path" in address ? address.path : ""}`;
  }
  if (servers.length === 0) {
    throw new Error(`No address added out of total ${addresses.length} resolved errors: [${errors.join(",")}]`);
  }
  return { servers, port, address: text };
}
