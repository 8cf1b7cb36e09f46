import type { ContextValues } from "./context-values.js";
import type { Interceptor } from "./interceptor.js";

/** Options of one call of a client. */
export interface CallOptions {
  /** Timeout in milliseconds. Zero or less switches the transport's default timeout off. */
  timeoutMs?: number;
  /** Request headers. Those of the protocol and of the connection are left out. */
  headers?: HeadersInit;
  /** Cancels the call, which then fails with Code.Canceled. */
  signal?: AbortSignal;
  /** Takes the response headers: of a stream when it begins; of any other call when it is over, with gRPC also of one that failed behind them. */
  onHeader?(headers: Headers): void;
  /** Takes the response trailers of a call that succeeds, after its last message. */
  onTrailer?(trailers: Headers): void;
  /** Values for interceptors. */
  contextValues?: ContextValues;
  /**
   * Addition to @connectrpc/connect: interceptors of this call, inside those of the transport. The way to give one call
   * credentials of its own. Needs a transport of this package.
   */
  interceptors?: readonly Interceptor[];
  /**
   * Addition to @connectrpc/connect: true waits for a connection until the call's deadline, false fails when the server
   * cannot be reached. Goes before the service config and the transport's option. Needs a transport of this package.
   */
  waitForReady?: boolean;
}
