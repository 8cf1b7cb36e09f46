import { type FunctionNode, isWithin, keyName, type Node, startWithComments } from "../shared/ast.js";
import type { EditOrigin } from "../shared/edits.js";
import { lineRange } from "../shared/imports.js";
import type { Rule, RuleContext } from "../shared/rule.js";
import { transformFromRule } from "../shared/transform.js";
import type { HandlerPlan } from "./handler-plan.js";
import { isAsserted } from "./handler-types.js";
import { unneededTypes } from "./named-types.js";
import { fileOf, plannedHandlers, RUNTIME } from "./planned-handlers.js";

const id = "services/handler-signature";

/** `(call, callback)` -> `(req, ctx)`, with `async`, `*` and types as the new shape needs them. */
export const rule: Rule = {
  id,
  side: "services",
  apply(ctx) {
    const through = new Set<Node>();
    const gone: Node[] = [];
    for (const { plan, rpc } of plannedHandlers(ctx)) {
      const origin: EditOrigin = { rule: id, outcome: "idiomatic" };
      parameters(ctx, plan, origin);
      result(ctx, plan, origin);
      declared(ctx, plan, origin);
      keywords(ctx, plan, origin);
      const { fn, types } = plan;
      for (const type of types.through) through.add(type);
      // What an annotation gives its type as an argument stays.
      for (const type of [types.call, types.callback, types.declared]) if (type) gone.push(type.typeName ?? type);
      ctx.report({
        rule: id,
        outcome: "idiomatic",
        construct: `(${fn.params.map(parameterText).join(", ")})`,
        reason: null,
        start: fn.params[0]?.start ?? fn.start,
        end: fn.params.at(-1)?.end ?? fn.end,
        rpc: rpc ? `${rpc.service}/${rpc.method}` : null,
      });
    }
    for (const type of unneededTypes(through, gone, fileOf(ctx))) {
      const { start, end } = lineRange(ctx.source, startWithComments(ctx.source, type), type.end);
      ctx.edit.remove(start, end, { rule: id, outcome: "idiomatic" });
    }
  },
};

function parameterText(param: Node): string {
  return param.type === "Identifier" ? param.name : `{ ${(param.properties as Node[]).map(keyName).join(", ")} }`;
}

function isTyped(plan: HandlerPlan): boolean {
  return plan.types.call !== null || plan.types.declared !== null;
}

function parameters(ctx: RuleContext, plan: HandlerPlan, origin: EditOrigin): void {
  const { fn, types, requestName, requestPattern } = plan;
  const [call, callback] = fn.params as [Node, Node | undefined];
  const annotation = call.typeAnnotation as Node | undefined;
  const nameEnd = annotation?.start ?? call.end;
  if (requestPattern) {
    ctx.edit.remove(call.start, requestPattern.start, origin);
    ctx.edit.remove(requestPattern.end, nameEnd, origin);
  } else {
    // What is not read says so by its name, where it did before and where the compiler may ask for it.
    const isMarked = !plan.usesRequest && (ctx.language === "ts" || String(call.name).startsWith("_"));
    ctx.edit.overwrite(call.start, nameEnd, `${isMarked ? "_" : ""}${requestName ?? "req"}`, origin);
  }

  const streamsIn = plan.rpcKind === "client_streaming" || plan.rpcKind === "bidi_streaming";
  const [open, close] = streamsIn ? [": AsyncIterable<", ">"] : [": ", ""];
  if (annotation && types.request) {
    if (types.request === types.call && !streamsIn) {
      // `any` stays as it is.
    } else if (!isWithin(types.request, annotation)) {
      const text = ctx.source.slice(types.request.start, types.request.end);
      ctx.edit.overwrite(annotation.start, annotation.end, `${open}${text}${close}`, origin);
    } else {
      ctx.edit.overwrite(annotation.start, types.request.start, open, origin);
      if (types.request.end !== annotation.end) ctx.edit.overwrite(types.request.end, annotation.end, close, origin);
      else if (close) ctx.edit.insertLeft(annotation.end, close, origin);
    }
  } else if (!annotation && types.declared && types.request) {
    ctx.edit.insertLeft(call.end, `${open}${ctx.source.slice(types.request.start, types.request.end)}${close}`, origin);
  }

  const context = plan.contextName
    ? plan.contextName + (isTyped(plan) ? `: ${ctx.imports.add(RUNTIME, "HandlerContext", { typeOnly: true })}` : "")
    : null;
  if (callback && context) ctx.edit.overwrite(callback.start, callback.end, context, origin);
  else if (callback) ctx.edit.remove(call.end, callback.end, origin);
  else if (context) ctx.edit.insertLeft(call.end, `, ${context}`, origin);
}

function result(ctx: RuleContext, plan: HandlerPlan, origin: EditOrigin): void {
  const { fn, types } = plan;
  const type = resultType(ctx, plan);
  if (types.result) {
    const whole = fn.returnType as Node;
    if (type) ctx.edit.overwrite(whole.start, whole.end, `: ${type}`, origin);
    else ctx.edit.remove(whole.start, whole.end, origin);
  } else if (types.declared && type) {
    const close = closingParenthesis(ctx, fn);
    if (close !== undefined) ctx.edit.insertLeft(close + 1, `: ${type}`, origin);
  }
}

function resultType(ctx: RuleContext, plan: HandlerPlan): string | undefined {
  const { response } = plan.types;
  if (!response) return undefined;
  const text = ctx.source.slice(response.start, response.end);
  if (plan.becomesGenerator) return `AsyncGenerator<${text}>`;
  if (plan.push) return `AsyncIterable<${text}>`;
  return plan.fn.async || plan.becomesAsync ? `Promise<${text}>` : `${text} | Promise<${text}>`;
}

/** `const f: handleUnaryCall<Q, R> =` loses its annotation: the function has its types itself now. */
function declared(ctx: RuleContext, plan: HandlerPlan, origin: EditOrigin): void {
  const { annotation } = plan.types;
  if (!annotation) return;
  const type = annotation.typeAnnotation as Node;
  const keyword = /\s*\b(as|satisfies)\s*$/.exec(ctx.source.slice(plan.fn.end, type.start));
  const start = isAsserted(annotation) && keyword ? plan.fn.end + keyword.index : annotation.start;
  ctx.edit.remove(start, annotation.end, origin);
}

function closingParenthesis(ctx: RuleContext, fn: FunctionNode): number | undefined {
  const from = fn.params.at(-1)?.end ?? fn.start;
  const at = ctx.source.indexOf(")", from);
  return at === -1 || at > fn.body.start ? undefined : at;
}

function keywords(ctx: RuleContext, plan: HandlerPlan, origin: EditOrigin): void {
  const { fn, becomesAsync, becomesGenerator } = plan;
  if (!becomesAsync && !becomesGenerator) return;
  if (fn.type === "ArrowFunctionExpression") {
    if (!becomesGenerator) {
      ctx.edit.insertRight(fn.start, "async ", origin);
      return;
    }
    const [first] = fn.params as [Node];
    const last = fn.params.at(-1) as Node;
    if (plan.field) methodHead(ctx, plan.field, first, origin);
    else if (fn.start === first.start) ctx.edit.insertRight(fn.start, "async function* (", origin);
    else ctx.edit.overwrite(fn.start, first.start, "async function* (", origin);
    const arrowFrom = (fn.returnType as Node | undefined)?.end ?? closingParenthesisEnd(ctx, fn, last);
    if (fn.returnType || arrowFrom > last.end) ctx.edit.overwrite(arrowFrom, fn.body.start, " ", origin);
    else ctx.edit.overwrite(last.end, fn.body.start, ") ", origin);
    return;
  }
  if (fn.type === "FunctionDeclaration" || fn.type === "FunctionExpression") {
    if (becomesAsync) ctx.edit.insertRight(fn.start, "async ", origin);
    if (becomesGenerator)
      ctx.edit.insertLeft(ctx.source.indexOf("function", fn.start) + "function".length, "*", origin);
    return;
  }
  const key = fn.key as Node;
  const at = fn.computed ? ctx.source.lastIndexOf("[", key.start) : key.start;
  ctx.edit.insertRight(at, `${becomesAsync ? "async " : ""}${becomesGenerator ? "*" : ""}`, origin);
}

/** `readonly list: Handler = (call) => { … };` -> `async *list(call) { … }` */
function methodHead(
  ctx: RuleContext,
  { start, end, key, typeAnnotation, value }: Node,
  first: Node,
  origin: EditOrigin,
): void {
  const readonly = /\breadonly\s+$/.exec(ctx.source.slice(start, key.start));
  if (readonly) ctx.edit.remove(start + readonly.index, key.start, origin);
  ctx.edit.insertRight(key.start, "async *", origin);
  ctx.edit.remove((typeAnnotation ?? key).end, value.start, origin);
  if (value.start === first.start) ctx.edit.insertRight(value.start, "(", origin);
  ctx.edit.remove(value.end, end, origin);
}

function closingParenthesisEnd(ctx: RuleContext, fn: FunctionNode, last: Node): number {
  const close = closingParenthesis(ctx, fn);
  return close === undefined ? last.end : close + 1;
}

export default transformFromRule(rule);
