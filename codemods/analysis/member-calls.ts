import { type CallExpression, type Identifier, type NewExpression, Node, type PrivateIdentifier } from "ts-morph";

/** A name, or the private name of a member: `server`, `#server`. */
export function isOwnName(node: Node): node is Identifier | PrivateIdentifier {
  return Node.isIdentifier(node) || Node.isPrivateIdentifier(node);
}

/** The `server.member(…)` around a mention of `server`. */
export function memberCall(node: Node): CallExpression | undefined {
  const access = node.getParent();
  const call = access?.getParent();
  return access &&
    Node.isPropertyAccessExpression(access) &&
    access.getExpression() === node &&
    call &&
    Node.isCallExpression(call) &&
    call.getExpression() === access
    ? call
    : undefined;
}

/** `server.bindAsync` is `bindAsync`. */
export function memberOf(call: CallExpression | NewExpression): string {
  const callee = call.getExpression();
  return Node.isCallExpression(call) && Node.isPropertyAccessExpression(callee) ? callee.getName() : "";
}
