import * as grpc from "@grpc/grpc-js";
import { HealthImplementation, type ServingStatus, service } from "grpc-health-check";
import { expect, it } from "vitest";
import { createApp } from "../node/app.js";
import { serve } from "../node/serve.js";
import { createHealth } from "./health.js";

// The client that grpc-health-check defines, in one conversation with its own server and with ours.

interface Subject {
  readonly port: number;
  setStatus(name: string, status: ServingStatus): void;
  stop(): void;
}

const statuses = { "": "SERVING", "shop.Stock": "NOT_SERVING", "shop.Idle": "UNKNOWN" } as const;

async function theirs(): Promise<Subject> {
  const health = new HealthImplementation(statuses);
  const server = new grpc.Server();
  health.addToServer(server);
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  return { port, setStatus: (name, status) => health.setStatus(name, status), stop: () => server.forceShutdown() };
}

async function ours(): Promise<Subject> {
  const health = createHealth(statuses);
  const server = await serve(createApp({ routes: (router) => health.routes(router) }), {
    address: "127.0.0.1:0",
    signals: false,
  });
  return {
    port: server.port,
    setStatus: (name, status) => health.setStatus(name, status),
    stop: () => server.destroy(),
  };
}

async function conversation(subject: Subject): Promise<unknown[]> {
  const said: unknown[] = [];
  const Client = grpc.makeGenericClientConstructor(service as unknown as grpc.ServiceDefinition, "Health");
  // biome-ignore lint/suspicious/noExplicitAny: a client that is made at run time
  const client: any = new Client(`127.0.0.1:${subject.port}`, grpc.credentials.createInsecure());
  const call = (method: string, request: object) =>
    new Promise<void>((resolve) =>
      client[method](request, (error: grpc.ServiceError | null, answer: unknown) => {
        said.push(error === null ? [method, answer] : [method, error.code, error.details]);
        resolve();
      }),
    );
  for (const name of ["", "shop.Stock", "shop.Idle", "nope"]) await call("check", { service: name });
  await call("list", {});
  const watch = (name: string) => {
    const seen: unknown[] = [];
    const stream: grpc.ClientReadableStream<{ status: string }> = client.watch({ service: name });
    stream.on("data", ({ status }) => seen.push(status));
    stream.on("error", (error: grpc.ServiceError) => seen.push(error.code));
    return { seen, stream };
  };
  const watches = ["shop.Stock", "later", ""].map(watch);
  const heard = (count: number) =>
    expect.poll(() => watches.map(({ seen }) => seen.length >= count)).toEqual([true, true, true]);
  await heard(1);
  for (const status of ["SERVING", "SERVING", "NOT_SERVING"] as const) {
    for (const name of ["shop.Stock", "later", ""]) subject.setStatus(name, status);
  }
  await heard(4);
  await call("check", { service: "later" });
  await call("list", {});
  for (const { stream } of watches) stream.cancel();
  await heard(5);
  said.push(watches.map(({ seen }) => seen));
  client.close();
  subject.stop();
  return said;
}

it("Check, Watch and List say what grpc-health-check's own server says", async () => {
  const expected = await conversation(await theirs());
  expect(expected).toHaveLength(8);
  expect(await conversation(await ours())).toEqual(expected);
});
