import {
  type FunctionNode,
  functionOf,
  isFunction,
  isIdentifier,
  isNothing,
  memberName,
  type Node,
  unwrap,
} from "../shared/ast.js";
import { isTail, removableAfter } from "../shared/control-flow.js";
import { type ErrorShape, errorShape } from "./error-shape.js";
import { holdsTypes, isAwait, isPure, namesIn, ownNodes } from "./function-shape.js";
import {
  type HandlerDraft,
  type HelpedCall,
  isInCatchingTry,
  isInFinally,
  isInRegion,
  isOwn,
  refuse,
} from "./handler-draft.js";
import type { Reply, ReplyForm } from "./handler-plan.js";
import { isRestIdle } from "./idle-rest.js";
import { refuseLateChanges } from "./late-changes.js";
import { isInKindTest } from "./plan-choices.js";
import { branchesAround } from "./reply-branches.js";

/** Where a reply stands, and that nothing is left to do behind it. */
export function replyOf(draft: HandlerDraft, call: Node, isError: boolean): Reply {
  const { parents, fn, endListener, chainLinks, answersOnce } = draft;
  // It settles a promise: what stands around it stays as it is.
  if (isInRegion(draft, call)) return { ...placeOf(draft, call), settles: true };
  if (!isOwn(draft, call)) refuse("reply-in-nested-function", "a reply in a nested function");
  if (isInFinally(call, parents)) refuse("code-after-reply", "a reply in finally, which would swallow what was thrown");
  const parent = parents.get(call) as Node;
  const place = placeOf(draft, call);
  const { form } = place;
  const around = functionOf(call, parents) as FunctionNode;
  if (form === "arrow") {
    // The expression of an end listener becomes a statement of the handler.
    if (around === endListener?.listener) return { ...place, form: "statement" };
    if (around !== fn && !chainLinks.has(around)) refuse("reply-in-nested-function", "a reply in an arrow function");
    return place;
  }
  if (form === "expression") {
    const branches = branchesAround(draft, call) ?? refuse("code-after-reply", "the reply is part of an expression");
    return { ...place, form: "statement", branches };
  }
  const isStream = !answersOnce || isInKindTest(draft, parent);
  const ending = isError && isStream && form === "statement" ? endBehind(draft, parent) : undefined;
  if (ending) draft.dropped.add(ending.reference);
  const last = ending?.statement ?? parent;
  const isLast =
    form !== "statement" ||
    isTail(last, around, parents, draft.dropped, draft.isLeave) ||
    (isError && isLastEffect(draft, parent));
  if (!isLast) refuse("code-after-reply", "statements behind the reply");
  const dead =
    form === "statement"
      ? (removableAfter(last, parents, draft.dropped, draft.isLeave) ?? ending?.statement ?? null)
      : null;
  return { ...place, dead };
}

/** `call.end()` right behind an error, which wins. */
function endBehind({ parents, callReferences }: HandlerDraft, statement: Node) {
  const list = parents.get(statement)?.body as Node[] | undefined;
  const next = Array.isArray(list) ? list[list.indexOf(statement) + 1] : undefined;
  const call = next?.type === "ExpressionStatement" ? (next.expression as Node) : undefined;
  if (!next || call?.type !== "CallExpression" || memberName(call.callee) !== "end" || call.arguments.length > 0)
    return undefined;
  const reference = call.callee.object as Node;
  return callReferences.includes(reference) ? { statement: next, reference } : undefined;
}

/** An error reply without `return` that might have had one. */
export function isLastEffect({ fn, parents, scopes, answersOnce, callback }: HandlerDraft, statement: Node): boolean {
  const binding = answersOnce && isIdentifier(callback) ? scopes.bindingOf(callback) : undefined;
  const isReplyCall = (node: Node) => isIdentifier(node.callee) && binding?.references.includes(node.callee) === true;
  return binding !== undefined && isRestIdle(statement, { fn, parents, scopes, isReplyCall });
}

/**
 * A success behind which something is left to do, without a pause and without another reply: it is sent at the end of it,
 * where nobody can tell the difference. If it throws, the error is the answer in both (matrix E-24).
 */
export function keptReply(draft: HandlerDraft, call: Node): { name: string; last: Node } | null {
  const { parents, fn, scopes, callback } = draft;
  const statement = parents.get(call) as Node;
  const list = parents.get(statement);
  const around = functionOf(call, parents);
  if (statement.type !== "ExpressionStatement" || list?.type !== "BlockStatement") return null;
  if (!around || (around !== fn && around !== draft.endListener?.listener)) return null;
  const [, value] = call.arguments as Node[];
  if (!value || !canBeNamed(draft, value)) return null;
  const statements = list.body as Node[];
  const rest = statements.slice(statements.indexOf(statement) + 1);
  const last = rest.at(-1);
  if (!last || isInFinally(call, parents) || !isTail(last, around, parents)) return null;
  const uses = isIdentifier(callback) ? (scopes.bindingOf(callback)?.references ?? []) : [];
  if (uses.some((use) => statement.end <= use.start && use.end <= last.end)) return null;
  const isLeft = (node: Node) => /^(Return|Throw|Break|Continue)Statement$/.test(node.type) || isAwait(node);
  if (rest.some((each) => ownNodes(each, isLeft).length > 0)) return null;
  const name = freeName(draft);
  return name === undefined ? null : { name, last };
}

/** Without its type, TypeScript would take a literal for something wider. */
function canBeNamed({ types, file }: HandlerDraft, value: Node): boolean {
  return isIdentifier(value) || types.response !== null || !holdsTypes(file);
}

function freeName({ fn }: HandlerDraft): string | undefined {
  const names = namesIn(fn);
  return ["reply", "response", "result"].find((each) => !names.has(each));
}

function madeFirst(draft: HandlerDraft, value: Node, last: Node): { name: string; last: Node } {
  const { parents, steps } = draft;
  const block = parents.get(last);
  const isAlone = !steps.some((step) => step.kind === "value" && step.kept && parents.get(step.statement) === block);
  const canBeDeclared = block?.type === "BlockStatement" && isAlone && canBeNamed(draft, value);
  const name = canBeDeclared ? freeName(draft) : undefined;
  return { name: name ?? refuse("no-equivalent", "trailers beside a message that may fail to be made"), last };
}

/** Does evaluating it never throw, nor do anything? */
function isSurelyMade(draft: HandlerDraft, node: Node): boolean {
  const value = unwrap(node);
  const isSafe = (each: Node | null) => each !== null && isSurelyMade(draft, each);
  const isText = (each: Node) => each.type === "StringLiteral" || each.type === "TemplateLiteral";
  switch (value.type) {
    case "Identifier":
    case "ThisExpression":
      return true;
    case "ObjectExpression":
      return (value.properties as Node[]).every(
        (each) => each.type === "ObjectProperty" && !each.computed && isSafe(each.value),
      );
    case "ArrayExpression":
      return (value.elements as (Node | null)[]).every(isSafe);
    case "TemplateLiteral":
      return (value.expressions as Node[]).every(isSafe);
    case "ConditionalExpression":
      return [value.test, value.consequent, value.alternate].every(isSafe);
    case "LogicalExpression":
      return isSafe(value.left) && isSafe(value.right);
    case "BinaryExpression":
      return (
        value.operator === "+" && [value.left, value.right].some(isText) && isSafe(value.left) && isSafe(value.right)
      );
    case "OptionalMemberExpression":
      return !value.computed && isSafe(value.object);
    case "MemberExpression":
      return !value.computed && isRequest(draft, value);
    default:
      return /Literal$/.test(value.type);
  }
}

/** `call.request`, or a field of it. */
function isRequest({ callReferences }: HandlerDraft, member: Node): boolean {
  const object = unwrap(member.object);
  if (callReferences.includes(object)) return memberName(member) === "request";
  return callReferences.includes(object.object) && memberName(object) === "request";
}

/** How a reply stands in the code, whatever stands behind it. */
function placeOf(draft: HandlerDraft, call: Node): Reply {
  const parent = draft.parents.get(call) as Node;
  const isStatement = parent.type === "ExpressionStatement" || parent.type === "ReturnStatement";
  const form: ReplyForm =
    parent.type === "ExpressionStatement"
      ? "statement"
      : parent.type === "ReturnStatement"
        ? "return"
        : isFunction(parent) && parent.body === call
          ? "arrow"
          : "expression";
  return {
    node: call,
    statement: isStatement ? parent : call,
    form,
    settles: false,
    dead: null,
    inList: isStatement && isInList(draft, parent),
    branches: null,
  };
}

function isInList({ parents }: HandlerDraft, statement: Node): boolean {
  return /^(BlockStatement|SwitchCase)$/.test(parents.get(statement)?.type ?? "");
}

/** A comment between the parts of a reply would be lost with the call around it. */
export function keepComments({ file }: HandlerDraft, call: Node, kept: readonly (Node | null | undefined)[]): void {
  const isLost = (comment: { start: number; end: number }) =>
    call.start <= comment.start &&
    comment.end <= call.end &&
    !kept.some((node) => node && node.start <= comment.start && comment.end <= node.end);
  if ((file.comments ?? []).some(isLost)) refuse("edit-conflict", "a comment inside the reply");
}

export function planError(
  draft: HandlerDraft,
  call: Node,
  error: Node,
  trailers: Node | null,
  via: "callback" | "emit",
  shape: ErrorShape = errorShape(error, draft.file),
): void {
  const reply = replyOf(draft, call, true);
  if (draft.chainLinks.get(functionOf(call, draft.parents) as Node) === false)
    refuse("code-after-reply", "an error reply in then, which the catch behind it would see");
  const asRejection = !reply.settles && isInCatchingTry(call, draft.parents);
  if (asRejection && !draft.mayReject)
    refuse("code-after-reply", "an error reply inside a try with a catch, in a stream");
  if (reply.form === "arrow" && trailers && !reply.settles)
    refuse("no-equivalent", "an arrow function that replies with trailers");
  keepComments(draft, call, [error, trailers]);
  draft.steps.push({ ...reply, kind: "error", error: shape, trailers, asRejection, via });
  draft.replyNodes.add(reply.statement);
}

/** `callback(…)`: what it answers. */
export function planCallback(draft: HandlerDraft, call: Node): void {
  const [error, value, trailers = null, flags] = call.arguments as Node[];
  if ((call.arguments as Node[]).some((argument) => argument.type === "SpreadElement"))
    refuse("callback-escapes", "a spread argument");
  if (flags && !isPure(flags)) refuse("code-after-reply", "a fourth argument with effects");
  if (!error) refuse("path-without-reply", "callback() without arguments");
  const metadata = trailers && isNothing(trailers) ? null : trailers;
  if (metadata && !isIdentifier(metadata)) refuse("types-unknown", "trailers that are not a plain name");
  if (isNothing(error)) {
    if (!value || isNothing(value)) refuse("path-without-reply", "callback(null) without a message");
    const behind = isInRegion(draft, call) ? null : keptReply(draft, call);
    const reply = behind ? placeOf(draft, call) : replyOf(draft, call, false);
    if (behind || reply.settles) refuseLateChanges(draft, call, value, metadata);
    if (metadata) {
      draft.needsContext = true;
      if (!reply.inList) refuse("no-equivalent", "trailers in a reply that is not a statement of its own");
    }
    // A message that fails to be made is answered without the trailers.
    const kept = behind ?? (metadata && !isSurelyMade(draft, value) ? madeFirst(draft, value, reply.statement) : null);
    keepComments(draft, call, [value]);
    draft.steps.push({ ...reply, kind: "value", value, trailers: metadata, kept });
    draft.replyNodes.add(kept?.last ?? reply.statement);
    return;
  }
  const mayBeNull = value !== undefined && !isNothing(value) && !isErrorValue(error);
  if (!mayBeNull) {
    if (value && !isNothing(value) && !isPure(value))
      refuse("code-after-reply", "a message with effects beside an error");
    planError(draft, call, error, metadata, "callback");
    return;
  }
  const reply = replyOf(draft, call, false);
  if (draft.chainLinks.get(functionOf(call, draft.parents) as Node) === false)
    refuse("code-after-reply", "an error reply in then, which the catch behind it would see");
  const isPlaced = reply.settles ? isPure(value) : reply.inList && !isInCatchingTry(call, draft.parents);
  if (!isPlaced || !isIdentifier(unwrap(error)) || metadata)
    refuse("types-unknown", "a reply with both an error and a message");
  keepComments(draft, call, [value]);
  draft.steps.push({ ...reply, kind: "either", error, value, trailers: metadata });
  draft.replyNodes.add(reply.statement);
}

/** The call that replies by a use of the callback: one of the callback, or of a function that makes error replies. */
export function replyCallOf({ parents, helped }: HandlerDraft, reference: Node): Node | undefined {
  const call = parents.get(reference);
  if (call?.type !== "CallExpression") return undefined;
  return call.callee === reference || helped.has(call.start) ? call : undefined;
}

/** `fail(callback, …)` of a function that returns the error from now on. */
export function planHelped(
  draft: HandlerDraft,
  call: Node,
  { dropped }: HelpedCall,
  via: "callback" | "emit" = "callback",
): void {
  const given = call.arguments as Node[];
  const gone = dropped.map((index) => given[index] as Node);
  keepComments(draft, call, [call.callee, ...given.filter((argument) => !gone.includes(argument))]);
  for (const argument of gone) draft.dropped.add(argument);
  planError(draft, call, call, null, via, { kind: "made", node: call, dropped });
}

/** `helper(error, callback)` as the last thing on a path. */
export function planHanded(draft: HandlerDraft, call: Node, reference: Node): void {
  const uses = (call.arguments as Node[]).filter((argument) => argument === reference);
  if (uses.length !== 1 || reference.type !== "Identifier") refuse("callback-escapes", "passed to a function");
  if (ownNodes(call, (node) => /^(Await|Yield)Expression$/.test(node.type)).length > 0)
    refuse("callback-escapes", "passed to a function, with an await");
  if (functionOf(call, draft.parents) !== draft.fn) refuse("callback-escapes", "passed to a function");
  const name = memberName(call.callee) ?? call.callee.name ?? "a function";
  if (placeOf(draft, call).form === "expression") refuse("callback-escapes", `passed to ${name}, whose result counts`);
  const reply = replyOf(draft, call, false);
  draft.needsContext = true;
  draft.steps.push({ ...reply, kind: "handed", callback: reference.name });
  draft.replyNodes.add(reply.statement);
}

/** `call.end(trailers)`. */
export function planEnd(draft: HandlerDraft, call: Node): void {
  const [trailers = null, ...more] = call.arguments as Node[];
  if (more.length > 0 || (trailers && trailers.type === "ObjectExpression")) {
    refuse("no-equivalent", "call.end() takes trailers, not a message");
  }
  const reply = replyOf(draft, call, false);
  if (reply.form === "arrow" && !reply.settles) refuse("no-equivalent", "an arrow function that is only call.end()");
  const metadata = trailers && isNothing(trailers) ? null : trailers;
  if (metadata) {
    draft.needsContext = true;
    if (!isIdentifier(metadata)) refuse("types-unknown", "trailers that are not a plain name");
    if (!reply.inList) refuse("no-equivalent", "trailers in an end that is not a statement of its own");
  }
  const around = functionOf(call, draft.parents) as FunctionNode;
  const list = around.body.type === "BlockStatement" ? (around.body.body as Node[]) : [];
  const isInLoop = draft.dataListener !== undefined && around === draft.dataListener.listener;
  const isLast =
    !reply.settles &&
    !isInLoop &&
    reply.form === "statement" &&
    (list.at(-1) === reply.statement || around.body === reply.statement || endsTry(draft, reply, around));
  draft.steps.push({ ...reply, kind: "end", trailers: metadata, isLast });
  draft.replyNodes.add(reply.statement);
}

/** Is it the last of several statements in a `try`, behind which the function does nothing? */
function endsTry({ parents }: HandlerDraft, { statement, dead }: Reply, around: FunctionNode): boolean {
  const block = parents.get(statement) as Node;
  const isLast = block.type === "BlockStatement" && block.body.length > 1 && block.body.at(-1) === statement;
  return isLast && dead === null && parents.get(block)?.block === block && isTail(statement, around, parents);
}

/** Is this surely an error, whatever the program does? */
function isErrorValue(node: Node): boolean {
  const value = unwrap(node);
  if (value.type === "ObjectExpression" || value.type === "NewExpression") return true;
  return value.type === "CallExpression" && memberName(value.callee) === "assign";
}
