/**
 * Memory of large messages that were sent, for the next ones: at a MiB a message, collecting it is half of what a call costs.
 * What nobody uses is free to be collected: the references are weak.
 */

/** From this size on the memory of a message weighs more than all else that its call allocates: it is used again. */
export const largeSize = 64 * 1024;

const maxFree = 8;
const free: WeakRef<ArrayBuffer>[] = [];
/** What was given out, by the view that was given. */
const lent = new WeakMap<Uint8Array, ArrayBuffer>();

/** Bytes that are not zeroed. Give them back with `releaseLarge` when nothing reads them any more, or never. */
export function takeLarge(size: number): Uint8Array {
  for (let i = free.length - 1; i >= 0; i--) {
    const memory = free[i]?.deref();
    if (memory === undefined) free.splice(i, 1);
    else if (memory.byteLength >= size && memory.byteLength <= 2 * size) {
      free.splice(i, 1);
      return lend(memory, size);
    }
  }
  return lend(Buffer.allocUnsafeSlow(size).buffer as ArrayBuffer, size);
}

function lend(memory: ArrayBuffer, size: number): Uint8Array {
  const bytes = Buffer.from(memory, 0, size);
  lent.set(bytes, memory);
  return bytes;
}

/** The bytes were sent. Anything that did not come from `takeLarge` is ignored. */
export function releaseLarge(bytes: Uint8Array): void {
  const memory = lent.get(bytes);
  if (memory === undefined) return;
  lent.delete(bytes);
  if (free.length < maxFree) free.push(new WeakRef(memory));
}
