import { EventEmitter } from "node:events";
import { Duplex, Readable, Writable } from "node:stream";
import type { DescMethod, DescService } from "@bufbuild/protobuf";
import { bindMessages } from "../client/bind-messages.js";
import { callInterceptors } from "../client/call-interceptors.js";
import { rememberOrigin } from "../client/client-origin.js";
import { partsOf } from "../client/error-parts.js";
import { OneMessage } from "../client/one-message.js";
import { peerOfCall } from "../client/peer-of-call.js";
import { withMessages } from "../client/protocol-transport.js";
import { waitForReady } from "../client/wait-for-ready.js";
import { Code } from "../code.js";
import { ConnectError } from "../connect-error.js";
import { type ContextValues, createContextValues } from "../context-values.js";
import { headersFromRaw } from "../headers.js";
import type { MessageCodecs } from "../message-codec.js";
import { afterThisTurn } from "../on-write.js";
import { OutputQueue } from "../output-queue.js";
import { methodPath } from "../serialization.js";
import type { Transport } from "../transport.js";
import { type CallCredentialsLike, callCredentials } from "./call-credentials.js";
import { deadlineOf, type GrpcJsCallOptions, signalOfParent } from "./call-options.js";
import { channelView } from "./client-channel.js";
import { timeoutFromDeadline } from "./deadline.js";
import { grpcJsStatusFrom, serviceErrorFrom } from "./errors.js";
import type { GrpcJsClientOf } from "./grpc-js-client-types.js";
import { interceptedCall } from "./intercepted-call.js";
import { innermostCall, type MadeCall } from "./intercepting-call.js";
import { hasInterceptors, type InterceptorOptions, methodDefinition, throughInterceptors } from "./interceptors.js";
import { telling } from "./messages.js";
import { createMetadata, headersFromMetadata, isMetadata, metadataFromResponse } from "./metadata.js";
import type { MetadataLike } from "./types.js";

/** Options of `createGrpcJsClient`. */
export interface GrpcJsClientOptions<M extends MessageCodecs | undefined> {
  /** Codecs of the old messages: `grpcJsMessages(definition)`. Default: protobuf-es messages. */
  messages?: M;
}

type Callback = (error: unknown, value?: unknown) => void;

/** Options of one call that matter here. */
interface CallOptions extends GrpcJsCallOptions, InterceptorOptions {
  credentials?: CallCredentialsLike | null;
  host?: unknown;
}

/** Clients that share a transport: it is closed with the last one. */
const clientsOf = new WeakMap<Transport, Set<object>>();

/**
 * A client that looks like grpc-js's generated one, on a transport of ours: callbacks, EventEmitter streams, Metadata,
 * deadlines, `cancel()`. For call sites that stay as they are while the connection below is migrated.
 */
export function createGrpcJsClient<T extends DescService, M extends MessageCodecs | undefined = undefined>(
  service: T,
  transport: Transport,
  options?: GrpcJsClientOptions<M>,
): GrpcJsClientOf<M> {
  const messages = options?.messages;
  const bound = messages === undefined ? transport : bindMessages(transport, withGrpcJsTexts(messages));
  // As in grpc-js, methods are found by a loop over the client, which itself has none; its own members are not.
  class ServiceClientImpl {}
  const client = new ServiceClientImpl();
  const channel = createChannelView(transport, service, client);
  const base = Object.create(Object.prototype, Object.getOwnPropertyDescriptors(channel.members));
  for (const name of Object.keys(base)) {
    Object.defineProperty(base, name, { enumerable: false });
  }
  Object.setPrototypeOf(ServiceClientImpl.prototype, base);
  const acceptsCallInterceptors = withMessages in transport;
  for (const method of service.methods) {
    const value = callFunction(bound, method, messages, channel.assertOpen, acceptsCallInterceptors);
    const keys = messages?.method(methodPath(method))?.keys ?? [method.name];
    for (const key of new Set([...keys, method.localName])) {
      const enumerable = keys.includes(key);
      Object.defineProperty(ServiceClientImpl.prototype, key, {
        value,
        enumerable,
        writable: true,
        configurable: true,
      });
    }
  }
  rememberOrigin(client, { service, transport, messages });
  return client as unknown as GrpcJsClientOf<M>;
}

/** A codec's own errors, told as grpc-js does. */
function withGrpcJsTexts(messages: MessageCodecs): MessageCodecs {
  return {
    method(path) {
      const codecs = messages.method(path);
      if (codecs === undefined) {
        return undefined;
      }
      const { input, output, keys } = codecs;
      return {
        keys: keys ?? [],
        input: {
          serialize: telling("Request message serialization failure", (value) => input.serialize(value)),
          deserialize: (bytes) => input.deserialize(bytes),
        },
        output: {
          serialize: (value) => output.serialize(value),
          deserialize: telling("Response message parsing error", (bytes: Uint8Array) => output.deserialize(bytes)),
        },
      };
    },
  };
}

function createChannelView(transport: Transport, service: DescService, client: object) {
  const siblings = clientsOf.get(transport) ?? new Set();
  clientsOf.set(transport, siblings.add(client));
  let open = true;

  function close(): void {
    open = false;
    siblings.delete(client);
    if (siblings.size === 0) {
      (transport as { close?: () => void }).close?.();
    }
  }
  const view = channelView(transport, () => open);
  return {
    assertOpen() {
      if (!open) {
        throw new Error("Channel has been shut down");
      }
    },
    members: {
      close,
      waitForReady: view.waitForReady,
      getChannel: () => ({ ...view, close, getTarget: () => view.target ?? service.typeName }),
    },
  };
}

interface Rest {
  readonly metadata: MetadataLike | undefined;
  readonly options: CallOptions;
  readonly callback: Callback;
}

/** What comes after the request: metadata, options, callback, each of them optional. */
function restOf(args: readonly unknown[], needsCallback: boolean, acceptsCredentials: boolean): Rest {
  let metadata: MetadataLike | undefined;
  let options: CallOptions = {};
  let callback: Callback | undefined;
  for (const arg of args) {
    if (typeof arg === "function") {
      callback = arg as Callback;
    } else if (isMetadata(arg)) {
      metadata = arg;
    } else if (typeof arg === "object" && arg !== null) {
      options = arg as CallOptions;
    }
  }
  // To go on without it could mean a call without its credentials.
  const refused =
    options.host != null ? "host" : options.credentials && !acceptsCredentials ? "credentials" : undefined;
  if (refused !== undefined) {
    throw new Error(
      `The call option "${refused}" has no effect on a client made by createGrpcJsClient. Keep this client on grpc-js.`,
    );
  }
  if (needsCallback) {
    assertArguments(args);
  }
  return { metadata, options, callback: callback ?? (() => {}) };
}

/** What grpc-js throws at once: only streams may leave out what stands before other arguments. */
function assertArguments([first, second, third]: readonly unknown[]): void {
  if (typeof first === "function") {
    return;
  }
  if (typeof second === "function") {
    if (first == null) {
      throw new TypeError(`Cannot read properties of ${first} (reading 'interceptors')`);
    }
  } else if (!isMetadata(first) || !(second instanceof Object) || typeof third !== "function") {
    throw new Error("Incorrect arguments passed");
  }
}

interface Started {
  readonly contextValues: ContextValues;
  readonly signal: AbortSignal;
  readonly timeoutMs: number | undefined;
  readonly header: Headers;
  isCanceled(): boolean;
  sawHeader: boolean;
}

/** Adds `cancel` and `getPeer` to a call, and says how it is to be run. */
function startCall(call: object, metadata: MetadataLike | undefined, options: CallOptions): Started {
  const controller = new AbortController();
  let canceled = false;
  let peer = "unknown";
  Object.assign(call, {
    cancel() {
      canceled = true;
      controller.abort();
    },
    getPeer: () => peer,
  });
  const deadline = deadlineOf(options);
  const parent = signalOfParent(options);
  parent?.addEventListener("abort", () => controller.abort(parent.reason));
  if (deadline !== undefined && Number(deadline) <= Date.now()) {
    // timeoutMs cannot say "already over"
    controller.abort(new ConnectError("Deadline exceeded", Code.DeadlineExceeded));
  }
  return {
    signal: controller.signal,
    timeoutMs: timeoutFromDeadline(deadline),
    header: headersFromMetadata(metadata),
    contextValues: contextValuesOf(metadata, options).set(peerOfCall, (name) => {
      peer = name;
    }),
    isCanceled: () => canceled,
    sawHeader: false,
  };
}

/** Metadata has options of its own, of which one matters to a call; and the call may have credentials. */
function contextValuesOf(metadata: MetadataLike | undefined, { credentials }: CallOptions): ContextValues {
  const waits = metadata?.getOptions?.().waitForReady;
  const values = createContextValues();
  if (waits !== undefined) values.set(waitForReady, waits);
  if (credentials) values.set(callInterceptors, [callCredentials(credentials)]);
  return values;
}

type AnyTransport = {
  unary(...args: unknown[]): Promise<{ header: Headers; trailer: Headers; message: unknown }>;
  stream(...args: unknown[]): Promise<{ header: Headers; trailer: Headers; message: AsyncIterable<unknown> }>;
};

/** What a client has under the name of a method. */
function callFunction(
  transport: Transport,
  method: DescMethod,
  messages: MessageCodecs | undefined,
  assertOpen: () => void,
  acceptsCredentials: boolean,
) {
  const { methodKind } = method;
  const hasOneRequest = methodKind === "unary" || methodKind === "server_streaming";
  const hasOneAnswer = methodKind === "unary" || methodKind === "client_streaming";
  const make = makeCall(transport as unknown as AnyTransport, method);
  let definition: object | undefined;
  return (...args: unknown[]) => {
    const rest = restOf(hasOneRequest ? args.slice(1) : args, hasOneAnswer, acceptsCredentials);
    assertOpen();
    const { options, metadata, callback } = rest;
    if (!hasInterceptors(options)) return make(args[0], rest);
    definition ??= methodDefinition(method, messages);
    const call = throughInterceptors(options, definition, (current) => innermostCall(method, make, current));
    return interceptedCall(method, call, { request: args[0], metadata: metadata ?? createMetadata(), callback });
  };
}

/** Makes the calls of a method, without interceptors of grpc-js. */
function makeCall(run: AnyTransport, method: DescMethod): (request: unknown, rest: Rest) => MadeCall {
  switch (method.methodKind) {
    case "unary":
      return (request, { metadata, options, callback }) => {
        const call = new EventEmitter();
        const start = startCall(call, metadata, options);
        run.unary(method, start.signal, start.timeoutMs, start.header, request, start.contextValues).then(
          (response) =>
            outside(() => {
              call.emit("metadata", metadataFromResponse(response.header));
              callback(null, response.message);
              emitOk(call, response.trailer);
            }),
          (e) => failCallback(call, callback, e, start),
        );
        return call as MadeCall;
      };
    case "client_streaming":
      return (_, { metadata, options, callback }) => {
        const requests = new OutputQueue();
        const call = new Writable({ objectMode: true, ...writeTo(requests) });
        const start = startCall(call, metadata, options);
        uploadAll(run, method, start, requests, call).then(
          ([message, trailer]) =>
            outside(() => {
              callback(null, message);
              emitOk(call, trailer);
            }),
          (e) => failCallback(call, callback, e, start),
        );
        return call as unknown as MadeCall;
      };
    case "server_streaming":
      return (request, { metadata, options }) => {
        const reader = createReader();
        const call = new Readable({ objectMode: true, read: () => reader.read() });
        const start = startCall(call, metadata, options);
        reader.attach(
          call,
          run.stream(method, start.signal, start.timeoutMs, start.header, new OneMessage(request), start.contextValues),
          start,
        );
        return call as unknown as MadeCall;
      };
    case "bidi_streaming":
      return (_, { metadata, options }) => {
        const requests = new OutputQueue();
        const reader = createReader();
        const call = new Duplex({ objectMode: true, read: () => reader.read(), ...writeTo(requests) });
        const start = startCall(call, metadata, options);
        reader.attach(
          call,
          run.stream(method, start.signal, start.timeoutMs, start.header, requests, start.contextValues),
          start,
        );
        return call as unknown as MadeCall;
      };
  }
}

/** Exceptions of a caller's callback stay uncaughtExceptions; in a promise they would be unhandled rejections. */
function outside(action: () => void): void {
  process.nextTick(action);
}

function emitOk(call: EventEmitter, trailer: Headers): void {
  call.emit("status", grpcJsStatusFrom(trailer));
}

function emitStatus(call: EventEmitter, error: { code?: number; details?: string; metadata?: unknown }): void {
  const { code = Code.Unknown, details = "", metadata = createMetadata() } = error;
  call.emit("status", { code, details, metadata });
}

function failCallback(call: EventEmitter, callback: Callback, reason: unknown, start: Started): void {
  outside(() => {
    const header = reason instanceof ConnectError ? partsOf(reason)?.header : undefined;
    if (header !== undefined && !start.sawHeader) {
      call.emit("metadata", metadataFromResponse(headersFromRaw(header.lines)));
    }
    const error = serviceErrorFrom(ConnectError.from(reason, Code.Internal), start.isCanceled());
    callback(error);
    emitStatus(call, error);
  });
}

/** Messages that wait for the transport before a writer has to wait, too. */
const maxWaiting = 64;

function writeTo(requests: OutputQueue) {
  return {
    write(message: unknown, _encoding: unknown, done: (error?: Error | null) => void) {
      // As in grpc-js, a message is in bytes once it is taken, and the next one is taken behind this turn.
      const isFull = requests.size >= maxWaiting;
      const seen = requests.hooks.reduce((value, hook) => hook(value), message);
      const later = () => afterThisTurn(done);
      requests.push(requests.written(seen), isFull ? later : () => {});
      if (!isFull) later();
    },
    final(done: (error?: Error | null) => void) {
      requests.end();
      done();
    },
  };
}

async function uploadAll(
  run: AnyTransport,
  method: DescMethod,
  start: Started,
  requests: AsyncIterable<unknown>,
  call: EventEmitter,
): Promise<[message: unknown, trailer: Headers]> {
  const response = await run.stream(method, start.signal, start.timeoutMs, start.header, requests, start.contextValues);
  start.sawHeader = true;
  outside(() => call.emit("metadata", metadataFromResponse(response.header)));
  let message: unknown;
  let count = 0;
  for await (const item of response.message) {
    message = item;
    count++;
  }
  if (count !== 1) {
    throw new ConnectError(count === 0 ? "No message received" : "Too many responses received", Code.Unimplemented);
  }
  return [message, response.trailer];
}

/** The reading side of a stream: messages are pulled as the Readable asks for them. */
function createReader() {
  let iterator: AsyncIterator<unknown> | undefined;
  let trailer: Headers;
  let wanted = false;
  let call: Readable;
  let start: Started;

  function fail(reason: unknown): void {
    outside(() => {
      const error = serviceErrorFrom(ConnectError.from(reason, Code.Internal), start.isCanceled());
      call.push(null);
      // Without a listener this is an uncaughtException, as in grpc-js
      call.emit("error", error);
      emitStatus(call, error);
    });
  }
  function read(): void {
    if (iterator === undefined) {
      wanted = true;
      return;
    }
    iterator.next().then(
      (result) =>
        outside(() => {
          if (result.done === true) {
            call.push(null);
            emitOk(call, trailer);
          } else {
            call.push(result.value);
          }
        }),
      fail,
    );
  }
  return {
    read,
    attach(readable: Readable, response: ReturnType<AnyTransport["stream"]>, started: Started) {
      call = readable;
      start = started;
      response.then(
        (r) =>
          outside(() => {
            trailer = r.trailer;
            iterator = r.message[Symbol.asyncIterator]();
            call.emit("metadata", metadataFromResponse(r.header));
            if (wanted) {
              read();
            }
          }),
        fail,
      );
    },
  };
}
