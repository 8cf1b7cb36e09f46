import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import type { InterfaceDeclaration } from "ts-morph";

/**
 * Where an interface of protobuf-ts and the message of the .proto disagree: its comments say what every field was. Undefined
 * where they agree, or where there are no comments.
 */
export function protobufTsStaleness(
  declaration: InterfaceDeclaration | undefined,
  desc: DescMessage,
): string | undefined {
  const comments = declaration?.getText().matchAll(/@generated from protobuf field: (.+?) \w+ = (\d+)/g) ?? [];
  const written = new Map(
    [...comments].map(([, type = "", number]) => [Number(number), type.replace(/^optional /, "")]),
  );
  if (!declaration || written.size === 0) return undefined;
  const place = declaration.getSourceFile().getFilePath();
  for (const field of desc.fields) {
    const [found, type] = [written.get(field.number), typeOf(field)];
    if (found === undefined) return `${place} has no ${field.name} in ${desc.name} as the .proto says`;
    if (found !== type) return `${field.name} of ${desc.name} is ${found} in ${place} and ${type} in the .proto`;
    written.delete(field.number);
  }
  const [extra] = written.keys();
  return extra === undefined
    ? undefined
    : `${desc.name} of ${place} has field ${extra}, and the .proto has no such field`;
}

function typeOf(field: DescField): string {
  const scalar = (type: ScalarType) => (ScalarType[type] ?? "").toLowerCase();
  const one =
    field.message?.typeName ?? field.enum?.typeName ?? ("scalar" in field && field.scalar ? scalar(field.scalar) : "");
  if (field.fieldKind === "map") return `map<${scalar(field.mapKey)}, ${one}>`;
  return field.fieldKind === "list" ? `repeated ${one}` : one;
}
