import type { DescField, DescMessage, MessageShape } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect, scalarZeroValue } from "@bufbuild/protobuf/reflect";

/**
 * The plain object that `toObject()` of protoc-gen-ts's class for this message gave, for code that logs, counts or stores that
 * object: the field names of the .proto, no key for a message that is not set, the default of every scalar that is not, a map
 * as an object, 64-bit integers and enums as numbers (with `jstype = JS_STRING` as text), lists and bytes as the message has them.
 */
export function toPlainObject<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
  // biome-ignore lint/suspicious/noExplicitAny: the old class knows its type; a descriptor does not.
): any {
  // The old type did not say that a message may not be there; `reflect` would make an empty one.
  if (message === undefined) throw new TypeError("Cannot read properties of undefined (reading 'toObject')");
  return objectOf(reflect(schema, message));
}

function objectOf(of: ReflectMessage): Record<string, unknown> {
  const shown = of.desc.fields.filter((field) => field.fieldKind !== "message" || of.isSet(field));
  return Object.fromEntries(shown.map((field) => [field.name, shownValue(of, field)]));
}

function shownValue(of: ReflectMessage, field: DescField): unknown {
  switch (field.fieldKind) {
    case "message":
      return objectOf(of.get(field));
    case "list":
      // Plain values stand in the list of the message itself, as they did.
      return field.message || typeof zeroOf(field) === "bigint"
        ? Array.from(of.get(field), (item) => shownItem(item, field))
        : (of.message as unknown as Record<string, unknown>)[field.localName];
    case "map":
      return Object.fromEntries(
        Array.from(of.get(field), ([key, value]) => [
          typeof key === "bigint" ? Number(key) : key,
          shownItem(value, field),
        ]),
      );
    case "enum":
      return of.isSet(field) ? of.get(field) : field.enum.values[0]?.number;
    default:
      return shownItem(of.isSet(field) ? of.get(field) : zeroOf(field), field);
  }
}

function zeroOf({ scalar }: DescField): unknown {
  return scalar && scalarZeroValue(scalar, false);
}

function shownItem(value: unknown, field: DescField): unknown {
  if (typeof value === "bigint") return "longAsString" in field && field.longAsString ? String(value) : Number(value);
  return typeof value === "object" && value !== null && "desc" in value ? objectOf(value as ReflectMessage) : value;
}
