import {
  ancestorOf,
  type FunctionNode,
  functionOf,
  indentAt,
  isIdentifier,
  isNothing,
  isWithin,
  memberName,
  type Node,
  semicolonOf,
  walk,
} from "../shared/ast.js";
import { isTail } from "../shared/control-flow.js";
import type { EditOrigin } from "../shared/edits.js";
import { dedentLines } from "../shared/indentation.js";
import type { RuleContext } from "../shared/rule.js";
import { acceptedBy, type Nothing, refutedBy } from "./guard-values.js";
import { type Guard, type HandlerDraft, type HelpedCall, isInFinally, isInRegion, refuse } from "./handler-draft.js";
import type { Step } from "./handler-plan.js";
import { tryToLeave } from "./plan-guards-out.js";
import { keepComments } from "./plan-replies.js";
import { removeListed } from "./write-error.js";
import { styleOf } from "./write-serve.js";

type GuardedStep = Extract<Step, { kind: "guarded" }>;

/** `if (!isAllowed(call, callback)) return;`, `const user = userOf(call, callback); if (!user) return;`, and `if (user) { … }`. */
export function planGuarded(draft: HandlerDraft, call: Node, { dropped }: HelpedCall, guard: Guard): void {
  const { parents, file } = draft;
  const outer = parents.get(call) as Node;
  const asked = outer.type === "AwaitExpression" ? outer : call;
  if (guard.isAsync !== (asked !== call)) refuse("callback-escapes", "a guard that nothing waits for");
  const around = functionOf(call, parents);
  if ((around !== draft.fn && around !== draft.endListener?.listener) || isInRegion(draft, call))
    refuse("reply-in-nested-function", "a guard in a nested function");
  if (isInFinally(call, parents)) refuse("code-after-reply", "a guard in finally");
  const leaves = tryToLeave(draft, call, guard);
  const found = questionOf(draft, asked, guard) ?? refuse("callback-escapes", "passed to a function");
  const { check, leave, block, start } = found;
  const isIn = (comment: { start: number; end: number }, node: { start: number; end: number }) =>
    node.start <= comment.start && comment.end <= node.end;
  const isLost = (comment: { start: number; end: number }) =>
    isIn(comment, { start, end: check.end }) && ![asked, block].some((node) => node && isIn(comment, node));
  if ((file.comments ?? []).some(isLost)) refuse("edit-conflict", "a comment beside the guard");
  const given = call.arguments as Node[];
  const gone = dropped.map((index) => given[index] as Node);
  keepComments(draft, call, [call.callee, ...given.filter((argument) => !gone.includes(argument))]);
  for (const argument of gone) draft.dropped.add(argument);
  draft.steps.push({ kind: "guarded", node: call, asked, check, leave, block, dropped, leaves });
}

/** The `if` behind a guard. */
interface Question {
  readonly check: Node;
  /** The `return;` of a guard that gave nothing; or the block of one that gave something, behind which the handler ends. */
  readonly leave: Node | null;
  readonly block: Node | null;
  /** Where what goes begins. */
  readonly start: number;
}

/** What the handler does when the guard gave nothing. */
function questionOf(draft: HandlerDraft, asked: Node, guard: Guard): Question | undefined {
  const { parents, scopes } = draft;
  const around = ancestorOf(asked, parents, (node) => !INSIDE_TEST.test(node.type));
  if (around?.type === "IfStatement" && isWithin(asked, around.test))
    return answerOf(draft, around, (node) => node === asked, guard, around.start);
  const holder = parents.get(asked) as Node;
  const statement = parents.get(holder) as Node;
  const list = parents.get(statement);
  const isAlone = holder.type === "VariableDeclarator" && holder.init === asked && statement.declarations.length === 1;
  if (!isAlone || !isIdentifier(holder.id) || guard.isTyped || list?.type !== "BlockStatement") return undefined;
  const check = (list.body as Node[])[(list.body as Node[]).indexOf(statement) + 1];
  if (check?.type !== "IfStatement") return undefined;
  const isMeant = (node: Node) => isIdentifier(node) && scopes.bindingOf(node) === scopes.bindingOf(holder.id);
  return answerOf(draft, check, isMeant, guard, statement.end);
}

const INSIDE_TEST = /^(Unary|Binary|Parenthesized)Expression$/;

/** The test tells all that the guard refuses from all else that it gives. */
function answerOf(
  draft: HandlerDraft,
  check: Node,
  isMeant: (node: Node) => boolean,
  { refused, excluded }: Guard,
  start: number,
): Question | undefined {
  const fits = (kinds: readonly Nothing[]) =>
    refused.every((kind) => kinds.includes(kind)) && kinds.every((kind) => excluded.includes(kind));
  if (fits(acceptedBy(check.test, isMeant))) {
    const leave = leaveOf(check);
    return leave && { check, leave, block: null, start };
  }
  const block = check.consequent as Node;
  const isWhole = fits(refutedBy(check.test, isMeant)) && block.type === "BlockStatement" && !check.alternate;
  return isWhole && isLastIn(draft, check) && isFree(draft, block) ? { check, leave: null, block, start } : undefined;
}

/** Does the handler end with a statement? */
function isLastIn({ parents }: HandlerDraft, statement: Node): boolean {
  const list = parents.get(statement);
  const around = functionOf(statement, parents) as FunctionNode;
  return list?.type === "BlockStatement" && list.body.at(-1) === statement && isTail(statement, around, parents);
}

/** May the declarations of a block stand in the one around it? */
function isFree({ scopes, fn, file }: HandlerDraft, block: Node): boolean {
  const names = [...scopes.scopeOf(block).bindings.keys()];
  const last = (block.body as Node[]).at(-1);
  const isClosing = (comment: { start: number; end: number }) =>
    last !== undefined && last.end <= comment.start && comment.end <= block.end;
  const uses = namesAround(fn, block);
  return last !== undefined && !names.some((name) => uses.has(name)) && !(file.comments ?? []).some(isClosing);
}

export function namesAround(fn: Node, block: Node): ReadonlySet<string> {
  const found = new Set<string>();
  walk(fn, (node, [parent]) => {
    const isMember = parent && memberName(parent) !== undefined && parent.property === node;
    if (isIdentifier(node) && !isMember) found.add(node.name);
    return node !== block;
  });
  return found;
}

/** The `return;` that is all that an `if` does. */
function leaveOf({ consequent, alternate }: Node): Node | undefined {
  const statements = (consequent.type === "BlockStatement" ? consequent.body : [consequent]) as Node[];
  const [only, ...more] = statements;
  if (alternate || more.length > 0 || only?.type !== "ReturnStatement") return undefined;
  const { argument } = only;
  return !argument || isNothing(argument) || argument.type === "BooleanLiteral" ? only : undefined;
}

export function writeGuarded(ctx: RuleContext, step: GuardedStep, origin: EditOrigin): string {
  const { node, asked, check, leave, block, dropped } = step;
  const { source, edit } = ctx;
  removeListed(ctx, node.arguments as Node[], dropped, origin);
  const isInside = check.start <= asked.start;
  if (isInside) edit.overwrite(check.start, asked.start, "", origin);
  if (block) {
    writeBlock(ctx, isInside ? asked.end : check.start, check, block, origin);
  } else if (isInside) {
    const next = source.slice(check.end).trimStart()[0] ?? "";
    const close = (leave && semicolonOf(source, leave)) || (/[([`+\-/]/.test(next) ? ";" : "");
    edit.overwrite(asked.end, check.end, close, origin);
  } else {
    edit.remove(source.slice(0, check.start).trimEnd().length, check.end, origin);
  }
  return "guard(call, callback)";
}

/** What stands in a block comes to stand where its `if` begins, or behind the guard that was the test. */
function writeBlock(ctx: RuleContext, from: number, check: Node, block: Node, origin: EditOrigin): void {
  const { source, edit } = ctx;
  const inside = source.slice(block.start + 1, block.end - 1);
  const [start, end] = [block.end - 1 - inside.trimStart().length, block.start + 1 + inside.trimEnd().length];
  const outer = indentAt(source, check.start);
  const { eol, end: semicolon } = styleOf(source);
  const close = semicolon || (/[([`+\-/]/.test(source[start] ?? "") ? ";" : "");
  edit.overwrite(from, start, from === check.start ? "" : `${close}${eol}${outer}`, origin);
  dedentLines(ctx, start, end, outer, indentAt(source, start), origin);
  edit.remove(end, check.end, origin);
}
