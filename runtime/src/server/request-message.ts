import { Code } from "../code.js";
import {
  type Compression,
  compressedFlag,
  grpcInflatedLimitError,
  grpcReadLimitError,
  readLimitError,
} from "../compression.js";
import { ConnectError } from "../connect-error.js";
import type { Envelope } from "../envelope.js";
import type { Route } from "./route.js";
import type { Wire } from "./wire.js";

/**
 * The message in an envelope, or a promise of it where it is compressed.
 *
 * @param compression what the request's headers announced
 */
export function decodeMessage(route: Route, wire: Wire, compression: Compression | null, envelope: Envelope): unknown {
  if (envelope.flags === 0) return parseMessage(route, wire, envelope.data);
  if (envelope.flags !== compressedFlag) {
    const code = wire.kind === "grpc" ? Code.Internal : Code.InvalidArgument;
    throw new ConnectError(`protocol error: invalid envelope flags ${envelope.flags}`, code);
  }
  if (compression === null) {
    const text = "protocol error: received a compressed message, but no encoding was announced";
    throw new ConnectError(text, Code.Internal);
  }
  const { compat, readMaxBytes } = route.options;
  return compression.decompress(envelope.data, readMaxBytes).then(
    (bytes) => parseMessage(route, wire, bytes),
    (reason) => {
      const error = ConnectError.from(reason, Code.InvalidArgument);
      if (compat !== "grpc-js") throw error;
      throw error.code === Code.ResourceExhausted
        ? grpcInflatedLimitError(readMaxBytes)
        : new ConnectError("Failed to decompress message", Code.Internal);
    },
  );
}

function parseMessage(route: Route, wire: Wire, bytes: Uint8Array): unknown {
  const { format } = wire;
  try {
    return route.codecs.input[format].deserialize(bytes);
  } catch (reason) {
    // No client of grpc-js speaks JSON.
    if (format === "json") throw ConnectError.from(reason, Code.InvalidArgument);
    if (route.options.compat === "grpc-js") {
      throw new ConnectError("Error deserializing request", Code.Internal, undefined, undefined, reason);
    }
    const text = reason instanceof Error ? reason.message : String(reason);
    throw new ConnectError(`parse binary: ${text}`, Code.Internal, undefined, undefined, reason);
  }
}

export function missingMessage(route: Route): ConnectError {
  const compat = route.options.compat === "grpc-js";
  const text = compat
    ? `Received no request message for server streaming method ${route.path}`
    : "protocol error: missing input message";
  return new ConnectError(text, Code.Unimplemented);
}

export function extraMessage(route: Route): ConnectError {
  const compat = route.options.compat === "grpc-js";
  const text = compat
    ? `Received a second request message for server streaming method ${route.path}`
    : "protocol error: received extra input message";
  return new ConnectError(text, Code.Unimplemented);
}

/** Makes the error of a message over the limit, in the words of a grpc-js server where the route wants them. */
export function tooLargeError(route: Route): (bytes: number, readMaxBytes: number) => ConnectError {
  return route.options.compat === "grpc-js" ? grpcReadLimitError : readLimitError;
}
