import type { DescField, DescMessage, MessageShape } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import { explicitSchema, whole } from "./explicit-presence.js";

/** The options that the protos were loaded with. */
export interface ProtoLoaderObjectOptions {
  /** False: what is not set is left out, of a message that says so (see `explicitPresence`). Default: true. */
  readonly defaults?: boolean;
  /** Without defaults: a list without elements is an empty one, a map without entries likewise. Default: false. */
  readonly arrays?: boolean;
  readonly objects?: boolean;
  /** Names as in the .proto. Default: false, camel case. */
  readonly keepCase?: boolean;
  /** String or Number: what a 64-bit integer is. Default: String. */
  readonly longs?: StringConstructor | NumberConstructor;
  /** String: an enum value is its name, if it has one. Default: its number. */
  readonly enums?: StringConstructor;
  /** String: bytes are base64. Default: a Buffer. */
  readonly bytes?: StringConstructor;
  /** A oneof has a property that names the member that is set. Default: false. */
  readonly oneofs?: boolean;
}

/**
 * The plain object that `@grpc/proto-loader` gave for this message, for code that logs it or hands it on as JSON: its keys in
 * their order, the defaults of what is not set, null for a message that is not there, bytes as Buffer. proto3 only. Undefined
 * and null stay what they are. What `Message.toObject(message, { …, defaults: true })` of pbjs's code gives is the same.
 */
export function protoLoaderObject<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc> | undefined | null,
  options: ProtoLoaderObjectOptions = {},
  // biome-ignore lint/suspicious/noExplicitAny: what the old code took it for; a descriptor does not know.
): any {
  if (!message) return message;
  if (options.defaults !== false) return objectOf(reflect(schema, message), options);
  const explicit = explicitSchema(schema);
  return objectOf(reflect(explicit, whole(explicit, message) as MessageShape<Desc>), options);
}

function objectOf(of: ReflectMessage, options: ProtoLoaderObjectOptions): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  const put = (key: string, value: unknown) =>
    Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  const fields = of.desc.fields.toSorted((a, b) => a.number - b.number);
  const isDefaulted = (field: DescField) => {
    if (field.oneof || isOptional(field)) return false;
    if (options.defaults !== false) return true;
    return (field.fieldKind === "list" && options.arrays) || (field.fieldKind === "map" && options.objects);
  };
  // protobufjs puts the defaults first, lists before maps before the others, and then whatever is set and has none.
  for (const kind of ["list", "map", undefined])
    for (const field of fields) {
      if (!isDefaulted(field)) continue;
      if (kind === undefined ? /^(list|map)$/.test(field.fieldKind) : field.fieldKind !== kind) continue;
      put(keyOfField(field, options), shown(of, field, options));
    }
  for (const field of fields) {
    if (isDefaulted(field) || !of.isSet(field)) continue;
    put(keyOfField(field, options), shown(of, field, options));
    if (!options.oneofs || !(field.oneof || isOptionalInProto(field))) continue;
    const choice = field.oneof?.name ?? `_${field.name}`;
    put(options.keepCase ? choice : camelCase(choice), keyOfField(field, options));
  }
  return object;
}

/** `optional` of a scalar or an enum: for protobufjs a oneof with one member. */
function isOptional(field: DescField): boolean {
  return field.proto.proto3Optional && field.presence === FeatureSet_FieldPresence.EXPLICIT;
}

/** The same where all fields have explicit presence: the .proto gave this one a oneof. */
function isOptionalInProto(field: DescField): boolean {
  return isOptional(field) && Object.hasOwn(field.proto, "oneofIndex");
}

function shown(of: ReflectMessage, field: DescField, options: ProtoLoaderObjectOptions): unknown {
  switch (field.fieldKind) {
    case "message":
      return of.isSet(field) ? objectOf(of.get(field), options) : null;
    case "list":
      return Array.from(of.get(field), (item) => one(item, field, options));
    case "map":
      return Object.fromEntries(Array.from(of.get(field), ([key, value]) => [key, one(value, field, options)]));
    default:
      return one(of.get(field), field, options);
  }
}

function one(value: unknown, field: DescField, options: ProtoLoaderObjectOptions): unknown {
  if (typeof value === "object" && value !== null && "desc" in value) return objectOf(value as ReflectMessage, options);
  if (value instanceof Uint8Array) return options.bytes ? Buffer.from(value).toString("base64") : Buffer.from(value);
  if (typeof value === "bigint") return (options.longs ?? String)(value);
  const desc = "enum" in field ? field.enum : undefined;
  if (desc && options.enums && typeof value === "number") return desc.value[value]?.name ?? value;
  if ("longAsString" in field && field.longAsString && options.longs === Number) return Number(value);
  return value;
}

/** The name that a field has in the objects of proto-loader. */
export function keyOfField(field: DescField, options: Pick<ProtoLoaderObjectOptions, "keepCase">): string {
  // protobufjs has an Any of its own, which keeps the case, and a Value, which does not.
  const { typeName } = field.parent;
  const isKept = options.keepCase && typeName !== "google.protobuf.Value";
  return isKept || typeName === "google.protobuf.Any" ? field.name : camelCase(field.name);
}

function camelCase(name: string): string {
  return name.slice(0, 1) + name.slice(1).replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
