import type { ConnectError } from "../connect-error.js";
import type { PeerListener } from "./peer-of-call.js";

/**
 * The one interface between the protocols and whatever moves their bytes. It is callback-based on purpose: a unary call
 * must not pay for a stream, an iterator or a promise per event.
 */
export interface HttpClient {
  /** Everything of a request that is the same for each call of a method; made once, kept by the caller. */
  prepare(verb: "POST" | "GET", path: string, headers: OutgoingHeaders): RequestHead;
  /**
   * Start an exchange. Exactly one of `listener.onEnd` and `listener.onFailure` is called, once, and nothing after it;
   * neither is called after `cancel()`.
   *
   * A `body` that is given is the whole request; otherwise the caller writes and ends it.
   */
  send(
    head: RequestHead,
    extra: OutgoingHeaders | undefined,
    body: Uint8Array | undefined,
    listener: ResponseListener,
    options: SendOptions,
  ): Exchange;
  /** Let exchanges under way finish, refuse later ones. */
  close(): void;
  /** Where connections are kept open: their state, and a way to open one before the first exchange. */
  readonly connectivity?: Connectivity;
}

/** gRPC's states of a channel. */
export type ConnectivityState = "idle" | "connecting" | "ready" | "transient_failure" | "shutdown";

/** The state of a transport's connections, as gRPC channels have it (gRPC Connectivity Semantics and API). */
export interface Connectivity {
  /** The name of what is connected to, as grpc-js's `getTarget` says it. */
  readonly target?: string;
  /** The state now. `idle` until the first call or `connect()`. */
  state(): ConnectivityState;
  /**
   * Resolves when a connection is ready. Keeps trying while `isWanted` (default: for ever), with gRPC's backoff; rejects
   * with a ConnectError when it is not wanted any more, or the transport is closed.
   */
  connect(isWanted?: () => boolean): Promise<void>;
  /** Calls `listener` at each change. Returns a function that ends this. */
  watch?(listener: (state: ConnectivityState) => void): () => void;
}

export interface SendOptions {
  /** Wait for a connection instead of failing when the first attempt fails (gRPC wait-for-ready). */
  waitForReady: boolean;
  /** Is told whom the request goes to, as grpc-js names it. */
  onPeer?: PeerListener;
}

/** Opaque to the protocols. */
export interface RequestHead {
  readonly verb: "POST" | "GET";
  readonly path: string;
}

/** Names in lower case. */
export type OutgoingHeaders = Record<string, string | string[]>;

/** Received headers or trailers, as node:http and node:http2 give them. WHATWG Headers are made from them when asked for. */
export interface Fields {
  /** Names in lower case, repeated values joined with ", " (or the first one). */
  readonly map: { readonly [name: string]: string | string[] | undefined };
  /** name, value, name, value, … with repeated lines apart. */
  readonly lines: readonly string[];
}

export interface Exchange {
  /** Returns false when the caller should wait for `listener.onDrain` before it writes more. */
  write(bytes: Uint8Array): boolean;
  end(): void;
  /** Give up: reset the stream. The listener hears nothing more. */
  cancel(): void;
  pause(): void;
  resume(): void;
  /** True when the request is out and its bytes are not read again. Undefined: unknown. */
  readonly requestSent?: boolean;
}

export interface ResponseListener {
  onHeaders(status: number, headers: Fields): void;
  onData(chunk: Uint8Array): void;
  /** The response is complete. `trailers` are those of HTTP, if there were any. */
  onEnd(trailers: Fields | undefined): void;
  onFailure(failure: ExchangeFailure): void;
  onDrain(): void;
}

/** Why an exchange broke. */
export interface ExchangeFailure {
  readonly error: ConnectError;
  /** The server certainly did not process the request, so that it can be sent again (RFC 9113 §8.7). */
  readonly unprocessed: Unprocessed | undefined;
}

/** `refused` by the server, or left behind by a connection that was `leaving` (GOAWAY), usually before it was sent. */
export type Unprocessed = "refused" | "leaving";

/**
 * gRPC A6, "Transparent Retries": once for what a server refused; a connection that leaves says nothing against the
 * next one, so there the limit only prevents a loop.
 */
export function maySendAgain(unprocessed: Unprocessed | undefined, resent: number): boolean {
  return unprocessed !== undefined && resent < (unprocessed === "leaving" ? 5 : 1);
}
