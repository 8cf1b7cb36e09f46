import { outlineOfProto } from "./proto-syntax.js";

/** One .proto as it is compiled: its import path and its text. */
export interface ProtoText {
  readonly name: string;
  readonly text: string;
}

/** A type that protoc cannot find from where it is named, as buf reports it. `line` counts from 1. */
export interface MissingType {
  readonly file: string;
  readonly line: number;
  readonly type: string;
}

/** ``a.proto:12:18:cannot find `X` in this scope`` */
export function missingTypesOf(bufErrors: string): MissingType[] {
  return [...bufErrors.matchAll(/^(.+?\.proto):(\d+):\d+:cannot find `([\w.]+)` in this scope$/gm)].map((match) => ({
    file: match[1] ?? "",
    line: Number(match[2]),
    type: match[3] ?? "",
  }));
}

/**
 * protobufjs (proto-loader, pbjs) finds a type by its bare name in any package of the files that a file imports, directly
 * or not; protoc wants its full name and an import of its own. This writes both out for those names that only one of
 * these files declares, so that the descriptors say what protobufjs makes of them. Null where that does not help.
 */
export function withFullNames(
  files: readonly ProtoText[],
  missing: readonly MissingType[],
): { readonly files: readonly ProtoText[]; readonly found: readonly string[] } | null {
  const texts = new Map(files.map(({ name, text }) => [name, text]));
  const found: string[] = [];
  for (const { file, line, type } of missing) {
    const text = texts.get(file);
    if (text === undefined) continue;
    const declared = declarationsOf(type, reachable(file, texts), texts);
    const [only] = declared;
    if (declared.length !== 1 || !only) continue;
    const lines = text.split("\n");
    const before = lines[line - 1] ?? "";
    const after = before.replace(
      new RegExp(`(?<![\\w.])${type.replaceAll(".", "\\.")}(?![\\w.])`),
      `.${only.fullName}`,
    );
    if (after === before) continue;
    lines[line - 1] = after;
    texts.set(file, withImport(lines.join("\n"), file, only.file));
    found.push(`${file}: ${type} is ${only.fullName} of ${only.file}`);
  }
  return found.length === 0 ? null : { files: files.map(({ name }) => ({ name, text: texts.get(name) ?? "" })), found };
}

/** A file and all that it imports, directly or not. */
function reachable(file: string, texts: ReadonlyMap<string, string>): string[] {
  const seen = new Set([file]);
  for (const one of seen) {
    for (const { name } of outlineOfProto(texts.get(one) ?? "").imports) if (texts.has(name)) seen.add(name);
  }
  return [...seen];
}

function declarationsOf(type: string, names: readonly string[], texts: ReadonlyMap<string, string>) {
  const last = type.split(".").at(-1) ?? type;
  const all: { fullName: string; file: string }[] = [];
  for (const file of names) {
    const text = texts.get(file) ?? "";
    const symbols = outlineOfProto(text).symbols.filter((one) => one === type || one.endsWith(`.${type}`));
    all.push(...symbols.map((fullName) => ({ fullName, file })));
    // A nested type of that name might be meant as well.
    const declarations = [...text.matchAll(new RegExp(`\\b(?:message|enum)\\s+${last}\\s*\\{`, "g"))].length;
    for (let more = symbols.length; more < declarations; more++) all.push({ fullName: "", file });
  }
  return all;
}

function withImport(text: string, file: string, target: string): string {
  const { imports } = outlineOfProto(text);
  if (file === target || imports.some(({ name }) => name === target)) return text;
  const [first] = imports;
  if (!first) return text;
  const end = text.indexOf(";", first.end) + 1;
  return `${text.slice(0, end)} import "${target}";${text.slice(end)}`;
}
