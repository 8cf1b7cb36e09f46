import type { ImplementationClassFact } from "../analysis/server-facts.js";
import { lineRange } from "../shared/imports.js";
import type { Rule } from "../shared/rule.js";
import { transformFromRule } from "../shared/transform.js";

const id = "services/service-types";
const BRIDGE = "@connect-migrate/runtime/grpc-js";

/**
 * `class Greeter implements GreeterServer` -> `implements ServiceImplOf<typeof GreeterService>`, without the index signature.
 * So does a class that extends a generated one which has abstract handlers only.
 */
export const rule: Rule = {
  id,
  side: "services",
  apply({ facts, source, edit, imports, report }) {
    for (const each of facts) {
      if (each.kind !== "implementation-class") continue;
      const fact = each as ImplementationClassFact;
      const origin = { rule: id, outcome: "idiomatic" } as const;
      if (fact.definition) {
        const shape = imports.add(BRIDGE, "ServiceImplOf", { typeOnly: true });
        const { definition } = fact;
        const of =
          typeof definition === "string"
            ? definition
            : `typeof ${imports.add(definition.module, definition.name, { typeOnly: true })}`;
        edit.overwrite(fact.start, fact.end, `${fact.isBase ? "implements " : ""}${shape}<${of}>`, origin);
      }
      for (const { start, end } of fact.ofBase) edit.remove(start, end, origin);
      if (fact.untyped) edit.remove(fact.untyped.start, fact.untyped.end, origin);
      for (const signature of fact.signatures) {
        const range = lineRange(source, signature.start, signature.end);
        const blank = /^[ \t]*\r?\n/.exec(source.slice(range.end))?.[0].length ?? 0;
        edit.remove(range.start, range.end + blank, origin);
      }
      report({
        ...origin,
        construct: fact.isBase
          ? "extends"
          : fact.definition || fact.untyped
            ? "implements"
            : "index signature of handlers",
        reason: null,
        start: fact.start,
        end: fact.end,
        rpc: null,
      });
    }
  },
};
export default transformFromRule(rule);
