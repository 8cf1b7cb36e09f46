import { type File, functionOf, type Node, type Parents, parentMap } from "../shared/ast.js";
import { isTail } from "../shared/control-flow.js";
import { type InPlace, isHidingIn, promiseBody } from "./plan-body.js";
import { type CallPlan, inPlace } from "./plan-call.js";
import type { PlannedCall } from "./write-call.js";

/**
 * Calls in the callbacks of other calls. What is the last thing on a path there is awaited by the function that awaited the call
 * before it: one function has a sequence of calls, and not each of them one of its own.
 */
export function nestCalls(file: File, calls: readonly PlannedCall[]): readonly PlannedCall[] {
  const parents = parentMap(file);
  const plans = new Map<PlannedCall, CallPlan>();
  const following = new Map<PlannedCall, PlannedCall[]>();
  for (const one of calls) {
    const first = isFollowing(one, parents) && calls.find((each) => callbackOf(each) === functionOf(one.call, parents));
    if (first) following.set(first, [...(following.get(first) ?? []), one]);
  }
  const allBehind = (one: PlannedCall): readonly PlannedCall[] =>
    (following.get(one) ?? []).flatMap((each) => [each, ...allBehind(each)]);
  const inner = new Set([...following.values()].flat());
  for (const root of following.keys()) {
    if (inner.has(root) || root.plan.kind !== "block") continue;
    const behind = allBehind(root);
    const nested = behind.map((each) => ({ shape: shapeOf(each.plan), statement: parents.get(each.call) as Node }));
    const body = promiseBody(file, root.call, root.plan.shape, root.fact, nested);
    if (body) {
      plans.set(root, inPlace(root.plan, body));
      for (const [index, each] of behind.entries())
        plans.set(each, inPlace(asBlock(each), body.nested[index] as InPlace));
      continue;
    }
    for (const each of behind) {
      if (each.plan.kind !== "block" || isHidingIn(root.call, each.plan.shape)) continue;
      const statement = parents.get(each.call) as Node;
      plans.set(each, inPlace(each.plan, { statement, isThrownOnly: null, promise: null, moved: null }));
    }
  }
  return calls.map((each) => ({ ...each, plan: plans.get(each) ?? each.plan }));
}

/** The callback of a call that becomes an async function. */
function callbackOf({ plan }: PlannedCall): Node | undefined {
  return plan.kind === "block" && hasPaths(plan) ? plan.shape.callback : undefined;
}

function hasPaths({ shape, place }: Extract<CallPlan, { kind: "block" }>): boolean {
  return place === null && /^(guard|if-else|conditional|success)$/.test(shape.form);
}

/** Is a call all of a statement in a block, and nothing behind it? */
function isFollowing({ call, plan }: PlannedCall, parents: Parents): boolean {
  const statement = parents.get(call) as Node;
  const owner = functionOf(call, parents);
  if (statement.type !== "ExpressionStatement" || parents.get(statement)?.type !== "BlockStatement") return false;
  if (!owner || !isTail(statement, owner, parents)) return false;
  if (plan.kind === "settled") return true;
  return plan.kind === "block" && hasPaths(plan) && !plan.writer && !plan.cancel && !plan.header && !plan.status;
}

function shapeOf(plan: CallPlan) {
  return (plan as Extract<CallPlan, { kind: "block" | "settled" }>).shape;
}

/** A call that only settles the promise of an executor, awaited like the others. */
function asBlock({ call, plan }: PlannedCall): CallPlan {
  if (plan.kind !== "settled") return plan;
  const { shape } = plan;
  const nothing = { cancel: null, header: null, status: null, writer: null, place: null };
  return { kind: "block", shape, statement: call, isEarly: false, ...nothing };
}
