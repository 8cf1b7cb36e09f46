import { compressedFlag } from "../compression.js";
import { createEnvelopeParser, type Envelope, type EnvelopeParser, incompleteEnvelope } from "../envelope.js";
import { joinChunks } from "../received-bytes.js";
import { extraMessage, missingMessage, tooLargeError } from "./request-message.js";
import type { Route } from "./route.js";
import type { Wire } from "./wire.js";

/**
 * The body of a request with one message, as its chunks come. A message that is one chunk, as most are, stays it: a parser
 * is only made for more.
 */
export class OnlyMessage {
  readonly #route: Route;
  readonly #bare: boolean;
  #first: Uint8Array | undefined;
  #chunks: Uint8Array[] | undefined;
  #bytes = 0;
  #parser: EnvelopeParser | undefined;

  constructor(route: Route, wire: Wire) {
    this.#route = route;
    this.#bare = wire.kind === "connect-unary";
  }

  /** Throws a ConnectError as soon as the message is known to be over the limit. */
  push(bytes: Uint8Array): void {
    if (this.#bare) this.#pushBare(bytes);
    else this.#pushEnveloped(bytes);
  }

  #pushBare(bytes: Uint8Array): void {
    const { readMaxBytes } = this.#route.options;
    this.#bytes += bytes.byteLength;
    if (this.#bytes > readMaxBytes) throw tooLargeError(this.#route)(this.#bytes, readMaxBytes);
    if (this.#first === undefined) this.#first = bytes;
    else {
      this.#chunks ??= [this.#first];
      this.#chunks.push(bytes);
    }
  }

  #pushEnveloped(bytes: Uint8Array): void {
    if (this.#parser !== undefined) {
      this.#parser.push(bytes);
      return;
    }
    if (this.#first === undefined && isWholeEnvelope(bytes, this.#route)) {
      this.#first = bytes;
      return;
    }
    this.#parser = createEnvelopeParser(this.#route.options.readMaxBytes, tooLargeError(this.#route));
    if (this.#first !== undefined) this.#parser.push(this.#first);
    this.#parser.push(bytes);
    const first = this.#parser.next();
    if (first !== undefined) this.#parser = prepend(first, this.#parser);
  }

  /**
   * The body is complete. Throws a ConnectError unless it is exactly one message.
   *
   * @param compressed what the headers say of a body without an envelope
   */
  end(compressed: boolean): Envelope {
    if (this.#bare) return { flags: compressed ? compressedFlag : 0, data: this.#body() };
    const parser = this.#parser;
    if (parser === undefined) {
      const first = this.#first;
      if (first === undefined) throw missingMessage(this.#route);
      return { flags: first[0] as number, data: view(first, 5) };
    }
    const envelope = parser.next();
    if (envelope === undefined) {
      const { pending } = parser;
      throw pending > 0 ? incompleteEnvelope(pending) : missingMessage(this.#route);
    }
    if (parser.next() !== undefined) throw extraMessage(this.#route);
    if (parser.pending > 0) throw incompleteEnvelope(parser.pending);
    return envelope;
  }

  #body(): Uint8Array {
    if (this.#chunks === undefined) return this.#first === undefined ? new Uint8Array(0) : view(this.#first, 0);
    return joinChunks(this.#chunks, this.#bytes);
  }
}

/** True for bytes that are exactly one envelope. Throws when the prefix announces more than the limit. */
function isWholeEnvelope(bytes: Uint8Array, route: Route): boolean {
  if (bytes.byteLength < 5) return false;
  const length =
    (bytes[1] as number) * 0x1000000 +
    (((bytes[2] as number) << 16) | ((bytes[3] as number) << 8) | (bytes[4] as number));
  const { readMaxBytes } = route.options;
  if (length > readMaxBytes) throw tooLargeError(route)(length, readMaxBytes);
  return length === bytes.byteLength - 5;
}

// A Uint8Array, never a Buffer: what a handler sees must not depend on the carrier.
function view(bytes: Uint8Array, start: number): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + start, bytes.byteLength - start);
}

/** A parser that gives `first` again: it was taken out early to see whether its length is allowed. */
function prepend(first: Envelope, rest: EnvelopeParser): EnvelopeParser {
  let taken = false;
  return {
    push: (chunk) => rest.push(chunk),
    next() {
      if (taken) return rest.next();
      taken = true;
      return first;
    },
    get pending() {
      return rest.pending;
    },
  };
}
