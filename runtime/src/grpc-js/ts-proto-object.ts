import type { DescField, DescMessage, MessageShape } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { FeatureSet_FieldPresence, isWrapperDesc } from "@bufbuild/protobuf/wkt";

/** The options that ts-proto generated the code with. */
export interface TsProtoOptions {
  /** Names as in the .proto (`snakeToCamel=false`). Default: false, camel case. */
  readonly keepCase?: boolean;
  /** What a 64-bit integer is (`forceLong`). Default: Number. */
  readonly longs?: NumberConstructor | StringConstructor | BigIntConstructor;
  /** A Timestamp is a message (`useDate=false`). Default: false, a Date. */
  readonly timestamps?: boolean;
  /**
   * Bytes are a Buffer (`env=node`); "received": unless they are not set, as in a message that was decoded from a Buffer.
   * Default: false, a Uint8Array.
   */
  readonly buffers?: boolean | "received";
  /**
   * A oneof is one property (`oneof=unions`): `{ $case, [name]: value }` with "name", `{ $case, value }` with "value". Default:
   * each member is a property.
   */
  readonly unions?: "name" | "value";
  /** An enum's value is its name (`stringEnums`), "UNRECOGNIZED" where the .proto has none. Default: Number. */
  readonly enums?: NumberConstructor | StringConstructor;
}

/**
 * The plain object that ts-proto's `decode` gave for this message, for code that logs it or hands it on as JSON: its keys in
 * their order, undefined for what is not there. proto3 only. Undefined and null stay what they are.
 */
export function tsProtoObject<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc> | undefined | null,
  options: TsProtoOptions = {},
  // biome-ignore lint/suspicious/noExplicitAny: what the old code took it for; a descriptor does not know.
): any {
  return message && objectOf(reflect(schema, message), options);
}

/**
 * What `Message.toJSON(message)` of ts-proto's code gave: names of enum values ("UNRECOGNIZED" for others), bytes in base64,
 * dates in ISO 8601, 64-bit integers as the option `longs` has them, and nothing for defaults. proto3 only.
 */
export function tsProtoJson<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
  options: TsProtoOptions = {},
): unknown {
  return jsonOf(reflect(schema, message), options);
}

type Put = (key: string, value: unknown) => void;

function putting(object: Record<string, unknown>): Put {
  return (key, value) =>
    Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
}

function objectOf(of: ReflectMessage, options: TsProtoOptions): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  const put = putting(object);
  for (const field of of.desc.fields) {
    const { oneof } = field;
    if (!oneof || !options.unions) {
      put(keyOf(field, options), canBeAbsent(field) && !of.isSet(field) ? undefined : shown(of, field, options));
      continue;
    }
    if (field !== oneof.fields[0]) continue;
    const chosen = of.oneofCase(oneof);
    const name = chosen && keyOf(chosen, options);
    put(
      options.keepCase ? oneof.name : oneof.localName,
      chosen && { $case: name, [options.unions === "value" ? "value" : `${name}`]: shown(of, chosen, options) },
    );
  }
  return object;
}

/** What a field holds, alone, in a list or in a map, made into something else one by one. */
function mapped(of: ReflectMessage, field: DescField, each: (value: unknown) => unknown): unknown {
  switch (field.fieldKind) {
    case "list":
      return Array.from(of.get(field), each);
    case "map":
      return Object.fromEntries(Array.from(of.get(field), ([key, value]) => [key, each(value)]));
    default:
      return each(of.get(field));
  }
}

function shown(of: ReflectMessage, field: DescField, options: TsProtoOptions): unknown {
  if (isOf(field, "Struct")) return held(of, field);
  return mapped(of, field, (value) => (isReflected(value) ? part(value, options) : scalar(value, field, options)));
}

function part(of: ReflectMessage, options: TsProtoOptions): unknown {
  if (isWrapperDesc(of.desc)) return shown(of, of.desc.fields[0] as DescField, options);
  if (of.desc.typeName === "google.protobuf.FieldMask") return pathsOf(of);
  return isDate(of, options) ? dateOf(of) : objectOf(of, options);
}

function scalar(value: unknown, field: DescField, options: TsProtoOptions): unknown {
  if (value instanceof Uint8Array) {
    const isUnset = options.buffers === "received" && value.length === 0 && !canBeAbsent(field) && isSingle(field);
    return options.buffers && !isUnset ? Buffer.from(value) : value;
  }
  if (typeof value === "number" && options.enums === String && "enum" in field && field.enum)
    return field.enum.value[value]?.name ?? "UNRECOGNIZED";
  if (typeof value !== "bigint") return value;
  return "longAsString" in field && field.longAsString ? String(value) : (options.longs ?? Number)(value);
}

function jsonOf(of: ReflectMessage, options: TsProtoOptions): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  const put = putting(object);
  for (const field of of.desc.fields) {
    // -0 is a default there.
    if (!of.isSet(field) || (!canBeAbsent(field) && of.get(field) === 0)) continue;
    put(keyOf(field, options), json(of, field, options));
  }
  return object;
}

function json(of: ReflectMessage, field: DescField, options: TsProtoOptions): unknown {
  if (isOf(field, "Struct")) return held(of, field);
  return mapped(of, field, (value) =>
    isReflected(value) ? jsonPart(value, options) : jsonScalar(value, field, options),
  );
}

function jsonPart(of: ReflectMessage, options: TsProtoOptions): unknown {
  if (isWrapperDesc(of.desc)) return json(of, of.desc.fields[0] as DescField, options);
  if (of.desc.typeName === "google.protobuf.FieldMask") return pathsOf(of).join();
  return of.desc.typeName === "google.protobuf.Timestamp" ? dateOf(of).toISOString() : jsonOf(of, options);
}

function jsonScalar(value: unknown, field: DescField, options: TsProtoOptions): unknown {
  const desc = "enum" in field ? field.enum : undefined;
  if (desc && typeof value === "number") return desc.value[value]?.name ?? "UNRECOGNIZED";
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (typeof value === "number" && !Number.isFinite(value)) return String(value);
  const plain = scalar(value, field, options);
  return typeof plain === "bigint" ? String(plain) : plain;
}

/** What a message has for a field; with reflection, a Struct is a message. */
function held({ message }: ReflectMessage, { oneof, localName }: DescField): unknown {
  const fields = message as unknown as Record<string, unknown>;
  return oneof ? (fields[oneof.localName] as { value?: unknown }).value : fields[localName];
}

function isOf(field: DescField, name: string): boolean {
  return "message" in field && field.message?.typeName === `google.protobuf.${name}`;
}

function pathsOf({ message }: ReflectMessage): string[] {
  return (message as unknown as { paths: string[] }).paths;
}

function isReflected(value: unknown): value is ReflectMessage {
  return typeof value === "object" && value !== null && "desc" in value;
}

function isDate(of: ReflectMessage, options: TsProtoOptions): boolean {
  return of.desc.typeName === "google.protobuf.Timestamp" && !options.timestamps;
}

function dateOf(of: ReflectMessage): Date {
  const { seconds, nanos } = of.message as unknown as { seconds: bigint; nanos: number };
  return new Date(Number(seconds) * 1000 + nanos / 1_000_000);
}

function isSingle(field: DescField): boolean {
  return field.fieldKind !== "list" && field.fieldKind !== "map";
}

/** Is a field that is not set undefined? */
function canBeAbsent(field: DescField): boolean {
  return field.presence === FeatureSet_FieldPresence.EXPLICIT;
}

function keyOf(field: DescField, options: TsProtoOptions): string {
  return options.keepCase ? field.name : field.localName.replace(/\$$/, "");
}
