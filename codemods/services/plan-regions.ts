import {
  functionOf,
  isFunction,
  isIdentifier,
  isNothing,
  isWithin,
  memberName,
  type Node,
  type Parents,
  walk,
} from "../shared/ast.js";
import { isTail } from "../shared/control-flow.js";
import { isAwait, namesIn, ownNodes } from "./function-shape.js";
import {
  type HandlerDraft,
  isInCatchingTry,
  isInFinally,
  isInRegion,
  isOwn,
  type PushRegion,
  refuse,
} from "./handler-draft.js";
import { isLastEffect, keptReply, replyCallOf } from "./plan-replies.js";
import { isQuiet } from "./quiet-listener.js";

/**
 * Where a reply cannot become a return or a throw (it is made in a nested function, or code follows it), the rest of the
 * handler goes into a promise that the replies settle (matrix H-5, H-6). The first reply counts, as with the callback.
 */
export function planRegion(draft: HandlerDraft, callbackReferences: readonly Node[]): void {
  const { fn, parents } = draft;
  const misplaced = [
    ...callbackReferences.filter((reference) => !isDirect(draft, reference)),
    ...draft.callReferences.filter((reference) => isErrorEmit(reference, parents) && !isOwn(draft, reference)),
  ];
  if (misplaced.length === 0) refuse("code-after-reply", "the reply");
  const names = freeNames(draft);
  const settlers = { resolve: names("resolve", "resolveReply"), reject: names("reject", "rejectReply") };
  const isExpression = fn.body.type !== "BlockStatement";
  if (isExpression && ownNodes(fn.body, isAwait).length > 0) refuse("code-after-reply", "an await around the reply");
  const inPlace = isExpression ? { statements: [fn.body], block: null } : endOfList(draft, misplaced);
  const { statements, block } = inPlace ?? waitingRest(draft, misplaced, callbackReferences) ?? refuseEnd();
  const region = { first: statements[0] as Node, last: statements.at(-1) as Node, ...settlers, isAsync: !inPlace };
  draft.region = region;
  draft.replyNodes.add(region.first);
  draft.steps.push({ kind: "promise", ...region, block });
}

/** Messages that nested functions write go into a stream that is pushed, and that the handler delivers last (matrix H-27). */
export function planPush(draft: HandlerDraft): void {
  const { fn, parents } = draft;
  const nameOf = (reference: Node) => memberName(parents.get(reference) as Node) ?? "";
  const misplaced = draft.callReferences.filter(
    (reference) =>
      draft.kept.has(reference) || (/^(write|end|emit)$/.test(nameOf(reference)) && !isOwn(draft, reference)),
  );
  if (misplaced.length === 0 || fn.body.type !== "BlockStatement") refuse("code-after-reply", "the end of the stream");
  // A generator waits at each of its own messages until it is taken, and would listen too late for what comes meanwhile.
  const written = draft.callReferences.filter((reference) => nameOf(reference) === "write" && isOwn(draft, reference));
  const inPlace = endOfList(draft, [...misplaced, ...written]) ?? endOfList(draft, misplaced);
  const { statements, block } = inPlace ?? waitingEnd(draft, [...misplaced, ...written]) ?? refuseEnd();
  const first = withEmitter(draft, statements, block);
  const last = statements.at(-1) as Node;
  pushFrom(draft, { first, last, isAsync: !inPlace, holdsLoop: false, leads: [] }, block);
  const fails = draft.callReferences.some(
    (reference) => isErrorEmit(reference, parents) && isInRegion(draft, reference),
  );
  if (fails && isInCatchingTry(first, parents))
    refuse("code-after-reply", "an error reply inside a try with a catch, in a stream");
}

/** Where statements begin together with the declaration before them, of what only they listen to: `const rows = db.stream(query);` */
function withEmitter({ scopes, parents }: HandlerDraft, statements: readonly Node[], { body }: Node): Node {
  const first = statements[0] as Node;
  const before = body[body.indexOf(first) - 1] as Node | undefined;
  const [declarator, ...more] = (before?.type === "VariableDeclaration" ? before.declarations : []) as Node[];
  const binding = isIdentifier(declarator?.id) ? scopes.bindingOf(declarator.id) : undefined;
  const isOfThese = (use: Node) => statements.some((statement) => isWithin(use, statement));
  const isListenedTo = (use: Node) => /^(on|once)$/.test(memberName(parents.get(use) as Node) ?? "");
  const isOnlyHere = binding?.writes.length === 0 && more.length === 0 && binding.references.every(isOfThese);
  const isCalled = declarator?.init?.type === "CallExpression";
  return before && isCalled && isOnlyHere && binding.references.some(isListenedTo) ? before : first;
}

/**
 * A conversation: the loop over the requests, what runs behind it and all that writes go into a stream that is pushed. Unlike a
 * generator the loop does not wait for the client to take the messages, so it gets to its end as the listeners did.
 */
export function planConversation(draft: HandlerDraft, mayBeEnded: boolean): void {
  const { fn, parents, dataListener, endListener } = draft;
  // The loop ends well when the call is ended, where grpc-js emits no end.
  if (mayBeEnded && endListener && !isQuiet(draft, endListener.listener))
    refuse("no-equivalent", "an end listener that does more than reply, for a call that other code may end");
  if (!dataListener || fn.body.type !== "BlockStatement") refuse("code-after-reply", "the end of the stream");
  const body = fn.body.body as Node[];
  const starts = draft.callReferences.filter(
    (reference) =>
      draft.kept.has(reference) ||
      memberName(parents.get(reference) as Node) === "write" ||
      (isSettling(reference, parents) && !isOwn(draft, reference)),
  );
  const nodes = [...starts, dataListener.statement];
  const start = Math.min(...nodes.map((node) => body.findIndex((statement) => isWithin(node, statement))));
  if (!isSelfContained(draft, body.slice(start))) refuse("code-after-reply", "names that are used before the loop");
  // What stands behind the listeners goes before the loop: into the region, where that begins earlier or has to begin there.
  const { statement: last } = endListener ?? dataListener;
  const moved = draft.steps.flatMap((step) => (step.kind === "moved" ? [step.statement] : []));
  const first = withEmitter(draft, body.slice(start), fn.body);
  const isInside =
    first !== dataListener.statement || moved.some((statement) => starts.some((node) => isWithin(node, statement)));
  const leads = isInside ? moved : [];
  pushFrom(draft, { first, last, isAsync: true, holdsLoop: true, leads }, fn.body);
}

function pushFrom(draft: HandlerDraft, place: Omit<PushRegion, "output">, block: Node): void {
  const region = { ...place, output: freeNames(draft)("output", "responses") };
  draft.push = region;
  draft.replyNodes.add(region.first);
  draft.steps.push({ kind: "push", ...region, block });
}

/** `call.end` or `call.emit`. */
function isSettling(reference: Node, parents: Parents): boolean {
  return /^(end|emit)$/.test(memberName(parents.get(reference) as Node) ?? "");
}

function freeNames({ fn }: HandlerDraft): (...candidates: string[]) => string {
  const names = namesIn(fn);
  return (...candidates) => candidates.find((name) => !names.has(name)) ?? refuse("edit-conflict", "no free name");
}

interface ListEnd {
  readonly statements: readonly Node[];
  readonly block: Node;
}

/** The statements from the first that holds one of these nodes to the end of its list, behind which the handler does nothing. */
function endOfList(draft: HandlerDraft, nodes: readonly Node[]): ListEnd | undefined {
  const { parents, dataListener } = draft;
  if (dataListener && nodes.some((node) => isWithin(node, dataListener.listener)))
    refuse("reply-in-nested-function", "a reply in a function of the data listener");
  const lists = nodes.map((node) => listsAround(draft, node));
  const [one, ...others] = lists as [StatementList[], ...StatementList[][]];
  const shared = one.filter(({ block }) => others.every((other) => other.some((list) => list.block === block)));
  for (const { block } of shared) {
    // It would go before the loop over the requests, which then waits for the end of it.
    if (dataListener && block === draft.fn.body) continue;
    const all = block.body as Node[];
    const firsts = lists.map((each) => all.indexOf(each.find((list) => list.block === block)?.statement as Node));
    const statements = all.slice(Math.min(...firsts));
    const last = statements.at(-1) as Node;
    if (!isTail(last, functionOf(last, parents) as never, parents)) continue;
    if (draft.listeners.some(({ statement }) => statements.includes(statement))) continue;
    if (statements.some((statement) => ownNodes(statement, isAwait).length > 0)) continue;
    if (isSelfContained(draft, statements)) return { statements, block };
  }
  return undefined;
}

/**
 * The rest of an async handler that pushes all its messages: from the first of these nodes to its end, so that every `try` around
 * them is in it, and catches what it did. It does not wait for the client to take a message, as the handler did not.
 */
function waitingEnd(draft: HandlerDraft, nodes: readonly Node[]): ListEnd | undefined {
  const { fn, streamsIn } = draft;
  if (!fn.async || streamsIn) return undefined;
  const body = fn.body.body as Node[];
  const start = Math.min(...nodes.map((node) => body.findIndex((statement) => isWithin(node, statement))));
  const statements = body.slice(start);
  return isSelfContained(draft, statements) ? { statements, block: fn.body } : undefined;
}

/**
 * The rest of an async handler with something behind an error reply, which a `return` would skip. Behind a message another reply
 * might win (matrix E-24), so there is nothing behind one.
 */
function waitingRest(draft: HandlerDraft, misplaced: readonly Node[], uses: readonly Node[]): ListEnd | undefined {
  const isSafe = (reference: Node) => {
    const call = replyCallOf(draft, reference);
    if (!call || !isOwn(draft, call) || isInFinally(call, draft.parents)) return false;
    const isFailure = call.callee !== reference || !isNothing((call.arguments as Node[])[0] ?? call);
    return isFailure || (!misplaced.includes(reference) && keptReply(draft, call) === null);
  };
  return uses.every(isSafe) ? waitingEnd(draft, misplaced) : undefined;
}

function refuseEnd(): never {
  refuse("code-after-reply", "an await behind the reply, or names that are used before it");
}

interface StatementList {
  readonly block: Node;
  readonly statement: Node;
}

/**
 * The statement lists around a node, innermost first: those of the handler itself, and not below a loop or switch, or where
 * another `catch` or `finally` would run. A generator that delivers a stream is still inside its `try`.
 */
function listsAround(draft: HandlerDraft, node: Node): StatementList[] {
  const { parents, fn } = draft;
  let found: StatementList[] = [];
  for (let child = node, parent = parents.get(node); parent; child = parent, parent = parents.get(parent)) {
    if (/^(For|ForIn|ForOf|While|DoWhile|Switch|Labeled)Statement$/.test(parent.type)) found = [];
    if (parent.type === "TryStatement" && (draft.answersOnce || child === parent.finalizer)) found = [];
    if (isFunction(parent)) {
      if (parent === fn) return found;
      if (!draft.inlined.has(parent)) found = [];
      continue;
    }
    if (parent.type === "BlockStatement" && isOwn(draft, child)) found.push({ block: parent, statement: child });
  }
  return found;
}

/** Can a reply become a return or a throw where it stands? */
function isDirect(draft: HandlerDraft, reference: Node): boolean {
  const { parents, fn, endListener } = draft;
  const call = replyCallOf(draft, reference);
  if (!call || !isOwn(draft, call)) return false;
  if (isInFinally(call, parents)) return false;
  // It throws where it stands.
  if (call.callee !== reference && draft.helped.get(call.start)?.guard) return true;
  const parent = parents.get(call) as Node;
  if (parent.type === "ReturnStatement") return true;
  if (isFunction(parent)) return parent === fn || parent === endListener?.listener;
  if (parent.type !== "ExpressionStatement") return false;
  const isError = call.callee !== reference || !isNothing((call.arguments as Node[])[0] ?? call);
  if (!isError && keptReply(draft, call)) return true;
  return isTail(parent, functionOf(call, parents) as never, parents) || (isError && isLastEffect(draft, parent));
}

function isErrorEmit(reference: Node, parents: Parents): boolean {
  const member = parents.get(reference);
  return member?.object === reference && memberName(member as Node) === "emit";
}

/** Statements that mean the same in a function of their own: nothing before them names what they declare. */
function isSelfContained({ scopes }: HandlerDraft, statements: readonly Node[]): boolean {
  const start = statements[0]?.start ?? 0;
  const end = statements.at(-1)?.end ?? 0;
  for (const statement of statements) {
    let isKnownInside = true;
    walk(statement, (node) => {
      if (!isIdentifier(node)) return;
      const binding = scopes.bindingOf(node);
      const isDeclaredHere = binding && start <= binding.identifier.start && binding.identifier.end <= end;
      if (isDeclaredHere && binding.references.some((other) => other.start < start || end < other.end))
        isKnownInside = false;
    });
    if (!isKnownInside) return false;
  }
  return true;
}
