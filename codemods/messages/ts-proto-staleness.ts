import type { DescMessage } from "@bufbuild/protobuf";
import { type InterfaceDeclaration, Node } from "ts-morph";
import { writtenFor } from "./written-fields.js";

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
