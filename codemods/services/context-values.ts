import { type ContextKeyFact, type ContextKeysFact, isServerValue } from "../analysis/server-facts.js";
import { lineEndingOf, type Node, semicolonOf } from "../shared/ast.js";
import { officialModule } from "../shared/official.js";
import type { Rule, RuleContext, Target } from "../shared/rule.js";
import { transformFromRule } from "../shared/transform.js";
import type { HandlerPlan } from "./handler-plan.js";
import { contextName, fileOf, forSteps, plannedHandlers, RUNTIME, replaceName } from "./planned-handlers.js";

const id = "services/context-values";
const origin = { rule: id, outcome: "idiomatic" } as const;

/** `call.user = user` and `call.user` of wrappers and handlers -> `ctx.values.set(kUser, user)` and `ctx.values.get(kUser)`. */
export const rule: Rule = {
  id,
  side: "services",
  apply(ctx) {
    forSteps(ctx, id, ["property"], ({ node, name }, { plan }) => {
      replaceName(ctx, node, valueText(ctx, plan, name), origin);
      return `call.${name}`;
    });
    forSteps(ctx, id, ["set-property"], ({ node, name, value }, { plan }) => {
      const key = keyText(ctx, name);
      ctx.edit.overwrite(node.start, value.start, `${contextName(plan)}.values.set(${key}, `, origin);
      ctx.edit.insertLeft(node.end, ")", origin);
      return `call.${name} = value`;
    });
    declareKeys(ctx);
  },
};

export default transformFromRule(rule);

/** The value that stands for a property of the call. */
export function valueText(ctx: RuleContext, plan: HandlerPlan, name: string): string {
  return `${contextName(plan)}.values.get(${keyText(ctx, name)})`;
}

/** The text of a new file with keys. */
export function keysText(
  { keys, moduleSystem, isTyped, quote, semicolon, eol }: ContextKeysFact,
  target: Target,
): string {
  const create = "createContextKey";
  const from = quote + (target === "connectrpc" ? officialModule(RUNTIME, create) : RUNTIME) + quote;
  const isModule = moduleSystem === "esm";
  const head = isModule ? `import { ${create} } from ${from}` : `const { ${create} } = require(${from})`;
  const lines = keys.map(
    (key) => `${isModule ? "export " : ""}const ${key} = ${create}${isTyped ? "<any>" : ""}(undefined)${semicolon}`,
  );
  const tail = isModule ? [] : ["", `module.exports = { ${keys.join(", ")} }${semicolon}`];
  return [head + semicolon, "", ...lines, ...tail, ""].join(eol);
}

function keysOf(ctx: RuleContext): readonly ContextKeyFact[] {
  return ctx.facts.filter((fact): fact is ContextKeyFact => fact.kind === "context-key");
}

/** The name of the key that stands for a property of the call. */
export function keyText(ctx: RuleContext, name: string): string {
  const fact = keysOf(ctx).find((each) => each.name === name);
  if (!fact) throw new Error(`no key for call.${name}`);
  return fact.module === null ? fact.key : ctx.imports.add(fact.module, fact.key);
}

/** The keys that only this file uses, in front of the first function that uses one of them. */
function declareKeys(ctx: RuleContext): void {
  const own = keysOf(ctx).filter(({ module }) => module === null);
  if (own.length === 0) return;
  const file = fileOf(ctx);
  const bridges = ctx.facts.filter((fact) => isServerValue(fact) && (fact.properties ?? []).length > 0);
  const starts = [...plannedHandlers(ctx).map(({ plan }) => plan.fn.start), ...bridges.map(({ start }) => start)];
  const statement = (file.program.body as Node[]).find((each) =>
    starts.some((start) => each.start <= start && start < each.end),
  );
  if (!statement) throw new Error("no handler in a file with keys of context values");
  const create = ctx.imports.add(RUNTIME, "createContextKey");
  const type = ctx.language === "ts" ? "<any>" : "";
  const [eol, end] = [lineEndingOf(ctx.source), semicolonOf(ctx.source, statement)];
  const lines = own.map(({ key }) => `const ${key} = ${create}${type}(undefined)${end}${eol}`);
  const place = placeBefore(ctx, statement);
  const isApart = /(^|\n[ \t]*\r?\n)[ \t]*$/.test(ctx.source.slice(0, place));
  ctx.edit.insertRight(place, (isApart ? "" : eol) + lines.join("") + eol, origin);
}

/** The start of a statement, with the comments right above it. */
function placeBefore(ctx: RuleContext, statement: Node): number {
  let start = statement.start;
  const comments = (fileOf(ctx).comments ?? []) as Node[];
  for (const comment of comments.toReversed()) {
    const between = ctx.source.slice(comment.end, start);
    const isOwnLine = /(^|\n)[ \t]*$/.test(ctx.source.slice(0, comment.start));
    if (comment.end <= start && /^[ \t]*\r?\n?[ \t]*$/.test(between) && isOwnLine) start = comment.start;
  }
  return start;
}
