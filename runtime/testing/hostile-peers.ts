import * as net from "node:net";

/**
 * Clients that break the rules, on raw sockets. Each ends by itself, soon: what counts is what becomes of the server.
 * The path is that of Echo's Unary, so that requests which are whole enough reach a handler.
 */
export type HostilePeer = (port: number) => Promise<void>;

const path = "/connect_migrate.test.v1.Echo/Unary";
const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

const type = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  window: 8,
  continuation: 9,
};
const endStream = 1;
const endHeaders = 4;

function frame(kind: number, flags: number, stream: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = kind;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** HPACK literals, never indexed: no state on either side. */
function headerBlock(fields: Record<string, string>): Buffer {
  const text = (value: string) => {
    const bytes = Buffer.from(value, "latin1");
    const length: number[] = [];
    if (bytes.length < 127) length.push(bytes.length);
    else {
      length.push(127);
      let rest = bytes.length - 127;
      for (; rest >= 128; rest >>= 7) length.push((rest & 127) | 128);
      length.push(rest);
    }
    return Buffer.concat([Buffer.from(length), bytes]);
  };
  return Buffer.concat(Object.entries(fields).flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]));
}

const grpcFields = {
  ":method": "POST",
  ":scheme": "http",
  ":path": path,
  ":authority": "localhost",
  "content-type": "application/grpc",
  te: "trailers",
};
const grpcHead = (stream: number, more: Record<string, string> = {}, flags = endHeaders) =>
  frame(type.headers, flags, stream, headerBlock({ ...grpcFields, ...more }));
const message = Buffer.from([0, 0, 0, 0, 3, 10, 1, 97]);

/** Sends the chunks, each after the one before, then leaves: by FIN, by RST, or when the server has closed. */
function talk(chunks: Iterable<Uint8Array | string>, leave: "end" | "reset" | "wait", ms = 150): HostilePeer {
  return (port) =>
    new Promise((resolve) => {
      const socket = net.connect(port, "127.0.0.1");
      const timer = setTimeout(() => socket.destroy(), ms);
      socket.on("error", () => {});
      socket.on("close", () => {
        clearTimeout(timer);
        resolve();
      });
      socket.resume();
      socket.once("connect", async () => {
        for (const chunk of chunks) {
          if (socket.destroyed) return;
          if (!socket.write(chunk)) await new Promise((next) => socket.once("drain", next).once("close", next));
        }
        if (leave === "end") socket.end();
        else if (leave === "reset") setTimeout(() => socket.resetAndDestroy(), 20);
      });
    });
}

const h2 = (frames: Iterable<Uint8Array>, leave: "end" | "reset" | "wait" = "wait", ms?: number) =>
  talk([preface, frame(type.settings, 0, 0), ...frames], leave, ms);

const http1 = (fields: string[], body: string | Uint8Array = "", leave: "end" | "reset" | "wait" = "end") =>
  talk([`POST ${path} HTTP/1.1\r\nhost: localhost\r\n${fields.join("\r\n")}\r\n\r\n`, body], leave);

function repeat(count: number, make: (i: number) => Uint8Array): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => make(i));
}

const odd = (i: number) => 2 * i + 1;

export const hostilePeers: Record<string, HostilePeer> = {
  "nothing at all": talk([], "wait"),
  "connects and resets": talk([], "reset"),
  "half a preface": talk([preface.subarray(0, 10)], "wait"),
  "a preface, then garbage": talk([preface, Buffer.alloc(500, 0xfe)], "wait"),
  "a frame larger than allowed": h2([frame(type.data, 0, 1, Buffer.alloc(100_000))]),
  "a whole request, then a frame larger than allowed": h2([
    grpcHead(1),
    frame(type.data, endStream, 1, message),
    frame(type.data, 0, 3, Buffer.alloc(100_000)),
  ]),
  "a frame that ends in the middle": h2(
    [grpcHead(1), frame(type.data, 0, 1, Buffer.alloc(1000)).subarray(0, 300)],
    "reset",
  ),
  "headers that never end": h2([
    grpcHead(1, {}, 0),
    ...repeat(500, () => frame(type.continuation, 0, 1, headerBlock({ "x-a": "a".repeat(100) }))),
  ]),
  "a header of a megabyte": h2([
    grpcHead(1, {}, 0),
    ...repeat(70, (i) => frame(type.continuation, i === 69 ? endHeaders : 0, 1, Buffer.alloc(16_000, 1))),
  ]),
  "a broken header table": h2([frame(type.headers, endHeaders, 1, Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f]))]),
  "headers without a path": h2([
    frame(type.headers, endHeaders | endStream, 1, headerBlock({ ":method": "POST", ":scheme": "http" })),
  ]),
  "rapid resets": h2(
    repeat(600, (i) => Buffer.concat([grpcHead(odd(i)), frame(type.reset, 0, odd(i), Buffer.from([0, 0, 0, 8]))])),
  ),
  "rapid resets after a whole request": h2(
    repeat(300, (i) =>
      Buffer.concat([
        grpcHead(odd(i)),
        frame(type.data, endStream, odd(i), message),
        frame(type.reset, 0, odd(i), Buffer.from([0, 0, 0, 8])),
      ]),
    ),
  ),
  "a flood of settings": h2(repeat(5000, () => frame(type.settings, 0, 0))),
  "a flood of pings": h2(repeat(5000, () => frame(type.ping, 0, 0, Buffer.alloc(8)))),
  "a flood of empty data frames": h2([grpcHead(1), ...repeat(5000, () => frame(type.data, 0, 1))]),
  "a window that overflows": h2([
    grpcHead(1),
    ...repeat(3, () => frame(type.window, 0, 1, Buffer.from([0x7f, 0xff, 0xff, 0xff]))),
  ]),
  "data on a stream that is not open": h2([frame(type.data, 0, 7, message)]),
  "a goaway, then a request": h2([
    frame(type.goaway, 0, 0, Buffer.alloc(8)),
    grpcHead(1),
    frame(type.data, endStream, 1, message),
  ]),
  "a request that never ends": h2([grpcHead(1), frame(type.data, 0, 1, message)], "reset"),
  "no window for the answer": talk(
    [
      preface,
      // SETTINGS_INITIAL_WINDOW_SIZE 0
      frame(type.settings, 0, 0, Buffer.from([0, 4, 0, 0, 0, 0])),
      ...repeat(50, (i) => Buffer.concat([grpcHead(odd(i)), frame(type.data, endStream, odd(i), message)])),
    ],
    "reset",
  ),
  "a length that lies": h2([grpcHead(1), frame(type.data, endStream, 1, Buffer.from([0, 0xff, 0xff, 0xff, 0xff, 1]))]),
  "trailers in a request, then data": h2([
    grpcHead(1),
    frame(type.headers, endHeaders | endStream, 1, headerBlock({ "x-t": "1" })),
    frame(type.data, 0, 1, message),
  ]),
  "HTTP/1.1: garbage": talk(["\x16\x03\x01\x00\xa5 this is TLS perhaps\r\n\r\n"], "wait"),
  "HTTP/1.1: a line that never ends": talk(
    repeat(200, () => Buffer.alloc(1000, 65)),
    "wait",
  ),
  "HTTP/1.1: a flood of headers": http1(Array.from({ length: 5000 }, (_, i) => `x-${i}: ${"v".repeat(50)}`)),
  "HTTP/1.1: a body shorter than it says": http1(["content-type: application/json", "content-length: 1000"], "{}"),
  "HTTP/1.1: two lengths": http1(["content-type: application/json", "content-length: 2", "content-length: 3"], "{}"),
  "HTTP/1.1: length and chunks": http1(
    ["content-type: application/json", "content-length: 2", "transfer-encoding: chunked"],
    "0\r\n\r\n",
  ),
  "HTTP/1.1: a chunk that ends in the middle": http1(
    ["content-type: application/connect+proto", "transfer-encoding: chunked"],
    "ff\r\nab",
    "reset",
  ),
  "HTTP/1.1: asks for 100-continue and leaves": http1(
    ["content-type: application/json", "content-length: 10", "expect: 100-continue"],
    "",
    "reset",
  ),
  "HTTP/1.1: pipelines and does not read": talk(
    repeat(200, () =>
      Buffer.from(`POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}`),
    ),
    "reset",
  ),
  "HTTP/1.1: an upgrade to something else": http1([
    "connection: upgrade",
    "upgrade: websocket",
    "sec-websocket-key: x",
  ]),
};
