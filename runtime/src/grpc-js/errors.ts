import { Code } from "../code.js";
import { ConnectError, connectMessage } from "../connect-error.js";
import { decodeGrpcMessage } from "../grpc-message.js";
import { encodeDetails, encodeRpcStatus, grpcStatusDetailsBin, relayStatusBlob } from "../grpc-status.js";
import { createHeaders } from "../headers.js";
import { receivedTrailer, relayedError, statusText } from "../relayed-error.js";
import { addMetadata, headersFromMetadata, isMetadata, metadataFromHeaders, metadataFromResponse } from "./metadata.js";
import type { MetadataLike, ServiceErrorLike } from "./types.js";

const statusNames = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
] as const;

/** `grpc.status[code]`: the name of a code as grpc-js has it, for instance `NOT_FOUND`. Undefined for other numbers, as there. */
export function grpcStatusName(code: number): string {
  return statusNames[code] as string;
}

/**
 * The error that a grpc-js client would see if a handler had called back with `error`: the code counts only if it is
 * an integer, `details` goes before `message`, metadata becomes trailers. The error of another call goes on with that call's trailers.
 * What is falsy is no error there, and the message that is missing then cannot be serialized.
 *
 * @param trailer replaces the error's own metadata, as the third argument of a callback does
 */
export function toConnectError(error: unknown, trailer?: MetadataLike | Headers | null): ConnectError {
  if (error instanceof ConnectError) {
    return relayedError(error);
  }
  if (!error) {
    return new ConnectError("Error serializing response", Code.Internal);
  }
  if (typeof error !== "object") {
    return new ConnectError("Unknown error", Code.Unknown, undefined, undefined, error);
  }
  const given = error as { code?: unknown; details?: unknown; message?: unknown; metadata?: unknown };
  let code = Code.Unknown;
  let text = "message" in given ? String(given.message) : "Unknown Error";
  if (typeof given.code === "number" && Number.isInteger(given.code)) {
    code = given.code;
    if (typeof given.details === "string") {
      text = given.details;
    }
  }
  const metadata = trailer ?? (given.metadata as MetadataLike | undefined);
  const converted = new ConnectError(wellFormed(text), code, headersFromMetadata(metadata), undefined, error);
  const blob = metadata instanceof Headers ? undefined : metadata?.get?.("grpc-status-details-bin")?.[0];
  if (blob instanceof Uint8Array) {
    relayStatusBlob(converted, blob);
  }
  return converted;
}

/** A lone surrogate cannot be sent. */
function wellFormed(text: string): string {
  return text.replace(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g, "\uFFFD");
}

/**
 * The ServiceError that grpc-js would have given for a ConnectError. Anything else is returned as it is, so that it may
 * stand around every caught value.
 */
// biome-ignore lint/suspicious/noExplicitAny: it stands where code reads a ServiceError, or whatever else was thrown
export function serviceErrorFrom(error: unknown, canceledByCaller?: boolean): any {
  if (!(error instanceof ConnectError)) {
    return error;
  }
  const own = partsAddedTo(error);
  const known = serviceErrors.get(error);
  if (known && known.canceledByCaller === canceledByCaller) {
    const isChanged = own.message !== known.own.message;
    if (isChanged && own.message !== undefined) known.made.message = own.message;
    const { members } = known.own;
    for (const [key, value] of Object.entries(own.members))
      if (members[key] !== value) Object.assign(known.made, { [key]: value });
    known.own = own;
    return known.made;
  }
  const { code } = error;
  const details = statusText(error, canceledByCaller);
  const text = `${code} ${grpcStatusName(code)}: ${details}`;
  const made = Object.assign(new Error(own.message ?? text), {
    code,
    details,
    metadata: metadataOf(error),
    ...own.members,
  }) satisfies ServiceErrorLike;
  serviceErrors.set(error, { made, own, canceledByCaller });
  return made;
}

/** The ServiceError of each error, with what the program had written into the error then: one error is one everywhere. */
const serviceErrors = new WeakMap<
  ConnectError,
  { made: Error; own: ReturnType<typeof partsAddedTo>; canceledByCaller: boolean | undefined }
>();

const membersOfErrors = new Set(Object.keys(new ConnectError("")));

/** What a program has written into an error: another message, and members that it had not. */
function partsAddedTo(error: ConnectError): { message: string | undefined; members: Record<string, unknown> } {
  const added = Object.entries(error).filter(([key]) => !membersOfErrors.has(key));
  const isOwn = error.message === connectMessage(error.rawMessage, error.code);
  return { message: isOwn ? undefined : error.message, members: Object.fromEntries(added) };
}

/** What grpc-js's event `status` says of a call. */
export interface CallStatus {
  /** 0 where the call succeeded. */
  readonly code: number;
  readonly details: string;
  /** The `metadata` of grpc-js's status. */
  readonly trailer: Headers;
}

/** The status of a call: of its trailers if it succeeded (undefined where it sent none), or else of its error. */
export function callStatus(outcome: unknown): CallStatus {
  if (outcome === undefined || outcome instanceof Headers) {
    const text = outcome?.get("grpc-message") ?? "";
    return { code: 0, details: decodeGrpcMessage(text), trailer: outcome ?? createHeaders() };
  }
  const error = ConnectError.from(outcome);
  const { code, details } = serviceErrorFrom(error) as ServiceErrorLike;
  return { code, details, trailer: trailerOf(error) };
}

/** What a listener of grpc-js's event `status` gets. */
export interface GrpcJsStatus {
  /** 0 where the call succeeded. */
  code: number;
  details: string;
  // biome-ignore lint/suspicious/noExplicitAny: it stands where code reads the Metadata of any copy of grpc-js
  metadata: any;
}

/**
 * grpc-js's StatusObject of a call, for code that uses it as a whole: of its trailers if it succeeded (undefined where it sent
 * none), or else of its error.
 */
export function grpcJsStatusFrom(outcome: unknown): GrpcJsStatus {
  const { code, details, trailer } = callStatus(outcome);
  const error = code === 0 ? undefined : (serviceErrorFrom(ConnectError.from(outcome)) as ServiceErrorLike);
  return { code, details, metadata: error?.metadata ?? metadataFromResponse(trailer) };
}

/** `error.message` as grpc-js has it, `5 NOT_FOUND: no such item`; of anything but a ConnectError its own. */
export function serviceErrorMessage(error: unknown): string {
  return serviceErrorFrom(error).message;
}

/** `error.details` as grpc-js has it, the text of the status; of anything but a ConnectError its own `details`, whatever that is. */
// biome-ignore lint/suspicious/noExplicitAny: errors of other libraries have other details
export function serviceErrorDetails(error: unknown): any {
  return error instanceof ConnectError ? statusText(error) : (error as { details?: unknown }).details;
}

/** What `${error}` is in grpc-js, `Error: 5 NOT_FOUND: no such item`; of anything but a ConnectError its own text. */
export function serviceErrorText(error: unknown): string {
  return `${serviceErrorFrom(error)}`;
}

/**
 * The status that a handler's error gives on a grpc-js server: the one that an app sends.
 *
 * @param trailer what the handler put into its own trailers, which goes with the error
 */
export function statusFrom(
  error: ConnectError,
  trailer?: Headers,
): Pick<ServiceErrorLike, "code" | "details" | "metadata"> {
  const headers = createHeaders(trailer);
  addMetadata(headers, error.metadata);
  headers.delete(detailsKey);
  const blob = grpcStatusDetailsBin(error);
  if (blob !== undefined) {
    headers.set(detailsKey, blob);
  }
  return { code: error.code, details: error.rawMessage, metadata: metadataFromHeaders(headers) };
}

function metadataOf(error: ConnectError): MetadataLike {
  // From a channel of grpc-js: its own
  const given = (error.cause as { metadata?: unknown } | undefined)?.metadata;
  if (isMetadata(given)) {
    return given;
  }
  const metadata = metadataFromResponse(trailerOf(error));
  // Where libraries for rich errors look; an error from the wire has it among its trailers
  if (error.details.length > 0 && metadata.get(detailsKey).length === 0) {
    const status = { code: error.code, message: error.rawMessage, details: encodeDetails(error) };
    metadata.set(detailsKey, Buffer.from(encodeRpcStatus(status)));
  }
  return metadata;
}

const detailsKey = "grpc-status-details-bin";

/**
 * The trailers of the response that an error came from, which is what the metadata of a ServiceError has; a ConnectError's own
 * `metadata` has the headers, too. Empty where there were no trailers.
 */
export function trailerOf(error: ConnectError): Headers {
  // What a test lets a call fail with may still be a ServiceError.
  const metadata: unknown = error.metadata;
  return isMetadata(metadata) ? headersFromMetadata(metadata) : receivedTrailer(error);
}
