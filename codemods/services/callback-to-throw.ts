import { beginsLine, indentAt, lineEndingOf, semicolonOf } from "../shared/ast.js";
import type { EditOrigin } from "../shared/edits.js";
import type { Rule, RuleContext } from "../shared/rule.js";
import { transformFromRule } from "../shared/transform.js";
import type { HandlerPlan, Step } from "./handler-plan.js";
import { forSteps, GRPC_JS, indentAfter, removeDead } from "./planned-handlers.js";
import { writeError } from "./write-error.js";

const id = "services/callback-to-throw";

type EitherStep = Extract<Step, { kind: "either" }>;

/** `callback(err)` -> `throw new ConnectError(text, Code.X)`, or `throw toConnectError(err)` where code and text are not in the source. */
export const rule: Rule = {
  id,
  side: "services",
  apply(ctx) {
    forSteps(ctx, id, ["error"], (step, { plan }, origin) => {
      if (step.via !== "callback") return undefined;
      writeError(ctx, plan, step, origin);
      return "callback(err)";
    });
    forSteps(ctx, id, ["chain-callback"], (step, _handler, origin) => {
      const convert = ctx.imports.add(GRPC_JS, "toConnectError");
      ctx.edit.overwrite(step.node.start, step.node.end, `(err) => { throw ${convert}(err); }`, origin);
      return "promise.catch(callback)";
    });
    forSteps(ctx, id, ["either"], (step, { plan }, origin) => {
      if (step.settles) {
        settleEither(ctx, step, plan, origin);
        return "callback(err, reply)";
      }
      const { node, statement, form, error, value } = step;
      const convert = ctx.imports.add(GRPC_JS, "toConnectError");
      const name = ctx.source.slice(error.start, error.end);
      const eol = lineEndingOf(ctx.source);
      const start = form === "return" ? statement.start : node.start;
      const check = `if (${name}) throw ${convert}(${name})${semicolonOf(ctx.source, statement)}`;
      ctx.edit.overwrite(start, value.start, `${check}${eol}${indentAt(ctx.source, statement.start)}return `, origin);
      ctx.edit.overwrite(value.end, node.end, "", origin);
      removeDead(ctx, step, origin);
      return "callback(err, reply)";
    });
  },
};

/** `callback(err, reply)` in a promise: in a list of statements an `if`, elsewhere an expression. */
function settleEither(ctx: RuleContext, step: EitherStep, plan: HandlerPlan, origin: EditOrigin): void {
  const { node, statement, form, error, value } = step;
  const { resolve, reject } = plan.region ?? { resolve: "resolve", reject: "reject" };
  const convert = ctx.imports.add(GRPC_JS, "toConnectError");
  const name = ctx.source.slice(error.start, error.end);
  const failed = `${reject}(${convert}(${name}))`;
  if (form === "statement" && step.inList) {
    const isAlone = beginsLine(ctx.source, node.start);
    const eol = lineEndingOf(ctx.source);
    const between = isAlone ? `${semicolonOf(ctx.source, statement)}${eol}${indentAfter(ctx, plan, statement)}` : "; ";
    const otherwise = `${between}else ${resolve}(`;
    ctx.edit.overwrite(node.start, value.start, `if (${name}) ${failed}${otherwise}`, origin);
    ctx.edit.overwrite(value.end, node.end, ")", origin);
    return;
  }
  const [open, close] = form === "return" ? ["", ""] : ["(", ")"];
  ctx.edit.overwrite(node.start, value.start, `${open}${name} ? ${failed} : ${resolve}(`, origin);
  ctx.edit.overwrite(value.end, node.end, `)${close}`, origin);
}

export default transformFromRule(rule);
