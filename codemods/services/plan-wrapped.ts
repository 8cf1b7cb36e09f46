import { isIdentifier, type Node } from "../shared/ast.js";
import { type HandlerDraft, isInCatchingTry, refuse } from "./handler-draft.js";
import type { Step } from "./handler-plan.js";
import { type Choice, isInKindTest } from "./plan-choices.js";
import { replyOf } from "./plan-replies.js";

/**
 * What a wrapper does with its handler: `handler(call, callback)` as the last thing on a path, or `handler(call)`, whose result
 * it replies with. Nothing else is done with it.
 */
export function planWrapped(draft: HandlerDraft, name: string): void {
  const { fn, parents, scopes, steps } = draft;
  const [call, callback] = fn.params;
  if (!isIdentifier(call)) refuse("call-escapes", "a wrapper that takes the call apart");
  const binding = scopes.bindingOf(ownerParameter(draft, name));
  if (!binding || binding.writes.length > 0) refuse("call-escapes", `${name} is assigned again`);
  const isSame = (node: Node | undefined, parameter: Node | undefined) =>
    isIdentifier(node) && isIdentifier(parameter) && scopes.bindingOf(node) === scopes.bindingOf(parameter);
  for (const reference of binding.references) {
    if (reference.start < fn.start || fn.end < reference.end) refuse("call-escapes", `${name} is used outside`);
    const use = parents.get(reference) as Node;
    if (use.type !== "CallExpression" || use.callee !== reference) refuse("call-escapes", `${name} is used as a value`);
    const given = use.arguments as Node[];
    const hasCallback = given.length === 2 && isSame(given[1], callback);
    if (!isSame(given[0], call) || (given.length > 1 && !hasCallback))
      refuse("call-escapes", `${name} is given something else than the call`);
    for (const argument of given) draft.passedOn.add(argument);
    if (hasCallback || !draft.answersOnce || isInKindTest(draft, use)) passOn(draft, use);
    else steps.push({ kind: "asked", node: use });
  }
  const passes = steps.filter((step) => step.kind === "passed-on").length;
  if (passes === 0 && !steps.some((step) => step.kind === "asked")) refuse("call-escapes", `${name} is never called`);
  if (passes > 0 && passes < steps.length) refuse("call-escapes", `${name} is called with a callback and without`);
  draft.needsContext = true;
}

/**
 * A wrapper of handlers of several kinds gives what they give: it waits for nothing, and makes no reply itself but errors that it
 * has for all kinds.
 */
export function checkSeveral({ fn, steps, helped }: HandlerDraft, choices: readonly Choice[]): void {
  const isKnown = (step: Step) => {
    if (step.kind !== "error")
      return /^(passed-on|metadata|metadata-first|metadata-values|property|set-property|peer|path|host|deadline)$/.test(
        step.kind,
      );
    const isOfAll = helped.get(step.node.start)?.isOfSeveral ?? choices.some(({ kept }) => kept === step);
    return isOfAll && !step.asRejection;
  };
  if (fn.async || !steps.every(isKnown))
    refuse("no-equivalent", "a wrapper of several kinds of methods that does more than to call its handler");
}

function passOn(draft: HandlerDraft, call: Node): void {
  const parent = draft.parents.get(call) as Node;
  const node = parent.type === "AwaitExpression" ? parent : call;
  // What the handler throws as its answer would meet the catch.
  if (isInCatchingTry(call, draft.parents))
    refuse("code-after-reply", "a handler that is called inside a try with a catch");
  const reply = replyOf(draft, node, false);
  draft.steps.push({ ...reply, kind: "passed-on", call });
  draft.replyNodes.add(reply.statement);
}

/** The parameter of this name, of a function around the wrapper. */
function ownerParameter({ fn, parents }: HandlerDraft, name: string): Node {
  for (let node = parents.get(fn); node; node = parents.get(node)) {
    const parameter = (node.params as Node[] | undefined)?.find((each) => isIdentifier(each, name));
    if (parameter) return parameter;
  }
  return refuse("call-escapes", `${name} is no parameter`);
}
