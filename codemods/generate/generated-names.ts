import type { DescEnum, DescExtension, DescFile, DescMessage, DescService } from "@bufbuild/protobuf";
import { nestedTypes } from "@bufbuild/protobuf/reflect";

type NamedDesc = DescEnum | DescMessage | DescService | DescExtension;

/** The names under which protoc-gen-es exports one descriptor. */
export interface GeneratedNames {
  /** The value: `Greeter`, `HelloRequestSchema`, `ColorSchema`. */
  readonly descriptor: string;
  /** The type (and, for an enum, the value): `HelloRequest`, `Outer_Inner`, `Color`. Null for services and extensions. */
  readonly shape: string | null;
}

/**
 * Words that protoc-gen-es 2 does not use as an identifier; it appends a dollar sign to them. Names of descriptors end in
 * `Schema` and can only collide for services, e.g. a service called `Object`.
 */
const reserved = new Set(
  (
    "break case catch class const continue debugger default delete do else export extends false finally for function if import in " +
    "instanceof new null return super switch this throw true try typeof var void while with yield enum implements interface let " +
    "package private protected public static Object bigint number boolean string object globalThis Uint8Array Partial"
  ).split(" "),
);

/**
 * The exported names of everything in one generated file. Shapes are named first, then descriptors, in the order of
 * declaration; who comes later and finds the name taken gets `$`, `$1`, ….
 */
export function generatedNames(file: DescFile): ReadonlyMap<NamedDesc, GeneratedNames> {
  const taken = new Set<string>();
  const claim = (ideal: string): string => {
    for (let attempt = 0; ; attempt++) {
      const salted = ideal + (attempt === 0 ? "" : attempt === 1 ? "$" : `$${attempt - 1}`);
      const name = reserved.has(salted) ? `${salted}$` : salted;
      if (taken.has(name)) continue;
      taken.add(name);
      return name;
    }
  };
  const all = [...nestedTypes(file)];
  const shapes = new Map<NamedDesc, string>();
  for (const desc of all) {
    if (desc.kind === "message" || desc.kind === "enum") shapes.set(desc, claim(baseName(desc)));
  }
  taken.add(`file_${file.name.replace(/[^a-zA-Z0-9_]+/g, "_")}`);
  const names = new Map<NamedDesc, GeneratedNames>();
  for (const desc of all) {
    const suffix = desc.kind === "message" || desc.kind === "enum" ? "Schema" : "";
    names.set(desc, { descriptor: claim(baseName(desc) + suffix), shape: shapes.get(desc) ?? null });
  }
  return names;
}

/** `pkg.v1.Outer.Inner` is `Outer_Inner`. */
function baseName(desc: NamedDesc): string {
  const pkg = desc.file.proto.package;
  return desc.typeName.slice(pkg === "" ? 0 : pkg.length + 1).replaceAll(".", "_");
}
