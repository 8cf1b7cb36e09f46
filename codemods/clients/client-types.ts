import { clientFacts } from "../analysis/client-facts.js";
import type { Rule } from "../shared/rule.js";
import { transformFromRule } from "../shared/transform.js";
import { GRPC_JS } from "./write-call.js";

const id = "clients/client-types";

/** A type annotation that names the generated client names the migrated one. */
export const rule: Rule = {
  id,
  side: "clients",
  apply(ctx) {
    for (const fact of clientFacts(ctx.facts, "client-type")) {
      const { definition } = fact;
      const name =
        definition.kind === "text"
          ? definition.text
          : ctx.imports.add(definition.module, definition.name, { typeOnly: true });
      const type = ctx.imports.add(GRPC_JS, "ClientOf", { typeOnly: true });
      ctx.edit.overwrite(fact.start, fact.end, `${type}<typeof ${name}>`, { rule: id, outcome: "idiomatic" });
      ctx.report({
        rule: id,
        outcome: "idiomatic",
        construct: "client type",
        reason: null,
        start: fact.start,
        end: fact.end,
        rpc: null,
      });
    }
  },
};

export default transformFromRule(rule);
