import { clientFacts } from "../analysis/client-facts.js";
import { isIdentifier, nodeAt } from "../shared/ast.js";
import type { Rule } from "../shared/rule.js";
import { scopesOf } from "../shared/scope.js";
import { transformFromRule } from "../shared/transform.js";
import { fileOf } from "./write-call.js";
import { transportName, writeConstruction } from "./write-construction.js";

const id = "clients/channel-to-transport";

/** `new Service(address, credentials, options)` -> `createClient(Service, createGrpcTransport(…))`, `close()` -> the transport's. */
export const rule: Rule = {
  id,
  side: "clients",
  apply(ctx) {
    const constructions = clientFacts(ctx.facts, "client-construction").filter((fact) => fact.outcome === "idiomatic");
    for (const fact of constructions) {
      writeConstruction(ctx, fact, id);
      ctx.report({
        rule: id,
        outcome: "idiomatic",
        construct: `new ${fact.service}(…)`,
        reason: null,
        start: fact.start,
        end: fact.end,
        rpc: null,
      });
    }
    const file = fileOf(ctx);
    for (const close of clientFacts(ctx.facts, "client-close")) {
      if (close.outcome !== "idiomatic") continue;
      const receiver = nodeAt(file, close.start, close.end)?.callee?.object;
      if (!isIdentifier(receiver)) continue;
      const declaration = scopesOf(file).bindingOf(receiver)?.declaration;
      const made = constructions.find(
        (fact) => fact.start === declaration?.init?.start && fact.end === declaration?.init?.end,
      );
      const name = made && transportName(ctx, made);
      if (name === undefined) continue;
      ctx.edit.overwrite(receiver.start, receiver.end, name, { rule: id, outcome: "idiomatic" });
      ctx.report({
        rule: id,
        outcome: "idiomatic",
        construct: "client.close()",
        reason: null,
        start: close.start,
        end: close.end,
        rpc: null,
      });
    }
  },
};

export default transformFromRule(rule);
