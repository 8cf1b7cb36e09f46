import { lineEndingOf, type Node } from "../shared/ast.js";
import type { EditOrigin } from "../shared/edits.js";
import { indentLines, unitOf } from "../shared/indentation.js";
import type { RuleContext } from "../shared/rule.js";
import type { HandlerPlan } from "./handler-plan.js";
import { indentOf } from "./planned-handlers.js";

/**
 * Puts the end of a statement list into a function that is an argument: `return new Promise((resolve) => {` before it, `});`
 * behind it, its lines one level further in. A null block stands for an arrow function's expression.
 */
export function wrapRegion(
  ctx: RuleContext,
  plan: HandlerPlan,
  region: { readonly first: Node; readonly last: Node; readonly block: Node | null },
  keyword: string,
  open: string,
  origin: EditOrigin,
): void {
  const { source, edit } = ctx;
  const { first, last, block } = region;
  if (!block) {
    edit.insertRight(first.start, open, origin);
    edit.insertLeft(last.end, ")", origin);
    return;
  }
  if (!source.slice(block.start, first.start).includes("\n")) {
    edit.insertRight(first.start, `${keyword} ${open}{ `, origin);
    edit.insertLeft(last.end, " });", origin);
    return;
  }
  const eol = lineEndingOf(source);
  const indent = indentOf(ctx, plan, first);
  const unit = unitOf(source);
  edit.insertRight(first.start, `${keyword} ${open}{${eol}${indent}${unit}`, origin);
  const end = lineEndAfter(source, last.end);
  indentLines(ctx, first.start, end, unit, origin);
  const semicolon = /[;}]/.test(source[last.end - 1] ?? "") ? ";" : "";
  edit.insertLeft(end, `${eol}${indent}})${semicolon}`, origin);
}

/** The end of the line, where only a comment follows. */
export function lineEndAfter(source: string, position: number): number {
  const rest = /^[^\r\n]*/.exec(source.slice(position))?.[0] ?? "";
  return /^\s*(\/\/.*|\/\*.*\*\/\s*)?$/.test(rest) ? position + rest.trimEnd().length : position;
}
