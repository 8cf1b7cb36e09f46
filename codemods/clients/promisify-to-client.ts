import { clientFacts } from "../analysis/client-facts.js";
import { isIdentifier, type Node, nodeAt, parentMap, textOf, unwrap } from "../shared/ast.js";
import type { Rule, RuleContext } from "../shared/rule.js";
import { transformFromRule } from "../shared/transform.js";
import { argumentsEnd, construct, fileOf, plannedCalls, rpcName } from "./write-call.js";
import { writeReady } from "./write-ready.js";

const id = "clients/promisify-to-client";

/** `promisify(client.m).bind(client)` and `new Promise((resolve, reject) => client.m(req, …))` are `client.m`, which returns a promise. */
export const rule: Rule = {
  id,
  side: "clients",
  apply(ctx) {
    const file = fileOf(ctx);
    const origin = { rule: id, outcome: "idiomatic" } as const;
    for (const fact of clientFacts(ctx.facts, "client-promisify")) {
      const node = nodeAt(file, fact.start, fact.end);
      if (fact.outcome !== "idiomatic" || !node) continue;
      ctx.edit.remove(fact.start, fact.method.start, origin);
      ctx.edit.remove(fact.method.end, fact.end, origin);
      ctx.report({
        rule: id,
        outcome: "idiomatic",
        construct: fact.form === "client" ? "bind(…)" : "promisify(…)",
        reason: null,
        start: fact.start,
        end: fact.end,
        rpc: `${fact.rpc.service}/${fact.rpc.method}`,
      });
    }
    for (const planned of plannedCalls(ctx)) {
      const { plan, call, fact, isReady } = planned;
      if (plan.kind !== "executor") {
        if (plan.kind === "plain" && fact.form === "promisified")
          ctx.report({
            rule: id,
            outcome: "idiomatic",
            construct: `${construct(ctx, call)}(…)`,
            reason: null,
            start: fact.start,
            end: fact.end,
            rpc: `${fact.rpc.service}/${fact.rpc.method}`,
          });
        continue;
      }
      const { promise, value, shape } = plan;
      const end = argumentsEnd(ctx, planned);
      const { rejected } = plan;
      const [open, close] = rejected.form === "wrapped" ? ["(async () => ", ")()"] : ["", ""];
      if (rejected.form === "async") ctx.edit.insertRight(rejected.at, "async ", origin);
      ctx.edit.overwrite(promise.start, call.start, open, origin);
      const response = shape.response;
      const isResponse =
        value !== null && response !== null && isIdentifier(response) && isIdentifier(unwrap(value), response.name);
      if (isResponse) ctx.edit.overwrite(end, promise.end, `)${close}`, origin);
      else {
        const param = response ? textOf(ctx.source, response) : "";
        if (value) {
          const isObject = unwrap(value).type === "ObjectExpression";
          ctx.edit.overwrite(end, value.start, `)${close}.then((${param}) => ${isObject ? "(" : ""}`, origin);
          ctx.edit.overwrite(value.end, promise.end, isObject ? "))" : ")", origin);
        } else
          ctx.edit.overwrite(
            end,
            promise.end,
            `)${close}${isReady || isUnused(ctx, promise) ? "" : ".then(() => undefined)"}`,
            origin,
          );
      }
      if (isReady) writeReady(ctx, planned);
      ctx.report({
        rule: id,
        outcome: "idiomatic",
        construct: "new Promise(…)",
        reason: null,
        start: promise.start,
        end: promise.end,
        rpc: rpcName(planned),
      });
    }
  },
};

/** Does nobody look at what a promise gives? `await new Promise(…);` */
function isUnused(ctx: RuleContext, promise: Node): boolean {
  const parents = parentMap(fileOf(ctx));
  const wait = parents.get(promise);
  return wait?.type === "AwaitExpression" && parents.get(wait)?.type === "ExpressionStatement";
}

export default transformFromRule(rule);
