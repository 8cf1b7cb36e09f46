import { ConnectError } from "../connect-error.js";
import { headersFromRaw } from "../headers.js";
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

/** The headers of the response that an error stood behind; undefined where there were none, or nothing of them is known. */
export function headerOf(error: unknown): Headers | undefined {
  const header = error instanceof ConnectError ? partsOf(error)?.header : undefined;
  return header && headersFromRaw(header.lines);
}

export const noFields: Fields = { map: {}, lines: [] };
