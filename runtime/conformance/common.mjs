// What both programs under test share: size-delimited messages on stdin and stdout, and the conversion of the suite's types.
import { create, createRegistry } from "@bufbuild/protobuf";
import { AnySchema, anyPack, anyUnpack } from "@bufbuild/protobuf/wkt";
import { ConnectError } from "@connect-migrate/runtime";
import * as node from "@connect-migrate/runtime/node";

const gen = (file) => import(`../../.cache/conformance/gen/connectrpc/conformance/v1/${file}_pb.js`);
export const config = await gen("config");
export const service = await gen("service");
export const serverCompat = await gen("server_compat");
export const clientCompat = await gen("client_compat");
export const registry = createRegistry(
  config.file_connectrpc_conformance_v1_config,
  service.file_connectrpc_conformance_v1_service,
);

/** Ready-made compressions by the suite's enum; zstd only where node:zlib has it. */
const { Compression } = config;
export const compressions = new Map(
  [
    [Compression.GZIP, node.compressionGzip],
    [Compression.BR, node.compressionBrotli],
    [Compression.DEFLATE, node.compressionDeflate],
    [Compression.SNAPPY, node.compressionSnappy],
    [Compression.ZSTD, node.compressionZstd],
  ].filter(([, compression]) => compression !== undefined),
);

/** Every message of a stream of 4-byte big-endian lengths and bytes. */
export async function* readDelimited(stream) {
  let buffer = Buffer.alloc(0);
  for await (const chunk of stream) {
    buffer = Buffer.concat([buffer, chunk]);
    while (buffer.length >= 4 && buffer.length >= 4 + buffer.readUInt32BE(0)) {
      const end = 4 + buffer.readUInt32BE(0);
      yield buffer.subarray(4, end);
      buffer = buffer.subarray(end);
    }
  }
}

export function writeDelimited(stream, bytes) {
  const prefix = Buffer.alloc(4);
  prefix.writeUInt32BE(bytes.length);
  stream.write(Buffer.concat([prefix, bytes]));
}

export const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

export function appendHeaders(target, headers) {
  for (const { name, value } of headers) for (const one of value) target.append(name, one);
}

export function headersToProto(headers) {
  return [...headers].map(([name, value]) => ({ name, value: value.split(",").map((one) => one.trim()) }));
}

export function errorFromProto(error) {
  const details = error.details.map((any) => {
    const message = anyUnpack(any, registry);
    if (message === undefined) throw new Error(`unknown type of a detail: ${any.typeUrl}`);
    return { desc: registry.getMessage(message.$typeName), value: message };
  });
  return new ConnectError(error.message ?? "", error.code, undefined, details);
}

export function errorToProto(error) {
  const details = error.details.map((detail) =>
    "desc" in detail
      ? anyPack(detail.desc, create(detail.desc, detail.value))
      : create(AnySchema, { typeUrl: `type.googleapis.com/${detail.type}`, value: detail.value }),
  );
  return { code: error.code, message: error.rawMessage, details };
}
