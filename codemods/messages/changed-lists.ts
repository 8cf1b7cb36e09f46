import { ScalarType } from "@bufbuild/protobuf";
import { type CallExpression, Node } from "ts-morph";
import { functionBehind } from "./called-functions.js";
import { isOfType } from "./coerced-values.js";
import type { Kind } from "./message-kind.js";
import { isAssignmentTarget, isFunctionNode, parametersOf, unwrapped } from "./message-syntax.js";
import type { Proving } from "./proof.js";

const WHY = "a list of numbers is changed in place by something that nothing proves to fit";
const IN_PLACE = /^(push|pop|shift|unshift|splice|sort|reverse|fill|copyWithin)$/;
const CHANGERS = /^(push|unshift|splice|fill|copyWithin)$/;

/** Notes what lists and maps of messages hold that are changed in place. */
export function watchChanges(p: Proving, expression: Node, kind: Kind): void {
  if ((kind.kind === "list" || kind.kind === "map") && kind.of.kind === "message" && isChangedAt(expression))
    p.changed.add(kind.of.desc);
}

/** `list.push(…)`, `list[0] = …`, `delete map[key]`, `Object.assign(map, …)`. */
export function isChangedAt(expression: Node): boolean {
  const parent = expression.getParent();
  if (Node.isCallExpression(parent)) return parent.getExpression().getText() === "Object.assign";
  const isAccess = Node.isPropertyAccessExpression(parent) || Node.isElementAccessExpression(parent);
  if (!isAccess || unwrapped(parent.getExpression()) !== expression) return false;
  const call = parent.getParent();
  const isCall = Node.isCallExpression(call) && call.getExpression() === parent;
  const isInPlace = Node.isElementAccessExpression(parent) || IN_PLACE.test(parent.getName());
  return isAssignmentTarget(parent) || (isCall && isInPlace);
}

/**
 * Numbers of a list or a map that protobufjs cut when it wrote them, and that protobuf-es refuses where they do not fit: what is
 * put into such a list in place must fit.
 */
export function watchNumbers(p: Proving, expression: Node, kind: Kind): unknown {
  if ((kind.kind !== "list" && kind.kind !== "map") || p.shape.fractions !== "wrapped" || p.shape.isLive) return;
  const { of } = kind;
  if (of.kind !== "value" || !isNarrow(of)) return;
  const parent = expression.getParent();
  if (Node.isCallExpression(parent) && parent.getArguments().includes(expression)) handedTo(p, parent, expression);
  const call = parent?.getParent();
  if (kind.kind !== "list" || !Node.isPropertyAccessExpression(parent) || parent.getExpression() !== expression)
    return undefined;
  if (isAssignmentTarget(parent)) {
    const value = Node.isBinaryExpression(call) ? call.getRight().getText() : "";
    if (value !== "0") p.block(call ?? parent, WHY);
  } else if (Node.isCallExpression(call) && call.getExpression() === parent) {
    const given = call.getArguments();
    if (given.some((one) => isFunctionNode(one) && parametersOf(one).length > 2 && parent.getName() !== "reduce"))
      return p.block(call, WHY);
    if (!CHANGERS.test(parent.getName())) return;
    const put =
      parent.getName() === "splice" ? given.slice(2) : parent.getName() === "fill" ? given.slice(0, 1) : given;
    p.later(() => {
      for (const one of put) if (Node.isSpreadElement(one) || !isOfType(p, one, of.as)) p.block(call, WHY);
    });
  }
}

function isNarrow({ as, field }: Kind & { readonly kind: "value" }): boolean {
  if (field && "scalar" in field && field.scalar === ScalarType.FLOAT) return true;
  return as.kind === "enum-number" || (as.kind === "same" && /^u?int32$/.test(as.type));
}

/** `Object.assign(item.counts, …)`, or a function of the project that changes what it gets. */
function handedTo(p: Proving, call: CallExpression, expression: Node): unknown {
  return isChangedBy(p, call, expression, new Set()) ? p.block(call, WHY) : undefined;
}

function isChangedBy(p: Proving, call: CallExpression, given: Node, asked: Set<Node>): boolean {
  const index = call.getArguments().indexOf(given);
  if (call.getExpression().getText() === "Object.assign" && index === 0) return true;
  const owner = functionBehind(p.project, call.getExpression());
  const name = owner && parametersOf(owner)[index]?.getNameNode();
  return name !== undefined && isChanged(p, name, asked);
}

/** Is what a name holds changed anywhere, under this name or another one? */
function isChanged(p: Proving, name: Node, asked: Set<Node>): boolean {
  if (!Node.isIdentifier(name) || asked.has(name)) return false;
  asked.add(name);
  return p.project.referencesTo(name).some((use) => {
    const parent = use.getParent();
    if (use === name) return false;
    if (Node.isCallExpression(parent) && parent.getArguments().includes(use)) return isChangedBy(p, parent, use, asked);
    if (Node.isVariableDeclaration(parent)) return isChanged(p, parent.getNameNode(), asked);
    const isAccess = Node.isPropertyAccessExpression(parent) || Node.isElementAccessExpression(parent);
    if (!isAccess || unwrapped(parent.getExpression()) !== use) return false;
    return isAssignmentTarget(parent) || (Node.isPropertyAccessExpression(parent) && CHANGERS.test(parent.getName()));
  });
}
