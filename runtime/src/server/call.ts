import type { DescMethod, DescService } from "@bufbuild/protobuf";
import { Code, httpStatusFromCode } from "../code.js";
import { type Compression, compressedFlag, compressionNegotiate } from "../compression.js";
import { ConnectError } from "../connect-error.js";
import { endStreamFlag, endStreamToJsonBytes, errorToJsonBytes } from "../connect-json.js";
import type { ContextValues } from "../context-values.js";
import { createEnvelopeParser, type Envelope, type EnvelopeParser, incompleteEnvelope } from "../envelope.js";
import { createHeaders } from "../headers.js";
import { deadlineError, type HandlerContext } from "../implementation.js";
import { OutputQueue } from "../output-queue.js";
import { SerializedMessage, serializedNow } from "../serialized-message.js";
import { parseConnectTimeout, parseGrpcTimeout } from "../timeout.js";
import { type Base64Decoder, createBase64Decoder } from "./base64-text.js";
import { kEarlyHeaders } from "./early-headers.js";
import type { Exchange, ExchangeSink, NodeHeaders } from "./exchange.js";
import { handlerError } from "./handler-error.js";
import { type InterceptedCall, interceptStream, interceptUnary, one } from "./intercept.js";
import { OnlyMessage } from "./only-message.js";
import { decodeMessage, tooLargeError } from "./request-message.js";
import { RequestStream } from "./request-stream.js";
import {
  connectUnaryHeaders,
  envelopedHeaders,
  frame,
  grpcTrailers,
  prefixRoom,
  serializeMessage,
  trailerBytes,
} from "./response-message.js";
import type { Route } from "./route.js";
import type { Wire } from "./wire.js";

const maxTimerMs = 0x7fffffff;
const trailerFlag = 0b10000000;

/** The request of a Connect GET call, taken from the query. */
export interface GetRequest {
  message: Uint8Array;
  encoding: string | undefined;
}

/**
 * One call on a server, from headers to status, and the context that its handler sees.
 *
 * Everything that a handler may not look at is made on first touch: signal, Headers, context values. The call ends
 * exactly once, in `#over`: by an answer, an error, its deadline or its peer going away; what comes later is ignored.
 */
export class ServerCall implements InterceptedCall, ExchangeSink {
  readonly #route: Route;
  readonly #exchange: Exchange;
  readonly #wire: Wire;

  #finished = false;
  #headersSent = false;
  #abortReason: unknown;
  #deadline = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #controller: AbortController | undefined;
  #signal: AbortSignal | undefined;
  #unlinkShutdown: (() => void) | undefined;
  #overListeners: Array<() => void> | undefined;
  #requestHeader: Headers | undefined;
  #responseHeader: Headers | undefined;
  #responseTrailer: Headers | undefined;
  #values: ContextValues | undefined;

  #requestCompression: Compression | null = null;
  #responseCompression: Compression | null = null;

  #only: OnlyMessage | undefined;
  #parser: EnvelopeParser | undefined;
  #base64: Base64Decoder | undefined;
  #requests: RequestStream<Envelope, unknown> | undefined;
  #inputFailed = false;

  #early: SerializedMessage | undefined;
  #responses: AsyncIterator<unknown> | undefined;
  #wake: (() => void) | undefined;

  constructor(route: Route, exchange: Exchange, wire: Wire) {
    this.#route = route;
    this.#exchange = exchange;
    this.#wire = wire;
  }

  // The context that a handler sees.

  get method(): DescMethod {
    return this.#route.method;
  }
  get service(): DescService {
    return this.#route.service;
  }
  get protocolName(): string {
    return this.#wire.protocolName;
  }
  get requestMethod(): string {
    return this.#exchange.requestMethod;
  }
  get url(): string {
    return this.#exchange.url();
  }
  get requestHeader(): Headers {
    this.#requestHeader ??= this.#exchange.requestHeaders();
    return this.#requestHeader;
  }
  get responseHeader(): Headers {
    this.#responseHeader ??= createHeaders();
    return this.#responseHeader;
  }
  get responseTrailer(): Headers {
    this.#responseTrailer ??= createHeaders();
    return this.#responseTrailer;
  }
  get values(): ContextValues {
    this.#values ??= this.#exchange.values();
    return this.#values;
  }
  get signal(): AbortSignal {
    if (this.#signal === undefined) {
      this.#controller = new AbortController();
      this.#signal = this.#controller.signal;
      if (this.#abortReason !== undefined) this.#controller.abort(this.#abortReason);
      else if (!this.#finished) this.#linkShutdown(this.#controller);
    }
    return this.#signal;
  }
  get timeoutMs(): () => number | undefined {
    return () => (this.#deadline === 0 ? undefined : this.#deadline - performance.now());
  }
  get sendHeaders(): () => void {
    return () => {
      if (this.#finished || this.#headersSent) return;
      const through = this.values.get(kEarlyHeaders);
      if (through !== undefined) this.#responseHeader = through(this.responseHeader);
      this.#sendHeaders();
    };
  }

  get serializeReply(): (message: unknown) => void {
    return (message) => {
      // Interceptors may change it.
      if (this.#finished || this.#early !== undefined || this.#route.options.interceptors.length > 0) return;
      this.#early = this.#serializeEarly(message);
    };
  }

  get onOver(): (listener: () => void) => void {
    return (listener) => {
      if (this.#finished) {
        queueMicrotask(listener);
        return;
      }
      this.#overListeners ??= [];
      this.#overListeners.push(listener);
    };
  }

  get isOver(): boolean {
    return this.#finished;
  }

  #linkShutdown(controller: AbortController): void {
    const shutdown = this.#route.options.shutdownSignal;
    if (shutdown === undefined) return;
    const abort = () => controller.abort(shutdown.reason);
    if (shutdown.aborted) {
      abort();
      return;
    }
    shutdown.addEventListener("abort", abort);
    this.#unlinkShutdown = () => shutdown.removeEventListener("abort", abort);
  }

  // Start.

  /** @param get the request of a Connect GET call, which has no body */
  start(get?: GetRequest): void {
    const exchange = this.#exchange;
    const wire = this.#wire;
    const { options } = this.#route;
    exchange.attach(this);
    const timeout = exchange.header(wire.timeoutHeader);
    if (timeout !== undefined && !this.#startTimer(timeout)) return;
    const encoding = get === undefined ? exchange.header(wire.encodingHeader) : get.encoding;
    if (options.sendCompression || (encoding !== undefined && encoding !== "identity")) {
      const accepted = exchange.header(wire.acceptHeader);
      const negotiated = compressionNegotiate(options.acceptCompression, encoding, accepted, wire.acceptHeader);
      if (negotiated.error !== undefined) {
        this.fail(
          options.compat === "grpc-js"
            ? new ConnectError(
                `Received message compressed with unsupported encoding "${encoding}"`,
                Code.Unimplemented,
                negotiated.error.metadata,
              )
            : negotiated.error,
        );
        return;
      }
      this.#requestCompression = negotiated.request;
      if (options.sendCompression) this.#responseCompression = negotiated.response;
    }
    if (options.requestGate === undefined) this.#receive(get);
    else this.#passGate(options.requestGate, get);
  }

  #startTimer(header: string): boolean {
    const { options } = this.#route;
    const grpc = this.#wire.timeoutHeader === "grpc-timeout";
    const { timeoutMs, error } = grpc ? parseGrpcTimeout(header) : parseConnectTimeout(header);
    if (error !== undefined) {
      const compat = options.compat === "grpc-js" && grpc;
      this.fail(compat ? new ConnectError(`Invalid grpc-timeout value "${header}"`, Code.Internal) : error);
      return false;
    }
    if (timeoutMs === undefined) return true;
    if (timeoutMs > options.maxTimeoutMs) {
      this.fail(new ConnectError(`timeout ${timeoutMs}ms must be <= ${options.maxTimeoutMs}`, Code.InvalidArgument));
      return false;
    }
    this.#deadline = performance.now() + timeoutMs;
    if (timeoutMs <= 0) {
      this.expire();
      return false;
    }
    if (timeoutMs <= maxTimerMs) this.#timer = setTimeout(expire, timeoutMs, this);
    return true;
  }

  /** The deadline holds even if the handler never looks at its signal. */
  expire(): void {
    // Where a response has begun, grpc-js lets the requests end well: a handler that stores or cleans up there does so.
    if (this.#headersSent && this.#route.options.compat === "grpc-js") this.#requests?.end();
    this.fail(
      this.#route.options.compat === "grpc-js"
        ? new ConnectError("Deadline exceeded", Code.DeadlineExceeded)
        : deadlineError(),
    );
  }

  #passGate(gate: (context: HandlerContext) => void | Promise<void>, get: GetRequest | undefined): void {
    try {
      const passed = gate(this);
      if (passed === undefined) this.#receive(get);
      else {
        passed.then(
          () => this.#receive(get),
          (reason) => this.fail(reason),
        );
      }
    } catch (reason) {
      this.fail(reason);
    }
  }

  // Request.

  #receive(get: GetRequest | undefined): void {
    if (this.#finished) return;
    if (get !== undefined) {
      this.#receiveOnly({ flags: this.#requestCompression === null ? 0 : compressedFlag, data: get.message });
      return;
    }
    const { kind } = this.#route;
    if (this.#wire.text) this.#base64 = createBase64Decoder();
    if (kind === "unary" || kind === "server_streaming") {
      this.#only = new OnlyMessage(this.#route, this.#wire);
      this.#exchange.read();
      return;
    }
    this.#parser = createEnvelopeParser(this.#route.options.readMaxBytes, tooLargeError(this.#route));
    this.#requests = new RequestStream(
      (envelope) => decodeMessage(this.#route, this.#wire, this.#requestCompression, envelope),
      this.#exchange,
    );
    this.#exchange.read();
    this.#invokeWithStream(this.#requests);
  }

  onData(chunk: Uint8Array): void {
    if (this.#finished || this.#inputFailed) return;
    try {
      const bytes = this.#base64 === undefined ? chunk : this.#base64.push(chunk);
      if (this.#requests !== undefined) this.#receiveStreamed(bytes, this.#requests);
      else this.#only?.push(bytes);
    } catch (reason) {
      this.#failInput(reason instanceof ConnectError ? reason : ConnectError.from(reason, Code.InvalidArgument));
    }
  }

  #receiveStreamed(bytes: Uint8Array, requests: RequestStream<Envelope, unknown>): void {
    const parser = this.#parser as EnvelopeParser;
    parser.push(bytes);
    for (let envelope = parser.next(); envelope !== undefined; envelope = parser.next()) requests.push(envelope);
  }

  #failInput(error: ConnectError): void {
    this.#inputFailed = true;
    // A handler that reads a stream gets the messages before the broken one first.
    if (this.#requests !== undefined) this.#requests.fail(error, false);
    else this.fail(error);
  }

  onEnd(): void {
    if (this.#finished || this.#inputFailed) return;
    if (this.#base64 !== undefined && this.#base64.pending !== 0) {
      this.#failInput(new ConnectError("incomplete base64 at the end of the body", Code.InvalidArgument));
      return;
    }
    if (this.#requests !== undefined) {
      const pending = this.#parser?.pending ?? 0;
      if (pending > 0) this.#failInput(incompleteEnvelope(pending));
      else this.#requests.end();
      return;
    }
    let envelope: Envelope;
    try {
      envelope = (this.#only as OnlyMessage).end(this.#requestCompression !== null);
    } catch (reason) {
      this.#failInput(ConnectError.from(reason, Code.InvalidArgument));
      return;
    }
    this.#receiveOnly(envelope);
  }

  #receiveOnly(envelope: Envelope): void {
    let message: unknown;
    try {
      message = decodeMessage(this.#route, this.#wire, this.#requestCompression, envelope);
    } catch (reason) {
      this.fail(reason);
      return;
    }
    if (envelope.flags !== 0 && message instanceof Promise) {
      message.then(
        (value) => this.#invoke(value),
        (reason) => this.fail(reason),
      );
    } else this.#invoke(message);
  }

  // Handler.

  /** Unary and server streaming: the request is one message. */
  #invoke(message: unknown): void {
    if (this.#finished) return;
    const route = this.#route;
    if (route.options.interceptors.length > 0) {
      if (route.kind === "unary") {
        interceptUnary(route, this, message).then(
          (response) => this.#answer(response.message),
          (reason) => this.fail(reason),
        );
      } else this.#interceptStream(one(message));
      return;
    }
    let result: unknown;
    try {
      result = route.impl(message, this);
    } catch (reason) {
      this.fail(reason);
      return;
    }
    if (route.kind === "unary") this.#answerWith(result);
    else this.#pump(result);
  }

  #invokeWithStream(requests: AsyncIterable<unknown>): void {
    const route = this.#route;
    if (route.options.interceptors.length > 0) {
      this.#interceptStream(requests);
      return;
    }
    let result: unknown;
    try {
      result = route.impl(requests, this);
    } catch (reason) {
      this.fail(reason);
      return;
    }
    if (route.kind === "client_streaming") this.#answerWith(result);
    else this.#pump(result);
  }

  #interceptStream(requests: AsyncIterable<unknown>): void {
    interceptStream(this.#route, this, requests).then(
      (response) => this.#pump(response.message),
      (reason) => this.fail(reason),
    );
  }

  adoptRequest(header: Headers, values: ContextValues, signal: AbortSignal): void {
    this.#requestHeader = header;
    this.#values = values;
    this.#signal = signal;
  }

  adoptResponse(header: Headers, trailer: Headers): void {
    this.#responseHeader = header;
    this.#responseTrailer = trailer;
  }

  #answerWith(result: unknown): void {
    if (isThenable(result)) {
      result.then(
        (value) => this.#answer(value),
        (reason) => this.fail(reason),
      );
    } else this.#answer(result);
  }

  // Response.

  /** A message as it is now; what fails fails when it is sent. */
  #serializeEarly(message: unknown): SerializedMessage {
    const room = prefixRoom(this.#route, this.#wire, this.#responseCompression);
    return serializedNow(message, (value) => this.#serializeStreamed(value, room));
  }

  /** One message of several. grpc-js's streams throw what a handler throws where null is written. */
  #serializeStreamed(message: unknown, room: number): Uint8Array {
    if (message === null && this.#route.options.compat === "grpc-js")
      throw new ConnectError("Unknown error", Code.Unknown);
    return serializeMessage(this.#route, this.#wire, message, room);
  }

  /** The one message of a unary or client streaming call. */
  #answer(value: unknown): void {
    if (this.#finished) return;
    const room = prefixRoom(this.#route, this.#wire, this.#responseCompression);
    let bytes: Uint8Array;
    try {
      const early = this.#early;
      bytes =
        early !== undefined && early.message === value
          ? early.bytes()
          : serializeMessage(this.#route, this.#wire, value, room);
    } catch (reason) {
      this.fail(reason);
      return;
    }
    if (room > 0) {
      this.#over(undefined);
      this.#finish([bytes], undefined);
      return;
    }
    const compression = this.#responseCompression;
    if (compression === null || bytes.byteLength < this.#route.options.compressMinBytes) {
      this.#answerBytes(bytes, false);
      return;
    }
    compression.compress(bytes).then(
      (compressed) => this.#answerBytes(compressed, true),
      (reason) => this.fail(reason),
    );
  }

  #answerBytes(bytes: Uint8Array, compressed: boolean): void {
    if (this.#finished) return;
    this.#over(undefined);
    if (this.#wire.kind === "connect-unary") {
      const headers = connectUnaryHeaders(this.#wire, this.#responseHeader, this.#responseTrailer, undefined);
      if (compressed) headers["content-encoding"] = this.#responseCompression?.name;
      this.#send(() => this.#exchange.sendAll(200, headers, bytes.byteLength === 0 ? [] : [bytes], undefined));
    } else this.#finish(frame(this.#wire, compressed ? compressedFlag : 0, bytes), undefined);
  }

  /** Sends the messages of a streaming handler one by one, each only when the peer takes more. */
  async #pump(result: unknown): Promise<void> {
    try {
      const iterable = (isThenable(result) ? await result : result) as AsyncIterable<unknown>;
      const responses = iterable[Symbol.asyncIterator]();
      if (this.#finished) {
        this.#stop(responses);
        return;
      }
      this.#responses = responses;
      if (iterable instanceof OutputQueue) iterable.prepare = (message) => this.#serializeEarly(message);
      const { compressMinBytes } = this.#route.options;
      const room = prefixRoom(this.#route, this.#wire, this.#responseCompression);
      for (;;) {
        const next = await responses.next();
        if (this.#finished) return;
        if (next.done === true) break;
        const message = next.value;
        let bytes = message instanceof SerializedMessage ? message.bytes() : this.#serializeStreamed(message, room);
        let flags = 0;
        if (this.#responseCompression !== null && bytes.byteLength >= compressMinBytes) {
          bytes = await this.#responseCompression.compress(bytes);
          flags = compressedFlag;
          if (this.#finished) return;
        }
        if (!this.#headersSent) this.#sendHeaders();
        if (!this.#exchange.write(room > 0 ? [bytes] : frame(this.#wire, flags, bytes))) {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
            this.#exchange.drained(resolve);
          });
          this.#wake = undefined;
          if (this.#finished) return;
        }
      }
      this.#over(undefined);
      this.#finish([], undefined);
    } catch (reason) {
      const responses = this.#responses;
      this.#responses = undefined;
      // A message that does not serialise, or is too long, must not leave the handler suspended at its yield.
      if (responses !== undefined) this.#stop(responses);
      this.fail(reason);
    }
  }

  #stop(responses: AsyncIterator<unknown>): void {
    try {
      responses.return?.()?.then(undefined, () => {});
    } catch {
      // The call is over; what the handler's clean-up throws has no receiver.
    }
  }

  #sendHeaders(): void {
    if (this.#headersSent || this.#wire.kind === "connect-unary") return;
    this.#headersSent = true;
    this.#exchange.sendHeaders(
      200,
      envelopedHeaders(this.#wire, this.#responseCompression, this.#responseHeader),
      this.#wire.kind === "grpc",
    );
  }

  /** Ends the call with an error, unless it is over already. */
  fail(reason: unknown): void {
    if (this.#finished) return;
    const error = handlerError(reason, this.#route.options.compat);
    this.#over(error);
    if (this.#wire.kind !== "connect-unary") {
      this.#finish([], error);
      return;
    }
    const headers = connectUnaryHeaders(this.#wire, this.#responseHeader, this.#responseTrailer, error);
    headers["content-type"] = "application/json";
    const body = errorToJsonBytes(error, this.#route.options.jsonOptions);
    this.#send(() => this.#exchange.sendAll(httpStatusFromCode(error.code), headers, [body], undefined));
  }

  /** The last messages and the status of an enveloped response. */
  #finish(messages: Uint8Array[], error: ConnectError | undefined): void {
    const exchange = this.#exchange;
    let trailers: NodeHeaders | undefined;
    if (this.#wire.kind === "connect-stream") {
      const { jsonOptions } = this.#route.options;
      messages.push(
        ...frame(this.#wire, endStreamFlag, endStreamToJsonBytes(this.#responseTrailer, error, jsonOptions)),
      );
    } else {
      trailers = grpcTrailers(this.#route, this.#responseTrailer, error);
      if (this.#wire.kind === "grpc-web") {
        messages.push(...frame(this.#wire, trailerFlag, trailerBytes(trailers)));
        trailers = undefined;
      }
    }
    this.#send(() => {
      if (this.#headersSent) {
        if (messages.length > 0) exchange.write(messages);
        exchange.end(trailers);
        return;
      }
      this.#headersSent = true;
      const headers = envelopedHeaders(this.#wire, this.#responseCompression, this.#responseHeader);
      // gRPC PROTOCOL-HTTP2 §Responses: an error before anything else is Trailers-Only, one HEADERS frame. grpc-js sends a stream
      // without messages so, too.
      const isBare = error !== undefined || (this.#route.options.compat === "grpc-js" && messages.length === 0);
      if (isBare && trailers !== undefined && isEmpty(this.#responseHeader)) {
        delete headers[this.#wire.encodingHeader];
        exchange.sendAll(200, Object.assign(headers, trailers), messages, undefined);
      } else exchange.sendAll(200, headers, messages, trailers);
    });
  }

  // Metadata can hold what HTTP refuses (and a peer can be gone in this instant): neither may take the process down.
  #send(send: () => void): void {
    try {
      send();
    } catch {
      this.#exchange.reset();
    }
  }

  // End.

  onClosed(): void {
    if (this.#finished) return;
    this.#over(new ConnectError("the call was canceled by the client", Code.Canceled));
  }

  /** The one place where a call ends. An error aborts what the handler still does; success aborts nothing. */
  #over(error: ConnectError | undefined): void {
    this.#finished = true;
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#unlinkShutdown?.();
    if (this.#overListeners !== undefined) {
      // Behind the answer; what a listener throws is no part of the call.
      for (const listener of this.#overListeners) queueMicrotask(listener);
    }
    if (error === undefined) {
      this.#requests?.return();
    } else {
      this.#abortReason = error;
      this.#requests?.fail(error, true);
      this.#controller?.abort(error);
      if (this.#responses !== undefined) this.#stop(this.#responses);
    }
    this.#responses = undefined;
    this.#wake?.();
  }
}

function expire(call: ServerCall): void {
  call.expire();
}

function isEmpty(headers: Headers | undefined): boolean {
  return headers === undefined || headers.keys().next().done === true;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}
