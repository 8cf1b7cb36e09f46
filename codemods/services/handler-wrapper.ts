import type { Node } from "../shared/ast.js";
import type { EditOrigin } from "../shared/edits.js";
import type { Rule, RuleContext } from "../shared/rule.js";
import { transformFromRule } from "../shared/transform.js";
import type { HandlerPlan } from "./handler-plan.js";
import { contextName, forSteps, plannedHandlers, removeDead, removeQuestions } from "./planned-handlers.js";

const id = "services/handler-wrapper";

/** `handler(call, callback)` in a function that wraps handlers -> `return handler(req, ctx)`. */
export const rule: Rule = {
  id,
  side: "services",
  apply(ctx) {
    forSteps(ctx, id, ["passed-on"], (step, { plan }, origin) => {
      const { node, call, form } = step;
      const keyword = form === "statement" && !plan.becomesGenerator ? "return " : "";
      const stream = plan.becomesGenerator ? "yield* " : "";
      if (node !== call) ctx.edit.overwrite(node.start, call.start, keyword + stream, origin);
      else if (keyword + stream) ctx.edit.insertRight(node.start, keyword + stream, origin);
      passContext(ctx, call, plan, origin);
      removeDead(ctx, step, origin);
      return "handler(call, callback) of a wrapper";
    });
    for (const { plan } of plannedHandlers(ctx)) removeQuestions(ctx, plan.choices, { rule: id, outcome: "idiomatic" });
    forSteps(ctx, id, ["asked"], (step, { plan }, origin) => {
      passContext(ctx, step.node, plan, origin);
      return "handler(call) of a wrapper";
    });
  },
};

export default transformFromRule(rule);

function passContext(ctx: RuleContext, call: Node, plan: HandlerPlan, origin: EditOrigin): void {
  const given = call.arguments as Node[];
  const [first, last] = [given[0] as Node, given.at(-1) as Node];
  ctx.edit.overwrite(first.start, last.end, `${plan.requestName}, ${contextName(plan)}`, origin);
}
