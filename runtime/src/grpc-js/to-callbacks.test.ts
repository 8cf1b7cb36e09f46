import * as grpc from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Echo } from "../../testing/gen/echo_pb.js";
import { echoDefinition } from "../../testing/grpc-js-server.js";
import { type Client, createClient } from "../client/create-client.js";
import { ConnectError } from "../connect-error.js";
import type { HandlerContext } from "../implementation.js";
import { createApp } from "../node/app.js";
import { createGrpcTransport } from "../node/grpc-transport.js";
import { type RunningServer, serve } from "../node/serve.js";
import { kPeerAddress } from "../server/peer.js";
import { grpcJsMessages } from "./messages.js";
import { toCallbacks } from "./to-callbacks.js";

// One implementation in an app and, over the bridge, in a grpc-js server: a grpc-js client sees the same.

// biome-ignore lint/suspicious/noExplicitAny: grpc-js's generic client, and messages of proto-loader
type Any = any;

let aborted = 0;
let upstream: Client<typeof Echo>;
/** As a migrated file has it: the old keys, messages as proto-loader makes them, `this`. */
class Handlers {
  readonly #mark = "mark";
  Unary(request: Any, context: HandlerContext) {
    context.responseHeader.set("x-head", context.requestHeader.get("x-in") ?? "none");
    context.responseTrailer.set("x-trail", "t");
    if (request.text === "fail") throw new ConnectError("no: such", 5, { "x-error": "why" });
    if (request.text === "relay") {
      context.responseTrailer.set("x-own", "o");
      return upstream.unary({ text: "fail" });
    }
    if (request.text === "throw") throw new Error("secret");
    if (request.text === "peer") return { text: context.values.get(kPeerAddress).replace(/:\d+$/, ":port") };
    if (request.text === "hang") return new Promise((resolve) => context.signal.addEventListener("abort", resolve));
    const deadline = context.timeoutMs();
    return {
      text: `${this.#mark} ${context.method.name} ${deadline !== undefined && deadline > 1000}`,
      count: request.count,
    };
  }
  async *ServerStream(request: Any, context: HandlerContext) {
    try {
      context.responseHeader.set("x-head", "stream");
      context.responseTrailer.set("x-trail", "t");
      if (request.text === "early") context.sendHeaders?.();
      for (let count = 0; count < request.count; count++) yield { count };
      if (request.text === "fail") throw new ConnectError("stop", 9, { "x-error": "why" });
      if (request.text === "hang") await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
    } finally {
      if (context.signal.aborted) aborted++;
    }
  }
  async ClientStream(requests: AsyncIterable<Any>) {
    const texts: string[] = [];
    for await (const request of requests) {
      if (request.text === "fail") throw new ConnectError("no", 7);
      texts.push(request.text);
      if (request.text === "enough") break;
    }
    return { text: texts.join() };
  }
  async *Bidi(requests: AsyncIterable<Any>) {
    for await (const request of requests) {
      if (request.text === "fail") throw new ConnectError("bad", 3);
      yield { text: `re ${request.text}` };
    }
  }
}

const own = (md: grpc.Metadata) =>
  Object.fromEntries(Object.entries(md.toJSON()).filter(([key]) => key.startsWith("x-")));
/** grpc-js adds how long it took, and where. */
const text = (details: string) => details.replace(/^Deadline exceeded.*/s, "Deadline exceeded");

function record(client: Any, script: (client: Any, log: (...event: unknown[]) => void) => Any): Promise<unknown[]> {
  return new Promise((resolve) => {
    const events: unknown[] = [];
    const log = (...event: unknown[]) => events.push(event);
    const call = script(client, log);
    call.on("metadata", (md: grpc.Metadata) => log("metadata", own(md)));
    call.on("data", ({ text: value, count }: Any) => log("data", value, count));
    call.on("end", () => log("end"));
    call.on("error", (e: Any) => log("error", e.code, text(e.details), own(e.metadata)));
    call.on("status", (s: Any) => {
      log("status", s.code, text(s.details), own(s.metadata));
      setTimeout(() => resolve(events), 30);
    });
  });
}
const metadata = new grpc.Metadata();
metadata.set("x-in", "1");
const callback = (log: (...event: unknown[]) => void) => (error: Any, value: Any) =>
  log("callback", error?.code, error && text(error.details), value);

const scripts: Record<string, Parameters<typeof record>[1]> = {
  unary: (c, log) => c.Unary({ text: "u", count: 3 }, metadata, callback(log)),
  "unary with a deadline": (c, log) => c.Unary({ text: "u" }, { deadline: Date.now() + 5000 }, callback(log)),
  "unary error": (c, log) => c.Unary({ text: "fail" }, metadata, callback(log)),
  "unary, an error of another call": (c, log) => c.Unary({ text: "relay" }, callback(log)),
  "unary, the address of the caller": (c, log) => c.Unary({ text: "peer" }, callback(log)),
  "unary, something else is thrown": (c, log) => c.Unary({ text: "throw" }, callback(log)),
  "unary past its deadline": (c, log) => c.Unary({ text: "hang" }, { deadline: Date.now() + 80 }, callback(log)),
  "server stream": (c) => c.ServerStream({ text: "s", count: 3 }),
  "server stream, empty": (c) => c.ServerStream({ text: "s", count: 0 }),
  "server stream, headers first": (c) => c.ServerStream({ text: "early", count: 1 }),
  "server stream, many": (c) => c.ServerStream({ text: "s", count: 2000 }),
  "server stream error": (c) => c.ServerStream({ text: "fail", count: 2 }),
  "server stream, left": (c) => {
    const call = c.ServerStream({ text: "hang", count: 1 });
    call.once("data", () => call.cancel());
    return call;
  },
  "client stream": (c, log) => {
    const call = c.ClientStream(callback(log));
    call.write({ text: "a" });
    call.end({ text: "b" });
    return call;
  },
  "client stream error": (c, log) => {
    const call = c.ClientStream(callback(log));
    call.end({ text: "fail" });
    return call;
  },
  bidi: (c) => {
    const call = c.Bidi();
    call.write({ text: "a" });
    call.once("data", () => call.end({ text: "b" }));
    return call;
  },
  "bidi error": (c) => {
    const call = c.Bidi();
    call.write({ text: "fail" });
    return call;
  },
  "a method that is not there": (c, log) => c.Get({ text: "x" }, callback(log)),
};

describe("toCallbacks: Connect handlers in a grpc-js server", () => {
  let server: grpc.Server;
  let running: RunningServer;
  let bridged: Any;
  let app: Any;
  let closeUpstream = () => {};
  beforeAll(async () => {
    server = new grpc.Server();
    server.addService(echoDefinition, toCallbacks(Echo, new Handlers()) as Any);
    const port = await new Promise<number>((resolve) =>
      server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (_, bound) => resolve(bound)),
    );
    running = await serve(
      createApp({
        routes: (router) =>
          router.service(Echo, new Handlers() as Any, { messages: grpcJsMessages(echoDefinition) as Any }),
        compat: "grpc-js",
      }),
      { address: "127.0.0.1:0", signals: false },
    );
    const transport = createGrpcTransport({ target: `127.0.0.1:${running.port}` });
    closeUpstream = () => transport.close();
    upstream = createClient(Echo, transport);
    const Client = grpc.makeGenericClientConstructor(echoDefinition, "Echo");
    bridged = new Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
    app = new Client(`127.0.0.1:${running.port}`, grpc.credentials.createInsecure());
  });
  afterAll(async () => {
    bridged.close();
    app.close();
    closeUpstream();
    server.forceShutdown();
    await running.destroy();
  });

  it.each(Object.entries(scripts))("%s", async (_, script) => {
    const events = await record(bridged, script);
    expect(events).toEqual(await record(app, script));
    expect(events.length).toBeGreaterThan(1);
  });

  it("a call that is left aborts its handler, once", async () => {
    const before = aborted;
    await record(bridged, scripts["server stream, left"] as Parameters<typeof record>[1]);
    await expect.poll(() => aborted).toBe(before + 1);
    await record(bridged, scripts["server stream"] as Parameters<typeof record>[1]);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(aborted).toBe(before + 1);
  });

  it("takes the keys that generators make of a name, and nothing else", () => {
    const made = toCallbacks(Echo, { server_stream() {}, UNARY() {}, help() {}, bidi: 1, constructor: () => {} });
    expect(Object.keys(made)).toEqual(["server_stream", "UNARY"]);
  });
});
