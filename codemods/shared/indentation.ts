import { type Node, parentMap } from "./ast.js";
import type { Edit, EditOrigin } from "./edits.js";
import type { RuleContext } from "./rule.js";

/** One level of indentation, as the file has it. */
export function unitOf(source: string): string {
  if (/^\t/m.test(source)) return "\t";
  const widths = [...source.matchAll(/^( +)\S/gm)]
    .map((match) => (match[1] as string).length)
    .filter((width) => width > 1);
  return " ".repeat(widths.length === 0 ? 2 : Math.min(...widths, 8));
}

/** Moves the lines that begin between two offsets in, as far as no edit writes their beginning anew. */
export function indentLines(ctx: RuleContext, start: number, end: number, by: string, origin: EditOrigin): void {
  const { source, edit } = ctx;
  for (const line of linesBetween(ctx, start, end)) {
    const isBlank = /^[ \t]*\r?\n/.test(source.slice(line));
    if (!isBlank && !edit.edits.some((each) => takesBeginning(source, each, line))) edit.insertRight(line, by, origin);
  }
}

/** Takes `inner` minus `outer` off the indentation of the lines that begin between two offsets. */
export function dedentLines(
  ctx: RuleContext,
  start: number,
  end: number,
  outer: string,
  inner: string,
  origin: EditOrigin,
): void {
  const { source, edit } = ctx;
  if (inner.length <= outer.length || !inner.startsWith(outer)) return;
  for (const line of linesBetween(ctx, start, end)) {
    if (!source.startsWith(inner, line)) continue;
    // Where the line has been moved out already, it is moved further; one whose start another edit takes has no indentation.
    const moved = edit.edits.filter((each) => each.start === line && each.text === "" && each.end > line);
    const from = Math.max(line, ...moved.map((each) => each.end));
    const to = from + inner.length - outer.length;
    if (source.slice(line, to).trim() !== "") continue;
    if (edit.edits.some((each) => each.start < to && from < each.end)) continue;
    edit.unindent(from, to, origin);
  }
}

/** The text of a node with its lines moved from one indentation to another. */
export function textMoved(source: string, file: Node, node: Node, from: string, to: string): string {
  let text = source.slice(node.start, node.end);
  for (const line of linesOf(source, file, node.start, node.end).reverse()) {
    const at = line - node.start;
    if (text.startsWith(from, at)) text = text.slice(0, at) + to + text.slice(at + from.length);
  }
  return text;
}

function linesBetween(ctx: RuleContext, start: number, end: number): number[] {
  return linesOf(ctx.source, ctx.root.get().value as Node, start, end);
}

/** Where the lines between two offsets begin, apart from those whose beginning is text of a template literal. */
function linesOf(source: string, file: Node, start: number, end: number): number[] {
  const literals = literalsOf(file);
  const lines: number[] = [];
  for (let line = source.indexOf("\n", start) + 1; line > 0 && line < end; line = source.indexOf("\n", line) + 1)
    if (!literals.some((literal) => literal.start < line && line < literal.end)) lines.push(line);
  return lines;
}

const literals = new WeakMap<Node, readonly Node[]>();

function literalsOf(file: Node): readonly Node[] {
  let found = literals.get(file);
  if (!found) {
    found = [...parentMap(file).keys()].filter((node) => node.type === "TemplateLiteral");
    literals.set(file, found);
  }
  return found;
}

/** Does a line begin with what an edit writes, or not at all any more? One that loses indentation only still does. */
function takesBeginning(source: string, { start, end, text }: Edit, line: number): boolean {
  if (start < line) return line < end;
  return start === line && text === "" && source.slice(start, end).trim() !== "";
}
