import type { Rule } from "../shared/rule.js";
import { transformFromRule } from "../shared/transform.js";
import type { HandlerPlan } from "./handler-plan.js";
import { dedent, forSteps, insertStatementBefore, RUNTIME, replaceAround, replaceName } from "./planned-handlers.js";
import { sendingText } from "./write-metadata.js";
import { wrapRegion } from "./write-region.js";

const id = "services/write-to-push";

/**
 * `setInterval(() => call.write(message), 1000)` -> `return createPushStream((output) => { … })` around it: for messages that
 * timers, events and callbacks write.
 */
export const rule: Rule = {
  id,
  side: "services",
  apply(ctx) {
    forSteps(ctx, id, ["write"], (step, { plan }, origin) => {
      if (!step.isPushed) return undefined;
      replaceAround(ctx, step.node, step.value, `${outputOf(plan)}.write(`, ")", origin);
      dedent(ctx, step.value, step.node, origin);
      return "call.write(message)";
    });
    forSteps(ctx, id, ["kept"], ({ node }, { plan }, origin) => {
      replaceName(ctx, node, outputOf(plan), origin);
      return "the call as a value";
    });
    forSteps(ctx, id, ["end"], (step, { plan }, origin) => {
      const { node, trailers, statement, settles } = step;
      if (!settles) return undefined;
      const sent = trailers && sendingText(ctx, plan, step, trailers);
      if (sent) insertStatementBefore(ctx, plan, statement, sent, origin);
      ctx.edit.overwrite(node.start, node.end, `${outputOf(plan)}.end()`, origin);
      return trailers ? "call.end(trailers)" : "call.end()";
    });
    forSteps(ctx, id, ["push"], (step, { plan }, origin) => {
      const create = ctx.imports.add(RUNTIME, "createPushStream");
      const { response } = plan.types;
      const type = response ? `<${ctx.source.slice(response.start, response.end)}>` : "";
      const keyword = plan.becomesGenerator ? "yield*" : "return";
      wrapRegion(
        ctx,
        plan,
        step,
        keyword,
        `${create}${type}(${step.isAsync ? "async " : ""}(${step.output}) => `,
        origin,
      );
      return "messages that are written later";
    });
  },
};

function outputOf({ push }: HandlerPlan): string {
  return push?.output ?? "output";
}

export default transformFromRule(rule);
