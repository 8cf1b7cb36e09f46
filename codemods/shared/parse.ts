import path from "node:path";
import jscodeshift, { type Collection, type JSCodeshift } from "jscodeshift";
import getParser from "jscodeshift/src/getParser.js";
import type { File, Node } from "./ast.js";

export type Language = "js" | "ts";

interface Parser {
  parse(source: string): unknown;
}

/**
 * JavaScript is parsed with jscodeshift's `babylon` parser and not with its default: the default makes ESTree nodes
 * (`Literal`, `Property`), this one and the TypeScript parsers make the same Babel nodes, so that a rule is written once.
 * `unambiguous` accepts sloppy CommonJS, which a fixed `module` does not.
 */
const javascript = {
  sourceType: "unambiguous",
  allowReturnOutsideFunction: true,
  allowAwaitOutsideFunction: true,
  allowSuperOutsideMethod: true,
  allowUndeclaredExports: true,
  tokens: true,
  plugins: ["jsx", "decorators-legacy", "exportDefaultFrom", "importMeta", "dynamicImport"],
};

// jscodeshift -t loads rules through Babel as CommonJS: nothing that a rule imports may use `import.meta`.
const parsers = new Map<string, Parser>();

function parserFor(file: string): Parser {
  const extension = path.extname(file).toLowerCase();
  const name = extension === ".tsx" ? "tsx" : /^\.[cm]?ts$/.test(extension) ? "ts" : "babylon";
  let parser = parsers.get(name);
  if (!parser) {
    parser = name === "babylon" ? getParser(name, javascript) : getParser(name);
    parsers.set(name, parser);
  }
  return parser;
}

export function languageOf(file: string): Language {
  return /\.[cm]?tsx?$/i.test(file) ? "ts" : "js";
}

/** A place where a file does not parse. `line` and `column` count from 1. */
export class SourceSyntaxError extends Error {
  constructor(
    readonly file: string,
    readonly line: number,
    readonly column: number,
    message: string,
  ) {
    super(message);
  }
}

/** Trees that were asked for last: analysis, rules and gate look at the same texts. Nobody changes a tree. */
const recent = new Map<string, { readonly source: string; readonly tree: File }>();
let recentLength = 0;
/** A tree takes about 200 bytes a character. */
const RECENT_LENGTH = 1_000_000;

/** Parses with jscodeshift's parser for the kind of file. Offsets of nodes are exact offsets into `source`. */
export function parse(source: string, file: string): File {
  const known = recent.get(file);
  if (known?.source === source) return known.tree;
  if (known) recentLength -= known.source.length;
  recent.delete(file);
  const tree = parseAnew(source, file);
  recent.set(file, { source, tree });
  recentLength += source.length;
  for (const [oldest, entry] of recent) {
    if (recentLength <= RECENT_LENGTH) break;
    recent.delete(oldest);
    recentLength -= entry.source.length;
  }
  return tree;
}

function parseAnew(source: string, file: string): File {
  try {
    return parserFor(file).parse(source) as File;
  } catch (error) {
    const { message, loc } = error as { message: string; loc?: { line: number; column: number } };
    throw new SourceSyntaxError(file, loc?.line ?? 1, (loc?.column ?? 0) + 1, message.replace(/\s*\(\d+:\d+\)$/, ""));
  }
}

export const j: JSCodeshift = jscodeshift;

/** The read-only collection that rules get. Never `j(source)`: recast's own parse moves offsets. */
export function rootOf(file: File): Collection {
  return j(file as unknown as Parameters<JSCodeshift>[0]) as unknown as Collection;
}

export type { File, Node };
