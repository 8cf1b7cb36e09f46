import type { ContextValues } from "../context-values.js";
import { cors } from "./cors.js";
import type { Exchange, ExchangeSink, NodeHeaders } from "./exchange.js";

/** Which web pages may call an app (https://fetch.spec.whatwg.org/#http-cors-protocol). Calls without an Origin are not affected. */
export interface CorsOptions {
  /** `"*"` for every page, or origins such as `https://shop.example`, or a function that is asked. */
  origin: "*" | readonly string[] | ((origin: string) => boolean);
  /** Request headers that pages may send besides those of the protocols. Default: all that they ask for. */
  allowedHeaders?: readonly string[];
  /** Response headers and trailers that pages may read besides those of the protocols. */
  exposedHeaders?: readonly string[];
  /** Let pages send cookies. Default false; not together with the origin `"*"`. */
  credentials?: boolean;
  /** How long a browser may remember a preflight, in seconds. Default 7200. */
  maxAgeSeconds?: number;
}

/** @throws Error for what browsers would refuse */
export function checkCors(options: CorsOptions): void {
  if (options.origin === "*" && options.credentials === true) {
    throw new Error('cors: browsers refuse credentials from the origin "*"; name the origins that may send them.');
  }
}

/**
 * The exchange with CORS headers on its answer, or undefined: it was a preflight, and is answered. A page that may not call
 * gets an answer without these headers, and its browser keeps it from the page.
 */
export function withCors(options: CorsOptions, exchange: Exchange): Exchange | undefined {
  const origin = exchange.header("origin");
  if (origin === undefined) return exchange;
  const allowed = isAllowed(options, origin);
  const headers: NodeHeaders = allowed ? originHeaders(options, origin) : { vary: "Origin" };
  if (exchange.requestMethod === "OPTIONS" && exchange.header("access-control-request-method") !== undefined) {
    exchange.sendAll(204, { ...headers, ...(allowed ? preflightHeaders(options, exchange) : {}) }, [], undefined);
    return undefined;
  }
  if (allowed) headers["access-control-expose-headers"] = exposed(options);
  return new CorsExchange(exchange, headers);
}

function isAllowed({ origin }: CorsOptions, from: string): boolean {
  if (origin === "*") return true;
  return typeof origin === "function" ? origin(from) : origin.includes(from);
}

function originHeaders(options: CorsOptions, origin: string): NodeHeaders {
  if (options.origin === "*") return { "access-control-allow-origin": "*" };
  const headers: NodeHeaders = { "access-control-allow-origin": origin, vary: "Origin" };
  if (options.credentials === true) headers["access-control-allow-credentials"] = "true";
  return headers;
}

function preflightHeaders(options: CorsOptions, exchange: Exchange): NodeHeaders {
  const asked = exchange.header("access-control-request-headers");
  const allowed =
    options.allowedHeaders === undefined ? asked : [...cors.allowedHeaders, ...options.allowedHeaders].join(", ");
  return {
    "access-control-allow-methods": cors.allowedMethods.join(", "),
    ...(allowed === undefined ? {} : { "access-control-allow-headers": allowed }),
    "access-control-max-age": String(options.maxAgeSeconds ?? 7200),
  };
}

function exposed({ exposedHeaders = [] }: CorsOptions): string {
  // Connect: Unary-Response: trailers come as headers with a prefix
  return [...cors.exposedHeaders, ...exposedHeaders, ...exposedHeaders.map((name) => `Trailer-${name}`)].join(", ");
}

class CorsExchange implements Exchange {
  constructor(
    private readonly inner: Exchange,
    private readonly headers: NodeHeaders,
  ) {}

  get requestMethod(): string {
    return this.inner.requestMethod;
  }
  get target(): string {
    return this.inner.target;
  }
  get http2(): boolean {
    return this.inner.http2;
  }
  header(name: string): string | undefined {
    return this.inner.header(name);
  }
  requestHeaders(): Headers {
    return this.inner.requestHeaders();
  }
  url(): string {
    return this.inner.url();
  }
  values(): ContextValues {
    return this.inner.values();
  }
  attach(sink: ExchangeSink): void {
    this.inner.attach(sink);
  }
  read(): void {
    this.inner.read();
  }
  pause(): void {
    this.inner.pause();
  }
  resume(): void {
    this.inner.resume();
  }
  sendAll(status: number, headers: NodeHeaders, body: readonly Uint8Array[], trailers: NodeHeaders | undefined): void {
    this.inner.sendAll(status, { ...headers, ...this.headers }, body, trailers);
  }
  sendHeaders(status: number, headers: NodeHeaders, withTrailers: boolean): void {
    this.inner.sendHeaders(status, { ...headers, ...this.headers }, withTrailers);
  }
  write(chunks: readonly Uint8Array[]): boolean {
    return this.inner.write(chunks);
  }
  drained(callback: () => void): void {
    this.inner.drained(callback);
  }
  end(trailers: NodeHeaders | undefined): void {
    this.inner.end(trailers);
  }
  reset(): void {
    this.inner.reset();
  }
}
