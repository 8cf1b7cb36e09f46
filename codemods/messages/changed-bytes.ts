import { type CallExpression, Node } from "ts-morph";
import { isAbsent, isAssignmentTarget, isFunctionNode, topOf, unwrapped } from "./message-syntax.js";
import type { Proving } from "./proof.js";

const WRITERS = /^(fill|write\w*|set|copyWithin|reverse|sort|swap(16|32|64))$/;
/** Methods that give a view of the same memory. */
const VIEWS = /^(slice|subarray|valueOf)$/;
/** Functions that write to the bytes they are given. */
const FILLERS = /^(copy|read|readSync|randomFill|randomFillSync|getRandomValues|encodeInto)$/;

/**
 * Does code write to the Buffer of a message's bytes, or ask whether it is the same one? The Buffer that a conversion makes is
 * a copy, in which neither shows.
 */
export function isChangedInPlace(p: Proving, value: Node): boolean {
  return !isReadOnce(p, value) && isChanged(p, value, new Set());
}

/** `signal.payload` in `for await (const signal of requests)`, asked for once, of a message that is not handed on: nobody sees what becomes of it. */
function isReadOnce(p: Proving, value: Node): boolean {
  const read = unwrapped(value);
  const object = Node.isPropertyAccessExpression(read) ? read.getExpression() : undefined;
  const declared = Node.isIdentifier(object) ? p.project.declarationOf(object) : undefined;
  if (!Node.isPropertyAccessExpression(read) || !Node.isVariableDeclaration(declared)) return false;
  const loop = declared.getParent().getParent();
  const name = declared.getNameNode();
  if (!Node.isForOfStatement(loop) || !loop.isAwaited() || !Node.isIdentifier(name)) return false;
  if (read.getFirstAncestor((up) => isFunctionNode(up) || Node.isIterationStatement(up)) !== loop) return false;
  return p.project.referencesTo(name).every((one) => {
    const use = one.getParent();
    if (one === name || one === object) return true;
    return Node.isPropertyAccessExpression(use) && use.getExpression() === one && use.getName() !== read.getName();
  });
}

function isChanged(p: Proving, value: Node, seen: Set<Node>): boolean {
  const node = topOf(value);
  const use = node.getParent();
  if (!use || seen.has(node)) return false;
  seen.add(node);
  if (Node.isPropertyAccessExpression(use)) {
    const call = use.getParent();
    if (!Node.isCallExpression(call) || call.getExpression() !== use) return use.getName() === "buffer";
    return WRITERS.test(use.getName()) || (VIEWS.test(use.getName()) && isChanged(p, call, seen));
  }
  if (Node.isElementAccessExpression(use)) return isAssignmentTarget(use);
  if (Node.isVariableDeclaration(use)) return isNameChanged(p, use.getNameNode(), seen);
  if (Node.isCallExpression(use)) return isChangedByCall(p, use, node, seen);
  if (Node.isConditionalExpression(use)) return use.getCondition() !== node && isChanged(p, use, seen);
  if (!Node.isBinaryExpression(use)) return false;
  const operator = use.getOperatorToken().getText();
  if (/^(\|\||\?\?|&&)$/.test(operator)) return isChanged(p, use, seen);
  if (operator === "=" && use.getRight() === node) return isNameChanged(p, use.getLeft(), seen);
  const other = unwrapped(use.getLeft() === node ? use.getRight() : use.getLeft());
  return /^[!=]==?$/.test(operator) && !isAbsent(other) && !Node.isLiteralExpression(other);
}

function isNameChanged(p: Proving, name: Node, seen: Set<Node>): boolean {
  if (!Node.isIdentifier(name)) return false;
  const declared = p.project.declarationOf(name);
  const own = Node.isVariableDeclaration(declared) ? declared.getNameNode() : name;
  if (!Node.isIdentifier(own)) return false;
  return p.project.referencesTo(own).some((one) => one !== own && isChanged(p, one, seen));
}

function isChangedByCall(p: Proving, call: CallExpression, given: Node, seen: Set<Node>): boolean {
  const callee = call.getExpression();
  const index = call.getArguments().indexOf(given);
  if (index < 0) return false;
  const called = Node.isPropertyAccessExpression(callee) ? callee.getName() : callee.getText();
  const origin = p.project.originOf(callee);
  if (origin.kind !== "function" || !isFunctionNode(origin.node)) return FILLERS.test(called);
  const name = origin.node.getParameters()[index]?.getNameNode();
  return name !== undefined && isNameChanged(p, name, seen);
}
