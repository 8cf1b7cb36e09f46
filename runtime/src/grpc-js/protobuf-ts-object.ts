import type { DescField, DescMessage, MessageShape } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import { isWrapperDesc } from "../well-known.js";
import { cameWith } from "./remembered-presence.js";

/** The options that protobuf-ts generated the code with. */
export interface ProtobufTsObjectOptions {
  /** What a 64-bit integer is (`long_type_string`, `long_type_number`). Default: BigInt. */
  readonly longs?: NumberConstructor | StringConstructor;
}

/**
 * The object that protobuf-ts's `fromBinary` made of this message from a Buffer, for code that logs it: its prototype, its keys in
 * their order, and its unknown fields. What of it depends on what was sent, `rememberedPresence` knows. Undefined and null stay what they are.
 */
export function protobufTsObject<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc> | undefined | null,
  options: ProtobufTsObjectOptions = {},
  // biome-ignore lint/suspicious/noExplicitAny: what the old code took it for; a descriptor does not know.
): any {
  return message && createdObject(reflect(schema, message), options);
}

/** Where generated code and the program read fields that protobuf-ts does not know. */
const UNKNOWN_FIELDS = Symbol.for("protobuf-ts/unknown");

type Presence = ReturnType<typeof cameWith>;

function createdObject(of: ReflectMessage, options: ProtobufTsObjectOptions, came: Presence = cameWith(of.message)) {
  const object: object = Object.create(Object.create(null));
  const put = (key: PropertyKey, value: unknown) =>
    Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  for (const field of of.desc.fields) {
    const { oneof } = field;
    if (!oneof && !isExplicit(field)) put(field.localName, createdValue(of, field, options, came));
    if (!oneof || field !== oneof.fields[0]) continue;
    const chosen = of.oneofCase(oneof);
    const member = chosen && { [chosen.localName]: createdValue(of, chosen, options, came) };
    put(oneof.localName, { oneofKind: chosen?.localName, ...member });
  }
  // What a message does not have from the start comes in the order in which it came.
  const places = new Map([...(came?.keys() ?? [])].map((number, index) => [number, index]));
  const place = ({ number }: DescField) => places.get(number) ?? Number.MAX_SAFE_INTEGER;
  const others = of.desc.fields.filter((field) => !field.oneof && isExplicit(field) && of.isSet(field));
  for (const field of others.toSorted((a, b) => place(a) - place(b) || a.number - b.number))
    put(field.localName, createdValue(of, field, options, came));
  const unknown = of.message.$unknown?.map((field) => ({ ...field, data: Buffer.from(field.data) }));
  if (unknown && unknown.length > 0) put(UNKNOWN_FIELDS, unknown);
  return object;
}

/** Messages and fields that are `optional`. */
function isExplicit(field: DescField): boolean {
  if (field.fieldKind === "message") return true;
  const isPlain = field.fieldKind === "scalar" || field.fieldKind === "enum";
  return isPlain && field.presence === FeatureSet_FieldPresence.EXPLICIT;
}

function createdValue(of: ReflectMessage, field: DescField, options: ProtobufTsObjectOptions, came: Presence): unknown {
  const one = (value: unknown) => {
    if (typeof value === "object" && value !== null && "desc" in value) {
      const part = value as ReflectMessage;
      return createdObject(part, options, cameWith(part.message));
    }
    if (value instanceof Uint8Array) return Buffer.from(value);
    return typeof value === "bigint" && options.longs ? options.longs(value) : value;
  };
  switch (field.fieldKind) {
    case "list":
      return Array.from(of.get(field), one);
    case "map":
      return Object.fromEntries(Array.from(of.get(field), ([key, value]) => [key, one(value)]));
    case "message": {
      const isUnwrapped = !field.oneof && isWrapperDesc(field.message);
      if (!isUnwrapped) return one(of.get(field));
      const hasValue = came?.get(field.number) === 1;
      return createdObject(of.get(field), options, hasValue ? new Map([[1, 1]]) : undefined);
    }
    default: {
      const value = of.get(field);
      const isUnset = !field.oneof && !isExplicit(field) && !came?.has(field.number);
      // Bytes that were not sent are those of `create`.
      return value instanceof Uint8Array && value.length === 0 && isUnset ? value : one(value);
    }
  }
}
