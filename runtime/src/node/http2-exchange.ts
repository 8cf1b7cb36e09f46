import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import type { ContextValues } from "../context-values.js";
import { headersFromRaw } from "../headers.js";
import { largeSize, releaseLarge } from "../large-buffers.js";
import type { Exchange, ExchangeSink, NodeHeaders } from "../server/exchange.js";
import { valuesWithPeer } from "./peer-values.js";

const exchangeOf = Symbol("exchange");
/** Without an exchange once it is closed: node:http2 keeps streams until the next full collection, and calls must not stay with them. */
type Stream = ServerHttp2Stream & { [exchangeOf]: Http2Exchange | undefined };

// Listeners are shared by all streams: a closure for each would be made and collected with every call.
function onData(this: Stream, chunk: Buffer): void {
  this[exchangeOf]?.sink?.onData(chunk);
}
function onEnd(this: Stream): void {
  const exchange = this[exchangeOf];
  if (exchange === undefined) return;
  exchange.requestEnded = true;
  exchange.sink?.onEnd();
}
function onClose(this: Stream): void {
  this[exchangeOf]?.sink?.onClosed();
  this[exchangeOf] = undefined;
}
function onWantTrailers(this: Stream): void {
  const exchange = this[exchangeOf];
  if (exchange === undefined) return;
  const trailers = exchange.trailers as NodeHeaders;
  try {
    this.sendTrailers(trailers);
  } catch {
    try {
      this.sendTrailers(joined(trailers));
    } catch {
      this.close(constants.NGHTTP2_INTERNAL_ERROR);
    }
  }
  exchange.leaveRequest();
}
function onFinish(this: Stream): void {
  this[exchangeOf]?.leaveRequest();
}
// A stream error has a `close` after it, and nobody else to tell.
function onError(): void {}

const plain = { sendDate: false } as const;
const withTrailersOption = { waitForTrailers: true, sendDate: false } as const;
const endStream = { endStream: true, sendDate: false } as const;

/** An exchange on the core API of node:http2, which costs a fifth less than its compatibility API. */
export class Http2Exchange implements Exchange {
  readonly http2 = true;
  readonly requestMethod: string;
  readonly target: string;
  sink: ExchangeSink | undefined;
  trailers: NodeHeaders | undefined;
  requestEnded: boolean;
  readonly #stream: ServerHttp2Stream;
  readonly #headers: IncomingHttpHeaders;
  readonly #rawHeaders: readonly string[];
  readonly #contextValues: (() => ContextValues) | undefined;

  constructor(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    rawHeaders: readonly string[],
    requestEnded: boolean,
    contextValues?: () => ContextValues,
  ) {
    this.#stream = stream;
    this.#headers = headers;
    this.#rawHeaders = rawHeaders;
    this.#contextValues = contextValues;
    this.requestMethod = headers[":method"] as string;
    this.target = headers[":path"] ?? "/";
    this.requestEnded = requestEnded;
    (stream as Stream)[exchangeOf] = this;
    stream.on("error", onError);
    stream.on("close", onClose);
  }

  header(name: string): string | undefined {
    const value = this.#headers[name];
    return Array.isArray(value) ? value.join(", ") : value;
  }

  requestHeaders(): Headers {
    return headersFromRaw(this.#rawHeaders);
  }

  url(): string {
    const { ":scheme": scheme, ":authority": authority, host } = this.#headers;
    return `${scheme ?? "http"}://${authority ?? host ?? "localhost"}${this.target}`;
  }

  values(): ContextValues {
    return valuesWithPeer(this.#stream.session?.socket, this.#contextValues?.());
  }

  attach(sink: ExchangeSink): void {
    this.sink = sink;
    // The stream may have died between its headers and this turn; its `close` may be past.
    if (this.#stream.destroyed) queueMicrotask(() => sink.onClosed());
  }

  read(): void {
    const stream = this.#stream;
    if (stream.destroyed) return;
    stream.on("end", onEnd);
    stream.on("data", onData);
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  sendAll(status: number, headers: NodeHeaders, body: readonly Uint8Array[], trailers: NodeHeaders | undefined): void {
    const stream = this.#stream;
    if (stream.destroyed || stream.closed) return;
    headers[":status"] = status;
    if (trailers === undefined && body.length === 0) {
      this.#watchFinish();
      this.#respond(headers, endStream);
      return;
    }
    if (trailers === undefined) {
      this.#watchFinish();
      this.#respond(headers, plain);
    } else {
      this.trailers = trailers;
      stream.on("wantTrailers", onWantTrailers);
      this.#respond(headers, withTrailersOption);
    }
    if (body.length === 0) stream.end();
    else if (body.length === 1) this.#sendLast(body[0] as Uint8Array);
    else {
      stream.cork();
      for (const part of body) stream.write(part);
      stream.end();
      stream.uncork();
    }
  }

  #sendLast(bytes: Uint8Array): void {
    if (bytes.byteLength < largeSize) {
      this.#stream.end(bytes);
      return;
    }
    // Without an error this comes when the socket has them, not before.
    this.#stream.end(bytes, (error?: Error | null) => {
      if (error == null) releaseLarge(bytes);
    });
  }

  sendHeaders(status: number, headers: NodeHeaders, withTrailers: boolean): void {
    const stream = this.#stream;
    if (stream.destroyed || stream.closed) return;
    headers[":status"] = status;
    if (withTrailers) stream.on("wantTrailers", onWantTrailers);
    else this.#watchFinish();
    this.#respond(headers, withTrailers ? withTrailersOption : plain);
  }

  write(chunks: readonly Uint8Array[]): boolean {
    const stream = this.#stream;
    if (stream.destroyed || stream.writableEnded) return true;
    if (chunks.length === 1) return stream.write(chunks[0]);
    stream.cork();
    let more = true;
    for (const chunk of chunks) more = stream.write(chunk);
    stream.uncork();
    return more;
  }

  drained(callback: () => void): void {
    this.#stream.once("drain", callback);
  }

  end(trailers: NodeHeaders | undefined): void {
    if (trailers !== undefined) this.trailers = trailers;
    if (!this.#stream.destroyed) this.#stream.end();
  }

  reset(): void {
    this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }

  #respond(headers: NodeHeaders, options: typeof plain | typeof withTrailersOption | typeof endStream): void {
    try {
      // `sendDate` is missing in @types/node's options of `respond` on purpose of nobody; node reads it.
      this.#stream.respond(headers, options as { waitForTrailers?: boolean });
    } catch {
      // Node refuses repeated lines for some names (authorization, user-agent, …) that HTTP would have joined.
      this.#stream.respond(joined(headers), options as { waitForTrailers?: boolean });
    }
  }

  #watchFinish(): void {
    if (!this.requestEnded) this.#stream.once("finish", onFinish);
  }

  /**
   * RFC 9113, section 8.1: a server that has answered completely may reset the rest of the request with NO_ERROR. Without it a
   * peer that still sends a refused body would wait for flow control for ever.
   */
  leaveRequest(): void {
    const stream = this.#stream;
    if (this.requestEnded || stream.readableEnded || stream.destroyed) return;
    stream.resume();
    setImmediate(() => {
      if (!stream.destroyed && !stream.closed && !this.requestEnded) stream.close(constants.NGHTTP2_NO_ERROR);
    });
  }
}

const singleValue = new Set([
  "age",
  "authorization",
  "etag",
  "from",
  "host",
  "if-match",
  "last-modified",
  "location",
  "max-forwards",
  "referer",
  "retry-after",
  "user-agent",
]);

function joined(headers: NodeHeaders): NodeHeaders {
  for (const [name, value] of Object.entries(headers)) {
    if (Array.isArray(value) && singleValue.has(name)) headers[name] = value.join(", ");
  }
  return headers;
}
