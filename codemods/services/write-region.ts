import { indentAt, lineEndingOf, type Node, startWithComments } from "../shared/ast.js";
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
  region: { readonly first: Node; readonly last: Node; readonly block: Node | null; readonly leads?: readonly Node[] },
  keyword: string,
  open: string,
  origin: EditOrigin,
): void {
  const { source, edit } = ctx;
  const { first, last, block, leads = [] } = region;
  // What is moved to the place in front of the loop may come first.
  const [beginning = first] = leads.filter((lead) => lead.start > first.start && beginsWithLoop(plan, first));
  if (!block) {
    edit.insertRight(first.start, open, origin);
    edit.insertLeft(last.end, ")", origin);
    return;
  }
  if (!source.slice(block.start, first.start).includes("\n") && leads.length === 0) {
    edit.insertRight(first.start, `${keyword} ${open}{ `, origin);
    edit.insertLeft(last.end, " });", origin);
    return;
  }
  const eol = lineEndingOf(source);
  const indent = indentOf(ctx, plan, first);
  const unit = unitOf(source);
  edit.insertRight(beginning.start, `${keyword} ${open}{${eol}${indent}${unit}`, origin);
  const end = lineEndAfter(source, last.end);
  indentLines(ctx, beginning === first ? first.start : lineBefore(source, first), end, unit, origin);
  for (const lead of leads)
    indentLines(ctx, lead === beginning ? lead.start : lineBefore(source, lead), lead.end, unit, origin);
  const semicolon = /[;}]/.test(source[last.end - 1] ?? "") ? ";" : "";
  edit.insertLeft(end, `${eol}${indent}})${semicolon}`, origin);
}

function beginsWithLoop({ steps }: HandlerPlan, first: Node): boolean {
  return steps.some((step) => step.kind === "data-listener" && step.statement === first);
}

/** The line break before a statement and the comments on it. */
function lineBefore(source: string, statement: Node): number {
  const start = startWithComments(source, statement);
  return start - indentAt(source, start).length - 1;
}

/** The end of the line, where only a comment follows. */
export function lineEndAfter(source: string, position: number): number {
  const rest = /^[^\r\n]*/.exec(source.slice(position))?.[0] ?? "";
  return /^\s*(\/\/.*|\/\*.*\*\/\s*)?$/.test(rest) ? position + rest.trimEnd().length : position;
}
