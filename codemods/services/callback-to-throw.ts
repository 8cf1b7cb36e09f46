import { indentAt } from "../shared/ast.js";
import type { Rule } from "../shared/rule.js";
import { transformFromRule } from "../shared/transform.js";
import { forSteps, GRPC_JS, removeDead, semicolonOf } from "./planned-handlers.js";
import { writeError } from "./write-error.js";

const id = "services/callback-to-throw";

/** `callback(err)` -> `throw new ConnectError(text, Code.X)`, or `throw toConnectError(err)` where code and text are not in the source. */
export const rule: Rule = {
  id,
  side: "services",
  apply(ctx) {
    forSteps(ctx, id, ["error"], (step, _handler, origin) => {
      if (step.via !== "callback") return undefined;
      writeError(ctx, step, origin);
      return "callback(err)";
    });
    forSteps(ctx, id, ["chain-callback"], (step, _handler, origin) => {
      const convert = ctx.imports.add(GRPC_JS, "toConnectError");
      ctx.edit.overwrite(step.node.start, step.node.end, `(err) => { throw ${convert}(err); }`, origin);
      return "promise.catch(callback)";
    });
    forSteps(ctx, id, ["either"], (step, _handler, origin) => {
      const { node, statement, form, error, value } = step;
      const convert = ctx.imports.add(GRPC_JS, "toConnectError");
      const name = ctx.source.slice(error.start, error.end);
      const eol = ctx.source.includes("\r\n") ? "\r\n" : "\n";
      const start = form === "return" ? statement.start : node.start;
      const check = `if (${name}) throw ${convert}(${name})${semicolonOf(ctx.source, statement)}`;
      ctx.edit.overwrite(start, value.start, `${check}${eol}${indentAt(ctx.source, statement.start)}return `, origin);
      ctx.edit.overwrite(value.end, node.end, "", origin);
      removeDead(ctx, step, origin);
      return "callback(err, reply)";
    });
  },
};

export default transformFromRule(rule);
