import { EventEmitter } from "node:events";
import * as grpc from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Echo } from "../../testing/gen/echo_pb.js";
import { echoDefinition, type GrpcJsPeer, startGrpcJsServer } from "../../testing/grpc-js-server.js";
import { type Any, callback, record, type Script } from "../../testing/record-calls.js";
import { createGrpcTransport } from "../node/grpc-transport.js";
import { createGrpcJsClient } from "./create-grpc-js-client.js";
import { grpcJsMessages } from "./messages.js";

// The same calls by a grpc-js client and by ours, to one grpc-js server: the same events in the same order.

const metadata = () => {
  const md = new grpc.Metadata();
  md.set("x-in", "1");
  md.set("x-in-bin", Buffer.from([1, 2]));
  return md;
};

/** What a call takes of its parent. */
const parentCall = (deadline: number) => Object.assign(new EventEmitter(), { getDeadline: () => deadline });

const scripts: Record<string, Script> = {
  unary: (c, log) => c.Unary({ text: "u", count: 3, payload: Buffer.from("x") }, metadata(), callback(log)),
  "unary by its other name, options only": (c, log) =>
    c.unary({ text: "u" }, { deadline: Date.now() + 5000 }, callback(log)),
  "unary, metadata and options": (c, log) => c.Unary({ text: "u" }, metadata(), {}, callback(log)),
  "unary error": (c, log) => c.Unary({ text: "fail 5 no: such, 100%" }, callback(log)),
  "unary deadline": (c, log) => c.Unary({ text: "hang" }, { deadline: new Date(Date.now() + 60) }, callback(log)),
  "unary deadline in the past": (c, log) => c.Unary({ text: "u" }, { deadline: Date.now() - 1000 }, callback(log)),
  "unary deadline Infinity": (c, log) =>
    c.Unary({ text: "timeout?" }, { deadline: Number.POSITIVE_INFINITY }, callback(log)),
  "unary cancel": (c, log) => {
    const call = c.Unary({ text: "hang" }, callback(log));
    setTimeout(() => call.cancel(), 30);
    return call;
  },
  "unary, with the deadline of a parent": (c, log) =>
    c.Unary({ text: "hang" }, { deadline: Date.now() + 5000, parent: parentCall(Date.now() + 60) }, callback(log)),
  "unary, its own deadline before the parent's": (c, log) =>
    c.Unary({ text: "hang" }, { deadline: Date.now() + 60, parent: parentCall(Date.now() + 5000) }, callback(log)),
  "unary, with a parent that is cancelled": (c, log) => {
    const parent = parentCall(Number.POSITIVE_INFINITY);
    setTimeout(() => parent.emit("cancelled"), 30);
    return c.Unary({ text: "hang" }, { parent }, callback(log));
  },
  "unary, with a parent whose deadline counts and whose cancellation does not": (c, log) => {
    const parent = parentCall(Date.now() + 200);
    setTimeout(() => parent.emit("cancelled"), 30);
    return c.Unary({ text: "hang" }, { parent, propagate_flags: grpc.propagate.DEADLINE }, callback(log));
  },
  "server stream, with a parent that is cancelled": (c) => {
    const parent = parentCall(Number.POSITIVE_INFINITY);
    setTimeout(() => parent.emit("cancelled"), 60);
    return c.ServerStream({ text: "hang", count: 1 }, { parent, propagate_flags: grpc.propagate.CANCELLATION });
  },
  "unary without callback": (c, log) => {
    try {
      c.Unary({ text: "u" });
    } catch (e) {
      log("thrown", (e as Error).message);
    }
    return c.Unary({ text: "u" }, callback(log));
  },
  "server stream": (c) => c.ServerStream({ text: "s", count: 5 }, metadata()),
  "server stream, slow reader": (c, log) => {
    const call = c.ServerStream({ text: "s", count: 40 });
    call.pause();
    setTimeout(() => {
      log("resume");
      call.resume();
    }, 50);
    return call;
  },
  "server stream error": (c) => c.ServerStream({ text: "fail 9 stop", count: 2 }),
  "server stream empty": (c) => c.ServerStream({ text: "s", count: 0 }),
  "server stream cancel": (c) => {
    const call = c.ServerStream({ text: "hang", count: 1 });
    call.once("data", () => call.cancel());
    return call;
  },
  "server stream deadline": (c) => c.ServerStream({ text: "hang", count: 1 }, { deadline: Date.now() + 80 }),
  "client stream": (c, log) => {
    const call = c.ClientStream(metadata(), callback(log));
    call.write({ text: "a" });
    call.write({ text: "b" }, () => log("written"));
    call.end();
    return call;
  },
  "client stream, end with message": (c, log) => {
    const call = c.ClientStream(callback(log));
    call.end({ text: "last" });
    return call;
  },
  "client stream error": (c, log) => {
    const call = c.ClientStream(callback(log));
    call.write({ text: "fail 7 no" });
    return call;
  },
  bidi: (c) => {
    const call = c.Bidi(metadata());
    call.write({ text: "a" });
    call.once("data", () => {
      call.write({ text: "b" });
      call.end();
    });
    return call;
  },
  "bidi error": (c) => {
    const call = c.Bidi();
    call.write({ text: "fail 3 bad" });
    return call;
  },
  "bidi cancel": (c) => {
    const call = c.Bidi();
    call.write({ text: "a" });
    call.once("data", () => call.cancel());
    return call;
  },
};

const peerOf = (call: Any) => call.getPeer().replace(/\d+$/, "port");

const peerScripts: Record<string, Script> = {
  "unary, which asks for its peer": (c, log) => {
    const call = c.Unary({ text: "u" }, () => log("answered", peerOf(call)));
    return call;
  },
  "server stream, which asks for its peer": (c, log) => {
    const call = c.ServerStream({ text: "s", count: 2 });
    call.on("metadata", () => log(peerOf(call)));
    return call;
  },
};

describe("createGrpcJsClient", () => {
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

  it.each(Object.entries({ ...scripts, ...peerScripts }))("%s", async (_name, script) => {
    expect(await record(script, migrated)).toEqual(await record(script, old));
  });

  it("errors of the codec have grpc-js's texts", async () => {
    const broken = {
      ...echoDefinition,
      Unary: {
        ...echoDefinition.Unary,
        requestSerialize() {
          throw new Error("no such field");
        },
      },
      ServerStream: {
        ...echoDefinition.ServerStream,
        responseDeserialize() {
          throw new Error("no such message");
        },
      },
    } as Any;
    const Client = grpc.makeGenericClientConstructor(broken, "Echo");
    const oldBroken = new Client(peer.address, grpc.credentials.createInsecure()) as Any;
    const newBroken = createGrpcJsClient(Echo, createGrpcTransport({ target: peer.address }), {
      messages: grpcJsMessages(broken),
    }) as Any;
    for (const script of [
      (c: Any, log: Any) => c.Unary({ text: "u" }, callback(log)),
      (c: Any) => c.ServerStream({ text: "s", count: 2 }),
    ]) {
      const expected = await record(script, oldBroken);
      expect(JSON.stringify(expected)).toMatch(/serialization failure: no such field|parsing error: no such message/);
      expect(await record(script, newBroken)).toEqual(expected);
    }
    oldBroken.close();
    newBroken.close();
  });

  it("an option that a transport cannot honour is refused, not dropped", () => {
    expect(() => migrated.Unary({}, { host: "h" }, () => {})).toThrow('"host" has no effect');
  });

  it("the details of a rich error are where libraries look for them", async () => {
    const blob = Buffer.from([8, 9, 18, 1, 109, 26, 5, 10, 3, 97, 47, 98]);
    const server = new grpc.Server();
    server.addService(echoDefinition, {
      Unary(_call: Any, respond: Any) {
        const trailer = new grpc.Metadata();
        trailer.set("grpc-status-details-bin", blob);
        respond({ code: 9, details: "m", metadata: trailer });
      },
    } as Any);
    const port = await new Promise<number>((resolve) =>
      server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (_e, p) => resolve(p)),
    );
    const client = createGrpcJsClient(Echo, createGrpcTransport({ target: `127.0.0.1:${port}` })) as Any;
    const error = await new Promise<Any>((resolve) => client.unary({}, resolve));
    expect(error).toMatchObject({ code: 9, details: "m" });
    expect(error.metadata.get("grpc-status-details-bin")).toEqual([blob]);
    client.close();
    server.forceShutdown();
  });

  it("for await, and leaving it early", async () => {
    const seen: string[] = [];
    for await (const message of migrated.ServerStream({ text: "s", count: 3 })) {
      seen.push(message.text);
    }
    expect(seen).toEqual(["s 0", "s 1", "s 2"]);
    await expect(
      (async () => {
        for await (const _ of migrated.ServerStream({ text: "fail 5 x", count: 1 }));
      })(),
    ).rejects.toMatchObject({ code: 5, details: "x" });
  });

  it("waitForReady, connectivity, close", async () => {
    const client = createGrpcJsClient(Echo, createGrpcTransport({ target: peer.address })) as Any;
    expect(client.getChannel().getConnectivityState(false)).toBe(grpc.connectivityState.IDLE);
    expect(await new Promise((resolve) => client.waitForReady(Date.now() + 2000, resolve))).toBeUndefined();
    expect(client.getChannel().getConnectivityState(false)).toBe(grpc.connectivityState.READY);
    client.close();
    expect(client.getChannel().getConnectivityState(false)).toBe(grpc.connectivityState.SHUTDOWN);
    expect(() => client.unary({}, () => {})).toThrow("Channel has been shut down");
    const nowhere = createGrpcJsClient(Echo, createGrpcTransport({ target: "127.0.0.1:1" })) as Any;
    const error = await new Promise<Error>((resolve) => nowhere.waitForReady(Date.now() + 100, resolve));
    expect(error.message).toBe("Failed to connect before the deadline");
    expect(nowhere.getChannel().getConnectivityState(false)).toBe(grpc.connectivityState.TRANSIENT_FAILURE);
    nowhere.close();
  });

  it("clients that share a transport: the last one closes it", async () => {
    const transport = createGrpcTransport({ target: peer.address });
    const one = createGrpcJsClient(Echo, transport) as Any;
    const two = createGrpcJsClient(Echo, transport) as Any;
    one.close();
    expect(() => one.unary({}, () => {})).toThrow();
    await new Promise<void>((resolve, reject) => two.unary({ text: "x" }, (e: unknown) => (e ? reject(e) : resolve())));
    two.close();
    expect(transport.connectivity?.state()).toBe("shutdown");
  });
});
