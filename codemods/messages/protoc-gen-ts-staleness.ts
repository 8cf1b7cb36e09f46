import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { Node } from "ts-morph";
import type { MessageDeclaration } from "./typed-flavour.js";

/**
 * Where a class of protoc-gen-ts and the message of the .proto disagree: a field that only one of them writes, or writes as
 * another type. Undefined where they agree.
 */
export function protocGenTsStaleness(
  declaration: MessageDeclaration | undefined,
  desc: DescMessage,
): string | undefined {
  if (!Node.isClassDeclaration(declaration)) return undefined;
  const text = declaration.getInstanceMethod("serialize")?.getText() ?? "";
  const written = new Map(
    [...text.matchAll(/\bwriter\.write(\w+)\((\d+), this\./g)].map(([, how = "", number]) => [Number(number), how]),
  );
  const place = declaration.getSourceFile().getFilePath();
  for (const field of desc.fields) {
    const [found, how] = [written.get(field.number), methodFor(field)];
    if (found === undefined) return `${place} writes no ${field.name} in ${desc.name} as the .proto says`;
    if (found !== how)
      return `${field.name} of ${desc.name} is written as ${found} in ${place} and as ${how} by the .proto`;
    written.delete(field.number);
  }
  const [extra] = written.keys();
  return extra === undefined
    ? undefined
    : `${desc.name} of ${place} writes field ${extra}, and the .proto has no such field`;
}

/** `writer.write…` of google-protobuf for a field. */
function methodFor(field: DescField): string {
  if (field.fieldKind === "map") return "Message";
  const scalar = "scalar" in field && field.scalar !== undefined ? (ScalarType[field.scalar] ?? "").toLowerCase() : "";
  const isText = "longAsString" in field && field.longAsString === true;
  const one = field.message
    ? "Message"
    : field.enum
      ? "Enum"
      : `${scalar.charAt(0).toUpperCase()}${scalar.slice(1)}${isText ? "String" : ""}`;
  return field.fieldKind === "list" ? `${field.packed ? "Packed" : "Repeated"}${one}` : one;
}
