import type { ReplyHelperFact } from "../analysis/server-facts.js";
import { type FunctionNode, type Node, walk } from "../shared/ast.js";
import type { EditOrigin } from "../shared/edits.js";
import type { Rule, RuleContext } from "../shared/rule.js";
import { transformFromRule } from "../shared/transform.js";
import { writeGuarded } from "./plan-guarded.js";
import { writeGuardsOut } from "./plan-guards-out.js";
import type { HelperPlan } from "./plan-helper.js";
import { fileOf, forSteps, RUNTIME, removeQuestions } from "./planned-handlers.js";
import { planOfHelper } from "./planned-helpers.js";
import { removeListed, writeError } from "./write-error.js";

const id = "services/reply-helper";
const origin: EditOrigin = { rule: id, outcome: "idiomatic" };

/** A function that makes the error replies of handlers, `fail(callback, code, text)` -> one that returns the error, which they throw. */
export const rule: Rule = {
  id,
  side: "services",
  apply(ctx) {
    const facts = ctx.facts.filter((fact): fact is ReplyHelperFact => fact.kind === "reply-helper");
    for (const fact of facts) {
      const plan = planOfHelper(fileOf(ctx), fact);
      if (plan) write(ctx, plan);
    }
    forSteps(ctx, id, ["guarded"], (step, _handler, own) => writeGuarded(ctx, step, own));
    forSteps(ctx, id, ["guards-out"], (step, { plan }, own) => writeGuardsOut(ctx, plan, step, own));
  },
};

export default transformFromRule(rule);

function write(ctx: RuleContext, { fn, dropped, steps, choices, guard, view, emptyTypes }: HelperPlan): void {
  if (emptyTypes) removeListed(ctx, emptyTypes.types, emptyTypes.gone, origin);
  removeListed(ctx, fn.params, dropped, origin);
  if (view) {
    const { start, end } = fn.params[view.index] as Node;
    ctx.edit.overwrite(start, end, [view.request, view.context].filter((name) => name !== null).join(", "), origin);
  }
  const type = fn.returnType as Node | undefined;
  if (fn.typeParameters && !isNamed(fn, dropped)) {
    const { start, end } = fn.typeParameters as Node;
    ctx.edit.remove(start, end, origin);
  }
  if (type && !guard) {
    const error = ctx.imports.add(RUNTIME, "ConnectError");
    ctx.edit.overwrite(type.start, type.end, `: ${error}`, origin);
  }
  for (const step of steps) writeError(ctx, guard ? "thrown" : "returned", step, origin);
  removeQuestions(ctx, choices, origin);
  ctx.report({
    ...origin,
    construct: guard ? "guard that makes error replies" : "function that makes error replies",
    reason: null,
    start: fn.params[0]?.start ?? fn.start,
    end: fn.params.at(-1)?.end ?? fn.end,
    rpc: null,
  });
}

/** Does a function say its type parameters anywhere else than in what goes? */
function isNamed(fn: FunctionNode, dropped: readonly number[]): boolean {
  const names = new Set((fn.typeParameters.params as Node[]).map(({ name }) => name?.name ?? name));
  let found = false;
  const look = (node: Node) => {
    if (node.type === "Identifier" && names.has(node.name)) found = true;
  };
  for (const part of [fn.body, ...fn.params.filter((_, index) => !dropped.includes(index))]) walk(part, look);
  return found;
}
