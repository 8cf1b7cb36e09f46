import type { Rule, RuleContext } from "../shared/rule.js";
import { transformFromRule } from "../shared/transform.js";
import type { HandlerPlan } from "./handler-plan.js";
import { forSteps, GRPC_JS } from "./planned-handlers.js";
import { wrapRegion } from "./write-region.js";

const id = "services/callback-to-promise";

/**
 * `db.find(query, (err, row) => callback(err, row))` -> `return new Promise((resolve, reject) => { … })` around it: for
 * replies that a nested function makes, or that code follows.
 */
export const rule: Rule = {
  id,
  side: "services",
  apply(ctx) {
    forSteps(ctx, id, ["settler"], (step, { plan }, origin) => {
      const convert = ctx.imports.add(GRPC_JS, "toConnectError");
      const { resolve, reject } = plan.region ?? { resolve: "resolve", reject: "reject" };
      const failed = `${reject}(${convert}(err))`;
      const text = step.onlyFails ? `(err) => ${failed}` : `(err, reply) => (err ? ${failed} : ${resolve}(reply))`;
      ctx.edit.overwrite(step.node.start, step.node.end, text, origin);
      return "the callback as an argument";
    });
    forSteps(ctx, id, ["promise"], (step, { plan }, origin) => {
      wrapRegion(
        ctx,
        plan,
        step,
        "return",
        `new Promise${typeArgument(ctx, plan)}(${step.isAsync ? "async " : ""}${parametersOf(plan)} => `,
        origin,
      );
      return step.isAsync ? "a reply with code behind it (a missing return?)" : "a reply that is made later";
    });
  },
};

function parametersOf({ steps, region }: HandlerPlan): string {
  const { resolve, reject } = region ?? { resolve: "resolve", reject: "reject" };
  const fails = steps.some(
    (step) => ((step.kind === "error" || step.kind === "either") && step.settles) || step.kind === "settler",
  );
  return fails ? `(${resolve}, ${reject})` : `(${resolve})`;
}

function typeArgument({ source }: RuleContext, { types }: HandlerPlan): string {
  return types.response ? `<${source.slice(types.response.start, types.response.end)}>` : "";
}

export default transformFromRule(rule);
