import { isIdentifier, type Node, type Parents } from "../shared/ast.js";

/** Classes that an error of a call has, whichever of the two it is. */
const OF_CALLS = /^(Error|Object|ConnectError)$/;

/**
 * Does a test say that the error is one of another class where it is used? Then it is no error of a call: `if (err instanceof HttpError)
 * send(err.status)`.
 */
export function isOfOtherClass(reference: Node, parents: Parents): boolean {
  let node = reference;
  for (let parent = parents.get(node); parent; node = parent, parent = parents.get(node)) {
    if (/Function|Method/.test(parent.type)) return false;
    const isThen = /^(IfStatement|ConditionalExpression)$/.test(parent.type) && parent.consequent === node;
    const isAnd = parent.type === "LogicalExpression" && parent.operator === "&&" && parent.right === node;
    const test = isThen ? parent.test : isAnd ? parent.left : undefined;
    if (test && isTestedBy(test, reference.name)) return true;
  }
  return false;
}

function isTestedBy(test: Node, name: string): boolean {
  if (test.type === "LogicalExpression" && test.operator === "&&")
    return isTestedBy(test.left, name) || isTestedBy(test.right, name);
  return (
    test.type === "BinaryExpression" &&
    test.operator === "instanceof" &&
    isIdentifier(test.left, name) &&
    isIdentifier(test.right) &&
    !OF_CALLS.test(test.right.name)
  );
}
