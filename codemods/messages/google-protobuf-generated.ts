import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { DescMessage } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import type { Node } from "ts-morph";
import { accessorsOf, packageOf } from "./google-protobuf-names.js";

/** What protoc-gen-js wrote for a message, where it is in the project: the path and the text. */
export function generatedCodeOf(
  near: Node,
  desc: DescMessage,
): { readonly path: string; readonly text: string } | undefined {
  for (const file of near.getProject().getSourceFiles()) {
    if (packageOf(file) !== desc.file.proto.package) continue;
    const path = file.getFilePath().replace(/\.d\.ts$/, ".js");
    const text = path === file.getFilePath() ? file.getFullText() : existsSync(path) ? readFileSync(path, "utf8") : "";
    if (text.includes(`\nproto.${desc.typeName} = function(opt_data)`)) return { path, text };
  }
  return undefined;
}

/**
 * Where a message of old generated code and the one of the .proto disagree: a field that only one of them has, or that has
 * another number. Undefined where they agree, or where the generated code is not there.
 */
export function staleness(near: Node, desc: DescMessage): string | undefined {
  const code = generatedCodeOf(near, desc);
  if (!code) return undefined;
  const getters = new Map<string, number | undefined>();
  const start = `proto.${desc.typeName}.prototype.`;
  for (let at = code.text.indexOf(`\n${start}`); at >= 0; at = code.text.indexOf(`\n${start}`, at + 1)) {
    const rest = code.text.slice(at + 1 + start.length, at + start.length + 600);
    const name = /^(get\w+) = function\(/.exec(rest)?.[1];
    if (name === undefined) continue;
    const body = rest.slice(0, rest.indexOf("\n};") + 1 || undefined);
    const number = /\(this,(?:\s*[A-Za-z][\w.]*,)?\s*(\d+)\b/.exec(body)?.[1];
    getters.set(name, number === undefined ? undefined : Number(number));
  }
  const table = accessorsOf(desc);
  for (const [name, accessor] of table) {
    if (accessor.does !== "get") continue;
    if (!getters.has(name)) return `${code.path} has no ${name} in ${desc.name}`;
    const number = getters.get(name);
    if (number !== undefined && number !== accessor.field.number)
      return `${name} of ${desc.name} is field ${number} in ${code.path} and ${accessor.field.number} in the .proto`;
  }
  const extra = [...getters.keys()].find((name) => !table.has(name) && !/^getJsPbMessageId$|^getExtension$/.test(name));
  return extra === undefined ? undefined : `${desc.name} of ${code.path} has ${extra}, and the .proto no such field`;
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
      const text = generatedCodeOf(near, one)?.text;
      const at = text?.indexOf(`\nproto.${one.typeName}.toObject = function(`) ?? -1;
      const body = at < 0 ? "" : (text?.slice(at, text.indexOf("\n};", at)) ?? "");
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
