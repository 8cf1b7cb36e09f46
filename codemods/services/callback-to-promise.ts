import { type Node, walk } from "../shared/ast.js";
import type { EditOrigin } from "../shared/edits.js";
import type { Rule, RuleContext } from "../shared/rule.js";
import { transformFromRule } from "../shared/transform.js";
import type { HandlerPlan, Step } from "./handler-plan.js";
import { forSteps, GRPC_JS, indentOf, indentUnit } from "./planned-handlers.js";

const id = "services/callback-to-promise";

type PromiseStep = Extract<Step, { kind: "promise" }>;

/**
 * `db.find(query, (err, row) => callback(err, row))` -> `return new Promise((resolve, reject) => { … })` around it: for
 * replies that a nested function makes, or that code follows.
 */
export const rule: Rule = {
  id,
  side: "services",
  apply(ctx) {
    forSteps(ctx, id, ["settler"], (step, { plan }, origin) => {
      const convert = ctx.imports.add(GRPC_JS, "toConnectError");
      const { resolve, reject } = plan.region ?? { resolve: "resolve", reject: "reject" };
      const failed = `${reject}(${convert}(err))`;
      const text = step.onlyFails ? `(err) => ${failed}` : `(err, reply) => (err ? ${failed} : ${resolve}(reply))`;
      ctx.edit.overwrite(step.node.start, step.node.end, text, origin);
      return "the callback as an argument";
    });
    forSteps(ctx, id, ["promise"], (step, { plan }, origin) => {
      wrap(ctx, plan, step, origin);
      return "a reply that is made later";
    });
  },
};

function wrap(ctx: RuleContext, plan: HandlerPlan, step: PromiseStep, origin: EditOrigin): void {
  const { source, edit } = ctx;
  const { first, last, block } = step;
  const open = `new Promise${typeArgument(ctx, plan)}(${parametersOf(plan)} => `;
  if (!block) {
    edit.insertRight(first.start, open, origin);
    edit.insertLeft(last.end, ")", origin);
    return;
  }
  const isOneLine = !source.slice(block.start, first.start).includes("\n");
  if (isOneLine) {
    edit.insertRight(first.start, `return ${open}{ `, origin);
    edit.insertLeft(last.end, " });", origin);
    return;
  }
  const eol = source.includes("\r\n") ? "\r\n" : "\n";
  const indent = indentOf(ctx, plan, first);
  const unit = indentUnit(source);
  edit.insertRight(first.start, `return ${open}{${eol}${indent}${unit}`, origin);
  const end = lineEndAfter(source, last.end);
  indentLines(ctx, block, first.start, end, unit, origin);
  edit.insertLeft(
    end,
    `${eol}${indent}})${source[last.end - 1] === "}" || source[last.end - 1] === ";" ? ";" : ""}`,
    origin,
  );
}

function parametersOf({ steps, region }: HandlerPlan): string {
  const { resolve, reject } = region ?? { resolve: "resolve", reject: "reject" };
  const fails = steps.some(
    (step) =>
      (step.kind === "error" && step.settles) || (step.kind === "either" && step.settles) || step.kind === "settler",
  );
  return fails ? `(${resolve}, ${reject})` : `(${resolve})`;
}

function typeArgument({ source }: RuleContext, { types }: HandlerPlan): string {
  return types.response ? `<${source.slice(types.response.start, types.response.end)}>` : "";
}

/** The end of the line, where only a comment follows. */
function lineEndAfter(source: string, position: number): number {
  const rest = /^[^\r\n]*/.exec(source.slice(position))?.[0] ?? "";
  return /^\s*(\/\/.*|\/\*.*\*\/\s*)?$/.test(rest) ? position + rest.trimEnd().length : position;
}

/** Moves the lines between two offsets in, but not those that begin in a template literal or in text that goes away. */
function indentLines(ctx: RuleContext, around: Node, from: number, to: number, unit: string, origin: EditOrigin): void {
  const { source, edit } = ctx;
  const literals: Node[] = [];
  walk(around, (node) => {
    if (node.type === "TemplateLiteral") literals.push(node);
  });
  const replaced = edit.edits.filter((each) => each.end > each.start);
  for (let at = source.indexOf("\n", from); at !== -1 && at < to; at = source.indexOf("\n", at + 1)) {
    const line = at + 1;
    if (/^\r?\n/.test(source.slice(line))) continue;
    if (literals.some((node) => node.start < line && line < node.end)) continue;
    if (replaced.some((each) => each.start < line && line < each.end)) continue;
    edit.insertRight(line, unit, origin);
  }
}

export default transformFromRule(rule);
