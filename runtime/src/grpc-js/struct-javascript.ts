import type { JsonObject, JsonValue } from "@bufbuild/protobuf";

/** `struct.toJavaScript()` of google-protobuf: a new object, with the keys of every object in order, as its maps give them. */
export function structToJavaScript(struct: JsonObject): JsonObject;
export function structToJavaScript(struct: JsonObject | undefined): JsonObject | undefined;
export function structToJavaScript(struct: JsonObject | undefined): JsonObject | undefined {
  return struct && (sorted(struct) as JsonObject);
}

function sorted(value: JsonValue): JsonValue {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(sorted);
  const object: JsonObject = {};
  for (const key of Object.keys(value).sort()) object[key] = sorted(value[key] as JsonValue);
  return object;
}

/** `Struct.fromJavaScript(object)` of google-protobuf: a copy, which refuses what is no JSON. */
export function structFromJavaScript(object: unknown): JsonObject {
  const struct: JsonObject = {};
  // As there, of what else has keys, inherited ones too.
  for (const key in object as object) struct[key] = copied((object as Record<string, unknown>)[key]);
  return struct;
}

function copied(value: unknown): JsonValue {
  if (Array.isArray(value)) return Array.from(value, copied);
  switch (typeof value) {
    case "string":
    case "number":
    case "boolean":
      return value;
    case "object":
      return value === null ? null : structFromJavaScript(value);
    default:
      throw new Error("Unexpected struct type.");
  }
}
