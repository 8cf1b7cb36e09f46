import { clientFacts } from "../analysis/client-facts.js";
import { nodeAt } from "../shared/ast.js";
import type { Rule } from "../shared/rule.js";
import { transformFromRule } from "../shared/transform.js";
import { construct, fileOf, GRPC_JS } from "./write-call.js";
import { writeConstruction } from "./write-construction.js";

const id = "clients/client-bridge";

/**
 * A client that keeps its grpc-js shape on a Connect transport, its calls as they are; single uses that do so, while all
 * others are Connect's; or calls that are Connect's on a channel that stays grpc-js's. What cannot be moved says why.
 */
export const rule: Rule = {
  id,
  side: "clients",
  apply(ctx) {
    for (const fact of clientFacts(ctx.facts, "client-construction")) {
      const finding = {
        rule: id,
        construct: `new ${fact.service}(…)`,
        reason: fact.reason,
        start: fact.start,
        end: fact.end,
        rpc: null,
      };
      if (fact.outcome === "manual") ctx.todo(finding);
      if (fact.outcome !== "bridged") continue;
      writeConstruction(ctx, fact, id);
      ctx.report({ ...finding, outcome: "bridged" });
    }
    for (const fact of clientFacts(ctx.facts, "client-view")) {
      const origin = { rule: id, outcome: "bridged", reason: fact.reason } as const;
      const type = fact.type === null ? "" : `<${fact.type}>`;
      const key = fact.key === null ? "" : `${fact.key}: `;
      ctx.edit.insertRight(fact.start, `${key}${ctx.imports.add(GRPC_JS, "asGrpcJsClient")}${type}(`, origin);
      ctx.edit.insertLeft(fact.end, ")", origin);
      if (fact.reason === null) continue;
      const construct = ctx.source.slice(fact.start, fact.end);
      ctx.report({ ...origin, construct, start: fact.start, end: fact.end, rpc: null });
    }
    for (const kind of ["client-call", "client-promisify"] as const)
      for (const fact of clientFacts(ctx.facts, kind)) {
        if (fact.outcome === "idiomatic") continue;
        const node = nodeAt(fileOf(ctx), fact.start, fact.end);
        ctx.report({
          rule: id,
          outcome: fact.outcome,
          construct:
            fact.kind === "client-call"
              ? node
                ? `${construct(ctx, node)}(…)`
                : fact.rpc.localName
              : `${fact.form === "client" ? "bind" : "promisify"}(${fact.rpc.localName})`,
          reason: fact.reason,
          start: fact.start,
          end: fact.end,
          rpc: `${fact.rpc.service}/${fact.rpc.method}`,
        });
      }
  },
};

export default transformFromRule(rule);
