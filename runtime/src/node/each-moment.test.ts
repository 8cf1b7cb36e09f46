import * as http2 from "node:http2";
import type * as net from "node:net";
import * as grpc from "@grpc/grpc-js";
import { afterEach, describe, expect, it } from "vitest";
import { Echo } from "../../testing/gen/echo_pb.js";
import { echoDefinition } from "../../testing/grpc-js-server.js";
import { createClient } from "../client/create-client.js";
import { ConnectError } from "../connect-error.js";
import { encodeEnvelope } from "../envelope.js";
import { createGrpcTransport } from "./grpc-transport.js";

// What a connection can suffer, at each moment of a response: the outcome of a call is what a grpc-js client sees.

const cleanups: Array<() => void> = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

const turn = () => new Promise<void>((resolve) => setTimeout(resolve, 30));
const message = encodeEnvelope(0, new Uint8Array([10, 1, 97]));

/** What the server has said when it happens. */
const moments = {
  "before headers": async () => {},
  "after headers": async (stream: http2.ServerHttp2Stream) => open(stream),
  "within the prefix of a message": async (stream: http2.ServerHttp2Stream) => say(stream, message.subarray(0, 3)),
  "within a message": async (stream: http2.ServerHttp2Stream) => say(stream, message.subarray(0, 6)),
  "after a message": async (stream: http2.ServerHttp2Stream) => say(stream, message),
} as const;

function open(stream: http2.ServerHttp2Stream): void {
  stream.respond({ ":status": 200, "content-type": "application/grpc+proto" }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
}
function say(stream: http2.ServerHttp2Stream, bytes: Uint8Array): void {
  open(stream);
  stream.write(bytes);
}

/** Says the rest, as a server does that saw nothing happen. */
function finish(stream: http2.ServerHttp2Stream, moment: keyof typeof moments): void {
  if (stream.destroyed) return;
  if (moment === "before headers") open(stream);
  const said = { "within the prefix of a message": 3, "within a message": 6, "after a message": message.byteLength };
  stream.end(message.subarray(said[moment as keyof typeof said] ?? 0));
}

const sessionOf = (stream: http2.ServerHttp2Stream) => stream.session as http2.ServerHttp2Session;
/** The sockets themselves: a session's own is a proxy that forbids most things. */
const sockets = new WeakMap<http2.Http2Session, net.Socket>();
const socketOf = (stream: http2.ServerHttp2Stream) => sockets.get(sessionOf(stream)) as net.Socket;
const events: Record<string, (stream: http2.ServerHttp2Stream, moment: keyof typeof moments) => Promise<void> | void> =
  {
    "RST_STREAM CANCEL": (stream) => stream.close(http2.constants.NGHTTP2_CANCEL),
    "RST_STREAM INTERNAL_ERROR": (stream) => stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR),
    "RST_STREAM REFUSED_STREAM": (stream) => stream.close(http2.constants.NGHTTP2_REFUSED_STREAM),
    "a graceful GOAWAY": async (stream, moment) => {
      sessionOf(stream).close();
      await turn();
      finish(stream, moment);
    },
    "a GOAWAY and the end of the connection": async (stream) => {
      const socket = socketOf(stream);
      sessionOf(stream).goaway(http2.constants.NGHTTP2_NO_ERROR);
      await turn();
      socket.destroy();
    },
    "a GOAWAY with INTERNAL_ERROR": (stream) =>
      sessionOf(stream).destroy(undefined, http2.constants.NGHTTP2_INTERNAL_ERROR),
    "a TCP reset": (stream) => void socketOf(stream).resetAndDestroy(),
    "the end of the connection": (stream) => void socketOf(stream).end(),
  };

async function start(event: string, moment: keyof typeof moments): Promise<number> {
  const server = http2.createServer();
  const sessions = new Set<http2.ServerHttp2Session>();
  let accepted: net.Socket | undefined;
  // The session is made by a listener that comes after this one, in the same turn
  server.prependListener("connection", (socket) => {
    accepted = socket;
  });
  server.on("session", (session) => {
    sessions.add(session);
    if (accepted !== undefined) sockets.set(session, accepted);
    session.on("error", () => {});
  });
  server.on("stream", async (stream) => {
    stream.on("error", () => {});
    stream.resume();
    await moments[moment](stream);
    await turn();
    if (!stream.destroyed) await events[event]?.(stream, moment);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => {
    server.close();
    for (const session of sessions) session.destroy();
  });
  return (server.address() as net.AddressInfo).port;
}

interface Outcome {
  readonly code: number;
  readonly messages: number;
}

async function ours(port: number, kind: "unary" | "stream"): Promise<Outcome> {
  const transport = createGrpcTransport({ target: `127.0.0.1:${port}` });
  cleanups.push(() => transport.close());
  const client = createClient(Echo, transport);
  let messages = 0;
  try {
    if (kind === "unary") {
      await client.unary({}, { timeoutMs: 10_000 });
      messages++;
    } else for await (const _ of client.serverStream({}, { timeoutMs: 10_000 })) messages++;
    return { code: 0, messages };
  } catch (e) {
    expect(e).toBeInstanceOf(ConnectError);
    return { code: (e as ConnectError).code, messages };
  }
}

function theirs(port: number, kind: "unary" | "stream"): Promise<Outcome> {
  const Service = grpc.makeGenericClientConstructor(echoDefinition, "Echo");
  // biome-ignore lint/suspicious/noExplicitAny: a client that is made at run time
  const client: any = new Service(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), {
    "grpc.use_local_subchannel_pool": 1,
  });
  cleanups.push(() => client.close());
  const options = { deadline: Date.now() + 10_000 };
  return new Promise((resolve) => {
    if (kind === "unary") {
      client.Unary({}, options, (error: grpc.ServiceError | null) =>
        resolve(error === null ? { code: 0, messages: 1 } : { code: error.code, messages: 0 }),
      );
      return;
    }
    let messages = 0;
    const stream: grpc.ClientReadableStream<unknown> = client.ServerStream({}, options);
    stream.on("data", () => messages++);
    stream.on("error", () => {});
    stream.on("status", (status) => resolve({ code: status.code, messages }));
  });
}

// On a busy machine what the server said and what happened next can reach a client at once, and its outcome is another one.
const options = { retry: 2 };

describe.each(Object.keys(events))("%s", (event) => {
  it.each(Object.keys(moments) as (keyof typeof moments)[])("%s", options, async (moment) => {
    const outcomes = await Promise.all(
      (["unary", "stream"] as const).flatMap((kind) => [
        start(event, moment).then((port) => ours(port, kind)),
        start(event, moment).then((port) => theirs(port, kind)),
      ]),
    );
    const [ourUnary, theirUnary, ourStream, theirStream] = outcomes;
    expect({ unary: ourUnary, stream: ourStream }).toEqual({ unary: theirUnary, stream: theirStream });
  });
});
