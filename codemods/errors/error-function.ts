import type { ErrorFunctionFact } from "../analysis/error-functions.js";
import { type File, semicolonOf } from "../shared/ast.js";
import type { Rule, RuleContext } from "../shared/rule.js";
import { transformFromRule } from "../shared/transform.js";
import { codeText } from "./error-class.js";
import { type MadeError, planNamedErrorFunction } from "./plan-error-function.js";

const id = "errors/error-function";
const origin = { rule: id, outcome: "idiomatic" } as const;
const RUNTIME = "@connect-migrate/runtime";

/**
 * `const notFound = (text) => ({ code: status.NOT_FOUND, details: text })`, whose errors are nothing but replies of handlers, makes a ConnectError;
 * then `throw toConnectError(notFound(text))` -> `throw notFound(text)`.
 */
export const rule: Rule = {
  id,
  side: "services",
  apply(ctx) {
    // Where they are called is for error-class to write, and that does nothing there.
    if (ctx.target === "connectrpc") return;
    const file = ctx.root.get().value as File;
    for (const { start, end } of ctx.facts.filter(
      (each): each is ErrorFunctionFact => each.kind === "error-function",
    )) {
      const plan = planNamedErrorFunction(file, start, end);
      if (!plan) continue;
      for (const made of plan.made) write(ctx, file, made);
      for (const { node, name } of plan.types)
        ctx.edit.overwrite(node.start, node.end, ctx.imports.add(RUNTIME, name, { typeOnly: true }), origin);
      const construct = `function ${ctx.source.slice(start, end)}`;
      ctx.report({ ...origin, construct, reason: null, start, end, rpc: null });
    }
  },
};

export default transformFromRule(rule);

function write(ctx: RuleContext, file: File, made: MadeError): void {
  const { start, isStatement, text, code } = made;
  const end = made.isParenthesized ? ctx.source.indexOf(")", made.end) + 1 : made.end;
  const open = `${isStatement ? "return " : ""}new ${ctx.imports.add(RUNTIME, "ConnectError")}(`;
  const last = isStatement ? semicolonOf(ctx.source, { type: "", start, end }) : "";
  ctx.edit.overwrite(start, text.start, open, origin);
  ctx.edit.overwrite(text.end, end, `, ${codeText(ctx, file, code)})${last}`, origin);
}
