import * as grpc from "@grpc/grpc-js";
import { context, propagation, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import {
  AggregationTemporality,
  DataPointType,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { collect, failureOf, requests } from "../../testing/calls.js";
import { Echo } from "../../testing/gen/echo_pb.js";
import { startGrpcJsServer } from "../../testing/grpc-js-server.js";
import { createClient } from "../client/create-client.js";
import type { ClosableTransport } from "../client/protocol-transport.js";
import { Code } from "../code.js";
import { ConnectError } from "../connect-error.js";
import type { Interceptor } from "../interceptor.js";
import { createApp } from "../node/app.js";
import { createConnectTransport } from "../node/connect-transport.js";
import { createGrpcTransport } from "../node/grpc-transport.js";
import { createGrpcWebTransport } from "../node/grpc-web-transport.js";
import { type RunningServer, serve } from "../node/serve.js";
import { createClientTelemetry, createServerTelemetry } from "./index.js";

const spans = new InMemorySpanExporter();
const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] });
const measured = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
const reader = new PeriodicExportingMetricReader({ exporter: measured, exportIntervalMillis: 3_600_000 });
const meterProvider = new MeterProvider({ readers: [reader] });

const service = "connect_migrate.test.v1.Echo";
/** The span that is active in the handler, at each message of a stream. */
const active: (string | undefined)[] = [];
const note = () => active.push(trace.getActiveSpan()?.spanContext().spanId);

let server: RunningServer;
const recovering: Interceptor = (next) => async (request) => {
  try {
    return await next(request);
  } catch (e) {
    if (request.header.get("recover") === null) throw e;
    throw new ConnectError("recovered", Code.NotFound);
  }
};

beforeAll(async () => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  const app = createApp({
    interceptors: [
      recovering,
      createServerTelemetry({
        tracerProvider,
        meterProvider,
        requestMetadata: ["X-Team"],
        filter: (request) => request.header.get("unseen") === null,
      }),
    ],
    routes: (router) =>
      void router.service(Echo, {
        async unary(request, handler) {
          note();
          if (request.text === "not found") throw new ConnectError("nobody", Code.NotFound);
          if (request.text === "bug") throw new TypeError("a secret");
          if (request.text === "hang")
            await new Promise((resolve) => handler.signal.addEventListener("abort", resolve));
          return { text: request.text };
        },
        async *serverStream(request) {
          for (let i = 0; i < request.count; i++) {
            note();
            yield { count: i };
          }
          if (request.text === "fail") throw new ConnectError("broken", Code.DataLoss);
        },
        async clientStream(all) {
          let count = 0;
          for await (const _ of all) count++;
          note();
          return { count };
        },
        async *bidi(all) {
          for await (const request of all) {
            note();
            yield { text: request.text };
          }
        },
      }),
  });
  server = await serve(app, { address: "127.0.0.1:0", signals: false });
});
afterAll(async () => {
  server.destroy();
  context.disable();
  propagation.disable();
  await meterProvider.shutdown();
  await tracerProvider.shutdown();
});
beforeEach(() => {
  spans.reset();
  active.length = 0;
});

interface Protocol {
  readonly system: "grpc" | "connectrpc";
  readonly transport: (interceptors: Interceptor[]) => ClosableTransport;
}
const baseUrl = () => `http://127.0.0.1:${server.port}`;
const overGrpc: Protocol = {
  system: "grpc",
  transport: (interceptors) => createGrpcTransport({ baseUrl: baseUrl(), interceptors }),
};
const protocols: [string, Protocol][] = [
  ["gRPC", overGrpc],
  [
    "gRPC-Web",
    {
      system: "grpc",
      transport: (interceptors) => createGrpcWebTransport({ baseUrl: baseUrl(), httpVersion: "1.1", interceptors }),
    },
  ],
  [
    "Connect",
    {
      system: "connectrpc",
      transport: (interceptors) => createConnectTransport({ baseUrl: baseUrl(), httpVersion: "2", interceptors }),
    },
  ],
];

function clientOf(protocol: Protocol, more: Interceptor[] = []) {
  const telemetry = createClientTelemetry({ tracerProvider, meterProvider, responseMetadata: ["content-type"] });
  return createClient(Echo, protocol.transport([telemetry, ...more]));
}

/** The server's span ends on its own time. */
async function finished(count: number): Promise<Record<"client" | "server", ReadableSpan | undefined>> {
  for (let i = 0; i < 200 && spans.getFinishedSpans().length < count; i++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const all = spans.getFinishedSpans();
  expect(all.length).toBe(count);
  const of = (kind: SpanKind) => all.find((span) => span.kind === kind);
  return { client: of(SpanKind.CLIENT), server: of(SpanKind.SERVER) };
}

describe.each(protocols)("%s", (_name, protocol) => {
  const { system } = protocol;
  // One connection: a deadline must not pass before the server is reached
  const one = { client: undefined as ReturnType<typeof clientOf> | undefined };
  const client = () => {
    one.client ??= clientOf(protocol);
    return one.client;
  };
  const lower = system === "connectrpc";

  it("a unary call: two spans of one trace, the handler runs in the server's", async () => {
    await client().unary({ text: "x" }, { headers: { "x-team": "red", other: "secret" } });
    const { client: outer, server: inner } = await finished(2);
    expect(outer?.name).toBe(`${service}/Unary`);
    expect(inner?.name).toBe(`${service}/Unary`);
    expect(inner?.parentSpanContext?.spanId).toBe(outer?.spanContext().spanId);
    expect(inner?.parentSpanContext?.isRemote).toBe(true);
    expect(active).toEqual([inner?.spanContext().spanId]);
    const common = {
      "rpc.system.name": system,
      "rpc.method": `${service}/Unary`,
      "rpc.response.status_code": "OK",
      "server.address": "127.0.0.1",
      "server.port": server.port,
    };
    expect(outer?.attributes).toEqual({
      ...common,
      "rpc.response.metadata.content-type": [expect.stringMatching(/^application\//)],
    });
    expect(inner?.attributes).toEqual({
      ...common,
      "rpc.request.metadata.x-team": ["red"],
      "client.address": "127.0.0.1",
      "client.port": expect.any(Number),
      "network.peer.address": "127.0.0.1",
      "network.peer.port": expect.any(Number),
    });
    expect(inner?.status.code).toBe(SpanStatusCode.UNSET);
  });

  it("streams end with their last message, and their generators run in the span", async () => {
    expect(await collect(client().serverStream({ count: 3 }))).toHaveLength(3);
    const { client: outer, server: inner } = await finished(2);
    const id = inner?.spanContext().spanId;
    expect(active).toEqual([id, id, id]);
    expect(outer?.attributes["rpc.response.status_code"]).toBe("OK");
    spans.reset();
    active.length = 0;
    expect((await client().clientStream(requests(["a", "b"]))).count).toBe(2);
    const upload = await finished(2);
    expect(active).toEqual([upload.server?.spanContext().spanId]);
  });

  it("an error that says nothing of the server is one for the client only", async () => {
    await failureOf(client().unary({ text: "not found" }));
    const { client: outer, server: inner } = await finished(2);
    const status = lower ? "not_found" : "NOT_FOUND";
    expect(outer?.attributes).toMatchObject({ "rpc.response.status_code": status, "error.type": status });
    expect(outer?.status).toEqual({ code: SpanStatusCode.ERROR, message: "nobody" });
    expect(inner?.attributes["rpc.response.status_code"]).toBe(status);
    expect(inner?.attributes["error.type"]).toBeUndefined();
    expect(inner?.status.code).toBe(SpanStatusCode.UNSET);
  });

  it("a bug in a handler: the code is the caller's, the exception is the operator's", async () => {
    await failureOf(client().unary({ text: "bug" }));
    const { client: outer, server: inner } = await finished(2);
    expect(inner?.attributes["error.type"]).toBe(lower ? "internal" : "INTERNAL");
    expect(inner?.status.code).toBe(SpanStatusCode.ERROR);
    expect(inner?.events[0]?.attributes?.["exception.message"]).toBe("a secret");
    expect(JSON.stringify(outer?.events)).not.toContain("secret");
  });

  it("a stream that fails after messages", async () => {
    await failureOf(collect(client().serverStream({ count: 2, text: "fail" })));
    const both = await finished(2);
    const status = lower ? "data_loss" : "DATA_LOSS";
    expect([both.client, both.server].map((span) => span?.attributes["error.type"])).toEqual([status, status]);
  });

  it("deadline and cancellation end both spans, though the handler does not end", async () => {
    await failureOf(client().unary({ text: "hang" }, { timeoutMs: 200 }));
    const late = await finished(2);
    const exceeded = lower ? "deadline_exceeded" : "DEADLINE_EXCEEDED";
    expect([late.client, late.server].map((span) => span?.attributes["rpc.response.status_code"])).toEqual([
      exceeded,
      // The client's reset may come first
      expect.stringMatching(/deadline_exceeded|cancell?ed/i),
    ]);
    spans.reset();
    const controller = new AbortController();
    const call = failureOf(client().unary({ text: "hang" }, { signal: controller.signal }));
    setTimeout(() => controller.abort(), 200);
    await call;
    const gone = await finished(2);
    const canceled = lower ? "canceled" : "CANCELLED";
    expect([gone.client, gone.server].map((span) => span?.attributes["rpc.response.status_code"])).toEqual([
      canceled,
      canceled,
    ]);
  });
});

describe("every protocol", () => {
  it("bidi streams keep their context message by message", async () => {
    expect(await collect(clientOf(overGrpc).bidi(requests(["a", "b", "c"])))).toHaveLength(3);
    const { server: inner } = await finished(2);
    const id = inner?.spanContext().spanId;
    expect(active).toEqual([id, id, id]);
  });

  it("the program's own span is the parent, and interceptors further in see the call's", async () => {
    let seen: string | undefined;
    const inner: Interceptor = (next) => (request) => {
      seen = trace.getActiveSpan()?.spanContext().spanId;
      return next(request);
    };
    const tracer = tracerProvider.getTracer("program");
    await tracer.startActiveSpan("work", async (span) => {
      await clientOf(overGrpc, [inner]).unary({ text: "x" });
      span.end();
    });
    const { client: outer } = await finished(3);
    const work = spans.getFinishedSpans().find((span) => span.name === "work");
    expect(outer?.parentSpanContext?.spanId).toBe(work?.spanContext().spanId);
    expect(seen).toBe(outer?.spanContext().spanId);
  });

  it("filtered calls leave no trace; an interceptor further out may change the error", async () => {
    await clientOf(overGrpc).unary({ text: "x" }, { headers: { unseen: "1" } });
    await finished(1);
    spans.reset();
    expect((await failureOf(clientOf(overGrpc).unary({ text: "bug" }, { headers: { recover: "1" } }))).code).toBe(
      Code.NotFound,
    );
    expect((await finished(2)).server?.attributes["rpc.response.status_code"]).toBe("NOT_FOUND");
  });

  it("a server that cannot be reached", async () => {
    const transport = createGrpcTransport({
      target: "127.0.0.1:1",
      interceptors: [createClientTelemetry({ tracerProvider, meterProvider: false })],
    });
    await failureOf(createClient(Echo, transport).unary({}));
    const { client: outer } = await finished(1);
    expect(outer?.attributes).toMatchObject({ "error.type": "UNAVAILABLE", "server.port": 1 });
  });

  it("a grpc-js server receives the trace in its metadata", async () => {
    let received: grpc.MetadataValue[] | undefined;
    const note: grpc.ServerInterceptor = (_method, call) =>
      new grpc.ServerInterceptingCall(call, {
        start: (next) =>
          next({
            onReceiveMetadata: (metadata, pass) => {
              received = metadata.get("traceparent");
              pass(metadata);
            },
          }),
      });
    const peer = await startGrpcJsServer(grpc.ServerCredentials.createInsecure(), { interceptors: [note] });
    const transport = createGrpcTransport({
      target: peer.address,
      interceptors: [createClientTelemetry({ tracerProvider, meterProvider: false })],
    });
    await createClient(Echo, transport).unary({ text: "x" });
    const { client: outer } = await finished(1);
    expect(received).toEqual([`00-${outer?.spanContext().traceId}-${outer?.spanContext().spanId}-01`]);
    transport.close();
    peer.stop();
  });

  it("durations in seconds, by method and code", async () => {
    await clientOf(overGrpc).unary({ text: "x" });
    await finished(2);
    await reader.forceFlush();
    const found = measured.getMetrics().at(-1)?.scopeMetrics[0]?.metrics ?? [];
    expect(found.map((metric) => [metric.descriptor.name, metric.descriptor.unit]).sort()).toEqual([
      ["rpc.client.call.duration", "s"],
      ["rpc.server.call.duration", "s"],
    ]);
    for (const metric of found) {
      if (metric.dataPointType !== DataPointType.HISTOGRAM) throw new Error("no histogram");
      const side = metric.descriptor.name.includes("client") ? "client" : "server";
      const ok = metric.dataPoints.find(
        ({ attributes }) =>
          attributes["rpc.system.name"] === "grpc" &&
          attributes["rpc.method"] === `${service}/Unary` &&
          attributes["rpc.response.status_code"] === "OK",
      );
      expect(ok?.attributes, side).toEqual({
        "rpc.system.name": "grpc",
        "rpc.method": `${service}/Unary`,
        "rpc.response.status_code": "OK",
        "server.address": "127.0.0.1",
        "server.port": server.port,
      });
      expect(ok?.value.buckets.boundaries).toEqual([
        0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
      ]);
      expect(ok?.value.max).toBeLessThan(10);
      const failed = metric.dataPoints.find(({ attributes }) => attributes["error.type"] === "DATA_LOSS");
      expect(failed?.value.count, side).toBeGreaterThan(0);
    }
  });
});
