import * as grpc from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Echo } from "../../testing/gen/echo_pb.js";
import { echoDefinition, type GrpcJsPeer, startGrpcJsServer } from "../../testing/grpc-js-server.js";
import { type Any, callback, record, type Script } from "../../testing/record-calls.js";
import { createGrpcTransport } from "../node/grpc-transport.js";
import { createGrpcJsClient } from "./create-grpc-js-client.js";
import { grpcJsMessages } from "./messages.js";

// Calls with credentials and interceptors of their own, by a grpc-js client and by ours.

const generator = (key: string, value: string, delayMs = 0) =>
  grpc.credentials.createFromMetadataGenerator((params, done) => {
    const md = new grpc.Metadata();
    md.add(key, `${value} ${(params as Any).method_name}`);
    setTimeout(done, delayMs, null, md);
  });
const failing = (error: Error) => grpc.credentials.createFromMetadataGenerator((_params, done) => done(error));

type Log = (...event: unknown[]) => void;

/** Logs every step, and changes what it passes. */
const watch =
  (log: Log, name: string, late = false): grpc.Interceptor =>
  (options, nextCall) => {
    log(name, "made", options.method_definition.path, options.method_definition.responseStream);
    const later = (pass: () => void) => (late ? setTimeout(pass, 5) : pass());
    return new grpc.InterceptingCall(nextCall(options), {
      start(md, _listener, next) {
        log(name, "start");
        md.add("x-in", name);
        later(() =>
          next(md, {
            onReceiveMetadata(received, pass) {
              log(name, "metadata", received.get("x-in"));
              later(() => pass(received));
            },
            onReceiveMessage(message, pass) {
              log(name, "message", message?.text);
              later(() => pass(message && { ...message, text: `${message.text} by ${name}` }));
            },
            onReceiveStatus(status, pass) {
              log(name, "status", status.code);
              later(() => pass(status));
            },
          }),
        );
      },
      sendMessage(message, next) {
        log(name, "send", message.text);
        next({ ...message, text: `${message.text} ${name}` });
      },
      halfClose(next) {
        log(name, "half close");
        next();
      },
      cancel(next) {
        log(name, "cancel");
        next();
      },
    });
  };

/** Asks again, once, with another message. */
const again: grpc.Interceptor = (options, nextCall) =>
  new grpc.InterceptingCall(nextCall(options), {
    start(md, listener, next) {
      next(md, {
        onReceiveMessage: (message, pass) => message && pass(message),
        onReceiveStatus(status, pass) {
          if (status.code === 0) return pass(status);
          const second = nextCall(options);
          second.start(md, listener as Any);
          second.sendMessage({ text: "again" });
          second.halfClose();
        },
      });
    },
  });

/** Answers by itself. */
const cached: grpc.Interceptor = (options, nextCall) => {
  let to: Any;
  return new grpc.InterceptingCall(nextCall(options), {
    start(_md, listener) {
      to = listener;
    },
    sendMessage() {},
    halfClose() {
      to.onReceiveMetadata(new grpc.Metadata());
      to.onReceiveMessage({ text: "cached", count: 0 });
      to.onReceiveStatus({ code: 0, details: "OK", metadata: new grpc.Metadata() });
    },
  });
};

const later: grpc.Interceptor = (options, nextCall) =>
  new grpc.InterceptingCall(nextCall({ ...options, deadline: Date.now() + 60 }));

const scripts: Record<string, Script> = {
  credentials: (c, log) => c.Unary({ text: "u" }, { credentials: generator("x-in", "token") }, callback(log)),
  "credentials beside metadata": (c) => {
    const md = new grpc.Metadata();
    md.set("x-in", "own");
    return c.ServerStream({ text: "s", count: 2 }, md, { credentials: generator("x-in", "token", 5) });
  },
  "credentials that fail": (c, log) =>
    c.Unary({ text: "u" }, { credentials: failing(new Error("no token")) }, callback(log)),
  "credentials that fail with a code": (c, log) =>
    c.Unary({ text: "u" }, { credentials: failing(Object.assign(new Error("no"), { code: 16 })) }, callback(log)),
  "credentials that are combined": (c, log) => {
    const credentials = grpc.credentials.combineCallCredentials(generator("x-in", "a"), generator("x-in", "b"));
    const call = c.ClientStream({ credentials }, callback(log));
    call.end({ text: "one" });
    return call;
  },
  "credentials later than the deadline": (c, log) =>
    c.Unary(
      { text: "u" },
      { credentials: generator("x-in", "late", 300), deadline: Date.now() + 50 },
      callback((name, error) => log(name, (error as Any)?.[0])),
    ),
  "an empty list": (c, log) => c.Unary({ text: "u" }, { interceptors: [] }, callback(log)),
  unary: (c, log) => c.Unary({ text: "u" }, { interceptors: [watch(log, "a"), watch(log, "b")] }, callback(log)),
  "unary, late": (c, log) => c.Unary({ text: "u" }, { interceptors: [watch(log, "a", true)] }, callback(log)),
  "unary error": (c, log) => c.Unary({ text: "fail 5 gone" }, { interceptors: [watch(log, "a")] }, callback(log)),
  "unary cancel": (c, log) => {
    const call = c.Unary({ text: "hang" }, { interceptors: [watch(log, "a")] }, callback(log));
    setTimeout(() => call.cancel(), 30);
    return call;
  },
  "unary, with credentials": (c, log) =>
    c.Unary({ text: "u" }, { interceptors: [watch(log, "a")], credentials: generator("x-in", "token") }, callback(log)),
  providers: (c, log) => {
    const provider = (method: Any) => (method.path.endsWith("/Unary") ? watch(log, "a") : undefined);
    return c.Unary({ text: "u" }, { interceptor_providers: [provider, () => undefined] }, callback(log));
  },
  "interceptors and providers": (c, log) => {
    try {
      c.Unary({ text: "u" }, { interceptors: [cached], interceptor_providers: [() => cached] }, callback(log));
    } catch (e) {
      log("thrown", (e as Error).name, (e as Error).message);
    }
    return c.Unary({ text: "u" }, callback(log));
  },
  "a second call": (c, log) => c.Unary({ text: "fail 14 down" }, { interceptors: [again] }, callback(log)),
  "an answer of its own": (c, log) => {
    let call: Any;
    // Only the callback comes: the call is over before anybody can listen.
    call = c.Unary({ text: "u" }, { interceptors: [cached] }, callback(log));
    setTimeout(() => call.emit("status", { code: 0, details: "", metadata: new grpc.Metadata() }), 20);
    return call;
  },
  "a deadline of its own": (c, log) => c.Unary({ text: "hang" }, { interceptors: [later] }, callback(log)),
  "client stream": (c, log) => {
    const call = c.ClientStream({ interceptors: [watch(log, "a")] }, callback(log));
    call.write({ text: "one" }, () => log("written"));
    call.write({ text: "two" });
    call.end();
    return call;
  },
  "client stream error": (c, log) => {
    const call = c.ClientStream({ interceptors: [watch(log, "a")] }, callback(log));
    call.write({ text: "fail 7 no" });
    return call;
  },
  "server stream": (c, log) => c.ServerStream({ text: "s", count: 3 }, { interceptors: [watch(log, "a")] }),
  "server stream, late": (c, log) =>
    c.ServerStream({ text: "s", count: 20 }, { interceptors: [watch(log, "a", true)] }),
  "server stream error": (c, log) =>
    c.ServerStream({ text: "fail 9 stop", count: 2 }, { interceptors: [watch(log, "a")] }),
  "server stream empty": (c, log) => c.ServerStream({ text: "s", count: 0 }, { interceptors: [watch(log, "a")] }),
  "server stream cancel": (c, log) => {
    const call = c.ServerStream({ text: "hang", count: 1 }, { interceptors: [watch(log, "a")] });
    call.once("data", () => call.cancel());
    return call;
  },
  bidi: (c, log) => {
    const call = c.Bidi({ interceptors: [watch(log, "a")] });
    call.write({ text: "one" });
    call.once("data", () => {
      call.write({ text: "two" });
      call.end();
    });
    return call;
  },
};

describe("options of one call", () => {
  let peer: GrpcJsPeer;
  let old: Any;
  let migrated: Any;
  beforeAll(async () => {
    peer = await startGrpcJsServer();
    const Client = grpc.makeGenericClientConstructor(echoDefinition, "Echo");
    old = new Client(peer.address, grpc.credentials.createInsecure());
    migrated = createGrpcJsClient(Echo, createGrpcTransport({ target: peer.address }), {
      messages: grpcJsMessages(echoDefinition),
    });
  });
  afterAll(() => {
    old.close();
    migrated.close();
    peer.stop();
  });

  it.each(Object.entries(scripts))("%s", async (_name, script) => {
    expect(await record(script, migrated)).toEqual(await record(script, old));
  });
});
