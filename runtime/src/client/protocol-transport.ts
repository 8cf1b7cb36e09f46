import type { DescMethod, DescMethodStreaming, DescMethodUnary } from "@bufbuild/protobuf";
import { create, isMessage } from "@bufbuild/protobuf";
import type { ContextValues } from "../context-values.js";
import { createContextValues } from "../context-values.js";
import { createHeaders } from "../headers.js";
import {
  applyInterceptors,
  type Interceptor,
  type StreamRequest,
  type StreamResponse,
  type UnaryRequest,
  type UnaryResponse,
} from "../interceptor.js";
import type { MessageCodecs } from "../message-codec.js";
import { isWritten, onWrite } from "../on-write.js";
import type { Transport } from "../transport.js";
import { callInterceptors } from "./call-interceptors.js";
import { type Attempt, CallScope, type Scope } from "./call-scope.js";
import { EarlyMessages } from "./early-messages.js";
import { runHedgedStream, runHedgedUnary } from "./hedged-call.js";
import type { Connectivity, OutgoingHeaders } from "./http-client.js";
import { OneMessage } from "./one-message.js";
import { peerOfCall } from "./peer-of-call.js";
import { runStream, serializeForStream } from "./stream-call.js";
import {
  callHeaders,
  createPlan,
  type MethodPlan,
  type TransportCore,
  type TransportSettings,
} from "./transport-core.js";
import { runUnary } from "./unary-call.js";
import { waitForReady } from "./wait-for-ready.js";
import type { WireProtocol } from "./wire-protocol.js";

/** A transport of ours: it can be closed, and it can carry messages that are not protobuf-es'. */
export interface ClosableTransport extends Transport {
  /** Calls under way finish; later calls fail with `unavailable`. */
  close(): void;
  /** State of the connections; undefined over HTTP/1.1, where Node's agent keeps them. */
  readonly connectivity?: Connectivity | undefined;
}

/** The same transport for a client with its own message codecs. */
export const withMessages = Symbol.for("connect-migrate/transport-with-messages");

export interface MessagesTransport extends Transport {
  [withMessages](messages: MessageCodecs): Transport;
}

export function createProtocolTransport(protocol: WireProtocol, settings: TransportSettings): ClosableTransport {
  const core: TransportCore = { protocol, settings };
  const transport: ClosableTransport & MessagesTransport = {
    ...callsOf(core, undefined),
    close: () => settings.http.close(),
    connectivity: settings.http.connectivity,
    [withMessages]: (messages) => callsOf(core, messages),
  };
  return transport;
}

function callsOf(core: TransportCore, messages: MessageCodecs | undefined): Transport {
  const { settings } = core;
  const plans = new Map<DescMethod, MethodPlan>();

  const otherPlans = new Map<DescMethod, MethodPlan>();

  /** The plan of a method, for a call that may say itself whether it waits for a connection. */
  function planFor(method: DescMethod, contextValues: ContextValues | undefined): MethodPlan {
    const plan = planThatWaits(method, contextValues);
    const onPeer = contextValues?.get(peerOfCall);
    return onPeer === undefined ? plan : { ...plan, sendOptions: { ...plan.sendOptions, onPeer } };
  }

  function planThatWaits(method: DescMethod, contextValues: ContextValues | undefined): MethodPlan {
    const plan = planOf(method);
    const waits = contextValues?.get(waitForReady);
    if (waits === undefined || waits === plan.sendOptions.waitForReady) {
      return plan;
    }
    let other = otherPlans.get(method);
    if (other === undefined) {
      other = { ...plan, sendOptions: { ...plan.sendOptions, waitForReady: waits } };
      otherPlans.set(method, other);
    }
    return other;
  }

  function planOf(method: DescMethod): MethodPlan {
    let plan = plans.get(method);
    if (plan === undefined) {
      plan = createPlan(core, method, messages);
      plans.set(method, plan);
    }
    return plan;
  }

  return {
    unary(method, signal, timeoutMs, header, input, contextValues) {
      try {
        const plan = planFor(method, contextValues);
        const scope = new CallScope(signal, shorter(timeoutMs ?? settings.defaultTimeoutMs, plan.policy.timeoutMs));
        const interceptors = interceptorsOf(settings.interceptors, contextValues);
        const run =
          interceptors.length > 0
            ? interceptedUnary(core, plan, scope, header, input, contextValues, messages, interceptors)
            : startUnary(core, plan, scope, callHeaders(header, core.protocol), input);
        return run as Promise<never>;
      } catch (e) {
        return Promise.reject(e);
      }
    },
    stream(method, signal, timeoutMs, header, input, contextValues) {
      try {
        const plan = planFor(method, contextValues);
        const scope = new CallScope(signal, shorter(timeoutMs ?? settings.defaultTimeoutMs, plan.policy.timeoutMs));
        const interceptors = interceptorsOf(settings.interceptors, contextValues);
        const sent = isWritten<unknown>(input)
          ? new EarlyMessages(input, (message) => serializeForStream(core, plan, message))
          : input;
        const run =
          interceptors.length > 0
            ? interceptedStream(core, plan, scope, header, sent, contextValues, messages, interceptors)
            : startStream(core, plan, scope, callHeaders(header, core.protocol), sent);
        return run as Promise<never>;
      } catch (e) {
        return Promise.reject(e);
      }
    },
  };
}

/** Those of the call are innermost. */
export function interceptorsOf(
  own: readonly Interceptor[],
  contextValues: ContextValues | undefined,
): readonly Interceptor[] {
  const more = contextValues?.get(callInterceptors);
  return more === undefined ? own : [...own, ...more];
}

function startUnary(
  core: TransportCore,
  plan: MethodPlan,
  scope: Scope,
  extra: OutgoingHeaders | undefined,
  message: unknown,
): Promise<UnaryResponse> {
  const { hedging } = plan.policy;
  if (hedging !== undefined) {
    return runHedgedUnary(core, plan, hedging, scope, extra, message);
  }
  return runUnary(core, plan, scope, extra, message);
}

function startStream(
  core: TransportCore,
  plan: MethodPlan,
  scope: Scope,
  extra: OutgoingHeaders | undefined,
  input: AsyncIterable<unknown>,
): Promise<StreamResponse> {
  const { hedging } = plan.policy;
  if (hedging !== undefined) {
    return runHedgedStream(core, plan, hedging, scope, extra, input);
  }
  return runStream(core, plan, scope, extra, input);
}

/** A timeout of the service config only ever shortens a call's own. */
function shorter(own: number | undefined, configured: number | undefined): number | undefined {
  if (configured === undefined) {
    return own;
  }
  return own === undefined || !(own > 0) ? configured : Math.min(own, configured);
}

// ---- with interceptors: they see a request object with real Headers and a real AbortSignal, made when touched

function interceptedUnary(
  core: TransportCore,
  plan: MethodPlan,
  scope: CallScope,
  header: HeadersInit | undefined,
  input: unknown,
  contextValues: ContextValues | undefined,
  messages: MessageCodecs | undefined,
  interceptors: readonly Interceptor[],
): Promise<UnaryResponse> {
  const request: UnaryRequest = {
    ...requestCommon(plan, contextValues),
    stream: false,
    method: plan.method as DescMethodUnary,
    message: asMessage(plan, input, messages) as UnaryRequest["message"],
    ...lateParts(core, plan, scope, header),
  };
  defineSignal(request, scope);
  const next = (req: UnaryRequest) =>
    startUnary(core, plan, scopeOf(req, scope), callHeaders(req.header, core.protocol), req.message);
  return settled(applyInterceptors(next, interceptors)(request), scope);
}

function interceptedStream(
  core: TransportCore,
  plan: MethodPlan,
  scope: CallScope,
  header: HeadersInit | undefined,
  input: AsyncIterable<unknown>,
  contextValues: ContextValues | undefined,
  messages: MessageCodecs | undefined,
  interceptors: readonly Interceptor[],
): Promise<StreamResponse> {
  const request: StreamRequest = {
    ...requestCommon(plan, contextValues),
    stream: true,
    method: plan.method as DescMethodStreaming,
    message: asMessages(plan, input, messages) as StreamRequest["message"],
    ...lateParts(core, plan, scope, header),
  };
  defineSignal(request, scope);
  let attempt: Attempt | undefined;
  const next = (req: StreamRequest) => {
    attempt = scopeOf(req, scope);
    return startStream(core, plan, attempt, callHeaders(req.header, core.protocol), req.message);
  };
  return applyInterceptors(
    next,
    interceptors,
  )(request).then(
    (response) => {
      if (attempt === undefined) {
        // An interceptor answered by itself
        scope.finish();
      } else {
        attempt.opened = true;
        if (attempt.finished) {
          scope.finish();
        }
      }
      return response;
    },
    (e) => {
      scope.finish();
      throw e;
    },
  );
}

function requestCommon(plan: MethodPlan, contextValues: ContextValues | undefined) {
  return {
    service: plan.method.parent,
    requestMethod: plan.useGet ? "GET" : "POST",
    url: plan.url,
    contextValues: contextValues ?? createContextValues(),
  };
}

function lateParts(core: TransportCore, plan: MethodPlan, scope: CallScope, header: HeadersInit | undefined) {
  const headers = createHeaders(plan.fixedHeaders as Record<string, string>);
  for (const [name, value] of Object.entries(callHeaders(header, core.protocol) ?? {})) {
    if (Array.isArray(value)) {
      headers.delete(name);
      for (const one of value) {
        headers.append(name, one);
      }
    } else {
      headers.set(name, value);
    }
  }
  const remaining = scope.remainingMs();
  if (remaining !== undefined) {
    headers.set(core.protocol.timeoutHeader, core.protocol.formatTimeout(remaining));
  }
  return { header: headers, signal: undefined as unknown as AbortSignal };
}

/** An AbortController per call is expensive: made when an interceptor reads `signal`. */
function defineSignal(request: object, scope: CallScope): void {
  Object.defineProperty(request, "signal", { get: () => scope.signal, enumerable: true, configurable: true });
}

/** The scope of this attempt. An interceptor may have replaced the signal; each attempt has its own listener. */
function scopeOf(request: { readonly signal: AbortSignal }, scope: CallScope): Attempt {
  const own = Object.getOwnPropertyDescriptor(request, "signal");
  if (own?.get !== undefined) {
    return scope.attempt(undefined);
  }
  return scope.attempt(request.signal === scope.signal ? undefined : request.signal);
}

function settled<T>(call: Promise<T>, scope: CallScope): Promise<T> {
  return call.then(
    (response) => {
      scope.finish();
      return response;
    },
    (e) => {
      scope.finish();
      throw e;
    },
  );
}

/** Interceptors see messages, not what one can be made from. */
function asMessage(plan: MethodPlan, input: unknown, messages: MessageCodecs | undefined): unknown {
  if (messages?.method(plan.path) !== undefined || isMessage(input, plan.method.input)) {
    return input;
  }
  return create(plan.method.input, input as never);
}

function asMessages(
  plan: MethodPlan,
  input: AsyncIterable<unknown>,
  messages: MessageCodecs | undefined,
): AsyncIterable<unknown> {
  if (input instanceof OneMessage) {
    return new OneMessage(asMessage(plan, input.value, messages));
  }
  // A codec's own: interceptors are told of them when they are written
  if (messages?.method(plan.path) !== undefined) {
    return input;
  }
  const message = (item: unknown) => asMessage(plan, item, messages);
  if (isWritten(input)) {
    input[onWrite](message);
    return input;
  }
  return mapped(input, message);
}

async function* mapped(input: AsyncIterable<unknown>, map: (item: unknown) => unknown): AsyncIterable<unknown> {
  for await (const item of input) {
    yield map(item);
  }
}
