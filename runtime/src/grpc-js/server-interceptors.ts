import { createHeaders } from "../headers.js";
import type { AnyFn, Interceptor, StreamRequest, StreamResponse, UnaryRequest, UnaryResponse } from "../interceptor.js";
import { kEarlyHeaders } from "../server/early-headers.js";
import { handlerError } from "../server/handler-error.js";
import { one } from "../server/intercept.js";
import { kPeerAddress, kPeerCertificate } from "../server/peer.js";
import { parseGrpcTimeout } from "../timeout.js";
import { statusFrom, toConnectError } from "./errors.js";
import { headersFromMetadata, metadataFromHeaders } from "./metadata.js";

// What a real ServerInterceptingCall calls, and what the handler's side of the chain gets: grpc-js's types by their shape.
// biome-ignore lint/suspicious/noExplicitAny: messages and Metadata are those of the program, of every kind
type Any = any;

interface Listener {
  onReceiveMetadata(metadata: Any): void;
  onReceiveMessage(message: Any): void;
  onReceiveHalfClose(): void;
  onCancel(): void;
}

interface Status {
  code: number;
  details: string;
  metadata?: Any;
}

interface InterceptingCall {
  start(listener: Listener): void;
  sendMetadata(metadata: Any): void;
  sendMessage(message: Any, callback: () => void): void;
  sendStatus(status: Partial<Status>): void;
  startRead(): void;
}

/** A server interceptor of grpc-js: `(method, call) => new grpc.ServerInterceptingCall(call, responder)`. */
export type GrpcJsServerInterceptor = (method: Any, call: Any) => InterceptingCall;

/**
 * Server interceptors of grpc-js as one interceptor of an app. They see what they saw on a grpc-js server, in the same order:
 * the first is next to the wire.
 *
 * ```ts
 * const app = createApp({ routes, interceptors: [fromServerInterceptors([auth, log])], compat: "grpc-js" });
 * ```
 */
export function fromServerInterceptors(interceptors: readonly GrpcJsServerInterceptor[]): Interceptor {
  return (next) => (request) => new InterceptedCall(request, next).run(interceptors);
}

type Output = { kind: "message"; message: Any; taken(): void } | { kind: "status"; status: Status };

/** Both ends of a chain of interceptors: the wire below it, and the handler above it. */
class InterceptedCall {
  readonly #request: UnaryRequest | StreamRequest;
  readonly #next: AnyFn;
  readonly #header = createHeaders();
  readonly #trailer = createHeaders();
  readonly #outputs: Output[] = [];
  #wake: (() => void) | undefined;
  #inputs: AsyncIterator<Any> | undefined;

  constructor(request: UnaryRequest | StreamRequest, next: AnyFn) {
    this.#request = request;
    this.#next = next;
  }

  async run(interceptors: readonly GrpcJsServerInterceptor[]): Promise<UnaryResponse | StreamResponse> {
    const { service, method } = this.#request;
    const kind = method.methodKind;
    const definition = {
      path: `/${service.typeName}/${method.name}`,
      requestStream: kind === "client_streaming" || kind === "bidi_streaming",
      responseStream: kind === "server_streaming" || kind === "bidi_streaming",
    };
    const wire = this.#wireEnd();
    const call = interceptors.reduce<InterceptingCall>((inner, interceptor) => interceptor(definition, inner), wire);
    this.#startHandler(call);
    // Headers are complete when the first message or the status comes.
    const first = await this.#output();
    const common = { service, method, header: this.#header, trailer: this.#trailer };
    if (this.#request.stream) return { ...common, stream: true, message: this.#messages(first) } as StreamResponse;
    if (first.kind === "status")
      throw this.#failure(first.status) ?? this.#failure({ code: 12, details: "No message received" });
    // A message that nobody gets is not taken, and no status follows it.
    this.#request.signal.throwIfAborted();
    first.taken();
    const last = await this.#output();
    const failure = last.kind === "status" ? this.#failure(last.status) : undefined;
    if (failure !== undefined) throw failure;
    return { ...common, stream: false, message: first.message } as UnaryResponse;
  }

  /** What the interceptor next to the wire calls. */
  #wireEnd(): InterceptingCall & Record<string, unknown> {
    const { contextValues, header, signal, url } = this.#request;
    const certificate = contextValues.get(kPeerCertificate);
    const { timeoutMs } = parseGrpcTimeout(header.get("grpc-timeout"));
    const deadline = timeoutMs === undefined ? Number.POSITIVE_INFINITY : Date.now() + timeoutMs;
    let listener: Listener | undefined;
    let isEnded = false;
    return {
      start: (given) => {
        listener = given;
        signal.addEventListener("abort", () => listener?.onCancel(), { once: true });
        listener.onReceiveMetadata(metadataFromHeaders(header));
      },
      startRead: () => {
        void this.#read().then(
          (result) => (result.done ? listener?.onReceiveHalfClose() : listener?.onReceiveMessage(result.value)),
          (error) => this.#put({ kind: "status", status: statusFrom(toConnectError(error)) }),
        );
      },
      sendMetadata: (metadata) => void headersFromMetadata(metadata, this.#header),
      sendMessage: (message, taken) => this.#put({ kind: "message", message, taken }),
      sendStatus: (status) => {
        if (isEnded) return;
        isEnded = true;
        this.#put({ kind: "status", status: { code: 2, details: "", ...status } });
      },
      getPeer: () => contextValues.get(kPeerAddress),
      getDeadline: () => deadline,
      getHost: () => /^[a-z]+:\/\/([^/]*)/.exec(url)?.[1] ?? "",
      getAuthContext: () =>
        certificate === undefined ? {} : { transportSecurityType: "ssl", sslPeerCertificate: certificate },
      getConnectionInfo: () => ({}),
    };
  }

  /** Starts the chain with a listener that runs the handler, as a grpc-js server does. */
  #startHandler(call: InterceptingCall): void {
    const { method } = this.#request;
    let header: Headers = this.#request.header;
    const waiting: Array<(result: IteratorResult<Any>) => void> = [];
    let received: { message: Any } | undefined;
    const read = () =>
      new Promise<IteratorResult<Any>>((resolve) => {
        waiting.push(resolve);
        call.startRead();
      });
    const isMany = method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming";
    const requests: AsyncIterable<Any> = { [Symbol.asyncIterator]: () => ({ next: read }) };
    call.start({
      onReceiveMetadata: (metadata) => {
        header = headersWith(this.#request.header, metadata);
        if (isMany) void this.#handle(call, { ...this.#request, header, message: requests } as StreamRequest);
        else call.startRead();
      },
      onReceiveMessage: (message) => {
        if (isMany) return waiting.shift()?.({ done: false, value: message });
        received = { message };
        call.startRead();
      },
      onReceiveHalfClose: () => {
        if (isMany) return waiting.shift()?.({ done: true, value: undefined });
        const message = received?.message;
        if (!this.#request.stream) void this.#handle(call, { ...this.#request, header, message } as UnaryRequest);
        else {
          const only = (async function* () {
            if (received !== undefined) yield message;
          })();
          void this.#handle(call, { ...this.#request, header, message: only } as StreamRequest);
        }
      },
      onCancel: () => {},
    });
  }

  /** Runs what is inside of the interceptors, and sends what it gives through them. */
  async #handle(call: InterceptingCall, request: UnaryRequest | StreamRequest): Promise<void> {
    let isOpen = false;
    request.contextValues.set(kEarlyHeaders, (header) => {
      isOpen = true;
      call.sendMetadata(metadataFromHeaders(header));
      return this.#header;
    });
    try {
      const response = await this.#next(request);
      const open = () => {
        if (isOpen) return;
        isOpen = true;
        if (![...response.header.keys()].length) return;
        call.sendMetadata(metadataFromHeaders(response.header));
      };
      if (response.stream) {
        for await (const message of response.message) {
          open();
          await new Promise<void>((resolve) => call.sendMessage(message, resolve));
        }
      }
      open();
      const end = () => call.sendStatus({ code: 0, details: "OK", metadata: metadataFromHeaders(response.trailer) });
      if (response.stream) end();
      else call.sendMessage(response.message, end);
    } catch (reason) {
      call.sendStatus(statusFrom(handlerError(reason, "grpc-js")));
    }
  }

  async #read(): Promise<IteratorResult<Any>> {
    const request = this.#request;
    this.#inputs ??= (request.stream ? request.message : one(request.message))[Symbol.asyncIterator]();
    return await this.#inputs.next();
  }

  #put(output: Output): void {
    this.#outputs.push(output);
    this.#wake?.();
  }

  async #output(): Promise<Output> {
    for (;;) {
      const output = this.#outputs.shift();
      if (output !== undefined) return output;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async *#messages(first: Output): AsyncGenerator<Any> {
    for (let output = first; ; output = await this.#output()) {
      if (output.kind === "message") {
        yield output.message;
        output.taken();
        continue;
      }
      const failure = this.#failure(output.status);
      if (failure !== undefined) throw failure;
      return;
    }
  }

  /** The error of a status, or nothing, with its metadata among the trailers. */
  #failure(status: Status): Error | undefined {
    if (status.code !== 0) return toConnectError(status);
    headersFromMetadata(status.metadata, this.#trailer);
    return undefined;
  }
}

/** The request's headers with the metadata that interceptors made of theirs; protocol headers stay. */
function headersWith(header: Headers, metadata: Any): Headers {
  const own = metadataFromHeaders(header);
  const result = createHeaders();
  header.forEach((value, key) => {
    // Not sent by applications, and so not among what comes back from Metadata.
    if (own.get(key).length === 0 || key === "user-agent") result.append(key, value);
  });
  return headersFromMetadata(metadata, result);
}
