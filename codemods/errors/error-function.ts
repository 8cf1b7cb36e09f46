import type { ErrorFunctionFact, MadeByFunctionFact } from "../analysis/error-functions.js";
import { type File, isFunction, type Node, nodeAt, parentMap, semicolonOf } from "../shared/ast.js";
import type { Rule, RuleContext } from "../shared/rule.js";
import { transformFromRule } from "../shared/transform.js";
import { codeText, writeMade } from "./error-class.js";
import { type MadeError, planErrorFunction } from "./plan-error-function.js";

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
    const file = ctx.root.get().value as File;
    for (const fact of ctx.facts.filter((each): each is ErrorFunctionFact => each.kind === "error-function")) {
      const name = nodeAt(file, fact.start, fact.end);
      const parent = name && parentMap(file).get(name);
      const fn = parent?.type === "VariableDeclarator" ? (parent.init as Node) : parent;
      const plan = isFunction(fn) ? planErrorFunction(file, fn) : undefined;
      if (!name || !plan) continue;
      for (const made of plan.made) write(ctx, file, made);
      for (const { node, name: type } of plan.types)
        ctx.edit.overwrite(node.start, node.end, ctx.imports.add(RUNTIME, type, { typeOnly: true }), origin);
      ctx.report({
        ...origin,
        construct: `function ${ctx.source.slice(name.start, name.end)}`,
        reason: null,
        start: name.start,
        end: name.end,
        rpc: null,
      });
    }
    const made = ctx.facts.filter((each): each is MadeByFunctionFact => each.kind === "made-by-function");
    writeMade(ctx, made, origin);
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
