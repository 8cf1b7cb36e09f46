import { type ClientTypeFact, clientFacts } from "../analysis/client-facts.js";
import type { Node } from "../shared/ast.js";
import { lineRange } from "../shared/imports.js";
import type { Rule, RuleContext } from "../shared/rule.js";
import { scopesOf } from "../shared/scope.js";
import { transformFromRule } from "../shared/transform.js";
import { withImports } from "../shared/with-imports.js";
import { fileOf, GRPC_JS } from "./write-call.js";

const id = "clients/client-types";

/** A type annotation that names the generated client names the migrated one. */
export const rule: Rule = {
  id,
  side: "clients",
  apply(ctx) {
    for (const fact of clientFacts(ctx.facts, "client-type")) {
      ctx.edit.overwrite(fact.start, fact.end, typeText(ctx, fact), { rule: id, outcome: "idiomatic" });
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
    for (const fact of clientFacts(ctx.facts, "client-interface")) {
      const origin = { rule: id, outcome: "idiomatic", reason: null } as const;
      for (const { start, end, text } of fact.changes) {
        if (text === "") ctx.edit.remove(start, end, origin);
        else ctx.edit.overwrite(start, end, withImports(ctx, text, fact.imports), origin);
      }
      ctx.report({ ...origin, construct: fact.construct, start: fact.start, end: fact.end, rpc: null });
    }
    for (const { start, end } of clientFacts(ctx.facts, "client-options-type")) {
      const origin = { rule: id, outcome: "idiomatic", reason: null } as const;
      ctx.edit.overwrite(start, end, ctx.imports.add(GRPC_JS, "GrpcJsCallOptions", { typeOnly: true }), origin);
      ctx.report({ ...origin, construct: "CallOptions", start, end, rpc: null });
    }
    removeUnusedTypes(ctx);
  },
};

function typeText(ctx: RuleContext, { definition, member }: ClientTypeFact): string {
  // What asks for the channel of a client takes any.
  if (definition === null) return "object";
  const { types } = definition;
  const named = typeof types === "object" ? ctx.imports.add(types.module, types.name, { typeOnly: true }) : types;
  const of =
    named ??
    `typeof ${definition.kind === "text" ? definition.text : ctx.imports.add(definition.module, definition.name, { typeOnly: true })}`;
  const type = ctx.imports.add(GRPC_JS, "ClientOf", { typeOnly: true });
  return `${type}<${of}>${member === null ? "" : `["${member}"]`}`;
}

/** A type alias that only replaced annotations named. */
function removeUnusedTypes(ctx: RuleContext): void {
  const file = fileOf(ctx);
  const facts = [
    ...clientFacts(ctx.facts, "client-type"),
    ...clientFacts(ctx.facts, "client-promisify").filter((fact) => fact.outcome === "idiomatic"),
    ...clientFacts(ctx.facts, "client-interface").flatMap((fact) => fact.changes),
  ];
  for (const statement of file.program.body as Node[]) {
    if (statement.type !== "TSTypeAliasDeclaration") continue;
    const references = scopesOf(file).bindingOf(statement.id)?.references ?? [];
    const isReplaced = (node: Node) => facts.some((fact) => fact.start <= node.start && node.end <= fact.end);
    if (references.length === 0 || !references.every(isReplaced)) continue;
    const range = lineRange(ctx.source, statement.start, statement.end);
    // The blank line behind it goes too.
    const more = /^\r?\n/.exec(ctx.source.slice(range.end))?.[0].length ?? 0;
    ctx.edit.remove(range.start, range.end + more, { rule: id, outcome: "idiomatic" });
  }
}

export default transformFromRule(rule);
