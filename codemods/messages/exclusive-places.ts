import { Node } from "ts-morph";
import { functionAround, leavesAlways } from "./message-syntax.js";

/**
 * Do two places of a function stand where only one of them runs: in the two branches of an `if`, in cases of a `switch` of which
 * none goes on to the next, or one in a branch that leaves the function?
 */
export function areExclusive(one: Node, other: Node): boolean {
  const around = other.getAncestors();
  const isIn = (place: Node, branch: Node) => place.getAncestors().includes(branch);
  return [...one.getAncestors(), ...around].some((node) => {
    if (Node.isCaseClause(node) || Node.isDefaultClause(node)) {
      const [inside, outside] = isIn(one, node) ? [one, other] : [other, one];
      const block = node.getParent();
      if (!block || !isIn(outside, block) || isIn(outside, node)) return false;
      return inside.getPos() < outside.getPos() && leavesClause(node.getStatements());
    }
    if (!Node.isIfStatement(node)) return false;
    const [then, otherwise] = [node.getThenStatement(), node.getElseStatement()];
    const outside = isIn(one, then) ? other : one;
    if (isIn(one, then) !== isIn(other, then) && outside.getStart() > then.getEnd() && leavesFunction(then))
      return true;
    if (!otherwise || !around.includes(node)) return false;
    return (isIn(one, then) && isIn(other, otherwise)) || (isIn(one, otherwise) && isIn(other, then));
  });
}

/** Does nothing of a function run after a branch? */
function leavesFunction(branch: Node): boolean {
  const last = Node.isBlock(branch) ? branch.getStatements().at(-1) : branch;
  if (!leavesAlways(branch) || Node.isContinueStatement(last)) return false;
  const owner = functionAround(branch);
  return !branch.getAncestors().some((node) => Node.isTryStatement(node) && functionAround(node) === owner);
}

/** `case A: …; break;`, also in braces. */
function leavesClause(statements: readonly Node[]): boolean {
  const [only] = statements;
  const last = (statements.length === 1 && Node.isBlock(only) ? only.getStatements() : statements).at(-1);
  return Node.isBreakStatement(last) || Node.isReturnStatement(last) || Node.isThrowStatement(last);
}
