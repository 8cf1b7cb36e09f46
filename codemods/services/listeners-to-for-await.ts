import { indentAt, type Node } from "../shared/ast.js";
import type { EditOrigin } from "../shared/edits.js";
import type { Rule, RuleContext } from "../shared/rule.js";
import { transformFromRule } from "../shared/transform.js";
import { dedentLines, forSteps, lineRange } from "./planned-handlers.js";

const id = "services/listeners-to-for-await";

/** `call.on("data")` and `call.on("end")` -> `for await`, and what ran at the end behind it. */
export const rule: Rule = {
  id,
  side: "services",
  apply(ctx) {
    forSteps(ctx, id, ["requests"], (step, { plan }, origin) => {
      ctx.edit.overwrite(step.node.start, step.node.end, plan.requestName ?? "requests", origin);
      return "for await (… of call)";
    });
    forSteps(ctx, id, ["data-listener"], (step, { plan }, origin) => {
      const { statement, listener } = step;
      const [param] = listener.params;
      const requests = plan.requestName ?? "requests";
      if (param) {
        ctx.edit.overwrite(statement.start, param.start, "for await (const ", origin);
        const nameEnd = (param.typeAnnotation as Node | undefined)?.start ?? param.end;
        ctx.edit.overwrite(nameEnd, listener.body.start, ` of ${requests}) `, origin);
      } else ctx.edit.overwrite(statement.start, listener.body.start, `for await (const _ of ${requests}) `, origin);
      ctx.edit.remove(listener.body.end, statement.end, origin);
      return 'call.on("data", listener)';
    });
    forSteps(ctx, id, ["end-listener"], (step, _handler, origin) => {
      inline(ctx, step.statement, step.listener.body, origin);
      return 'call.on("end", listener)';
    });
    forSteps(ctx, id, ["error-listener"], (step, _handler, origin) => {
      const { start, end } = lineRange(ctx.source, step.statement);
      ctx.edit.remove(start, end, origin);
      return 'call.on("error", listener), which never runs on a server';
    });
    forSteps(ctx, id, ["continue"], (step, _handler, origin) => {
      ctx.edit.overwrite(step.statement.start, step.statement.start + "return".length, "continue", origin);
      return undefined;
    });
  },
};

/** Puts the content of a listener's block in place of the statement that registered it, one level further out. */
function inline(ctx: RuleContext, statement: Node, block: Node, origin: EditOrigin): void {
  const { source } = ctx;
  const inside = source.slice(block.start + 1, block.end - 1);
  const first = block.start + 1 + (/^\s*/.exec(inside)?.[0].length ?? 0);
  const last = block.end - 1 - (/\s*$/.exec(inside)?.[0].length ?? 0);
  if (first >= last) {
    const { start, end } = lineRange(source, statement);
    ctx.edit.remove(start, end, origin);
    return;
  }
  ctx.edit.remove(statement.start, first, origin);
  ctx.edit.remove(last, statement.end, origin);
  const outer = indentAt(source, statement.start);
  const inner = indentAt(source, first);
  dedentLines(ctx, block, first, last, outer, inner, origin);
}

export default transformFromRule(rule);
