import path from "node:path";
import type { Discovery } from "./discover.js";
import { generatorOf } from "./generated.js";

/** Old generated code of a project, as far as it is checked in or imported. */
export interface OldCode {
  /** Absolute paths of its files. */
  readonly files: readonly string[];
  /** Absolute paths of those that hand-written code needs, directly or not, with one file that does. */
  readonly needed: ReadonlyMap<string, string>;
  /** Imports of what is no source file or not there, of which a build may make some: what is imported, absolute, and where. */
  readonly others: ReadonlyMap<string, string>;
  /** The hand-written file that has a text in it. */
  mentions(text: string): string | undefined;
}

const RELATIVE = /(?:\bfrom\s*|\brequire\s*\(\s*|\bimport\s*\(\s*|\bimport\s+)(['"])(\.[^'"\n]*)\1/g;

/** Which files old generators made, and what still imports them. */
export function oldCodeOf({ texts, imports }: Pick<Discovery, "texts" | "imports">): OldCode {
  const generators = new Map([...texts].map(([file, text]) => [file, generatorOf(file, text)] as const));
  const isOld = (file: string) => !["protobuf-es", null, undefined].includes(generators.get(file));
  const needed = new Map<string, string>();
  const others = new Map<string, string>();
  for (const [file, text] of texts) {
    if (isOld(file)) continue;
    const queue = [...(imports.get(file) ?? [])].filter(isOld);
    for (const target of queue) {
      if (needed.has(target)) continue;
      needed.set(target, file);
      queue.push(...[...(imports.get(target) ?? [])].filter(isOld));
    }
    const found = [...(imports.get(file) ?? [])].map(stem);
    for (const [, , specifier = ""] of text.matchAll(RELATIVE)) {
      const target = path.resolve(path.dirname(file), specifier);
      if (!found.some((one) => one === stem(target) || one === path.join(target, "index"))) others.set(target, file);
    }
  }
  // What declares the types of a file goes with it.
  for (const [target, user] of [...needed])
    for (const other of generators.keys()) if (isOld(other) && stem(other) === stem(target)) needed.set(other, user);
  return {
    files: [...texts.keys()].filter(isOld),
    needed,
    others,
    mentions: (text) => [...texts].find(([file, content]) => !isOld(file) && content.includes(text))?.[0],
  };
}

function stem(file: string): string {
  return file.replace(/(\.d)?\.[cm]?[jt]sx?$/, "");
}

/** A file that needs what a generator writes to these places (absolute folders or files); undefined where none does. */
export function userOf(code: OldCode, outputs: readonly string[]): string | undefined {
  const isBelow = (file: string) =>
    outputs.some((output) => stem(file) === stem(output) || file.startsWith(output + path.sep));
  for (const imported of [code.needed, code.others])
    for (const [file, user] of imported) if (isBelow(file)) return user;
  // A file may be read as well as imported.
  const read = outputs
    .filter((output) => path.extname(output) !== "")
    .map((output) => code.mentions(path.basename(output)));
  return read.find((user) => user !== undefined);
}
