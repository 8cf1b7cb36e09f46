import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { collect, failureOf, requests } from "../../testing/calls.js";
import { Echo } from "../../testing/gen/echo_pb.js";
import { type GrpcJsPeer, startGrpcJsServer } from "../../testing/grpc-js-server.js";
import { createWritableIterable } from "../async-iterable.js";
import { type Client, createClient } from "../client/create-client.js";
import type { ClosableTransport } from "../client/protocol-transport.js";
import { Code } from "../code.js";
import { compressionGzip } from "./compression.js";
import { createGrpcTransport } from "./grpc-transport.js";

describe("createGrpcTransport with a grpc-js server", () => {
  let peer: GrpcJsPeer;
  let transport: ClosableTransport;
  let client: Client<typeof Echo>;
  beforeAll(async () => {
    peer = await startGrpcJsServer();
    transport = createGrpcTransport({ target: peer.address });
    client = createClient(Echo, transport);
  });
  afterAll(() => {
    transport.close();
    peer.stop();
  });

  it("unary: message, headers and trailers", async () => {
    let header: Headers | undefined;
    let trailer: Headers | undefined;
    const response = await client.unary(
      { text: "hello", payload: new Uint8Array([1, 2]) },
      {
        headers: { "x-a": "1" },
        onHeader: (h) => {
          header = h;
        },
        onTrailer: (t) => {
          trailer = t;
        },
      },
    );
    expect(response.text).toBe("hello");
    expect([...response.payload]).toEqual([1, 2]);
    expect(header?.get("x-a")).toBe("1");
    expect(header?.get("x-head")).toBe("h");
    expect(trailer?.get("x-trail")).toBe("t");
  });

  it.each([
    [5, "user 42: not found, 100% & más 🚀"],
    [16, ""],
    [3, "line\nbreak"],
  ])("unary: status %d %j with metadata", async (code, text) => {
    const error = await failureOf(client.unary({ text: `fail ${code} ${text}` }));
    expect(error.code).toBe(code);
    expect(error.rawMessage).toBe(text);
    expect(error.metadata.get("x-error")).toBe("why");
    expect(error.metadata.get("x-error-bin")).toBe("AQID");
    expect(error.metadata.get("x-head")).toBe("h");
  });

  it("unary: large messages both ways", async () => {
    const payload = new Uint8Array(3 * 1024 * 1024).fill(7);
    const response = await client.unary({ text: "big", payload });
    expect(response.payload.byteLength).toBe(payload.byteLength);
    expect(response.payload.every((byte) => byte === 7)).toBe(true);
  });

  it("unary: many in flight", async () => {
    const texts = Array.from({ length: 300 }, (_, i) => `n${i}`);
    const responses = await Promise.all(texts.map((text) => client.unary({ text })));
    expect(responses.map((r) => r.text)).toEqual(texts);
  });

  it("server stream", async () => {
    let trailer: Headers | undefined;
    const responses = await collect(
      client.serverStream(
        { text: "s", count: 1000 },
        {
          onTrailer: (t) => {
            trailer = t;
          },
        },
      ),
    );
    expect(responses.map((r) => r.count)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    expect(trailer?.get("x-trail")).toBe("t");
  });

  it("server stream: messages, then the error", async () => {
    const seen: number[] = [];
    const error = await failureOf(
      (async () => {
        for await (const response of client.serverStream({ text: "fail 9 no more", count: 3 })) {
          seen.push(response.count);
        }
      })(),
    );
    expect(seen).toEqual([0, 1, 2]);
    expect(error.code).toBe(Code.FailedPrecondition);
    expect(error.rawMessage).toBe("no more");
    expect(error.metadata.get("x-error")).toBe("why");
  });

  it("client stream", async () => {
    const response = await client.clientStream(requests(["a", "b", "c"]));
    expect(response.count).toBe(3);
    expect(response.text).toBe("a,b,c");
  });

  it("client stream without messages", async () => {
    const response = await client.clientStream(requests([]));
    expect(response.count).toBe(0);
  });

  it("client stream: early error stops the request", async () => {
    let returned = false;
    async function* endless() {
      try {
        yield { text: "fail 7 enough" };
        while (true) {
          await new Promise((resolve) => setTimeout(resolve, 5));
          yield { text: "more" };
        }
      } finally {
        returned = true;
      }
    }
    const error = await failureOf(client.clientStream(endless()));
    expect(error.code).toBe(Code.PermissionDenied);
    await expect.poll(() => returned).toBe(true);
  });

  it("bidi: ping-pong", async () => {
    const input = createWritableIterable<{ text: string }>();
    const seen: string[] = [];
    const output = client.bidi(input)[Symbol.asyncIterator]();
    for (const text of ["one", "two", "three"]) {
      await input.write({ text });
      seen.push((await output.next()).value.text);
    }
    input.close();
    expect(await output.next()).toEqual({ done: true, value: undefined });
    expect(seen).toEqual(["one", "two", "three"]);
  });

  it("a failing request iterable resets the call", async () => {
    const before = peer.cancelled;
    async function* broken() {
      yield { text: "a" };
      throw new Error("source broke");
    }
    const error = await failureOf(client.clientStream(broken()));
    expect(error.rawMessage).toBe("source broke");
    await expect.poll(() => peer.cancelled).toBe(before + 1);
  });

  it("deadline", async () => {
    const start = Date.now();
    const error = await failureOf(client.unary({ text: "hang" }, { timeoutMs: 80 }));
    expect(error.code).toBe(Code.DeadlineExceeded);
    expect(Date.now() - start).toBeGreaterThanOrEqual(75);
    expect(Date.now() - start).toBeLessThan(1000);
  });

  it.each([512.5, 1e8 + 1, 1e9, 1e12])("a timeout of %d ms reaches the server", async (timeoutMs) => {
    const response = await client.unary({ text: "timeout?" }, { timeoutMs });
    expect(Number(response.text)).toBeGreaterThan(timeoutMs * 0.5);
  });

  it.each([0, -5, Number.NaN, Number.POSITIVE_INFINITY])("a timeout of %d means none", async (timeoutMs) => {
    const response = await client.unary({ text: "timeout?" }, { timeoutMs });
    expect(response.text).toBe("Infinity");
  });

  it("abort", async () => {
    const before = peer.cancelled;
    const controller = new AbortController();
    const call = client.unary({ text: "hang" }, { signal: controller.signal });
    setTimeout(() => controller.abort(), 30);
    const error = await failureOf(call);
    expect(error.code).toBe(Code.Canceled);
    expect(error.rawMessage).toBe("This operation was aborted");
    await expect.poll(() => peer.cancelled).toBe(before + 1);
  });

  it("abort before the call", async () => {
    const error = await failureOf(client.unary({ text: "x" }, { signal: AbortSignal.abort() }));
    expect(error.code).toBe(Code.Canceled);
  });

  it("abort of a stream: what came stays readable, then canceled", async () => {
    const controller = new AbortController();
    const seen: number[] = [];
    const error = await failureOf(
      (async () => {
        for await (const r of client.serverStream({ text: "hang", count: 2 }, { signal: controller.signal })) {
          seen.push(r.count);
          if (r.count === 1) {
            controller.abort();
          }
        }
      })(),
    );
    expect(seen).toEqual([0, 1]);
    expect(error.code).toBe(Code.Canceled);
  });

  it("leaving a stream does not cancel it, and a slow reader holds the server back", async () => {
    const payload = new Uint8Array(64 * 1024);
    let count = 0;
    for await (const response of client.serverStream({ text: "slow", count: 500, payload })) {
      count = response.count + 1;
      if (count % 100 === 0) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
    expect(count).toBe(500);
  });

  it("limits", async () => {
    const small = createGrpcTransport({ target: peer.address, readMaxBytes: 100, writeMaxBytes: 2000 });
    const limited = createClient(Echo, small);
    const read = await failureOf(limited.unary({ payload: new Uint8Array(500) }));
    expect(read.code).toBe(Code.ResourceExhausted);
    const write = await failureOf(limited.unary({ payload: new Uint8Array(5000) }));
    expect(write.code).toBe(Code.ResourceExhausted);
    expect((await limited.unary({ text: "ok" })).text).toBe("ok");
    small.close();
  });

  it("sends gzip", async () => {
    const zipped = createGrpcTransport({
      target: peer.address,
      sendCompression: compressionGzip,
      compressMinBytes: 0,
    });
    const zipClient = createClient(Echo, zipped);
    expect((await zipClient.unary({ text: "z".repeat(5000) })).text.length).toBe(5000);
    expect((await zipClient.clientStream(requests(["p", "q"]))).text).toBe("p,q");
    expect(await collect(zipClient.serverStream({ text: "zip", count: 3 }))).toHaveLength(3);
    zipped.close();
  });

  it("interceptors see and change request and response", async () => {
    const log: string[] = [];
    const intercepted = createGrpcTransport({
      baseUrl: `http://${peer.address}`,
      interceptors: [
        (next) => async (req) => {
          log.push(`outer ${req.url} ${req.requestMethod} ${req.header.get("grpc-timeout") !== null}`);
          req.header.set("x-added", "yes");
          const res = await next(req);
          log.push(`outer ${res.header.get("x-added")}`);
          return res;
        },
        (next) => async (req) => {
          log.push(`inner ${req.stream ? "stream" : (req.message as { text?: string }).text}`);
          // A copy has what the response has, before anybody reads it
          return { ...(await next(req)) } as never;
        },
      ],
    });
    const c = createClient(Echo, intercepted);
    let trailer: Headers | undefined;
    const onTrailer = (t: Headers) => {
      trailer = t;
    };
    await c.unary({ text: "hi" }, { timeoutMs: 5000, onTrailer });
    expect(trailer?.get("x-trail")).toBe("t");
    await collect(c.serverStream({ text: "s", count: 2 }));
    expect(log).toEqual([
      `outer http://${peer.address}/connect_migrate.test.v1.Echo/Unary POST true`,
      "inner hi",
      "outer yes",
      `outer http://${peer.address}/connect_migrate.test.v1.Echo/ServerStream POST false`,
      "inner stream",
      "outer yes",
    ]);
    const error = await failureOf(c.unary({ text: "hang" }, { timeoutMs: 50 }));
    expect(error.code).toBe(Code.DeadlineExceeded);
    intercepted.close();
  });

  it("close: calls under way finish, later ones fail", async () => {
    const own = createGrpcTransport({ target: peer.address });
    const c = createClient(Echo, own);
    const under = collect(c.serverStream({ text: "s", count: 100 }));
    await c.unary({ text: "warm" });
    own.close();
    expect(await under).toHaveLength(100);
    const error = await failureOf(c.unary({ text: "late" }));
    expect(error.code).toBe(Code.Unavailable);
    expect(error.rawMessage).toBe("Channel has been shut down");
  });
});
