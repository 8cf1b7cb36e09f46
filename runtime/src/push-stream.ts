import { OutputQueue } from "./output-queue.js";

/** The writing side of a stream whose messages come from timers, events or callbacks. */
export interface PushOutput<T> {
  /** Queues a message. Does nothing after the end, or once the reader has gone. */
  write(message: T): void;
  /** Ends the stream behind what was written. Only the first end counts. */
  end(): void;
  /** Ends the stream with an error, behind what was written. */
  fail(error: unknown): void;
}

/**
 * A stream of messages that are pushed, as a Promise is for a value that comes later: `start` runs at once, and what it
 * throws, or rejects with, fails the stream. The end of `start` ends nothing. Addition to `@connectrpc/connect`.
 */
export function createPushStream<T>(start: (output: PushOutput<T>) => void | Promise<void>): AsyncIterable<T> {
  const queue = new OutputQueue();
  const fail = (error: unknown) => queue.end(error ?? new Error("the stream failed without a reason"));
  try {
    const started = start({ write: (message) => queue.push(message, () => {}), end: () => queue.end(), fail });
    started?.then(undefined, fail);
  } catch (error) {
    fail(error);
  }
  return queue as AsyncIterable<T>;
}
