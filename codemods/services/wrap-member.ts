import { childrenOf, isFunction, type Node, textOf, unwrap, walk } from "../shared/ast.js";
import type { RuleContext } from "../shared/rule.js";

const BRIDGE = "@connect-migrate/runtime/grpc-js";
const origin = { rule: "services/handler-bridge", outcome: "bridged" } as const;

/** `get(call, callback) { … }` of an object -> `get: fromCallback(function (call, callback) { … })`. */
export function wrapProperty(context: RuleContext, property: Node): void {
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
