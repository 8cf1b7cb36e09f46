import { Code } from "../code.js";
import { ConnectError } from "../connect-error.js";
import { relayedError } from "../relayed-error.js";

/** The error that a caller sees when a handler throws. What is no ConnectError is hidden: it may hold secrets. */
export function handlerError(reason: unknown, compat: "grpc-js" | undefined): ConnectError {
  if (reason instanceof ConnectError) return compat === "grpc-js" ? relayedError(reason) : reason;
  if (compat === "grpc-js") return new ConnectError("Unknown error", Code.Unknown, undefined, undefined, reason);
  return new ConnectError("internal error", Code.Internal, undefined, undefined, reason);
}
