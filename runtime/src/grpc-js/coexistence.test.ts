import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as grpc from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { collect, failureOf, requests } from "../../testing/calls.js";
import { Echo, EchoResponseSchema } from "../../testing/gen/echo_pb.js";
import { echoDefinition, startGrpcJsServer } from "../../testing/grpc-js-server.js";
import { createWritableIterable } from "../async-iterable.js";
import { createClient } from "../client/create-client.js";
import { Code } from "../code.js";
import { ConnectError } from "../connect-error.js";
import { createApp } from "../node/app.js";
import { createGrpcTransport } from "../node/grpc-transport.js";
import { serve } from "../node/serve.js";
import { grpcJsFallback } from "./grpc-js-fallback.js";
import { grpcJsImpl, serviceDefinition } from "./grpc-js-impl.js";
import { transportFromGrpcJs } from "./transport-from-grpc-js.js";

// biome-ignore lint/suspicious/noExplicitAny: grpc-js's generic client and implementation
type Any = any;

describe("grpcJsImpl: a Connect implementation in a grpc-js server", () => {
  it("all kinds, metadata, errors with details, cancellation, interceptors", async () => {
    let aborted = 0;
    const intercepted: string[] = [];
    const server = new grpc.Server();
    server.addService(
      serviceDefinition(Echo) as Any,
      grpcJsImpl(
        Echo,
        {
          unary(request, context) {
            context.responseHeader.set("x-head", context.requestHeader.get("x-in") ?? "");
            context.responseTrailer.set("x-trail", "t");
            if (request.text === "fail") {
              throw new ConnectError("no: such", Code.NotFound, { "x-error": "why" }, [
                { desc: EchoResponseSchema, value: { text: "detail" } },
              ]);
            }
            return { text: `${request.text}, ${context.timeoutMs() !== undefined}` };
          },
          async *serverStream(request, context) {
            for (let count = 0; count < request.count; count++) {
              yield { count };
            }
            if (request.text === "hang") {
              await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
              aborted++;
            }
          },
          async clientStream(messages) {
            return { count: (await collect(messages)).length };
          },
          async *bidi(messages) {
            for await (const message of messages) {
              yield { text: `re ${message.text}` };
            }
          },
        },
        {
          interceptors: [
            (next) => (request) => {
              intercepted.push(request.method.name);
              return next(request);
            },
          ],
        },
      ) as Any,
    );
    const port = await new Promise<number>((resolve) =>
      server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (_e, p) => resolve(p)),
    );
    const transport = createGrpcTransport({ target: `127.0.0.1:${port}` });
    const client = createClient(Echo, transport);
    const seen: Array<string | null> = [];
    const response = await client.unary(
      { text: "a" },
      {
        headers: { "x-in": "1" },
        timeoutMs: 5000,
        onHeader: (h) => seen.push(h.get("x-head")),
        onTrailer: (t) => seen.push(t.get("x-trail")),
      },
    );
    expect([response.text, ...seen]).toEqual(["a, true", "1", "t"]);
    const error = await failureOf(client.unary({ text: "fail" }));
    expect([error.code, error.rawMessage, error.metadata.get("x-error")]).toEqual([5, "no: such", "why"]);
    expect(error.findDetails(EchoResponseSchema)[0]?.text).toBe("detail");
    expect((await collect(client.serverStream({ count: 300 }))).length).toBe(300);
    expect((await client.clientStream(requests(["a", "b"]))).count).toBe(2);
    const input = createWritableIterable<{ text: string }>();
    const output = client.bidi(input)[Symbol.asyncIterator]();
    for (const text of ["x", "y"]) {
      await input.write({ text });
      expect((await output.next()).value.text).toBe(`re ${text}`);
    }
    input.close();
    expect((await output.next()).done).toBe(true);
    expect((await failureOf(client.get({}))).code).toBe(Code.Unimplemented);
    await failureOf(collect(client.serverStream({ text: "hang" }, { signal: AbortSignal.timeout(50) })));
    await expect.poll(() => aborted).toBe(1);
    expect(intercepted.slice(0, 3)).toEqual(["Unary", "Unary", "ServerStream"]);
    transport.close();
    server.forceShutdown();
  });
});

describe("transportFromGrpcJs: Connect clients on a grpc-js channel", () => {
  it("all kinds, metadata, errors, deadline, abort", async () => {
    const peer = await startGrpcJsServer();
    const Client = grpc.makeGenericClientConstructor(echoDefinition, "Echo");
    const channel = new Client(peer.address, grpc.credentials.createInsecure());
    const client = createClient(Echo, transportFromGrpcJs(channel));
    const seen: Array<string | null> = [];
    const response = await client.unary(
      { text: "u" },
      {
        headers: { "x-a": "1" },
        onHeader: (h) => seen.push(h.get("x-a")),
        onTrailer: (t) => seen.push(t.get("x-trail")),
      },
    );
    expect([response.text, ...seen]).toEqual(["u", "1", "t"]);
    const error = await failureOf(client.unary({ text: "fail 5 gone" }));
    expect([error.code, error.rawMessage, error.metadata.get("x-error")]).toEqual([Code.NotFound, "gone", "why"]);
    expect(await collect(client.serverStream({ text: "s", count: 200 }))).toHaveLength(200);
    const seenBefore: number[] = [];
    const late = await failureOf(
      (async () => {
        for await (const r of client.serverStream({ text: "fail 9 stop", count: 2 })) {
          seenBefore.push(r.count);
        }
      })(),
    );
    expect([late.code, seenBefore]).toEqual([Code.FailedPrecondition, [0, 1]]);
    expect((await client.clientStream(requests(["a", "b"]))).text).toBe("a,b");
    expect((await collect(client.bidi(requests(["a", "b"])))).map((r) => r.text)).toEqual(["a", "b"]);
    expect((await failureOf(client.unary({ text: "hang" }, { timeoutMs: 50 }))).code).toBe(Code.DeadlineExceeded);
    const abort = { signal: AbortSignal.timeout(50) };
    expect((await failureOf(collect(client.serverStream({ text: "hang", count: 1 }, abort)))).code).toBe(Code.Canceled);
    channel.close();
    peer.stop();
  });
});

describe("grpcJsFallback: one port for an app and an old server", () => {
  it("what the app does not serve is answered by the old server, unchanged", async () => {
    const folder = mkdtempSync(join(tmpdir(), "connect-migrate-fallback-"));
    const socket = join(folder, "old.sock");
    const old = await startGrpcJsServer(undefined, {}, `unix:${socket}`);
    const app = createApp({ routes() {}, fallback: grpcJsFallback(socket) } as Any);
    const front = await serve(app, { address: "127.0.0.1:0", signals: false });
    const transport = createGrpcTransport({ target: `127.0.0.1:${front.port}` });
    const client = createClient(Echo, transport);
    const trailers: Array<string | null> = [];
    const response = await client.unary({ text: "u" }, { onTrailer: (t) => trailers.push(t.get("x-trail")) });
    expect([response.text, ...trailers]).toEqual(["u", "t"]);
    const error = await failureOf(client.unary({ text: "fail 5 gone, 100%" }));
    expect([error.code, error.rawMessage, error.metadata.get("x-error")]).toEqual([5, "gone, 100%", "why"]);
    const payload = new Uint8Array(2000);
    expect(await collect(client.serverStream({ text: "s", count: 1000, payload }))).toHaveLength(1000);
    expect((await collect(client.bidi(requests(["a", "b"])))).map((r) => r.text)).toEqual(["a", "b"]);
    await failureOf(client.unary({ text: "hang" }, { signal: AbortSignal.timeout(40) }));
    await expect.poll(() => old.cancelled).toBeGreaterThan(0);
    transport.close();
    front.destroy();
    old.stop();
    rmSync(folder, { recursive: true, force: true });
  });
});
