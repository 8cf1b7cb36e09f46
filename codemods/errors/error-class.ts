import type { ErrorClassFact, MadeErrorFact } from "../analysis/error-classes.js";
import { statusName } from "../clients/grpc-status.js";
import { type File, isIdentifier, type Node, nodeAt, parentMap, walk } from "../shared/ast.js";
import { withBlankLine } from "../shared/lines.js";
import type { Rule, RuleContext } from "../shared/rule.js";
import { platformName } from "../shared/scope.js";
import { transformFromRule } from "../shared/transform.js";
import { type ErrorClassPlan, planErrorClass } from "./plan-error-class.js";

const id = "errors/error-class";
const origin = { rule: id, outcome: "idiomatic" } as const;
const RUNTIME = "@connect-migrate/runtime";

/**
 * `class GrpcError extends Error { code; … }`, whose instances are nothing but replies of handlers, -> `extends ConnectError`; then
 * `throw toConnectError(new GrpcError(…))` -> `throw new GrpcError(…)`.
 */
export const rule: Rule = {
  id,
  side: "services",
  apply(ctx) {
    // There a class with a name of its own would be none of ConnectError's.
    if (ctx.target === "connectrpc") return;
    const file = ctx.root.get().value as File;
    for (const fact of ctx.facts.filter((each): each is ErrorClassFact => each.kind === "error-class")) {
      const name = nodeAt(file, fact.start, fact.end);
      const node = name && parentMap(file).get(name);
      const plan = node && planErrorClass(file, node);
      if (plan) writeClass(ctx, file, plan);
    }
    const taken = ctx.edit.edits.filter((edit) => edit.end > edit.start);
    for (const { part, start, end } of ctx.facts.filter((each): each is MadeErrorFact => each.kind === "made-error")) {
      // What another rule takes away needs no other code.
      if (taken.some((edit) => edit.start < end && start < edit.end)) continue;
      const node = nodeAt(file, start, end);
      if (node && part === "code") writeCode(ctx, file, node);
      else if (node) {
        const [made] = node.arguments as Node[];
        if (!made) continue;
        ctx.edit.remove(start, made.start, origin);
        ctx.edit.remove(made.end, end, origin);
        ctx.imports.replaces("@connect-migrate/runtime/grpc-js");
      }
    }
  },
};

export default transformFromRule(rule);

function writeClass(ctx: RuleContext, file: File, plan: ErrorClassPlan): void {
  const { node, made, text, code, metadata, dropped, plain, types, added } = plan;
  const [of] = (node.implements ?? []).slice(-1) as Node[];
  const end = of?.end ?? node.superClass.end;
  ctx.edit.overwrite(node.superClass.start, end, ctx.imports.add(RUNTIME, "ConnectError"), origin);
  for (const param of plain) ctx.edit.remove(param.start, param.parameter.start, origin);
  for (const { node: type, kind } of types)
    ctx.edit.overwrite(
      type.start,
      type.end,
      kind === "code" ? ctx.imports.add(RUNTIME, "Code") : platformName(file, "Headers"),
      origin,
    );
  for (const name of added) ctx.edit.overwrite(name.start, name.end, "append", origin);
  const param = plan.arguments.code && defaultOf(plan);
  if (param) writeCode(ctx, file, param);
  const [given] = made.arguments as Node[];
  const isOwnText = given && text.length === 1 && textOf(ctx, given) === textOf(ctx, text[0]);
  const rest = `, ${codeText(ctx, file, code)}${metadata ? `, ${textOf(ctx, metadata)}` : ""}`;
  if (isOwnText) ctx.edit.insertLeft(given.end, rest, origin);
  else {
    const whole = text.map((each) => textOf(ctx, each)).join(" ?? ");
    ctx.edit.overwrite(ctx.source.indexOf("(", made.callee.end), made.end, `(${whole}${rest})`, origin);
  }
  const lines = dropped.map((each) => lineOf(ctx.source, each));
  for (const line of lines) {
    const blank = /^[ \t]*\r?\n/.exec(ctx.source.slice(line.end))?.[0].length ?? 0;
    const isBetween = blank > 0 && lines.some((each) => each.start === line.end + blank);
    const { start, end: lineEnd } = isBetween
      ? { start: line.start, end: line.end + blank }
      : withBlankLine(ctx.source, line, lines);
    ctx.edit.remove(start, lineEnd, origin);
  }
  const { start, end: nameEnd } = node.id;
  ctx.report({ ...origin, construct: `class ${node.id.name}`, reason: null, start, end: nameEnd, rpc: null });
}

/** The default of the parameter that holds the code. */
function defaultOf({ code, node }: ErrorClassPlan): Node | undefined {
  let found: Node | undefined;
  walk(node, (each) => {
    if (each.type === "AssignmentPattern" && isIdentifier(each.left, code.name)) found = each.right as Node;
    return found === undefined;
  });
  return found;
}

function writeCode(ctx: RuleContext, file: File, node: Node): void {
  const text = codeText(ctx, file, node);
  if (text !== ctx.source.slice(node.start, node.end)) ctx.edit.overwrite(node.start, node.end, text, origin);
}

/** The text of an expression; a parameter has its type in it. */
function textOf(ctx: RuleContext, node: Node): string {
  return isIdentifier(node) ? node.name : ctx.source.slice(node.start, node.end);
}

export function codeText(ctx: RuleContext, file: File, node: Node): string {
  const name = statusName(file, node);
  return name === undefined ? textOf(ctx, node) : `${ctx.imports.add(RUNTIME, "Code")}.${name}`;
}

/** The whole line of a statement that stands alone on it; a comment behind it stays. */
function lineOf(source: string, { start, end }: Node): { start: number; end: number } {
  const from = source.lastIndexOf("\n", start) + 1;
  const to = source.indexOf("\n", end) + 1;
  const isFirst = /^[ \t]*$/.test(source.slice(from, start));
  if (isFirst && /^[ \t]*\r?\n$/.test(source.slice(end, to))) return { start: from, end: to };
  const blank = isFirst ? (/^[ \t]+/.exec(source.slice(end))?.[0].length ?? 0) : 0;
  return { start, end: end + blank };
}
