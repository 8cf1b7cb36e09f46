import { type DescField, type DescMessage, type Message, ScalarType, toBinary } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";
import { irregular, ScratchWriter } from "./scratch-writer.js";
import { isWrapperDesc } from "./well-known.js";

/** @param reserve bytes to leave free in front of the message; they are not zeroed */
export type BinaryEncoder = (message: Message, reserve: number) => Uint8Array;

/**
 * An encoder for messages of one type: the bytes of protobuf-es's `toBinary`, with a fraction of its allocations, and with
 * room in front for the prefix of an envelope. Where it is not certain of the bytes (a value of another type than the field's,
 * a required field that is missing, a type that it does not know) protobuf-es does the work, and throws what it throws.
 */
export function createBinaryEncoder(desc: DescMessage): BinaryEncoder {
  const write = writerOf(desc);
  return (message, reserve) => {
    if (busy || write === undefined) return encodeElsewhere(desc, message, reserve);
    busy = true;
    try {
      write(message);
      return writer.finish(reserve);
    } catch (reason) {
      writer.reset();
      if (reason !== irregular) throw reason;
    } finally {
      busy = false;
    }
    return encodeElsewhere(desc, message, reserve);
  };
}

function encodeElsewhere(desc: DescMessage, message: Message, reserve: number): Uint8Array {
  const bytes = toBinary(desc, message);
  if (reserve === 0) return bytes;
  const result = new Uint8Array(reserve + bytes.byteLength);
  result.set(bytes, reserve);
  return result;
}

const writer = new ScratchWriter();
/** A getter of a message could encode another one. */
let busy = false;

type Write = (value: unknown) => void;
type Properties = Record<string, unknown>;

/** Undefined: a type that is left to protobuf-es. */
const compiled = new WeakMap<DescMessage, { write: Write | undefined }>();

function writerOf(desc: DescMessage): Write | undefined {
  const known = compiled.get(desc);
  if (known !== undefined) return known.write;
  const supported = isSupported(desc, new Set());
  const entry = { write: supported ? compileMessage(desc) : undefined };
  compiled.set(desc, entry);
  return entry.write;
}

/** All types that a message can hold, or none. */
function isSupported(desc: DescMessage, seen: Set<DescMessage>): boolean {
  if (seen.has(desc)) return true;
  seen.add(desc);
  return desc.fields.every((field) => {
    if (longAsString(field)) return false;
    // A Struct is plain JSON where it is a field.
    if (field.message?.typeName === "google.protobuf.Struct" && desc.typeName !== "google.protobuf.Value") return false;
    if (field.fieldKind === "map" && !mapKeys.has(field.mapKey)) return false;
    return field.message === undefined || isSupported(field.message, seen);
  });
}

function longAsString(field: DescField): boolean {
  return (
    (field.fieldKind === "scalar" || (field.fieldKind === "list" && field.listKind === "scalar")) && field.longAsString
  );
}

function compileMessage(desc: DescMessage): Write {
  const { typeName } = desc;
  const fields: Write[] = [];
  const write: Write = (value) => {
    const message = value as Message;
    if (message.$typeName !== typeName) throw irregular;
    for (let i = 0; i < fields.length; i++) (fields[i] as Write)(message);
    const unknown = message.$unknown;
    if (unknown === undefined) return;
    for (const { no, wireType, data } of unknown) {
      writer.varint(tagOf(no, wireType));
      writer.raw(data);
    }
  };
  // Before its fields: they may hold the same type.
  compiled.set(desc, { write });
  for (const field of [...desc.fields].sort((a, b) => a.number - b.number)) fields.push(compileField(field));
  return write;
}

function compileField(field: DescField): Write {
  switch (field.fieldKind) {
    case "list":
      return compileList(field);
    case "map":
      return compileMap(field);
    default:
      return compileSingular(field);
  }
}

type Singular = DescField & { fieldKind: "scalar" | "enum" | "message" };

function compileSingular(field: Singular): Write {
  const name = field.localName;
  const write = compileValue(field);
  if (field.oneof !== undefined) {
    const oneof = field.oneof.localName;
    return (message) => {
      const chosen = (message as Properties)[oneof] as { case: string | undefined; value: unknown };
      if (chosen.case === name) write(chosen.value);
    };
  }
  if (field.presence !== implicit) {
    const required = field.presence === legacyRequired;
    return (message) => {
      const value = (message as Properties)[name];
      if (value !== undefined && Object.hasOwn(message as object, name)) write(value);
      else if (required) throw irregular;
    };
  }
  const isZero = zeroOf(field);
  return (message) => {
    const value = (message as Properties)[name];
    if (!isZero(value)) write(value);
  };
}

function zeroOf(field: Singular): (value: unknown) => boolean {
  if (field.fieldKind === "enum") {
    const zero = field.enum.values[0]?.number;
    return (value) => value === zero;
  }
  switch (field.scalar) {
    case ScalarType.BOOL:
      return (value) => value === false;
    case ScalarType.STRING:
      return (value) => value === "";
    case ScalarType.BYTES:
      return (value) => value instanceof Uint8Array && value.byteLength === 0;
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      // -0 is not the zero value.
      return (value) => Object.is(value, 0);
    default:
      return (value) => value === 0 || value === 0n;
  }
}

/** Tag and value of a field that is set. */
function compileValue(field: Singular): Write {
  if (field.fieldKind === "message") {
    const unwrapped = field.oneof === undefined && isWrapperDesc(field.message);
    return unwrapped
      ? compileWrapper(field.number, field.message)
      : compileChild(field.number, field.message, field.delimitedEncoding);
  }
  const type = field.fieldKind === "enum" ? ScalarType.INT32 : field.scalar;
  const tag = tagOf(field.number, wireTypeOf(type));
  const write = scalarWriters[type];
  return (value) => {
    writer.varint(tag);
    write(value);
  };
}

/** A google.protobuf.*Value is its bare value where it is a singular field. */
function compileWrapper(number: number, desc: DescMessage): Write {
  const write = compileSingular(desc.fields[0] as Singular);
  const name = (desc.fields[0] as DescField).localName;
  const tag = tagOf(number, WireType.LengthDelimited);
  return (value) => {
    writer.varint(tag);
    writer.fork();
    write({ [name]: value });
    writer.join();
  };
}

function compileChild(number: number, desc: DescMessage, delimited: boolean): Write {
  const write = compiled.get(desc)?.write ?? compileMessage(desc);
  if (delimited) {
    const start = tagOf(number, WireType.StartGroup);
    const end = tagOf(number, WireType.EndGroup);
    return (value) => {
      if (value === undefined) throw irregular;
      writer.varint(start);
      write(value);
      writer.varint(end);
    };
  }
  const tag = tagOf(number, WireType.LengthDelimited);
  return (value) => {
    if (value === undefined) throw irregular;
    writer.varint(tag);
    writer.fork();
    write(value);
    writer.join();
  };
}

function compileList(field: DescField & { fieldKind: "list" }): Write {
  const name = field.localName;
  const itemsOf = (message: unknown) => (message as Properties)[name] as unknown[];
  if (field.listKind === "message") {
    const write = compileChild(field.number, field.message, field.delimitedEncoding);
    return (message) => {
      const items = itemsOf(message);
      for (let i = 0; i < items.length; i++) write(items[i]);
    };
  }
  const type = field.listKind === "enum" ? ScalarType.INT32 : field.scalar;
  const write = scalarWriters[type];
  if (field.packed) {
    const tag = tagOf(field.number, WireType.LengthDelimited);
    return (message) => {
      const items = itemsOf(message);
      if (items.length === 0) return;
      writer.varint(tag);
      writer.fork();
      for (let i = 0; i < items.length; i++) write(items[i]);
      writer.join();
    };
  }
  const tag = tagOf(field.number, wireTypeOf(type));
  return (message) => {
    const items = itemsOf(message);
    for (let i = 0; i < items.length; i++) {
      writer.varint(tag);
      write(items[i]);
    }
  };
}

function compileMap(field: DescField & { fieldKind: "map" }): Write {
  const name = field.localName;
  const tag = tagOf(field.number, WireType.LengthDelimited);
  const keyTag = tagOf(1, wireTypeOf(field.mapKey));
  const writeKey = scalarWriters[field.mapKey];
  const keyOf = mapKeys.get(field.mapKey) as (key: string) => unknown;
  let writeValue: Write;
  if (field.mapKind === "message") {
    const write = compiled.get(field.message)?.write ?? compileMessage(field.message);
    writeValue = (value) => {
      if (value === undefined) throw irregular;
      writer.varint(tagOf(2, WireType.LengthDelimited));
      writer.fork();
      write(value);
      writer.join();
    };
  } else {
    const type = field.mapKind === "enum" ? ScalarType.INT32 : field.scalar;
    const valueTag = tagOf(2, wireTypeOf(type));
    const write = scalarWriters[type];
    writeValue = (value) => {
      writer.varint(valueTag);
      write(value);
    };
  }
  return (message) => {
    const entries = (message as Properties)[name] as Properties;
    for (const key of Object.keys(entries)) {
      writer.varint(tag);
      writer.fork();
      writer.varint(keyTag);
      writeKey(keyOf(key));
      writeValue(entries[key]);
      writer.join();
    }
  };
}

// google.protobuf.FeatureSet.FieldPresence
const implicit = 2;
const legacyRequired = 3;

function tagOf(number: number, wireType: WireType): number {
  return ((number << 3) | wireType) >>> 0;
}

function wireTypeOf(type: ScalarType): WireType {
  switch (type) {
    case ScalarType.BYTES:
    case ScalarType.STRING:
      return WireType.LengthDelimited;
    case ScalarType.DOUBLE:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return WireType.Bit64;
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return WireType.Bit32;
    default:
      return WireType.Varint;
  }
}

const scalarWriters: Record<ScalarType, Write> = {
  [ScalarType.DOUBLE]: (value) => writer.double(value),
  [ScalarType.FLOAT]: (value) => writer.float(value),
  [ScalarType.INT64]: (value) => writer.int64(value),
  [ScalarType.UINT64]: (value) => writer.uint64(value),
  [ScalarType.INT32]: (value) => writer.int32(value),
  [ScalarType.FIXED64]: (value) => writer.fixed64(value),
  [ScalarType.FIXED32]: (value) => writer.fixed32(value),
  [ScalarType.BOOL]: (value) => writer.bool(value),
  [ScalarType.STRING]: (value) => writer.string(value),
  [ScalarType.BYTES]: (value) => writer.bytes(value),
  [ScalarType.UINT32]: (value) => writer.uint32(value),
  [ScalarType.SFIXED32]: (value) => writer.sfixed32(value),
  [ScalarType.SFIXED64]: (value) => writer.sfixed64(value),
  [ScalarType.SINT32]: (value) => writer.sint32(value),
  [ScalarType.SINT64]: (value) => writer.sint64(value),
};

/** Keys of maps are strings in JavaScript. Of 64 bits: left to protobuf-es. */
const numberKey = (key: string) => Number.parseInt(key, 10);
const mapKeys = new Map<ScalarType, (key: string) => unknown>([
  [ScalarType.STRING, (key) => key],
  [ScalarType.BOOL, (key) => (key === "true" ? true : key === "false" ? false : key)],
  [ScalarType.INT32, numberKey],
  [ScalarType.UINT32, numberKey],
  [ScalarType.SINT32, numberKey],
  [ScalarType.FIXED32, numberKey],
  [ScalarType.SFIXED32, numberKey],
]);
