import { Node } from "ts-morph";

/** The block or the expression of a function of any kind; undefined for what has none. */
export function bodyOf(node: Node): Node | undefined {
  return (node as unknown as { getBody?(): Node | undefined }).getBody?.();
}

/** What a function gives, if it does nothing else than name what goes into it. */
export function onlyResult(node: Node): Node | undefined {
  const body = bodyOf(node);
  if (!Node.isBlock(body)) return body;
  const statements = body.getStatements();
  const last = statements.at(-1);
  const isPlain = statements.every((one) => one === last || Node.isVariableStatement(one));
  return isPlain && Node.isReturnStatement(last) ? last.getExpression() : undefined;
}
