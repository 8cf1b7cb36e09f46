import { lineEndingOf, semicolonOf } from "../shared/ast.js";
import type { Rule } from "../shared/rule.js";
import { transformFromRule } from "../shared/transform.js";
import { dedent, forSteps, indentAfter, insertStatementBefore, removeDead, replaceAround } from "./planned-handlers.js";
import { writeBranches } from "./reply-branches.js";
import { sendingText } from "./write-metadata.js";
import { lineEndAfter } from "./write-region.js";

const id = "services/callback-to-return";

/** `callback(null, reply, trailers)` -> `return reply`, with the trailers put into the context before. */
export const rule: Rule = {
  id,
  side: "services",
  apply(ctx) {
    forSteps(ctx, id, ["chain"], (step, _handler, origin) => {
      const { start, node, form } = step.chain;
      if (start < node.start) ctx.edit.remove(start, node.start, origin);
      if (form === "statement") ctx.edit.insertRight(step.statement.start, "return ", origin);
      return "promise.then(… callback(null, reply))";
    });
    forSteps(ctx, id, ["value"], (step, { plan }, origin) => {
      const { node, value, statement, form, trailers, settles } = step;
      if (step.branches?.replies[0] === node) writeBranches(ctx, step.branches, origin);
      const sent = trailers && sendingText(ctx, plan, step, trailers);
      if (sent && !step.kept) insertStatementBefore(ctx, plan, statement, sent, origin);
      if (step.kept) {
        const { name, last } = step.kept;
        const end = semicolonOf(ctx.source, statement);
        const { response } = plan.types;
        const type = response ? `: ${ctx.source.slice(response.start, response.end)}` : "";
        replaceAround(
          ctx,
          form === "return" ? { start: statement.start, end: node.end } : node,
          value,
          `const ${name}${type} = `,
          "",
          origin,
        );
        const eol = lineEndingOf(ctx.source);
        const line = `${eol}${indentAfter(ctx, plan, statement)}`;
        if (sent) ctx.edit.insertLeft(statement.end, `${line}${sent}${end}`, origin);
        const isOneLine = last !== statement && !ctx.source.slice(statement.end, last.start).includes("\n");
        const place = isOneLine || last === statement ? last.end : lineEndAfter(ctx.source, last.end);
        const between = isOneLine ? " " : `${eol}${indentAfter(ctx, plan, last)}`;
        const leave = settles && plan.region ? `${plan.region.resolve}(${name})` : `return ${name}`;
        ctx.edit.insertLeft(place, `${between}${leave}${end}`, origin);
      } else if (settles && plan.region) replaceAround(ctx, node, value, `${plan.region.resolve}(`, ")", origin);
      else if (form === "arrow") {
        const isObject = value.type === "ObjectExpression";
        replaceAround(ctx, node, value, isObject ? "(" : "", isObject ? ")" : "", origin);
      } else replaceAround(ctx, node, value, form === "statement" ? "return " : "", "", origin);
      if (form === "statement" || form === "return") dedent(ctx, value, statement, origin);
      removeDead(ctx, step, origin);
      return trailers ? "callback(null, reply, trailers)" : "callback(null, reply)";
    });
  },
};

export default transformFromRule(rule);
