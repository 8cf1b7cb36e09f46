/**
 * Room for a message that is about to be sent. On Node a Buffer from the pool: node's streams would wrap a plain
 * Uint8Array in one, and an ArrayBuffer of its own for each small message is the dearest part of a write.
 */
const allocate: (size: number) => Uint8Array =
  typeof Buffer === "function" ? (size) => Buffer.allocUnsafe(size) : (size) => new Uint8Array(size);

const prefixLength = 5;

/** Flags, length and data of an envelope in one piece. */
export function frame(flags: number, data: Uint8Array): Uint8Array {
  const bytes = allocate(prefixLength + data.byteLength);
  writePrefix(bytes, flags, data.byteLength);
  bytes.set(data, prefixLength);
  return bytes;
}

/** Flags and length alone, for data that is not worth a copy. */
export function framePrefix(flags: number, length: number): Uint8Array {
  const bytes = allocate(prefixLength);
  writePrefix(bytes, flags, length);
  return bytes;
}

function writePrefix(bytes: Uint8Array, flags: number, length: number): void {
  bytes[0] = flags;
  bytes[1] = length >>> 24;
  bytes[2] = length >>> 16;
  bytes[3] = length >>> 8;
  bytes[4] = length;
}
