import { Node } from "ts-morph";
import {
  ARRAY_READERS,
  isAsync,
  isCallback,
  isFunctionNode,
  isGenerator,
  resultsOf,
  unwrapped,
} from "./message-syntax.js";
import { passedBy } from "./passed-results.js";
import type { Proving } from "./proof.js";

/** Is a message, or a branch of what holds one, or an element of a list, one that is still waited for? */
export function mayBePromise(p: Proving, given: Node, asked: Set<Node> = new Set()): boolean {
  const value = unwrapped(given);
  if (asked.has(value)) return false;
  asked.add(value);
  const isOne = (other: Node) => mayBePromise(p, other, asked);
  if (Node.isAwaitExpression(value)) return false;
  if (Node.isConditionalExpression(value)) return isOne(value.getWhenTrue()) || isOne(value.getWhenFalse());
  if (Node.isBinaryExpression(value)) return isOne(value.getLeft()) || isOne(value.getRight());
  if (value.getType().getProperty("then")) return true;
  if (Node.isIdentifier(value)) return isPromiseIn(p, value, isOne);
  if (!Node.isCallExpression(value)) return false;
  if (p.received.has(value) && p.kinds.get(value)?.kind !== "stream") return true;
  const callee = value.getExpression();
  if (/^Promise\.\w+$/.test(callee.getText())) return true;
  const passed = passedBy(p.project, value);
  if (passed) return isAsync(passed.callback) || passed.results.some(isOne) || isLater(p, callee, () => false);
  if (Node.isPropertyAccessExpression(callee) && callee.getName() === "map") {
    const [callback] = value.getArguments();
    return callback !== undefined && isLater(p, callback, isOne);
  }
  if (
    Node.isPropertyAccessExpression(callee) &&
    /^(filter|slice|reverse|concat|find|at|pop|shift)$/.test(callee.getName())
  )
    return isOne(callee.getExpression());
  return isLater(p, callee, isOne);
}

/** Does a function give a promise? */
function isLater(p: Proving, callee: Node, isOne: (result: Node) => boolean): boolean {
  const origin = isFunctionNode(callee) ? undefined : p.project.originOf(callee);
  const owner = origin?.kind === "function" ? origin.node : callee;
  return isFunctionNode(owner) && !isGenerator(owner) && (isAsync(owner) || resultsOf(owner).some(isOne));
}

/** What a name holds: the value of its variable, or an element of a list. */
function isPromiseIn(p: Proving, name: Node, isOne: (other: Node) => boolean): boolean {
  const declaration = p.project.declarationOf(name);
  if (Node.isVariableDeclaration(declaration)) {
    const made = declaration.getInitializer();
    const loop = declaration.getParent().getParent();
    if (Node.isForOfStatement(loop)) return !loop.isAwaited() && isOne(loop.getExpression());
    return made !== undefined && isOne(made);
  }
  const owner = Node.isParameterDeclaration(declaration) ? declaration.getParent() : undefined;
  const call = owner && isCallback(owner) ? owner.getParent() : undefined;
  const callee = Node.isCallExpression(call) ? call.getExpression() : undefined;
  const isEach = Node.isPropertyAccessExpression(callee) && ARRAY_READERS.has(callee.getName());
  return isEach && isOne(callee.getExpression());
}
