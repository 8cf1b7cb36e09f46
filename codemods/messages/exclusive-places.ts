import { Node } from "ts-morph";

/** Does at most one of two places in a function run: in branches of an `if`, cases of a `switch`, or behind one that leaves? */
export function areExclusive(one: Node, other: Node): boolean {
  return isApart(one, other) || isApart(other, one);
}

function isApart(one: Node, other: Node): boolean {
  const around = other.getAncestors();
  return one.getAncestors().some((node) => {
    const parent = node.getParent();
    if (Node.isIfStatement(parent) && around.includes(parent)) {
      const [then, otherwise] = [parent.getThenStatement(), parent.getElseStatement()];
      return otherwise !== undefined && node === then && around.includes(otherwise);
    }
    // The clause before does not go on to the one behind it.
    if (Node.isCaseClause(node) || Node.isDefaultClause(node))
      return (
        parent !== undefined &&
        around.includes(parent) &&
        !around.includes(node) &&
        node.getPos() < other.getPos() &&
        leavesClause(node.getStatements())
      );
    // `if (…) { …; return; }`, and the other behind it.
    return Node.isBlock(node) && Node.isIfStatement(parent) && !around.includes(node) && leaves(node.getStatements());
  });
}

function leavesClause(statements: readonly Node[]): boolean {
  const [only] = statements;
  const own = statements.length === 1 && Node.isBlock(only) ? only.getStatements() : statements;
  return leaves(own) || Node.isBreakStatement(own.at(-1));
}

function leaves(statements: readonly Node[]): boolean {
  const last = statements.at(-1);
  return Node.isReturnStatement(last) || Node.isThrowStatement(last);
}
