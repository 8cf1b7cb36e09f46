import { indentAt, lineEndingOf, semicolonOf } from "../shared/ast.js";
import { lineRange } from "../shared/imports.js";
import type { Rule } from "../shared/rule.js";
import { transformFromRule } from "../shared/transform.js";
import { isEndOf } from "./listeners-to-for-await.js";
import { dedent, forSteps, removeDead, replaceAround } from "./planned-handlers.js";
import { sendingText } from "./write-metadata.js";

const id = "services/write-to-yield";

/** `call.write(message)` -> `yield message`, `call.end()` -> the end of the generator. */
export const rule: Rule = {
  id,
  side: "services",
  apply(ctx) {
    forSteps(ctx, id, ["write"], (step, _handler, origin) => {
      if (step.isPushed) return undefined;
      replaceAround(ctx, step.node, step.value, "yield ", "", origin);
      dedent(ctx, step.value, step.node, origin);
      return "call.write(message)";
    });
    forSteps(ctx, id, ["end"], (step, { plan }, origin) => {
      const { node, statement, form, trailers, isLast, settles } = step;
      if (settles) return undefined;
      const sent = trailers && sendingText(ctx, plan, step, trailers);
      if (sent) {
        const eol = lineEndingOf(ctx.source);
        const leave = isLast
          ? ""
          : `${semicolonOf(ctx.source, statement)}${eol}${indentAt(ctx.source, statement.start)}return`;
        ctx.edit.overwrite(form === "return" ? statement.start : node.start, node.end, sent + leave, origin);
      } else if (plan.steps.some((other) => other.kind === "end-listener" && isEndOf(ctx, step, other.listener.body))) {
        // It goes with the listener.
      } else if (isLast) {
        const { start, end } = lineRange(ctx.source, statement.start, statement.end);
        ctx.edit.remove(start, end, origin);
      } else if (form === "return") ctx.edit.remove(statement.start + "return".length, node.end, origin);
      else ctx.edit.overwrite(node.start, node.end, "return", origin);
      removeDead(ctx, step, origin);
      return trailers ? "call.end(trailers)" : "call.end()";
    });
  },
};

export default transformFromRule(rule);
