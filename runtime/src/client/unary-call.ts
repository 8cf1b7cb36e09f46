import { Code } from "../code.js";
import { type Compression, compressedFlag, readLimitError, writeLimitError } from "../compression.js";
import { ConnectError } from "../connect-error.js";
import { errorFromJsonBytes } from "../connect-json.js";
import { createEnvelopeParser, type EnvelopeParser, envelopeParts, prefixLength, writePrefix } from "../envelope.js";
import { deadlineError } from "../implementation.js";
import type { UnaryResponse } from "../interceptor.js";
import { releaseLarge } from "../large-buffers.js";
import { joinChunks } from "../received-bytes.js";
import type { Scope } from "./call-scope.js";
import { getHeaders, getPath } from "./connect-get.js";
import { noFields, rememberParts } from "./error-parts.js";
import {
  type Exchange,
  type ExchangeFailure,
  type Fields,
  maySendAgain,
  type OutgoingHeaders,
  type ResponseListener,
} from "./http-client.js";
import type { Retries } from "./service-config.js";
import type { MethodPlan, TransportCore } from "./transport-core.js";
import { unaryResponse } from "./unary-response.js";
import type { ResponseHead } from "./wire-protocol.js";

/** Run one unary call. Rejects with a ConnectError. */
export function runUnary(
  core: TransportCore,
  plan: MethodPlan,
  scope: Scope,
  extra: OutgoingHeaders | undefined,
  message: unknown,
): Promise<UnaryResponse> {
  return new Promise((resolve, reject) => {
    new UnaryCall(core, plan, scope, extra, resolve, reject).start(message);
  });
}

/** A class because the listener's five callbacks share its state and must not cost five closures per call. */
class UnaryCall implements ResponseListener {
  #exchange: Exchange | undefined;
  #done = false;
  #resent = 0;
  #head: ResponseHead | undefined;
  #parser: EnvelopeParser | undefined;
  #chunks: Uint8Array[] = [];
  #received = 0;
  #data: Uint8Array | undefined;
  #dataFlags = 0;
  #extraMessage = false;
  #sawBody = false;
  #end: Uint8Array | undefined;
  #send: (() => void) | undefined;
  #retries: Retries | undefined;
  #attempts = 0;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #body: Uint8Array | undefined;
  readonly #bare: boolean;

  constructor(
    private readonly core: TransportCore,
    private readonly plan: MethodPlan,
    private readonly scope: Scope,
    private readonly extra: OutgoingHeaders | undefined,
    private resolve: (response: UnaryResponse) => void,
    private reject: (error: ConnectError) => void,
  ) {
    this.#bare = core.protocol.bareUnary;
  }

  start(message: unknown): void {
    const { settings } = this.core;
    this.scope.watch((error) => {
      if (this.#head !== undefined) {
        rememberParts(error, this.#head.fields, noFields);
      }
      this.fail(error);
    });
    if (this.#done) {
      return;
    }
    const { input } = this.plan;
    const compression = settings.sendCompression;
    const room = compression === null && !this.#bare && input.serializeAfter !== undefined ? prefixLength : 0;
    let bytes: Uint8Array;
    try {
      bytes = input.serializeAfter === undefined ? input.serialize(message) : input.serializeAfter(message, room);
    } catch (e) {
      this.fail(ConnectError.from(e, Code.Internal));
      return;
    }
    const size = bytes.byteLength - room;
    if (size > settings.writeMaxBytes) {
      this.fail(writeLimitError(size, settings.writeMaxBytes));
      return;
    }
    if (room > 0) {
      writePrefix(bytes, 0, size);
      this.#dispatchBody(bytes);
    } else if (compression !== null && bytes.byteLength >= settings.compressMinBytes) {
      compression.compress(bytes).then(
        (compressed) => this.#dispatch(compressed, compression),
        (e) => this.fail(ConnectError.from(e, Code.Internal)),
      );
    } else {
      this.#dispatch(bytes, null);
    }
  }

  #dispatch(bytes: Uint8Array, compression: Compression | null): void {
    if (this.#done) {
      return;
    }
    const { core, plan } = this;
    const { http } = core.settings;
    const options = plan.sendOptions;
    const flags = compression === null ? 0 : compressedFlag;
    if (plan.useGet) {
      const head = http.prepare("GET", getPath(core, plan, bytes, compression), getHeaders(plan.fixedHeaders));
      this.#send = () => {
        this.#exchange = http.send(head, this.#headers(null), noBytes, this, options);
      };
    } else if (this.#bare) {
      this.#send = () => {
        this.#exchange = http.send(plan.head, this.#headers(compression), bytes, this, options);
      };
    } else {
      const parts = envelopeParts(flags, bytes);
      const [body] = parts;
      if (parts.length === 1 && body !== undefined) {
        this.#dispatchBody(body);
        return;
      }
      this.#send = () => {
        const exchange = http.send(plan.head, this.#headers(null), undefined, this, options);
        this.#exchange = exchange;
        for (const part of parts) {
          exchange.write(part);
        }
        exchange.end();
      };
    }
    this.#send();
  }

  #dispatchBody(body: Uint8Array): void {
    const { core, plan } = this;
    this.#body = body;
    this.#send = () => {
      this.#exchange = core.settings.http.send(plan.head, this.#headers(null), body, this, plan.sendOptions);
    };
    this.#send();
  }

  #headers(bodyCompression: Compression | null): OutgoingHeaders | undefined {
    const { protocol } = this.core;
    const remaining = this.scope.remainingMs();
    if (remaining === undefined && bodyCompression === null && this.#attempts === 0) {
      return this.extra;
    }
    const headers: OutgoingHeaders = { ...this.extra };
    if (remaining !== undefined) {
      headers[protocol.timeoutHeader] = protocol.formatTimeout(remaining);
    }
    if (bodyCompression !== null) {
      headers["content-encoding"] = bodyCompression.name;
    }
    if (this.#attempts > 0) {
      headers["grpc-previous-rpc-attempts"] = String(this.#attempts);
    }
    return headers;
  }

  onHeaders(status: number, fields: Fields): void {
    const { core } = this;
    const head = core.protocol.openResponse(core.settings, false, status, fields);
    if (head.error !== undefined) {
      this.#exchange?.cancel();
      this.#attemptFailed(head.error);
      return;
    }
    this.#head = head;
    if (!this.#bare) {
      this.#parser = createEnvelopeParser(core.settings.readMaxBytes, core.protocol.failures.tooLarge);
    }
  }

  onData(chunk: Uint8Array): void {
    const { readMaxBytes } = this.core.settings;
    const parser = this.#parser;
    if (parser === undefined) {
      this.#received += chunk.byteLength;
      if (this.#received > readMaxBytes) {
        this.#cancelWith(readLimitError(this.#received, readMaxBytes));
        return;
      }
      this.#chunks.push(chunk);
      return;
    }
    this.#sawBody = true;
    parser.push(chunk);
    try {
      for (let envelope = parser.next(); envelope !== undefined; envelope = parser.next()) {
        if (this.#end !== undefined) {
          this.#cancelWith(
            new ConnectError("protocol error: received data after the end of the stream", Code.Internal),
          );
          return;
        }
        if ((envelope.flags & this.core.protocol.endFlag) !== 0) {
          this.#end = envelope.data;
          this.#endFlags = envelope.flags;
        } else if (this.#data !== undefined) {
          // Keep reading: the status may be an error, which says more
          this.#extraMessage = true;
        } else {
          this.#data = envelope.data;
          this.#dataFlags = envelope.flags;
        }
      }
    } catch (e) {
      this.#cancelWith(ConnectError.from(e, Code.Internal));
    }
  }
  #endFlags = 0;

  onEnd(trailers: Fields | undefined): void {
    const head = this.#head;
    if (this.#done || head === undefined) {
      return;
    }
    if (this.#bare) {
      this.#endBare(head);
    } else {
      this.#endEnveloped(head, trailers);
    }
  }

  #endBare(head: ResponseHead): void {
    const bytes = joinChunks(this.#chunks, this.#received);
    const finish = (plain: Uint8Array) => {
      if (head.errorBody !== undefined) {
        this.#attemptFailed(errorFromJsonBytes(plain, head.errorBody.metadata, head.errorBody));
        return;
      }
      this.#complete(head, plain, () => this.core.protocol.closeResponse(head, undefined, undefined, true).trailer());
    };
    this.#decompress(head.compression !== null, head, bytes, finish);
  }

  #endEnveloped(head: ResponseHead, trailers: Fields | undefined): void {
    const { protocol } = this.core;
    const end = this.#end;
    if (end !== undefined && (this.#endFlags & compressedFlag) !== 0) {
      this.#decompress(true, head, end, (plain) => {
        this.#end = plain;
        this.#endFlags = 0;
        this.#endEnveloped(head, trailers);
      });
      return;
    }
    const { error, trailer } = protocol.closeResponse(head, end, trailers, this.#sawBody);
    if (error !== undefined) {
      this.#attemptFailed(error);
      return;
    }
    const { name } = this.plan.method;
    if (this.#extraMessage) {
      this.fail(
        new ConnectError(`protocol error: received extra output message for unary method ${name}`, Code.Unimplemented),
      );
      return;
    }
    if (this.#parser !== undefined && this.#parser.pending > 0) {
      this.fail(new ConnectError("protocol error: incomplete envelope", Code.Internal));
      return;
    }
    if (this.#data === undefined) {
      this.fail(noMessage());
      return;
    }
    this.#decompress((this.#dataFlags & compressedFlag) !== 0, head, this.#data, (plain) =>
      this.#complete(head, plain, trailer),
    );
  }

  #decompress(compressed: boolean, head: ResponseHead, bytes: Uint8Array, then: (plain: Uint8Array) => void): void {
    if (!compressed) {
      then(bytes);
      return;
    }
    if (head.compression === null) {
      this.fail(new ConnectError("protocol error: received a compressed message without an encoding", Code.Internal));
      return;
    }
    const { compression } = head;
    const { readMaxBytes } = this.core.settings;
    compression.decompress(bytes, readMaxBytes).then(
      (plain) => {
        if (!this.#done) {
          then(plain);
        }
      },
      (e) => this.fail(this.core.protocol.failures.notDecompressed(e, compression.name, readMaxBytes)),
    );
  }

  #complete(head: ResponseHead, bytes: Uint8Array, trailer: () => Headers): void {
    let message: unknown;
    try {
      message = this.plan.output.deserialize(bytes);
    } catch (e) {
      this.fail(this.core.protocol.failures.notParsed(e));
      return;
    }
    const { resolve } = this;
    this.#finish();
    this.#retries?.succeeded();
    if (this.#body !== undefined && this.#exchange?.requestSent) {
      releaseLarge(this.#body);
    }
    resolve(unaryResponse(this.plan, head.fields, this.#bare, trailer, message));
  }

  onFailure(failure: ExchangeFailure): void {
    if (maySendAgain(failure.unprocessed, this.#resent) && this.#send !== undefined) {
      // gRPC A6, "transparent retries": the server certainly did not see it
      this.#resent++;
      this.#send();
      return;
    }
    const late = failure.error.code === Code.Canceled && this.scope.isExpired();
    this.#attemptFailed(late ? deadlineError() : failure.error);
  }

  /** gRPC A6: a failed attempt may be repeated as long as no message came. */
  #attemptFailed(error: ConnectError): void {
    if (this.#done) {
      return;
    }
    const { startRetries } = this.plan.policy;
    if (startRetries === undefined || this.#data !== undefined) {
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
    this.#parser = undefined;
    this.#chunks = [];
    this.#received = 0;
    this.#extraMessage = false;
    this.#sawBody = false;
    this.#end = undefined;
    this.#retryTimer = setTimeout(() => this.#send?.(), delay);
  }

  onDrain(): void {}

  #cancelWith(error: ConnectError): void {
    this.#exchange?.cancel();
    this.fail(error);
  }

  fail(error: ConnectError): void {
    if (this.#done) {
      return;
    }
    const { reject } = this;
    this.#finish();
    clearTimeout(this.#retryTimer);
    this.#exchange?.cancel();
    reject(error);
  }

  /** Keeps nothing as large as the message: streams of node:http2, and calls with them, can live until the next full collection. */
  #finish(): void {
    this.#done = true;
    this.#data = undefined;
    if (this.#chunks.length > 0) this.#chunks = [];
    this.resolve = settled;
    this.reject = settled;
    this.scope.finish();
  }
}

/** The server said OK and gave no message. grpc-js's text. */
export function noMessage(): ConnectError {
  return new ConnectError("No message received", Code.Unimplemented);
}

const noBytes = new Uint8Array(0);
const settled = () => {};
