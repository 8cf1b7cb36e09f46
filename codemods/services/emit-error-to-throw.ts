import type { Rule } from "../shared/rule.js";
import { transformFromRule } from "../shared/transform.js";
import { forSteps } from "./planned-handlers.js";
import { writeError } from "./write-error.js";

const id = "services/emit-error-to-throw";

/** `call.emit("error", err)` as the last effect -> `throw`; what was written before is delivered first, as it was. */
export const rule: Rule = {
  id,
  side: "services",
  apply(ctx) {
    forSteps(ctx, id, ["error"], (step, { plan }, origin) => {
      if (step.via !== "emit") return undefined;
      writeError(ctx, plan, step, origin);
      return 'call.emit("error", err)';
    });
  },
};

export default transformFromRule(rule);
