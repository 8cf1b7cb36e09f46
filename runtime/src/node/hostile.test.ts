import * as http2 from "node:http2";
import type * as net from "node:net";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Echo } from "../../testing/gen/echo_pb.js";
import { hostilePeers } from "../../testing/hostile-peers.js";
import { createClient } from "../client/create-client.js";
import { ConnectError } from "../connect-error.js";
import type { Transport } from "../transport.js";
import { createApp } from "./app.js";
import { createConnectTransport } from "./connect-transport.js";
import { createGrpcTransport } from "./grpc-transport.js";
import { createGrpcWebTransport } from "./grpc-web-transport.js";
import { type RunningServer, serve } from "./serve.js";

const base = "/connect_migrate.test.v1.Echo";
let running = 0;
let pulled = 0;

const app = createApp({
  readMaxBytes: 1024 * 1024,
  routes: (router) =>
    void router.service(Echo, {
      unary: (request) => ({ text: request.text }),
      async *serverStream(_request, context) {
        running++;
        try {
          while (!context.signal.aborted) {
            pulled++;
            yield { payload: new Uint8Array(64 * 1024) };
          }
        } finally {
          running--;
        }
      },
      async clientStream(requests) {
        running++;
        try {
          let count = 0;
          for await (const _ of requests) count++;
          return { count };
        } finally {
          running--;
        }
      },
      async *bidi(requests) {
        running++;
        try {
          for await (const request of requests) yield { text: request.text };
        } finally {
          running--;
        }
      },
    }),
});

const rejections: unknown[] = [];
const onRejection = (reason: unknown) => rejections.push(reason);

/** One stream of HTTP/2 with a body of our making. Resolves with what says how it ended. */
function post(port: number, method: string, headers: http2.OutgoingHttpHeaders, body: Uint8Array): Promise<string> {
  return new Promise((resolve) => {
    const session = http2.connect(`http://127.0.0.1:${port}`);
    session.on("error", () => {});
    const stream = session.request({ ":method": "POST", ":path": `${base}/${method}`, ...headers });
    let said = "";
    const chunks: Buffer[] = [];
    stream.on("response", (fields) => {
      said = `${fields[":status"]} ${fields["grpc-status"] ?? ""}`;
    });
    stream.on("trailers", (fields) => {
      said += String(fields["grpc-status"] ?? "");
    });
    stream.on("data", (chunk) => chunks.push(chunk));
    stream.on("error", () => {});
    const timer = setTimeout(() => {
      said = "hangs";
      session.destroy();
    }, 5000);
    stream.on("close", () => {
      clearTimeout(timer);
      session.destroy();
      const code = /"code":"(\w+)"/.exec(Buffer.concat(chunks).toString("latin1"))?.[1] ?? "";
      resolve(`${said.trim()} ${code}`.trim());
    });
    stream.end(body);
  });
}

function envelope(data: Uint8Array, flags = 0, length = data.length): Buffer {
  const head = Buffer.from([flags, 0, 0, 0, 0]);
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, data]);
}

describe("hostile peers", () => {
  let server: RunningServer;
  let steady: Transport & { close(): void };
  beforeAll(async () => {
    process.on("unhandledRejection", onRejection);
    server = await serve(app, { address: "127.0.0.1:0", signals: false });
    steady = createGrpcTransport({ baseUrl: `http://127.0.0.1:${server.port}` });
  });
  afterAll(async () => {
    steady.close();
    server.destroy();
    process.off("unhandledRejection", onRejection);
  });

  /** A connection that behaves must not notice. */
  async function stillServes(): Promise<void> {
    expect((await createClient(Echo, steady).unary({ text: "well" }, { timeoutMs: 5000 })).text).toBe("well");
    await expect.poll(() => running).toBe(0);
    expect(rejections).toEqual([]);
  }

  it.each(Object.keys(hostilePeers))("%s", async (name) => {
    await hostilePeers[name]?.(server.port);
    await stillServes();
  });

  const grpc = { "content-type": "application/grpc", te: "trailers" };
  const connectStream = { "content-type": "application/connect+proto" };
  const json = { "content-type": "application/json" };
  const a = Buffer.from([10, 1, 97]);
  it.each<[string, http2.OutgoingHttpHeaders, Uint8Array, RegExp]>([
    ["a length over the limit", grpc, envelope(a, 0, 0xffffffff), /^200 8$/],
    ["a message cut short", grpc, envelope(a, 0, 10), /^200 (3|13)$/],
    ["a prefix cut short", grpc, Buffer.from([0, 0, 0]), /^200 (3|13)$/],
    ["no message", grpc, Buffer.alloc(0), /^200 12$/],
    ["two messages", grpc, Buffer.concat([envelope(a), envelope(a)]), /^200 12$/],
    ["compressed without an encoding", grpc, envelope(a, 1), /^200 13$/],
    ["gzip that is none", { ...grpc, "grpc-encoding": "gzip" }, envelope(a, 1), /^200 (3|13)$/],
    ["gzip cut short", { ...grpc, "grpc-encoding": "gzip" }, envelope(gzipSync(a).subarray(0, 12), 1), /^200 (3|13)$/],
    ["bytes that are no protobuf", grpc, envelope(Buffer.alloc(20, 0xff)), /^200 (3|13)$/],
    ["text that is no UTF-8", grpc, envelope(Buffer.from([10, 2, 0xc3, 0x28])), /^200 (0|3|13)$/],
    ["an absurd timeout", { ...grpc, "grpc-timeout": "99999999H" }, envelope(a), /^200 0$/],
    ["a timeout of nine digits", { ...grpc, "grpc-timeout": "100000000n" }, envelope(a), /^200 3$/],
    ["a negative timeout", { ...grpc, "grpc-timeout": "-1S" }, envelope(a), /^200 3$/],
    ["a Connect stream with a length over the limit", connectStream, envelope(a, 0, 0x7fffffff), /resource_exhausted/],
    ["JSON of great depth", json, Buffer.from(`{"x":${"[".repeat(200_000)}`), /^400 invalid_argument/],
    [
      "JSON of great depth, well-formed",
      json,
      Buffer.from(`{"x":${"[".repeat(5000)}${"]".repeat(5000)}}`),
      /^(200|400)/,
    ],
    ["JSON with a prototype", json, Buffer.from('{"__proto__":{"text":"x"},"constructor":1}'), /^(200|400)/],
    ["a body over the limit", json, Buffer.alloc(2 * 1024 * 1024, 32), /^429 resource_exhausted/],
  ])("%s", async (_name, headers, body, expected) => {
    expect(await post(server.port, headers === connectStream ? "ClientStream" : "Unary", headers, body)).toMatch(
      expected,
    );
    await stillServes();
  });

  it("a reader that does not read holds the handler back, and its leaving ends the handler", async () => {
    const session = http2.connect(`http://127.0.0.1:${server.port}`, { settings: { initialWindowSize: 65_535 } });
    session.on("error", () => {});
    pulled = 0;
    const stream = session.request({ ":method": "POST", ":path": `${base}/ServerStream`, ...grpc });
    stream.on("error", () => {});
    stream.end(envelope(a));
    stream.pause();
    await expect.poll(() => running).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 200));
    // 64 KiB each: a few in the peer's window, a few in buffers, and no more
    expect(pulled).toBeLessThan(50);
    session.destroy();
    await stillServes();
  });

  it("any bytes, as any content type: an answer, no hang, no crash", async () => {
    const types = [
      "application/grpc",
      "application/grpc+json",
      "application/grpc-web",
      "application/grpc-web-text",
      "application/connect+proto",
      "application/connect+json",
      "application/proto",
      "application/json",
      "text/plain",
    ];
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 64 }),
      fc.tuple(fc.nat(3), fc.uint8Array({ maxLength: 40 })).map(([flags, data]) => envelope(data, flags)),
    );
    const methods = fc.constantFrom("Unary", "ClientStream", "Bidi", "Nope");
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...types), methods, bytes, async (contentType, method, body) => {
        expect(await post(server.port, method, { "content-type": contentType, te: "trailers" }, body)).toMatch(
          /^[2-5]\d\d/,
        );
      }),
      { numRuns: 150 },
    );
    await stillServes();
  });
});

describe("hostile servers", () => {
  it("any bytes as the body of an answer: every client call ends, with a ConnectError or a message", async () => {
    let answer: { headers: http2.OutgoingHttpHeaders; body: Uint8Array; trailers: http2.OutgoingHttpHeaders };
    const server = http2.createServer();
    server.on("stream", (stream) => {
      stream.on("error", () => {});
      stream.resume();
      stream.respond({ ":status": 200, ...answer.headers }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers(answer.trailers));
      stream.end(answer.body);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const baseUrl = `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`;
    const transports = {
      "application/grpc": createGrpcTransport({ baseUrl }),
      "application/grpc-web": createGrpcWebTransport({ baseUrl, httpVersion: "2" }),
      "application/connect+proto": createConnectTransport({ baseUrl, httpVersion: "2" }),
      "application/proto": createConnectTransport({ baseUrl, httpVersion: "2" }),
      "application/json": createConnectTransport({ baseUrl, httpVersion: "2", useBinaryFormat: false }),
    };
    const kinds = Object.keys(transports) as Array<keyof typeof transports>;
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 64 }),
      fc
        .tuple(fc.constantFrom(0, 1, 2, 128), fc.uint8Array({ maxLength: 40 }))
        .map(([flags, data]) => envelope(data, flags)),
      fc.json().map((text) => envelope(Buffer.from(text), 2)),
      fc.json().map((text) => Buffer.from(text)),
    );
    const trailers = fc.constantFrom<http2.OutgoingHttpHeaders>(
      {},
      { "grpc-status": "0" },
      { "grpc-status": "99", "grpc-message": "%zz%" },
      { "grpc-status": "5", "grpc-status-details-bin": "!!!" },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...kinds),
        fc.constantFrom(200, 400, 503),
        bytes,
        trailers,
        async (kind, status, body, last) => {
          answer = { headers: { ":status": status, "content-type": kind }, body, trailers: last };
          const client = createClient(Echo, transports[kind]);
          const read = async () => {
            for await (const _ of client.serverStream({}, { timeoutMs: 3000 }));
          };
          const call = kind === "application/connect+proto" ? read() : client.unary({}, { timeoutMs: 3000 });
          const failure = await call.then(
            () => undefined,
            (e: unknown) => e,
          );
          if (failure !== undefined) {
            expect(failure).toBeInstanceOf(ConnectError);
            expect((failure as ConnectError).rawMessage).not.toMatch(/timed out/);
          }
        },
      ),
      { numRuns: 200 },
    );
    for (const transport of Object.values(transports)) transport.close();
    await new Promise((resolve) => server.close(resolve));
  });
});
