import type { Rule } from "../shared/rule.js";
import { transformFromRule } from "../shared/transform.js";
import { writeAddedOptions } from "./write-arguments.js";
import { construct, plannedCalls } from "./write-call.js";
import { writeHeader } from "./write-events.js";
import { writeLoop, writeReplies } from "./write-loop.js";

const id = "clients/stream-to-for-await";

/** `call.on("data" | "error" | "status" | "end")` -> `for await`, in an async function called at once. */
export const rule: Rule = {
  id,
  side: "clients",
  apply(ctx) {
    for (const planned of plannedCalls(ctx)) {
      const { plan, call, fact } = planned;
      if (fact.rpc.kind !== "server_streaming" && fact.rpc.kind !== "bidi_streaming") continue;
      if (plan.kind === "listeners") writeLoop(ctx, planned, plan, id);
      else if (plan.kind === "plain") writeReplies(ctx, planned, id);
      else continue;
      writeHeader(ctx, planned, id);
      writeAddedOptions(ctx, planned, id);
      ctx.report({
        rule: id,
        outcome: "idiomatic",
        construct:
          plan.kind === "plain" ? `for await (… of ${construct(ctx, call)}(…))` : `${construct(ctx, call)}(…).on(…)`,
        reason: null,
        start: fact.start,
        end: fact.end,
        rpc: `${fact.rpc.service}/${fact.rpc.method}`,
      });
    }
  },
};

export default transformFromRule(rule);
