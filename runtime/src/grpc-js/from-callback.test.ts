import { fileURLToPath } from "node:url";
import * as grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Echo } from "../../testing/gen/echo_pb.js";
import { createApp } from "../node/app.js";
import { type RunningServer, serve } from "../node/serve.js";
import { fromCallback, fromCallbacks } from "./from-callback.js";
import { grpcJsMessages } from "./messages.js";

// The same handlers in a grpc-js server and, bridged, in an app of ours; the same grpc-js client calls both.

const definition = (
  loadSync(fileURLToPath(new URL("../../testing/echo.proto", import.meta.url)), {
    keepCase: true,
    defaults: true,
  }) as Record<string, unknown>
)["connect_migrate.test.v1.Echo"] as grpc.ServiceDefinition;

// biome-ignore lint/suspicious/noExplicitAny: grpc-js handlers of all kinds
type Any = any;

const metadata = (entries: Record<string, string | Buffer>) => {
  const md = new grpc.Metadata();
  for (const [key, value] of Object.entries(entries)) {
    md.set(key, value);
  }
  return md;
};

/** The E-table of the migration matrix, §2.1. */
const unaryCases: Record<string, (call: Any, callback: Any) => unknown> = {
  value: (call, cb) => cb(null, { text: `got ${call.request.text}`, count: 7 }),
  "value later": (_call, cb) => void setTimeout(() => cb(null, { text: "later" }), 5),
  "E-1": (_c, cb) => cb({ code: 5, message: "m" }),
  "E-2": (_c, cb) => cb({ code: 5, details: "d: a/b?c=d, 100% é" }),
  "E-3": (_c, cb) => cb({ code: 5, message: "m", details: "d" }),
  "E-4a": (_c, cb) => cb({ code: 5 }),
  "E-4b": (_c, cb) => cb({}),
  "E-4c": (_c, cb) => cb({ details: "d" }),
  "E-5": (_c, cb) => cb(Object.assign(new Error("m"), { code: 5 })),
  "E-6a": (_c, cb) => cb(new Error("m")),
  "E-6b": (_c, cb) => cb(new TypeError("t")),
  "E-6c": (_c, cb) => cb(Object.assign(new Error("m"), { code: "ENOENT" })),
  "E-6d": (_c, cb) => cb(Object.assign(new Error("m"), { code: 5.5 })),
  "E-7": (_c, cb) => cb({ code: 9, message: "m", metadata: metadata({ "x-a": "1", "x-bin": Buffer.from([1, 2, 3]) }) }),
  "E-9": (_c, cb) =>
    cb({ code: 9, message: "m", metadata: metadata({ "grpc-status-details-bin": Buffer.from([8, 5, 18, 1, 109]) }) }),
  "E-9, bytes that are no status": (_c, cb) =>
    cb({ code: 9, message: "m", metadata: metadata({ "grpc-status-details-bin": Buffer.from("junk") }) }),
  "spaces at the ends of a text": (_c, cb) => cb({ code: 5, message: " lead and trail " }),
  "metadata after the reply": (call, cb) => {
    cb(null, { text: "v" });
    call.sendMetadata(metadata({ "x-late": "1" }));
  },
  "repeated keys": (call, cb) => {
    const both = new grpc.Metadata();
    for (const value of ["1", "2"]) {
      both.add("x-a", value);
      both.add("x-a-bin", Buffer.from(value));
    }
    call.sendMetadata(both);
    cb(null, { text: JSON.stringify([call.metadata.get("x-twice"), call.metadata.get("x-twice-bin")]) }, both);
  },
  "E-10": (_c, cb) => cb({ code: 9, message: "m", metadata: metadata({ "x-a": "1" }) }, null, metadata({ "x-b": "2" })),
  "E-12a": (_c, cb) => cb("text"),
  "E-12b": (_c, cb) => cb(5),
  "E-13": (_c, cb) => cb("", { text: "fine" }),
  "E-14": (_c, cb) => cb({ code: 3, message: "m" }, { text: "both" }),
  "E-16": (_c, cb) => cb(null, null),
  "E-19": (_c, cb) => cb(null, { text: "t" }, metadata({ "x-t": "1" })),
  "E-21": () => {
    throw Object.assign(new Error("m"), { code: 5 });
  },
  "E-27": (_c, cb) => cb({ code: 2, message: "line\nbreak ünïcode 🚀" }),
  "E-30": (_c, cb) => cb({ code: 16, message: "who" }),
  metadata: (call, cb) => {
    call.sendMetadata(
      metadata({ "x-head": String(call.metadata.get("x-in")[0]), "x-h-bin": call.metadata.get("x-in-bin")[0] }),
    );
    cb(null, { text: JSON.stringify(call.metadata.getMap()["x-in"]) });
  },
  members: (call, cb) =>
    cb(null, {
      text: [
        call.getPath(),
        call.getHost().replace(/\d+$/, "port"),
        call.getDeadline() === Number.POSITIVE_INFINITY,
        call.cancelled,
        /^127/.test(call.getPeer()),
        JSON.stringify(call.getAuthContext()),
      ].join(" "),
    }),
  "emit error": (call) => call.emit("error", { code: 5, details: "emitted" }),
};

const streamCases: Record<string, (call: Any) => unknown> = {
  writes: (call) => {
    for (let i = 0; i < 5; i++) call.write({ text: `n${i}` });
    call.end();
  },
  "write later": async (call) => {
    for (let i = 0; i < 3; i++) {
      await new Promise((resolve) => setTimeout(resolve, 3));
      call.write({ text: `n${i}` });
    }
    call.end(metadata({ "x-t": "1" }));
  },
  backpressure: async (call) => {
    for (let i = 0; i < 200; i++) {
      if (!call.write({ text: `n${i}` })) await new Promise((resolve) => call.once("drain", resolve));
    }
    call.end();
  },
  nothing: (call) => call.end(),
  "emit error": (call) => call.emit("error", { code: 5, message: "none" }),
  "error after writes": (call) => {
    call.write({ text: "a" });
    call.write({ text: "b" });
    call.emit("error", Object.assign(new Error("then"), { code: 9, metadata: metadata({ "x-e": "1" }) }));
  },
  "error later": (call) => {
    call.write({ text: "a" });
    setTimeout(() => call.emit("error", { code: 8, details: "later" }), 5);
  },
  throws: () => {
    throw new Error("thrown");
  },
  "metadata after a message": (call) => {
    call.write({ text: "a" });
    call.sendMetadata(metadata({ "x-late": "1" }));
    call.end();
  },
  "sends metadata": (call) => {
    call.sendMetadata(metadata({ "x-head": "1" }));
    call.sendMetadata(metadata({ "x-head": "2" }));
    call.write({ text: "a" });
    call.end();
  },
};

const implementation = {
  Unary(call: Any, callback: Any) {
    return unaryCases[call.request.text]?.(call, callback);
  },
  ServerStream(call: Any) {
    return streamCases[call.request.text]?.(call);
  },
  ClientStream(call: Any, callback: Any) {
    let sum = 0;
    call.on("data", (message: Any) => {
      sum += message.count;
      if (message.text === "stop") callback({ code: 7, details: `stopped at ${sum}` });
    });
    call.on("end", () => callback(null, { text: "sum", count: sum }, metadata({ "x-t": "1" })));
  },
  Bidi(call: Any) {
    call.on("data", (message: Any) => {
      if (message.text === "stop") call.emit("error", { code: 7, details: "stopped" });
      else call.write({ text: `re ${message.text}` });
    });
    call.on("end", () => call.end());
  },
};

type Event = unknown[];

function userMetadata(md: grpc.Metadata): object {
  return Object.fromEntries(Object.entries(md.toJSON()).filter(([key]) => /^x-|details-bin$/.test(key)));
}

/** The whole conversation of one call. */
function converse(client: Any, method: string, request: Any, messages: Any[] = []): Promise<Event[]> {
  return new Promise((resolve) => {
    const events: Event[] = [];
    const md = metadata({ "x-in": "in", "x-in-bin": Buffer.from([9, 8]) });
    for (const value of ["1", "2"]) {
      md.add("x-twice", value);
      md.add("x-twice-bin", Buffer.from(value));
    }
    const status = (s: Any) => {
      events.push(["status", s.code, s.code === 0 ? "" : s.details, userMetadata(s.metadata)]);
      setTimeout(() => resolve(events), 20);
    };
    const callback = (error: Any, value: Any) =>
      events.push(["callback", error?.code, error?.details, value?.text, value?.count]);
    const kind = definition[method] as grpc.MethodDefinition<unknown, unknown>;
    const args = kind.requestStream ? [md] : [request, md];
    const call = client[method](...args, ...(kind.responseStream ? [] : [callback]));
    call.on("metadata", (m: Any) => {
      if (Object.keys(userMetadata(m)).length > 0) events.push(["metadata", userMetadata(m)]);
    });
    if (kind.responseStream) {
      call.on("data", (m: Any) => events.push(["data", m.text]));
      call.on("error", (e: Any) => events.push(["error", e.code, e.details]));
    }
    call.on("status", status);
    if (kind.requestStream) {
      for (const message of messages) call.write(message);
      call.end();
    }
  });
}

describe("grpc-js handlers, in a grpc-js server and in an app", () => {
  const old = new grpc.Server();
  let migrated: RunningServer;
  let oldClient: Any;
  let newClient: Any;
  beforeAll(async () => {
    old.addService(definition, implementation as Any);
    const port = await new Promise<number>((resolve) =>
      old.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (_e, p) => resolve(p)),
    );
    const app = createApp({
      compat: "grpc-js",
      routes: (router) =>
        void router.service(Echo, fromCallbacks(implementation), { messages: grpcJsMessages(definition) }),
    });
    migrated = await serve(app, { address: "127.0.0.1:0", signals: false });
    const Client = grpc.makeGenericClientConstructor(definition, "Echo");
    oldClient = new Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
    newClient = new Client(`127.0.0.1:${migrated.port}`, grpc.credentials.createInsecure());
  });
  afterAll(async () => {
    oldClient.close();
    newClient.close();
    old.forceShutdown();
    migrated.destroy();
  });

  it.each(Object.keys(unaryCases))("unary: %s", async (text) => {
    expect(await converse(newClient, "Unary", { text })).toEqual(await converse(oldClient, "Unary", { text }));
  });

  it.each(Object.keys(streamCases))("server stream: %s", async (text) => {
    expect(await converse(newClient, "ServerStream", { text })).toEqual(
      await converse(oldClient, "ServerStream", { text }),
    );
  });

  it.each([[[]], [[{ count: 1 }, { count: 2 }]], [[{ count: 1 }, { text: "stop", count: 5 }]]])(
    "client stream and bidi: %j",
    async (messages) => {
      for (const method of ["ClientStream", "Bidi"]) {
        expect(await converse(newClient, method, undefined, messages)).toEqual(
          await converse(oldClient, method, undefined, messages),
        );
      }
    },
  );
});

it("`this` is kept, class instances with inherited methods are bridged, cancelled fires after every call", async () => {
  let cancelled = 0;
  class Base {
    prefix = "p";
    unary(call: Any, callback: Any) {
      call.on("cancelled", () => {
        cancelled++;
      });
      callback(null, { text: `${this.prefix} ${call.request.text}` });
    }
  }
  class Service extends Base {
    override prefix = "derived";
  }
  const app = createApp({
    routes(router) {
      router.service(Echo, fromCallbacks(new Service()));
    },
  });
  const server = await serve(app, { address: "127.0.0.1:0", signals: false });
  const Client = grpc.makeGenericClientConstructor(definition, "Echo");
  const client = new Client(`127.0.0.1:${server.port}`, grpc.credentials.createInsecure()) as Any;
  expect(await converse(client, "Unary", { text: "x" })).toContainEqual([
    "callback",
    undefined,
    undefined,
    "derived x",
    0,
  ]);
  expect(cancelled).toBe(1);
  client.close();
  server.destroy();
});

it("an async handler that rejects answers unknown; a caller that goes away cancels the call", async () => {
  let cancelledCalls = 0;
  const app = createApp({
    routes(router) {
      router.service(Echo, {
        unary: fromCallback(async () => {
          throw new Error("async");
        }),
        serverStream: fromCallback((call: Any) => {
          call.write({ text: "first" });
          call.on("cancelled", () => {
            cancelledCalls++;
            call.write({ text: "ignored" });
          });
        }),
      });
    },
  });
  const server = await serve(app, { address: "127.0.0.1:0", signals: false });
  const Client = grpc.makeGenericClientConstructor(definition, "Echo");
  const client = new Client(`127.0.0.1:${server.port}`, grpc.credentials.createInsecure()) as Any;
  expect(await converse(client, "Unary", { text: "x" })).toContainEqual([
    "callback",
    2,
    "Unknown error",
    undefined,
    undefined,
  ]);
  const stream = client.ServerStream({ text: "x" });
  stream.on("error", () => {});
  stream.on("data", () => stream.cancel());
  await expect.poll(() => cancelledCalls).toBe(1);
  client.close();
  server.destroy();
});

describe("what a handler is told of what a client streams", () => {
  const events: string[] = [];
  const watch = (call: Any) => {
    for (const name of ["data", "end", "cancelled"])
      call.on(name, (value: Any) => events.push(`${name} ${value?.text ?? ""} ${call.cancelled}`));
  };
  const handlers = {
    ClientStream(call: Any, callback: Any) {
      watch(call);
      call.on("data", (value: Any) => value.text === "answer" && callback(null, { text: "early" }));
    },
    Bidi(call: Any) {
      watch(call);
      call.on("data", (value: Any) => value.text === "answer" && call.end());
      call.on("end", () => call.end());
    },
  };
  const ports: number[] = [];
  const old = new grpc.Server();
  let app: RunningServer;

  beforeAll(async () => {
    old.addService(definition, handlers as never);
    const credentials = grpc.ServerCredentials.createInsecure();
    ports.push(
      await new Promise<number>((resolve) => old.bindAsync("127.0.0.1:0", credentials, (_e, port) => resolve(port))),
    );
    app = await serve(
      createApp({
        routes: (router) =>
          router.service(
            Echo,
            {
              clientStream: fromCallback(handlers.ClientStream),
              bidi: fromCallback(handlers.Bidi),
            },
            { messages: grpcJsMessages(definition) },
          ),
      }),
      { address: "127.0.0.1:0", signals: false },
    );
    ports.push(app.port);
  });
  afterAll(() => {
    old.forceShutdown();
    app.destroy();
  });

  const Client = grpc.makeGenericClientConstructor(definition, "Echo");
  const whens = {
    "with messages on their way": () => new Promise((resolve) => setImmediate(resolve)),
    "after the last message": () => new Promise((resolve) => setTimeout(resolve, 30)),
  };
  for (const method of ["ClientStream", "Bidi"] as const) {
    it(`${method}: after its answer nothing more of the requests`, async () => {
      const told: string[][] = [];
      for (const port of ports) {
        events.length = 0;
        const client = new Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure()) as Any;
        const call = client[method](() => {});
        if (method === "Bidi") call.resume();
        call.write({ text: "first" });
        await expect.poll(() => events.length).toBe(1);
        call.write({ text: "answer" });
        await new Promise((resolve) => call.on("status", resolve));
        call.end();
        await expect.poll(() => events.at(-1)).toBe("cancelled  true");
        told.push([...events]);
        client.close();
      }
      expect(told[1]).toEqual(told[0]);
      expect(told[0]).toEqual(["data first false", "data answer false", "cancelled  true"]);
    });

    it.each(Object.entries(whens))(
      `${method}: cancelled by the client, the end, then cancelled, %s`,
      async (_name, when) => {
        const told: string[][] = [];
        for (const port of ports) {
          events.length = 0;
          const client = new Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure()) as Any;
          await new Promise((resolve) => client.waitForReady(Date.now() + 5000, resolve));
          const call = client[method](() => {});
          call.on("error", () => {});
          if (method === "Bidi") call.resume();
          for (let i = 0; i < 10; i++) call.write({ text: String(i) });
          await when();
          call.cancel();
          await expect.poll(() => events.at(-1)).toBe("cancelled  true");
          // How many messages still arrive is up to the connection.
          told.push(events.filter((event) => !event.startsWith("data")));
          expect(events[0]).toBe("data 0 false");
          client.close();
        }
        expect(told[1]).toEqual(told[0]);
        expect(told[0]).toEqual(["end  false", "cancelled  true"]);
      },
    );
  }
});
