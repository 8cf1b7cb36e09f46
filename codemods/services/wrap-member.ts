import {
  ancestorOf,
  childrenOf,
  isFunction,
  isIdentifier,
  keyName,
  type Node,
  parentMap,
  textOf,
  unwrap,
  walk,
} from "../shared/ast.js";
import type { RuleContext } from "../shared/rule.js";
import { typeName } from "./handler-types.js";

const BRIDGE = "@connect-migrate/runtime/grpc-js";
const origin = { rule: "services/handler-bridge", outcome: "bridged" } as const;

/** `get(call, callback) { … }` of an object -> `get: fromCallback(function (call, callback) { … })`. */
export function wrapProperty(context: RuleContext, property: Node): void {
  const { edit, source } = context;
  const fromCallback = context.imports.add(BRIDGE, "fromCallback") + typeArgument(context, property);
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

/**
 * `<GreeterServer["chat"]>`, where the type of the object says what a handler's parameters are, and with them those of functions
 * within: `call.on("data", (request) => …)`.
 */
function typeArgument(context: RuleContext, property: Node): string {
  const parents = parentMap(context.root.get().value as Node);
  const handler = property.type === "ObjectMethod" ? property : property.value;
  const type = typeOf(parents.get(property) as Node, parents);
  const key = keyName(property);
  if (!type || key === undefined || !isFunction(handler) || !isUntyped(handler)) return "";
  let hasUntyped = false;
  walk(handler.body as Node, (node, [parent]) => {
    if (isFunction(node) && isUntyped(node) && !/Declaration|Declarator/.test(parent?.type ?? "")) hasUntyped = true;
    return undefined;
  });
  return hasUntyped ? `<${textOf(context.source, type)}[${JSON.stringify(key)}]>` : "";
}

/** The name of the type that a literal is declared, asserted or returned to have; not one whose members are all alike. */
function typeOf(literal: Node, parents: ReadonlyMap<Node, Node>): Node | undefined {
  let holder = parents.get(literal);
  const isReturned = holder?.type === "ReturnStatement" || holder?.type === "ArrowFunctionExpression";
  if (holder?.type === "ReturnStatement") holder = ancestorOf(holder, parents, isFunction);
  const annotation =
    holder &&
    (isReturned ? holder.returnType : holder.type === "VariableDeclarator" ? holder.id.typeAnnotation : holder);
  let type = annotation?.typeAnnotation as Node | undefined;
  if (type?.type !== "TSTypeReference") return undefined;
  const [whole] = (isIdentifier(type.typeName, "Partial") && (type.typeParameters?.params as Node[])) || [];
  type = whole ?? type;
  return typeName(type) === "UntypedServiceImplementation" ? undefined : type;
}

function isUntyped(node: Node): boolean {
  return (node.params as Node[]).some(
    (param) => /^(Identifier|ObjectPattern|ArrayPattern|RestElement)$/.test(param.type) && !param.typeAnnotation,
  );
}

/** `get(call, callback) { … }` of a class -> `get = fromCallback((call, callback) => { … })`, which keeps `this`. */
export function wrapMethod(context: RuleContext, body: { start: number; end: number }): void {
  const { edit, source } = context;
  walk(context.root.get().value as Node, (node) => {
    if (node.type !== "ClassBody") return;
    for (const member of childrenOf(node)) {
      const value = member.type === "ClassProperty" && member.value ? unwrap(member.value) : member;
      if (!isFunction(value) || unwrap(value.body).start !== body.start || unwrap(value.body).end !== body.end)
        continue;
      const fromCallback = context.imports.add(BRIDGE, "fromCallback");
      if (member.type === "ClassProperty") {
        edit.insertRight(member.value.start, `${fromCallback}(`, origin);
        edit.insertLeft(member.value.end, ")", origin);
        continue;
      }
      const { key } = member;
      const modifiers = source.slice(member.start, key.start);
      const others = modifiers.replace(/\basync\s+/, "");
      if (others !== modifiers) edit.overwrite(member.start, key.start, others, origin);
      const open = ` = ${fromCallback}(${member.async ? "async " : ""}`;
      const parameters = source.indexOf("(", key.end);
      const isTight = parameters === key.end || source.slice(key.end, parameters).trim() !== "";
      if (isTight) edit.insertLeft(key.end, open, origin);
      else edit.overwrite(key.end, parameters, open, origin);
      edit.insertRight(value.body.start, "=> ", origin);
      edit.insertLeft(member.end, `)${endOfField(source, node, member)}`, origin);
    }
  });
}

/** A field ends with the semicolon that a file has elsewhere, and where what follows would be read as a part of it. */
function endOfField(source: string, owner: Node, field: Node): string {
  const members = childrenOf(owner);
  const next = members[members.indexOf(field) + 1];
  const isJoined =
    next !== undefined &&
    (/^([[*]|in\b|instanceof\b)/.test(source.slice(next.start)) || !source.slice(field.end, next.start).includes("\n"));
  return isJoined || /;[ \t]*\r?$/m.test(source) ? ";" : "";
}
