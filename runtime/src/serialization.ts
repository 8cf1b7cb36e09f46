import {
  type BinaryReadOptions,
  type BinaryWriteOptions,
  create,
  type DescMessage,
  type DescMethod,
  fromBinary,
  fromJsonString,
  isMessage,
  type JsonReadOptions,
  type JsonWriteOptions,
  type MessageInitShape,
  toBinary,
  toJsonString,
} from "@bufbuild/protobuf";
import { type BinaryEncoder, createBinaryEncoder } from "./binary-encoder.js";
import { Code } from "./code.js";
import { ConnectError } from "./connect-error.js";
import type { Format } from "./content-type.js";
import type { MessageCodec, MessageCodecs } from "./message-codec.js";
import { isOpaqueMessage } from "./opaque-service.js";

export type JsonOptions = Partial<JsonReadOptions & JsonWriteOptions>;
export type BinaryOptions = Partial<BinaryReadOptions & BinaryWriteOptions>;

/** A codec that can leave room in front of a message, so that an envelope costs no copy of it. */
export interface FormatCodec extends MessageCodec {
  /** @param reserve bytes to leave free in front */
  serializeAfter?(value: unknown, reserve: number): Uint8Array;
}

/** How one side of a method is written in each format. Errors are thrown as they come: the caller says in which role. */
export type FormatCodecs = Readonly<Record<Format, FormatCodec>>;

export interface MethodCodecs {
  input: FormatCodecs;
  output: FormatCodecs;
}

export interface SerializationOptions {
  binaryOptions?: BinaryOptions | undefined;
  jsonOptions?: JsonOptions | undefined;
  messages?: MessageCodecs | undefined;
}

const utf8Encoder = new TextEncoder();
// fatal: a JSON body that is no UTF-8 is an error, not a message with replacement characters.
const utf8Decoder = new TextDecoder("utf-8", { fatal: true });

/** The codecs of a method. Make them once per method, not per call. */
export function createMethodCodecs(method: DescMethod, options: SerializationOptions): MethodCodecs {
  const own = options.messages?.method(methodPath(method));
  return {
    input: createFormatCodecs(method.input, own?.input, options),
    output: createFormatCodecs(method.output, own?.output, options),
  };
}

/** `/pkg.Service/Method` */
export function methodPath(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}

function createFormatCodecs(
  desc: DescMessage,
  own: MessageCodec | undefined,
  options: SerializationOptions,
): FormatCodecs {
  const binary = binaryCodec(desc, options.binaryOptions);
  const json = isOpaqueMessage(desc) ? noJson : jsonCodec(desc, options.jsonOptions);
  if (own === undefined) return { proto: binary, json };
  return {
    proto: own,
    json: {
      serialize: (value) => json.serialize(binary.deserialize(own.serialize(value))),
      deserialize: (bytes) => own.deserialize(binary.serialize(json.deserialize(bytes))),
    },
  };
}

function binaryCodec(desc: DescMessage, options: BinaryOptions | undefined): FormatCodec {
  const deserialize = (bytes: Uint8Array) => fromBinary(desc, bytes, options);
  if (options?.writeUnknownFields === false) {
    return { serialize: (value) => toBinary(desc, messageFrom(desc, value), options), deserialize };
  }
  // Compiled when a message is written, not for every method that an application has.
  let encode: BinaryEncoder | undefined;
  const serializeAfter = (value: unknown, reserve: number) => {
    encode ??= createBinaryEncoder(desc);
    return encode(messageFrom(desc, value), reserve);
  };
  return { serialize: (value) => serializeAfter(value, 0), serializeAfter, deserialize };
}

function jsonCodec(desc: DescMessage, options: JsonOptions | undefined): MessageCodec {
  const merged = { ignoreUnknownFields: true, ...options };
  return {
    serialize: (value) => utf8Encoder.encode(toJsonString(desc, messageFrom(desc, value), merged)),
    deserialize: (bytes) => fromJsonString(desc, utf8Decoder.decode(bytes), merged),
  };
}

function refuseJson(): never {
  throw new ConnectError("JSON needs a descriptor, and this service has none: use binary messages", Code.Unimplemented);
}
const noJson: MessageCodec = { serialize: refuseJson, deserialize: refuseJson };

// Handlers may return an init object; a message is used as it is.
function messageFrom(desc: DescMessage, value: unknown) {
  return isMessage(value, desc) ? value : create(desc, value as MessageInitShape<DescMessage>);
}

/** A codec whose failures are ConnectErrors, as clients and servers report them: internal to write, `readCode` to read. */
export function guardCodec(codec: FormatCodec, readCode: Code = Code.InvalidArgument): FormatCodec {
  const { serializeAfter } = codec;
  return {
    serialize(value) {
      try {
        return codec.serialize(value);
      } catch (error) {
        throw ConnectError.from(error, Code.Internal);
      }
    },
    ...(serializeAfter && {
      serializeAfter(value: unknown, reserve: number) {
        try {
          return serializeAfter(value, reserve);
        } catch (error) {
          throw ConnectError.from(error, Code.Internal);
        }
      },
    }),
    deserialize(bytes) {
      try {
        return codec.deserialize(bytes);
      } catch (error) {
        throw ConnectError.from(error, readCode);
      }
    },
  };
}
