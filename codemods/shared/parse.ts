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

/** Parses with jscodeshift's parser for the kind of file. Offsets of nodes are exact offsets into `source`. */
export function parse(source: string, file: string): File {
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
