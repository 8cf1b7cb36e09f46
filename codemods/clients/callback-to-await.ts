import type { Rule } from "../shared/rule.js";
import { transformFromRule } from "../shared/transform.js";
import { writeAddedOptions } from "./write-arguments.js";
import { writeBlock } from "./write-block.js";
import { argumentsEnd, construct, plannedCalls, rpcName } from "./write-call.js";
import { writeHanded, writeSettled } from "./write-handed.js";
import { writeReady } from "./write-ready.js";

const id = "clients/callback-to-await";
const origin = { rule: id, outcome: "idiomatic" } as const;

/**
 * `client.m(req, (err, res) => {…})` -> an async function called at once that awaits the call: what follows the call still runs
 * before the reply, and nothing waits for it that did not wait before.
 */
export const rule: Rule = {
  id,
  side: "clients",
  apply(ctx) {
    for (const planned of plannedCalls(ctx)) {
      const { plan, call, fact } = planned;
      if (plan.kind === "forget") {
        if (fact.unseen === "framework") ctx.edit.insertRight(call.start, "void ", origin);
        ctx.edit.overwrite(argumentsEnd(ctx, planned), call.end, ").catch(() => {})", origin);
      } else if (plan.kind === "settled") writeSettled(ctx, planned, plan, id);
      else if (plan.kind === "handed" && !plan.writer) writeHanded(ctx, planned, plan, id);
      else if (plan.kind === "block" && !plan.writer) writeBlock(ctx, planned, plan, id);
      else continue;
      if (planned.isReady) writeReady(ctx, planned);
      else writeAddedOptions(ctx, planned, id);
      ctx.report({
        rule: id,
        outcome: "idiomatic",
        construct: `${construct(ctx, call)}(…, callback)`,
        reason: null,
        start: fact.start,
        end: fact.end,
        rpc: rpcName(planned),
      });
    }
  },
};

export default transformFromRule(rule);
