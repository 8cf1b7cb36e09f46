import type { HttpClient } from "../client/http-client.js";
import { createHttp2Client } from "./http2-client.js";
import type { NodeHttp2ClientSessionManager } from "./transport-options.js";

/** Exchanges over a session manager that is not ours, for instance connect-node's. */
export function createForeignClient(manager: NodeHttp2ClientSessionManager, authority: string): HttpClient {
  return createHttp2Client({
    authority,
    scheme: manager.authority.startsWith("https:") ? "https" : "http",
    foreign: manager,
    state: () => "idle",
    watch: () => () => {},
    ready: () => undefined,
    acquire: () => Promise.reject(new Error("a foreign session manager opens its own streams")),
    close() {},
  });
}
