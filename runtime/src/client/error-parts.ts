import type { ConnectError } from "../connect-error.js";
import type { Fields } from "./http-client.js";

/**
 * A ConnectError has headers and trailers in one `metadata`; grpc-js's errors have the trailers only. Which were which
 * is remembered beside the error, for the bridge.
 */
export interface ErrorParts {
  /** Undefined for a Trailers-Only response. */
  readonly header: Fields | undefined;
  readonly trailer: Fields;
}

const parts = new WeakMap<ConnectError, ErrorParts>();

export function rememberParts(error: ConnectError | undefined, header: Fields | undefined, trailer: Fields): void {
  if (error !== undefined) {
    parts.set(error, { header, trailer });
  }
}

export function partsOf(error: ConnectError): ErrorParts | undefined {
  return parts.get(error);
}

export const noFields: Fields = { map: {}, lines: [] };
