import { create, toBinary } from "@bufbuild/protobuf";
import { BinaryReader, BinaryWriter, base64Decode, base64Encode, WireType } from "@bufbuild/protobuf/wire";
import { Code } from "./code.js";
import { ConnectError, type IncomingDetail } from "./connect-error.js";
import { decodeGrpcMessage, encodeGrpcMessage } from "./grpc-message.js";

/** google.rpc.Status, read and written by hand: three fields do not need generated code. */
export interface RpcStatus {
  code: number;
  message: string;
  details: IncomingDetail[];
}

export function encodeRpcStatus(status: RpcStatus): Uint8Array {
  const writer = new BinaryWriter();
  if (status.code !== 0) writer.tag(1, WireType.Varint).int32(status.code);
  if (status.message !== "") writer.tag(2, WireType.LengthDelimited).string(status.message);
  for (const detail of status.details) {
    const type = detail.type.includes("/") ? detail.type : `type.googleapis.com/${detail.type}`;
    writer.tag(3, WireType.LengthDelimited).fork();
    writer.tag(1, WireType.LengthDelimited).string(type);
    if (detail.value.byteLength > 0) writer.tag(2, WireType.LengthDelimited).bytes(detail.value);
    writer.join();
  }
  return writer.finish();
}

/** Throws on bytes that are no message. */
export function decodeRpcStatus(bytes: Uint8Array): RpcStatus {
  const status: RpcStatus = { code: 0, message: "", details: [] };
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === 1) status.code = reader.int32();
    else if (field === 2) status.message = reader.string();
    else if (field === 3) status.details.push(decodeAny(reader.bytes()));
    else reader.skip(wireType, field);
  }
  return status;
}

function decodeAny(bytes: Uint8Array): IncomingDetail {
  const detail: IncomingDetail = { type: "", value: new Uint8Array(0) };
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === 1) detail.type = typeNameFromUrl(reader.string());
    else if (field === 2) detail.value = new Uint8Array(reader.bytes());
    else reader.skip(wireType, field);
  }
  return detail;
}

/** `type.googleapis.com/pkg.Message` -> `pkg.Message` */
export function typeNameFromUrl(url: string): string {
  return url.slice(url.lastIndexOf("/") + 1);
}

/** The details of an error in their form on the wire. */
export function encodeDetails(error: ConnectError): IncomingDetail[] {
  return error.details.map((detail) =>
    "desc" in detail
      ? { type: detail.desc.typeName, value: toBinary(detail.desc, create(detail.desc, detail.value)) }
      : detail,
  );
}

const relayed = new WeakMap<ConnectError, { blob: Uint8Array; details: ConnectError["details"] }>();

/** Take the details of an error from a google.rpc.Status; it is relayed byte for byte as long as nobody replaces them. */
export function relayStatusBlob(error: ConnectError, blob: Uint8Array): void {
  try {
    error.details = decodeRpcStatus(blob).details;
  } catch {
    // Details that nobody here can read must not hide the status
  }
  relayed.set(error, { blob, details: error.details });
}

/** `grpc-status-details-bin` of an error, or undefined when it has no details. */
export function grpcStatusDetailsBin(error: ConnectError): string | undefined {
  const kept = relayed.get(error);
  if (kept !== undefined && kept.details === error.details) return base64Encode(kept.blob, "std_raw");
  if (error.details.length === 0) return undefined;
  const status = { code: error.code, message: error.rawMessage, details: encodeDetails(error) };
  return base64Encode(encodeRpcStatus(status), "std_raw");
}

/** Writes the status trailers of a call onto `target`. Undefined is success. */
export function addGrpcStatus(target: Record<string, unknown>, error: ConnectError | undefined): void {
  if (error === undefined) {
    target["grpc-status"] = "0";
    return;
  }
  target["grpc-status"] = String(error.code);
  target["grpc-message"] = encodeGrpcMessage(error.rawMessage);
  const details = grpcStatusDetailsBin(error);
  if (details !== undefined) target["grpc-status-details-bin"] = details;
}

/**
 * The error that gRPC trailers say, or undefined for success.
 *
 * @param get reads one trailer (name in lower case)
 * @param metadata makes the error's metadata; only called for an error
 */
export function errorFromGrpcTrailer(
  get: (name: string) => string | null | undefined,
  metadata?: () => Headers | undefined,
): ConnectError | undefined {
  const status = get("grpc-status");
  if (status === "0") return undefined;
  if (status === null || status === undefined) {
    return wire(new ConnectError("protocol error: missing grpc-status", Code.Internal, metadata?.()));
  }
  const code = /^-?\d+$/.test(status) ? Number(status) : Number.NaN;
  if (code === 0) return undefined;
  // A number that gRPC does not have is what the server said, as in grpc-js; @connectrpc/connect calls it internal.
  if (Number.isNaN(code)) {
    return wire(new ConnectError(`invalid grpc-status: ${status}`, Code.Internal, metadata?.()));
  }
  // Code and text are those that grpc-js reads; the details' own must not contradict them, but servers are sloppy there.
  const error = new ConnectError(decodeGrpcMessage(get("grpc-message") ?? ""), code as Code, metadata?.());
  const blob = get("grpc-status-details-bin");
  if (blob) {
    try {
      error.details = decodeRpcStatus(base64Decode(blob)).details;
    } catch {
      // Details that nobody here can read must not hide the status
    }
  }
  return wire(error);
}

function wire(error: ConnectError): ConnectError {
  error.isWireError = true;
  return error;
}
