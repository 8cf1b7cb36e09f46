import type {
  DescMessage,
  DescMethodBiDiStreaming,
  DescMethodClientStreaming,
  DescMethodServerStreaming,
  DescMethodStreaming,
  DescMethodUnary,
  DescService,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import type { CallOptions } from "../call-options.js";
import { Code } from "../code.js";
import { ConnectError } from "../connect-error.js";
import type { ContextValues } from "../context-values.js";
import type { ClientOf } from "../grpc-js/types.js";
import type { StreamResponse } from "../interceptor.js";
import type { MessageCodecs } from "../message-codec.js";
import { methodPath } from "../serialization.js";
import type { Transport } from "../transport.js";
import { type AnyClient, makeAnyClient } from "./any-client.js";
import { bindMessages } from "./bind-messages.js";
import { callContext } from "./call-context.js";
import { rememberOrigin } from "./client-origin.js";
import { headerOf } from "./error-parts.js";
import { OneMessage } from "./one-message.js";
import { noMessage } from "./unary-call.js";

/** One function per method of the service: a promise for one response, an AsyncIterable for a stream of them. */
export type Client<Desc extends DescService> = {
  [P in keyof Desc["method"]]: Desc["method"][P] extends DescMethodUnary<infer I, infer O>
    ? (request: MessageInitShape<I>, options?: CallOptions) => Promise<MessageShape<O>>
    : Desc["method"][P] extends DescMethodServerStreaming<infer I, infer O>
      ? (request: MessageInitShape<I>, options?: CallOptions) => AsyncIterable<MessageShape<O>>
      : Desc["method"][P] extends DescMethodClientStreaming<infer I, infer O>
        ? (request: AsyncIterable<MessageInitShape<I>>, options?: CallOptions) => Promise<MessageShape<O>>
        : Desc["method"][P] extends DescMethodBiDiStreaming<infer I, infer O>
          ? (request: AsyncIterable<MessageInitShape<I>>, options?: CallOptions) => AsyncIterable<MessageShape<O>>
          : never;
};

/** Additions to @connectrpc/connect. */
export interface ClientOptions<M extends MessageCodecs | undefined = MessageCodecs | undefined> {
  /**
   * Codecs in place of protobuf-es: the client's functions then take and return the codecs' own messages. The client
   * also answers to the codecs' other names of its methods.
   */
  messages?: M;
}

/** With codecs that know their definition, the client is typed by its messages. */
export type ClientFor<T extends DescService, M> = M extends { readonly definition: infer Def }
  ? ClientOf<Def>
  : Client<T>;

type Unary = DescMethodUnary<DescMessage, DescMessage>;
type Streaming = DescMethodStreaming<DescMessage, DescMessage>;

/** A client of a service on a transport. */
export function createClient<T extends DescService>(service: T, transport: Transport): Client<T>;
export function createClient<T extends DescService, M extends MessageCodecs | undefined>(
  service: T,
  transport: Transport,
  options: ClientOptions<M>,
): ClientFor<T, M>;
export function createClient<T extends DescService>(
  service: T,
  transport: Transport,
  options?: ClientOptions,
): unknown {
  const messages = options?.messages;
  const bound = messages === undefined ? transport : bindMessages(transport, messages);
  // What is bound to messages does not say whose transport it is
  const contextOf = (callOptions: CallOptions | undefined) => callContext(transport, callOptions);
  const client = makeAnyClient(service, (method) => {
    switch (method.methodKind) {
      case "unary":
        return unaryFunction(bound, method, contextOf);
      case "server_streaming":
        return (request: never, callOptions?: CallOptions) =>
          responseStream(startStream(bound, method, new OneMessage(request), callOptions, contextOf), callOptions);
      case "client_streaming":
        return (request: AsyncIterable<never>, callOptions?: CallOptions) =>
          onlyResponse(startStream(bound, method, request, callOptions, contextOf), method, callOptions);
      case "bidi_streaming":
        return (request: AsyncIterable<never>, callOptions?: CallOptions) =>
          responseStream(startStream(bound, method, request, callOptions, contextOf), callOptions);
      default:
        return null;
    }
  });
  if (messages !== undefined) {
    addOtherNames(client, service, messages);
  }
  rememberOrigin(client, { service, transport, messages });
  return client;
}

function addOtherNames(client: AnyClient, service: DescService, messages: MessageCodecs): void {
  for (const method of service.methods) {
    const call = client[method.localName];
    for (const key of messages.method(methodPath(method))?.keys ?? []) {
      if (call !== undefined && !Object.hasOwn(client, key)) {
        client[key] = call;
      }
    }
  }
}

type ContextOf = (options: CallOptions | undefined) => ContextValues | undefined;

function unaryFunction(transport: Transport, method: Unary, contextOf: ContextOf) {
  return (request: never, options?: CallOptions): Promise<unknown> => {
    let contextValues: ContextValues | undefined;
    try {
      contextValues = contextOf(options);
    } catch (e) {
      return Promise.reject(e);
    }
    const call = transport.unary(method, options?.signal, options?.timeoutMs, options?.headers, request, contextValues);
    const failed = options?.onHeader && failing(options);
    return call.then((response) => {
      options?.onHeader?.(response.header);
      options?.onTrailer?.(response.trailer);
      return response.message;
    }, failed);
  };
}

/** Shows the headers that an error stood behind. */
function failing(options: CallOptions) {
  return (error: unknown): never => {
    const header = headerOf(error);
    if (header !== undefined) options.onHeader?.(header);
    throw error;
  };
}

function startStream(
  transport: Transport,
  method: Streaming,
  request: AsyncIterable<never>,
  options: CallOptions | undefined,
  contextOf: ContextOf,
): Promise<StreamResponse> {
  let contextValues: ContextValues | undefined;
  try {
    contextValues = contextOf(options);
  } catch (e) {
    return Promise.reject(e);
  }
  const response = transport.stream(
    method,
    options?.signal,
    options?.timeoutMs,
    options?.headers,
    request,
    contextValues,
  );
  if (options?.onHeader === undefined) {
    return response;
  }
  return response.then((r) => {
    options.onHeader?.(r.header);
    return r;
  });
}

async function onlyResponse(
  call: Promise<StreamResponse>,
  method: Streaming,
  options: CallOptions | undefined,
): Promise<unknown> {
  const response = await call;
  let message: unknown;
  let count = 0;
  for await (const item of response.message) {
    message = item;
    count++;
  }
  if (count === 0) {
    throw noMessage();
  }
  if (count > 1) {
    const text = `protocol error: received extra output message for client-streaming method ${method.name}`;
    throw new ConnectError(text, Code.Unimplemented);
  }
  options?.onTrailer?.(response.trailer);
  return message;
}

/** The call runs whether or not somebody iterates; its failure is only reported to who does. */
function responseStream(call: Promise<StreamResponse>, options: CallOptions | undefined): AsyncIterable<unknown> {
  call.catch(() => {});
  let inner: AsyncIterator<unknown> | undefined;
  let trailerGiven = false;

  const step = (iterator: AsyncIterator<unknown>): Promise<IteratorResult<unknown>> => {
    const result = iterator.next();
    if (options?.onTrailer === undefined) {
      return result;
    }
    return result.then(async (r) => {
      if (r.done === true && !trailerGiven) {
        trailerGiven = true;
        options.onTrailer?.((await call).trailer);
      }
      return r;
    });
  };
  // No return(): leaving a loop does not cancel the call, the signal does
  const iterator: AsyncIterator<unknown> = {
    next() {
      if (inner !== undefined) {
        return step(inner);
      }
      return call.then((response) => {
        inner ??= response.message[Symbol.asyncIterator]();
        return step(inner);
      });
    },
  };
  return { [Symbol.asyncIterator]: () => iterator };
}
