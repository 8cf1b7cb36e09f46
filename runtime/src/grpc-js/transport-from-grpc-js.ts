import { create, type DescMessage, type DescMethod, fromBinary, isMessage, toBinary } from "@bufbuild/protobuf";
import type { Connectivity } from "../client/http-client.js";
import { MessageQueue } from "../client/message-queue.js";
import {
  type ClosableTransport,
  interceptorsOf,
  type MessagesTransport,
  withMessages,
} from "../client/protocol-transport.js";
import { waitForReady } from "../client/wait-for-ready.js";
import { Code } from "../code.js";
import { ConnectError } from "../connect-error.js";
import { type ContextValues, createContextValues } from "../context-values.js";
import { decodeRpcStatus } from "../grpc-status.js";
import { createHeaders, headerLines } from "../headers.js";
import { applyInterceptors, type Interceptor, type StreamRequest, type UnaryRequest } from "../interceptor.js";
import type { MessageCodecs } from "../message-codec.js";
import { methodPath } from "../serialization.js";
import type { Transport } from "../transport.js";
import { addMetadata, headersFromMetadata, metadataFromHeaders } from "./metadata.js";
import type { MetadataLike } from "./types.js";

/** A grpc-js Client, by the functions that are used. */
// biome-ignore lint/suspicious/noExplicitAny: any copy and version of grpc-js fits
type AnyFunction = (...args: any[]) => any;
interface GrpcJsClient {
  makeUnaryRequest: AnyFunction;
  makeClientStreamRequest: AnyFunction;
  makeServerStreamRequest: AnyFunction;
  makeBidiStreamRequest: AnyFunction;
  close(): void;
  waitForReady: AnyFunction;
  getChannel(): { getConnectivityState(tryToConnect: boolean): number };
}

interface Status {
  code: number;
  details: string;
  message?: string;
  metadata?: MetadataLike;
}

/**
 * A transport over a grpc-js Client: what only its channel can do (xDS, custom load balancing, its interceptors and
 * call credentials) stays, while the calls above are already Connect's.
 */
export function transportFromGrpcJs(
  client: GrpcJsClient,
  options?: { interceptors?: Interceptor[] },
): ClosableTransport {
  const transport: ClosableTransport & MessagesTransport = {
    ...callsOf(client, options?.interceptors, undefined),
    close: () => client.close(),
    connectivity: connectivityOf(client),
    [withMessages]: (messages) => callsOf(client, options?.interceptors, messages),
  };
  return transport;
}

function callsOf(
  client: GrpcJsClient,
  interceptors: Interceptor[] | undefined,
  messages: MessageCodecs | undefined,
): Transport {
  const unary = (request: UnaryRequest) => callUnary(client, request, functionsOf(request.method, messages));
  const stream = (request: StreamRequest) => callStream(client, request, functionsOf(request.method, messages));
  return {
    unary(method, signal, timeoutMs, header, input, contextValues) {
      const request = {
        ...common(method, signal, timeoutMs, header, contextValues),
        stream: false,
        message: messages === undefined ? messageOf(method.input, input) : input,
      };
      return applyInterceptors(
        unary,
        interceptorsOf(interceptors ?? [], contextValues),
      )(request as unknown as UnaryRequest) as Promise<never>;
    },
    stream(method, signal, timeoutMs, header, input, contextValues) {
      const request = { ...common(method, signal, timeoutMs, header, contextValues), stream: true, message: input };
      return applyInterceptors(
        stream,
        interceptorsOf(interceptors ?? [], contextValues),
      )(request as unknown as StreamRequest) as Promise<never>;
    },
  };
}

const states = ["idle", "connecting", "ready", "transient_failure", "shutdown"] as const;

function connectivityOf(client: GrpcJsClient): Connectivity {
  return {
    state: () => states[client.getChannel().getConnectivityState(false)] ?? "shutdown",
    connect: (isWanted = () => true) =>
      new Promise((resolve, reject) => {
        const attempt = () => {
          // In steps: grpc-js cannot be told that nobody waits any more
          client.waitForReady(Date.now() + 100, (error?: Error) => {
            if (error === undefined || error === null) {
              resolve();
            } else if (isWanted() && !/closed/.test(error.message)) {
              attempt();
            } else {
              reject(error);
            }
          });
        };
        attempt();
      }),
  };
}

/** How the messages of a method become bytes and back. */
function functionsOf(method: DescMethod, messages: MessageCodecs | undefined): readonly [AnyFunction, AnyFunction] {
  const own = messages?.method(methodPath(method));
  if (own === undefined) {
    return [serialize(method.input), deserialize(method.output)];
  }
  const { input, output } = own;
  return [(value) => Buffer.from(input.serialize(value)), (bytes) => output.deserialize(bytes)];
}

/** Where the deadline travels past interceptors. */
const deadlines = new WeakMap<AbortSignal, number>();

function common(
  method: DescMethod,
  signal: AbortSignal | undefined,
  timeoutMs: number | undefined,
  header: HeadersInit | undefined,
  contextValues: ContextValues | undefined,
) {
  const own = new AbortController();
  if (timeoutMs !== undefined && timeoutMs > 0) {
    deadlines.set(own.signal, Date.now() + timeoutMs);
  }
  if (signal?.aborted) {
    own.abort(signal.reason);
  } else {
    signal?.addEventListener("abort", () => own.abort(signal.reason), { once: true });
  }
  return {
    method,
    service: method.parent,
    requestMethod: "POST",
    url: `grpc:/${methodPath(method)}`,
    signal: own.signal,
    header: createHeaders(header),
    contextValues: contextValues ?? createContextValues(),
  };
}

function messageOf(desc: DescMessage, input: unknown) {
  return isMessage(input, desc) ? input : create(desc, input as never);
}

const serialize = (desc: DescMessage) => (value: unknown) => Buffer.from(toBinary(desc, messageOf(desc, value)));
const deserialize = (desc: DescMessage) => (bytes: Buffer) => fromBinary(desc, bytes);

function optionsOf(signal: AbortSignal): object {
  const deadline = deadlines.get(signal);
  return deadline === undefined ? {} : { deadline };
}

function errorOf(status: Status, header: Headers): ConnectError {
  const metadata = createHeaders(header);
  addMetadata(metadata, status.metadata);
  const error = new ConnectError(
    status.details ?? status.message ?? "",
    status.code as Code,
    metadata,
    undefined,
    status,
  );
  const blob = status.metadata?.get("grpc-status-details-bin")[0];
  if (blob instanceof Uint8Array) {
    try {
      error.details = decodeRpcStatus(blob).details;
    } catch {
      // The status stands without details that nobody can read
    }
  }
  return error;
}

function cancelWith(signal: AbortSignal, call: { cancel(): void }): void {
  if (signal.aborted) {
    call.cancel();
  } else {
    signal.addEventListener("abort", () => call.cancel(), { once: true });
  }
}

function metadataOf(request: UnaryRequest | StreamRequest): MetadataLike {
  const metadata = metadataFromHeaders(request.header);
  const waits = request.contextValues.get(waitForReady);
  if (waits !== undefined) {
    metadata.setOptions?.({ waitForReady: waits });
  }
  return metadata;
}

type Functions = ReturnType<typeof functionsOf>;

function callUnary(client: GrpcJsClient, request: UnaryRequest, functions: Functions) {
  const { method } = request;
  return new Promise((resolve, reject) => {
    let header = createHeaders();
    let message: unknown;
    let isAnswered = false;
    const answer = (trailer: Headers) =>
      resolve({ stream: false, service: method.parent, method, header, trailer, message });
    const call = client.makeUnaryRequest(
      methodPath(method),
      ...functions,
      request.message,
      metadataOf(request),
      optionsOf(request.signal),
      (error: Status | null, value: unknown) => {
        if (error !== null) {
          reject(errorOf(error, header));
        }
        message = value;
        isAnswered = error === null;
      },
    );
    // By an interceptor, before anybody could listen
    if (isAnswered) {
      answer(createHeaders());
      return;
    }
    call.on("metadata", (metadata: MetadataLike) => {
      header = headersFromMetadata(metadata);
    });
    // After the callback: the trailers
    call.on("status", (status: Status) => answer(headersFromMetadata(status.metadata)));
    cancelWith(request.signal, call);
  });
}

async function callStream(client: GrpcJsClient, request: StreamRequest, functions: Functions) {
  const { method } = request;
  const head = [methodPath(method), ...functions] as const;
  const tail = [metadataOf(request), optionsOf(request.signal)] as const;
  let reply: AnyFunction = () => {};
  // biome-ignore lint/suspicious/noExplicitAny: one of grpc-js's three stream calls
  let call: any;
  if (method.methodKind === "server_streaming") {
    call = client.makeServerStreamRequest(...head, await onlyMessage(request.message), ...tail);
  } else if (method.methodKind === "client_streaming") {
    call = client.makeClientStreamRequest(...head, ...tail, (error: Status | null, value: unknown) =>
      reply(error, value),
    );
  } else {
    call = client.makeBidiStreamRequest(...head, ...tail);
  }
  return new Promise((resolve, reject) => {
    const trailer = createHeaders();
    let header = createHeaders();
    let opened = false;
    const queue = new MessageQueue<unknown>({ pause: () => call.pause?.(), resume: () => call.resume?.() });
    const open = () => {
      if (!opened) {
        opened = true;
        resolve({ stream: true, service: method.parent, method, header, trailer, message: queue });
      }
    };
    call.on("metadata", (metadata: MetadataLike) => {
      header = headersFromMetadata(metadata);
      open();
    });
    call.on("data", (message: unknown) => {
      open();
      queue.push(message);
    });
    const fail = (status: Status) => {
      const error = errorOf(status, header);
      if (opened) {
        queue.fail(error);
      } else {
        reject(error);
      }
    };
    call.on("error", fail);
    reply = (error: Status | null, value: unknown) => {
      if (error !== null) {
        fail(error);
      } else {
        open();
        queue.push(value);
      }
    };
    let hasStatus = false;
    call.once("end", () => {
      // The status of an interceptor came before anybody could listen
      if (!hasStatus && method.methodKind !== "client_streaming") {
        open();
        queue.end();
      }
    });
    call.on("status", (status: Status) => {
      hasStatus = true;
      for (const [name, value] of headerLines(headersFromMetadata(status.metadata))) {
        trailer.append(name, value);
      }
      if (status.code === 0) {
        open();
        if (method.methodKind === "client_streaming") {
          queue.end();
        } else {
          // Behind messages that are not emitted yet
          call.once("end", () => queue.end());
        }
      }
    });
    cancelWith(request.signal, call);
    if (method.methodKind !== "server_streaming") {
      void pump(request.message, call);
    }
  });
}

async function onlyMessage(messages: AsyncIterable<unknown>): Promise<unknown> {
  for await (const message of messages) {
    return message;
  }
  throw new ConnectError("no message to send", Code.Internal);
}

// biome-ignore lint/suspicious/noExplicitAny: grpc-js's ClientDuplexStream
async function pump(messages: AsyncIterable<unknown>, call: any): Promise<void> {
  try {
    for await (const message of messages) {
      if (call.destroyed || call.writableEnded) {
        return;
      }
      if (!call.write(message)) {
        await new Promise<void>((resolve) => {
          call.once("drain", resolve);
          call.once("close", resolve);
        });
      }
    }
    call.end();
  } catch {
    call.cancel();
  }
}
