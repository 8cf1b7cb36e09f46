import type { Rule } from "../shared/rule.js";
import { transformFromRule } from "../shared/transform.js";
import { optionNames, writeArguments } from "./write-arguments.js";

import { plannedCalls } from "./write-call.js";

const id = "clients/deadline-to-timeout";

/** The call option `deadline`, a point in time, is `timeoutMs`, a duration. */
export const rule: Rule = {
  id,
  side: "clients",
  apply(ctx) {
    for (const planned of plannedCalls(ctx)) {
      const { fact } = planned;
      if (!fact.args.some((arg) => arg.kind === "options")) continue;
      writeArguments(ctx, planned, id);
      ctx.report({
        rule: id,
        outcome: "idiomatic",
        construct: `{ ${optionNames(planned)} }`,
        reason: null,
        start: fact.start,
        end: fact.end,
        rpc: `${fact.rpc.service}/${fact.rpc.method}`,
      });
    }
  },
};

export default transformFromRule(rule);
