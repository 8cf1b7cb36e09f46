import { Code } from "../code.js";
import { grpcInflatedLimitError, grpcReadLimitError, readLimitError } from "../compression.js";
import { ConnectError } from "../connect-error.js";

/**
 * Failures that this side finds in a response. Those of gRPC have grpc-js's code and text: programs that were written for it look
 * at them.
 */
export interface ReceiveFailures {
  tooLarge(bytes: number, readMaxBytes: number): ConnectError;
  notDecompressed(cause: unknown, encoding: string, readMaxBytes: number): ConnectError;
  notParsed(cause: unknown): ConnectError;
}

/** A codec that speaks for grpc-js may have said it already. */
const parsingError = "Response message parsing error";

export const grpcFailures: ReceiveFailures = {
  tooLarge: grpcReadLimitError,
  notDecompressed(cause, encoding, readMaxBytes) {
    const isTooLarge = cause instanceof ConnectError && cause.code === Code.ResourceExhausted;
    if (isTooLarge) return grpcInflatedLimitError(readMaxBytes, cause);
    const text = `Failed to decompress ${encoding}-encoded message`;
    return new ConnectError(text, Code.Internal, undefined, undefined, cause);
  },
  notParsed(cause) {
    const error = ConnectError.from(cause, Code.Internal);
    if (error.rawMessage.startsWith(parsingError)) return error;
    return new ConnectError(`${parsingError}: ${error.rawMessage}`, Code.Internal, undefined, undefined, cause);
  },
};

export const otherFailures: ReceiveFailures = {
  tooLarge: readLimitError,
  notDecompressed: (cause) => ConnectError.from(cause, Code.Internal),
  notParsed: (cause) => ConnectError.from(cause, Code.Internal),
};
