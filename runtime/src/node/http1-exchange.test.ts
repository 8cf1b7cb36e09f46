import * as http from "node:http";
import * as net from "node:net";
import { afterEach, expect, it } from "vitest";
import { Echo } from "../../testing/gen/echo_pb.js";
import { createApp } from "./app.js";
import { serve } from "./serve.js";

const cleanups: Array<() => void> = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

const request = (body: string) =>
  "POST /connect_migrate.test.v1.Echo/Unary HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n" +
  `content-length: ${body.length}\r\n\r\n${body}`;

it.each(["serve", "a request listener of node:http"])(
  "%s: calls that are pipelined behind another one are aborted when their peer goes",
  async (kind) => {
    let begun = 0;
    let aborted = 0;
    const app = createApp({
      routes: (router) =>
        void router.service(Echo, {
          async unary(_request, context) {
            begun++;
            await new Promise<void>((resolve) => context.signal.addEventListener("abort", () => resolve()));
            aborted++;
            return {};
          },
        }),
    });
    let port: number;
    if (kind === "serve") {
      const server = await serve(app, { address: "127.0.0.1:0", signals: false });
      cleanups.push(() => server.destroy());
      port = server.port;
    } else {
      const server = http.createServer(app);
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      cleanups.push(() => server.close());
      port = (server.address() as net.AddressInfo).port;
    }
    const socket = net.connect(port, "127.0.0.1");
    socket.write(request("{}").repeat(3));
    await expect.poll(() => begun).toBe(3);
    socket.destroy();
    await expect.poll(() => aborted).toBe(3);
  },
);
