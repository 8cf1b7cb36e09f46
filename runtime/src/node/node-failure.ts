import { Code } from "../code.js";
import { ConnectError } from "../connect-error.js";

/**
 * What a call reports when its connection fails. The codes are those of grpc-js: code that retries on UNAVAILABLE must
 * keep doing so after a migration.
 */
export function connectFailure(cause: unknown): ConnectError {
  if (cause instanceof ConnectError) {
    return cause;
  }
  return new ConnectError(
    `No connection established. Last error: ${textOf(cause)}`,
    Code.Unavailable,
    undefined,
    undefined,
    cause,
  );
}

/** The connection was there and is gone. */
export function connectionLost(cause: unknown): ConnectError {
  if (cause instanceof ConnectError) {
    return cause;
  }
  const text = cause instanceof Error && isSocketError(cause) ? cause.message : "Connection dropped";
  return new ConnectError(text, Code.Unavailable, undefined, undefined, cause);
}

/** A RST_STREAM by the peer (gRPC PROTOCOL-HTTP2, "HTTP2 Transport Mapping: Errors"), with grpc-js's texts. */
export function streamReset(rstCode: number, cause: unknown): ConnectError {
  if (rstCode === 2 && cause instanceof Error && (cause as { code?: unknown }).code !== "ERR_HTTP2_STREAM_ERROR") {
    const text = `Received RST_STREAM with code 2 triggered by internal client error: ${cause.message}`;
    return new ConnectError(text, Code.Internal, undefined, undefined, cause);
  }
  const [code, text] = resetTable[rstCode] ?? [Code.Internal, `Received RST_STREAM with code ${rstCode}`];
  return new ConnectError(text, code, undefined, undefined, cause);
}

/** RFC 9113 §7 error codes. */
const resetTable: { readonly [rstCode: number]: readonly [Code, string] | undefined } = {
  0: [Code.Internal, "Received RST_STREAM with code 0 (Call ended without gRPC status)"],
  2: [Code.Internal, "Received RST_STREAM with code 2 (Internal server error)"],
  7: [Code.Unavailable, "Stream refused by server"],
  8: [Code.Canceled, "Call cancelled"],
  11: [Code.ResourceExhausted, "Bandwidth exhausted or memory limit exceeded"],
  12: [Code.PermissionDenied, "Protocol not secure enough"],
};

export const refusedStream = 7;

export function isSocketError(error: unknown): boolean {
  const code = (error as { code?: unknown } | undefined)?.code;
  return code === "ECONNRESET" || code === "ETIMEDOUT" || code === "EPIPE" || code === "ECONNABORTED";
}

function textOf(cause: unknown): string {
  // All addresses of a name failed: the AggregateError itself has an empty message
  if (cause instanceof AggregateError && cause.errors.length > 0) {
    return cause.errors.map(textOf).join(", ");
  }
  return cause instanceof Error ? cause.message || cause.name : String(cause);
}
