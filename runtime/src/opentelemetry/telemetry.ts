import {
  type Attributes,
  type Context,
  context,
  type Histogram,
  type MeterProvider,
  metrics,
  propagation,
  SpanKind,
  type TextMapGetter,
  type TextMapPropagator,
  type TextMapSetter,
  type TracerProvider,
  trace,
} from "@opentelemetry/api";
import { ConnectError } from "../connect-error.js";
import type { AnyFn, Interceptor, StreamResponse, UnaryResponse } from "../interceptor.js";
import {
  type AnyRequest,
  callAttributes,
  metadataAttributes,
  methodName,
  peerAttributes,
  type Side,
  systemOf,
} from "./attributes.js";
import { type CallRecord, createCallRecord } from "./call-record.js";

/** All are optional; the defaults are what the program registered with `@opentelemetry/api`. */
export interface TelemetryOptions {
  /** Makes the tracer. Default: the global provider. `false`: no spans (context is still propagated). */
  readonly tracerProvider?: TracerProvider | false;
  /** Makes the meter. Default: the global provider. `false`: no metrics. */
  readonly meterProvider?: MeterProvider | false;
  /** How a trace travels in headers. Default: the global propagator, usually W3C Trace Context. */
  readonly propagator?: TextMapPropagator;
  /** Which calls are recorded; for instance all but health checks. Default: all. */
  readonly filter?: (request: AnyRequest) => boolean;
  /** Request headers to record as `rpc.request.metadata.<name>`. Default: none, since headers can hold secrets. */
  readonly requestMetadata?: readonly string[];
  /** Response headers to record as `rpc.response.metadata.<name>`. Default: none. */
  readonly responseMetadata?: readonly string[];
}

/**
 * An interceptor for transports: one CLIENT span and one measurement of `rpc.client.call.duration` (seconds) for each call,
 * by the OpenTelemetry RPC semantic conventions (1.45). The span travels to the server in the request's headers.
 *
 * As the first interceptor it covers what the others do, all their attempts included; as the last, each attempt of theirs.
 * The span of a stream ends with the stream: one that is neither read to its end nor cancelled leaves an open span.
 */
export function createClientTelemetry(options?: TelemetryOptions): Interceptor {
  return createTelemetry("client", options);
}

/**
 * An interceptor for routers and apps: one SERVER span, child of the caller's, and one measurement of
 * `rpc.server.call.duration` (seconds) for each call that reaches its handler. The span is active in the handler, whatever
 * its kind. Requests that are refused before (unknown path, broken message, request gate) have none.
 *
 * The code that is reported is the one that the caller gets: also for what a handler throws, deadlines and cancellation.
 */
export function createServerTelemetry(options?: TelemetryOptions): Interceptor {
  return createTelemetry("server", options);
}

const scope = "@connect-migrate/runtime";

/** Seconds; the conventions' own boundaries for call durations. */
const boundaries = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

function createTelemetry(side: Side, options: TelemetryOptions = {}): Interceptor {
  const { filter, requestMetadata = [], responseMetadata = [] } = options;
  // A program may register its providers after it made this interceptor
  let provider: MeterProvider | undefined;
  let histogram: Histogram | undefined;
  const duration = () => {
    if (options.meterProvider === false) return undefined;
    const current = options.meterProvider ?? metrics.getMeterProvider();
    if (histogram === undefined || current !== provider) {
      provider = current;
      histogram = current.getMeter(scope).createHistogram(`rpc.${side}.call.duration`, {
        description: `Duration of an ${side === "client" ? "outgoing" : "incoming"} remote procedure call.`,
        unit: "s",
        advice: { explicitBucketBoundaries: boundaries },
      });
    }
    return histogram;
  };
  const startSpan = (request: AnyRequest, attributes: Attributes, parent: Context) => {
    if (options.tracerProvider === false) return undefined;
    return (options.tracerProvider ?? trace).getTracer(scope).startSpan(
      methodName(request),
      {
        kind: side === "client" ? SpanKind.CLIENT : SpanKind.SERVER,
        attributes: {
          ...attributes,
          ...(side === "server" ? peerAttributes(request) : {}),
          ...metadataAttributes("request", request.header, requestMetadata),
        },
      },
      parent,
    );
  };
  const propagator = () => options.propagator ?? propagation;

  return (next) => async (request) => {
    if (filter !== undefined && !filter(request)) return await next(request);
    const parent =
      side === "client" ? context.active() : propagator().extract(context.active(), request.header, headerGetter);
    const attributes = callAttributes(request);
    const record = createCallRecord({
      side,
      system: systemOf(request),
      attributes,
      span: startSpan(request, attributes, parent),
      duration: duration(),
    });
    const within = record.span === undefined ? parent : trace.setSpan(parent, record.span);
    if (side === "client") {
      propagator().inject(within, request.header, headerSetter);
    }
    // A deadline or a caller that leaves: the handler, or the reader of a stream, may never say so
    const stopWatching = watchAbort(request.signal, record);
    try {
      const response = await context.with(within, () => call(next, request));
      const seen = metadataAttributes("response", response.header, responseMetadata);
      if (response.stream) return recordedStream(response, record, within, seen, stopWatching, side);
      stopWatching();
      record.end(undefined, seen);
      return response;
    } catch (reason) {
      endFailed(side, record, reason, stopWatching);
      throw reason;
    }
  };
}

/** `next` may throw before it returns a promise. */
async function call(next: AnyFn, request: AnyRequest): Promise<UnaryResponse | StreamResponse> {
  return await next(request);
}

function watchAbort(signal: AbortSignal, record: CallRecord): () => void {
  const onAbort = () => record.end(ConnectError.from(signal.reason));
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  return () => signal.removeEventListener("abort", onAbort);
}

/**
 * On a server the router decides what the caller sees of `reason`, and aborts the call's signal with it: the record ends
 * there. Unless an interceptor further out recovers: then `reason` is all there is to know.
 */
function endFailed(side: Side, record: CallRecord, reason: unknown, stopWatching: () => void): void {
  if (side === "client") {
    stopWatching();
    record.end(ConnectError.from(reason));
    return;
  }
  setImmediate(() => {
    stopWatching();
    record.end(ConnectError.from(reason));
  });
}

function recordedStream(
  response: StreamResponse,
  record: CallRecord,
  within: Context,
  attributes: Attributes,
  stopWatching: () => void,
  side: Side,
): StreamResponse {
  // The body of a generator runs in the context of who asks for its next value
  const step = async (ask: () => Promise<IteratorResult<unknown>>): Promise<IteratorResult<unknown>> => {
    try {
      const result = await context.with(within, ask);
      if (result.done === true) {
        stopWatching();
        record.end(undefined, attributes);
      }
      return result;
    } catch (reason) {
      endFailed(side, record, reason, stopWatching);
      throw reason;
    }
  };
  const message: AsyncIterable<unknown> = {
    [Symbol.asyncIterator]() {
      const iterator: AsyncIterator<unknown> = response.message[Symbol.asyncIterator]();
      const recorded: AsyncIterator<unknown> = { next: () => step(() => iterator.next()) };
      // A client's stream has no return(): leaving a loop does not end the call
      const leave = iterator.return?.bind(iterator);
      if (leave !== undefined) recorded.return = (value) => step(() => leave(value));
      return recorded;
    },
  };
  return { ...response, message: message as StreamResponse["message"] };
}

const headerGetter: TextMapGetter<Headers> = {
  get: (headers, name) => headers.get(name) ?? undefined,
  keys: (headers) => [...headers.keys()],
};
const headerSetter: TextMapSetter<Headers> = { set: (headers, name, value) => headers.set(name, value) };
