import { type Identifier, Node } from "ts-morph";
import { isNewPromise } from "../analysis/language.js";
import { reachable } from "./google-protobuf-generated.js";
import type { Kind } from "./message-kind.js";
import {
  functionAround,
  isAbsent,
  isAssignmentTarget,
  isCallback,
  isFunctionNode,
  isTruthTest,
  isValueOfLogical,
  unwrapped,
} from "./message-syntax.js";
import { isParsedData } from "./parsed-data.js";
import type { Proving } from "./proof.js";
import { isWritten } from "./received-messages.js";

/** Methods of an array that call their argument once with each element, and give none of them back. */
const ITERATORS = /^(forEach|map|flatMap|some|every|findIndex)$/;

/** Those that call it before they return. */
const AT_ONCE = /^(forEach|map|flatMap|some|every|filter|find|findIndex|findLast|sort|reduce)$/;

/**
 * A received message that other code gets for good, `User.create(request)`: nothing of the program looks at it afterwards, and
 * nobody else has it, so it cannot be told from a copy. `outlet` is the call or the assignment that takes it.
 */
export function isGivenAway(p: Proving, message: Node, outlet: Node): boolean {
  const holders: Holders = { names: new Set(), steps: new Set() };
  return (
    areHeld(p, message, holders) && [...holders.names].every((name) => isLastUse(p, name, message, outlet, holders))
  );
}

/** `{ ...request, id }`, `Object.assign({}, request)`: the fields are copied there, and none of them is an object. */
export function isCopied(message: Node, kind: Kind): boolean {
  const above = message.getParent();
  const isAssigned =
    Node.isCallExpression(above) &&
    above.getExpression().getText() === "Object.assign" &&
    above.getArguments().indexOf(message) > 0;
  if (!Node.isSpreadAssignment(above) && !isAssigned) return false;
  if (kind.kind !== "message") return false;
  return (
    reachable(kind.desc).length === 1 && kind.desc.fields.every(({ fieldKind }) => /^(scalar|enum)$/.test(fieldKind))
  );
}

/** All names that a message, or what it is a part of, goes by; and the loops and callbacks that take one after the other. */
interface Holders {
  readonly names: Set<Identifier>;
  readonly steps: Set<Node>;
}

/** Collects the holders of a message; false where they cannot be told. */
function areHeld(p: Proving, given: Node, holders: Holders): boolean {
  const value = unwrapped(given);
  // The `call.request` of a handler on a bridge has no name: others may be read.
  if (p.received.has(value)) return !Node.isPropertyAccessExpression(value);
  if (Node.isAwaitExpression(value)) return areHeld(p, value.getExpression(), holders);
  if (Node.isPropertyAccessExpression(value)) return areHeld(p, value.getExpression(), holders);
  if (!Node.isIdentifier(value)) return false;
  const declaration = p.project.declarationOf(value);
  const isNamed = Node.isVariableDeclaration(declaration) || Node.isParameterDeclaration(declaration);
  const name = isNamed ? declaration.getNameNode() : undefined;
  if (!isNamed || !Node.isIdentifier(name) || !functionAround(declaration)) return false;
  holders.names.add(name);
  if (Node.isParameterDeclaration(declaration)) {
    if (p.received.has(name)) return !isWritten(p, name);
    const owner = declaration.getParent();
    const call = owner.getParent();
    const callee = Node.isCallExpression(call) && isCallback(owner) ? call.getExpression() : undefined;
    const isItem = Node.isPropertyAccessExpression(callee) && ITERATORS.test(callee.getName());
    holders.steps.add(owner);
    return isItem && areHeld(p, callee.getExpression(), holders);
  }
  const loop = declaration.getParent().getParent();
  if (Node.isForOfStatement(loop)) {
    holders.steps.add(loop);
    return !isWritten(p, name) && areHeld(p, loop.getExpression(), holders);
  }
  const initializer = declaration.getInitializer();
  const sources = initializer && !isAbsent(initializer) ? [initializer] : [];
  for (const use of p.project.referencesTo(name)) {
    const change = use.getParent();
    if (!isAssignmentTarget(use)) continue;
    if (!Node.isBinaryExpression(change) || change.getOperatorToken().getText() !== "=") return false;
    sources.push(change.getRight());
  }
  return sources.length > 0 && sources.every((source) => areHeld(p, source, holders));
}

/** Do all other uses of a name come before, and only read values, or lead to another name that is asked about? */
function isLastUse(p: Proving, name: Identifier, message: Node, outlet: Node, holders: Holders): boolean {
  const around = outlet.getAncestors();
  // What may run several times for one message: loops and functions between the name and the outlet.
  const repeated = around.filter(
    (node) =>
      (Node.isIterationStatement(node) || (isFunctionNode(node) && !runsOnce(node))) &&
      !name.getAncestors().includes(node),
  );
  if (repeated.some((node) => !holders.steps.has(node))) return false;
  return p.project.referencesTo(name).every((use) => {
    if (use === name) return true;
    const above = use.getAncestors();
    if (use === message || above.includes(message)) return true;
    if (isOtherField(p, use, message)) return true;
    if (use.getStart() >= outlet.getEnd()) return false;
    const owner = functionThatRuns(p, use);
    if (!owner || !around.includes(owner)) return false;
    if (repeated.some((node) => above.includes(node) && !isHead(node, use))) return false;
    return isAssignmentTarget(use) || isQuiet(p, use) || isSource(use, holders);
  });
}

/** `request.title`, a value, where `request.owner` is given away, or a copy of the fields of `request`. */
function isOtherField(p: Proving, use: Node, message: Node): boolean {
  const access = use.getParent();
  if (!Node.isPropertyAccessExpression(access) || access.getExpression() !== use || isAssignmentTarget(access))
    return false;
  if (p.kinds.get(access)?.kind !== "value") return false;
  if (message.getText() === use.getText()) return Node.isSpreadAssignment(message.getParent());
  const isPart = Node.isPropertyAccessExpression(message) && message.getExpression().getText() === use.getText();
  return isPart && message.getName() !== access.getName();
}

/** What a callback of `all.find((one) => …)` does, the function around it does. */
function functionThatRuns(p: Proving, use: Node): Node | undefined {
  let owner = functionAround(use);
  while (owner && isCallback(owner)) {
    const call = owner.getParent();
    const callee = Node.isCallExpression(call) ? call.getExpression() : undefined;
    if (!Node.isPropertyAccessExpression(callee) || !AT_ONCE.test(callee.getName())) return owner;
    const list = callee.getExpression();
    if (!p.kinds.has(list) && !isParsedData(p, list)) return owner;
    owner = functionAround(owner.getParent() ?? owner);
  }
  return owner;
}

/** `new Promise((resolve) => …)`, `.then(() => …)`, `setTimeout(() => …)`. */
function runsOnce(owner: Node): boolean {
  const call = owner.getParent();
  if (Node.isNewExpression(call)) return isNewPromise(call);
  if (!Node.isCallExpression(call) || !call.getArguments().includes(owner)) return false;
  return /^(setTimeout|setImmediate|process\.nextTick|queueMicrotask)$|\.(then|catch|finally)$/.test(
    call.getExpression().getText(),
  );
}

/** `req.items` of `for (const item of req.items)`. */
function isHead(loop: Node, use: Node): boolean {
  if (!Node.isForOfStatement(loop)) return false;
  const head = loop.getExpression();
  return use === head || use.getAncestors().includes(head);
}

/** `const record = request`, `for (const item of request.items)`, `request.items.map((item) => …)`. */
function isSource(use: Node, { names, steps }: Holders): boolean {
  let node = use;
  let above = node.getParent();
  while (Node.isPropertyAccessExpression(above) && above.getExpression() === node) {
    const call = above.getParent();
    const isCall = Node.isCallExpression(call) && call.getExpression() === above;
    if (isCall) return call.getArguments().some((one) => steps.has(one));
    node = above;
    above = node.getParent();
  }
  if (Node.isForOfStatement(above)) return above.getExpression() === node && steps.has(above);
  if (!Node.isVariableDeclaration(above) || above.getInitializer() !== node) return false;
  return names.has(above.getNameNode() as Identifier);
}

/** Is only a value read there, or is it asked whether something is there? */
function isQuiet(p: Proving, use: Node): boolean {
  let node = use;
  for (;;) {
    const kind = p.kinds.get(node);
    const above = node.getParent();
    if (kind?.kind === "value") return true;
    if (!above || !kind) return false;
    if (isCopied(node, kind) || (Node.isPropertyAccessExpression(above) && isAssignmentTarget(above))) return true;
    if (kind.kind === "list" && Node.isPropertyAccessExpression(above) && above.getName() === "length") return true;
    if (isTruthTest(above, node) && !isValueOfLogical(above)) return true;
    if (Node.isVariableDeclaration(above) && kind.kind === "message") return takesValues(p, above.getNameNode(), kind);
    if (!Node.isPropertyAccessExpression(above) || above.getExpression() !== node) return false;
    node = above;
  }
}

/** `const { id, name } = request`. */
function takesValues(p: Proving, pattern: Node, { desc }: Kind & { kind: "message" }): boolean {
  if (!Node.isObjectBindingPattern(pattern)) return false;
  return pattern.getElements().every((part) => {
    const field = p.fieldBy(desc, (part.getPropertyNameNode() ?? part.getNameNode()).getText());
    return field !== undefined && p.kindOf(field).kind === "value";
  });
}
