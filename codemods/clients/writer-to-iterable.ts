import type { Rule } from "../shared/rule.js";
import { transformFromRule } from "../shared/transform.js";
import { writeAddedOptions } from "./write-arguments.js";
import { writeBlock } from "./write-block.js";
import { construct, plannedCalls } from "./write-call.js";
import { writeHanded } from "./write-handed.js";

const id = "clients/writer-to-iterable";

/** `const call = client.m(callback); call.write(x); call.end()` -> messages are written to an iterable that the call sends. */
export const rule: Rule = {
  id,
  side: "clients",
  apply(ctx) {
    for (const planned of plannedCalls(ctx)) {
      const { plan, call, fact } = planned;
      if ((plan.kind !== "block" && plan.kind !== "handed") || !plan.writer) continue;
      if (plan.kind === "block") writeBlock(ctx, planned, plan, id);
      else writeHanded(ctx, planned, plan, id);
      writeAddedOptions(ctx, planned, id);
      ctx.report({
        rule: id,
        outcome: "idiomatic",
        construct: `${construct(ctx, call)}(callback)`,
        reason: null,
        start: fact.start,
        end: fact.end,
        rpc: `${fact.rpc.service}/${fact.rpc.method}`,
      });
    }
  },
};

export default transformFromRule(rule);
