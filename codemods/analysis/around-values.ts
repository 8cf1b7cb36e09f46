import { Node } from "ts-morph";

type Around = Node & { getExpression(): Node };

/** `(x)`, `x as T`, `<T>x`, `x!`, `x satisfies T`: the same value. */
function isAssertion(node: Node): node is Around {
  return (
    Node.isParenthesizedExpression(node) ||
    Node.isAsExpression(node) ||
    Node.isTypeAssertion(node) ||
    Node.isNonNullExpression(node) ||
    Node.isSatisfiesExpression(node)
  );
}

/** Without the parentheses and assertions around it. */
export function peeled(node: Node): Node {
  let current = node;
  while (isAssertion(current)) current = current.getExpression();
  return current;
}

/** With the parentheses and assertions around it. */
export function withAssertions(node: Node): Node {
  return outermost(node, isAssertion);
}

/** What stands around a node as long as the test, which is asked of each parent and of what stands in it, says yes. */
export function outermost(node: Node, isAround: (parent: Node, inner: Node) => boolean): Node {
  let current = node;
  for (let parent = node.getParent(); parent && isAround(parent, current); parent = parent.getParent())
    current = parent;
  return current;
}

/** Values that stand for the value inside. */
export function isWrapper(node: Node): node is Around {
  return isAssertion(node) || Node.isAwaitExpression(node);
}

/** Is what a value stands in that value, awaited or not, or one of two? */
export function passesOn(parent: Node, value: Node): boolean {
  if (isWrapper(parent)) return true;
  if (Node.isConditionalExpression(parent)) return parent.getCondition() !== value;
  return Node.isBinaryExpression(parent) && /^(\|\||\?\?)$/.test(parent.getOperatorToken().getText());
}

/** Whether a node lies in another one. */
export function contains(outer: Node, inner: Node): boolean {
  return (
    outer.getSourceFile() === inner.getSourceFile() &&
    outer.getStart() <= inner.getStart() &&
    inner.getEnd() <= outer.getEnd()
  );
}

/** The function that a `return` would leave, accessors included. */
export function functionLeftBy(node: Node): Node | undefined {
  return node.getFirstAncestor((up) => Node.isFunctionLikeDeclaration(up) || Node.isFunctionExpression(up));
}

/** The function that a node stands in; undefined at the top of a module. */
export function functionAround(node: Node): Node | undefined {
  return node.getFirstAncestor(
    (ancestor) =>
      Node.isFunctionDeclaration(ancestor) ||
      Node.isFunctionExpression(ancestor) ||
      Node.isArrowFunction(ancestor) ||
      Node.isMethodDeclaration(ancestor) ||
      Node.isConstructorDeclaration(ancestor),
  );
}

/** `null` or `undefined`, written out. */
export function isNothing(node: Node): boolean {
  return node.getText() === "null" || node.getText() === "undefined";
}

/** The annotation of what a function gives. */
export function returnTypeOf(owner: Node): Node | undefined {
  return "getReturnTypeNode" in owner
    ? (owner as { getReturnTypeNode(): Node | undefined }).getReturnTypeNode()
    : undefined;
}
