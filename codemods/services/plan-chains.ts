import { functionOf, isFunction, memberName, type Node } from "../shared/ast.js";
import { isTail, mayEndWithout } from "../shared/control-flow.js";
import { type HandlerDraft, isInCatchingTry, isInFinally, isInRegion, isOwn, refuse } from "./handler-draft.js";
import { type Choice, isInChoice } from "./plan-choices.js";
import { promiseChainOf } from "./promise-chain.js";

/** Promise chains whose links reply: the chain is returned, the links return and throw. */
export function planChains(draft: HandlerDraft, references: readonly Node[]): void {
  const { parents, fn, steps } = draft;
  const isReply = (argument: Node) =>
    references.some(
      (reference) => reference === argument || (isFunction(argument) && functionOf(reference, parents) === argument),
    );
  for (const reference of references) {
    if (isInRegion(draft, reference)) continue;
    if (isOwn(draft, parents.get(reference) as Node) && !isChainArgument(draft, reference)) continue;
    if (draft.chainCallbacks.has(reference)) continue;
    const chain = promiseChainOf(reference, fn, parents, isReply);
    if (chain === undefined) continue;
    if (typeof chain === "string") refuse("reply-in-nested-function", chain);
    if (chain.form === "statement" && !isTail(chain.statement, fn, parents))
      refuse("code-after-reply", "statements behind the promise chain");
    if (isInFinally(chain.node, parents)) refuse("code-after-reply", "a promise chain in finally");
    if (chain.isAwaited && isInCatchingTry(chain.node, parents))
      refuse("reply-in-nested-function", "a promise chain that is awaited where a catch would take its errors");
    for (const link of chain.functions) {
      draft.inlined.add(link.fn);
      draft.chainLinks.set(link.fn, link.mayFail);
    }
    for (const node of chain.bare) {
      draft.chainCallbacks.add(node);
      steps.push({ kind: "chain-callback", node });
    }
    if (chain.form === "statement" || chain.start < chain.node.start)
      steps.push({ kind: "chain", statement: chain.statement, chain });
    draft.replyNodes.add(chain.statement);
  }
}

function isChainArgument({ parents }: HandlerDraft, reference: Node): boolean {
  return /^(then|catch)$/.test(memberName((parents.get(reference) as Node).callee ?? reference) ?? "");
}

/** Every path has to reply: returning otherwise would answer an empty message, or end a stream that stays open today. */
export function checkPaths(draft: HandlerDraft, choices: readonly Choice[]): void {
  const { fn, replyNodes, dataListener, endListener, callReferences, answersOnce } = draft;
  const isReply = (statement: Node) =>
    replyNodes.has(statement) || choices.some((choice) => isInChoice(statement, choice));
  const isOver = (condition: Node) =>
    !answersOnce && memberName(condition) === "cancelled" && callReferences.includes(condition.object);
  const checks = new Map(
    draft.steps.flatMap((step) => (step.kind === "guarded" ? [[step.check, step.block] as const] : [])),
  );
  if (fn.body.type === "BlockStatement") {
    const problem = mayEndWithout(fn.body, {
      isReply,
      isOver,
      replaced: (statement) =>
        statement === endListener?.statement
          ? endListener.listener.body
          : statement === dataListener?.statement
            ? null
            : draft.dropped.has(statement)
              ? null
              : checks.get(statement),
    });
    if (problem) refuse("path-without-reply", problem);
  } else if (!isReply(fn.body)) {
    refuse("path-without-reply", "an expression that does not reply");
  }
  for (const link of draft.chainLinks.keys()) {
    const problem =
      link.body.type === "BlockStatement"
        ? mayEndWithout(link.body, { isReply, replaced: () => undefined })
        : isReply(link.body)
          ? undefined
          : "an expression that does not reply";
    if (problem) refuse("path-without-reply", `${problem}, in a promise chain`);
  }
}
