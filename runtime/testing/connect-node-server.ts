import * as http from "node:http";
import * as http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { create } from "@bufbuild/protobuf";
import { type Code, ConnectError, type ConnectRouter, type HandlerContext } from "@connectrpc/connect";
import { type ConnectNodeAdapterOptions, connectNodeAdapter } from "@connectrpc/connect-node";
import { Echo, type EchoRequest, EchoResponseSchema } from "./gen/echo_pb.js";

export interface ConnectNodePeer {
  port: number;
  url: string;
  requests: Array<{ method: string; url: string; headers: http.IncomingHttpHeaders }>;
  stop(): void;
}

function prepare(context: HandlerContext, text: string): void {
  for (const [key, value] of context.requestHeader) {
    if (key.startsWith("x-")) {
      context.responseHeader.set(key, value);
    }
  }
  context.responseHeader.set("x-head", "h");
  context.responseTrailer.set("x-trail", "t");
  // "fail 5 text of the status"
  const match = /^fail (\d+) ?(.*)$/s.exec(text);
  if (match !== null) {
    throw new ConnectError(match[2] ?? "", Number(match[1]) as Code, { "x-error": "why" }, [
      { desc: EchoResponseSchema, value: { text: "detail" } },
    ]);
  }
}

async function hang(text: string, context: HandlerContext): Promise<void> {
  if (text === "hang") {
    // Never a message: at its deadline the caller would take whichever is there first.
    await new Promise((_, reject) => context.signal.addEventListener("abort", () => reject(context.signal.reason)));
  }
}

export function echoRoutes(router: ConnectRouter): void {
  router.service(Echo, {
    async unary(request: EchoRequest, context) {
      prepare(context, request.text);
      await hang(request.text, context);
      return create(EchoResponseSchema, { text: request.text, count: request.count, payload: request.payload });
    },
    get(request: EchoRequest, context) {
      prepare(context, request.text);
      return { text: `${context.requestMethod} ${request.text}` };
    },
    async *serverStream(request: EchoRequest, context) {
      if (request.count === 0) {
        prepare(context, request.text);
      }
      for (let count = 0; count < request.count; count++) {
        yield { text: request.text, count, payload: request.payload };
      }
      prepare(context, request.text);
      await hang(request.text, context);
    },
    async clientStream(requests, context) {
      const texts: string[] = [];
      for await (const request of requests) {
        texts.push(request.text);
      }
      prepare(context, texts[0] ?? "");
      return { text: texts.join(","), count: texts.length };
    },
    async *bidi(requests, context) {
      for await (const request of requests) {
        prepare(context, request.text);
        yield { text: request.text };
      }
    },
  });
}

/** A real connect-node server over HTTP/1.1 or cleartext HTTP/2. */
export async function startConnectNodeServer(
  version: "1.1" | "2",
  options: Omit<ConnectNodeAdapterOptions, "routes"> = {},
): Promise<ConnectNodePeer> {
  const requests: ConnectNodePeer["requests"] = [];
  const adapter = connectNodeAdapter({ ...options, routes: echoRoutes });
  const listener = (req: http.IncomingMessage, res: http.ServerResponse) => {
    requests.push({ method: req.method ?? "", url: req.url ?? "", headers: req.headers });
    adapter(req, res);
  };
  const sessions = new Set<http2.ServerHttp2Session>();
  const server = version === "1.1" ? http.createServer(listener) : http2.createServer(listener as never);
  server.on("session", (session: http2.ServerHttp2Session) => sessions.add(session));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    requests,
    stop() {
      server.close();
      for (const session of sessions) {
        session.destroy();
      }
      (server as http.Server).closeAllConnections?.();
    },
  };
}
