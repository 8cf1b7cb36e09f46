import { create, type DescMethod, type DescService, isMessage, type MessageInitShape } from "@bufbuild/protobuf";
import { base64Encode } from "@bufbuild/protobuf/wire";
import { Code, httpStatusFromCode } from "../code.js";
import {
  type Compression,
  compressedFlag,
  compressionNegotiate,
  readLimitError,
  writeLimitError,
} from "../compression.js";
import { ConnectError } from "../connect-error.js";
import { endStreamFlag, endStreamToJsonBytes, errorToJsonBytes } from "../connect-json.js";
import type { ContextValues } from "../context-values.js";
import {
  createEnvelopeParser,
  type Envelope,
  type EnvelopeParser,
  encodeEnvelope,
  envelopeParts,
  incompleteEnvelope,
  prefixLength,
  writePrefix,
} from "../envelope.js";
import { addGrpcStatus } from "../grpc-status.js";
import { addToNodeHeaders, createHeaders, headerLines } from "../headers.js";
import { deadlineError, type HandlerContext } from "../implementation.js";
import {
  applyInterceptors,
  type StreamRequest,
  type StreamResponse,
  type UnaryRequest,
  type UnaryResponse,
} from "../interceptor.js";
import { parseConnectTimeout, parseGrpcTimeout } from "../timeout.js";
import { type Base64Decoder, createBase64Decoder } from "./base64-text.js";
import type { Exchange, ExchangeSink, NodeHeaders } from "./exchange.js";
import { handlerError } from "./handler-error.js";
import { RequestStream } from "./request-stream.js";
import { isReservedHeader } from "./reserved-headers.js";
import type { Route } from "./route.js";
import type { Wire } from "./wire.js";

const maxTimerMs = 0x7fffffff;
const utf8 = new TextEncoder();
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
export class ServerCall implements HandlerContext, ExchangeSink {
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
  #requestHeader: Headers | undefined;
  #responseHeader: Headers | undefined;
  #responseTrailer: Headers | undefined;
  #values: ContextValues | undefined;

  #requestCompression: Compression | null = null;
  #responseCompression: Compression | null = null;

  // A request with one message stays in `#first` while it is one chunk; a parser is only made for more.
  #first: Uint8Array | undefined;
  #chunks: Uint8Array[] | undefined;
  #chunkBytes = 0;
  #parser: EnvelopeParser | undefined;
  #base64: Base64Decoder | undefined;
  #requests: RequestStream<Envelope, unknown> | undefined;
  #inputFailed = false;

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
      if (!this.#finished) this.#sendHeaders();
    };
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
      this.#exchange.read();
      return;
    }
    this.#parser = createEnvelopeParser(this.#route.options.readMaxBytes);
    this.#requests = new RequestStream((envelope) => this.#decode(envelope), this.#exchange);
    this.#exchange.read();
    this.#invokeWithStream(this.#requests);
  }

  onData(chunk: Uint8Array): void {
    if (this.#finished || this.#inputFailed) return;
    try {
      const bytes = this.#base64 === undefined ? chunk : this.#base64.push(chunk);
      if (this.#requests !== undefined) this.#receiveStreamed(bytes, this.#requests);
      else if (this.#wire.kind === "connect-unary") this.#receiveBody(bytes);
      else this.#receiveEnveloped(bytes);
    } catch (reason) {
      this.#failInput(reason instanceof ConnectError ? reason : ConnectError.from(reason, Code.InvalidArgument));
    }
  }

  #receiveStreamed(bytes: Uint8Array, requests: RequestStream<Envelope, unknown>): void {
    const parser = this.#parser as EnvelopeParser;
    parser.push(bytes);
    for (let envelope = parser.next(); envelope !== undefined; envelope = parser.next()) requests.push(envelope);
  }

  #receiveBody(bytes: Uint8Array): void {
    const { readMaxBytes } = this.#route.options;
    this.#chunkBytes += bytes.byteLength;
    if (this.#chunkBytes > readMaxBytes) throw readLimitError(this.#chunkBytes, readMaxBytes);
    if (this.#first === undefined) this.#first = bytes;
    else {
      this.#chunks ??= [this.#first];
      this.#chunks.push(bytes);
    }
  }

  #receiveEnveloped(bytes: Uint8Array): void {
    if (this.#parser !== undefined) {
      this.#parser.push(bytes);
      return;
    }
    if (this.#first === undefined && wholeEnvelope(bytes, this.#route.options.readMaxBytes)) {
      this.#first = bytes;
      return;
    }
    this.#parser = createEnvelopeParser(this.#route.options.readMaxBytes);
    if (this.#first !== undefined) this.#parser.push(this.#first);
    this.#parser.push(bytes);
    const first = this.#parser.next();
    if (first !== undefined) this.#parser = prepend(first, this.#parser);
  }

  #failInput(error: ConnectError): void {
    this.#inputFailed = true;
    const seen = this.#compatError(error);
    // A handler that reads a stream gets the messages before the broken one first.
    if (this.#requests !== undefined) this.#requests.fail(seen, false);
    else this.fail(seen);
  }

  onEnd(): void {
    if (this.#finished || this.#inputFailed) return;
    if (this.#base64 !== undefined && this.#base64.pending !== 0) {
      this.#failInput(new ConnectError("incomplete base64 at the end of the body", Code.InvalidArgument));
      return;
    }
    const parser = this.#parser;
    if (this.#requests !== undefined) {
      const pending = parser?.pending ?? 0;
      if (pending > 0) this.#failInput(incompleteEnvelope(pending));
      else this.#requests.end();
      return;
    }
    if (this.#wire.kind === "connect-unary") {
      this.#receiveOnly({ flags: this.#requestCompression === null ? 0 : compressedFlag, data: this.#body() });
      return;
    }
    if (parser === undefined) {
      const first = this.#first;
      if (first === undefined) this.#failInput(this.#missingMessage());
      else this.#receiveOnly({ flags: first[0] as number, data: view(first, 5) });
      return;
    }
    try {
      const envelope = parser.next();
      if (envelope === undefined) {
        const { pending } = parser;
        this.#failInput(pending > 0 ? incompleteEnvelope(pending) : this.#missingMessage());
      } else if (parser.next() !== undefined) this.#failInput(this.#extraMessage());
      else if (parser.pending > 0) this.#failInput(incompleteEnvelope(parser.pending));
      else this.#receiveOnly(envelope);
    } catch (reason) {
      this.#failInput(ConnectError.from(reason, Code.InvalidArgument));
    }
  }

  #body(): Uint8Array {
    if (this.#chunks === undefined) return this.#first === undefined ? new Uint8Array(0) : view(this.#first, 0);
    const body = new Uint8Array(this.#chunkBytes);
    let offset = 0;
    for (const chunk of this.#chunks) {
      body.set(chunk, offset);
      offset += chunk.byteLength;
    }
    return body;
  }

  #missingMessage(): ConnectError {
    const compat = this.#route.options.compat === "grpc-js";
    const text = compat
      ? `Received no request message for server streaming method ${this.#route.path}`
      : "protocol error: missing input message";
    return new ConnectError(text, Code.Unimplemented);
  }

  #extraMessage(): ConnectError {
    const compat = this.#route.options.compat === "grpc-js";
    const text = compat
      ? `Received a second request message for server streaming method ${this.#route.path}`
      : "protocol error: received extra input message";
    return new ConnectError(text, Code.Unimplemented);
  }

  #compatError(error: ConnectError): ConnectError {
    if (this.#route.options.compat !== "grpc-js" || error.code !== Code.ResourceExhausted) return error;
    const sizes = /message size (\d+) is larger than configured readMaxBytes (\d+)/.exec(error.rawMessage);
    if (sizes === null) return error;
    return new ConnectError(`Received message larger than max (${sizes[1]} vs ${sizes[2]})`, Code.ResourceExhausted);
  }

  #decode(envelope: Envelope): unknown {
    if (envelope.flags === 0) return this.#parse(envelope.data);
    if (envelope.flags !== compressedFlag) {
      const code = this.#wire.kind === "grpc" ? Code.Internal : Code.InvalidArgument;
      throw new ConnectError(`protocol error: invalid envelope flags ${envelope.flags}`, code);
    }
    const compression = this.#requestCompression;
    if (compression === null) {
      const text = "protocol error: received a compressed message, but no encoding was announced";
      throw new ConnectError(text, Code.Internal);
    }
    const { compat, readMaxBytes } = this.#route.options;
    return compression.decompress(envelope.data, readMaxBytes).then(
      (bytes) => this.#parse(bytes),
      (reason) => {
        const error = ConnectError.from(reason, Code.InvalidArgument);
        if (compat !== "grpc-js") throw error;
        throw error.code === Code.ResourceExhausted
          ? new ConnectError(
              `Received message that decompresses to a size larger than ${readMaxBytes}`,
              Code.ResourceExhausted,
            )
          : new ConnectError("Failed to decompress message", Code.Internal);
      },
    );
  }

  #parse(bytes: Uint8Array): unknown {
    const { format } = this.#wire;
    try {
      return this.#route.codecs.input[format].deserialize(bytes);
    } catch (reason) {
      // No client of grpc-js speaks JSON.
      if (format === "json") throw ConnectError.from(reason, Code.InvalidArgument);
      if (this.#route.options.compat === "grpc-js") {
        throw new ConnectError("Error deserializing request", Code.Internal, undefined, undefined, reason);
      }
      const text = reason instanceof Error ? reason.message : String(reason);
      throw new ConnectError(`parse binary: ${text}`, Code.Internal, undefined, undefined, reason);
    }
  }

  #receiveOnly(envelope: Envelope): void {
    let message: unknown;
    try {
      message = this.#decode(envelope);
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
      if (route.kind === "unary") this.#interceptUnary(message);
      else this.#interceptStream(one(message));
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

  #answerWith(result: unknown): void {
    if (isThenable(result)) {
      result.then(
        (value) => this.#answer(value),
        (reason) => this.fail(reason),
      );
    } else this.#answer(result);
  }

  // Interceptors are allowed to spread the request, so it is a plain object and its parts are made now.
  #requestCommon() {
    return {
      service: this.#route.service,
      method: this.#route.method,
      requestMethod: this.requestMethod,
      url: this.url,
      signal: this.signal,
      header: this.requestHeader,
      contextValues: this.values,
    };
  }

  #responseCommon() {
    return {
      service: this.#route.service,
      method: this.#route.method,
      header: this.responseHeader,
      trailer: this.responseTrailer,
    };
  }

  #adoptRequest(request: UnaryRequest | StreamRequest): void {
    this.#requestHeader = request.header;
    this.#values = request.contextValues;
    this.#signal = request.signal;
  }

  #adoptResponse(response: UnaryResponse | StreamResponse): void {
    this.#responseHeader = response.header;
    this.#responseTrailer = response.trailer;
  }

  #interceptUnary(message: unknown): void {
    const route = this.#route;
    const innermost = async (request: UnaryRequest): Promise<UnaryResponse> => {
      this.#adoptRequest(request);
      const value = this.#asMessage(await route.impl(request.message, this));
      return { ...this.#responseCommon(), stream: false, message: value } as UnaryResponse;
    };
    const request = { ...this.#requestCommon(), stream: false, message } as UnaryRequest;
    this.#intercept(innermost, request, (response) => this.#answer(response.message));
  }

  #interceptStream(requests: AsyncIterable<unknown>): void {
    const route = this.#route;
    const innermost = async (request: StreamRequest): Promise<StreamResponse> => {
      this.#adoptRequest(request);
      let responses: AsyncIterable<unknown>;
      if (route.kind === "client_streaming") responses = oneLater(() => route.impl(request.message, this));
      else if (route.kind === "bidi_streaming") responses = await route.impl(request.message, this);
      else responses = await route.impl(await this.#only(request.message), this);
      return { ...this.#responseCommon(), stream: true, message: this.#asMessages(responses) } as StreamResponse;
    };
    const request = { ...this.#requestCommon(), stream: true, message: requests } as StreamRequest;
    this.#intercept(innermost, request, (response) => this.#pump(response.message));
  }

  #intercept<Request extends UnaryRequest | StreamRequest, Response extends UnaryResponse | StreamResponse>(
    innermost: (request: Request) => Promise<Response>,
    request: Request,
    done: (response: Response) => void,
  ): void {
    const wrapped = applyInterceptors(innermost, this.#route.options.interceptors);
    // An interceptor may throw before it returns a promise.
    new Promise<Response>((resolve) => resolve(wrapped(request))).then(
      (response) => {
        this.#adoptResponse(response);
        done(response);
      },
      (reason) => this.fail(reason),
    );
  }

  async #only(requests: AsyncIterable<unknown>): Promise<unknown> {
    let count = 0;
    let message: unknown;
    for await (const request of requests) {
      if (count++ > 0) throw this.#extraMessage();
      message = request;
    }
    if (count === 0) throw this.#missingMessage();
    return message;
  }

  #asMessage(value: unknown): unknown {
    const desc = this.#route.method.output;
    if (this.#route.ownMessages || isMessage(value, desc)) return value;
    return create(desc, value as MessageInitShape<typeof desc>);
  }

  async *#asMessages(values: AsyncIterable<unknown>): AsyncIterable<unknown> {
    for await (const value of values) yield this.#asMessage(value);
  }

  // Response.

  /** Room for the prefix of the envelope, if the message goes out as it is. */
  #room(): number {
    const wire = this.#wire;
    if (this.#responseCompression !== null || wire.kind === "connect-unary" || wire.text) return 0;
    return this.#route.codecs.output[wire.format].serializeAfter === undefined ? 0 : prefixLength;
  }

  #serialize(value: unknown, room: number): Uint8Array {
    const { codecs, options } = this.#route;
    const codec = codecs.output[this.#wire.format];
    let bytes: Uint8Array;
    try {
      bytes = codec.serializeAfter === undefined ? codec.serialize(value) : codec.serializeAfter(value, room);
    } catch (reason) {
      if (options.compat === "grpc-js") {
        throw new ConnectError("Error serializing response", Code.Internal, undefined, undefined, reason);
      }
      const text = reason instanceof Error ? reason.message : String(reason);
      throw new ConnectError(`serialize ${this.#wire.format}: ${text}`, Code.Internal, undefined, undefined, reason);
    }
    const size = bytes.byteLength - room;
    if (size > options.writeMaxBytes) {
      if (options.compat === "grpc-js") {
        const text = `Sent message larger than max (${size + prefixLength} vs. ${options.writeMaxBytes})`;
        throw new ConnectError(text, Code.ResourceExhausted);
      }
      throw writeLimitError(size, options.writeMaxBytes);
    }
    if (room > 0) writePrefix(bytes, 0, size);
    return bytes;
  }

  /** The one message of a unary or client streaming call. */
  #answer(value: unknown): void {
    if (this.#finished) return;
    const room = this.#room();
    let bytes: Uint8Array;
    try {
      bytes = this.#serialize(value, room);
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
      const headers = this.#connectUnaryHeaders(undefined);
      if (compressed) headers["content-encoding"] = this.#responseCompression?.name;
      this.#send(() => this.#exchange.sendAll(200, headers, bytes.byteLength === 0 ? [] : [bytes], undefined));
    } else this.#finish(this.#frame(compressed ? compressedFlag : 0, bytes), undefined);
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
      const { compressMinBytes } = this.#route.options;
      const room = this.#room();
      for (;;) {
        const next = await responses.next();
        if (this.#finished) return;
        if (next.done === true) break;
        let bytes = this.#serialize(next.value, room);
        let flags = 0;
        if (this.#responseCompression !== null && bytes.byteLength >= compressMinBytes) {
          bytes = await this.#responseCompression.compress(bytes);
          flags = compressedFlag;
          if (this.#finished) return;
        }
        if (!this.#headersSent) this.#sendHeaders();
        if (!this.#exchange.write(room > 0 ? [bytes] : this.#frame(flags, bytes))) {
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

  #frame(flags: number, bytes: Uint8Array): Uint8Array[] {
    if (this.#wire.text) return [utf8.encode(base64Encode(encodeEnvelope(flags, bytes)))];
    return envelopeParts(flags, bytes);
  }

  #envelopedHeaders(): NodeHeaders {
    const headers: NodeHeaders = { "content-type": this.#wire.contentType };
    if (this.#responseCompression !== null) headers[this.#wire.encodingHeader] = this.#responseCompression.name;
    if (this.#responseHeader !== undefined) addToNodeHeaders(headers, this.#responseHeader, isReservedHeader);
    return headers;
  }

  #sendHeaders(): void {
    if (this.#headersSent || this.#wire.kind === "connect-unary") return;
    this.#headersSent = true;
    this.#exchange.sendHeaders(200, this.#envelopedHeaders(), this.#wire.kind === "grpc");
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
    const headers = this.#connectUnaryHeaders(error);
    headers["content-type"] = "application/json";
    const body = errorToJsonBytes(error, this.#route.options.jsonOptions);
    this.#send(() => this.#exchange.sendAll(httpStatusFromCode(error.code), headers, [body], undefined));
  }

  #connectUnaryHeaders(error: ConnectError | undefined): NodeHeaders {
    const headers: NodeHeaders = { "content-type": this.#wire.contentType };
    if (this.#responseHeader !== undefined) addToNodeHeaders(headers, this.#responseHeader, isReservedHeader);
    if (error !== undefined && !error.isWireError) addErrorMetadata(headers, error);
    if (this.#responseTrailer !== undefined) {
      const prefixed = createHeaders();
      for (const [key, value] of headerLines(this.#responseTrailer)) {
        if (!isReservedHeader(key)) prefixed.append(`trailer-${key}`, value);
      }
      addToNodeHeaders(headers, prefixed);
    }
    return headers;
  }

  /** The last messages and the status of an enveloped response. */
  #finish(messages: Uint8Array[], error: ConnectError | undefined): void {
    const exchange = this.#exchange;
    let trailers: NodeHeaders | undefined;
    if (this.#wire.kind === "connect-stream") {
      const { jsonOptions } = this.#route.options;
      messages.push(...this.#frame(endStreamFlag, endStreamToJsonBytes(this.#responseTrailer, error, jsonOptions)));
    } else {
      trailers = this.#grpcTrailers(error);
      if (this.#wire.kind === "grpc-web") {
        messages.push(...this.#frame(trailerFlag, trailerBytes(trailers)));
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
      const headers = this.#envelopedHeaders();
      // gRPC PROTOCOL-HTTP2 §Responses: an error before anything else is Trailers-Only, one HEADERS frame.
      if (error !== undefined && trailers !== undefined && this.#responseHeader === undefined) {
        delete headers[this.#wire.encodingHeader];
        exchange.sendAll(200, Object.assign(headers, trailers), messages, undefined);
      } else exchange.sendAll(200, headers, messages, trailers);
    });
  }

  #grpcTrailers(error: ConnectError | undefined): NodeHeaders {
    const trailers: NodeHeaders = {};
    addGrpcStatus(trailers, error);
    if (error === undefined && this.#route.options.compat === "grpc-js") trailers["grpc-message"] = "OK";
    if (this.#responseTrailer !== undefined) addToNodeHeaders(trailers, this.#responseTrailer, isReservedHeader);
    if (error !== undefined && !error.isWireError) addErrorMetadata(trailers, error);
    return trailers;
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

function addErrorMetadata(target: NodeHeaders, error: ConnectError): void {
  addToNodeHeaders(target, error.metadata, isReservedHeader);
}

// Trailers of gRPC-Web: an HTTP/1 header block in an envelope (gRPC PROTOCOL-WEB §Message framing).
function trailerBytes(trailers: NodeHeaders): Uint8Array {
  let block = "";
  for (const [key, value] of Object.entries(trailers)) {
    for (const line of Array.isArray(value) ? value : [value]) block += `${key}: ${line}\r\n`;
  }
  return utf8.encode(block);
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}

async function* one(message: unknown): AsyncIterable<unknown> {
  yield message;
}

async function* oneLater(message: () => unknown): AsyncIterable<unknown> {
  yield await message();
}

/** True for bytes that are exactly one envelope. Throws when the prefix announces more than the limit. */
function wholeEnvelope(bytes: Uint8Array, readMaxBytes: number): boolean {
  if (bytes.byteLength < 5) return false;
  const length =
    (bytes[1] as number) * 0x1000000 +
    (((bytes[2] as number) << 16) | ((bytes[3] as number) << 8) | (bytes[4] as number));
  if (length > readMaxBytes) throw readLimitError(length, readMaxBytes);
  return length === bytes.byteLength - 5;
}

// A Uint8Array, never a Buffer: what a handler sees must not depend on the carrier.
function view(bytes: Uint8Array, start: number): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + start, bytes.byteLength - start);
}

/** A parser that gives `first` again: it was taken out early to see whether its length is allowed. */
function prepend(first: Envelope, rest: EnvelopeParser): EnvelopeParser {
  let taken = false;
  return {
    push: (chunk) => rest.push(chunk),
    next() {
      if (taken) return rest.next();
      taken = true;
      return first;
    },
    get pending() {
      return rest.pending;
    },
  };
}
