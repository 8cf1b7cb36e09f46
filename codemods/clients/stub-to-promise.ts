import { clientFacts } from "../analysis/client-facts.js";
import type { Rule } from "../shared/rule.js";
import { transformFromRule } from "../shared/transform.js";
import { withImports } from "../shared/with-imports.js";

const id = "clients/stub-to-promise";
const origin = { rule: id, outcome: "idiomatic" } as const;

/** A function that a test puts in the place of a client's method answers by a promise, as the method does now. */
export const rule: Rule = {
  id,
  side: "clients",
  apply(ctx) {
    for (const fact of clientFacts(ctx.facts, "client-stub")) {
      for (const { start, end, text } of fact.changes) {
        if (start === end) ctx.edit.insertRight(start, text, origin);
        else if (text === "") ctx.edit.remove(start, end, origin);
        else ctx.edit.overwrite(start, end, withImports(ctx, text, fact.imports), origin);
      }
      ctx.report({
        ...origin,
        construct: `stub of ${fact.rpc.method}`,
        reason: null,
        start: fact.start,
        end: fact.end,
        rpc: `${fact.rpc.service}/${fact.rpc.method}`,
      });
    }
  },
};

export default transformFromRule(rule);
