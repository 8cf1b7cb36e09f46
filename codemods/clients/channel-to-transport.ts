import { clientFacts } from "../analysis/client-facts.js";
import { isIdentifier, type Node, nodeAt } from "../shared/ast.js";
import type { Rule, RuleContext } from "../shared/rule.js";
import { scopesOf } from "../shared/scope.js";
import { transformFromRule } from "../shared/transform.js";
import { removeUnused } from "./remove-unused.js";
import { fileOf, plannedCalls } from "./write-call.js";
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
    if (ctx.language === "js") writeLocalNames(ctx);
    removeUnused(ctx, id);
    const file = fileOf(ctx);
    const reportClose = (close: { start: number; end: number }) =>
      ctx.report({
        rule: id,
        outcome: "idiomatic",
        construct: "client.close()",
        reason: null,
        start: close.start,
        end: close.end,
        rpc: null,
      });

    for (const close of clientFacts(ctx.facts, "client-close")) {
      if (close.outcome !== "idiomatic") continue;
      const receiver = nodeAt(file, close.start, close.end)?.callee?.object;
      if (close.field !== null && receiver) {
        ctx.edit.overwrite(receiver.property.start, receiver.property.end, close.field, {
          rule: id,
          outcome: "idiomatic",
        });
        reportClose(close);
        continue;
      }
      if (!isIdentifier(receiver)) continue;
      const declaration = scopesOf(file).bindingOf(receiver)?.declaration;
      const made = constructions.find(
        (fact) => fact.start === declaration?.init?.start && fact.end === declaration?.init?.end,
      );
      const name = made && transportName(ctx, made);
      if (name === undefined) continue;
      ctx.edit.overwrite(receiver.start, receiver.end, name, { rule: id, outcome: "idiomatic" });
      reportClose(close);
    }
  },
};

/** `client.GetItem` -> `client.getItem`. In TypeScript the client is typed by the old definition, whose keys are the names. */
function writeLocalNames(ctx: RuleContext): void {
  const file = fileOf(ctx);
  const rename = (member: Node | undefined, name: string) => {
    if (member?.type !== "MemberExpression" || member.computed || member.property.name === name) return;
    ctx.edit.overwrite(member.property.start, member.property.end, name, { rule: id, outcome: "idiomatic" });
  };
  for (const { fact, call } of plannedCalls(ctx)) if (fact.form === "client") rename(call.callee, fact.rpc.localName);
  for (const fact of clientFacts(ctx.facts, "client-promisify"))
    if (fact.outcome === "idiomatic") rename(nodeAt(file, fact.method.start, fact.method.end), fact.rpc.localName);
}

export default transformFromRule(rule);
