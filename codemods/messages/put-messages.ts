import type { DescMessage } from "@bufbuild/protobuf";
import { type CallExpression, Node } from "ts-morph";
import { holdsMessages, type Kind } from "./message-kind.js";
import { isAbsent, unquoted, unwrapped, valueOfProperty } from "./message-syntax.js";
import type { Proving } from "./proof.js";
import { receivedAs } from "./received-messages.js";
import { isAlwaysThere } from "./similar-messages.js";
import { isThereAt } from "./wrapped-values.js";

const WHY = "a message that is made here is put into another one";

/** `item.parts.push(part)`, of a message that came from the peer, or that is kept. */
export function pushesMessages(p: Proving, call: CallExpression, of: Kind): unknown {
  for (const given of call.getArguments()) {
    if (of.kind !== "message") return p.block(given, WHY);
    if (Node.isSpreadElement(given)) {
      const list = given.getExpression();
      p.sink(list, { kind: "list", of });
      p.later(() => {
        if (receivedAs(p, list) !== "always") p.block(given, WHY);
      });
      continue;
    }
    p.sink(given, of);
    p.later(() => putsMessage(p, given, of.desc));
  }
}

/**
 * A part of a message of protobuf-es is a message, too: one that came from the peer, or a literal that has all that may be read of
 * such a part, of which one is made.
 */
export function putsMessage(p: Proving, given: Node, desc: DescMessage): unknown {
  const value = unwrapped(given);
  const presence = receivedAs(p, value);
  if (presence === "always" || (presence && isThereAt(p, value, value))) return;
  if (Node.isConditionalExpression(value)) {
    putsMessage(p, value.getWhenTrue(), desc);
    return putsMessage(p, value.getWhenFalse(), desc);
  }
  const isOr = Node.isBinaryExpression(value) && /^(\|\||\?\?)$/.test(value.getOperatorToken().getText());
  if (isOr && receivedAs(p, value.getLeft())) return putsMessage(p, value.getRight(), desc);
  if (!Node.isObjectLiteralExpression(value) || p.shape.explicit) return p.block(given, WHY);
  const keys = new Set<string>();
  for (const property of value.getProperties()) {
    const part = valueOfProperty(property);
    if (!part || Node.isSpreadAssignment(property)) return p.block(given, WHY);
    const key = unquoted(property.getName());
    const field = p.fieldBy(desc, key);
    if (!field || field.oneof || isAbsent(part)) return p.block(given, WHY);
    const isThere = holdsMessages(p.kindOf(field)) ? receivedAs(p, part) === "always" : p.isPresent(part);
    if (!isThere) return p.block(given, WHY);
    keys.add(key);
    p.written.add(field);
    p.readAgain.set(field, property);
  }
  const isWhole = desc.fields.every((field) => !isAlwaysThere(p, field) || keys.has(p.shape.keyOf(field) ?? ""));
  if (!isWhole) return p.block(given, WHY);
  if (p.shape.wantsWhole?.(p, value)) return;
  const create = { module: "@bufbuild/protobuf", name: "create" };
  p.wrap(value, [create, "(", p.generated(desc, "descriptor", value), ", "], ")");
}
