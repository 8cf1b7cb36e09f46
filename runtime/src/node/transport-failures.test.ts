import * as http2 from "node:http2";
import * as net from "node:net";
import * as grpc from "@grpc/grpc-js";
import { afterEach, describe, expect, it } from "vitest";
import { collect, failureOf, requests } from "../../testing/calls.js";
import { Echo } from "../../testing/gen/echo_pb.js";
import { echoDefinition } from "../../testing/grpc-js-server.js";
import { createClient } from "../client/create-client.js";
import { Code } from "../code.js";
import { encodeEnvelope } from "../envelope.js";
import { createGrpcTransport, type GrpcTransportOptions } from "./grpc-transport.js";

type OnStream = (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders, count: number) => void;

const cleanups: Array<() => void> = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) {
    cleanup();
  }
});

/** A raw HTTP/2 server that misbehaves as told. */
async function startRaw(onStream: OnStream): Promise<{ port: number; sessions: http2.ServerHttp2Session[] }> {
  const sessions: http2.ServerHttp2Session[] = [];
  let count = 0;
  const server = http2.createServer();
  server.on("session", (session) => {
    sessions.push(session);
    session.on("error", () => {});
  });
  server.on("stream", (stream, headers) => {
    stream.on("error", () => {});
    onStream(stream, headers, ++count);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => {
    server.close();
    for (const session of sessions) {
      session.destroy();
    }
  });
  return { port: (server.address() as net.AddressInfo).port, sessions };
}

function clientOf(port: number, options: Partial<GrpcTransportOptions> = {}) {
  const transport = createGrpcTransport({ target: `127.0.0.1:${port}`, ...options } as GrpcTransportOptions);
  cleanups.push(() => transport.close());
  return createClient(Echo, transport);
}

/** What a real grpc-js client reports for the same behaviour. */
function grpcJsStatus(port: number): Promise<[code: number, text: string]> {
  const Service = grpc.makeGenericClientConstructor(echoDefinition, "Echo");
  const client = new Service(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), {
    "grpc.use_local_subchannel_pool": 1,
  });
  cleanups.push(() => client.close());
  return new Promise((resolve) => {
    (client as unknown as { Unary: (...args: unknown[]) => void }).Unary(
      { text: "x" },
      { deadline: Date.now() + 2000 },
      (error: { code: number; details: string } | null) => resolve([error?.code ?? 0, error?.details ?? ""]),
    );
  });
}

const responseHead = { ":status": 200, "content-type": "application/grpc+proto" };
const message = encodeEnvelope(0, new Uint8Array([10, 1, 97]));

/** Headers, then body, then trailers, with a turn between them. */
function answer(
  stream: http2.ServerHttp2Stream,
  body: Uint8Array | undefined,
  trailers: http2.OutgoingHttpHeaders | undefined,
  head: http2.OutgoingHttpHeaders = responseHead,
): void {
  stream.respond(head, { waitForTrailers: trailers !== undefined });
  stream.on("wantTrailers", () => stream.sendTrailers(trailers ?? {}));
  stream.end(body);
}

describe("failures, as grpc-js reports them", () => {
  const table: Array<[name: string, code: Code, onStream: OnStream, sameAsGrpcJs?: boolean]> = [
    ["RST NO_ERROR before headers", Code.Internal, (s) => s.close(0)],
    ["RST PROTOCOL_ERROR", Code.Internal, (s) => s.close(1)],
    ["RST INTERNAL_ERROR", Code.Internal, (s) => s.close(2)],
    ["RST REFUSED_STREAM", Code.Unavailable, (s) => s.close(7)],
    ["RST CANCEL", Code.Canceled, (s) => s.close(8)],
    ["RST ENHANCE_YOUR_CALM", Code.ResourceExhausted, (s) => s.close(11)],
    ["RST INADEQUATE_SECURITY", Code.PermissionDenied, (s) => s.close(12)],
    ["TCP reset", Code.Unavailable, (s) => (s.session as http2.Http2Session).socket.resetAndDestroy()],
    ["socket closed", Code.Unavailable, (s) => s.session?.destroy()],
    // What grpc-js's own forceShutdown() does
    ["GOAWAY CANCEL, closed", Code.Canceled, (s) => s.session?.goaway(8)],
    ["GOAWAY INTERNAL_ERROR", Code.Internal, (s) => s.session?.goaway(2)],
    ["GOAWAY ENHANCE_YOUR_CALM", Code.ResourceExhausted, (s) => s.session?.goaway(11)],
    ["end after headers, no trailers", Code.Internal, (s) => answer(s, undefined, undefined)],
    ["end after message, no trailers", Code.Internal, (s) => answer(s, message, undefined)],
    ["trailers without status", Code.Internal, (s) => answer(s, message, { "x-a": "1" }), false],
    ["HTTP 400", Code.Internal, (s) => answer(s, undefined, undefined, { ":status": 400 })],
    ["HTTP 401", Code.Unauthenticated, (s) => answer(s, undefined, undefined, { ":status": 401 })],
    ["HTTP 403", Code.PermissionDenied, (s) => answer(s, undefined, undefined, { ":status": 403 })],
    ["HTTP 404", Code.Unimplemented, (s) => answer(s, undefined, undefined, { ":status": 404 })],
    ["HTTP 429", Code.Unavailable, (s) => answer(s, undefined, undefined, { ":status": 429 })],
    ["HTTP 502", Code.Unavailable, (s) => answer(s, undefined, undefined, { ":status": 502 })],
    ["HTTP 503", Code.Unavailable, (s) => answer(s, undefined, undefined, { ":status": 503 })],
    ["HTTP 418", Code.Unknown, (s) => answer(s, undefined, undefined, { ":status": 418 })],
    [
      "200 text/html",
      Code.Unknown,
      (s) => answer(s, Buffer.from("<html>"), undefined, { ":status": 200, "content-type": "text/html" }),
      false,
    ],
    ["OK without message", Code.Unimplemented, (s) => answer(s, undefined, { "grpc-status": "0" })],
    [
      "two messages",
      Code.Unimplemented,
      (s) => answer(s, Buffer.concat([message, message]), { "grpc-status": "0" }),
      false,
    ],
    [
      "two messages and an error",
      Code.NotFound,
      (s) => answer(s, Buffer.concat([message, message]), { "grpc-status": "5" }),
    ],
    ["truncated message", Code.Internal, (s) => answer(s, message.subarray(0, 6), { "grpc-status": "0" }), false],
    [
      "undecodable message",
      Code.Internal,
      (s) => answer(s, encodeEnvelope(0, Buffer.from([255])), { "grpc-status": "0" }),
      false,
    ],
    [
      "compressed without encoding",
      Code.Internal,
      (s) => answer(s, encodeEnvelope(1, Buffer.from([0])), { "grpc-status": "0" }),
      false,
    ],
    [
      "trailers-only error",
      Code.NotFound,
      (s) => s.respond({ ...responseHead, "grpc-status": "5", "grpc-message": "gone" }, { endStream: true }),
    ],
    ["grpc-status garbage", Code.Internal, (s) => answer(s, message, { "grpc-status": "x" }), false],
  ];

  it.each(table)("%s", async (_name, code, onStream, sameAsGrpcJs = true) => {
    const { port } = await startRaw(onStream);
    const client = clientOf(port);
    const unary = await failureOf(client.unary({ text: "x" }, { timeoutMs: 3000 }));
    expect(unary.code).toBe(code);
    const stream = await failureOf(client.clientStream(requests(["a"]), { timeoutMs: 3000 }));
    expect(stream.code).toBe(code);
    if (sameAsGrpcJs) {
      const [sameCode, text] = await grpcJsStatus(port);
      expect(sameCode).toBe(code);
      expect(unary.rawMessage).toBe(text);
    }
  });

  it("nobody listens", async () => {
    const error = await failureOf(clientOf(1).unary({}));
    expect(error.code).toBe(Code.Unavailable);
    expect(error.rawMessage).toMatch(/^No connection established\. Last error: .*ECONNREFUSED/);
    expect((await grpcJsStatus(1))[0]).toBe(Code.Unavailable);
  });

  it("a name that does not resolve", async () => {
    const transport = createGrpcTransport({ target: "no-such-host.invalid:80" });
    const error = await failureOf(createClient(Echo, transport).unary({}));
    expect(error.code).toBe(Code.Unavailable);
    expect(error.rawMessage).toBe("Name resolution failed for target dns:no-such-host.invalid:80");
    const byUrl = createGrpcTransport({ baseUrl: "http://no-such-host.invalid" });
    expect((await failureOf(createClient(Echo, byUrl).unary({}))).code).toBe(Code.Unavailable);
  });

  it("a server that speaks no HTTP/2", async () => {
    const server = net.createServer((socket) => {
      socket.on("error", () => {});
      socket.end("220 smtp.example.org ready\r\n");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    cleanups.push(() => server.close());
    const error = await failureOf(clientOf((server.address() as net.AddressInfo).port).unary({}));
    expect(error.code).toBe(Code.Unavailable);
  });

  it("a server that accepts and says nothing", async () => {
    const server = net.createServer((socket) => socket.on("error", () => {}));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    cleanups.push(() => server.close());
    const { port } = server.address() as net.AddressInfo;
    const error = await failureOf(clientOf(port, { connectTimeoutMs: 100 }).unary({}));
    expect(error.code).toBe(Code.Unavailable);
    expect(error.rawMessage).toContain("timed out after 100 ms");
    const late = await failureOf(clientOf(port).unary({}, { timeoutMs: 100 }));
    expect(late.code).toBe(Code.DeadlineExceeded);
  });
});

describe("messages of a status", () => {
  it.each([
    ["plain", "plain"],
    ["a%2Cb %C3%A9", "a,b é"],
    ["100%", "100%"],
    ["%zz bad %E4 half", "%zz bad %E4 half"],
    ["%C3%A9 and %E4", "é and %E4"],
  ])("%j", async (wire, text) => {
    const { port } = await startRaw((s) => answer(s, undefined, { "grpc-status": "5", "grpc-message": wire }));
    const error = await failureOf(clientOf(port).unary({}));
    expect([error.code, error.rawMessage]).toEqual([Code.NotFound, text]);
  });
});

describe("deadline", () => {
  it("is deadline_exceeded also when the peer resets the stream at that moment", async () => {
    const { port } = await startRaw((s, headers) => {
      setTimeout(() => s.close(8), Number.parseInt(String(headers["grpc-timeout"]), 10));
    });
    const client = clientOf(port);
    for (let i = 0; i < 20; i++) {
      const error = await failureOf(client.unary({}, { timeoutMs: 20 }));
      expect(error.code).toBe(Code.DeadlineExceeded);
    }
  });
});

describe("refused streams", () => {
  it("one transparent retry, unary and streams", async () => {
    let refused = 0;
    const { port } = await startRaw((s, _headers, count) => {
      if (count % 2 === 1) {
        refused++;
        s.close(7);
      } else {
        const chunks: Uint8Array[] = [];
        s.on("data", (chunk: Uint8Array) => chunks.push(chunk));
        s.on("end", () => answer(s, Buffer.concat(chunks).subarray(0, 8), { "grpc-status": "0" }));
      }
    });
    const client = clientOf(port);
    expect((await client.unary({ text: "a" })).text).toBe("a");
    expect((await client.clientStream(requests(["b", "c"]))).text).toBe("b");
    expect(await collect(client.serverStream({ text: "d" }))).toHaveLength(1);
    expect(refused).toBe(3);
  });

  it("only one", async () => {
    let seen = 0;
    const { port } = await startRaw((s) => {
      seen++;
      s.close(7);
    });
    const error = await failureOf(clientOf(port).unary({}));
    expect(error.code).toBe(Code.Unavailable);
    expect(seen).toBe(2);
  });
});

describe("connections come and go", () => {
  const ok: OnStream = (s) => answer(s, message, { "grpc-status": "0" });

  it("is opened again after the peer closed it, idle or with GOAWAY", async () => {
    const { port, sessions } = await startRaw(ok);
    const client = clientOf(port);
    const endings: Array<(session: http2.ServerHttp2Session) => void> = [
      (session) => session.close(),
      (session) => session.destroy(),
      (session) => session.goaway(0),
      (session) => session.destroy(new Error("broken")),
      (session) => session.goaway(11),
    ];
    for (const [index, end] of endings.entries()) {
      expect((await client.unary({})).text).toBe("a");
      expect(sessions).toHaveLength(index + 1);
      end(sessions[index] as http2.ServerHttp2Session);
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    expect((await client.unary({})).text).toBe("a");
    expect(sessions).toHaveLength(endings.length + 1);
  });

  it("a GOAWAY lets streams under way finish, new calls use another connection", async () => {
    const { port, sessions } = await startRaw((s, _headers, count) => {
      if (count === 1) {
        setTimeout(() => answer(s, message, { "grpc-status": "0" }), 100);
      } else {
        ok(s, {}, count);
      }
    });
    const client = clientOf(port);
    const slow = client.unary({});
    await expect.poll(() => sessions.length).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    sessions[0]?.goaway(0);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect((await client.unary({})).text).toBe("a");
    expect(sessions).toHaveLength(2);
    expect((await slow).text).toBe("a");
  });

  it("calls of the same moment share one connection", async () => {
    const { port, sessions } = await startRaw(ok);
    const client = clientOf(port);
    await Promise.all(Array.from({ length: 50 }, () => client.unary({})));
    expect(sessions).toHaveLength(1);
  });

  it("100 connections that the peer closes leave no handle and no heap behind", async () => {
    const { port, sessions } = await startRaw(ok);
    const client = clientOf(port);
    const round = async () => {
      await client.unary({});
      sessions.at(-1)?.destroy();
      await new Promise((resolve) => setTimeout(resolve, 5));
    };
    for (let i = 0; i < 20; i++) {
      await round();
    }
    globalThis.gc?.();
    const handles = process.getActiveResourcesInfo().filter((kind) => kind === "TCPSocketWrap").length;
    const heap = process.memoryUsage().heapUsed;
    for (let i = 0; i < 100; i++) {
      await round();
    }
    globalThis.gc?.();
    expect(sessions.length).toBe(120);
    expect(process.getActiveResourcesInfo().filter((kind) => kind === "TCPSocketWrap").length).toBeLessThanOrEqual(
      handles + 2,
    );
    // Without --expose-gc this only catches gross leaks
    expect(process.memoryUsage().heapUsed - heap).toBeLessThan(30 * 1024 * 1024);
  });

  it("wait for ready: the call waits until the server is there", async () => {
    const probe = net.createServer();
    await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
    const { port } = probe.address() as net.AddressInfo;
    await new Promise((resolve) => probe.close(resolve));
    const client = clientOf(port, { waitForReady: true });
    const call = client.unary({});
    const late = await failureOf(client.unary({}, { timeoutMs: 50 }));
    expect(late.code).toBe(Code.DeadlineExceeded);
    const server = http2.createServer();
    server.on("stream", (s) => ok(s, {}, 1));
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    expect((await call).text).toBe("a");
    server.close();
  });
});
