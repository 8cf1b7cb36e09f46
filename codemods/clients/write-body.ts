import { type Node, startWithComments } from "../shared/ast.js";
import { unitOf } from "../shared/indentation.js";
import type { RuleContext } from "../shared/rule.js";
import { beginsLine, indentOf, type Layout, layoutAt } from "./layout.js";
import type { PromiseBody } from "./plan-body.js";

interface Origin {
  readonly rule: string;
  readonly outcome: "idiomatic";
}

/** How the statements of an executor are laid out as those of a function. */
export function layoutInBody(ctx: RuleContext, { holder, statement }: PromiseBody): Layout {
  const { eol } = layoutAt(ctx, statement.start);
  const unit = unitOf(ctx.source);
  const isOwnLine = beginsLine(ctx.source, statement.start);
  const outer = indentOf(ctx, isOwnLine ? statement.start : holder.start);
  const base = isOwnLine || holder.type === "ReturnStatement" ? outer : outer + unit;
  return { eol, at: [base, base, base + unit] };
}

/** What stands before the executor's statements goes, and the function around becomes async. */
export function openBody(ctx: RuleContext, body: PromiseBody, layout: Layout, origin: Origin): void {
  const { promise, holder, executor, asyncAt, type } = body;
  const { source, edit } = ctx;
  if (asyncAt !== null) edit.insertRight(asyncAt, "async ", origin);
  if (type) {
    const { argument, fn } = type;
    const close = source.lastIndexOf(")", fn.body.start);
    edit.insertLeft(close + 1, `: Promise${source.slice(argument.start, argument.end)}`, origin);
  }
  const block = executor.body.type === "BlockStatement" ? (executor.body as Node) : undefined;
  const first = block ? startWithComments(source, block.body[0]) : (executor.body.start as number);
  const isLine = block && beginsLine(source, first);
  if (holder.type === "ReturnStatement") edit.overwrite(holder.start, first, "", origin);
  else if (isLine) edit.overwrite(promise.start, block.start + 1, "{", origin);
  else edit.overwrite(promise.start, first, `{${layout.eol}${layout.at[0]}`, origin);
}

/** `resolve(value)` -> `return value`, `reject(reason)` -> `throw reason`; those of `gone` need no text. */
export function writeSettles(ctx: RuleContext, { settles }: PromiseBody, gone: Node | null, origin: Origin): void {
  const { edit } = ctx;
  for (const { call, keyword, statement, after } of settles) {
    if (gone && gone.start <= call.start && call.end <= gone.end) continue;
    const [value] = call.arguments as Node[];
    const start = statement?.start ?? call.start;
    if (value) {
      edit.overwrite(start, value.start, `${keyword} `, origin);
      edit.remove(value.end, call.end, origin);
    } else edit.overwrite(start, call.end, keyword === "throw" ? "throw undefined" : "return", origin);
    if (statement && after) edit.remove(statement.end, after.end, origin);
  }
}

/** From what stays last to the end of what held the promise. */
export function closePromise(
  ctx: RuleContext,
  { promise, holder }: PromiseBody,
  from: number,
  semicolon: string,
  origin: Origin,
): void {
  const { eol } = layoutAt(ctx, holder.start);
  if (holder.type === "ReturnStatement") ctx.edit.overwrite(from, holder.end, semicolon, origin);
  else ctx.edit.overwrite(from, promise.end, `${semicolon}${eol}${indentOf(ctx, holder.start)}}`, origin);
}
