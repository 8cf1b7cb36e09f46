import type { RpcRef } from "../analysis/facts.js";
import type { HandlerFact, RegistrationFact, ServerFact, StrayHandlerFact } from "../analysis/server-facts.js";
import { indentAt, isIdentifier, keyName, lineEndingOf, type Node, textOf, unwrap } from "../shared/ast.js";
import { reason } from "../shared/reasons.js";
import type { Rule, RuleContext } from "../shared/rule.js";
import { scopesOf } from "../shared/scope.js";
import { transformFromRule } from "../shared/transform.js";
import { callAt, hoistPlace } from "./app-place.js";
import type { HandlerPlan, Step } from "./handler-plan.js";
import { contextName, plannedHandlers, removeDead } from "./planned-handlers.js";
import { wrapMethod, wrapProperty } from "./wrap-member.js";

const id = "services/handler-bridge";
const BRIDGE = "@connect-migrate/runtime/grpc-js";

/**
 * A handler that cannot be proved safe to rewrite keeps its shape: `getItem: fromCallback(getItem)`. Implementations that
 * are bridged as a whole are `server-to-app`'s; this rule wraps single members and says of every bridged handler why.
 */
export const rule: Rule = {
  id,
  side: "services",
  apply(context) {
    for (const { plan, rpc } of plannedHandlers(context))
      for (const step of plan.steps) if (step.kind === "handed") awaitReply(context, plan, step, rpc);
    for (const fact of context.facts) {
      if (fact.kind === "handler") {
        const handler = fact as HandlerFact;
        if (handler.idiomatic) continue;
        if (handler.isField) wrapMethod(context, handler);
        context.report({
          rule: id,
          outcome: "bridged",
          construct: `handler ${handler.rpc.method}`,
          reason: handler.reason ?? reason("types-unknown", "how the handler answers"),
          start: handler.start,
          end: handler.end,
          rpc: `${handler.rpc.service}/${handler.rpc.method}`,
        });
      }
      if (fact.kind === "stray-handler") {
        const { service, key, start, end } = fact as StrayHandlerFact;
        context.report({
          rule: id,
          outcome: "manual",
          construct: `handler ${key}`,
          reason: reason("not-found-in-proto", `${service}/${key}`),
          start,
          end,
          rpc: null,
        });
      }
      if (fact.kind === "registration" && (fact as RegistrationFact).implementation === "members")
        wrapMembers(context, fact as RegistrationFact, false);
      if (fact.kind === "server" && (fact as ServerFact).ok) {
        const isHoisted = hoistPlace(context.root.get().value as Node, fact as ServerFact) !== null;
        for (const registration of (fact as ServerFact).registrations)
          if (registration.implementation === "members") wrapMembers(context, registration, isHoisted);
      }
    }
  },
};
export default transformFromRule(rule);

/** `helper(err, callback)` -> `return awaitReply(ctx, (callback) => helper(err, callback))`. */
function awaitReply(
  context: RuleContext,
  plan: HandlerPlan,
  step: Extract<Step, { kind: "handed" }>,
  rpc: RpcRef | null,
): void {
  const origin = { rule: id, outcome: "bridged" } as const;
  const { node, form, callback } = step;
  const keyword = form === "statement" ? "return " : "";
  const name = context.imports.add(BRIDGE, "awaitReply");
  context.edit.insertRight(node.start, `${keyword}${name}(${contextName(plan)}, (${callback}) => `, origin);
  context.edit.insertLeft(node.end, ")", origin);
  removeDead(context, step, origin);
  context.report({
    ...origin,
    construct: "callback that is handed on",
    reason: reason("callback-escapes", "passed to a function"),
    start: node.start,
    end: node.end,
    rpc: rpc ? `${rpc.service}/${rpc.method}` : null,
  });
}

function wrapMembers(context: RuleContext, registration: RegistrationFact, isHoisted: boolean): void {
  const file = context.root.get().value as Node;
  const call = callAt(file, registration);
  const implementation = call && unwrap((call.arguments as Node[])[1] as Node);
  const literal = implementation && literalOf(file, implementation);
  // An inline literal that moves with the app is written by server-to-app.
  if (!literal || (isHoisted && literal === implementation)) return;
  for (const property of literal.properties as Node[]) {
    const key = keyName(property);
    if (key !== undefined && registration.bridgedKeys.includes(key)) wrapProperty(context, property);
    const isOwnLine = /\n[ \t]*$/.test(context.source.slice(0, property.start));
    const eol = lineEndingOf(context.source);
    const separator = isOwnLine ? `,${eol}${indentAt(context.source, property.start)}` : ", ";
    for (const member of spreadOverrides(context, registration, property))
      context.edit.insertLeft(property.end, `${separator}${member}`, { rule: id, outcome: "bridged" });
  }
}

/** `get: fromCallback(handlers.get)`, for what has to stand behind `...handlers`. */
export function spreadOverrides(context: RuleContext, registration: RegistrationFact, property: Node): string[] {
  if (property.type !== "SpreadElement") return [];
  const fact = registration.bridgedSpreads.find(({ start }) => start === property.start);
  if (!fact) return [];
  const fromCallback = context.imports.add(BRIDGE, "fromCallback");
  const text = textOf(context.source, property.argument);
  return fact.keys.map((key) => `${key}: ${fromCallback}(${text}.${key})`);
}

function literalOf(file: Node, node: Node): Node | undefined {
  const value = unwrap(node);
  if (value.type === "ObjectExpression") return value;
  if (!isIdentifier(value)) return undefined;
  const declaration = scopesOf(file).bindingOf(value)?.declaration;
  const init = declaration?.type === "VariableDeclarator" ? declaration.init : undefined;
  return init && unwrap(init).type === "ObjectExpression" ? unwrap(init) : undefined;
}
