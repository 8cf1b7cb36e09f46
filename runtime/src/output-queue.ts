import { asWritten, onWrite, type WrittenMessages } from "./on-write.js";

interface Item {
  readonly value: unknown;
  readonly taken: () => void;
}

/** Values pushed on one side, iterated on the other; each push learns when its value is taken. */
export class OutputQueue implements AsyncIterableIterator<unknown>, WrittenMessages<unknown> {
  #items: Item[] = [];
  #reader: { resolve: (result: IteratorResult<unknown>) => void; reject: (error: unknown) => void } | undefined;
  #ended = false;
  #error: unknown;
  onReturn: (() => void) | undefined;
  /** What sees each value of a Node stream that writes here, and gives what is pushed. */
  readonly hooks: Array<(value: unknown) => unknown> = [];

  /** Makes of a value what is sent, as soon as nothing else waits before it: a value that changes later is sent as it was. */
  prepare: ((value: unknown) => unknown) | undefined;

  /** What a Node stream that writes here makes of each value, behind all hooks. */
  written: (value: unknown) => unknown = (value) => value;

  /** How many values wait to be taken. */
  get size(): number {
    return this.#items.length;
  }

  [onWrite](hook: (value: unknown) => unknown): void {
    this.hooks.push(hook);
  }

  [asWritten](prepare: (value: unknown) => unknown): void {
    this.written = prepare;
  }

  push(value: unknown, taken: () => void): void {
    if (this.#ended) {
      taken();
      return;
    }
    const reader = this.#reader;
    if (reader !== undefined) {
      this.#reader = undefined;
      reader.resolve({ done: false, value: this.#prepared(value) });
      taken();
      return;
    }
    this.#items.push({ value: this.#items.length === 0 ? this.#prepared(value) : value, taken });
  }

  #prepared(value: unknown): unknown {
    return this.prepare === undefined ? value : this.prepare(value);
  }

  /** What was pushed is still delivered. Only the first end counts. */
  end(error?: unknown): void {
    if (this.#ended) {
      return;
    }
    this.#ended = true;
    this.#error = error;
    const reader = this.#reader;
    if (reader !== undefined) {
      this.#reader = undefined;
      if (error === undefined) {
        reader.resolve({ done: true, value: undefined });
      } else {
        reader.reject(error);
      }
    }
  }

  next(): Promise<IteratorResult<unknown>> {
    const item = this.#items.shift();
    if (item !== undefined) {
      item.taken();
      return Promise.resolve({ done: false, value: item.value });
    }
    if (this.#ended) {
      return this.#error === undefined
        ? Promise.resolve({ done: true, value: undefined })
        : Promise.reject(this.#error);
    }
    return new Promise((resolve, reject) => {
      this.#reader = { resolve, reject };
    });
  }

  return(): Promise<IteratorResult<unknown>> {
    this.#ended = true;
    for (const item of this.#items.splice(0)) {
      item.taken();
    }
    this.onReturn?.();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
