import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { DescEnum, DescMessage } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import type { Node, Project } from "ts-morph";

/** A file of protoc-gen-js. */
export interface GeneratedCode {
  readonly path: string;
  readonly text: string;
}

const textsOf = new WeakMap<Project, Map<string, string>>();

/** What protoc-gen-js wrote where a text begins a line of it, if it is in the project. */
function generatedWith(near: Node, start: string): GeneratedCode | undefined {
  const project = near.getProject();
  // The compiler knows the files that are named only in imports, too.
  const known = [...project.getSourceFiles(), ...project.getProgram().compilerObject.getSourceFiles()];
  for (const file of known) {
    const name = "fileName" in file ? file.fileName : file.getFilePath();
    if (!/_pb(\.d)?\.[cm]?[jt]s$/.test(name)) continue;
    const code = codeAt(project, name, "text" in file ? file.text : file.getFullText());
    if (code.text.includes(`\n${start}`)) return code;
  }
  return undefined;
}

/** The JavaScript beside a file with the name of generated code: types name it, and so does what was generated in its place. */
function codeAt(project: Project, name: string, own: string): GeneratedCode {
  const path = name.replace(/(?:\.d)?\.([cm]?)[jt]s$/, ".$1js");
  if (path === name) return { path, text: own };
  const texts = textsOf.get(project) ?? new Map<string, string>();
  textsOf.set(project, texts);
  const text = texts.get(path) ?? (existsSync(path) ? readFileSync(path, "utf8") : "");
  texts.set(path, text);
  return { path, text };
}

/** What protoc-gen-js wrote for a message, where it is in the project: the path and the text. */
export function generatedCodeOf(near: Node, desc: DescMessage): GeneratedCode | undefined {
  return generatedWith(near, `proto.${desc.typeName} = function(opt_data)`);
}

/** The numbers of an enum in generated code, by their names, and where it is; undefined where it is not in the project. */
export function generatedEnum(near: Node, desc: DescEnum): { path: string; numbers: Map<string, number> } | undefined {
  const start = `proto.${desc.typeName} = {`;
  const code = generatedWith(near, start);
  if (!code) return undefined;
  const constants = bodyOf(code, start).matchAll(/(\w+): (-?\d+)/g);
  return { path: code.path, numbers: new Map([...constants].map(([, name = "", number]) => [name, Number(number)])) };
}

/** What stands between the line that begins with a text and the brace that ends it. */
export function bodyOf({ text }: GeneratedCode, start: string): string {
  const at = text.indexOf(`\n${start}`);
  return at < 0 ? "" : text.slice(at + 1, text.indexOf("\n};", at));
}

/**
 * Does `toObject()` show the default of a scalar that could be unset? Versions of the generator disagree; undefined where it
 * matters and nothing tells.
 */
export function showsDefaults(near: Node, desc: DescMessage): boolean | undefined {
  // The package's own messages come with its version.
  const own = reachable(desc).filter((one) => one.file.proto.package !== "google.protobuf");
  const ambiguous = own.flatMap((one) =>
    one.fields
      .filter((field) => field.fieldKind === "scalar" || field.fieldKind === "enum")
      .filter((field) => field.presence === FeatureSet_FieldPresence.EXPLICIT && one.file.proto.syntax === "proto3")
      .map((field) => ({ one, field })),
  );
  if (ambiguous.length === 0) return true;
  const answers = new Set(
    ambiguous.map(({ one, field }) => {
      const code = generatedCodeOf(near, one);
      const body = code ? bodyOf(code, `proto.${one.typeName}.toObject = function(`) : "";
      const call = new RegExp(`Message\\.get(\\w+)\\(msg, ${field.number}\\b`).exec(body)?.[1];
      return call === undefined ? undefined : call.endsWith("WithDefault");
    }),
  );
  // Bytes have no such call: they are shown the same way by all versions.
  answers.delete(undefined);
  return answers.size === 1 ? [...answers][0] : undefined;
}

/** Is the google-protobuf that is installed one whose own Value leaves out what is not set, as those of a newer generator do? */
export function showsNothingUnset(near: Node): boolean {
  for (let folder = dirname(near.getSourceFile().getFilePath()); ; folder = dirname(folder)) {
    const file = join(folder, "node_modules/google-protobuf/google/protobuf/struct_pb.js");
    if (existsSync(file))
      return /nullValue: \(f = jspb\.Message\.getField\(msg, 1\)\) == null/.test(readFileSync(file, "utf8"));
    if (folder === dirname(folder)) return false;
  }
}

/** A message and all that its fields can hold. */
export function reachable(desc: DescMessage): DescMessage[] {
  const found = new Set([desc]);
  for (const one of found) for (const field of one.fields) if (field.message) found.add(field.message);
  return [...found];
}
