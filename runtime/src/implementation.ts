import type {
  DescMessage,
  DescMethod,
  DescMethodBiDiStreaming,
  DescMethodClientStreaming,
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import { Code } from "./code.js";
import { ConnectError } from "./connect-error.js";
import { type ContextValues, createContextValues } from "./context-values.js";
import { createHeaders } from "./headers.js";

/** The implementation of a service: one function per method, by protobuf-es' local name. */
export type ServiceImpl<Desc extends DescService> = {
  [P in keyof Desc["method"]]: MethodImpl<Desc["method"][P]>;
};

/** The implementation of one method. */
export type MethodImpl<M extends DescMethod> =
  M extends DescMethodUnary<infer I, infer O>
    ? UnaryImpl<I, O>
    : M extends DescMethodServerStreaming<infer I, infer O>
      ? ServerStreamingImpl<I, O>
      : M extends DescMethodClientStreaming<infer I, infer O>
        ? ClientStreamingImpl<I, O>
        : M extends DescMethodBiDiStreaming<infer I, infer O>
          ? BiDiStreamingImpl<I, O>
          : never;

export type UnaryImpl<I extends DescMessage, O extends DescMessage> = (
  request: MessageShape<I>,
  context: HandlerContext,
) => Promise<MessageInitShape<O>> | MessageInitShape<O>;

export type ClientStreamingImpl<I extends DescMessage, O extends DescMessage> = (
  requests: AsyncIterable<MessageShape<I>>,
  context: HandlerContext,
) => Promise<MessageInitShape<O>>;

export type ServerStreamingImpl<I extends DescMessage, O extends DescMessage> = (
  request: MessageShape<I>,
  context: HandlerContext,
) => AsyncIterable<MessageInitShape<O>>;

export type BiDiStreamingImpl<I extends DescMessage, O extends DescMessage> = (
  requests: AsyncIterable<MessageShape<I>>,
  context: HandlerContext,
) => AsyncIterable<MessageInitShape<O>>;

/** What a handler may know and say about its call. */
export interface HandlerContext {
  readonly method: DescMethod;
  readonly service: DescService;
  /** Aborts when the deadline passes, the caller goes away or the server is shut down. Never after success. */
  readonly signal: AbortSignal;
  /** Milliseconds that are left; undefined without a deadline. */
  readonly timeoutMs: () => number | undefined;
  /** `POST`, or `GET` for a Connect GET call. */
  readonly requestMethod: string;
  readonly requestHeader: Headers;
  /** Must be set before the first message of a stream. */
  readonly responseHeader: Headers;
  /** Sent after the last message; may be set until the handler ends. */
  readonly responseTrailer: Headers;
  /** `connect`, `grpc` or `grpc-web`. */
  readonly protocolName: string;
  /** What interceptors and the server know of the call, for instance `kPeerAddress`. */
  readonly values: ContextValues;
  /** As it was received, with the host that the caller named. */
  readonly url: string;
  /** Addition to @connectrpc/connect: sends the response headers now, as grpc-js's `call.sendMetadata` does. */
  readonly sendHeaders?: () => void;
  /**
   * Addition to @connectrpc/connect: runs `listener` once the call is over, however it ended, as grpc-js's `cancelled` event
   * does.
   */
  readonly onOver?: (listener: () => void) => void;
  /**
   * Addition to @connectrpc/connect: puts the one message of a response into bytes now, as grpc-js's callback does. What is changed
   * in it before the handler's promise resolves to it is not sent.
   */
  readonly serializeReply?: (message: unknown) => void;
  /** Addition to @connectrpc/connect: whether the call is over, however it ended. `isOver` of `/grpc-js` asks any context. */
  readonly isOver?: boolean;
}

export interface HandlerContextInit {
  service: DescService;
  method: DescMethod;
  protocolName: string;
  requestMethod: string;
  url: string;
  timeoutMs?: number;
  shutdownSignal?: AbortSignal;
  requestSignal?: AbortSignal;
  requestHeader?: HeadersInit;
  responseHeader?: HeadersInit;
  responseTrailer?: HeadersInit;
  contextValues?: ContextValues;
}

export interface HandlerContextController extends HandlerContext {
  abort(reason?: unknown): void;
}

/** A context for tests of handlers, and for adapters that call handlers themselves. Servers make their own. */
export function createHandlerContext(init: HandlerContextInit): HandlerContextController {
  const controller = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const linked: Array<[AbortSignal, () => void]> = [];
  const abort = (reason?: unknown): void => {
    if (timer !== undefined) clearTimeout(timer);
    for (const [signal, listener] of linked) signal.removeEventListener("abort", listener);
    if (!controller.signal.aborted) controller.abort(reason);
  };
  const link = (signal: AbortSignal | undefined): void => {
    if (signal === undefined) return;
    if (signal.aborted) {
      abort(signal.reason);
      return;
    }
    const listener = () => abort(signal.reason);
    signal.addEventListener("abort", listener);
    linked.push([signal, listener]);
  };
  const deadline = init.timeoutMs === undefined ? undefined : performance.now() + init.timeoutMs;
  if (init.timeoutMs !== undefined) {
    const expire = () => abort(deadlineError());
    if (init.timeoutMs <= 0) expire();
    else timer = setTimeout(expire, Math.min(init.timeoutMs, 0x7fffffff));
    timer?.unref?.();
  }
  link(init.shutdownSignal);
  link(init.requestSignal);
  return {
    service: init.service,
    method: init.method,
    protocolName: init.protocolName,
    requestMethod: init.requestMethod,
    url: init.url,
    signal: controller.signal,
    timeoutMs: () => (deadline === undefined ? undefined : deadline - performance.now()),
    requestHeader: createHeaders(init.requestHeader),
    responseHeader: createHeaders(init.responseHeader),
    responseTrailer: createHeaders(init.responseTrailer),
    values: init.contextValues ?? createContextValues(),
    sendHeaders: () => {},
    onOver: (listener) => controller.signal.addEventListener("abort", listener),
    get isOver() {
      return controller.signal.aborted;
    },
    abort,
  };
}

/** The error at the deadline. */
export function deadlineError(): ConnectError {
  return new ConnectError("the operation timed out", Code.DeadlineExceeded);
}

/** An implementation of a method with its descriptor. */
export type MethodImplSpec<I extends DescMessage = DescMessage, O extends DescMessage = DescMessage> =
  | { kind: "unary"; impl: UnaryImpl<I, O>; method: DescMethodUnary<I, O> }
  | { kind: "server_streaming"; impl: ServerStreamingImpl<I, O>; method: DescMethodServerStreaming<I, O> }
  | { kind: "client_streaming"; impl: ClientStreamingImpl<I, O>; method: DescMethodClientStreaming<I, O> }
  | { kind: "bidi_streaming"; impl: BiDiStreamingImpl<I, O>; method: DescMethodBiDiStreaming<I, O> };

/** An implementation of a service with its descriptor. */
export type ServiceImplSpec = { service: DescService; methods: { [key: string]: MethodImplSpec } };

/** The implementation of one method with its descriptor, for `createConnectRouter` of other packages. */
export function createMethodImplSpec<M extends DescMethod>(method: M, impl: MethodImpl<M>): MethodImplSpec {
  return { kind: method.methodKind, method, impl } as unknown as MethodImplSpec;
}

/** Methods that the implementation lacks answer unimplemented. */
export function createServiceImplSpec<Desc extends DescService>(
  service: DescService,
  impl: Partial<ServiceImpl<Desc>>,
): ServiceImplSpec {
  const methods: ServiceImplSpec["methods"] = {};
  const given = impl as Record<string, unknown>;
  for (const method of service.methods) {
    const own = given[method.localName];
    const bound = typeof own === "function" ? own.bind(impl) : unimplementedImpl(method);
    methods[method.localName] = createMethodImplSpec(method, bound as MethodImpl<DescMethod>);
  }
  return { service, methods };
}

/** The implementation of a method that the service lacks. */
export function unimplementedImpl(method: DescMethod, text?: string): () => never {
  return () => {
    const message = text ?? `${method.parent.typeName}.${method.name} is not implemented`;
    throw new ConnectError(message, Code.Unimplemented);
  };
}
