import {
  type FunctionNode,
  functionOf,
  isFunction,
  isIdentifier,
  isWithin,
  listWith,
  memberName,
  type Node,
  statementOf,
  walk,
} from "../shared/ast.js";
import { insideLoop, isAwait, ownNodes, returnsIn, usesThis } from "./function-shape.js";
import { type CallListener, type HandlerDraft, refuse } from "./handler-draft.js";
import type { Mode } from "./handler-plan.js";
import { isQuiet } from "./quiet-listener.js";
import { statementsOfFlags } from "./settled-flag.js";

/** `once` is `on` for what happens once: the end and the cancellation, but no message. */
const LISTENING = /^(on|once|addListener)$/;

/** The listeners on the call that are statements of the handler's body. */
export function findListeners(draft: HandlerDraft): void {
  const { parents } = draft;
  for (const reference of draft.callReferences) {
    const calls: Node[] = [];
    for (let object = reference; ; object = calls.at(-1) as Node) {
      const member = parents.get(object) as Node;
      const call = parents.get(member);
      const isOn = LISTENING.test(memberName(member) ?? "") && member.object === object;
      if (!isOn || call?.type !== "CallExpression" || call.callee !== member) break;
      calls.push(call);
    }
    const found = calls.map((_, index) => listenerAt(draft, calls, index));
    if (found.every((one) => one && ["data", "end", "error"].includes(one.event)))
      draft.listeners.push(...(found as CallListener[]));
  }
  draft.dataListener = draft.listeners.find((one) => one.event === "data");
  draft.endListener = draft.listeners.find((one) => one.event === "end");
}

function listenerAt({ parents, fn }: HandlerDraft, calls: readonly Node[], index: number): CallListener | undefined {
  const [call, last] = [calls[index], calls.at(-1)] as [Node, Node];
  const statement = parents.get(last);
  if (statement?.type !== "ExpressionStatement" || parents.get(statement) !== fn.body) return undefined;
  const [event, listener, ...rest] = call.arguments as Node[];
  if (event?.type !== "StringLiteral" || !isFunction(listener) || rest.length > 0) return undefined;
  if (event.value === "data" && memberName(call.callee) === "once") return undefined;
  const before = calls[index - 1];
  const part = {
    start: before?.end ?? statement.start,
    end: call === last ? statement.end : call.end,
    isLater: before !== undefined,
  };
  return { event: event.value, listener, statement, part };
}

/** The server's call emits no error of its own, so what stands in a listener for it never runs (matrix H-36). */
export function isInDeadListener({ listeners, dataListener }: HandlerDraft, node: Node): boolean {
  return (
    dataListener !== undefined &&
    listeners.some(({ event, listener }) => event === "error" && listener.start < node.start && node.end < listener.end)
  );
}

/** One listener for data and one for the end, as the last things that the handler does, become a loop and what follows it. */
export function planListeners(draft: HandlerDraft, mode: Mode): void {
  const { fn, listeners, dataListener, endListener, steps, inlined } = draft;
  if (!draft.streamsIn) refuse("no-equivalent", "stream events on a call without incoming messages");
  const body = fn.body.body as Node[];
  const count = (event: string) => listeners.filter((one) => one.event === event).length;
  const isConversation = mode === "conversation";
  // What is pushed stays open where nothing ends it, as it does without a listener for the end.
  if (!dataListener || (!endListener && !isConversation) || count("data") > 1 || count("end") > 1) {
    refuse("reply-in-nested-function", "listeners that are not one for data and one for end");
  }
  const first = body.indexOf(dataListener.statement);
  const registering = new Set(listeners.map((one) => one.statement));
  const isInOrder = !endListener || dataListener.part.start < endListener.part.start;
  for (const statement of body.slice(first)) {
    if (isFunction(statement) || statement.type === "EmptyStatement" || registering.has(statement)) continue;
    // No message comes before the handler has run: what it does behind the listeners it may do before the loop.
    if (!/^(ExpressionStatement|VariableDeclaration)$/.test(statement.type) || ownNodes(statement, isAwait).length > 0)
      refuse("code-after-reply", "statements behind the listeners of the incoming stream");
    steps.push({ kind: "moved", statement, before: dataListener.statement });
  }
  if (!isInOrder) refuse("code-after-reply", "a listener for the end before the one for data");
  const { listener } = dataListener;
  if (listener.async && draft.callReferences.some((use) => memberName(draft.parents.get(use) as Node) === "pause"))
    refuse("reply-in-nested-function", "call.pause(), which holds back messages but not the end");
  if (listener.async) refuse("reply-in-nested-function", "an async data listener, whose runs overlap");
  const [message, ...more] = listener.params;
  if (listener.generator || more.length > 0 || (message && /^(AssignmentPattern|RestElement)$/.test(message.type)))
    refuse("no-equivalent", "the shape of the data listener");
  if (message && isWritten(draft, message)) refuse("no-equivalent", "a message that the data listener assigns anew");
  for (const statement of varsIn(draft, listener)) steps.push({ kind: "let", statement });
  const inlining = endListener ? [listener, endListener.listener] : [listener];
  for (const one of inlining) {
    if (one.type === "FunctionExpression" && usesThis(one)) refuse("call-escapes", "this of a listener");
    if (/^(Object|Function|Class)Expression$/.test(one.body.type))
      refuse("no-equivalent", "a listener whose expression cannot be a statement");
    inlined.add(one);
  }
  steps.push({ kind: "data-listener", ...dataListener });
  if (endListener) {
    if (endListener.listener.params.length > 0 || endListener.listener.generator)
      refuse("no-equivalent", "the shape of the end listener");
    if (isCaughtName(draft, endListener.listener))
      refuse("edit-conflict", "a name of the end listener that the handler has too");
    steps.push({ kind: "end-listener", ...endListener });
  }
  for (const one of listeners.filter((other) => other.event === "error")) {
    if (draft.callReferences.some((reference) => memberName(draft.parents.get(reference) as Node) === "emit"))
      refuse("reply-in-nested-function", "a listener for errors that the handler emits");
    steps.push({ kind: "error-listener", ...one });
  }
  const doesMore = endListener !== undefined && !isQuiet(draft, endListener.listener);
  // A generator waits at each message until the client takes it. Is the call cancelled meanwhile, then it goes no further;
  // grpc-js emits `end` then, too.
  if (!isConversation && writesIn(draft, listener) && doesMore)
    refuse(
      "no-equivalent",
      "an end listener that does more than reply, where a client may cancel before it has read all",
    );
  // Once the status is sent, grpc-js emits neither data nor end. The loop ends well then, and so has to be left.
  if (isConversation && doesMore && endsElsewhere(draft))
    refuse("no-equivalent", "an end listener that does more than reply, in a handler that ends the call before it");
  for (const statement of !isConversation && repliesIn(draft, listener) ? statementsOfFlags(draft) : []) {
    draft.dropped.add(statement);
    steps.push({ kind: "gone", statement });
  }
  for (const statement of returnsIn(listener)) {
    if (isReplyOrBehind(draft, statement)) continue;
    if (statement.argument) refuse("reply-in-nested-function", "a return with a value in the data listener");
    if (insideLoop(statement, listener))
      refuse("reply-in-nested-function", "a return inside a loop of the data listener");
    steps.push({ kind: "continue", statement });
  }
}

/** Does the data listener end the call itself? */
function repliesIn(draft: HandlerDraft, listener: FunctionNode): boolean {
  let found = false;
  walk(listener.body, (node) => {
    if (node.type === "CallExpression" && isReplyCall(draft, node)) found = true;
  });
  return found;
}

/** Is one of the names of a pattern assigned to? */
function isWritten({ scopes }: HandlerDraft, pattern: Node): boolean {
  let found = false;
  walk(pattern, (node) => {
    if (isIdentifier(node) && (scopes.bindingOf(node)?.writes.length ?? 0) > 0) found = true;
  });
  return found;
}

/** The `var` statements of the data listener: each message has its own, and in a loop only `let` is like that. */
function varsIn({ scopes, parents }: HandlerDraft, listener: FunctionNode): Node[] {
  const found = ownNodes(listener.body, (node) => node.type === "VariableDeclaration" && node.kind === "var");
  for (const statement of found) {
    const around = parents.get(statement) as Node;
    const isOutermost = around === listener.body;
    const isLoop = /^For(In|Of)Statement$/.test(around.type);
    const isSet = isLoop || (statement.declarations as Node[]).every(({ init }) => init);
    walk(statement, (node) => {
      const binding = isIdentifier(node) ? scopes.bindingOf(node) : undefined;
      if (binding?.identifier !== node) return;
      const uses = [...binding.references, ...binding.writes];
      const isTwice = found.some((other) => other !== statement && uses.some((use) => isDeclaredIn(use, other)));
      const isEarly = uses.some((use) => use.start < statement.start || !isWithin(use, around));
      const isCaptured = uses.some((use) => functionOf(use, parents) !== listener);
      // `var total = total || 0`
      const isOfItself = uses.some(
        (use) => functionOf(use, parents) === listener && use !== node && isWithin(use, binding.declaration),
      );
      if (isTwice || isEarly || isOfItself || (!isOutermost && (isCaptured || !isSet)))
        refuse("no-equivalent", "a var of the data listener that let cannot replace");
    });
  }
  return found;
}

function isDeclaredIn(name: Node, { declarations }: Node): boolean {
  return (declarations as Node[]).some(({ id }) => isWithin(name, id));
}

/** Does a conversation end its call outside the end listener, and does not leave the loop with it? */
function endsElsewhere(draft: HandlerDraft): boolean {
  const { callReferences, parents, dataListener, endListener } = draft;
  return callReferences.some((reference) => {
    const member = parents.get(reference) as Node;
    if (memberName(member) !== "end" || (endListener && isWithin(reference, endListener.listener))) return false;
    if (endListener && isEndOfUpstream(draft, endListener.listener, member)) return false;
    const statement = statementOf(member, parents) as Node;
    const list = parents.get(statement)?.body as Node[] | undefined;
    const next = Array.isArray(list) ? list[list.indexOf(statement) + 1] : undefined;
    const isLeft = statement.type === "ReturnStatement" || (next?.type === "ReturnStatement" && !next.argument);
    return functionOf(reference, parents) !== dataListener?.listener || !isLeft;
  });
}

/**
 * `up.on("end", () => call.end())` beside `call.on("end", () => up.end())`, of a call that the handler makes: it is over by then, and
 * to end it once more does nothing.
 */
function isEndOfUpstream(draft: HandlerDraft, listener: FunctionNode, member: Node): boolean {
  const { parents, scopes, upstream } = draft;
  const { body } = listener;
  const only = body.type === "BlockStatement" ? (body.body.length === 1 ? body.body[0].expression : undefined) : body;
  const up = only?.type === "CallExpression" && memberName(only.callee) === "end" ? only.callee.object : undefined;
  const binding = isIdentifier(up) && only.arguments.length === 0 ? scopes.bindingOf(up) : undefined;
  const made = binding?.declaration.type === "VariableDeclarator" ? (binding.declaration.init as Node | null) : null;
  if (!binding || binding.writes.length > 0 || !made || !upstream.has(made.start)) return false;
  const listening = parents.get(functionOf(member, parents) as Node);
  if (listening?.type !== "CallExpression" || !LISTENING.test(memberName(listening.callee) ?? "")) return false;
  const { object } = listening.callee as Node;
  const [event] = listening.arguments as Node[];
  return (
    event?.type === "StringLiteral" &&
    event.value === "end" &&
    isIdentifier(object) &&
    scopes.bindingOf(object) === binding
  );
}

/** Does the data listener write messages? */
function writesIn({ callReferences, parents }: HandlerDraft, listener: FunctionNode): boolean {
  return callReferences.some(
    (reference) =>
      listener.start < reference.start &&
      reference.end < listener.end &&
      memberName(parents.get(reference) as Node) === "write",
  );
}

function isReplyCall({ fn, callReferences, answersOnce }: HandlerDraft, call: Node): boolean {
  if (answersOnce) return isIdentifier(fn.params[1]) && isIdentifier(call.callee, fn.params[1].name);
  return /^(end|emit)$/.test(memberName(call.callee) ?? "") && callReferences.includes(call.callee.object);
}

/** `return callback(…)`, a `return;` right behind a reply, or one of a statement that goes. */
function isReplyOrBehind(draft: HandlerDraft, statement: Node): boolean {
  const { parents } = draft;
  if (statement.argument) return statement.argument.type === "CallExpression" && isReplyCall(draft, statement.argument);
  for (let node: Node | undefined = statement; node; node = parents.get(node)) if (draft.dropped.has(node)) return true;
  const around = parents.get(statement);
  const list = (around && listWith(around, statement)) ?? [];
  const before = list.slice(0, list.indexOf(statement)).findLast((each) => !draft.dropped.has(each));
  return before?.expression?.type === "CallExpression" && isReplyCall(draft, before.expression);
}

/** Declarations of the end listener move into the handler: they must not meet any name that it uses. */
function isCaughtName({ scopes, fn }: HandlerDraft, listener: FunctionNode): boolean {
  const used = new Set(scopes.scopeOf(fn.body).bindings.keys());
  walk(fn, (node, [parent]) => {
    if (node === listener) return false;
    const isMember = parent && memberName(parent) !== undefined && parent.property === node;
    if (node.type === "Identifier" && !isMember) used.add(node.name);
    return true;
  });
  return [...scopes.scopeOf(listener.body).bindings.keys()].some((name) => used.has(name));
}
