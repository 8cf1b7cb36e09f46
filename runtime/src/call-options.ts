import type { ContextValues } from "./context-values.js";

/** Options of one call of a client. */
export interface CallOptions {
  /** Timeout in milliseconds. Zero or less switches the transport's default timeout off. */
  timeoutMs?: number;
  headers?: HeadersInit;
  /** Cancels the call, which then fails with Code.Canceled. */
  signal?: AbortSignal;
  onHeader?(headers: Headers): void;
  onTrailer?(trailers: Headers): void;
  /** Values for interceptors. */
  contextValues?: ContextValues;
}
