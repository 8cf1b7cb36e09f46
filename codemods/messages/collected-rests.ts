import type { DescMessage } from "@bufbuild/protobuf";
import { type BindingElement, Node } from "ts-morph";
import { holdsMessages, isPlain, type Kind } from "./message-kind.js";
import { isAssignmentTarget, unquoted } from "./message-syntax.js";
import type { Proving } from "./proof.js";
import { isChangedInside } from "./typed-sharing.js";

const NONE: ReadonlySet<string> = new Set();

/**
 * `const { id, ...changes } = request`: what is left over is the message without these keys, as long as it is only read, or spread
 * into another one. What is taken out of it by its old name is rewritten beside it.
 */
export function collectsRest(p: Proving, rest: BindingElement, kind: Kind): unknown {
  const why = "the rest of a message is collected";
  const [pattern, name] = [rest.getParent(), rest.getNameNode()];
  if (p.shape.typed && !p.shape.typed.flavour.hasClasses) {
    const isRead = Node.isIdentifier(name) && kind.kind === "message" && isOnlyRead(p, name, kind.desc);
    return isRead ? undefined : p.block(rest, why);
  }
  if (!p.shape.coerces || p.shape.explicit || kind.kind !== "message" || !Node.isIdentifier(name))
    return p.block(rest, why);
  const taken = pattern.getElements().filter((one) => Node.isBindingElement(one) && one !== rest);
  const keys = taken.map((one) => {
    const key = Node.isBindingElement(one) ? (one.getPropertyNameNode() ?? one.getNameNode()) : one;
    return unquoted(key.getText());
  });
  p.rests.set(rest, new Set(keys));
  for (const use of p.project.referencesTo(name)) {
    if (use === name) continue;
    if (!isPart(use, keys)) return p.block(rest, why);
    p.flow(use, kind);
  }
}

/** Is nothing done with what is left over but to read fields that have the same name and type in protobuf-es? */
function isOnlyRead(p: Proving, name: Node, desc: DescMessage): boolean {
  return p.project.referencesTo(name).every((use) => {
    const access = use.getParent();
    if (use === name) return true;
    if (!Node.isPropertyAccessExpression(access) || access.getExpression() !== use) return false;
    const field = p.fieldBy(desc, access.getName());
    if (isAssignmentTarget(access) || isChangedInside(access) || !field || field.oneof) return false;
    return field.localName === access.getName() && (isPlain(p.kindOf(field)) || holdsMessages(p.kindOf(field)));
  });
}

/** `...changes` in a literal, `Object.assign(stored, changes)`, `changes.title`. */
function isPart(use: Node, keys: readonly string[]): boolean {
  const parent = use.getParent();
  if (Node.isSpreadAssignment(parent)) return true;
  if (Node.isCallExpression(parent))
    return parent.getExpression().getText() === "Object.assign" && parent.getArguments().indexOf(use) > 0;
  const isRead = Node.isPropertyAccessExpression(parent) && parent.getExpression() === use;
  return isRead && !isAssignmentTarget(parent) && !keys.includes(parent.getName());
}

/** The keys that a message does not have because it is the rest of another one. */
export function keysLeftOut(p: Proving, message: Node): ReadonlySet<string> {
  const declaration = Node.isIdentifier(message) ? p.project.declarationOf(message) : undefined;
  return (Node.isBindingElement(declaration) && p.rests.get(declaration)) || NONE;
}
