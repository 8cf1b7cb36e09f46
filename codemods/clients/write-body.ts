import { beginsLine, type Node } from "../shared/ast.js";
import { unitOf } from "../shared/indentation.js";
import type { RuleContext } from "../shared/rule.js";
import { indentOf, type Layout, layoutAt } from "./layout.js";
import { type InPlace, isStatement, type PromiseBody } from "./plan-body.js";

interface Origin {
  readonly rule: string;
  readonly outcome: "idiomatic";
}

/** How a call is laid out that is awaited in its place: in an executor as a statement of the function around it. */
export function layoutInPlace(ctx: RuleContext, { statement, promise }: InPlace): Layout {
  const { eol, at } = layoutAt(ctx, statement.start);
  if (!promise) return { eol, at: [at[0], at[0], at[1]] };
  const { holder } = promise;
  const unit = unitOf(ctx.source);
  const isOwnLine = beginsLine(ctx.source, statement.start);
  const outer = indentOf(ctx, isOwnLine ? statement.start : holder.start);
  const base = isOwnLine || isStatement(holder) ? outer : outer + unit;
  return { eol, at: [base, base, base + unit] };
}

/** What stands before the executor's statements goes, and the function around becomes async. */
export function openBody(ctx: RuleContext, body: PromiseBody, layout: Layout, origin: Origin): void {
  const { promise, holder, executor, asyncAt, type, fn } = body;
  const { source, edit } = ctx;
  if (asyncAt !== null) edit.insertRight(asyncAt, "async ", origin);
  const said = type ? `: Promise${source.slice(type.start, type.end)}` : "";
  if (said && fn) edit.insertLeft(source.lastIndexOf(")", fn.body.start) + 1, said, origin);
  const block = executor.body.type === "BlockStatement" ? (executor.body as Node) : undefined;
  // A comment may come first.
  const first = block ? source.slice(block.start + 1).search(/\S/) + block.start + 1 : (executor.body.start as number);
  const isLine = block && beginsLine(source, first);
  if (isStatement(holder)) edit.overwrite(holder.start, first, "", origin);
  else if (!fn) {
    const open = `(async ()${said} => {`;
    if (isLine) edit.overwrite(promise.start, (block as Node).start + 1, open, origin);
    else edit.overwrite(promise.start, first, `${open}${layout.eol}${layout.at[0]}`, origin);
  } else {
    // The brace stands behind the arrow, or behind a comment on it.
    const arrow = source.slice(0, promise.start).trimEnd();
    const [from, brace] = arrow.endsWith("=>") ? [arrow.length, " {"] : [promise.start, "{"];
    if (isLine) edit.overwrite(from, block.start + 1, brace, origin);
    else edit.overwrite(from, first, `${brace}${layout.eol}${layout.at[0]}`, origin);
  }
}

/** `resolve(value)` -> `return value`, `reject(reason)` -> `throw reason` */
export function writeSettles(ctx: RuleContext, { settles, dead }: PromiseBody, origin: Origin): void {
  const { edit } = ctx;
  for (const { start, end } of dead) edit.remove(start, end, origin);
  for (const { call, keyword, statement, after, before } of settles) {
    const [value] = call.arguments as Node[];
    const start = statement?.start ?? call.start;
    if (before && statement) {
      edit.remove(before.end, statement.end, origin);
      continue;
    }
    if (value) {
      edit.overwrite(start, value.start, `${keyword} `, origin);
      edit.remove(value.end, call.end, origin);
    } else edit.overwrite(start, call.end, keyword === "throw" ? "throw undefined" : "return", origin);
    if (statement && after) edit.remove(statement.end, after.end, origin);
  }
}

/** From what stays last of a callback to the end of its call, or of what held the promise. */
export function closeInPlace(
  ctx: RuleContext,
  { statement, promise, moved }: InPlace,
  from: number,
  semicolon: string,
  origin: Origin,
): void {
  if (moved) {
    ctx.edit.overwrite(from, moved.start, semicolon, origin);
    closeInPlace(ctx, { statement, promise, isThrownOnly: null, moved: null }, moved.end, "", origin);
    return;
  }
  if (!promise || isStatement(promise.holder)) {
    ctx.edit.overwrite(from, (promise?.holder ?? statement).end, semicolon, origin);
    return;
  }
  const { eol } = layoutAt(ctx, promise.holder.start);
  const close = promise.fn ? "}" : "})()";
  ctx.edit.overwrite(
    from,
    promise.promise.end,
    `${semicolon}${eol}${indentOf(ctx, promise.holder.start)}${close}`,
    origin,
  );
}
