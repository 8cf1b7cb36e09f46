import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { type InterfaceDeclaration, Node } from "ts-morph";

const VARINT = 0;
const FIXED_64 = 1;
const LENGTH = 2;
const FIXED_32 = 5;

/** What `encode` of ts-proto writes for a field: its tag, and the writer's method. */
interface Written {
  readonly tag: number;
  readonly method: string;
}

/**
 * Where a message of ts-proto's code and the one of the .proto disagree: a field that only one of them writes, or writes as
 * another type. Undefined where they agree, or where the code has no `encode`.
 */
export function tsProtoStaleness(declaration: InterfaceDeclaration | undefined, desc: DescMessage): string | undefined {
  if (!declaration) return undefined;
  const file = declaration.getSourceFile();
  const codec = file.getVariableDeclaration(declaration.getName())?.getInitializer();
  const encode = codec && Node.isObjectLiteralExpression(codec) ? codec.getProperty("encode")?.getText() : undefined;
  if (encode === undefined) return undefined;
  const written = new Map(
    [...encode.matchAll(/\.uint32\((\d+)\)\s*\.(\w+)\(/g)].map(([, tag, method = ""]) => [Number(tag), method]),
  );
  const place = file.getFilePath();
  for (const field of desc.fields) {
    const { tag, method } = writtenFor(field);
    const found = written.get(tag);
    if (found === undefined) return `${place} writes no ${field.name} in ${desc.name} as the .proto says`;
    if (found !== method)
      return `${field.name} of ${desc.name} is written as ${found} in ${place} and as ${method} by the .proto`;
    written.delete(tag);
  }
  const [extra] = written.keys();
  return extra === undefined
    ? undefined
    : `${desc.name} of ${place} writes field ${extra >> 3}, and the .proto has no such field`;
}

function writtenFor(field: DescField): Written {
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
