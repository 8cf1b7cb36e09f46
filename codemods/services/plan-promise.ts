import { functionOf, isFunction, isIdentifier, memberName, type Node, type Parents, walk } from "../shared/ast.js";
import { isTail } from "./control-flow.js";
import { isNothing, namesIn, ownNodes } from "./function-shape.js";
import { type HandlerDraft, isInFinally, isOwn, refuse } from "./handler-draft.js";
import { isLastEffect } from "./plan-replies.js";

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
  const { dataListener } = draft;
  if (dataListener && misplaced.some((node) => isWithin(node, dataListener.listener)))
    refuse("reply-in-nested-function", "a reply in the data listener");
  const names = namesIn(fn);
  const pick = (...candidates: string[]) =>
    candidates.find((name) => !names.has(name)) ?? refuse("edit-conflict", "no free name for the promise");
  const settlers = { resolve: pick("resolve", "resolveReply"), reject: pick("reject", "rejectReply") };
  if (fn.body.type !== "BlockStatement") {
    if (ownNodes(fn.body, isAwait).length > 0) refuse("code-after-reply", "an await around the reply");
    const region = { first: fn.body, last: fn.body, ...settlers };
    draft.region = region;
    draft.replyNodes.add(fn.body);
    draft.steps.push({ kind: "promise", ...region, block: null });
    return;
  }
  const lists = misplaced.map((node) => listsAround(draft, node));
  const [one, ...others] = lists as [StatementList[], ...StatementList[][]];
  const shared = one.filter(({ block }) => others.every((other) => other.some((list) => list.block === block)));
  for (const { block } of shared) {
    const statements = block.body as Node[];
    const firsts = lists.map((each) =>
      statements.indexOf(each.find((list) => list.block === block)?.statement as Node),
    );
    const first = statements[Math.min(...firsts)] as Node;
    const last = statements.at(-1) as Node;
    const region = { first, last, ...settlers };
    if (!isTail(last, functionOf(last, parents) as never, parents)) continue;
    const moved = statements.slice(statements.indexOf(first));
    if (draft.listeners.some(({ statement }) => moved.includes(statement)) || !isSelfContained(draft, moved)) continue;
    draft.region = region;
    draft.replyNodes.add(first);
    draft.steps.push({ kind: "promise", ...region, block });
    return;
  }
  refuse("code-after-reply", "an await behind the reply, or names that are used before it");
}

interface StatementList {
  readonly block: Node;
  readonly statement: Node;
}

/** The statement lists around a node, innermost first: those of the handler itself, and not below a try, loop or switch. */
function listsAround(draft: HandlerDraft, node: Node): StatementList[] {
  const { parents, fn } = draft;
  let found: StatementList[] = [];
  for (let child = node, parent = parents.get(node); parent; child = parent, parent = parents.get(parent)) {
    if (/^(Try|For|ForIn|ForOf|While|DoWhile|Switch|Labeled)Statement$/.test(parent.type)) found = [];
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
  const call = parents.get(reference) as Node;
  if (call.type !== "CallExpression" || call.callee !== reference || !isOwn(draft, call)) return false;
  if (isInFinally(call, parents)) return false;
  const parent = parents.get(call) as Node;
  if (parent.type === "ReturnStatement") return true;
  if (isFunction(parent)) return parent === fn || parent === endListener?.listener;
  if (parent.type !== "ExpressionStatement") return false;
  const isError = !isNothing((call.arguments as Node[])[0] ?? call);
  return isTail(parent, functionOf(call, parents) as never, parents) || (isError && isLastEffect(draft, parent));
}

function isErrorEmit(reference: Node, parents: Parents): boolean {
  const member = parents.get(reference);
  return member?.object === reference && memberName(member as Node) === "emit";
}

function isWithin(node: Node, outer: Node): boolean {
  return outer.start <= node.start && node.end <= outer.end;
}

function isAwait(node: Node): boolean {
  return (
    /^(AwaitExpression|YieldExpression)$/.test(node.type) || (node.type === "ForOfStatement" && node.await === true)
  );
}

/** Statements that mean the same in a function of their own: no await, and nothing before them names what they declare. */
function isSelfContained({ scopes }: HandlerDraft, statements: readonly Node[]): boolean {
  const start = statements[0]?.start ?? 0;
  const end = statements.at(-1)?.end ?? 0;
  for (const statement of statements) {
    if (ownNodes(statement, isAwait).length > 0) return false;
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
