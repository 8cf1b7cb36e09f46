import { largeSize } from "./large-buffers.js";

const onNode = typeof Buffer === "function";

/**
 * Memory for a message that was received in several chunks, to be written over at once: on Node it is not zeroed. A plain
 * Uint8Array, never a Buffer: what a handler sees must not depend on how chunks were split.
 */
export function allocateReceived(length: number): Uint8Array<ArrayBuffer> {
  if (!onNode) return new Uint8Array(length);
  if (length >= largeSize) hastenScavenge(length);
  const { buffer, byteOffset } = Buffer.allocUnsafeSlow(length);
  return new Uint8Array(buffer, byteOffset, length);
}

/** One piece, without a copy when there is one chunk. */
export function joinChunks(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const [first] = chunks;
  if (chunks.length === 1 && first !== undefined)
    return new Uint8Array(first.buffer, first.byteOffset, first.byteLength);
  const bytes = allocateReceived(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return bytes;
}

const garbageWords = 8 * 1024;
const held: { garbage?: unknown[] } = {};

/**
 * V8 collects the young generation when small objects fill it, and large messages make few of those: their memory, and that of
 * node:http2's reads, lies outside of the heap. It counts all the same, so that a server of messages of a MiB came to a full
 * collection for each eight of them, which was half of its CPU, though all of it was young and dead. As much garbage as the message is
 * long lets the cheap collection come first (bench/README.md, "What mattered").
 */
function hastenScavenge(length: number): void {
  for (let left = length; left > 0; left -= garbageWords * 8) held.garbage = new Array(garbageWords);
}
