/** What fills a queue is told when to stop and to go on. */
export interface QueueSource {
  pause(): void;
  resume(): void;
}

/** Messages that wait for a slow reader; the source is paused at the first number and resumed at the second. */
const highWaterMark = 64;
const lowWaterMark = 16;

/**
 * Messages on their way from the network to a `for await`. Written by hand: an async generator costs several times more
 * per message.
 *
 * There is no `return()`: leaving the loop does not cancel the call, as in @connectrpc/connect.
 */
export class MessageQueue<T> implements AsyncIterableIterator<T> {
  #items: T[] = [];
  #head = 0;
  #waiting: Array<{ resolve: (result: IteratorResult<T>) => void; reject: (reason: unknown) => void }> = [];
  #ended = false;
  #failure: { error: unknown } | undefined;
  #paused = false;

  constructor(private readonly source: QueueSource) {}

  push(item: T): void {
    const reader = this.#waiting.shift();
    if (reader !== undefined) {
      reader.resolve({ done: false, value: item });
      return;
    }
    this.#items.push(item);
    if (!this.#paused && this.#items.length - this.#head >= highWaterMark) {
      this.#paused = true;
      this.source.pause();
    }
  }

  end(): void {
    this.#ended = true;
    for (const reader of this.#waiting.splice(0)) {
      reader.resolve({ done: true, value: undefined });
    }
  }

  /**
   * The error comes after the messages that are already there, and only once.
   *
   * @param atOnce the reader does not want what is there: it cancelled
   */
  fail(error: unknown, atOnce = false): void {
    if (this.#ended) {
      return;
    }
    if (atOnce) {
      this.#items = [];
      this.#head = 0;
    }
    const reader = this.#waiting.shift();
    if (reader !== undefined) {
      this.end();
      reader.reject(error);
      // `end` resolved the others, which came later
      return;
    }
    this.#failure = { error };
    this.#ended = true;
  }

  next(): Promise<IteratorResult<T>> {
    if (this.#head < this.#items.length) {
      const value = this.#items[this.#head] as T;
      // Forget it: a long queue must not hold on to messages that were read
      this.#items[this.#head++] = undefined as T;
      if (this.#head === this.#items.length) {
        this.#items.length = 0;
        this.#head = 0;
      }
      if (this.#paused && this.#items.length - this.#head <= lowWaterMark) {
        this.#paused = false;
        this.source.resume();
      }
      return Promise.resolve({ done: false, value });
    }
    const failure = this.#failure;
    if (failure !== undefined) {
      this.#failure = undefined;
      return Promise.reject(failure.error);
    }
    if (this.#ended) {
      return Promise.resolve({ done: true, value: undefined });
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
    });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
