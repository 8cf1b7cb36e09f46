import type { ReplyHelperFact } from "../analysis/server-facts.js";
import { type File, type FunctionNode, isFunction, type Node, unwrap, walk } from "../shared/ast.js";
import type { HandlerPlan } from "./handler-plan.js";
import { planReplies } from "./plan-guard.js";
import { draftOf, type HelperPlan } from "./plan-helper.js";

/** What becomes of a function of a fact; undefined where it is not there any more. */
export function planOfHelper(
  file: File,
  { start, end, callback, call, helped, isGuard, sure, read }: ReplyHelperFact,
): HelperPlan | undefined {
  const fn = functionWithBody(file, start, end);
  const plan = fn && planReplies(fn, callback, call, file, helped, isGuard ? { sure, read } : null);
  return plan?.ok ? plan : undefined;
}

/** A guard that takes the request or the context, in the shape of a handler's plan: its uses of the call become what a handler's become. */
export function planOfGuard(file: File, fact: ReplyHelperFact): HandlerPlan | undefined {
  const plan = planOfHelper(file, fact);
  if (!plan?.view) return undefined;
  const { request, context, steps } = plan.view;
  return {
    ok: true,
    fn: plan.fn,
    rpcKind: "unary",
    requestName: request,
    usesRequest: request !== null,
    requestPattern: null,
    contextName: context,
    becomesAsync: false,
    becomesGenerator: false,
    field: null,
    types: draftOf(plan.fn, null, null, file, []).types,
    region: null,
    push: null,
    choices: [],
    steps,
  };
}

function functionWithBody(file: Node, start: number, end: number): FunctionNode | undefined {
  let found: FunctionNode | undefined;
  walk(file, (node) => {
    if (isFunction(node) && unwrap(node.body).start === start && unwrap(node.body).end === end) found = node;
    return found === undefined;
  });
  return found;
}
