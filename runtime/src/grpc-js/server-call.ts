import type { MetadataLike } from "./types.js";

/** What grpc-js gives a handler, of any kind. */
// biome-ignore lint/suspicious/noExplicitAny: grpc-js's four call types have no common one
export type ServerCall = any;
export type HandlerCallback = (error: unknown, value?: unknown, trailer?: MetadataLike) => void;
/** A handler of a grpc-js server; calls with a stream of responses have no callback. */
export type GrpcJsHandler = (call: ServerCall, callback?: HandlerCallback) => void;

/** The requests of a call that streams them. */
export function requestsOf(call: ServerCall): AsyncIterable<never> {
  // for await would destroy the Duplex at its end, and with it the status
  return call.iterator({ destroyOnReturn: false });
}

/** Ends a call with an error. */
export function failCall(call: ServerCall, callback: HandlerCallback | undefined, status: unknown): void {
  if (callback !== undefined) {
    callback(status);
  } else if (!call.destroyed) {
    call.emit("error", status);
  }
}
