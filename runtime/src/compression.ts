import { Code } from "./code.js";
import { ConnectError } from "./connect-error.js";

/** Set in the flags of an envelope whose data is compressed. */
export const compressedFlag = 0b00000001;

/** One compression algorithm. Anything with this shape can be given to a server or a transport. */
export interface Compression {
  /** Name on the wire, for instance `gzip`. */
  name: string;
  compress: (bytes: Uint8Array) => Promise<Uint8Array<ArrayBuffer>>;
  /** Rejects with resource_exhausted as soon as the output exceeds `readMaxBytes`. Zero bytes give zero bytes. */
  decompress: (bytes: Uint8Array, readMaxBytes: number) => Promise<Uint8Array<ArrayBuffer>>;
}

/** The compressions of one call. An error is a value: the server still has to answer it in the caller's protocol. */
export interface Negotiated {
  request: Compression | null;
  response: Compression | null;
  error?: ConnectError;
}

const identity: Negotiated = { request: null, response: null };

/**
 * What the request body is compressed with, and what the response may be compressed with.
 *
 * @param requested value of Content-Encoding, Connect-Content-Encoding or Grpc-Encoding
 * @param accepted value of the matching accept header. Absent: the encoding of the request is acceptable (gRPC A-compression).
 */
export function compressionNegotiate(
  available: readonly Compression[],
  requested: string | null | undefined,
  accepted: string | null | undefined,
  headerNameAcceptEncoding: string,
): Negotiated {
  const none = requested === null || requested === undefined || requested === "" || requested === "identity";
  if (none && !accepted) return identity;
  let request: Compression | null = null;
  let error: ConnectError | undefined;
  if (!none) {
    request = available.find((compression) => compression.name === requested) ?? null;
    if (request === null) {
      const names = available.map((compression) => compression.name).join(",");
      error = new ConnectError(
        `unknown compression "${requested}": supported encodings are ${names}`,
        Code.Unimplemented,
        { [headerNameAcceptEncoding]: names },
      );
    }
  }
  let response: Compression | null = null;
  if (!accepted) response = request;
  else {
    for (const part of accepted.split(",")) {
      const name = part.split(";")[0]?.trim();
      const found = available.find((compression) => compression.name === name);
      if (found) {
        response = found;
        break;
      }
    }
  }
  return error === undefined ? { request, response } : { request, response, error };
}

/** The error of a message that is longer than the receive limit. */
export function readLimitError(bytes: number, readMaxBytes: number): ConnectError {
  return new ConnectError(
    `message size ${bytes} is larger than configured readMaxBytes ${readMaxBytes}`,
    Code.ResourceExhausted,
  );
}

/** The same in grpc-js's words, for programs that were written for it: they look at them. */
export function grpcReadLimitError(bytes: number, readMaxBytes: number): ConnectError {
  return new ConnectError(`Received message larger than max (${bytes} vs ${readMaxBytes})`, Code.ResourceExhausted);
}

/** grpc-js's words for a compressed message that is longer than the receive limit. */
export function grpcInflatedLimitError(readMaxBytes: number, cause?: unknown): ConnectError {
  const text = `Received message that decompresses to a size larger than ${readMaxBytes}`;
  return new ConnectError(text, Code.ResourceExhausted, undefined, undefined, cause);
}

/** The error of a message that is longer than the send limit. */
export function writeLimitError(bytes: number, writeMaxBytes: number): ConnectError {
  return new ConnectError(
    `message size ${bytes} is larger than configured writeMaxBytes ${writeMaxBytes}`,
    Code.ResourceExhausted,
  );
}

/** Largest length that the 4-byte prefix of an envelope can say. */
export const maxBytes = 0xffffffff;

/** The limits with their defaults; throws if one is out of range. */
export function validateReadWriteMaxBytes(
  readMaxBytes: number | undefined,
  writeMaxBytes: number | undefined,
  compressMinBytes: number | undefined,
): { readMaxBytes: number; writeMaxBytes: number; compressMinBytes: number } {
  const limits = {
    readMaxBytes: readMaxBytes ?? maxBytes,
    writeMaxBytes: writeMaxBytes ?? maxBytes,
    compressMinBytes: compressMinBytes ?? 1024,
  };
  for (const name of ["readMaxBytes", "writeMaxBytes"] as const) {
    const value = limits[name];
    if (!(value >= 1 && value <= maxBytes)) {
      throw new ConnectError(`${name} ${value} must be >= 1 and <= ${maxBytes}`, Code.Internal);
    }
  }
  return limits;
}
