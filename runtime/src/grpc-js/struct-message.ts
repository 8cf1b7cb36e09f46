import { create, type JsonObject, type JsonValue, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type ListValue,
  ListValueSchema,
  NullValue,
  type Struct,
  StructSchema,
  type Value,
  ValueSchema,
} from "@bufbuild/protobuf/wkt";

/** The message google.protobuf.Struct of what a field of that type holds, for code that walks through it. Undefined for none. */
export function structMessage(json: JsonObject): Struct;
export function structMessage(json: JsonObject | undefined): Struct | undefined;
export function structMessage(json: JsonObject | undefined): Struct | undefined {
  return json && messageOfStruct(json);
}

/** The other way round: what a field holds for such a message, or for what one is made of. Undefined for none. */
export function structJson(struct: MessageInitShape<typeof StructSchema>): JsonObject;
export function structJson(struct: MessageInitShape<typeof StructSchema> | undefined): JsonObject | undefined;
export function structJson(struct: MessageInitShape<typeof StructSchema> | undefined): JsonObject | undefined {
  return struct && jsonOfStruct(create(StructSchema, struct));
}

/** The message google.protobuf.Struct of what a field of that type holds. */
export function messageOfStruct(object: JsonObject): Struct {
  const struct = create(StructSchema);
  struct.fields = Object.fromEntries(Object.entries(object).map(([key, value]) => [key, messageOfValue(value)]));
  return struct;
}

function messageOfValue(json: JsonValue | undefined): Value {
  return create(ValueSchema, { kind: kindOfValue(json) });
}

function kindOfValue(json: JsonValue | undefined): Value["kind"] {
  if (json === null) return { case: "nullValue", value: NullValue.NULL_VALUE };
  if (Array.isArray(json)) return { case: "listValue", value: messageOfList(json) };
  switch (typeof json) {
    case "number":
      return { case: "numberValue", value: json };
    case "string":
      return { case: "stringValue", value: json };
    case "boolean":
      return { case: "boolValue", value: json };
    case "object":
      return { case: "structValue", value: messageOfStruct(json) };
    default:
      return { case: undefined };
  }
}

function messageOfList(list: JsonValue[]): ListValue {
  return create(ListValueSchema, { values: list.map(messageOfValue) });
}

/** What a field of that type holds for such a message. */
export function jsonOfStruct({ fields }: Struct): JsonObject {
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, plainOf(value)]));
}

/** Undefined in the place of a value without a kind: protobuf-es encodes it as such. */
function plainOf({ kind }: Value): JsonValue {
  switch (kind.case) {
    case "structValue":
      return jsonOfStruct(kind.value);
    case "listValue":
      return kind.value.values.map(plainOf);
    case "nullValue":
      return null;
    default:
      return kind.value as JsonValue;
  }
}
