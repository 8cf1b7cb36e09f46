import { type DescField, ScalarType } from "@bufbuild/protobuf";

const VARINT = 0;
const FIXED_64 = 1;
const LENGTH = 2;
const FIXED_32 = 5;

/** What `encode` of code on protobufjs writes for a field: its tag, and the writer's method. */
export interface Written {
  readonly tag: number;
  readonly method: string;
}

export function writtenFor(field: DescField): Written {
  const tag = (type: number) => ((field.number << 3) | type) >>> 0;
  const scalar = field.fieldKind === "scalar" || field.fieldKind === "list" ? field.scalar : undefined;
  const isMessage = field.fieldKind === "map" || field.message !== undefined;
  const isPacked = field.fieldKind === "list" && field.packed;
  if (isMessage || isPacked) {
    const isGroup =
      field.fieldKind !== "map" &&
      field.message !== undefined &&
      "delimitedEncoding" in field &&
      field.delimitedEncoding;
    return { tag: tag(isGroup ? 3 : LENGTH), method: "fork" };
  }
  // An enum is an int32.
  const type = scalar ?? ScalarType.INT32;
  return { tag: tag(wireTypeOf(type)), method: (ScalarType[type] ?? "").toLowerCase() };
}

function wireTypeOf(type: ScalarType): number {
  switch (type) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return LENGTH;
    case ScalarType.DOUBLE:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return FIXED_64;
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return FIXED_32;
    default:
      return VARINT;
  }
}
