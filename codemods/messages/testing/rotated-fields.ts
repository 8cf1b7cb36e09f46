import { BinaryReader } from "@bufbuild/protobuf/wire";

/** The fields of a message from another one on, with those that are `added` at their end: what is read of them is the same. */
export function rotatedFields(bytes: Uint8Array, by: number, ...added: Uint8Array[]): Uint8Array {
  const reader = new BinaryReader(bytes);
  const parts: Uint8Array[] = [];
  while (reader.pos < reader.len) {
    const start = reader.pos;
    const [number, type] = reader.tag();
    reader.skip(type, number);
    parts.push(bytes.subarray(start, reader.pos));
  }
  parts.push(...added);
  const at = parts.length === 0 ? 0 : by % parts.length;
  return Buffer.concat([...parts.slice(at), ...parts.slice(0, at)]);
}
