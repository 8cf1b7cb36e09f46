import { asWritten, onWrite, type WrittenMessages } from "../on-write.js";
import { SerializedMessage, serializedNow } from "../serialized-message.js";

/**
 * The messages of a stream that are written, which a call sends as they were then: grpc-js puts them into bytes when they are
 * written. Interceptors that look at them see the messages.
 */
export class EarlyMessages implements WrittenMessages<unknown> {
  readonly #source: WrittenMessages<unknown>;

  constructor(source: WrittenMessages<unknown>, serialize: (message: unknown) => Uint8Array) {
    this.#source = source;
    source[asWritten]((message) => serializedNow(message, serialize));
  }

  /** The messages, or what they are in bytes. */
  get serialized(): AsyncIterable<unknown> {
    return this.#source;
  }

  [onWrite](hook: (message: unknown) => unknown): void {
    this.#source[onWrite](hook);
  }

  [asWritten](prepare: (message: unknown) => unknown): void {
    this.#source[asWritten](prepare);
  }

  async *[Symbol.asyncIterator](): AsyncIterator<unknown> {
    for await (const each of this.#source) yield each instanceof SerializedMessage ? each.message : each;
  }
}
