import { create, type DescField, type DescMessage, type MessageShape, ScalarType } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import { int64FromNumber } from "./int64-from-long.js";

/** How the generated code reads fields. */
export interface TsProtoMessageOptions {
  /** Also by their names in the .proto, where the one in camel case is not there. Default: false. */
  readonly names?: boolean;
}

/**
 * What `Message.fromJSON(object)` of ts-proto's code made of parsed JSON: each field is converted by its type, whatever it is, what
 * is null or not there has its default, and everything else is left out. What cannot be encoded is refused then. proto3 without
 * maps, oneofs and the types of google.protobuf; 64-bit integers are numbers in it.
 */
export function tsProtoMessage<Desc extends DescMessage>(
  schema: Desc,
  object: unknown,
  options: TsProtoMessageOptions = {},
): MessageShape<Desc> {
  const message = create(schema) as unknown as Record<string, unknown>;
  for (const field of schema.fields) {
    const value = fieldValue(field, object as Record<string, unknown>, options);
    if (value !== undefined) message[field.localName] = isDefault(field, value) ? 0 : value;
  }
  return message as unknown as MessageShape<Desc>;
}

/** ts-proto sends no -0 where there is no presence. */
function isDefault(field: DescField, value: unknown): boolean {
  return Object.is(value, -0) && field.presence === FeatureSet_FieldPresence.IMPLICIT;
}

function fieldValue(field: DescField, object: Record<string, unknown>, options: TsProtoMessageOptions): unknown {
  const camel = field.localName.replace(/\$$/, "");
  const keys = options.names ? [camel, field.name] : [camel];
  for (const key of keys) {
    // A list may be asked for of nothing at all; anything else may not.
    const given = field.fieldKind === "list" ? object?.[key] : object[key];
    if (field.fieldKind === "list" && Array.isArray(given)) return given.map((one) => converted(field, one, options));
    if (field.fieldKind !== "list" && given !== null && given !== undefined) return converted(field, given, options);
  }
  return undefined;
}

function converted(field: DescField, value: unknown, options: TsProtoMessageOptions): unknown {
  if (field.message) return tsProtoMessage(field.message, value, options);
  if (field.enum) {
    const found = field.enum.values.find(({ number, name }) => number === value || name === value);
    return found?.number ?? -1;
  }
  switch ("scalar" in field ? field.scalar : undefined) {
    case ScalarType.STRING:
      return String(value);
    case ScalarType.BOOL:
      return Boolean(value);
    case ScalarType.BYTES:
      return Uint8Array.from(Buffer.from(value as string, "base64"));
    case ScalarType.INT64:
    case ScalarType.UINT64:
    case ScalarType.SINT64:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return int64FromNumber(Number(value));
    default:
      return Number(value);
  }
}
