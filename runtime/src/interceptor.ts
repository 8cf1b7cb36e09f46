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

export interface UnaryRequest<I extends DescMessage = DescMessage, O extends DescMessage = DescMessage>
  extends RequestCommon {
  readonly stream: false;
  readonly message: MessageShape<I>;
  readonly method: DescMethodUnary<I, O>;
}

export interface UnaryResponse<I extends DescMessage = DescMessage, O extends DescMessage = DescMessage>
  extends ResponseCommon {
  readonly stream: false;
  readonly message: MessageShape<O>;
  readonly method: DescMethodUnary<I, O>;
}

export interface StreamRequest<I extends DescMessage = DescMessage, O extends DescMessage = DescMessage>
  extends RequestCommon {
  readonly stream: true;
  readonly message: AsyncIterable<MessageShape<I>>;
  readonly method: DescMethodStreaming<I, O>;
}

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
  readonly signal: AbortSignal;
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
