import { partsOf } from "./client/error-parts.js";
import { Code } from "./code.js";
import { ConnectError } from "./connect-error.js";
import { grpcStatusDetailsBin, relayStatusBlob } from "./grpc-status.js";
import { createHeaders, headerLines, headersFromRaw } from "./headers.js";

/**
 * The error with which a grpc-js server answers where a handler calls back with the error of another call: code, text, details
 * and that call's trailers. Connect's own servers leave the trailers out.
 */
export function relayedError(error: ConnectError): ConnectError {
  const text = statusText(error);
  if (!error.isWireError && text === error.rawMessage) return error;
  const trailer = receivedTrailer(error);
  const relayed = new ConnectError(text, error.code, sentAgain(trailer), undefined, error);
  const blob = trailer.get("grpc-status-details-bin") ?? grpcStatusDetailsBin(error);
  if (blob !== undefined) relayStatusBlob(relayed, Buffer.from(blob, "base64"));
  return relayed;
}

/** The text of the status that grpc-js has for an error; its own errors say the same where Connect's client gave the call up. */
export function statusText(error: ConnectError, isCancelled = isAbort(error)): string {
  if (error.code === Code.Canceled && isCancelled) return "Cancelled on client";
  const isOwnDeadline = error.code === Code.DeadlineExceeded && error.rawMessage === "the operation timed out";
  return isOwnDeadline ? "Deadline exceeded" : error.rawMessage;
}

/** The trailers of the response that an error came from; all of its metadata where it came from none. */
export function receivedTrailer(error: ConnectError): Headers {
  const parts = partsOf(error);
  return parts === undefined ? error.metadata : headersFromRaw(parts.trailer.lines);
}

/** grpc-js joins the values of a repeated text key, and decodes and encodes binary values. */
function sentAgain(trailer: Headers): Headers {
  const headers = createHeaders();
  for (const key of new Set(headerLines(trailer).map(([name]) => name))) {
    const value = trailer.get(key) ?? "";
    const values = key.endsWith("-bin") ? value.split(",").map(encodedAgain) : [value];
    for (const each of values) headers.append(key, each);
  }
  return headers;
}

function encodedAgain(value: string): string {
  return Buffer.from(value.trim(), "base64").toString("base64");
}

function isAbort(error: ConnectError): boolean {
  return error.cause instanceof Error && error.cause.name === "AbortError";
}
