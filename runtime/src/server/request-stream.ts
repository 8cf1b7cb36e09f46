/** How many messages, and how many bytes, may wait for a handler before the peer is told to stop. */
const maxWaiting = 64;
const maxWaitingBytes = 256 * 1024;

type Waiter<T> = { resolve(result: IteratorResult<T>): void; reject(error: unknown): void };

/**
 * The request messages of a stream: a queue that the exchange fills and the handler empties.
 *
 * `decode` runs when a message is taken, so an unread message costs nothing, and may be asynchronous (decompression).
 */
export class RequestStream<W extends { data: Uint8Array }, T> implements AsyncIterableIterator<T> {
  readonly #decode: (item: W) => T | Promise<T>;
  readonly #flow: { pause(): void; resume(): void };
  #queue: W[] = [];
  #head = 0;
  #bytes = 0;
  #paused = false;
  #waiters: Waiter<T>[] = [];
  #state: "open" | "ended" | "failed" | "returned" = "open";
  #error: unknown;

  constructor(decode: (item: W) => T | Promise<T>, flow: { pause(): void; resume(): void }) {
    this.#decode = decode;
    this.#flow = flow;
  }

  push(item: W): void {
    if (this.#state !== "open") return;
    const waiter = this.#waiters.shift();
    if (waiter !== undefined) {
      this.#deliver(item, waiter);
      return;
    }
    this.#queue.push(item);
    this.#bytes += item.data.byteLength;
    if (!this.#paused && (this.#queue.length - this.#head >= maxWaiting || this.#bytes >= maxWaitingBytes)) {
      this.#paused = true;
      this.#flow.pause();
    }
  }

  /** No more messages; what is queued is still delivered. */
  end(): void {
    if (this.#state !== "open") return;
    this.#state = "ended";
    this.#settleWaiters();
  }

  /** Fails after the queued messages, or at once when `drop` is set. */
  fail(error: unknown, drop: boolean): void {
    if (this.#state === "failed" || this.#state === "returned") return;
    // A stream that ended well stays well; only what the handler has not taken yet is lost when the call itself is over.
    if (this.#state === "ended" && (!drop || this.#head === this.#queue.length)) return;
    this.#state = "failed";
    this.#error = error;
    if (drop) this.#clear();
    this.#settleWaiters();
  }

  next(): Promise<IteratorResult<T>> {
    const item = this.#queue[this.#head];
    if (item !== undefined) {
      this.#shift(item);
      try {
        const value = this.#decode(item);
        if (value instanceof Promise) return value.then((message) => ({ done: false, value: message }), this.#rejected);
        return Promise.resolve({ done: false, value });
      } catch (error) {
        return this.#rejected(error);
      }
    }
    if (this.#state === "failed") return Promise.reject(this.#error);
    if (this.#state !== "open") return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  /** `break` in a handler: whatever else comes is dropped. */
  return(): Promise<IteratorResult<T>> {
    if (this.#state !== "failed") this.#state = "returned";
    this.#clear();
    this.#settleWaiters();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #rejected = (error: unknown): Promise<never> => {
    this.fail(error, true);
    return Promise.reject(error);
  };

  #deliver(item: W, waiter: Waiter<T>): void {
    try {
      const value = this.#decode(item);
      if (value instanceof Promise) {
        value.then(
          (message) => waiter.resolve({ done: false, value: message }),
          (error) => {
            this.fail(error, true);
            waiter.reject(error);
          },
        );
      } else waiter.resolve({ done: false, value });
    } catch (error) {
      this.fail(error, true);
      waiter.reject(error);
    }
  }

  #shift(item: W): void {
    this.#queue[this.#head++] = undefined as never;
    this.#bytes -= item.data.byteLength;
    const waiting = this.#queue.length - this.#head;
    if (waiting === 0) {
      this.#queue = [];
      this.#head = 0;
    }
    if (this.#paused && waiting <= maxWaiting / 2 && this.#bytes <= maxWaitingBytes / 2) {
      this.#paused = false;
      this.#flow.resume();
    }
  }

  #clear(): void {
    this.#queue = [];
    this.#head = 0;
    this.#bytes = 0;
    if (this.#paused) {
      this.#paused = false;
      this.#flow.resume();
    }
  }

  #settleWaiters(): void {
    for (const waiter of this.#waiters.splice(0)) {
      if (this.#state === "failed") waiter.reject(this.#error);
      else waiter.resolve({ done: true, value: undefined });
    }
  }
}
