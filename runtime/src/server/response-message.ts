import { base64Encode } from "@bufbuild/protobuf/wire";
import { Code } from "../code.js";
import { type Compression, writeLimitError } from "../compression.js";
import { ConnectError } from "../connect-error.js";
import { encodeEnvelope, envelopeParts, prefixLength, writePrefix } from "../envelope.js";
import { addGrpcStatus } from "../grpc-status.js";
import { addToNodeHeaders, createHeaders, headerLines } from "../headers.js";
import type { NodeHeaders } from "./exchange.js";
import { isReservedHeader } from "./reserved-headers.js";
import type { Route } from "./route.js";
import type { Wire } from "./wire.js";

const utf8 = new TextEncoder();

/** Room for the prefix of the envelope, if the message goes out as it is. */
export function prefixRoom(route: Route, wire: Wire, compression: Compression | null): number {
  if (compression !== null || wire.kind === "connect-unary" || wire.text) return 0;
  return route.codecs.output[wire.format].serializeAfter === undefined ? 0 : prefixLength;
}

/** A message in bytes, behind `room` for its prefix. */
export function serializeMessage(route: Route, wire: Wire, value: unknown, room: number): Uint8Array {
  const { codecs, options } = route;
  const codec = codecs.output[wire.format];
  let bytes: Uint8Array;
  try {
    bytes = codec.serializeAfter === undefined ? codec.serialize(value) : codec.serializeAfter(value, room);
  } catch (reason) {
    if (options.compat === "grpc-js") {
      throw new ConnectError("Error serializing response", Code.Internal, undefined, undefined, reason);
    }
    const text = reason instanceof Error ? reason.message : String(reason);
    throw new ConnectError(`serialize ${wire.format}: ${text}`, Code.Internal, undefined, undefined, reason);
  }
  const size = bytes.byteLength - room;
  if (size > options.writeMaxBytes) {
    if (options.compat === "grpc-js") {
      const text = `Sent message larger than max (${size + prefixLength} vs. ${options.writeMaxBytes})`;
      throw new ConnectError(text, Code.ResourceExhausted);
    }
    throw writeLimitError(size, options.writeMaxBytes);
  }
  if (room > 0) writePrefix(bytes, 0, size);
  return bytes;
}

export function frame(wire: Wire, flags: number, bytes: Uint8Array): Uint8Array[] {
  if (wire.text) return [utf8.encode(base64Encode(encodeEnvelope(flags, bytes)))];
  return envelopeParts(flags, bytes);
}

export function envelopedHeaders(
  wire: Wire,
  compression: Compression | null,
  header: Headers | undefined,
): NodeHeaders {
  const headers: NodeHeaders = { "content-type": wire.contentType };
  if (compression !== null) headers[wire.encodingHeader] = compression.name;
  if (header !== undefined) addToNodeHeaders(headers, header, isReservedHeader);
  return headers;
}

/** Connect: Unary-Response. Trailers are headers with a prefix. */
export function connectUnaryHeaders(
  wire: Wire,
  header: Headers | undefined,
  trailer: Headers | undefined,
  error: ConnectError | undefined,
): NodeHeaders {
  const headers: NodeHeaders = { "content-type": wire.contentType };
  if (header !== undefined) addToNodeHeaders(headers, header, isReservedHeader);
  if (error !== undefined && !error.isWireError) addErrorMetadata(headers, error);
  if (trailer !== undefined) {
    const prefixed = createHeaders();
    for (const [key, value] of headerLines(trailer)) {
      if (!isReservedHeader(key)) prefixed.append(`trailer-${key}`, value);
    }
    addToNodeHeaders(headers, prefixed);
  }
  return headers;
}

export function grpcTrailers(route: Route, trailer: Headers | undefined, error: ConnectError | undefined): NodeHeaders {
  const trailers: NodeHeaders = {};
  addGrpcStatus(trailers, error);
  if (error === undefined && route.options.compat === "grpc-js") trailers["grpc-message"] = "OK";
  if (trailer !== undefined) addToNodeHeaders(trailers, trailer, isReservedHeader);
  if (error !== undefined && !error.isWireError) addErrorMetadata(trailers, error);
  return trailers;
}

// Trailers of gRPC-Web: an HTTP/1 header block in an envelope (gRPC PROTOCOL-WEB §Message framing).
export function trailerBytes(trailers: NodeHeaders): Uint8Array {
  let block = "";
  for (const [key, value] of Object.entries(trailers)) {
    for (const line of Array.isArray(value) ? value : [value]) block += `${key}: ${line}\r\n`;
  }
  return utf8.encode(block);
}

function addErrorMetadata(target: NodeHeaders, error: ConnectError): void {
  addToNodeHeaders(target, error.metadata, isReservedHeader);
}
