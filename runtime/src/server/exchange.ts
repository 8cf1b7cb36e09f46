import type { ContextValues } from "../context-values.js";

/** Header names in lower case; an array is sent as separate lines. */
export type NodeHeaders = Record<string, string | string[] | number | undefined>;

/** Takes what happens on an exchange. Callbacks come in the order: data*, end?, closed. */
export interface ExchangeSink {
  onData(chunk: Uint8Array): void;
  onEnd(): void;
  /** The exchange is over. Before the response is complete this means that the peer is gone. */
  onClosed(): void;
}

/** One HTTP request with its response, whatever carries it. Protocols are written against this, never against node:http2. */
export interface Exchange {
  readonly requestMethod: string;
  /** Path with query, as received. */
  readonly target: string;
  readonly http2: boolean;
  /** A request header by its lower-case name; repeated values are joined. */
  header(name: string): string | undefined;
  /** All request headers. Made on demand, because few handlers look. */
  requestHeaders(): Headers;
  url(): string;
  /** Context values of the call, made on demand. Peer address and certificate are set. */
  values(): ContextValues;

  /** Tells the sink what happens. Before `read` that is only `onClosed`. */
  attach(sink: ExchangeSink): void;
  /** Starts reading the body into the sink. */
  read(): void;
  pause(): void;
  resume(): void;

  /** A whole response. `body` parts are written in one go. */
  sendAll(status: number, headers: NodeHeaders, body: readonly Uint8Array[], trailers: NodeHeaders | undefined): void;
  /** Headers of a response whose body follows. */
  sendHeaders(status: number, headers: NodeHeaders, withTrailers: boolean): void;
  /** False: wait for `drained` before writing more. */
  write(chunks: readonly Uint8Array[]): boolean;
  drained(callback: () => void): void;
  end(trailers: NodeHeaders | undefined): void;
  /** Gives up without a response. */
  reset(): void;
}
