import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { findNodeAtLocation, getNodeValue, type ParseError, parseTree, printParseErrorCode } from "jsonc-parser";
import { globSync } from "tinyglobby";
import { positionOf } from "../codemods/shared/position.js";
import { MODES, type Modes } from "./modes.js";
import { UsageError } from "./usage-error.js";

export const CONFIG_FILE = "connect-migrate.config.json";

/** What `connect-migrate.config.json` says; its schema is `config.schema.json`. */
export interface Config extends Partial<Modes> {
  /** Globs, relative to the file. */
  readonly exclude?: readonly string[];
  /** Relative to the file. */
  readonly baseline?: string;
  readonly cache?: boolean;
}

export interface FoundConfig {
  /** Absolute; null where there is none. */
  readonly file: string | null;
  readonly config: Config;
}

type Check = (value: unknown) => string | null;
const oneOf =
  (values: readonly string[]): Check =>
  (value) =>
    values.includes(value as string) ? null : values.map((each) => JSON.stringify(each)).join(" or ");
const isText: Check = (value) => (typeof value === "string" && value !== "" ? null : "a text that is not empty");

const CHECKS: Record<keyof Config | "$schema", Check> = {
  $schema: isText,
  target: oneOf(MODES.target),
  messages: oneOf(MODES.messages),
  runtime: oneOf(MODES.runtime),
  exclude: (value) =>
    Array.isArray(value) && value.every((each) => isText(each) === null) ? null : 'a list of globs, like ["legacy/**"]',
  baseline: isText,
  cache: (value) => (typeof value === "boolean" ? null : "true or false"),
};

/** The configuration for a folder: of the nearest folder at or above it that has one, up to the git repository's. */
export function findConfig(cwd: string): FoundConfig {
  for (let folder = cwd; ; folder = path.dirname(folder)) {
    const file = path.join(folder, CONFIG_FILE);
    if (existsSync(file)) return { file, config: readConfig(file, cwd) };
    if (folder === path.dirname(folder) || existsSync(path.join(folder, ".git"))) return { file: null, config: {} };
  }
}

function readConfig(file: string, cwd: string): Config {
  const text = readFileSync(file, "utf8");
  const fail = (offset: number, what: string): never => {
    const { line, column } = positionOf(text, offset);
    throw new UsageError(`${path.relative(cwd, file) || file}:${line}:${column}: ${what}`);
  };
  const problems: ParseError[] = [];
  const tree = parseTree(text, problems, { allowTrailingComma: true });
  const [problem] = problems;
  if (problem) fail(problem.offset, `this is not JSON (${printParseErrorCode(problem.error)}).`);
  if (tree?.type !== "object") return fail(tree?.offset ?? 0, "an object is expected: { … }.");
  for (const property of tree.children ?? []) {
    const [name, value] = property.children ?? [];
    const key = String(name?.value);
    const check = Object.hasOwn(CHECKS, key) ? CHECKS[key as keyof typeof CHECKS] : undefined;
    if (!check)
      fail(
        property.offset,
        `${JSON.stringify(key)} is no setting. There is ${Object.keys(CHECKS).slice(1).join(", ")}.`,
      );
    const wanted = value && check?.(getNodeValue(value));
    if (wanted) fail(value.offset, `${JSON.stringify(key)} has to be ${wanted}.`);
  }
  const exclude = findNodeAtLocation(tree, ["exclude"]);
  for (const glob of exclude?.children ?? [])
    if (path.isAbsolute(glob.value) || String(glob.value).startsWith(".."))
      fail(glob.offset, "a glob of a file below this folder is expected.");
  return getNodeValue(tree) as Config;
}

/** Absolute paths of the files that a configuration keeps from being changed. */
export function excludedFiles({ file, config }: FoundConfig): string[] {
  if (file === null || config.exclude === undefined) return [];
  return globSync([...config.exclude], { cwd: path.dirname(file), absolute: true, ignore: ["**/node_modules/**"] })
    .map((found) => path.resolve(found))
    .sort();
}
