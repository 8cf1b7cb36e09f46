import { fileURLToPath } from "node:url";
import * as grpc from "@grpc/grpc-js";
import * as protoLoader from "@grpc/proto-loader";
import { afterEach, describe, expect, it } from "vitest";
import { createApp } from "../node/app.js";
import { type RunningServer, serve } from "../node/serve.js";
import { createHealth, type Health } from "./health.js";

const proto = fileURLToPath(new URL("../../proto/grpc/health/v1/health.proto", import.meta.url));
const { grpc: root } = grpc.loadPackageDefinition(protoLoader.loadSync(proto, { enums: String })) as unknown as {
  grpc: { health: { v1: { Health: grpc.ServiceClientConstructor } } };
};

let server: RunningServer | undefined;
let client: grpc.Client | undefined;
afterEach(() => {
  client?.close();
  server?.destroy();
});
// biome-ignore lint/suspicious/noExplicitAny: a stub that proto-loader makes has no types.
type Method = (...args: any[]) => unknown;
async function start(health: Health): Promise<Record<"Check" | "List" | "Watch", Method>> {
  server = await serve(createApp({ routes: health.routes }), { address: "127.0.0.1:0", signals: false });
  client = new root.health.v1.Health(`127.0.0.1:${server.port}`, grpc.credentials.createInsecure());
  return client as unknown as Record<"Check" | "List" | "Watch", Method>;
}
const call = (method: Method, request: object) =>
  new Promise<{ code: number; details?: string; reply?: unknown }>((resolve) =>
    method.call(client, request, (error: grpc.ServiceError | null, reply: unknown) =>
      resolve(error ? { code: error.code, details: error.details } : { code: 0, reply }),
    ),
  );

describe("health, asked by a grpc-js client", () => {
  it("checks and lists", async () => {
    const health = createHealth({ "": "SERVING", "shop.v1.Stock": "NOT_SERVING" });
    const stub = await start(health);
    expect(await call(stub.Check, { service: "" })).toEqual({ code: 0, reply: { status: "SERVING" } });
    expect(await call(stub.Check, { service: "shop.v1.Stock" })).toEqual({ code: 0, reply: { status: "NOT_SERVING" } });
    expect(await call(stub.Check, { service: "nope" })).toEqual({
      code: grpc.status.NOT_FOUND,
      details: "Health status unknown for service nope",
    });
    health.setStatus("shop.v1.Stock", "SERVING");
    expect(await call(stub.List, {})).toEqual({
      code: 0,
      reply: { statuses: { "": { status: "SERVING" }, "shop.v1.Stock": { status: "SERVING" } } },
    });
  });

  it("lists no more than a hundred services", async () => {
    const many = Array.from({ length: 101 }, (_, i) => [`s${i}`, "SERVING" as const]);
    const stub = await start(createHealth(Object.fromEntries(many)));
    expect((await call(stub.List, {})).code).toBe(grpc.status.RESOURCE_EXHAUSTED);
  });

  it("tells watchers each change, and that the server goes, so that it can drain", async () => {
    const health = createHealth();
    const stub = await start(health);
    const seen: string[] = [];
    const ended = new Promise<void>((resolve) => {
      const stream = stub.Watch.call(client, { service: "later" }) as grpc.ClientReadableStream<{ status: string }>;
      stream.on("data", (message) => {
        seen.push(message.status);
        if (seen.length === 1) health.setStatus("later", "SERVING");
        if (seen.length === 2) void server?.close();
      });
      stream.on("error", (error: grpc.ServiceError) => seen.push(grpc.status[error.code] ?? ""));
      stream.on("end", resolve);
      stream.on("close", resolve);
    });
    await ended;
    expect(seen).toEqual(["SERVICE_UNKNOWN", "SERVING", "NOT_SERVING", "UNAVAILABLE"]);
  });
});
