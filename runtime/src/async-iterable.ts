/** The items of an iterable, one after another. */
export async function* createAsyncIterable<T>(items: Iterable<T> | AsyncIterable<T>): AsyncIterable<T> {
  yield* items;
}

/** An AsyncIterable fed by hand: the request side of a stream, for code that pushes. */
export interface WritableIterable<T> extends AsyncIterable<T> {
  /** Resolves when the item is taken, which is where backpressure comes from. Rejects after close. */
  write(item: T): Promise<void>;
  /** Ends the iteration once all written items are taken. */
  close(): void;
  isClosed(): boolean;
}

/** An iterable that is written to: `write` resolves when the value is taken, `close` ends the iteration. */
export function createWritableIterable<T>(): WritableIterable<T> {
  const written: Array<{ item: T; taken: () => void; dropped: (error: Error) => void }> = [];
  const waiting: Array<(result: IteratorResult<T>) => void> = [];
  let closed = false;
  const done: IteratorReturnResult<undefined> = { done: true, value: undefined };
  const iterator: AsyncIterator<T> = {
    next() {
      const first = written.shift();
      if (first !== undefined) {
        first.taken();
        return Promise.resolve({ done: false, value: first.item });
      }
      if (closed) return Promise.resolve(done);
      return new Promise((resolve) => waiting.push(resolve));
    },
    return() {
      closed = true;
      for (const entry of written.splice(0)) entry.dropped(new Error("iteration has ended, the item is not read"));
      for (const resolve of waiting.splice(0)) resolve(done);
      return Promise.resolve(done);
    },
  };
  return {
    write(item) {
      if (closed) return Promise.reject(new Error("cannot write, WritableIterable already closed"));
      const resolve = waiting.shift();
      if (resolve !== undefined) {
        resolve({ done: false, value: item });
        return Promise.resolve();
      }
      return new Promise<void>((taken, dropped) => written.push({ item, taken, dropped }));
    },
    close() {
      closed = true;
      if (written.length === 0) for (const resolve of waiting.splice(0)) resolve(done);
    },
    isClosed: () => closed,
    [Symbol.asyncIterator]: () => iterator,
  };
}
