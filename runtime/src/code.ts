/** The status codes that gRPC and Connect share. https://connectrpc.com/docs/protocol#error-codes */
export enum Code {
  /** Cancelled, usually by the caller. */
  Canceled = 1,
  /** An error that nobody classified. */
  Unknown = 2,
  /** The argument is wrong whatever the state of the system. */
  InvalidArgument = 3,
  /** The deadline passed; the operation may or may not have completed. */
  DeadlineExceeded = 4,
  /** The entity does not exist. */
  NotFound = 5,
  /** The entity exists already. */
  AlreadyExists = 6,
  /** The caller is known but not allowed. */
  PermissionDenied = 7,
  /** A quota or a size limit is used up. */
  ResourceExhausted = 8,
  /** The argument is wrong in the present state of the system. */
  FailedPrecondition = 9,
  /** The operation was aborted, for instance by a conflicting transaction. */
  Aborted = 10,
  /** Past the valid range. */
  OutOfRange = 11,
  /** Not implemented, or switched off. */
  Unimplemented = 12,
  /** An invariant is broken. */
  Internal = 13,
  /** Unavailable now; retrying with a backoff may help. */
  Unavailable = 14,
  /** Data is lost or corrupt. */
  DataLoss = 15,
  /** The caller is not known. */
  Unauthenticated = 16,
}

const names = [
  "",
  "canceled",
  "unknown",
  "invalid_argument",
  "deadline_exceeded",
  "not_found",
  "already_exists",
  "permission_denied",
  "resource_exhausted",
  "failed_precondition",
  "aborted",
  "out_of_range",
  "unimplemented",
  "internal",
  "unavailable",
  "data_loss",
  "unauthenticated",
] as const;

const codes = new Map<string, Code>(names.map((name, code) => [name, code as Code] as const).filter(([name]) => name));

/** The name on the wire of the Connect protocol, for instance `not_found`. A number outside 1 to 16 is printed as it is. */
export function codeName(code: Code): string {
  return names[code] || String(code);
}

/** The code of a wire name; undefined if there is no such code. */
export function codeFromName(name: unknown): Code | undefined {
  return typeof name === "string" ? codes.get(name) : undefined;
}

const httpStatus = [200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401];

/** The HTTP status of a unary Connect error. Connect: HTTP to Error Code table. */
export function httpStatusFromCode(code: Code): number {
  return httpStatus[code] ?? 500;
}

/** The code that a client infers from an HTTP status without a usable body. Same table in gRPC and Connect. */
export function codeFromHttpStatus(status: number): Code {
  switch (status) {
    case 400:
      return Code.Internal;
    case 401:
      return Code.Unauthenticated;
    case 403:
      return Code.PermissionDenied;
    case 404:
      return Code.Unimplemented;
    case 429:
    case 502:
    case 503:
    case 504:
      return Code.Unavailable;
    default:
      return Code.Unknown;
  }
}
