import { statusName } from "../clients/plan-error.js";
import { type File, isFunction, isIdentifier, type Node, parentMap } from "../shared/ast.js";
import type { Rule } from "../shared/rule.js";
import { transformFromRule } from "../shared/transform.js";

const id = "errors/status-to-code";

/**
 * `grpc.status.NOT_FOUND` -> `Code.NotFound`, which is the same number. Runs last, for what no other rule has taken along: in
 * JavaScript files whose handlers or clients, or functions for errors of clients, are migrated or bridged. In TypeScript the two enums are different types, and what
 * keeps its old shape wants the old one.
 */
export const rule: Rule = {
  id,
  side: "both",
  apply(ctx) {
    if (
      ctx.language === "ts" ||
      (!ctx.isAlone &&
        !ctx.facts.some((fact) => "outcome" in fact || /^(handler|client-error|client-stub)$/.test(fact.kind)))
    )
      return;
    const file = ctx.root.get().value as File;
    const parents = parentMap(file);
    const taken = ctx.edit.edits.filter((edit) => edit.end > edit.start);
    for (const [node] of parents) {
      if (node.type !== "MemberExpression") continue;
      const name = statusName(file, node);
      if (name === undefined || taken.some((edit) => edit.start < node.end && node.start < edit.end)) continue;
      if (ctx.facts.every((fact) => fact.kind !== "handler") && isInHandler(node, parents)) continue;
      ctx.edit.overwrite(node.start, node.end, `${ctx.imports.add("@connect-migrate/runtime", "Code")}.${name}`, {
        rule: id,
        outcome: "idiomatic",
      });
      ctx.report({
        rule: id,
        outcome: "idiomatic",
        construct: ctx.source.slice(node.start, node.end),
        reason: null,
        start: node.start,
        end: node.end,
        rpc: null,
      });
    }
  },
};
export default transformFromRule(rule);

/** A handler that has not been migrated yet is read by the rules for handlers, which know the names of grpc-js. */
function isInHandler(node: Node, parents: ReturnType<typeof parentMap>): boolean {
  for (let at = parents.get(node); at; at = parents.get(at))
    if (isFunction(at) && isIdentifier(at.params[0], "call")) return true;
  return false;
}
