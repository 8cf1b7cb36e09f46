import * as http from "node:http";
import * as http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { Echo } from "../../testing/gen/echo_pb.js";
import { Code } from "../code.js";
import { ConnectError } from "../connect-error.js";
import { createContextKey, createContextValues } from "../context-values.js";
import type { HandlerContext, ServiceImpl } from "../implementation.js";
import type { Interceptor } from "../interceptor.js";
import { createConnectRouter } from "../server/router.js";
import { type App, type AppOptions, connectNodeAdapter, createApp } from "./app.js";
import { serve } from "./serve.js";

const base = "/connect_migrate.test.v1.Echo";
const kUser = createContextKey("nobody");
const cleanups: Array<() => void> = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

const implementation: ServiceImpl<typeof Echo> = {
  async unary(request, context) {
    if (request.text === "slow") await new Promise((resolve) => setTimeout(resolve, 500));
    return { text: request.text || context.values.get(kUser), count: request.count };
  },
  get: (request) => ({ text: request.text }),
  async *serverStream(request) {
    for (let i = 0; i < request.count; i++) yield { count: i };
  },
  async clientStream(requests) {
    let count = 0;
    for await (const _ of requests) count++;
    return { count };
  },
  async *bidi(requests) {
    for await (const request of requests) yield { text: request.text };
  },
};

function echoApp(options: Partial<AppOptions> = {}, impl: Partial<ServiceImpl<typeof Echo>> = implementation): App {
  return createApp({ ...options, routes: (router) => void router.service(Echo, impl) });
}

async function listen(server: http.Server | http2.Http2Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function serveApp(app: App): Promise<string> {
  const server = await serve(app, { address: "127.0.0.1:0", signals: false });
  cleanups.push(() => server.destroy());
  return `http://127.0.0.1:${server.port}`;
}

interface Answer {
  headers: http2.IncomingHttpHeaders;
  trailers: http2.IncomingHttpHeaders;
  body: Buffer;
  rst: number | undefined;
}

/** A request on a raw HTTP/2 connection. */
function h2(origin: string, headers: http2.OutgoingHttpHeaders, body: Uint8Array = Buffer.alloc(0)): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const session = http2.connect(origin);
    cleanups.push(() => session.destroy());
    session.on("error", reject);
    const request = session.request({ ":method": "POST", "content-type": "application/grpc", ...headers });
    const answer: Answer = { headers: {}, trailers: {}, body: Buffer.alloc(0), rst: undefined };
    request.on("response", (h) => {
      answer.headers = h;
    });
    request.on("trailers", (t) => {
      answer.trailers = t;
    });
    request.on("data", (chunk) => {
      answer.body = Buffer.concat([answer.body, chunk]);
    });
    request.on("error", () => {});
    request.on("close", () => {
      answer.rst = request.rstCode;
      resolve(answer);
    });
    request.end(body);
  });
}

const frame = (text: string, flags = 0): Buffer => {
  const message = Buffer.concat([Buffer.from([10, text.length]), Buffer.from(text)]);
  const prefix = Buffer.alloc(5);
  prefix[0] = flags;
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
};
const json = (body: unknown): RequestInit => ({
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
});

describe("as a request listener", () => {
  test("of node:http", async () => {
    const origin = await listen(http.createServer(echoApp()));
    expect(await (await fetch(`${origin}${base}/Unary`, json({ text: "h1" }))).json()).toEqual({ text: "h1" });
  });

  test("of node:http2", async () => {
    const origin = await listen(http2.createServer(echoApp()));
    const { headers, body, trailers } = await h2(origin, { ":path": `${base}/Unary` }, frame("h2"));
    expect([headers[":status"], headers["content-type"], headers.date]).toEqual([
      200,
      "application/grpc+proto",
      undefined,
    ]);
    expect(body.equals(frame("h2"))).toBe(true);
    expect(trailers["grpc-status"]).toBe("0");
  });

  test("connectNodeAdapter with prefix, fallback and context values", async () => {
    const adapter = connectNodeAdapter({
      routes: (router) => void router.service(Echo, implementation),
      requestPathPrefix: "/api",
      fallback: (_request, response) => {
        response.writeHead(200);
        response.end("elsewhere");
      },
      contextValues: (request) => createContextValues().set(kUser, String(request.headers["x-user"])),
    });
    for (const server of [http.createServer(adapter), http2.createServer(adapter)]) {
      const origin = await listen(server);
      if (server instanceof http.Server) {
        const init = json({});
        const answer = await fetch(`${origin}/api${base}/Unary`, {
          ...init,
          headers: { ...init.headers, "x-user": "me" },
        });
        expect(await answer.json()).toEqual({ text: "me" });
        expect(await (await fetch(`${origin}${base}/Unary`, init)).text()).toBe("elsewhere");
      } else {
        const { body } = await h2(origin, { ":path": `/api${base}/Unary`, "x-user": "me" }, Buffer.alloc(5));
        expect(body.subarray(7).toString()).toBe("me");
        expect((await h2(origin, { ":path": `${base}/Unary` })).body.toString()).toBe("elsewhere");
      }
    }
  });

  test("serve with fallback and context values", async () => {
    const origin = await serveApp(
      createApp({
        routes: (router) => void router.service(Echo, implementation),
        fallback: (_request, response) => {
          response.writeHead(200);
          response.end("elsewhere");
        },
        contextValues: (request) => createContextValues().set(kUser, String(request.headers["x-user"])),
      }),
    );
    const { body, trailers } = await h2(origin, { ":path": `${base}/Unary`, "x-user": "me" }, Buffer.alloc(5));
    expect([body.subarray(7).toString(), trailers["grpc-status"]]).toEqual(["me", "0"]);
    expect((await h2(origin, { ":path": "/other" })).body.toString()).toBe("elsewhere");
    expect(await (await fetch(`${origin}/other`)).text()).toBe("elsewhere");
  });

  test("behind a body parser that has read the request", async () => {
    const app = echoApp();
    const origin = await listen(
      http.createServer((request, response) => {
        let text = "";
        request.on("data", (chunk) => {
          text += chunk;
        });
        request.on("end", () => app(Object.assign(request, { body: JSON.parse(text) }), response));
      }),
    );
    expect(await (await fetch(`${origin}${base}/Unary`, json({ text: "parsed" }))).json()).toEqual({ text: "parsed" });
  });

  test("fetch", async () => {
    const app = echoApp();
    const answer = await app.fetch(new Request(`http://x${base}/Unary`, json({ text: "fetched" })));
    expect([answer.status, await answer.json()]).toEqual([200, { text: "fetched" }]);
    expect((await app.fetch(new Request("http://x/other"))).status).toBe(404);
    const stream = await app.fetch(
      new Request(`http://x${base}/ServerStream`, {
        method: "POST",
        headers: { "content-type": "application/grpc-web+proto" },
        body: new Uint8Array([0, 0, 0, 0, 2, 16, 3]),
      }),
    );
    const bytes = Buffer.from(await stream.arrayBuffer());
    expect(bytes.subarray(-16 - 5).toString()).toContain("grpc-status: 0\r\n");
    expect(app.services).toEqual([Echo]);
  });
});

describe("input that breaks the rules", () => {
  const cases: Array<[string, Buffer, string, string]> = [
    ["no message", Buffer.alloc(0), "12", "missing input message"],
    ["two messages", Buffer.concat([frame("a"), frame("b")]), "12", "extra input message"],
    ["half a prefix", Buffer.from([0, 0]), "3", "incomplete envelope"],
    ["half a message", frame("abc").subarray(0, 8), "3", "incomplete envelope"],
    ["a message and a half", Buffer.concat([frame("a"), frame("b").subarray(0, 3)]), "3", "incomplete envelope"],
    ["bad protobuf", Buffer.from([0, 0, 0, 0, 1, 255]), "13", "parse binary"],
    ["compressed without encoding", frame("a", 1), "13", "no encoding"],
    ["unknown flags", frame("a", 4), "13", "invalid envelope flags 4"],
    ["a length that lies", Buffer.from([0, 255, 255, 255, 255, 1]), "8", "larger than"],
  ];
  test.each(cases)("%s", async (_name, body, status, text) => {
    const origin = await serveApp(echoApp({ readMaxBytes: 1024 * 1024 }));
    const { headers } = await h2(origin, { ":path": `${base}/Unary` }, body);
    expect(headers["grpc-status"]).toBe(status);
    expect(headers["grpc-message"]).toContain(text);
  });

  test.each(cases.filter(([name]) => !/messages|no message|and a half/.test(name)))(
    "client stream: %s",
    async (_name, body, status) => {
      const origin = await serveApp(echoApp({ readMaxBytes: 1024 * 1024 }));
      const { headers } = await h2(origin, { ":path": `${base}/ClientStream` }, body);
      expect(headers["grpc-status"]).toBe(status);
    },
  );

  test("absurd headers", async () => {
    const origin = await serveApp(echoApp({ maxTimeoutMs: 1000 }));
    const status = async (headers: http2.OutgoingHttpHeaders) =>
      (await h2(origin, { ":path": `${base}/Unary`, ...headers }, frame("a"))).headers["grpc-status"];
    expect(await status({ "grpc-timeout": "soon" })).toBe("3");
    expect(await status({ "grpc-timeout": "2S" })).toBe("3");
    expect(await status({ "grpc-timeout": "0m" })).toBe("4");
    expect(await status({ "grpc-encoding": "lzma" })).toBe("12");
  });

  test("a compressed bomb is stopped", async () => {
    const { gzipSync } = await import("node:zlib");
    const origin = await serveApp(echoApp({ readMaxBytes: 100_000 }));
    const bomb = gzipSync(Buffer.alloc(50_000_000));
    const prefix = Buffer.from([1, 0, 0, 0, 0]);
    prefix.writeUInt32BE(bomb.length, 1);
    const { headers } = await h2(
      origin,
      { ":path": `${base}/Unary`, "grpc-encoding": "gzip" },
      Buffer.concat([prefix, bomb]),
    );
    expect(headers["grpc-status"]).toBe("8");
  });

  test("Connect: versions, GET, JSON", async () => {
    const origin = await serveApp(echoApp({ requireConnectProtocolHeader: true }));
    const at = async (target: string, init?: RequestInit) => {
      const answer = await fetch(`${origin}${base}${target}`, init);
      return [answer.status, ((await answer.json()) as { code?: string; text?: string }).code ?? "ok"];
    };
    expect(await at("/Unary", json({}))).toEqual([400, "invalid_argument"]);
    const versioned = (version: string, body: string): RequestInit => ({
      method: "POST",
      headers: { "content-type": "application/json", "connect-protocol-version": version },
      body,
    });
    expect(await at("/Unary", versioned("1", "{}"))).toEqual([200, "ok"]);
    expect(await at("/Unary", versioned("2", "{}"))).toEqual([400, "invalid_argument"]);
    expect(await at("/Unary", versioned("1", "{"))).toEqual([400, "invalid_argument"]);
    expect(await at("/Unary", versioned("1", '{"unknown":1}'))).toEqual([200, "ok"]);
    expect(await at("/Get?connect=v1&encoding=json&message=%7B%22text%22%3A%22g%22%7D")).toEqual([200, "ok"]);
    const binary = await fetch(`${origin}${base}/Get?connect=v1&encoding=proto&base64=1&message=CgFn`);
    expect([binary.headers.get("content-type"), await binary.text()]).toEqual(["application/proto", "\n\u0001g"]);
  });
});

describe("gRPC-Web in text", () => {
  test("unary and stream", async () => {
    const origin = await serveApp(echoApp());
    const call = async (method: string, body: string) => {
      const answer = await fetch(`${origin}${base}/${method}`, {
        method: "POST",
        headers: { "content-type": "application/grpc-web-text" },
        body,
      });
      expect(answer.headers.get("content-type")).toBe("application/grpc-web-text+proto");
      const pieces = (await answer.text()).match(/[A-Za-z0-9+/]+={0,2}/g) ?? [];
      return Buffer.concat(pieces.map((piece) => Buffer.from(piece, "base64"))).toString("latin1");
    };
    const text = await call("Unary", frame("web").toString("base64"));
    expect(text.startsWith(frame("web").toString("latin1"))).toBe(true);
    expect(text).toContain("grpc-status: 0\r\n");
    expect(await call("ServerStream", Buffer.from([0, 0, 0, 0, 2, 16, 2]).toString("base64"))).toContain(
      "grpc-status: 0",
    );
  });
});

describe("interceptors and the gate", () => {
  test("run in order, see and change everything", async () => {
    const order: string[] = [];
    const named =
      (name: string): Interceptor =>
      (next) =>
      async (request) => {
        order.push(`${name} ${request.stream} ${request.method.name} ${request.requestMethod}`);
        request.contextValues.set(kUser, name);
        const header = new Headers(request.header);
        header.set("x-by", name);
        const response = await next({ ...request, header });
        response.header.append("x-seen", name);
        response.trailer.append("x-done", name);
        if (!response.stream || request.method.name !== "ServerStream") return response;
        return {
          ...response,
          message: (async function* () {
            let count = 0;
            for await (const message of response.message) {
              count++;
              yield message;
            }
            response.trailer.set("x-count", String(count));
          })(),
        };
      };
    const contexts: HandlerContext[] = [];
    const app = echoApp(
      { interceptors: [named("outer"), named("inner")] },
      {
        ...implementation,
        unary(request, context) {
          contexts.push(context);
          return { text: context.values.get(kUser) + context.requestHeader.get("x-by") + request.text };
        },
      },
    );
    const origin = await serveApp(app);
    const unary = await h2(origin, { ":path": `${base}/Unary` }, frame("!"));
    expect(unary.body.subarray(7).toString()).toBe("innerinner!");
    expect(order).toEqual(["outer false Unary POST", "inner false Unary POST"]);
    expect(unary.headers["x-seen"]).toBe("inner, outer");
    expect(unary.trailers["x-done"]).toBe("inner, outer");
    const stream = await h2(origin, { ":path": `${base}/ServerStream` }, Buffer.from([0, 0, 0, 0, 2, 16, 4]));
    expect([stream.trailers["x-count"], stream.trailers["grpc-status"]]).toEqual(["4", "0"]);
    const client = await h2(origin, { ":path": `${base}/ClientStream` }, Buffer.concat([frame("a"), frame("b")]));
    expect([[...client.body], client.trailers["grpc-status"]]).toEqual([[0, 0, 0, 0, 2, 16, 2], "0"]);
    const bidi = await h2(origin, { ":path": `${base}/Bidi` }, Buffer.concat([frame("a"), frame("b")]));
    expect(bidi.body.equals(Buffer.concat([frame("a"), frame("b")]))).toBe(true);
  });

  test("an interceptor that throws or recovers", async () => {
    const app = echoApp({
      interceptors: [
        (next) => async (request) => {
          if (request.header.get("x-deny") !== null) throw new ConnectError("denied", Code.PermissionDenied);
          return next(request);
        },
      ],
    });
    const origin = await serveApp(app);
    const denied = await h2(origin, { ":path": `${base}/Unary`, "x-deny": "1" }, frame("a"));
    expect([denied.headers["grpc-status"], denied.headers["grpc-message"]]).toEqual(["7", "denied"]);
  });

  test("the gate runs before the body is read", async () => {
    const app = echoApp({
      requestGate: async (context) => {
        await new Promise((resolve) => setTimeout(resolve, 10));
        if (context.requestHeader.get("authorization") === null) throw new ConnectError("who?", Code.Unauthenticated);
        context.values.set(kUser, "known");
      },
    });
    const origin = await serveApp(app);
    expect((await h2(origin, { ":path": `${base}/Unary` }, frame("a"))).headers["grpc-status"]).toBe("16");
    const passed = await h2(origin, { ":path": `${base}/Unary`, authorization: "me" }, Buffer.alloc(5));
    expect(passed.body.subarray(7).toString()).toBe("known");
  });
});

describe("options", () => {
  test("a protocol that is off stays off for a service with options of its own", async () => {
    const app = createApp({
      grpc: false,
      routes: (router) => void router.service(Echo, implementation, { readMaxBytes: 1000 }),
    });
    const origin = await serveApp(app);
    expect((await h2(origin, { ":path": `${base}/Unary` }, frame("a"))).headers[":status"]).toBe(415);
    expect(createConnectRouter({ grpc: false }).service(Echo, {}).handlers[0]?.protocolNames).toEqual([
      "connect",
      "grpc-web",
    ]);
  });

  test("options are not changed", () => {
    const options: AppOptions = Object.freeze({ routes: () => {}, grpc: true });
    createApp(options);
    expect(Object.keys(options)).toEqual(["routes", "grpc"]);
  });

  test("responses are compressed only when the server is told to", async () => {
    const text = "x".repeat(100);
    for (const [sendCompression, encoding] of [
      [false, undefined],
      [true, "gzip"],
    ] as const) {
      const origin = await serveApp(echoApp({ sendCompression, compressMinBytes: 50 }));
      const { headers, body } = await h2(
        origin,
        { ":path": `${base}/Unary`, "grpc-accept-encoding": "identity,gzip" },
        frame(text),
      );
      expect([headers["grpc-encoding"], body[0]]).toEqual([encoding, sendCompression ? 1 : 0]);
    }
  });

  test("the shutdown signal aborts handlers", async () => {
    const shutdown = new AbortController();
    const app = echoApp(
      { shutdownSignal: shutdown.signal },
      {
        unary: (_request, context) =>
          new Promise((_, reject) => context.signal.addEventListener("abort", () => reject(context.signal.reason))),
      },
    );
    const origin = await serveApp(app);
    const answer = h2(origin, { ":path": `${base}/Unary` }, frame("a"));
    await new Promise((resolve) => setTimeout(resolve, 100));
    shutdown.abort(new ConnectError("going down", Code.Unavailable));
    expect((await answer).headers["grpc-status"]).toBe("14");
  });

  test("metadata that HTTP refuses does no harm", async () => {
    const app = echoApp(
      {},
      {
        unary(_request, context) {
          context.responseHeader.append("user-agent", "a");
          context.responseHeader.append("user-agent", "b");
          context.responseHeader.set("content-type", "text/plain");
          context.responseHeader.set("connection", "close");
          context.responseTrailer.set("grpc-status", "5");
          context.responseTrailer.append("x-many", "1");
          context.responseTrailer.append("x-many", "2");
          return {};
        },
      },
    );
    const { headers, trailers } = await h2(await serveApp(app), { ":path": `${base}/Unary` }, frame("a"));
    expect([headers["content-type"], headers["user-agent"]]).toEqual(["application/grpc+proto", "a, b"]);
    expect([trailers["grpc-status"], trailers["x-many"]]).toEqual(["0", "1, 2"]);
  });
});

test("trailers that HTTP allows once only are joined", async () => {
  const app = echoApp(
    {},
    {
      unary(_request, context) {
        context.responseTrailer.append("etag", "1");
        context.responseTrailer.append("etag", "2");
        return {};
      },
    },
  );
  const { trailers } = await h2(await serveApp(app), { ":path": `${base}/Unary` }, frame("a"));
  expect([trailers["grpc-status"], trailers.etag]).toEqual(["0", "1, 2"]);
});
