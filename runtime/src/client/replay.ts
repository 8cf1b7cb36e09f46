/** Requests that several attempts of one call send, each from the start. */
export interface Replay {
  /** @param tooMuch called when more is kept than may be, by the reader that is furthest: it must become the only one */
  read(tooMuch: () => void): AsyncIterable<Uint8Array>;
  /** Nobody else reads any more: what this reader has had is forgotten. */
  keepOnly(reader: AsyncIterable<Uint8Array>): void;
}

/** What is kept for attempts that come later, in bytes; as much as a stream that may have to be sent again. */
const keptLimit = 256 * 1024;

export function createReplay(source: AsyncIterable<unknown>, serialize: (message: unknown) => Uint8Array): Replay {
  let iterator: AsyncIterator<unknown> | undefined;
  const kept: Uint8Array[] = [];
  /** Index of the first that is kept. */
  let first = 0;
  let bytes = 0;
  let ended = false;
  let pulling: Promise<void> | undefined;
  let only: AsyncIterable<Uint8Array> | undefined;
  const positions = new Map<AsyncIterable<Uint8Array>, () => number>();

  /** Readers that wait for the same request share one pull. One that fails stays: later readers must not take it for the end. */
  const pull = (): Promise<void> => {
    iterator ??= source[Symbol.asyncIterator]();
    pulling ??= iterator.next().then((result) => {
      if (result.done === true) ended = true;
      else {
        const item = serialize(result.value);
        bytes += item.byteLength;
        kept.push(item);
      }
      pulling = undefined;
    });
    return pulling;
  };

  return {
    read(tooMuch) {
      let at = 0;
      const reader: AsyncIterable<Uint8Array> = {
        [Symbol.asyncIterator]: () => ({
          async next() {
            while (at >= first + kept.length && !ended) await pull();
            const item = kept[at - first];
            if (item === undefined) return { done: true, value: undefined };
            at++;
            if (only === reader) {
              kept.shift();
              first++;
            } else if (bytes > keptLimit && only === undefined) tooMuch();
            return { done: false, value: item };
          },
          async return() {
            // Attempts that lose leave the source alone
            if (only === reader) await iterator?.return?.();
            return { done: true, value: undefined };
          },
        }),
      };
      positions.set(reader, () => at);
      return reader;
    },
    keepOnly(reader) {
      only = reader;
      const at = positions.get(reader)?.() ?? first;
      kept.splice(0, at - first);
      first = Math.max(first, at);
    },
  };
}
