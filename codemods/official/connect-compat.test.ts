import path from "node:path";
import * as grpc from "@grpc/grpc-js";
import protoLoader from "@grpc/proto-loader";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadProtos } from "../generate/index.js";
import { tempProject } from "../generate/testing/temp-project.js";
import { createApp, createPushStream, grpcJsMessages, type RunningServer, serve } from "./connect-compat.js";

const project = tempProject({
  "ticks.proto": `syntax = "proto3"; package ticks.v1;
service Ticks { rpc List(Tick) returns (stream Tick); rpc Get(Tick) returns (Tick); }
message Tick { int32 number = 1; string text = 2; }`,
});
const definition = protoLoader.loadSync(path.join(project.root, "ticks.proto"), { defaults: true })[
  "ticks.v1.Ticks"
] as grpc.ServiceDefinition;
let running: RunningServer;
let client: grpc.Client;

beforeAll(async () => {
  const { registry } = await loadProtos({ root: project.root });
  const service = registry?.service("ticks.v1.Ticks");
  if (!service) throw new Error("the schema does not compile");
  const app = createApp({
    routes(router) {
      router.service(
        service,
        {
          list: (request: { number: number }) =>
            createPushStream<object>((output) => {
              const tick = { number: 1, text: "first" };
              output.write(tick);
              Object.assign(tick, { number: 2, text: "second" });
              setTimeout(() => {
                output.write(tick);
                tick.number = 3;
                if (request.number > 0) output.fail(new Error("not shown"));
                output.end();
              }, 10);
            }),
        },
        { messages: grpcJsMessages(definition) },
      );
    },
    readMaxBytes: 100,
    compat: "grpc-js",
  });
  running = await serve(app, { address: "127.0.0.1:0", signals: false });
  const Client = grpc.makeClientConstructor(definition, "Ticks");
  client = new Client(`127.0.0.1:${running.port}`, grpc.credentials.createInsecure());
});
afterAll(async () => {
  client.close();
  await running.close();
  project[Symbol.dispose]();
});

type Methods = Record<string, (...args: unknown[]) => grpc.ClientReadableStream<{ number: number; text: string }>>;

async function listed(number: number): Promise<unknown[]> {
  const call = (client as unknown as Methods).list?.({ number });
  const seen: unknown[] = [];
  call?.on("data", (tick) => seen.push(tick));
  call?.on("error", () => {});
  return new Promise((resolve) => call?.on("status", ({ code, details }) => resolve([...seen, code, details])));
}

const ticks = [
  { number: 1, text: "first" },
  { number: 2, text: "second" },
];

test("a pushed message is sent as it was when it was written", async () => {
  expect(await listed(0)).toEqual([...ticks, 0, "OK"]);
});

test("what a handler throws or fails with, what is not implemented and what is too large have grpc-js's codes and texts", async () => {
  expect(await listed(1)).toEqual([...ticks, 2, "Unknown error"]);
  const fails = (request: object) =>
    new Promise((resolve) =>
      (client as unknown as Methods).get?.(request, ({ code, details }: grpc.ServiceError) => resolve([code, details])),
    );
  expect(await fails({})).toEqual([12, "The server does not implement the method /ticks.v1.Ticks/Get"]);
  expect(await fails({ text: "x".repeat(200) })).toEqual([8, "Received message larger than max (203 vs 100)"]);
});

test("a close does not wait for a client that is only connected", async () => {
  await listed(0);
  expect(await running.close()).toBeUndefined();
});
