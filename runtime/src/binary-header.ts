import type { MessageShape } from "@bufbuild/protobuf";
import { type BinaryReadOptions, type DescMessage, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import { base64Decode, base64Encode } from "@bufbuild/protobuf/wire";
import { Code } from "./code.js";
import { ConnectError } from "./connect-error.js";

const utf8 = new TextEncoder();

/** The value of a header whose name ends with `-bin`: unpadded base64 of bytes, of UTF-8 text or of a message. */
export function encodeBinaryHeader(value: Message, desc: DescMessage): string;
export function encodeBinaryHeader(value: Uint8Array | ArrayBufferLike | string): string;
export function encodeBinaryHeader(value: Message | Uint8Array | ArrayBufferLike | string, desc?: DescMessage): string {
  return base64Encode(bytesOf(value, desc), "std_raw");
}

function bytesOf(value: Message | Uint8Array | ArrayBufferLike | string, desc: DescMessage | undefined): Uint8Array {
  if (typeof value === "string") return utf8.encode(value);
  if (desc !== undefined) return toBinary(desc, value as MessageShape<DescMessage>);
  return value instanceof Uint8Array ? value : new Uint8Array(value as ArrayBufferLike);
}

/**
 * The bytes, or the message, in one `-bin` value. Padded and unpadded base64 are both read.
 * Throws a ConnectError with code DataLoss for anything else.
 */
export function decodeBinaryHeader(value: string): Uint8Array;
export function decodeBinaryHeader<Desc extends DescMessage>(
  value: string,
  desc: Desc,
  options?: Partial<BinaryReadOptions>,
): MessageShape<Desc>;
export function decodeBinaryHeader(
  value: string,
  desc?: DescMessage,
  options?: Partial<BinaryReadOptions>,
): Uint8Array | Message {
  try {
    const bytes = base64Decode(value);
    return desc === undefined ? bytes : fromBinary(desc, bytes, options);
  } catch (error) {
    throw ConnectError.from(error, Code.DataLoss);
  }
}
