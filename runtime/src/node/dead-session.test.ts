import * as http from "node:http";
import * as http2 from "node:http2";
import * as net from "node:net";
import * as tls from "node:tls";
import { afterEach, describe, expect, it } from "vitest";
import { makeCertificates } from "../../testing/certificates.js";
import { Echo } from "../../testing/gen/echo_pb.js";
import { hostilePeers } from "../../testing/hostile-peers.js";
import { createApp } from "./app.js";
import { createSessionWatch } from "./dead-session.js";
import { type RunningServer, serve } from "./serve.js";

let begun = 0;
let ended = 0;
const app = createApp({
  routes: (router) =>
    void router.service(Echo, {
      async unary(request, context) {
        begun++;
        if (request.text === "wait") await new Promise((resolve) => setTimeout(resolve, 2500));
        else await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
        ended++;
        return { text: "answered" };
      },
    }),
});

const cleanups: Array<() => void> = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

async function start(): Promise<RunningServer> {
  const server = await serve(app, { address: "127.0.0.1:0", signals: false });
  cleanups.push(() => server.destroy());
  return server;
}

/** A peer that says something and then keeps its side open whatever the server does. */
function stubborn(port: number, said: string | Uint8Array): net.Socket {
  const socket = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  socket.on("error", () => {});
  socket.resume();
  socket.write(said);
  cleanups.push(() => socket.destroy());
  return socket;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const h2Preface = Buffer.concat([
  Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
]);

// Every wait here is for something that once never came: the test's own limit is the failure.
describe("close() ends", () => {
  it("after every hostile peer", async () => {
    const server = await start();
    await Promise.all(Object.values(hostilePeers).map((peer) => peer(server.port)));
    await server.close();
  }, 30_000);

  it.each<[string, string | Uint8Array]>([
    ["HTTP/2, never closes its side", h2Preface],
    ["HTTP/2, half a preface", h2Preface.subarray(0, 10)],
    ["HTTP/1.1, half a request head", "POST /x HTTP/1.1\r\nhost: a\r\n"],
    ["HTTP/1.1, a byte", "P"],
  ])("with a peer that stays: %s", async (_name, said) => {
    const server = await start();
    stubborn(server.port, said);
    await pause(50);
    await server.close();
  });

  it("with a TLS handshake that never goes on", async () => {
    const { server: own } = makeCertificates();
    const server = await serve(app, { address: "127.0.0.1:0", signals: false, tls: own });
    cleanups.push(() => server.destroy());
    stubborn(server.port, Buffer.from([0x16, 3, 1]));
    const silent = tls.connect({ port: server.port, host: "127.0.0.1", rejectUnauthorized: false });
    silent.on("error", () => {});
    await pause(100);
    await server.close();
  });

  it("but waits for an answer that takes longer than peers are waited for, on both versions of HTTP", async () => {
    const server = await start();
    const before = begun;
    const path = "/connect_migrate.test.v1.Echo/Unary";
    const fields = { "content-type": "application/json" };
    const body = JSON.stringify({ text: "wait" });
    const overHttp1 = new Promise<string>((resolve, reject) => {
      const request = http.request(
        { port: server.port, host: "127.0.0.1", method: "POST", path, headers: fields },
        (response) => response.setEncoding("utf8").on("data", resolve),
      );
      request.on("error", reject).end(body);
    });
    const session = http2.connect(`http://127.0.0.1:${server.port}`);
    cleanups.push(() => session.destroy());
    const stream = session.request({ ":method": "POST", ":path": path, ...fields });
    const overHttp2 = new Promise<string>((resolve, reject) => {
      stream.setEncoding("utf8").on("data", resolve).on("error", reject);
    });
    stream.end(body);
    await expect.poll(() => begun - before, { timeout: 10_000 }).toBe(2);
    const closed = server.close();
    expect(await Promise.all([overHttp1, overHttp2])).toEqual(['{"text":"answered"}', '{"text":"answered"}']);
    await closed;
  });
});

describe("a session that nghttp2 has given up", () => {
  async function raw(): Promise<{ port: number; sessions: http2.ServerHttp2Session[]; closed: () => number }> {
    const sessions: http2.ServerHttp2Session[] = [];
    let closed = 0;
    const server = http2.createServer();
    server.on("session", (session) => {
      sessions.push(session);
      session.on("error", () => {});
      session.on("close", () => closed++);
    });
    server.on("stream", (stream) => stream.on("error", () => {}).resume());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    cleanups.push(() => server.close());
    return { port: (server.address() as net.AddressInfo).port, sessions, closed: () => closed };
  }

  it.each(
    Object.keys(hostilePeers).filter((name) =>
      /frame larger|broken header table|stream that is not open|trailers in a request/.test(name),
    ),
  )("is found and closed: %s", async (name) => {
    const { port, sessions, closed } = await raw();
    await hostilePeers[name]?.(port);
    const watch = createSessionWatch();
    await watch(sessions);
    await watch(sessions);
    await expect.poll(closed).toBe(1);
  });

  it("is not taken for one that is quiet, and a quiet one gets one PING", async () => {
    const { port, sessions } = await raw();
    const client = http2.connect(`http://127.0.0.1:${port}`);
    cleanups.push(() => client.destroy());
    let pings = 0;
    client.on("ping", () => pings++);
    const stream = client.request({ ":method": "POST", ":path": "/" });
    stream.on("error", () => {});
    await expect.poll(() => sessions.length).toBe(1);
    await pause(50);
    const watch = createSessionWatch();
    for (let i = 0; i < 5; i++) {
      await watch(sessions);
      await pause(20);
    }
    expect(sessions[0]?.destroyed).toBe(false);
    expect(pings).toBe(1);
    stream.write("life");
    await pause(50);
    for (let i = 0; i < 5; i++) await watch(sessions);
    expect(pings).toBe(2);
  });

  it("ends the calls on it: handlers are aborted", async () => {
    const before = ended;
    const server = await start();
    await hostilePeers["a whole request, then a frame larger than allowed"]?.(server.port);
    await expect.poll(() => ended, { timeout: 15_000 }).toBe(before + 1);
  }, 20_000);
});
