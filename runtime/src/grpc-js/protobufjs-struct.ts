import type { JsonObject, JsonValue } from "@bufbuild/protobuf";

/**
 * What looks like the object of pbjs's class for a google.protobuf.Struct, which is JSON in a field of protobuf-es: `fields`, in it
 * values with one property of their own, null for the others, and `kind`. Null for none.
 */
// biome-ignore lint/suspicious/noExplicitAny: what the old code took it for.
export function protobufjsStruct(struct: JsonObject | undefined | null): any {
  return struct ? structView(struct) : null;
}

/**
 * The other way round: what pbjs's code encoded for such an object, or for a plain one like it. What it refused is refused when the
 * message is encoded. Undefined for none.
 */
export function structFromProtobufjs(object: unknown): JsonObject | undefined {
  if (object === undefined || object === null) return undefined;
  try {
    return structJson(object as Message);
  } catch (error) {
    return {
      get refused(): JsonValue {
        throw error;
      },
    };
  }
}

type Message = Readonly<Record<string, unknown>>;

const MEMBERS = ["nullValue", "numberValue", "stringValue", "boolValue", "structValue", "listValue"] as const;

/** The class of a message as pbjs writes it: `for … in` meets the defaults and `toJSON`, too. */
function classOf(name: string, defaults: object, toJson: (message: Message) => object): object {
  const { prototype } = { [name]: class {} }[name] as { readonly prototype: object };
  return Object.assign(prototype, defaults, {
    toJSON(this: Message) {
      return toJson(this);
    },
  });
}

const STRUCT = classOf("Struct", { fields: Object.freeze({}) }, structPlain);
const LIST = classOf("ListValue", { values: Object.freeze([]) }, listPlain);
const VALUE = Object.defineProperty(
  classOf("Value", Object.fromEntries(MEMBERS.map((member) => [member, null])), valuePlain),
  "kind",
  {
    get(this: Message) {
      return Object.keys(this).findLast((key) => this[key] !== undefined && this[key] !== null);
    },
  },
);

function structView(struct: JsonObject): object {
  const fields = Object.entries(struct).map(([key, value]) => [key, valueView(value)]);
  return Object.assign(Object.create(STRUCT), { fields: Object.fromEntries(fields) });
}

function valueView(json: JsonValue): object {
  const view = Object.create(VALUE);
  if (json === null) view.nullValue = 0;
  else if (Array.isArray(json)) view.listValue = Object.assign(Object.create(LIST), { values: json.map(valueView) });
  else if (typeof json === "object") view.structValue = structView(json);
  else if (json !== undefined) view[`${typeof json === "boolean" ? "bool" : typeof json}Value`] = json;
  return view;
}

function structPlain({ fields }: Message): object {
  const entries = Object.entries(fields as Record<string, Message>);
  if (entries.length === 0) return {};
  return { fields: Object.fromEntries(entries.map(([key, value]) => [key, valuePlain(value)])) };
}

function listPlain({ values }: Message): object {
  const list = values as readonly Message[];
  return list.length === 0 ? {} : { values: list.map(valuePlain) };
}

function valuePlain(value: Message): object {
  const plain = (member: string, one: unknown) => {
    if (member === "nullValue") return "NULL_VALUE";
    if (member === "structValue") return structPlain(one as Message);
    if (member === "listValue") return listPlain(one as Message);
    return member === "numberValue" && !Number.isFinite(one) ? String(one) : one;
  };
  return Object.fromEntries(Object.entries(value).map(([member, one]) => [member, plain(member, one)]));
}

/** What a message has itself, and not from its class. */
function own(message: Message, key: string): unknown {
  const value = message[key];
  return value !== null && value !== undefined && Object.hasOwn(message, key) ? value : undefined;
}

function structJson(struct: Message): JsonObject {
  const fields = (own(struct, "fields") ?? {}) as Record<string, Message>;
  return Object.fromEntries(Object.keys(fields).map((key) => [key, valueJson(fields[key] as Message)]));
}

/** Of several members, that with the highest number, which comes last. Undefined is a value without a kind, and encoded so. */
function valueJson(value: Message): JsonValue {
  const set = MEMBERS.map((member) => [member, own(value, member)] as const).filter(([, one]) => one !== undefined);
  // Each of them is encoded, and may be refused.
  return set.map(([member, one]) => memberJson(member, one)).at(-1) as JsonValue;
}

function memberJson(member: (typeof MEMBERS)[number], one: unknown): JsonValue {
  switch (member) {
    case "nullValue":
      return null;
    case "numberValue":
      return Float64Array.of(one as number)[0] as number;
    case "stringValue":
      Buffer.byteLength(one as string);
      return one as string;
    case "boolValue":
      return Boolean(one);
    case "structValue":
      return structJson(one as Message);
    default: {
      const { values } = one as { readonly values?: ArrayLike<Message> | null };
      return Array.from({ length: values?.length ?? 0 }, (_, index) => valueJson(values?.[index] as Message));
    }
  }
}
