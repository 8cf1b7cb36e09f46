import {
  create,
  type DescEnum,
  type DescField,
  type DescMessage,
  type MessageShape,
  ScalarType,
} from "@bufbuild/protobuf";
import { type Struct, StructSchema, ValueSchema } from "@bufbuild/protobuf/wkt";
import { isWrapperDesc } from "../well-known.js";
import { explicitSchema } from "./explicit-presence.js";
import { longOf } from "./int64-from-long.js";
import { keyOfField, type ProtoLoaderObjectOptions } from "./proto-loader-object.js";
import { jsonOfStruct } from "./struct-message.js";

type Options = Pick<ProtoLoaderObjectOptions, "keepCase" | "defaults">;

/**
 * The message that `@grpc/proto-loader` encoded for an object of any origin, a row or parsed JSON: fields by their names,
 * converted as protobufjs converts them (`Type.fromObject`), everything else left out. What protobufjs refuses becomes a message
 * that throws when it is encoded, as the object did. Of a oneof it has the member with the highest number, which comes last in
 * what was encoded. A promise, which a handler may give, becomes one of the message. proto3 without Any and maps whose keys are
 * neither strings nor numbers of 32 bits.
 */
export function protoLoaderMessage<Desc extends DescMessage>(
  schema: Desc,
  object: unknown,
  options: Options = {},
): MessageShape<Desc> {
  if (isPromise(object))
    return object.then((one) => protoLoaderMessage(schema, one, options)) as unknown as MessageShape<Desc>;
  try {
    if (Array.isArray(object))
      throw new Error(`Failed to serialize message: expected object with ${schema.name} structure, got array instead`);
    return messageOf(schema, object, options) as MessageShape<Desc>;
  } catch (error) {
    return failing(schema, error);
  }
}

/** The same as `Message.fromObject(object)` of pbjs's code, which throws at once. */
export function protobufjsMessage<Desc extends DescMessage>(
  schema: Desc,
  object: unknown,
  options: Pick<Options, "keepCase"> = {},
): MessageShape<Desc> {
  return messageOf(schema, object, options) as MessageShape<Desc>;
}

/** The same for a field: undefined, which leaves it unset, where there is no object. */
export function protoLoaderField<Desc extends DescMessage>(
  schema: Desc,
  object: unknown,
  options: Options = {},
): MessageShape<Desc> | undefined {
  if (object === undefined || object === null) return undefined;
  try {
    return messageOf(schema, object, options) as MessageShape<Desc>;
  } catch (error) {
    return failing(schema, error);
  }
}

/** The same for a list of messages. */
export function protoLoaderList<Desc extends DescMessage>(
  schema: Desc,
  list: unknown,
  options: Options = {},
): MessageShape<Desc>[] {
  if (!list) return [];
  if (!Array.isArray(list)) return [failing(schema, new TypeError(`.${schema.typeName}[]: array expected`))];
  try {
    return Array.from(list, (object) => messageOf(schema, object, options) as MessageShape<Desc>);
  } catch (error) {
    return [failing(schema, error)];
  }
}

/** The same for the value of an enum: a number, or the name of one; undefined for anything else, which is left out. */
export function protoLoaderEnum(desc: DescEnum, value: unknown): number | undefined {
  if (typeof value === "number") return value | 0;
  return desc.values.find(({ name }) => name === value)?.number;
}

type Values = Record<string, unknown>;

function messageOf(schema: DescMessage, object: unknown, options: Options): Values {
  const message = create(options.defaults === false ? explicitSchema(schema) : schema) as unknown as Values;
  if (schema.fields.length === 0) return message;
  assertObject(object, schema.typeName);
  for (const field of schema.fields) {
    const key = keyOfField(field, options);
    const value = fieldValue(field, object[key], options, `${schema.typeName}.${key}`);
    if (value === undefined) continue;
    if (!field.oneof) message[field.localName] = value;
    else if (isAfter(field, message)) message[field.oneof.localName] = { case: field.localName, value };
  }
  return message;
}

/** A key of a map as it is written: 32 bits of a number. */
function keyOfEntry(field: DescField & { readonly fieldKind: "map" }, key: string): string {
  if (field.mapKey === ScalarType.STRING) return key;
  const isUnsigned = field.mapKey === ScalarType.UINT32 || field.mapKey === ScalarType.FIXED32;
  return String(isUnsigned ? Number(key) >>> 0 : Number(key) | 0);
}

function isPromise(object: unknown): object is PromiseLike<unknown> {
  return typeof object === "object" && typeof (object as Partial<PromiseLike<unknown>> | null)?.then === "function";
}

/** Is a member of a oneof encoded after the one that is set? */
function isAfter({ number, oneof }: DescField, message: Values): boolean {
  const set = message[oneof?.localName ?? ""] as { readonly case?: string };
  return number > (oneof?.fields.find((one) => one.localName === set.case)?.number ?? 0);
}

function fieldValue(field: DescField, given: unknown, options: Options, name: string): unknown {
  switch (field.fieldKind) {
    case "list": {
      if (!given) return undefined;
      if (!Array.isArray(given)) throw new TypeError(`.${name}: array expected`);
      // protobufjs takes the first value of an enum for one that it does not know.
      const first = field.enum?.values[0]?.number;
      const values = Array.from(given, (one) => converted(field, one, options, name) ?? first);
      // What is left out at the end is no element; a hole cannot be encoded.
      const end = values.findLastIndex((one) => one !== undefined) + 1;
      if (values.slice(0, end).includes(undefined)) throw new TypeError(`.${name}: unexpected element`);
      return values.slice(0, end);
    }
    case "map": {
      if (!given) return undefined;
      assertObject(given, name);
      const map: Values = {};
      for (const key of Object.keys(given)) {
        const value = converted(field, given[key], options, name);
        if (value !== undefined)
          Object.defineProperty(map, keyOfEntry(field, key), {
            value,
            enumerable: true,
            configurable: true,
            writable: true,
          });
      }
      return map;
    }
    default: {
      if (given === undefined || given === null) return undefined;
      const value = converted(field, given, options, name);
      const isUnwrapped = field.fieldKind === "message" && !field.oneof && isWrapperDesc(field.message);
      return isUnwrapped ? (value as { readonly value: unknown }).value : value;
    }
  }
}

/** One value; undefined is one that protobufjs leaves out. */
function converted(field: DescField, given: unknown, options: Options, name: string): unknown {
  if (field.message) {
    assertObject(given, name);
    const message = messageOf(field.message, given, options);
    return isStructField(field) ? jsonOfStruct(message as unknown as Struct) : message;
  }
  if (field.enum) return protoLoaderEnum(field.enum, given);
  const value = given as number;
  switch ("scalar" in field ? field.scalar : undefined) {
    case ScalarType.STRING:
      return String(value);
    case ScalarType.BOOL:
      return Boolean(value);
    case ScalarType.DOUBLE:
      return Number(value);
    case ScalarType.FLOAT:
      // protobuf-es refuses what is too large for single precision.
      return Number.isFinite(Math.fround(Number(value))) ? Number(value) : Math.fround(Number(value));
    case ScalarType.INT32:
    case ScalarType.SINT32:
    case ScalarType.SFIXED32:
      return value | 0;
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return value >>> 0;
    case ScalarType.BYTES:
      return bytesOf(given);
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return long(field, longOf(given, true));
    default:
      return long(field, longOf(given));
  }
}

function long(field: DescField, value: bigint): bigint | string {
  return "longAsString" in field && field.longAsString ? String(value) : value;
}

/** A field of google.protobuf.Struct holds JSON, but for the one of google.protobuf.Value. */
function isStructField({ message, parent }: DescField): boolean {
  return message?.typeName === StructSchema.typeName && parent.typeName !== ValueSchema.typeName;
}

/** A string is base64; whatever else has a length is a list of bytes. */
function bytesOf(given: unknown): Uint8Array | undefined {
  if (typeof given === "string") {
    if (!/^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}={0,2}|[A-Za-z0-9+/]{3}=?)?$/.test(given))
      throw new Error("invalid encoding");
    return new Uint8Array(Buffer.from(given, "base64"));
  }
  const list = given as ArrayLike<number>;
  if (!(list.length >= 0)) return undefined;
  return list instanceof Uint8Array ? list : Uint8Array.from(list);
}

function assertObject(given: unknown, name: string): asserts given is Values {
  if (typeof given !== "object" || given === null) throw new TypeError(`.${name}: object expected`);
}

/** Whoever encodes it reads its first field, or what it has instead of fields. */
function failing<Desc extends DescMessage>(schema: Desc, error: unknown): MessageShape<Desc> {
  const [field] = schema.fields;
  const get = () => {
    throw error;
  };
  return Object.defineProperty(create(schema), field?.oneof?.localName ?? field?.localName ?? "$unknown", { get });
}
