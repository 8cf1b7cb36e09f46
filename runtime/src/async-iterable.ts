import { afterThisTurn, asWritten, onWrite, type WrittenMessages } from "./on-write.js";

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
  const written: Array<Waiting<T> & { taken: () => void; dropped: (error: Error) => void }> = [];
  const waiting: Array<(result: IteratorResult<T>) => void> = [];
  let closed = false;
  let gone = false;
  const done: IteratorReturnResult<undefined> = { done: true, value: undefined };
  const iterator: AsyncIterator<T> = {
    next() {
      const first = written.shift();
      if (first !== undefined) {
        first.taken();
        first.isTaken = true;
        return Promise.resolve({ done: false, value: first.item });
      }
      if (gone || (closed && !hooked.isBusy())) return Promise.resolve(done);
      return new Promise((resolve) => waiting.push(resolve));
    },
    return() {
      gone = true;
      for (const entry of written.splice(0)) entry.dropped(new Error("iteration has ended, the item is not read"));
      for (const resolve of waiting.splice(0)) resolve(done);
      return Promise.resolve(done);
    },
  };
  const late = () => Promise.reject(new Error("cannot write, WritableIterable already closed"));
  const early = earlyForms<T>();
  const deliver = (item: T): Promise<void> => {
    if (gone) return late();
    const entry: Waiting<T> = { item, isTaken: false };
    early.add(entry);
    const resolve = waiting.shift();
    if (resolve !== undefined) {
      entry.isTaken = true;
      resolve({ done: false, value: entry.item });
      return Promise.resolve();
    }
    return new Promise<void>((taken, dropped) => written.push(Object.assign(entry, { taken, dropped })));
  };
  const finish = () => {
    if (closed && written.length === 0) for (const resolve of waiting.splice(0)) resolve(done);
  };
  const hooked = hookedWrites(deliver, finish);
  const iterable: WritableIterable<T> & WrittenMessages<T> = {
    write: (item) => (closed ? late() : hooked.write(item)),
    close() {
      closed = true;
      if (!hooked.isBusy()) finish();
    },
    isClosed: () => closed || gone,
    [Symbol.asyncIterator]: () => iterator,
    [onWrite]: hooked.add,
    [asWritten]: early.prepareWith,
  };
  return iterable;
}

interface Waiting<T> {
  item: T;
  isTaken: boolean;
}

/**
 * What written items are made into while they wait. As on a stream of grpc-js, that of the first is made at once, and that of each
 * that comes in the same turn behind that turn, one after another.
 */
function earlyForms<T>() {
  let prepare: ((item: T) => unknown) | undefined;
  const later: Waiting<T>[] = [];
  let busy = false;
  const make = (entry: Waiting<T>) => {
    // Who asks for another form takes it
    entry.item = prepare?.(entry.item) as T;
    busy = true;
    afterThisTurn(next);
  };
  const next = () => {
    while (later[0]?.isTaken) later.shift();
    const entry = later.shift();
    busy = false;
    if (entry !== undefined) make(entry);
  };
  return {
    prepareWith(made: (item: T) => unknown): void {
      prepare = made;
    },
    add(entry: Waiting<T>): void {
      if (prepare === undefined) return;
      if (busy) later.push(entry);
      else make(entry);
    },
  };
}

/**
 * Writes that hooks see. As on a stream of grpc-js, the first is seen at once, and each that comes in the same turn behind
 * that turn, one after another; without hooks nothing waits.
 */
function hookedWrites<T>(deliver: (item: T) => Promise<void>, whenIdle: () => void) {
  const hooks: Array<(item: T) => T> = [];
  const held: Array<{ item: T; taken: () => void; dropped: (error: Error) => void }> = [];
  let busy = false;
  const hand = (item: T): Promise<void> => {
    const seen = hooks.reduce((value, hook) => hook(value), item);
    busy = true;
    afterThisTurn(next);
    return deliver(seen);
  };
  const next = () => {
    const first = held.shift();
    if (first !== undefined) {
      hand(first.item).then(first.taken, first.dropped);
      return;
    }
    busy = false;
    whenIdle();
  };
  return {
    add: (hook: (item: T) => T) => void hooks.push(hook),
    isBusy: () => busy,
    write(item: T): Promise<void> {
      if (hooks.length === 0) return deliver(item);
      if (!busy) return hand(item);
      return new Promise<void>((taken, dropped) => held.push({ item, taken, dropped }));
    },
  };
}
