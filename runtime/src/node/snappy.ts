import { Code } from "../code.js";
import { readLimitError } from "../compression.js";
import { ConnectError } from "../connect-error.js";

// Snappy in its framed stream format (google/snappy framing_format.txt), written for whole messages.

const streamIdentifier = Uint8Array.of(0xff, 6, 0, 0, 0x73, 0x4e, 0x61, 0x50, 0x70, 0x59);
/** A chunk holds at most this much uncompressed data. */
const chunkBytes = 65536;
const compressedChunk = 0x00;
const plainChunk = 0x01;

const crcTable = new Uint32Array(256);
for (let i = 0; i < 256; i++) {
  let crc = i;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  crcTable[i] = crc;
}

/** CRC-32C, rotated and offset as the framing format masks it. */
function maskedChecksum(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crcTable[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8);
  crc = ~crc >>> 0;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** Compresses a message into a stream of its own. */
export function snappyCompress(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [streamIdentifier];
  for (let start = 0; start < bytes.length; start += chunkBytes) {
    const data = bytes.subarray(start, start + chunkBytes);
    const packed = compressBlock(data);
    // A chunk that does not shrink by an eighth goes out as it is, as the reference encoder has it.
    const isPacked = packed.length < data.length - (data.length >> 3);
    const body = isPacked ? packed : data;
    const header = new DataView(new ArrayBuffer(8));
    header.setUint32(0, ((body.length + 4) << 8) | (isPacked ? compressedChunk : plainChunk), true);
    header.setUint32(4, maskedChecksum(data), true);
    parts.push(new Uint8Array(header.buffer), body);
  }
  return concatenate(parts);
}

/** Decompresses a stream. Throws resource_exhausted beyond `readMaxBytes`, invalid_argument for what is no snappy stream. */
export function snappyDecompress(bytes: Uint8Array, readMaxBytes: number): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  let total = 0;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let position = 0;
  while (position < bytes.length) {
    if (position + 4 > bytes.length) throw invalid("truncated chunk");
    const header = view.getUint32(position, true);
    const type = header & 0xff;
    const start = position + 4;
    const end = start + (header >>> 8);
    if (end > bytes.length) throw invalid("truncated chunk");
    if (position === 0 && type !== 0xff) throw invalid("missing stream identifier");
    position = end;
    if (type === 0xff) {
      if (end - start !== 6 || streamIdentifier.some((byte, i) => i >= 4 && bytes[start + i - 4] !== byte)) {
        throw invalid("wrong stream identifier");
      }
      continue;
    }
    // 0x80 to 0xfe may be skipped, 0x02 to 0x7f may not.
    if (type >= 0x80) continue;
    if (type > plainChunk) throw invalid(`unknown chunk type ${type}`);
    if (end - start < 4) throw invalid("chunk without checksum");
    const body = bytes.subarray(start + 4, end);
    const data = type === plainChunk ? body : decompressBlock(body, readMaxBytes - total);
    if (data.length > chunkBytes) throw invalid("chunk too large");
    total += data.length;
    if (total > readMaxBytes) throw readLimitError(total, readMaxBytes);
    if (maskedChecksum(data) !== view.getUint32(start, true)) throw invalid("checksum mismatch");
    parts.push(data);
  }
  return concatenate(parts);
}

function invalid(why: string): ConnectError {
  return new ConnectError(`snappy: ${why}`, Code.InvalidArgument);
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const result = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let position = 0;
  for (const part of parts) {
    result.set(part, position);
    position += part.length;
  }
  return result;
}

/** One block (google/snappy format_description.txt): greedy matches of four bytes and more by a hash table. */
function compressBlock(input: Uint8Array): Uint8Array {
  const output = new Uint8Array(32 + input.length + Math.ceil(input.length / 6));
  let out = 0;
  for (let length = input.length; ; length >>>= 7) {
    if (length < 0x80) {
      output[out++] = length;
      break;
    }
    output[out++] = (length & 0x7f) | 0x80;
  }
  const literal = (from: number, to: number): void => {
    let length = to - from - 1;
    if (length < 0) return;
    if (length < 60) {
      output[out++] = length << 2;
    } else {
      const sizeBytes = length < 0x100 ? 1 : 2;
      output[out++] = (59 + sizeBytes) << 2;
      for (let i = 0; i < sizeBytes; i++, length >>>= 8) output[out++] = length & 0xff;
    }
    output.set(input.subarray(from, to), out);
    out += to - from;
  };
  const copy = (offset: number, length: number): void => {
    for (let left = length; left > 0; ) {
      const now = Math.min(left, 64);
      output[out++] = ((now - 1) << 2) | 2;
      output[out++] = offset & 0xff;
      output[out++] = offset >>> 8;
      left -= now;
    }
  };
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  const table = new Uint16Array(1 << 13);
  let done = 0;
  let position = 1;
  while (position + 4 <= input.length) {
    const word = view.getUint32(position, true);
    const hash = Math.imul(word, 0x1e35a7bd) >>> 19;
    const candidate = table[hash] ?? 0;
    table[hash] = position;
    if (candidate >= position || view.getUint32(candidate, true) !== word) {
      position++;
      continue;
    }
    let length = 4;
    while (position + length < input.length && input[candidate + length] === input[position + length]) length++;
    literal(done, position);
    copy(position - candidate, length);
    position += length;
    done = position;
  }
  literal(done, input.length);
  return output.subarray(0, out);
}

function decompressBlock(input: Uint8Array, readMaxBytes: number): Uint8Array {
  let position = 0;
  const next = (): number => {
    const byte = input[position++];
    if (byte === undefined) throw invalid("truncated block");
    return byte;
  };
  const little = (count: number): number => {
    let value = 0;
    for (let i = 0; i < count; i++) value += next() * 2 ** (8 * i);
    return value;
  };
  let size = 0;
  for (let shift = 0; ; shift += 7) {
    if (shift > 28) throw invalid("length of block");
    const byte = next();
    size += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) break;
  }
  if (size > readMaxBytes) throw readLimitError(size, readMaxBytes);
  if (size > chunkBytes) throw invalid("block too large");
  const output = new Uint8Array(size);
  let out = 0;
  while (position < input.length) {
    const tag = next();
    let length: number;
    if ((tag & 3) === 0) {
      length = tag >>> 2;
      length = (length < 60 ? length : little(length - 59)) + 1;
      if (position + length > input.length || out + length > size) throw invalid("literal beyond the end");
      output.set(input.subarray(position, position + length), out);
      position += length;
      out += length;
      continue;
    }
    let offset: number;
    if ((tag & 3) === 1) {
      length = ((tag >>> 2) & 7) + 4;
      offset = ((tag >>> 5) << 8) | next();
    } else {
      length = (tag >>> 2) + 1;
      offset = little((tag & 3) === 2 ? 2 : 4);
    }
    if (offset === 0 || offset > out || out + length > size) throw invalid("copy out of range");
    // Byte by byte: a copy may overlap what it writes.
    for (let i = 0; i < length; i++, out++) output[out] = output[out - offset] ?? 0;
  }
  if (out !== size) throw invalid("block ends early");
  return output;
}
