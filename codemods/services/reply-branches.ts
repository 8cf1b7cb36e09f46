import { type FunctionNode, functionOf, indentAt, isIdentifier, isNothing, type Node, unwrap } from "../shared/ast.js";
import { isTail } from "../shared/control-flow.js";
import type { EditOrigin } from "../shared/edits.js";
import type { RuleContext } from "../shared/rule.js";
import type { HandlerDraft } from "./handler-draft.js";
import { styleOf } from "./write-serve.js";

/** `found ? callback(null, found) : callback(error)`, whose branches are replies and nothing else: an `if` that returns or throws. */
export interface ReplyBranches {
  /** The tests, from the first to the last, and the replies: those of the tests, and the one behind the last `:`. */
  readonly tests: readonly Node[];
  readonly replies: readonly Node[];
  /** What becomes the `if`: a statement, or the expression of an arrow function. */
  readonly start: number;
  readonly end: number;
  /** The function is nothing but this expression. */
  readonly isBody: boolean;
}

/** The branches that a reply is one of; undefined where it is part of another expression, or something is left to do behind it. */
export function branchesAround(draft: HandlerDraft, call: Node): ReplyBranches | undefined {
  const { parents, fn, endListener, callback, scopes } = draft;
  let root = call;
  for (let parent = parents.get(root); parent; parent = parents.get(root)) {
    const isPart = parent.type === "ConditionalExpression" && parent.test !== root;
    if (!isPart && parent.type !== "ParenthesizedExpression") break;
    root = parent;
  }
  const binding = isIdentifier(callback) ? scopes.bindingOf(callback) : undefined;
  const tests: Node[] = [];
  const replies: Node[] = [];
  let rest = unwrap(root);
  for (; rest.type === "ConditionalExpression"; rest = unwrap(rest.alternate)) {
    tests.push(rest.test);
    replies.push(unwrap(rest.consequent));
  }
  replies.push(rest);
  const isReply = (node: Node) =>
    node.type === "CallExpression" &&
    isIdentifier(node.callee) &&
    binding?.references.includes(node.callee) === true &&
    (node.arguments as Node[]).slice(2).every(isNothing);
  if (tests.length === 0 || !replies.every(isReply)) return undefined;
  const container = parents.get(root) as Node;
  const around = functionOf(call, parents) as FunctionNode;
  const isBody = around.body === root && around === fn;
  const isOfListener = around.body === root && around === endListener?.listener;
  const isStatement =
    container.type === "ExpressionStatement" && isTail(container, around, parents, draft.dropped, draft.isLeave);
  if (!isBody && !isOfListener && !isStatement && container.type !== "ReturnStatement") return undefined;
  const start = container.type === "ReturnStatement" ? container.start : root.start;
  // What a comment between the branches says would be lost.
  const first = isBody ? ((fn.returnType ?? fn.params.at(-1))?.end ?? fn.start) : start;
  const isLost = (comment: { start: number; end: number }) =>
    first <= comment.start &&
    comment.end <= root.end &&
    ![...tests, ...replies].some((each) => each.start <= comment.start && comment.end <= each.end);
  if ((draft.file.comments ?? []).some(isLost)) return undefined;
  draft.replyNodes.add(isBody || isOfListener ? root : container);
  return { tests, replies, start, end: root.end, isBody };
}

/** Writes what stands around the tests and the replies; these are written by themselves. */
export function writeBranches(ctx: RuleContext, branches: ReplyBranches, origin: EditOrigin): void {
  const { tests, replies, end, isBody } = branches;
  const { source, edit } = ctx;
  const { eol, unit, end: semicolon } = styleOf(source);
  const start = isBody ? source.lastIndexOf("=>", branches.start) + "=>".length : branches.start;
  const isOneLine = !isBody && !source.slice(start, end).includes("\n");
  const outer = indentAt(source, start);
  const line = isOneLine ? "; " : `${semicolon}${eol}${outer}${isBody ? unit : ""}`;
  let from = start;
  tests.forEach((given, index) => {
    const test = given.type === "ParenthesizedExpression" ? (given.expression as Node) : given;
    const reply = replies[index] as Node;
    const open = index > 0 ? `${line}else if (` : isBody ? ` {${eol}${outer}${unit}if (` : "if (";
    if (from < test.start) edit.overwrite(from, test.start, open, origin);
    else edit.insertRight(from, open, origin);
    edit.overwrite(test.end, reply.start, ") ", origin);
    from = reply.end;
  });
  const last = replies.at(-1) as Node;
  edit.overwrite(from, last.start, `${line}else `, origin);
  if (last.end < end) edit.remove(last.end, end, origin);
  if (isBody) edit.insertLeft(end, `${semicolon}${eol}${outer}}`, origin);
}
