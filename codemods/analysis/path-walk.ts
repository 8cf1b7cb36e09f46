import { Node } from "ts-morph";

/** `names.reduce((part, name) => part[name], root)`: what goes from part to part of a thing by a list of names. */
export function pathWalk(node: Node): { readonly names: Node; readonly root: Node } | undefined {
  const callee = Node.isCallExpression(node) ? node.getExpression() : undefined;
  const [step, root] = Node.isCallExpression(node) ? node.getArguments() : [];
  if (!Node.isPropertyAccessExpression(callee) || callee.getName() !== "reduce" || !root) return undefined;
  if (!Node.isArrowFunction(step)) return undefined;
  const [part, name] = step.getParameters().map((each) => each.getName());
  const body = step
    .getBody()
    .getText()
    .replace(/ as \w+|[()]/g, "")
    .replace("?.", "");
  return body === `${part}[${name}]` ? { names: callee.getExpression(), root } : undefined;
}
