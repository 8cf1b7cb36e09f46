import {
  create,
  type DescMessage,
  fromBinary,
  type JsonValue,
  type Message,
  type MessageInitShape,
  type MessageShape,
  type Registry,
} from "@bufbuild/protobuf";
import { Code, codeName } from "./code.js";
import { createHeaders } from "./headers.js";

/** A detail that came over the wire: a google.protobuf.Any with a bare type name. */
export interface IncomingDetail {
  type: string;
  value: Uint8Array;
  /** JSON form, for people only. Connect sends it, nothing decodes it. */
  debug?: JsonValue;
}

/** A detail to be sent. */
export interface OutgoingDetail {
  desc: DescMessage;
  value: MessageInitShape<DescMessage>;
}

/** What errors of every copy of this package have, also those of classes that extend it and have a name of their own. */
const MARK = Symbol.for("connect-migrate.ConnectError");

/** The `message` of a ConnectError that nobody has changed. */
export function connectMessage(rawMessage: string, code: Code): string {
  return rawMessage === "" ? `[${codeName(code)}]` : `[${codeName(code)}] ${rawMessage}`;
}

/**
 * The one error of an RPC: a code, a text, metadata and details.
 *
 * `message` carries the code's name for people (`[not_found] no such user`), `rawMessage` is the bare text.
 * `instanceof` goes by shape, so that errors of another copy of this package, or of @connectrpc/connect, are recognised.
 */
export class ConnectError extends Error {
  /** Never OK: a call that succeeds has no error. */
  readonly code: Code;
  /** Headers and trailers that came, or are to be sent, with the error. */
  readonly metadata: Headers;
  /** Error details (google.rpc.Status.details): to be sent, or as they came. Read them with `findDetails`. */
  details: (OutgoingDetail | IncomingDetail)[];
  /** The text as it travels, without the code. */
  readonly rawMessage: string;
  override name = "ConnectError";
  /** What was thrown, if it was something else. It stays on this side of the wire. */
  override cause: unknown;
  /** True for an error parsed from the wire by a client. A handler that rethrows it relays everything but the metadata. */
  isWireError = false;

  constructor(
    message: string,
    code: Code = Code.Unknown,
    metadata?: HeadersInit,
    outgoingDetails?: OutgoingDetail[],
    cause?: unknown,
  ) {
    super(connectMessage(message, code));
    this.rawMessage = message;
    this.code = code;
    this.metadata = createHeaders(metadata);
    this.details = outgoingDetails ?? [];
    this.cause = cause;
  }

  /** A ConnectError as it is; an AbortError or TimeoutError as canceled; anything else with `code`, kept as the cause. */
  static from(reason: unknown, code: Code = Code.Unknown): ConnectError {
    if (reason instanceof ConnectError) return reason;
    if (!(reason instanceof Error)) return new ConnectError(String(reason), code, undefined, undefined, reason);
    if (reason.name === "AbortError" || reason.name === "TimeoutError") {
      return new ConnectError(reason.message, Code.Canceled, undefined, undefined, reason);
    }
    return new ConnectError(reason.message, code, undefined, undefined, reason);
  }

  static override [Symbol.hasInstance](this: unknown, value: unknown): boolean {
    // biome-ignore-start lint/complexity/noThisInStatic: a class that extends it has instances of its own
    if (this !== ConnectError) return Function.prototype[Symbol.hasInstance].call(this, value);
    // biome-ignore-end lint/complexity/noThisInStatic: until here
    if (!(value instanceof Error)) return false;
    if (MARK in value) return true;
    const shape = value as Partial<Record<keyof ConnectError, unknown>>;
    return (
      shape.name === "ConnectError" &&
      typeof shape.code === "number" &&
      typeof shape.rawMessage === "string" &&
      Array.isArray(shape.details) &&
      "metadata" in shape &&
      "cause" in shape
    );
  }

  /** The details of one message type, or all that a registry knows. What does not decode is left out. */
  findDetails<Desc extends DescMessage>(desc: Desc): MessageShape<Desc>[];
  findDetails(registry: Registry): Message[];
  findDetails(typeOrRegistry: DescMessage | Registry): Message[] {
    const lookup = (typeName: string): DescMessage | undefined => {
      if (typeOrRegistry.kind === "registry") return typeOrRegistry.getMessage(typeName);
      return typeOrRegistry.typeName === typeName ? typeOrRegistry : undefined;
    };
    const found: Message[] = [];
    for (const detail of this.details) {
      const desc = lookup("desc" in detail ? detail.desc.typeName : detail.type);
      if (desc === undefined) continue;
      try {
        found.push("desc" in detail ? create(detail.desc, detail.value) : fromBinary(desc, detail.value));
      } catch {
        // A detail that does not decode must not hide the error that it belongs to.
      }
    }
    return found;
  }
}

Object.defineProperty(ConnectError.prototype, MARK, { value: true });
// What is printed of an error says the name of its class, and a bundler may call that otherwise.
Object.defineProperty(ConnectError, "name", { value: "ConnectError", configurable: true });
