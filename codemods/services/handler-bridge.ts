import type { RpcRef } from "../analysis/facts.js";
import type { HandlerFact, RegistrationFact, ServerFact } from "../analysis/server-facts.js";
import { childrenOf, isFunction, isIdentifier, keyName, type Node, nodeAt, textOf, unwrap } from "../shared/ast.js";
import { reason } from "../shared/reasons.js";
import type { Rule, RuleContext } from "../shared/rule.js";
import { scopesOf } from "../shared/scope.js";
import { transformFromRule } from "../shared/transform.js";

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
    for (const fact of context.facts) {
      if (fact.kind === "handler") {
        const handler = fact as HandlerFact;
        if (handler.idiomatic) continue;
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
      if (fact.kind === "server" && (fact as ServerFact).ok)
        for (const registration of (fact as ServerFact).registrations)
          if (registration.implementation === "members") wrapMembers(context, registration);
    }
  },
};
export default transformFromRule(rule);

function wrapMembers(context: RuleContext, registration: RegistrationFact): void {
  const file = context.root.get().value as Node;
  const call = callAt(file, registration.start, registration.end);
  const literal = call && literalOf(file, (call.arguments as Node[])[1] as Node);
  if (!literal) return;
  const idiomatic = new Set(
    context.facts
      .filter((fact) => fact.kind === "handler" && (fact as HandlerFact).idiomatic)
      .map((fact) => (fact as HandlerFact).start),
  );
  for (const property of literal.properties as Node[]) {
    const key = keyName(property);
    if (key === undefined || !rpcOf(registration.rpcs, key)) continue;
    const fn = functionOf(file, property);
    if (fn && idiomatic.has(bodyStart(fn))) continue;
    wrap(context, property);
  }
}

function bodyStart(fn: Node): number {
  return (fn.body as Node).start;
}

/** Case and underscores do not matter here: whether the member is an RPC was settled by the descriptor. */
function rpcOf(rpcs: readonly RpcRef[], key: string): RpcRef | undefined {
  const plain = (name: string) => name.replaceAll("_", "").toLowerCase();
  return rpcs.find((rpc) => plain(rpc.method) === plain(key) || plain(rpc.localName) === plain(key));
}

function wrap(context: RuleContext, property: Node): void {
  const origin = { rule: id, outcome: "bridged" } as const;
  const { edit, source } = context;
  const fromCallback = context.imports.add(BRIDGE, "fromCallback");
  if (property.type === "ObjectMethod") {
    if (property.kind !== "method") return;
    const prefix = `${property.async ? "async " : ""}function${property.generator ? "*" : ""} `;
    const name = textOf(source, property.key);
    const parameters = source.indexOf("(", property.key.end);
    edit.overwrite(property.start, parameters, `${name}: ${fromCallback}(${prefix}`, origin);
    edit.insertLeft(property.end, ")", origin);
    return;
  }
  if (property.type !== "ObjectProperty") return;
  if (property.shorthand) {
    edit.overwrite(
      property.start,
      property.end,
      `${property.key.name}: ${fromCallback}(${property.value.name})`,
      origin,
    );
    return;
  }
  edit.insertRight(property.value.start, `${fromCallback}(`, origin);
  edit.insertLeft(property.value.end, ")", origin);
}

function callAt(file: Node, start: number, end: number): Node | undefined {
  let node = nodeAt(file, start, end);
  while (node && node.type !== "CallExpression")
    node = childrenOf(node).find((child) => child.start === start && child.end === end);
  return node;
}

function literalOf(file: Node, node: Node): Node | undefined {
  const value = unwrap(node);
  if (value.type === "ObjectExpression") return value;
  if (!isIdentifier(value)) return undefined;
  const declaration = scopesOf(file).bindingOf(value)?.declaration;
  const init = declaration?.type === "VariableDeclarator" ? declaration.init : undefined;
  return init && unwrap(init).type === "ObjectExpression" ? unwrap(init) : undefined;
}

function functionOf(file: Node, property: Node): Node | undefined {
  if (property.type === "ObjectMethod") return property;
  const value = unwrap(property.value);
  if (isFunction(value)) return value;
  if (!isIdentifier(value)) return undefined;
  const declaration = scopesOf(file).bindingOf(value)?.declaration;
  if (isFunction(declaration)) return declaration;
  return declaration?.type === "VariableDeclarator" && isFunction(declaration.init) ? declaration.init : undefined;
}
