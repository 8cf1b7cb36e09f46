import { type Comment, type File, indentAt, lineEndingOf, type Node, parentMap, statementOf } from "./ast.js";
import type { EditOrigin } from "./edits.js";
import type { RuleContext } from "./rule.js";

interface Range {
  readonly start: number;
  readonly end: number;
}

/** The comments of a file between two offsets. */
export function commentsOf({ comments }: File, { start, end }: Range): Comment[] {
  return (comments ?? []).filter((comment) => start <= comment.start && comment.end <= end);
}

/** The text of the comments between two offsets, apart from those in ranges whose text stays. */
export function commentsIn(ctx: RuleContext, range: Range, kept: readonly Range[] = []): string[] {
  return commentsOf(ctx.root.get().value as File, range)
    .filter((comment) => !kept.some((part) => part.start <= comment.start && comment.end <= part.end))
    .map((comment) => ctx.source.slice(comment.start, comment.end));
}

/** Puts the comments of what a rule writes anew above the statement or class member around it, each on a line of its own. */
export function keepComments(ctx: RuleContext, node: Node, kept: readonly Range[], origin: EditOrigin): void {
  const comments = commentsIn(ctx, node, kept);
  const parents = parentMap(ctx.root.get().value as File);
  let around = statementOf(node, parents);
  for (let each: Node | undefined = node; each !== undefined && each !== around; each = parents.get(each))
    if (parents.get(each)?.type === "ClassBody") around = each;
  if (comments.length === 0 || around === undefined) return;
  const separator = lineEndingOf(ctx.source) + indentAt(ctx.source, around.start);
  ctx.edit.insertRight(around.start, comments.map((comment) => comment + separator).join(""), origin);
}
