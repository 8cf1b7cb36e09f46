import { largeSize, takeLarge } from "./large-buffers.js";

/**
 * Writes protobuf's binary format into memory that is used again and again: one allocation and one copy per message, where
 * a writer of its own costs several of each. Large byte fields are not copied in between: they wait in `#blobs` for the end.
 *
 * A value that is not what its type promises throws `irregular`: the caller then encodes with protobuf-es, which has its
 * own rules and texts for such values.
 */
export class ScratchWriter {
  #bytes = allocate(initialSize);
  #view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.byteLength);
  #pos = 0;
  #forks: number[] = [];
  readonly #blobs: Blob[] = [];
  #blobBytes = 0;

  /** @param reserve bytes to leave free in front */
  finish(reserve: number): Uint8Array {
    const length = this.#pos + this.#blobBytes;
    const result = allocateResult(reserve + length);
    if (this.#blobs.length === 0) copy(this.#bytes, 0, this.#pos, result, reserve);
    else {
      let from = 0;
      let to = reserve;
      for (const { at, data } of this.#blobs) {
        copy(this.#bytes, from, at, result, to);
        to += at - from;
        result.set(data, to);
        to += data.byteLength;
        from = at;
      }
      copy(this.#bytes, from, this.#pos, result, to);
    }
    this.reset();
    return result;
  }

  /** Ready for the next message, also after an error. */
  reset(): void {
    this.#pos = 0;
    if (this.#forks.length > 0) this.#forks = [];
    if (this.#blobs.length > 0) {
      this.#blobs.length = 0;
      this.#blobBytes = 0;
    }
    if (this.#bytes.byteLength > keptSize) this.#use(allocate(initialSize));
  }

  #use(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  #ensure(size: number): void {
    const required = this.#pos + size;
    let length = this.#bytes.byteLength;
    if (required <= length) return;
    while (length < required) length *= 2;
    const bytes = allocate(length);
    copy(this.#bytes, 0, this.#pos, bytes, 0);
    this.#use(bytes);
  }

  /** Begins something with its length in front. */
  fork(): void {
    // The blobs so far count into the position, so that join sees how much came since
    this.#forks.push(this.#pos, this.#blobBytes, this.#blobs.length);
    this.#ensure(1);
    this.#pos++;
  }

  join(): void {
    const blobsBefore = this.#forks.pop() as number;
    const blobBytes = this.#blobBytes - (this.#forks.pop() as number);
    const start = this.#forks.pop() as number;
    const length = this.#pos - start - 1 + blobBytes;
    if (length < 0x80) {
      this.#bytes[start] = length;
      return;
    }
    // Room for one byte was left: move what came since.
    const shift = varintSize(length) - 1;
    this.#ensure(shift);
    this.#bytes.copyWithin(start + 1 + shift, start + 1, this.#pos);
    for (let i = blobsBefore; i < this.#blobs.length; i++) (this.#blobs[i] as Blob).at += shift;
    const end = this.#pos + shift;
    this.#pos = start;
    this.varint(length);
    this.#pos = end;
  }

  /** @param value an unsigned integer of 32 bits */
  varint(value: number): void {
    this.#ensure(5);
    const bytes = this.#bytes;
    let pos = this.#pos;
    let rest = value;
    while (rest > 0x7f) {
      bytes[pos++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    bytes[pos++] = rest;
    this.#pos = pos;
  }

  #varint64(low: number, high: number): void {
    this.#ensure(10);
    const bytes = this.#bytes;
    let pos = this.#pos;
    let lo = low >>> 0;
    let hi = high >>> 0;
    while (hi > 0 || lo > 0x7f) {
      bytes[pos++] = (lo & 0x7f) | 0x80;
      lo = ((lo >>> 7) | (hi << 25)) >>> 0;
      hi >>>= 7;
    }
    bytes[pos++] = lo;
    this.#pos = pos;
  }

  raw(data: Uint8Array): void {
    const size = data.byteLength;
    if (size >= blobSize) {
      this.#blobs.push({ at: this.#pos, data });
      this.#blobBytes += size;
      return;
    }
    this.#ensure(size);
    this.#bytes.set(data, this.#pos);
    this.#pos += size;
  }

  bytes(value: unknown): void {
    if (!(value instanceof Uint8Array)) throw irregular;
    this.varint(value.byteLength);
    this.raw(value);
  }

  string(value: unknown): void {
    if (typeof value !== "string") throw irregular;
    const { length } = value;
    if (length >= blobSize) {
      this.bytes(encodeUtf8(value));
      return;
    }
    this.#ensure(length * 3 + 3);
    const bytes = this.#bytes;
    const start = this.#pos;
    if (length < 0x80) {
      let pos = start + 1;
      let i = 0;
      for (; i < length; i++) {
        const code = value.charCodeAt(i);
        if (code > 0x7f) break;
        bytes[pos++] = code;
      }
      if (i === length) {
        bytes[start] = length;
        this.#pos = pos;
        return;
      }
    }
    const guess = varintSize(length);
    const written = writeUtf8(value, bytes, start + guess);
    const size = varintSize(written);
    if (size !== guess) bytes.copyWithin(start + size, start + guess, start + guess + written);
    this.varint(written);
    this.#pos = start + size + written;
  }

  bool(value: unknown): void {
    if (typeof value !== "boolean") throw irregular;
    this.#ensure(1);
    this.#bytes[this.#pos++] = value ? 1 : 0;
  }

  int32(value: unknown): void {
    const number = int32(value);
    if (number >= 0) this.varint(number);
    else this.#varint64(number, -1);
  }

  uint32(value: unknown): void {
    this.varint(uint32(value));
  }

  sint32(value: unknown): void {
    const number = int32(value);
    this.varint(((number << 1) ^ (number >> 31)) >>> 0);
  }

  fixed32(value: unknown): void {
    const number = uint32(value);
    this.#ensure(4);
    this.#view.setUint32(this.#pos, number, true);
    this.#pos += 4;
  }

  sfixed32(value: unknown): void {
    const number = int32(value);
    this.#ensure(4);
    this.#view.setInt32(this.#pos, number, true);
    this.#pos += 4;
  }

  float(value: unknown): void {
    if (typeof value !== "number" || (Number.isFinite(value) && Math.abs(value) > maxFloat)) throw irregular;
    this.#ensure(4);
    this.#view.setFloat32(this.#pos, value, true);
    this.#pos += 4;
  }

  double(value: unknown): void {
    if (typeof value !== "number") throw irregular;
    this.#ensure(8);
    this.#view.setFloat64(this.#pos, value, true);
    this.#pos += 8;
  }

  int64(value: unknown): void {
    this.#bits(value, minInt64, maxInt64);
    this.#varint64(bits.getInt32(0, true), bits.getInt32(4, true));
  }

  uint64(value: unknown): void {
    this.#bits(value, 0n, maxUint64);
    this.#varint64(bits.getInt32(0, true), bits.getInt32(4, true));
  }

  sint64(value: unknown): void {
    this.#bits(value, minInt64, maxInt64);
    const low = bits.getInt32(0, true);
    const high = bits.getInt32(4, true);
    const sign = high >> 31;
    this.#varint64((low << 1) ^ sign, ((high << 1) | (low >>> 31)) ^ sign);
  }

  fixed64(value: unknown): void {
    this.#bits(value, 0n, maxUint64);
    this.#fixed64();
  }

  sfixed64(value: unknown): void {
    this.#bits(value, minInt64, maxInt64);
    this.#fixed64();
  }

  #fixed64(): void {
    this.#ensure(8);
    this.#view.setInt32(this.#pos, bits.getInt32(0, true), true);
    this.#view.setInt32(this.#pos + 4, bits.getInt32(4, true), true);
    this.#pos += 8;
  }

  #bits(value: unknown, min: bigint, max: bigint): void {
    if (typeof value !== "bigint" || value < min || value > max) throw irregular;
    bits.setBigUint64(0, value, true);
  }
}

/** Thrown for a value that only protobuf-es knows what to do with. */
export const irregular = Symbol("irregular value");

interface Blob {
  at: number;
  readonly data: Uint8Array;
}

const initialSize = 16 * 1024;
/** Memory beyond this is given back after the message that needed it. */
const keptSize = 256 * 1024;
/** Data of this size is copied once, not twice. */
const blobSize = 4 * 1024;
const maxFloat = 3.4028234663852886e38;
const minInt64 = -(2n ** 63n);
const maxInt64 = 2n ** 63n - 1n;
const maxUint64 = 2n ** 64n - 1n;
const bits = new DataView(new ArrayBuffer(8));

function int32(value: unknown): number {
  if (typeof value !== "number" || (value | 0) !== value) throw irregular;
  return value;
}

function uint32(value: unknown): number {
  if (typeof value !== "number" || value >>> 0 !== value) throw irregular;
  return value;
}

function varintSize(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : value < 0x10000000 ? 4 : 5;
}

// On Node a Buffer: it writes text in place, its memory is not zeroed first, and streams send it without a wrapper.
const onNode = typeof Buffer === "function";
const allocate: (size: number) => Uint8Array = onNode
  ? (size) => Buffer.allocUnsafeSlow(size)
  : (size) => new Uint8Array(size);
const allocateResult: (size: number) => Uint8Array = onNode
  ? (size) => (size < largeSize ? Buffer.allocUnsafe(size) : takeLarge(size))
  : (size) => new Uint8Array(size);
const textEncoder = new TextEncoder();
const encodeUtf8: (text: string) => Uint8Array = onNode
  ? (text) => Buffer.from(text)
  : (text) => textEncoder.encode(text);
const writeUtf8: (text: string, target: Uint8Array, at: number) => number = onNode
  ? (text, target, at) => (target as Buffer).write(text, at)
  : (text, target, at) => textEncoder.encodeInto(text, target.subarray(at)).written;

function copy(source: Uint8Array, from: number, end: number, target: Uint8Array, at: number): void {
  if (onNode) (source as Buffer).copy(target, at, from, end);
  else target.set(source.subarray(from, end), at);
}
