import { Code } from "./code.js";
import { readLimitError } from "./compression.js";
import { ConnectError } from "./connect-error.js";
import { largeSize } from "./large-buffers.js";
import { allocateReceived } from "./received-bytes.js";

/** A length-prefixed message of gRPC, gRPC-Web and streaming Connect: one byte flags, four bytes length, data. */
export interface Envelope {
  flags: number;
  data: Uint8Array;
}

/** Takes chunks of a body in any split and gives envelopes. Bytes are copied at most once, when an envelope spans chunks. */
export interface EnvelopeParser {
  push(chunk: Uint8Array): void;
  /** The next complete envelope, or undefined. Throws resource_exhausted as soon as a prefix announces too much. */
  next(): Envelope | undefined;
  /** Bytes that are not part of a complete envelope yet. 0 at the end of a well-formed body. */
  readonly pending: number;
}

/** Bytes in front of the data: flags and length. */
export const prefixLength = 5;

/**
 * @param readMaxBytes limit per message; a message whose prefix says more is refused before its data is buffered
 * @param tooLarge the error of such a message
 */
export function createEnvelopeParser(
  readMaxBytes: number,
  tooLarge: (bytes: number, readMaxBytes: number) => Error = readLimitError,
): EnvelopeParser {
  return new ChunkParser(readMaxBytes, tooLarge);
}

class ChunkParser implements EnvelopeParser {
  readonly #readMaxBytes: number;
  #chunks: Uint8Array[] = [];
  // Position in the first chunk; the list is only shifted when a chunk is used up.
  #offset = 0;
  #pending = 0;
  #flags = -1;
  #length = 0;
  // A large envelope is put together as its chunks come, so that they can be collected at once.
  #large: Uint8Array | undefined;
  #filled = 0;

  readonly #tooLarge: (bytes: number, readMaxBytes: number) => Error;

  constructor(readMaxBytes: number, tooLarge: (bytes: number, readMaxBytes: number) => Error) {
    this.#readMaxBytes = readMaxBytes;
    this.#tooLarge = tooLarge;
  }

  get pending(): number {
    return this.#flags === -1 ? this.#pending : this.#pending + prefixLength;
  }

  push(chunk: Uint8Array): void {
    if (chunk.byteLength === 0) return;
    this.#pending += chunk.byteLength;
    const large = this.#large;
    if (large === undefined) {
      this.#chunks.push(chunk);
      // A length alone is no reason to take so much memory; a sixteenth of the message is.
      if (this.#length >= largeSize && this.#pending >= this.#length / 16 && this.#pending < this.#length)
        this.#gather();
      return;
    }
    const room = large.byteLength - this.#filled;
    if (chunk.byteLength <= room) {
      large.set(chunk, this.#filled);
      this.#filled += chunk.byteLength;
      return;
    }
    large.set(chunk.subarray(0, room), this.#filled);
    this.#filled += room;
    this.#chunks.push(chunk.subarray(room));
  }

  next(): Envelope | undefined {
    if (this.#flags === -1) {
      if (this.#pending < prefixLength) return undefined;
      const prefix = this.#take(prefixLength);
      this.#flags = prefix[0] as number;
      this.#length = uint32(prefix, 1);
      if (this.#length > this.#readMaxBytes) throw this.#tooLarge(this.#length, this.#readMaxBytes);
    }
    if (this.#pending < this.#length) return undefined;
    const envelope = { flags: this.#flags, data: this.#take(this.#length) };
    this.#flags = -1;
    this.#length = 0;
    return envelope;
  }

  #gather(): void {
    const filled = this.#pending;
    const large = allocateReceived(this.#length);
    let at = 0;
    for (const chunk of this.#chunks) {
      const part = at === 0 && this.#offset > 0 ? chunk.subarray(this.#offset) : chunk;
      large.set(part, at);
      at += part.byteLength;
    }
    this.#chunks = [];
    this.#offset = 0;
    this.#large = large;
    this.#filled = filled;
  }

  #take(length: number): Uint8Array {
    if (length === 0) return empty;
    this.#pending -= length;
    const large = this.#large;
    if (large !== undefined) {
      this.#large = undefined;
      return large;
    }
    const first = this.#chunks[0] as Uint8Array;
    const start = this.#offset;
    const rest = first.byteLength - start;
    if (rest >= length) {
      if (rest === length) {
        this.#chunks.shift();
        this.#offset = 0;
      } else this.#offset = start + length;
      // A plain Uint8Array, never a Buffer: what a handler sees must not depend on how chunks were split.
      return new Uint8Array(first.buffer, first.byteOffset + start, length);
    }
    const bytes = allocateReceived(length);
    let filled = 0;
    let index = 0;
    let from = start;
    while (filled < length) {
      const chunk = this.#chunks[index] as Uint8Array;
      const count = Math.min(chunk.byteLength - from, length - filled);
      bytes.set(from === 0 && count === chunk.byteLength ? chunk : chunk.subarray(from, from + count), filled);
      filled += count;
      if (from + count === chunk.byteLength) {
        index++;
        from = 0;
      } else from += count;
    }
    this.#chunks.splice(0, index);
    this.#offset = from;
    return bytes;
  }
}

const empty = new Uint8Array(0);

// What is sent comes from the pool of Buffers: node's streams would wrap anything else in one, and memory of its own is the dearest
// part of a small message.
const onNode = typeof Buffer === "function";
const allocatePooled: (length: number) => Uint8Array = onNode
  ? (length) => Buffer.allocUnsafe(length)
  : (length) => new Uint8Array(length);

function uint32(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) * 0x1000000 +
    (((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number))
  );
}

/** Above this, prefix and data are written apart: one more write costs less than the copy. */
const copyMaxBytes = 32 * 1024;

/** An envelope in one piece or two. */
export function envelopeParts(flags: number, data: Uint8Array): Uint8Array[] {
  if (data.byteLength <= copyMaxBytes) return [encodeEnvelope(flags, data)];
  const prefix = allocatePooled(prefixLength);
  writePrefix(prefix, flags, data.byteLength);
  return [prefix, data];
}

/** Prefix and data in one piece. */
export function encodeEnvelope(flags: number, data: Uint8Array): Uint8Array {
  const bytes = allocatePooled(prefixLength + data.byteLength);
  writePrefix(bytes, flags, data.byteLength);
  bytes.set(data, prefixLength);
  return bytes;
}

/** The prefix of `length` bytes of data, into the first five bytes of `target`. */
export function writePrefix(target: Uint8Array, flags: number, length: number): void {
  target[0] = flags;
  target[1] = length >>> 24;
  target[2] = length >>> 16;
  target[3] = length >>> 8;
  target[4] = length;
}

/** The error of a body that ends in the middle of an envelope. */
export function incompleteEnvelope(pending: number): ConnectError {
  return new ConnectError(
    `protocol error: incomplete envelope: the body ended after ${pending} bytes of it`,
    Code.InvalidArgument,
  );
}
