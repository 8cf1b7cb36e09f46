import { Code } from "../code.js";
import { compressedFlag, writeLimitError } from "../compression.js";
import { ConnectError } from "../connect-error.js";
import { createEnvelopeParser, type EnvelopeParser, envelopeParts, prefixLength, writePrefix } from "../envelope.js";
import { createHeaders, headerLines, headersFromRaw } from "../headers.js";
import { deadlineError } from "../implementation.js";
import type { StreamResponse } from "../interceptor.js";
import { SerializedMessage } from "../serialized-message.js";
import type { Scope } from "./call-scope.js";
import { EarlyMessages } from "./early-messages.js";
import {
  type Exchange,
  type ExchangeFailure,
  type Fields,
  maySendAgain,
  type OutgoingHeaders,
  type ResponseListener,
} from "./http-client.js";
import { MessageQueue } from "./message-queue.js";
import { OneMessage } from "./one-message.js";
import type { Retries } from "./service-config.js";
import type { MethodPlan, TransportCore } from "./transport-core.js";
import type { ResponseHead } from "./wire-protocol.js";

/** What is kept to send a stream again when the server refused it unseen. */
const replayLimit = 256 * 1024;

/** Run a streaming call. Resolves when the response headers are there; rejects with a ConnectError. */
export function runStream(
  core: TransportCore,
  plan: MethodPlan,
  scope: Scope,
  extra: OutgoingHeaders | undefined,
  input: AsyncIterable<unknown>,
): Promise<StreamResponse> {
  return new Promise((resolve, reject) => {
    new StreamCall(core, plan, scope, extra, resolve, reject).start(input);
  });
}

/** A message with the room before it that its prefix needs. */
export function serializeForStream(core: TransportCore, plan: MethodPlan, message: unknown): Uint8Array {
  const { input } = plan;
  return input.serializeAfter === undefined
    ? input.serialize(message)
    : input.serializeAfter(message, prefixRoom(core, plan));
}

function prefixRoom({ settings }: TransportCore, { input }: MethodPlan): number {
  return settings.sendCompression === null && input.serializeAfter !== undefined ? prefixLength : 0;
}

class StreamCall implements ResponseListener {
  #exchange!: Exchange;
  #done = false;
  #opened = false;
  #sawBody = false;
  #resent = 0;
  #retries: Retries | undefined;
  #attempts = 0;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #head: ResponseHead | undefined;
  readonly #parser: EnvelopeParser;
  readonly #queue: MessageQueue<unknown>;
  readonly #trailer = createHeaders();
  /** Decompression is asynchronous; what comes after it waits here, so that order is kept. */
  #order: Promise<void> | undefined;
  #end: Uint8Array | undefined;
  /** What was sent so far, until the server answers. */
  #sent: Uint8Array[] | undefined = [];
  #sentBytes = 0;
  #sentAll = false;
  #iterator: AsyncIterator<unknown> | undefined;
  #drained: (() => void) | undefined;

  constructor(
    private readonly core: TransportCore,
    private readonly plan: MethodPlan,
    private readonly scope: Scope,
    private readonly extra: OutgoingHeaders | undefined,
    private readonly resolve: (response: StreamResponse) => void,
    private readonly reject: (error: ConnectError) => void,
  ) {
    this.#parser = createEnvelopeParser(core.settings.readMaxBytes, core.protocol.failures.tooLarge);
    this.#queue = new MessageQueue({
      pause: () => this.#exchange.pause(),
      resume: () => this.#exchange.resume(),
    });
  }

  start(input: AsyncIterable<unknown>): void {
    this.scope.watch((error) => this.fail(error));
    if (this.#done) {
      return;
    }
    this.#connect();
    if (input instanceof OneMessage) {
      this.#sendOne(input.value);
    } else {
      void this.#pump(input);
    }
  }

  #connect(): void {
    const { protocol, settings } = this.core;
    const remaining = this.scope.remainingMs();
    const extra =
      remaining === undefined
        ? this.extra
        : { ...this.extra, [protocol.timeoutHeader]: protocol.formatTimeout(remaining) };
    const headers = this.#attempts === 0 ? extra : { ...extra, "grpc-previous-rpc-attempts": String(this.#attempts) };
    this.#exchange = settings.http.send(this.plan.head, headers, undefined, this, this.plan.sendOptions);
  }

  // ---- request

  #sendOne(message: unknown): void {
    try {
      const written = this.#write(message);
      if (written instanceof Promise) {
        written.then(
          () => this.#finishRequest(),
          (e) => this.fail(ConnectError.from(e, Code.Internal)),
        );
        return;
      }
      this.#finishRequest();
    } catch (e) {
      this.fail(ConnectError.from(e, Code.Internal));
    }
  }

  async #pump(input: AsyncIterable<unknown>): Promise<void> {
    try {
      const messages = input instanceof EarlyMessages ? input.serialized : input;
      const iterator = messages[Symbol.asyncIterator]();
      this.#iterator = iterator;
      while (true) {
        const result = await iterator.next();
        if (this.#done || result.done === true) {
          break;
        }
        const written = this.#write(result.value);
        const more = written instanceof Promise ? await written : written;
        if (!more && !this.#done) {
          await new Promise<void>((resolve) => {
            this.#drained = resolve;
          });
        }
        if (this.#done) {
          break;
        }
      }
      this.#finishRequest();
    } catch (e) {
      // Half-closing would tell the server that the partial request is the whole one
      this.fail(ConnectError.from(e, Code.Internal));
    }
  }

  /** False: wait for drain. */
  #write(message: unknown): boolean | Promise<boolean> {
    const { settings } = this.core;
    const compression = settings.sendCompression;
    const room = prefixRoom(this.core, this.plan);
    const bytes =
      message instanceof SerializedMessage ? message.bytes() : serializeForStream(this.core, this.plan, message);
    const size = bytes.byteLength - room;
    if (size > settings.writeMaxBytes) {
      throw writeLimitError(size, settings.writeMaxBytes);
    }
    if (room > 0) {
      writePrefix(bytes, 0, size);
      return this.#done || this.#writeBytes(bytes);
    }
    if (compression === null || bytes.byteLength < settings.compressMinBytes) {
      return this.#writeEnvelope(0, bytes);
    }
    return compression.compress(bytes).then((compressed) => this.#writeEnvelope(compressedFlag, compressed));
  }

  #writeEnvelope(flags: number, bytes: Uint8Array): boolean {
    if (this.#done) {
      return true;
    }
    let more = true;
    for (const part of envelopeParts(flags, bytes)) {
      more = this.#writeBytes(part);
    }
    return more;
  }

  #writeBytes(bytes: Uint8Array): boolean {
    if (this.#sent !== undefined) {
      this.#sentBytes += bytes.byteLength;
      if (this.#sentBytes > replayLimit) {
        this.#sent = undefined;
      } else {
        this.#sent.push(bytes);
      }
    }
    return this.#exchange.write(bytes);
  }

  #finishRequest(): void {
    this.#sentAll = true;
    if (!this.#done) {
      this.#exchange.end();
    }
  }

  onDrain(): void {
    const drained = this.#drained;
    this.#drained = undefined;
    drained?.();
  }

  // ---- response

  onHeaders(status: number, fields: Fields): void {
    const { core } = this;
    const head = core.protocol.openResponse(core.settings, true, status, fields);
    if (head.error !== undefined) {
      this.#exchange.cancel();
      this.#attemptFailed(head.error);
      return;
    }
    this.#head = head;
    if (head.maybeOnly !== true) {
      this.#open(head);
    }
  }

  /** The response has begun: from here on, failures go to who iterates. */
  #open(head: ResponseHead): void {
    const { plan } = this;
    const { fields } = head;
    this.#opened = true;
    this.#sent = undefined;
    this.#retries?.succeeded();
    let header: Headers | undefined;
    const trailer = this.#trailer;
    this.resolve({
      stream: true,
      service: plan.method.parent,
      method: plan.method as StreamResponse["method"],
      message: this.#queue as StreamResponse["message"],
      trailer,
      get header() {
        header ??= headersFromRaw(fields.lines);
        return header;
      },
    });
  }

  onData(chunk: Uint8Array): void {
    this.#sawBody = true;
    if (!this.#opened && this.#head !== undefined) {
      this.#open(this.#head);
    }
    this.#parser.push(chunk);
    try {
      for (let envelope = this.#parser.next(); envelope !== undefined; envelope = this.#parser.next()) {
        this.#accept(envelope.flags, envelope.data);
        if (this.#done) {
          return;
        }
      }
    } catch (e) {
      this.fail(ConnectError.from(e, Code.Internal));
    }
  }

  #accept(flags: number, data: Uint8Array): void {
    if ((flags & compressedFlag) === 0) {
      if (this.#order === undefined) {
        this.#deliver(flags, data);
      } else {
        this.#inOrder(() => this.#deliver(flags, data));
      }
      return;
    }
    const compression = this.#head?.compression ?? null;
    if (compression === null) {
      throw new ConnectError("protocol error: received a compressed message without an encoding", Code.Internal);
    }
    const { readMaxBytes } = this.core.settings;
    const plain = compression.decompress(data, readMaxBytes).catch((e) => {
      throw this.core.protocol.failures.notDecompressed(e, compression.name, readMaxBytes);
    });
    plain.catch(() => {});
    this.#inOrder(async () => this.#deliver(flags, await plain));
  }

  #inOrder(step: () => void | Promise<void>): void {
    const order = (this.#order ?? Promise.resolve())
      .then(step)
      .catch((e) => this.fail(ConnectError.from(e, Code.Internal)));
    this.#order = order;
    void order.then(() => {
      if (this.#order === order) {
        this.#order = undefined;
      }
    });
  }

  #deliver(flags: number, data: Uint8Array): void {
    if (this.#done) {
      return;
    }
    if (this.#end !== undefined) {
      throw new ConnectError("protocol error: received data after the end of the stream", Code.Internal);
    }
    if ((flags & this.core.protocol.endFlag) !== 0) {
      this.#end = data;
      return;
    }
    let message: unknown;
    try {
      message = this.plan.output.deserialize(data);
    } catch (e) {
      throw this.core.protocol.failures.notParsed(e);
    }
    this.#queue.push(message);
  }

  onEnd(trailers: Fields | undefined): void {
    if (this.#order === undefined) {
      this.#close(trailers);
    } else {
      this.#inOrder(() => this.#close(trailers));
    }
  }

  #close(trailers: Fields | undefined): void {
    const head = this.#head;
    if (this.#done || head === undefined) {
      return;
    }
    const { error, trailer } = this.core.protocol.closeResponse(head, this.#end, trailers, this.#sawBody);
    if (error !== undefined && !this.#opened) {
      this.#attemptFailed(error);
      return;
    }
    for (const [name, value] of headerLines(trailer())) {
      this.#trailer.append(name, value);
    }
    if (error !== undefined) {
      this.fail(error);
    } else if (this.#parser.pending > 0) {
      this.fail(new ConnectError("protocol error: incomplete envelope", Code.Internal));
    } else {
      if (!this.#opened) {
        this.#open(head);
      }
      this.#finish();
      this.#queue.end();
    }
  }

  onFailure(failure: ExchangeFailure): void {
    if (maySendAgain(failure.unprocessed, this.#resent) && this.#sent !== undefined) {
      this.#resent++;
      this.#sendAgain(this.#sent);
      return;
    }
    const late = failure.error.code === Code.Canceled && this.scope.isExpired();
    const error = late ? deadlineError() : failure.error;
    if (this.#order === undefined) {
      this.#attemptFailed(error);
    } else {
      this.#inOrder(() => this.fail(error));
    }
  }

  #sendAgain(sent: readonly Uint8Array[]): void {
    this.#connect();
    for (const bytes of sent) {
      this.#exchange.write(bytes);
    }
    if (this.#sentAll) {
      this.#exchange.end();
    }
  }

  /** gRPC A6: a failed attempt may be repeated until the response begins, if what was sent is still there. */
  #attemptFailed(error: ConnectError): void {
    const { startRetries } = this.plan.policy;
    const sent = this.#sent;
    if (this.#done || this.#opened || startRetries === undefined || sent === undefined) {
      this.fail(error);
      return;
    }
    this.#retries ??= startRetries();
    const delay = this.#retries.delayAfter(error);
    if (delay === undefined) {
      this.fail(error);
      return;
    }
    this.#attempts++;
    this.#head = undefined;
    this.#retryTimer = setTimeout(() => {
      // The request may have grown in the meantime
      if (!this.#done && this.#sent !== undefined) {
        this.#sendAgain(this.#sent);
      } else {
        this.fail(error);
      }
    }, delay);
  }

  fail(error: ConnectError): void {
    if (this.#done) {
      return;
    }
    this.#finish();
    this.#exchange?.cancel();
    if (this.#opened) {
      // After an abort by the caller nothing more is delivered
      this.#queue.fail(error, error.code === Code.Canceled && this.scope.ended !== undefined);
    } else {
      this.reject(error);
    }
  }

  #finish(): void {
    this.#done = true;
    clearTimeout(this.#retryTimer);
    this.scope.finish();
    this.onDrain();
    if (!this.#sentAll) {
      // The request is of no use any more: let its generator clean up
      void this.#iterator?.return?.()?.then(undefined, () => {});
    }
  }
}
