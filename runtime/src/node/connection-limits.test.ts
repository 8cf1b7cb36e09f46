import * as http from "node:http";
import * as http2 from "node:http2";
import * as net from "node:net";
import * as grpc from "@grpc/grpc-js";
import { afterEach, describe, expect, test } from "vitest";
import { collect } from "../../testing/calls.js";
import { Echo } from "../../testing/gen/echo_pb.js";
import { echoDefinition } from "../../testing/grpc-js-server.js";
import { createClient } from "../client/create-client.js";
import { createApp } from "./app.js";
import { createConnectTransport } from "./connect-transport.js";
import { createGrpcTransport } from "./grpc-transport.js";
import { type RunningServer, type ServeOptions, serve } from "./serve.js";

/** The preface of HTTP/2 and an empty SETTINGS frame. */
const preface = Buffer.concat([
  Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
]);
const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

let aborted = 0;
const app = createApp({
  routes: (router) =>
    void router.service(Echo, {
      async unary(request, context) {
        context.signal.addEventListener("abort", () => aborted++);
        await wait(request.count);
        return { text: request.text };
      },
      async *serverStream(request) {
        for (let i = 0; i < 4; i++) {
          yield { count: i };
          await wait(request.count);
        }
      },
    }),
});

const cleanups: Array<() => void> = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
  aborted = 0;
});

async function start(options: Partial<ServeOptions>): Promise<RunningServer> {
  const server = await serve(app, { address: "127.0.0.1:0", signals: false, ...options });
  cleanups.push(() => server.destroy());
  return server;
}

describe("HTTP/2 connections", () => {
  test("one without calls is closed after its time, one with calls is not", async () => {
    const server = await start({ maxConnectionIdleMs: 150 });
    const session = http2.connect(`http://127.0.0.1:${server.port}`);
    session.on("error", () => {});
    let goaway: number | undefined;
    session.on("goaway", (code) => {
      goaway = code;
    });
    await new Promise((resolve) => session.once("close", resolve));
    expect(goaway).toBe(http2.constants.NGHTTP2_NO_ERROR);
    const transport = createGrpcTransport({ target: `127.0.0.1:${server.port}` });
    cleanups.push(() => transport.close());
    expect(await createClient(Echo, transport).unary({ text: "slow", count: 500 })).toMatchObject({ text: "slow" });
  });

  test("an aged one finishes its calls, and has no more than its grace for them", async () => {
    const patient = await start({ maxConnectionAgeMs: 100 });
    const transport = createGrpcTransport({ target: `127.0.0.1:${patient.port}` });
    cleanups.push(() => transport.close());
    expect(await createClient(Echo, transport).unary({ text: "slow", count: 600 })).toMatchObject({ text: "slow" });
    const strict = await start({ maxConnectionAgeMs: 100, maxConnectionAgeGraceMs: 100 });
    const other = createGrpcTransport({ target: `127.0.0.1:${strict.port}` });
    cleanups.push(() => other.close());
    await expect(createClient(Echo, other).unary({ count: 5000 })).rejects.toThrow(/canceled|unavailable/);
    await expect.poll(() => aborted).toBe(1);
  });

  test("a living one answers PINGs and stays, a dead one is dropped", async () => {
    const server = await start({ keepaliveTimeMs: 30, keepaliveTimeoutMs: 150 });
    const session = http2.connect(`http://127.0.0.1:${server.port}`);
    cleanups.push(() => session.destroy());
    let pings = 0;
    session.on("ping", () => pings++);
    await wait(400);
    expect(session.destroyed).toBe(false);
    expect(pings).toBeGreaterThan(1);
    // Speaks the preface and an empty SETTINGS frame, and then nothing any more
    const dead = net.connect(server.port, "127.0.0.1");
    cleanups.push(() => dead.destroy());
    dead.write(preface);
    dead.on("error", () => {});
    dead.resume();
    await new Promise((resolve) => dead.once("close", resolve));
  });

  test("an idle client on node:http2 answers no PING once it has a GOAWAY, and holds up no shutdown", async () => {
    const server = await start({});
    const session = http2.connect(`http://127.0.0.1:${server.port}`);
    session.on("error", () => {});
    cleanups.push(() => session.destroy());
    await new Promise((resolve) => session.once("remoteSettings", resolve));
    // A second is the longest that anybody is waited for.
    const closing = server.close().then(() => "closed");
    expect(await Promise.race([closing, wait(900).then(() => "waits")])).toBe("closed");
  });

  test("one that answers nothing is waited for, but not for ever", async () => {
    const server = await start({});
    const socket = net.connect(server.port, "127.0.0.1");
    cleanups.push(() => socket.destroy());
    socket.write(preface);
    await new Promise((resolve) => socket.once("data", resolve));
    socket.resume();
    let isClosed = false;
    const closing = server.close().then(() => {
      isClosed = true;
    });
    await wait(300);
    expect(isClosed).toBe(false);
    await closing;
  });

  test("the limit of concurrent calls is announced", async () => {
    const server = await start({ maxConcurrentStreams: 7 });
    const session = http2.connect(`http://127.0.0.1:${server.port}`);
    cleanups.push(() => session.destroy());
    await new Promise((resolve) => session.once("remoteSettings", resolve));
    expect(session.remoteSettings.maxConcurrentStreams).toBe(7);
    // More calls than that wait for their turn
    const transport = createGrpcTransport({ target: `127.0.0.1:${server.port}` });
    cleanups.push(() => transport.close());
    const client = createClient(Echo, transport);
    const all = await Promise.all(Array.from({ length: 30 }, (_, i) => client.unary({ text: String(i), count: 5 })));
    expect(all.map((answer) => answer.text)).toEqual(Array.from({ length: 30 }, (_, i) => String(i)));
  });

  test("headers over the limit are refused, over both versions of HTTP", async () => {
    const server = await start({ maxHeaderBytes: 4096 });
    const headers = { "x-long": "a".repeat(6000) };
    const baseUrl = `http://127.0.0.1:${server.port}`;
    const one = createClient(Echo, createConnectTransport({ baseUrl, httpVersion: "1.1" }));
    await expect(one.unary({}, { headers })).rejects.toThrow();
    expect(await one.unary({ text: "x" })).toMatchObject({ text: "x" });
    const transport = createGrpcTransport({ baseUrl });
    cleanups.push(() => transport.close());
    const two = createClient(Echo, transport);
    await expect(two.unary({}, { headers, timeoutMs: 5000 })).rejects.toThrow();
    expect(await two.unary({ text: "x" })).toMatchObject({ text: "x" });
  });
});

describe("a GOAWAY at each moment", () => {
  /** Calls one after the other until told to stop; counts, and keeps what failed. */
  function loop(call: () => Promise<unknown>, until: number) {
    const seen = { calls: 0, failures: [] as string[] };
    const run = (async () => {
      while (Date.now() < until) {
        seen.calls++;
        await call().catch((e: Error) => seen.failures.push(e.message));
      }
      return seen;
    })();
    return run;
  }

  test("connections that age all the time lose no call of ours nor of grpc-js", async () => {
    const server = await start({ maxConnectionAgeMs: 250 });
    const transport = createGrpcTransport({ target: `127.0.0.1:${server.port}` });
    cleanups.push(() => transport.close());
    const ours = createClient(Echo, transport);
    const connect = createConnectTransport({ baseUrl: `http://127.0.0.1:${server.port}`, httpVersion: "2" });
    cleanups.push(() => connect.close());
    const overConnect = createClient(Echo, connect);
    const Service = grpc.makeGenericClientConstructor(echoDefinition, "Echo");
    const theirs = new Service(
      `127.0.0.1:${server.port}`,
      grpc.credentials.createInsecure(),
    ) as unknown as grpc.Client & {
      Unary(request: object, callback: (error: Error | null) => void): void;
    };
    cleanups.push(() => theirs.close());
    const asked = () => new Promise<void>((ok, no) => theirs.Unary({}, (e) => (e === null ? ok() : no(e))));
    const until = Date.now() + 4000;
    const results = await Promise.all([
      ...[1, 2, 3, 4].map(() => loop(() => ours.unary({ text: "x" }), until)),
      ...[1, 2].map(() => loop(() => collect(ours.serverStream({ count: 3 })), until)),
      ...[1, 2].map(() => loop(() => overConnect.unary({ text: "x", payload: new Uint8Array(20_000) }), until)),
      ...[1, 2].map(() =>
        // grpc-js itself repeats a refused call once; on a busy machine the next connection may be as old by then.
        loop(() => asked().catch((e: Error) => (/refused/.test(e.message) ? asked() : Promise.reject(e))), until),
      ),
    ]);
    expect(results.flatMap((result) => result.failures)).toEqual([]);
    expect(Math.min(...results.map((result) => result.calls))).toBeGreaterThan(1);
  });
});

describe("HTTP/1.1 connections", () => {
  const call = (agent: http.Agent, port: number, count: number): Promise<{ connection: string; local: number }> =>
    new Promise((resolve, reject) => {
      const request = http.request(
        {
          agent,
          port,
          host: "127.0.0.1",
          method: "POST",
          path: "/connect_migrate.test.v1.Echo/Unary",
          headers: { "content-type": "application/json" },
        },
        (response) => {
          const local = response.socket.localPort ?? 0;
          response.resume();
          response.on("end", () => resolve({ connection: String(response.headers.connection), local }));
        },
      );
      request.on("error", reject);
      request.end(JSON.stringify({ count }));
    });

  test("an aged one answers its call and says that it closes; an idle one ends", async () => {
    const server = await start({ maxConnectionAgeMs: 300, maxConnectionIdleMs: 60_000 });
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    cleanups.push(() => agent.destroy());
    const first = await call(agent, server.port, 0);
    expect(first.connection).toBe("keep-alive");
    // It is too old when this one is answered; the next has a connection of its own
    expect(await call(agent, server.port, 700)).toEqual({ ...first, connection: "close" });
    const third = await call(agent, server.port, 0);
    expect(third.local).not.toBe(first.local);
  });

  test("its grace ends what still runs", async () => {
    const server = await start({ maxConnectionAgeMs: 100, maxConnectionAgeGraceMs: 100 });
    await expect(call(new http.Agent(), server.port, 10_000)).rejects.toThrow(/socket hang up|ECONNRESET/);
    await expect.poll(() => aborted).toBe(1);
  });
});
