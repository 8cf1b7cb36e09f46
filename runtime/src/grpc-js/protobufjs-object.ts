import { type DescField, type DescMessage, type MessageShape, ScalarType } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { isWrapperDesc } from "../well-known.js";
import { keyOfField } from "./proto-loader-object.js";
import { cameWith } from "./remembered-presence.js";

/** The options that `toObject` of pbjs's code was called with. */
export interface ProtobufjsObjectOptions {
  /** Names as in the .proto (`--keep-case`). Default: false, camel case. */
  readonly keepCase?: boolean;
  /** String or Number: what a 64-bit integer is. Default: what looks like a Long. */
  readonly longs?: StringConstructor | NumberConstructor;
  /** String: an enum value is its name, if it has one. Default: its number. */
  readonly enums?: StringConstructor;
  /** String: bytes are base64. Default: a Buffer. */
  readonly bytes?: StringConstructor;
  /** A list without elements is an empty one, a map without entries likewise. Default: false, left out. */
  readonly arrays?: boolean;
  readonly objects?: boolean;
  /** A oneof has a property that names the member that is set. Default: false. */
  readonly oneofs?: boolean;
  /** A number that JSON does not have is its name. Default: false. */
  readonly json?: boolean;
}

/** What pbjs's `toJSON` passes to `toObject`. */
const JSON_OPTIONS = { longs: String, enums: String, bytes: String, json: true } as const;

/**
 * The plain object that `Message.toObject(message, options)` of pbjs's code, without `defaults: true`, gave for a received message: what was sent, a
 * zero as well, as `rememberedPresence` of its service or client knows.
 */
export function protobufjsObject<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
  options: ProtobufjsObjectOptions = {},
  // biome-ignore lint/suspicious/noExplicitAny: what the old code took it for; a descriptor does not know.
): any {
  return sentObject(reflect(schema, message), options);
}

/** The plain object that `message.toJSON()` of pbjs's code gave; see `protobufjsObject`. Undefined and null stay what they are. */
export function protobufjsJson<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc> | undefined | null,
  options: Pick<ProtobufjsObjectOptions, "keepCase"> = {},
  // biome-ignore lint/suspicious/noExplicitAny: see above
): any {
  return message && sentObject(reflect(schema, message), { ...options, ...JSON_OPTIONS });
}

/**
 * What looks like the object of pbjs's class for a received message, to whoever logs it: the name of the class, its own properties in
 * their order, `toJSON`. See `protobufjsObject`. Undefined and null stay what they are.
 */
export function protobufjsView<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc> | undefined | null,
  options: Pick<ProtobufjsObjectOptions, "keepCase"> = {},
  // biome-ignore lint/suspicious/noExplicitAny: see above
): any {
  return message && viewOf(reflect(schema, message), options);
}

function viewOf(of: ReflectMessage, options: ProtobufjsObjectOptions, came = cameWith(of.message)): object {
  const view = namedObject(of.desc);
  const make = (part: ReflectMessage, partCame: CameWith) => viewOf(part, options, partCame);
  for (const field of of.desc.fields)
    if (isMany(field)) define(view, propertyKey(field, options), sentValue(of, field, came, options, make));
  const fields = sentFields(of, came);
  const places = came && new Map([...came.keys()].map((number, index) => [number, index]));
  if (places) fields.sort((a, b) => (places.get(a.number) ?? Infinity) - (places.get(b.number) ?? Infinity));
  for (const field of fields)
    if (!isMany(field)) define(view, propertyKey(field, options), sentValue(of, field, came, options, make));
  const toJSON = () => sentObject(of, { ...options, ...JSON_OPTIONS }, came);
  Object.defineProperty(view, "toJSON", { value: toJSON, enumerable: false });
  return view;
}

/** What `rememberedPresence` knows of a message. */
type CameWith = ReturnType<typeof cameWith>;

type Make = (part: ReflectMessage, came: CameWith) => object;

function sentObject(of: ReflectMessage, options: ProtobufjsObjectOptions, came = cameWith(of.message)): object {
  const object = {};
  const make: Make = (part, partCame) => sentObject(part, options, partCame);
  for (const kind of ["list", "map"] as const)
    for (const field of inOrder(of.desc))
      if (field.fieldKind === kind && (kind === "list" ? options.arrays : options.objects))
        define(object, propertyKey(field, options), kind === "list" ? [] : {});
  for (const field of sentFields(of, came)) {
    const key = propertyKey(field, options);
    define(object, key, sentValue(of, field, came, options, make));
    const choice = field.oneof?.name ?? (field.proto.proto3Optional ? `_${field.name}` : undefined);
    if (options.oneofs && choice !== undefined) define(object, choiceKey(choice, options), key);
  }
  return object;
}

function propertyKey(field: DescField, options: ProtobufjsObjectOptions): string {
  // protobufjs has a Struct of its own, which is in camel case.
  const isStruct = field.parent.file.proto.name === "google/protobuf/struct.proto";
  return keyOfField(field, isStruct ? {} : options);
}

function choiceKey(name: string, { keepCase }: ProtobufjsObjectOptions): string {
  if (keepCase) return name;
  return name.slice(0, 1) + name.slice(1).replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function define(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
}

function isMany(field: DescField): boolean {
  return field.fieldKind === "list" || field.fieldKind === "map";
}

function inOrder(desc: DescMessage): DescField[] {
  return desc.fields.toSorted((a, b) => a.number - b.number);
}

/** The fields that were sent, or are not at their default; lists and maps with something in them. */
function sentFields(of: ReflectMessage, came: CameWith): DescField[] {
  return inOrder(of.desc).filter((field) => {
    if (of.isSet(field)) return true;
    return !isMany(field) && !field.oneof && field.fieldKind !== "message" && came?.has(field.number) === true;
  });
}

function sentValue(
  of: ReflectMessage,
  field: DescField,
  came: CameWith,
  options: ProtobufjsObjectOptions,
  make: Make,
): unknown {
  const one = (value: unknown) =>
    isReflected(value) ? make(value, cameWith(value.message)) : plainValue(value, field, options);
  switch (field.fieldKind) {
    case "list":
      return Array.from(of.get(field), one);
    case "map": {
      const object = {};
      for (const [key, value] of of.get(field)) define(object, String(key), one(value));
      return object;
    }
    case "message": {
      const isWrapper = !field.oneof && isWrapperDesc(field.message);
      const part = of.get(field);
      // The value of a wrapper is a part of its message in protobuf-es.
      return isWrapper ? make(part, came?.get(field.number) === 1 ? new Map([[1, 1]]) : undefined) : one(part);
    }
    default:
      return one(of.get(field));
  }
}

function isReflected(value: unknown): value is ReflectMessage {
  return typeof value === "object" && value !== null && "desc" in value;
}

function plainValue(value: unknown, field: DescField, options: ProtobufjsObjectOptions): unknown {
  if (value instanceof Uint8Array) return options.bytes ? Buffer.from(value).toString("base64") : Buffer.from(value);
  if (typeof value === "bigint") return options.longs ? options.longs(value) : longLike(value, field);
  const desc = "enum" in field ? field.enum : undefined;
  if (desc && options.enums && typeof value === "number") return desc.value[value]?.name ?? value;
  if (options.json && typeof value === "number" && !Number.isFinite(value)) return String(value);
  return value;
}

/** An object of package long, as far as it shows. */
const LongView = class Long {
  constructor(
    readonly low: number,
    readonly high: number,
    readonly unsigned: boolean,
  ) {}
};

function longLike(value: bigint, field: DescField): object {
  const scalar = "scalar" in field ? field.scalar : undefined;
  const low = Number(BigInt.asIntN(32, value));
  const high = Number(BigInt.asIntN(32, value >> 32n));
  return new LongView(low, high, scalar === ScalarType.UINT64 || scalar === ScalarType.FIXED64);
}

const prototypes = new WeakMap<DescMessage, object>();

/** An object whose class has the name of a message. */
function namedObject(desc: DescMessage): object {
  let prototype = prototypes.get(desc);
  if (!prototype) {
    const named = { [desc.name]: class {} }[desc.name] as { readonly prototype: object };
    prototype = named.prototype;
    prototypes.set(desc, prototype);
  }
  return Object.create(prototype);
}
