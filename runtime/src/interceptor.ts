import type { DescMessage, DescMethodStreaming, DescMethodUnary, DescService, MessageShape } from "@bufbuild/protobuf";
import type { ContextValues } from "./context-values.js";

/**
 * Wraps every call, on a client or on a server. The first interceptor of an array is the outermost layer.
 *
 * ```ts
 * const log: Interceptor = (next) => async (request) => {
 *   console.log(request.url);
 *   return await next(request);
 * };
 * ```
 */
export type Interceptor = (next: AnyFn) => AnyFn;

export type AnyFn = (req: UnaryRequest | StreamRequest) => Promise<UnaryResponse | StreamResponse>;

/** A unary call on its way to the server, or to its handler. Interceptors may pass on a changed copy. */
export interface UnaryRequest<I extends DescMessage = DescMessage, O extends DescMessage = DescMessage>
  extends RequestCommon {
  readonly stream: false;
  readonly message: MessageShape<I>;
  readonly method: DescMethodUnary<I, O>;
}

/** The answer of a unary call. */
export interface UnaryResponse<I extends DescMessage = DescMessage, O extends DescMessage = DescMessage>
  extends ResponseCommon {
  readonly stream: false;
  readonly message: MessageShape<O>;
  readonly method: DescMethodUnary<I, O>;
}

/** A call with a stream in at least one direction; `message` has all requests, also where there is only one. */
export interface StreamRequest<I extends DescMessage = DescMessage, O extends DescMessage = DescMessage>
  extends RequestCommon {
  readonly stream: true;
  readonly message: AsyncIterable<MessageShape<I>>;
  readonly method: DescMethodStreaming<I, O>;
}

/** The answer of such a call: its headers have come, its messages come as they are read. */
export interface StreamResponse<I extends DescMessage = DescMessage, O extends DescMessage = DescMessage>
  extends ResponseCommon {
  readonly stream: true;
  readonly message: AsyncIterable<MessageShape<O>>;
  readonly method: DescMethodStreaming<I, O>;
}

export interface RequestCommon {
  readonly service: DescService;
  /** `POST`, or `GET` for a Connect GET call. */
  readonly requestMethod: string;
  /** On a client the URL that the call goes to; on a server the URL that was received. */
  readonly url: string;
  /** Aborts at the deadline and when the caller cancels. */
  readonly signal: AbortSignal;
  /** Request headers. What an interceptor sets before it calls `next` is sent. */
  readonly header: Headers;
  readonly contextValues: ContextValues;
}

export interface ResponseCommon {
  readonly service: DescService;
  readonly header: Headers;
  /** Complete when the last message is read. */
  readonly trailer: Headers;
}

/** `next` wrapped by every interceptor; the last of the array is the innermost. */
export function applyInterceptors<T>(next: T, interceptors: readonly Interceptor[] | undefined): T {
  if (interceptors === undefined || interceptors.length === 0) return next;
  return interceptors.reduceRight((inner, interceptor) => interceptor(inner), next as AnyFn) as T;
}
