import {
  ancestorOf,
  type File,
  isFunction,
  isIdentifier,
  isNothing,
  memberName,
  type Node,
  statementOf,
  unwrap,
  withCasts,
} from "../shared/ast.js";
import { LOOPS } from "../shared/control-flow.js";
import type { TakenParameter } from "./call-parameter.js";
import { memberOfPart, planProperty, propertyOfPart } from "./call-properties.js";
import { isTakenApart, usesThis } from "./function-shape.js";
import { type HandlerDraft, isInRegion, isOwn, refuse } from "./handler-draft.js";
import type { TakenPart } from "./handler-plan.js";
import { isHeaderKey } from "./header-values.js";
import { refuseChangedMessage } from "./late-changes.js";
import { refuseChanges } from "./metadata-changes.js";
import { planEnd, planError, planHelped, replyCallOf } from "./plan-replies.js";
import { isResultAsked } from "./write-result.js";

const MEMBER_CALLS = { getPath: "path", getPeer: "peer", getHost: "host", getDeadline: "deadline" } as const;

/** What one use of `call` becomes. */
export function planCall(draft: HandlerDraft, reference: Node): void {
  const { parents, steps, answersOnce, streamsIn, dataListener } = draft;
  const parent = parents.get(reference) as Node;
  // `for await (const item of call as AsyncIterable<Item>)`, too.
  const iterated = withCasts(reference, parents);
  const loop = parents.get(iterated);
  if (streamsIn && loop?.type === "ForOfStatement" && loop.await && loop.right === iterated) {
    if (!isOwn(draft, reference)) refuse("reply-in-nested-function", "for await in a nested function");
    steps.push({ kind: "requests", node: reference });
    return;
  }
  if (draft.kept.has(reference) && isInRegion(draft, reference)) {
    steps.push({ kind: "kept", node: reference });
    return;
  }
  const own = draft.helped.get(parent.start);
  if (own && !own.guard && replyCallOf(draft, reference)) {
    planHelped(draft, parent, own, "emit");
    return;
  }
  const takes = parent.type === "CallExpression" && own?.guard?.takes;
  if (takes) {
    if (takes.request && streamsIn) refuse("no-equivalent", "call.request on an incoming stream");
    if (takes.context) draft.needsContext = true;
    steps.push({ kind: "given-on", node: reference, takes });
    return;
  }
  const read = draft.read.get(reference.start);
  if (read) {
    const { readsRequest, isParent } = read;
    if (readsRequest && streamsIn) refuse("no-equivalent", "call.request on an incoming stream");
    draft.needsContext = true;
    steps.push(isParent ? { kind: "parent", node: reference } : { kind: "read-call", node: reference, readsRequest });
    return;
  }
  if (planProperty(draft, reference)) return;
  const value = withCasts(reference, parents);
  const taking = parents.get(value) as Node;
  if (isTakenApart(value, taking)) {
    planTakenApart(draft, taking, value !== reference);
    return;
  }
  const name = parent.object === reference ? memberName(parent) : undefined;
  if (name === undefined || parent.type !== "MemberExpression") refuse("call-escapes", describeUse(parent));
  const whole = parents.get(parent) as Node;
  const isCalled = whole.type === "CallExpression" && whole.callee === parent;
  const isStatement = isCalled && parents.get(whole)?.type === "ExpressionStatement";
  const isWritten =
    (whole.type === "AssignmentExpression" && whole.left === parent) ||
    whole.type === "UpdateExpression" ||
    (whole.type === "UnaryExpression" && whole.operator === "delete");
  if (isWritten) refuse("call-escapes", `call.${name} is assigned`);
  switch (name) {
    case "request":
      if (streamsIn) refuse("no-equivalent", "call.request on an incoming stream");
      steps.push({ kind: "request", node: parent });
      return;
    case "metadata":
      planMetadata(draft, parent, whole);
      return;
    case "cancelled":
      draft.needsContext = true;
      // grpc-js sets it at the end of every call.
      steps.push({ kind: "cancelled", node: parent, mayBeLate: !isOwn(draft, parent) || isInRegion(draft, parent) });
      return;
    case "getPath":
    case "getPeer":
    case "getHost":
    case "getDeadline":
      if (!isCalled) break;
      draft.needsContext = true;
      steps.push({ kind: MEMBER_CALLS[name], node: whole });
      return;
    case "sendMetadata":
      if (!isStatement || !isOwn(draft, whole) || (whole.arguments as Node[]).length !== 1) break;
      if (steps.some((step) => step.kind === "send-metadata") || (answersOnce && isRepeated(draft, whole)))
        refuse("no-equivalent", "a second call.sendMetadata, which grpc-js ignores");
      draft.needsContext = true;
      steps.push({ kind: "send-metadata", node: whole, metadata: whole.arguments[0], flush: !answersOnce });
      return;
    case "on":
    case "once":
    case "addListener": {
      if (draft.listeners.some((one) => one.statement === statementOf(whole, parents)) && dataListener) return;
      const [event, listener, ...more] = (isCalled ? whole.arguments : []) as Node[];
      if (
        isStatement &&
        event?.type === "StringLiteral" &&
        (event.value === "cancelled" || (event.value === "close" && !answersOnce)) &&
        listener &&
        more.length === 0
      ) {
        planCancelled(draft, whole, event.value, listener);
        return;
      }
      refuse("reply-in-nested-function", `call.${name}(${event?.type === "StringLiteral" ? `"${event.value}"` : "…"})`);
      break;
    }
    case "write":
      if (answersOnce || !isCalled) break;
      if (!isStatement && !isUnaskedBody(draft, whole)) break;
      if (!isInRegion(draft, whole)) {
        if (!isOwn(draft, whole)) refuse("reply-in-nested-function", "call.write in a nested function");
        if (!isStatement && dataListener?.listener.body !== whole) break;
      }
      if (
        (whole.arguments as Node[]).length !== 1 ||
        isNothing(whole.arguments[0]) ||
        whole.arguments[0].type === "SpreadElement"
      ) {
        refuse("no-equivalent", "call.write with more than a message");
      }
      if (isInRegion(draft, whole)) refuseChangedMessage(draft, whole, whole.arguments[0]);
      steps.push({ kind: "write", node: whole, value: whole.arguments[0], isPushed: isInRegion(draft, whole) });
      return;
    case "end":
      if (answersOnce || !isCalled) break;
      planEnd(draft, whole);
      return;
    case "emit": {
      const [event, error] = (isCalled ? whole.arguments : []) as Node[];
      if (event?.type !== "StringLiteral" || event.value !== "error" || !error) break;
      // grpc-js looks into what it is given: nothing at all is another error there than behind a callback.
      if (/^(Optional)?MemberExpression$|^OptionalCall/.test(unwrap(error).type) || isNothing(error))
        refuse("types-unknown", "an error that may be missing");
      planError(draft, whole, error, null, "emit");
      return;
    }
    default:
  }
  refuse("call-escapes", `call.${name}`);
}

/** Is it the body of an arrow, of which nobody asks what it returns? */
function isUnaskedBody(draft: HandlerDraft, call: Node): boolean {
  const fn = draft.parents.get(call);
  return isFunction(fn) && fn.body === call && !isResultAsked(draft, fn);
}

/** `const { request, metadata } = call;` */
function planTakenApart(draft: HandlerDraft, declarator: Node, isCast: boolean): void {
  const { parents, steps, streamsIn, scopes, fn, file } = draft;
  const pattern = declarator.id as Node;
  const parts = (pattern.properties as Node[]).map((property): TakenPart => {
    const value = property.value as Node;
    if (value.type === "AssignmentPattern" || pattern.typeAnnotation) refuse("call-escapes", describeUse(declarator));
    const name = propertyOfPart(draft, property);
    if (name !== undefined) return { member: "property", name, value };
    const member = memberOfPart(property);
    if (member !== "metadata" && (member !== "request" || streamsIn)) refuse("call-escapes", describeUse(declarator));
    // `call as any` says something else of the request, too.
    if (isCast) refuse("call-escapes", describeUse(declarator));
    if (member === "metadata") refuseChanges(draft, declarator.init as Node, declarator, value);
    return { member, value };
  });
  if (parts.length === 0) refuse("call-escapes", describeUse(declarator));
  if (parts.some(({ member }) => member !== "request")) draft.needsContext = true;
  const statement = parents.get(declarator) as Node;
  const binding = parts.length === 1 && isIdentifier(parts[0]?.value) ? scopes.bindingOf(parts[0]?.value) : undefined;
  const isWhole =
    parts[0]?.member === "request" &&
    binding?.writes.length === 0 &&
    statement.kind === "const" &&
    statement.declarations.length === 1 &&
    parents.get(statement) === fn.body &&
    !hasCommentBeside(file, statement, fn.body);
  steps.push({ kind: "taken-apart", node: declarator, parts, statement: isWhole ? statement : null });
}

/** Does a comment stand between a statement and those around it? */
function hasCommentBeside(file: File, statement: Node, { start, end, body }: Node): boolean {
  const index = body.indexOf(statement);
  const from = body[index - 1]?.end ?? start;
  const to = body[index + 1]?.start ?? end;
  return (file.comments ?? []).some((comment) => from <= comment.start && comment.end <= to);
}

/** May it run more than once for a call: in a loop, or for each message that comes in? */
function isRepeated({ parents, fn, dataListener }: HandlerDraft, node: Node): boolean {
  const isAround = (around: Node) => around === fn || around === dataListener?.listener || LOOPS.test(around.type);
  return ancestorOf(node, parents, isAround) !== fn;
}

/**
 * grpc-js emits `cancelled` at the end of every call, and so does `ctx.onOver`; the signal aborts only calls that failed. The stream of
 * responses emits `close` then, too, before it or behind it.
 */
function planCancelled(draft: HandlerDraft, call: Node, event: "cancelled" | "close", listener: Node): void {
  draft.needsContext = true;
  if (draft.steps.some((step) => step.kind === "on-cancelled" && step.event !== event))
    refuse("no-equivalent", "listeners for both cancelled and close");
  if (listener.type === "FunctionExpression" && usesThis(listener)) refuse("call-escapes", "this of a listener");
  if (!isFunction(listener) && !isIdentifier(listener)) refuse("types-unknown", "the listener of cancelled");
  draft.steps.push({ kind: "on-cancelled", node: call, event, listener });
}

/** What the uses of a part of `({ request, metadata }, callback)` become. */
export function planTakenPart(draft: HandlerDraft, { property, references }: TakenParameter): void {
  for (const node of references) {
    if (property === undefined) planMetadata(draft, node, draft.parents.get(node) as Node);
    else draft.steps.push({ kind: "property", node, name: property });
    draft.needsContext = true;
  }
}

function planMetadata(draft: HandlerDraft, member: Node, whole: Node): void {
  const { parents, steps } = draft;
  draft.needsContext = true;
  const call = parents.get(whole) as Node;
  if (memberName(whole) === "get" && call.type === "CallExpression" && call.callee === whole) {
    const [key] = call.arguments as Node[];
    const index = parents.get(call) as Node;
    const isFirst =
      index.type === "MemberExpression" &&
      index.computed &&
      index.object === call &&
      index.property.type === "NumericLiteral" &&
      index.property.value === 0;
    if (isFirst && key?.type === "StringLiteral" && !/-bin$/i.test(key.value)) {
      steps.push({ kind: "metadata-first", node: index, key });
      return;
    }
    const isOneKey = key?.type === "StringLiteral" && (call.arguments as Node[]).length === 1;
    if (isOneKey && (isHeaderKey(key.value) || /^user-agent$/i.test(key.value))) {
      steps.push({ kind: "metadata-values", node: call, key });
      return;
    }
  }
  refuseChanges(draft, member, whole);
  steps.push({ kind: "metadata", node: member });
}

/** How a value is handed on. */
export function describeUse(parent: Node): string {
  if (parent.type === "CallExpression" || parent.type === "NewExpression") return "passed to a function";
  if (parent.type === "VariableDeclarator" || parent.type === "AssignmentExpression") return "kept in a variable";
  if (parent.type === "SpreadElement") return "spread";
  if (parent.type === "ObjectProperty") return "kept in an object";
  return "used as a value";
}
