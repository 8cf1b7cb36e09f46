import { createApp } from "../src/node/app.js";
import { serve } from "../src/node/serve.js";
import type { ConnectRouter } from "../src/server/router.js";
import { type ConnectNodePeer, echoRoutes } from "./connect-node-server.js";

/** Our own server with the same routes as the connect-node peer; every protocol on one port. */
export async function startOurServer(): Promise<ConnectNodePeer> {
  const requests: ConnectNodePeer["requests"] = [];
  const app = createApp({ routes: echoRoutes as unknown as (router: ConnectRouter) => void });
  const server = await serve(app, { address: "127.0.0.1:0", signals: false });
  return { port: server.port, url: `http://127.0.0.1:${server.port}`, requests, stop: () => server.destroy() };
}
