import { fileURLToPath } from "node:url";
import {
  createClient as createTheirClient,
  Code as TheirCode,
  type Transport as TheirTransport,
} from "@connectrpc/connect";
import * as connectNode from "@connectrpc/connect-node";
import * as grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { Echo, EchoRequestSchema } from "../../testing/gen/echo_pb.js";
import { Code } from "../code.js";
import { ConnectError } from "../connect-error.js";
import type { HandlerContext, ServiceImpl } from "../implementation.js";
import { createApp } from "../node/app.js";
import { type RunningServer, serve } from "../node/serve.js";
import { kPeerAddress } from "./peer.js";

const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

interface Seen {
  aborted: unknown[];
  contexts: HandlerContext[];
  finallyRan: number;
  over: string[];
}
const seen: Seen = { aborted: [], contexts: [], finallyRan: 0, over: [] };

function headers(context: HandlerContext): void {
  for (const [key, value] of context.requestHeader) if (key.startsWith("x-")) context.responseHeader.append(key, value);
  context.responseHeader.append("x-head", "1");
  context.responseHeader.append("x-head", "2");
  context.responseTrailer.set("x-trail", "t");
  context.responseTrailer.set("x-trail-bin", "AQID");
}

function failOn(text: string): void {
  const match = /^fail (\d+) ?(.*)$/s.exec(text);
  if (match !== null) {
    throw new ConnectError(match[2] as string, Number(match[1]) as Code, { "x-error": "why" }, [
      { desc: EchoRequestSchema, value: { text: "detail" } },
    ]);
  }
  if (text === "throw") throw new TypeError("a secret");
}

async function unary(request: { text: string; count: number; payload: Uint8Array }, context: HandlerContext) {
  headers(context);
  failOn(request.text);
  if (request.text === "hang") {
    context.signal.addEventListener("abort", () => seen.aborted.push(context.signal.reason));
    await new Promise(() => {});
  }
  if (request.text === "deaf") await wait(request.count);
  if (request.text.startsWith("over ")) {
    context.onOver?.(() => seen.over.push(request.text));
    if (request.text === "over badly") throw new ConnectError("m", Code.Aborted);
  }
  if (request.text === "peer") return { text: context.values.get(kPeerAddress) };
  if (request.text === "signal") {
    seen.contexts.push(context);
    context.signal.addEventListener("abort", () => seen.aborted.push(context.signal.reason));
  }
  return { text: request.text, count: request.count, payload: request.payload };
}

const implementation: ServiceImpl<typeof Echo> = {
  unary,
  get: unary,
  async *serverStream(request, context) {
    headers(context);
    if (request.text === "early headers") {
      context.sendHeaders?.();
      await wait(300);
    }
    try {
      for (let i = 0; i < request.count; i++) {
        yield { text: request.text, count: i, payload: request.payload };
      }
      failOn(request.text);
      if (request.text === "hang") {
        context.signal.addEventListener("abort", () => seen.aborted.push(context.signal.reason));
        await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
      }
      if (request.text === "deaf") await wait(2000);
    } finally {
      seen.finallyRan++;
    }
  },
  async clientStream(requests, context) {
    headers(context);
    let count = 0;
    let text = "";
    for await (const request of requests) {
      count++;
      text += request.text;
      failOn(request.text);
      if (request.text === "stop") break;
    }
    return { text, count };
  },
  async *bidi(requests, context) {
    headers(context);
    for await (const request of requests) {
      failOn(request.text);
      yield { text: request.text, count: request.count };
      if (request.text === "stop") return;
    }
  },
};

const app = createApp({ routes: (router) => void router.service(Echo, implementation) });
const compatApp = createApp({
  compat: "grpc-js",
  readMaxBytes: 1024,
  writeMaxBytes: 4096,
  routes(router) {
    const { get: _, ...partial } = implementation;
    router.service(Echo, partial);
  },
});

const definition = loadSync(fileURLToPath(new URL("../../testing/echo.proto", import.meta.url)), {
  keepCase: true,
  defaults: true,
});
const EchoClient = (
  grpc.loadPackageDefinition(definition) as unknown as {
    connect_migrate: { test: { v1: { Echo: grpc.ServiceClientConstructor } } };
  }
).connect_migrate.test.v1.Echo;

let server: RunningServer;
let compatServer: RunningServer;
// The generated client has no static type here: proto-loader makes it at run time.
// biome-ignore lint/suspicious/noExplicitAny: see above
let client: any;
// biome-ignore lint/suspicious/noExplicitAny: see above
let compatClient: any;

beforeAll(async () => {
  server = await serve(app, { address: "127.0.0.1:0", signals: false });
  compatServer = await serve(compatApp, { address: "127.0.0.1:0", signals: false });
  client = new EchoClient(`127.0.0.1:${server.port}`, grpc.credentials.createInsecure());
  compatClient = new EchoClient(`127.0.0.1:${compatServer.port}`, grpc.credentials.createInsecure());
});
afterAll(() => {
  client.close();
  compatClient.close();
  server.destroy();
  compatServer.destroy();
});

interface Outcome {
  value?: { text: string; count: number; payload: Buffer };
  error?: grpc.ServiceError;
  header?: grpc.Metadata;
  status?: grpc.StatusObject;
}

function callUnary(
  // biome-ignore lint/suspicious/noExplicitAny: see `client`
  on: any,
  request: object,
  metadata = new grpc.Metadata(),
  options: grpc.CallOptions = {},
): Promise<Outcome> {
  return new Promise((resolve) => {
    const outcome: Outcome = {};
    const call = on.Unary(request, metadata, options, (error: grpc.ServiceError | null, value: Outcome["value"]) => {
      if (error) outcome.error = error;
      if (value) outcome.value = value;
    });
    call.on("metadata", (header: grpc.Metadata) => {
      outcome.header = header;
    });
    call.on("status", (status: grpc.StatusObject) => {
      outcome.status = status;
      resolve(outcome);
    });
  });
}

function collect(
  call: grpc.ClientReadableStream<{ text: string; count: number }>,
): Promise<{ texts: string[]; counts: number[]; status: grpc.StatusObject; header?: grpc.Metadata }> {
  return new Promise((resolve) => {
    const texts: string[] = [];
    const counts: number[] = [];
    let header: grpc.Metadata | undefined;
    call.on("data", (message) => {
      texts.push(message.text);
      counts.push(message.count);
    });
    call.on("error", () => {});
    call.on("metadata", (metadata) => {
      header = metadata;
    });
    call.on("status", (status) => resolve(header ? { texts, counts, status, header } : { texts, counts, status }));
  });
}

describe("a grpc-js client", () => {
  test("unary with metadata both ways", async () => {
    const metadata = new grpc.Metadata();
    metadata.add("x-ask", "a");
    metadata.add("x-ask", "b");
    metadata.add("x-bytes-bin", Buffer.from([0, 255, 3]));
    const { value, header, status } = await callUnary(
      client,
      { text: "hi", count: 7, payload: Buffer.from("p") },
      metadata,
    );
    expect(value).toEqual({ text: "hi", count: 7, payload: Buffer.from("p") });
    expect(header?.get("x-ask")).toEqual(["a, b"]);
    expect(header?.get("x-bytes-bin")).toEqual([Buffer.from([0, 255, 3])]);
    expect(header?.get("x-head")).toEqual(["1, 2"]);
    expect(status?.metadata.get("x-trail")).toEqual(["t"]);
    expect(status?.metadata.get("x-trail-bin")).toEqual([Buffer.from([1, 2, 3])]);
    expect(status?.code).toBe(0);
  });

  const texts = ["user 42: not found, a/b?c=d&e+f 100%", "ünïcode ☺ 😈 \n\t", "%zz", "", "a%20b"];
  test.each(texts)("error text %j arrives as it is", async (text) => {
    const { error } = await callUnary(client, { text: `fail 5 ${text}` });
    expect(error?.code).toBe(5);
    expect(error?.details).toBe(text);
    expect(error?.metadata.get("x-error")).toEqual(["why"]);
    expect(error?.metadata.get("grpc-status-details-bin")).toHaveLength(1);
  });

  test("every code", async () => {
    for (let code = 1; code <= 16; code++) {
      const { error } = await callUnary(client, { text: `fail ${code} m` });
      expect([error?.code, error?.details]).toEqual([code, "m"]);
    }
  });

  test("what a handler throws is hidden", async () => {
    const { error } = await callUnary(client, { text: "throw" });
    expect([error?.code, error?.details]).toEqual([13, "internal error"]);
  });

  test("a message of 1 MiB", async () => {
    const payload = Buffer.alloc(1024 * 1024, 7);
    const { value } = await callUnary(client, { text: "big", payload });
    expect(value?.payload.equals(payload)).toBe(true);
  });

  test("server stream", async () => {
    const { counts, status, header } = await collect(client.ServerStream({ text: "s", count: 300 }));
    expect(counts).toHaveLength(300);
    expect(counts[299]).toBe(299);
    expect(status.code).toBe(0);
    expect(status.metadata.get("x-trail")).toEqual(["t"]);
    expect(header?.get("x-head")).toEqual(["1, 2"]);
  });

  test("server stream with large messages and backpressure", async () => {
    const call = client.ServerStream({ text: "s", count: 40, payload: Buffer.alloc(256 * 1024) });
    await wait(50);
    const { counts, status } = await collect(call);
    expect([counts.length, status.code]).toEqual([40, 0]);
  });

  test("server stream that fails after messages", async () => {
    const { counts, status } = await collect(client.ServerStream({ text: "fail 9 late", count: 2 }));
    expect(counts).toEqual([0, 1]);
    expect([status.code, status.details]).toEqual([9, "late"]);
  });

  test("client stream", async () => {
    const value = await new Promise((resolve, reject) => {
      const call = client.ClientStream((error: Error | null, response: unknown) =>
        error ? reject(error) : resolve(response),
      );
      for (const text of ["a", "b", "c"]) call.write({ text });
      call.end();
    });
    expect(value).toMatchObject({ text: "abc", count: 3 });
  });

  test("client stream that the handler ends early", async () => {
    const value = await new Promise((resolve, reject) => {
      const call = client.ClientStream((error: Error | null, response: unknown) =>
        error ? reject(error) : resolve(response),
      );
      call.on("error", () => {});
      call.write({ text: "stop" });
      const timer = setInterval(() => call.write({ text: "x" }), 1);
      setTimeout(() => clearInterval(timer), 100);
    });
    expect(value).toMatchObject({ text: "stop", count: 1 });
  });

  test("bidi, one by one", async () => {
    const call = client.Bidi();
    const got: string[] = [];
    await new Promise<void>((resolve, reject) => {
      call.on("data", (message: { text: string }) => {
        got.push(message.text);
        if (got.length === 20) call.end();
        else call.write({ text: `m${got.length}` });
      });
      call.on("end", resolve);
      call.on("error", reject);
      call.write({ text: "m0" });
    });
    expect(got).toEqual(Array.from({ length: 20 }, (_, i) => `m${i}`));
  });

  test("early headers", async () => {
    const call = client.ServerStream({ text: "early headers", count: 1 });
    const started = Date.now();
    const header = new Promise<number>((resolve) => call.on("metadata", () => resolve(Date.now() - started)));
    const { counts } = await collect(call);
    expect(await header).toBeLessThan(250);
    expect(counts).toEqual([0]);
  });

  test("the deadline is kept for a deaf handler", async () => {
    // The client's own timer would hide the server's answer: the header is sent without a client deadline.
    const metadata = new grpc.Metadata();
    metadata.set("grpc-timeout", "100m");
    const started = Date.now();
    const { error } = await callUnary(client, { text: "deaf", count: 1500 }, metadata);
    expect(error?.code).toBe(4);
    expect(Date.now() - started).toBeLessThan(1000);
    const { status, counts } = await collect(client.ServerStream({ text: "deaf", count: 2 }, metadata));
    expect([status.code, counts.length]).toEqual([4, 2]);
  });

  test("a listener hears when a call is over, however it ended", async () => {
    seen.over = [];
    await callUnary(client, { text: "over well" });
    await callUnary(client, { text: "over badly" });
    await vi.waitFor(() => expect(seen.over).toEqual(["over well", "over badly"]));
  });

  test("cancellation aborts the signal", async () => {
    seen.aborted = [];
    const call = client.Unary({ text: "hang" }, () => {});
    await wait(100);
    call.cancel();
    const stream = client.ServerStream({ text: "hang", count: 1 });
    stream.on("error", () => {});
    await new Promise((resolve) => stream.once("data", resolve));
    stream.cancel();
    await wait(200);
    expect(seen.aborted.map((error) => (error as ConnectError).code)).toEqual([Code.Canceled, Code.Canceled]);
  });

  test("success aborts nothing", async () => {
    seen.aborted = [];
    seen.contexts = [];
    await callUnary(client, { text: "signal" });
    await wait(50);
    expect(seen.aborted).toEqual([]);
    expect(seen.contexts[0]?.signal.aborted).toBe(false);
  });

  test("the peer's address", async () => {
    const { value } = await callUnary(client, { text: "peer" });
    expect(value?.text).toMatch(/^127\.0\.0\.1:\d+$/);
  });

  test.each(["gzip", "deflate"] as const)("requests compressed with %s", async (name) => {
    const algorithm = name === "gzip" ? 2 : 1;
    const compressed = new EchoClient(`127.0.0.1:${server.port}`, grpc.credentials.createInsecure(), {
      "grpc.default_compression_algorithm": algorithm,
    });
    const text = "x".repeat(5000);
    const { value } = await callUnary(compressed, { text });
    expect(value?.text).toBe(text);
    compressed.close();
  });

  test("unknown path and method", async () => {
    const call = (path: string, on: grpc.Client) =>
      new Promise<grpc.ServiceError>((resolve) =>
        on.makeUnaryRequest(
          path,
          () => Buffer.alloc(0),
          (b) => b,
          {},
          (error) => resolve(error as grpc.ServiceError),
        ),
      );
    expect((await call("/no.Such/Method", client)).code).toBe(12);
    const error = await call("/no.Such/Method", compatClient);
    expect([error.code, error.details]).toEqual([12, "The server does not implement the method /no.Such/Method"]);
    const get = await call("/connect_migrate.test.v1.Echo/Get", compatClient);
    expect([get.code, get.details]).toEqual([12, "The server does not implement the method Get"]);
  });

  test("texts of a grpc-js server", async () => {
    const ok = await callUnary(compatClient, { text: "a" });
    expect(ok.status?.details).toBe("OK");
    const thrown = await callUnary(compatClient, { text: "throw" });
    expect([thrown.error?.code, thrown.error?.details]).toEqual([2, "Unknown error"]);
    const large = await callUnary(compatClient, { payload: Buffer.alloc(2000) });
    expect([large.error?.code, large.error?.details]).toEqual([8, "Received message larger than max (2003 vs 1024)"]);
    const bad = await new Promise<grpc.ServiceError>((resolve) =>
      compatClient.makeUnaryRequest(
        "/connect_migrate.test.v1.Echo/Unary",
        () => Buffer.from([255, 255, 255]),
        (b: Buffer) => b,
        {},
        (error: grpc.ServiceError) => resolve(error),
      ),
    );
    expect([bad.code, bad.details]).toEqual([13, "Error deserializing request"]);
    const metadata = new grpc.Metadata();
    metadata.set("grpc-timeout", "50m");
    const late = await callUnary(compatClient, { text: "deaf", count: 500 }, metadata);
    expect([late.error?.code, late.error?.details]).toEqual([4, "Deadline exceeded"]);
  });
});

describe("a stream without messages and headers", () => {
  test.each([
    ["ends well", 0],
    ["fails", 9],
  ])("%s in one block, as a grpc-js server ends it, also behind interceptors", async (_name, code) => {
    const own = await serve(
      createApp({
        compat: "grpc-js",
        interceptors: [(next) => async (request) => await next(request)],
        routes: (router) =>
          void router.service(Echo, {
            // biome-ignore lint/correctness/useYield: it has no messages
            async *serverStream() {
              if (code !== 0) throw new ConnectError("not now", code);
            },
          }),
      }),
      { address: "127.0.0.1:0", signals: false },
    );
    const client = new EchoClient(`127.0.0.1:${own.port}`, grpc.credentials.createInsecure());
    try {
      // biome-ignore lint/suspicious/noExplicitAny: the generated client has no static type here
      const call = (client as any).serverStream({ text: "a" });
      const events: string[] = [];
      call.on("metadata", () => events.push("metadata"));
      call.on("data", () => events.push("data"));
      call.on("error", () => {});
      await new Promise<void>((resolve) =>
        call.on("status", (status: grpc.StatusObject) => {
          events.push(`status ${status.code}`);
          resolve();
        }),
      );
      expect(events).toEqual([`status ${code}`]);
      for (const transport of [
        connectNode.createGrpcTransport({ baseUrl: `http://127.0.0.1:${own.port}` }),
        connectNode.createGrpcWebTransport({ baseUrl: `http://127.0.0.1:${own.port}`, httpVersion: "2" }),
        connectNode.createConnectTransport({ baseUrl: `http://127.0.0.1:${own.port}`, httpVersion: "2" }),
      ]) {
        const drained = (async () => {
          let count = 0;
          for await (const _ of createTheirClient(Echo, transport).serverStream({})) count++;
          return count;
        })();
        if (code === 0) expect(await drained).toBe(0);
        else await expect(drained).rejects.toMatchObject({ code });
      }
    } finally {
      client.close();
      await own.destroy();
    }
  });
});

const transports: Array<[string, () => TheirTransport, { bidi: boolean }]> = [
  ["gRPC", () => connectNode.createGrpcTransport({ baseUrl: `http://127.0.0.1:${server.port}` }), { bidi: true }],
  [
    "gRPC with JSON",
    () => connectNode.createGrpcTransport({ baseUrl: `http://127.0.0.1:${server.port}`, useBinaryFormat: false }),
    { bidi: true },
  ],
  ...(["1.1", "2"] as const).flatMap((httpVersion) =>
    [true, false].flatMap((useBinaryFormat): Array<[string, () => TheirTransport, { bidi: boolean }]> => {
      const options = () => ({ baseUrl: `http://127.0.0.1:${server.port}`, httpVersion, useBinaryFormat });
      const name = `over HTTP/${httpVersion}, ${useBinaryFormat ? "proto" : "JSON"}`;
      return [
        [`Connect ${name}`, () => connectNode.createConnectTransport(options()), { bidi: httpVersion === "2" }],
        [`gRPC-Web ${name}`, () => connectNode.createGrpcWebTransport(options()), { bidi: httpVersion === "2" }],
      ];
    }),
  ),
  [
    "Connect GET",
    () =>
      connectNode.createConnectTransport({
        baseUrl: `http://127.0.0.1:${server.port}`,
        httpVersion: "1.1",
        useHttpGet: true,
      }),
    { bidi: false },
  ],
  [
    "Connect with gzip",
    () =>
      connectNode.createConnectTransport({
        baseUrl: `http://127.0.0.1:${server.port}`,
        httpVersion: "2",
        sendCompression: connectNode.compressionGzip,
        compressMinBytes: 0,
      }),
    { bidi: true },
  ],
];

async function* messages(...texts: string[]) {
  for (const text of texts) yield { text };
}

describe.each(transports)("a connect-node client: %s", (_name, transport, { bidi }) => {
  test("all kinds", async () => {
    const their = createTheirClient(Echo, transport());
    let header: Headers | undefined;
    let trailer: Headers | undefined;
    const response = await their.unary(
      { text: "hi", count: 3, payload: new Uint8Array([1, 2]) },
      {
        headers: { "x-ask": "a" },
        onHeader: (h) => {
          header = h;
        },
        onTrailer: (t) => {
          trailer = t;
        },
      },
    );
    expect(response).toMatchObject({ text: "hi", count: 3 });
    expect([...response.payload]).toEqual([1, 2]);
    expect(header?.get("x-ask")).toBe("a");
    expect(header?.get("x-head")).toBe("1, 2");
    expect(trailer?.get("x-trail")).toBe("t");
    expect((await their.get({ text: "got ☺" })).text).toBe("got ☺");
    const streamed: number[] = [];
    for await (const message of their.serverStream({ count: 50 })) streamed.push(message.count);
    expect(streamed).toHaveLength(50);
    expect(await their.clientStream(messages("a", "b"))).toMatchObject({ text: "ab", count: 2 });
    if (!bidi) return;
    const echoed: string[] = [];
    for await (const message of their.bidi(messages("a", "b", "c"))) echoed.push(message.text);
    expect(echoed).toEqual(["a", "b", "c"]);
  });

  test("errors with details and metadata", async () => {
    const their = createTheirClient(Echo, transport());
    const text = "user 42: not found, a/b?c=d&e+f 100% ☺";
    for (const call of [
      () => their.unary({ text: `fail 5 ${text}` }),
      () => their.get({ text: `fail 5 ${text}` }),
      () => their.clientStream(messages("a", `fail 5 ${text}`)),
      async () => {
        for await (const _ of their.serverStream({ text: `fail 5 ${text}`, count: 1 }));
      },
    ]) {
      const error = await call().then(
        () => undefined,
        (reason: unknown) => reason as import("@connectrpc/connect").ConnectError,
      );
      expect(error?.code).toBe(TheirCode.NotFound);
      expect(error?.rawMessage).toBe(text);
      expect(error?.metadata.get("x-error")).toBe("why");
      expect(error?.findDetails(EchoRequestSchema)[0]?.text).toBe("detail");
    }
  });

  test("deadline", async () => {
    const their = createTheirClient(Echo, transport());
    await expect(their.unary({ text: "deaf", count: 1000 }, { timeoutMs: 50 })).rejects.toMatchObject({
      code: TheirCode.DeadlineExceeded,
    });
  });
});
