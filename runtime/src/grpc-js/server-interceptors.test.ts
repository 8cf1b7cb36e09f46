import { fileURLToPath } from "node:url";
import type { DescService } from "@bufbuild/protobuf";
import * as grpc from "@grpc/grpc-js";
import * as protoLoader from "@grpc/proto-loader";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadProtos } from "../../../codemods/generate/index.js";
import { createApp, serve } from "../node/index.js";
import { fromCallbacks, fromServerInterceptors, grpcJsMessages } from "./index.js";

// The same interceptors and handlers on a real grpc-js server and on an app; the same grpc-js client asks both.
const folder = fileURLToPath(new URL("../../../fixtures/matrix", import.meta.url));
const definition = protoLoader.loadSync(`${folder}/probe.proto`, { keepCase: true, defaults: true });
const service = definition["matrix.v1.Probe"] as grpc.ServiceDefinition;

interface Text {
  text: string;
  number: number;
}

let log: string[] = [];

/** Uses every hook, and changes what goes through each. */
const marking: grpc.ServerInterceptor = (method, call) =>
  new grpc.ServerInterceptingCall(call, {
    start(next) {
      next({
        onReceiveMetadata(metadata, pass) {
          log.push(`${method.path} ${method.requestStream} ${method.responseStream} ${call.getPeer().split(":")[0]}`);
          metadata.set("x-seen", "yes");
          pass(metadata);
        },
        onReceiveMessage(message: Text, pass) {
          pass({ ...message, text: `${message.text}!` });
        },
        onReceiveHalfClose(pass) {
          log.push("half-close");
          pass();
        },
      });
    },
    sendMetadata(metadata, next) {
      metadata.set("x-header", "marked");
      next(metadata);
    },
    sendMessage(message: Text, next) {
      next({ ...message, number: message.number + 100 });
    },
    sendStatus(status, next) {
      log.push(`status ${status.code}`);
      const metadata = status.metadata ?? new grpc.Metadata();
      metadata.set("x-trailer", "marked");
      next({ ...status, details: status.code === 0 ? status.details : `marked ${status.details}`, metadata });
    },
  });

/** Answers without the handler. */
const refusing: grpc.ServerInterceptor = (_method, call) =>
  new grpc.ServerInterceptingCall(call, {
    start(next) {
      next({
        onReceiveMetadata(metadata, pass) {
          if (metadata.get("x-token").length > 0) pass(metadata);
          else call.sendStatus({ code: grpc.status.UNAUTHENTICATED, details: "no token" });
        },
      });
    },
  });

/** Answers a success of its own. */
const caching: grpc.ServerInterceptor = (_method, call) =>
  new grpc.ServerInterceptingCall(call, {
    start(next) {
      next({
        onReceiveMetadata(metadata, pass) {
          if (metadata.get("x-cached").length === 0) return pass(metadata);
          const header = new grpc.Metadata();
          header.set("x-from", "cache");
          call.sendMetadata(header);
          call.sendMessage({ text: "cached", number: 7 }, () => call.sendStatus({ code: 0, details: "OK" }));
        },
      });
    },
  });

const implementation: grpc.UntypedServiceImplementation = {
  Ask(call: grpc.ServerUnaryCall<Text, Text>, callback: grpc.sendUnaryData<Text>) {
    if (call.request.text === "fail!") return callback({ code: 9, details: "not now" });
    if (call.request.text === "throw!") throw new Error("secret");
    const metadata = new grpc.Metadata();
    metadata.set("x-own", String(call.metadata.get("x-seen")[0]));
    call.sendMetadata(metadata);
    callback(null, call.request);
  },
  Sum(call: grpc.ServerReadableStream<Text, Text>, callback: grpc.sendUnaryData<Text>) {
    const texts: string[] = [];
    call.on("data", (message: Text) => texts.push(message.text));
    call.on("end", () => callback(null, { text: texts.join(), number: texts.length }));
  },
  List(call: grpc.ServerWritableStream<Text, Text>) {
    for (const number of [1, 2]) call.write({ text: call.request.text, number });
    if (call.request.text === "fail!") call.emit("error", { code: 5, details: "gone" });
    else call.end();
  },
  Chat(call: grpc.ServerDuplexStream<Text, Text>) {
    call.on("data", (message: Text) => call.write(message));
    call.on("end", () => call.end());
  },
};

const chains: Readonly<Record<string, readonly grpc.ServerInterceptor[]>> = {
  "one that uses every hook": [marking],
  "one that refuses, then one that uses every hook": [refusing, marking],
  "one that uses every hook, then one that refuses": [marking, refusing],
  "one that answers itself": [caching, marking],
};

describe.each(Object.entries(chains))("%s", (_name, interceptors) => {
  const stops: (() => void)[] = [];
  let ports: number[];

  beforeAll(async () => {
    const { registry } = await loadProtos({ root: folder });
    const desc = registry?.service("matrix.v1.Probe") as DescService;
    const server = new grpc.Server({ interceptors: [...interceptors] });
    server.addService(service, implementation);
    const old = await new Promise<number>((resolve, reject) => {
      server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) =>
        error ? reject(error) : resolve(port),
      );
    });
    const app = createApp({
      routes(router) {
        router.service(desc, fromCallbacks(implementation as never) as never, { messages: grpcJsMessages(service) });
      },
      interceptors: [fromServerInterceptors(interceptors)],
      compat: "grpc-js",
    });
    const running = await serve(app, { address: "127.0.0.1:0", signals: false });
    stops.push(
      () => server.forceShutdown(),
      () => running.destroy(),
    );
    ports = [old, running.port];
  });
  afterAll(() => {
    for (const stop of stops) stop();
  });

  it.each([
    ["Ask", "hello", {}],
    ["Ask", "hello", { "x-token": "t" }],
    ["Ask", "fail", { "x-token": "t" }],
    ["Ask", "throw", { "x-token": "t" }],
    ["Ask", "hello", { "x-token": "t", "x-cached": "1" }],
    ["Sum", "hello", { "x-token": "t" }],
    ["Sum", "hello", {}],
    ["List", "hello", { "x-token": "t" }],
    ["List", "fail", { "x-token": "t" }],
    ["List", "hello", {}],
    ["Chat", "hello", { "x-token": "t" }],
    ["Chat", "hello", {}],
  ] as const)("%s of %s with %o is answered as by grpc-js", async (method, text, metadata) => {
    const seen: string[][] = [];
    for (const port of ports) {
      log = [];
      seen.push([...(await talk(port, method, text, metadata)), ...log]);
    }
    expect(seen[0]?.length).toBeGreaterThan(0);
    expect(seen[1]).toEqual(seen[0]);
  });
});

/** The events of one call. */
function talk(port: number, name: string, text: string, entries: Readonly<Record<string, string>>): Promise<string[]> {
  const method = Object.values(service).find(({ path }) => path.endsWith(`/${name}`)) as grpc.MethodDefinition<
    Text,
    Text
  >;
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  const metadata = new grpc.Metadata();
  for (const [key, value] of Object.entries(entries)) metadata.set(key, value);
  const events: string[] = [];
  const own = (given: grpc.Metadata) =>
    Object.entries(given.getMap())
      .filter(([key]) => key.startsWith("x-"))
      .sort()
      .join(" ");
  const { path, requestSerialize: serialize, responseDeserialize: deserialize } = method;
  const deadline = { deadline: Date.now() + 5_000 };
  return new Promise((resolve) => {
    const answer = (error: grpc.ServiceError | null, value?: Text) =>
      events.push(error ? `error ${error.code} ${error.details}` : `answer ${JSON.stringify(value)}`);
    const call = method.requestStream
      ? method.responseStream
        ? client.makeBidiStreamRequest(path, serialize, deserialize, metadata, deadline)
        : client.makeClientStreamRequest(path, serialize, deserialize, metadata, deadline, answer)
      : method.responseStream
        ? client.makeServerStreamRequest(path, serialize, deserialize, { text, number: 1 }, metadata, deadline)
        : client.makeUnaryRequest(path, serialize, deserialize, { text, number: 1 }, metadata, deadline, answer);
    call.on("metadata", (header: grpc.Metadata) => {
      if (own(header) !== "") events.push(`header ${own(header)}`);
    });
    call.on("data", (message: Text) => events.push(`message ${JSON.stringify(message)}`));
    call.on("error", () => {});
    call.on("status", (status: grpc.StatusObject) => {
      events.push(`status ${status.code} ${status.details} ${own(status.metadata)}`);
      setTimeout(() => {
        client.close();
        resolve(events);
      }, 20);
    });
    if (method.requestStream) {
      const writable = call as grpc.ClientWritableStream<Text>;
      for (const number of [1, 2]) writable.write({ text, number });
      writable.end();
    }
  });
}
