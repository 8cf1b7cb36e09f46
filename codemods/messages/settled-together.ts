import { Node } from "ts-morph";

/** `a` of `const [a, b] = await Promise.all([…])`, and the promise whose value it gets. */
interface Settled {
  readonly name: Node;
  readonly promise: Node;
}

/** Where a promise in the list of an awaited `Promise.all` ends up; undefined where that is no variable of its own. */
export function settledTo(promise: Node): Settled | undefined {
  const list = promise.getParent();
  if (!Node.isArrayLiteralExpression(list)) return undefined;
  const element = patternOf(list)?.getElements()[list.getElements().indexOf(promise as never)];
  return element && settledIn(element);
}

/** What a variable gets that is an element of the pattern in front of `await Promise.all([…])`. */
export function settledIn(element: Node | undefined): Settled | undefined {
  if (!Node.isBindingElement(element) || element.getInitializer() || element.getDotDotDotToken()) return undefined;
  const pattern = element.getParent();
  const awaited = pattern.getParent();
  const made = Node.isVariableDeclaration(awaited) ? awaited.getInitializer() : undefined;
  const call = Node.isAwaitExpression(made) ? made.getExpression() : undefined;
  const list = Node.isCallExpression(call) ? call.getArguments()[0] : undefined;
  if (!Node.isArrayLiteralExpression(list) || patternOf(list) !== pattern) return undefined;
  const index = (pattern.getElements() as Node[]).indexOf(element);
  const before = list.getElements().slice(0, index + 1);
  const promise = before[index];
  if (!promise || before.some((one) => Node.isSpreadElement(one) || Node.isOmittedExpression(one))) return undefined;
  return { name: element.getNameNode(), promise };
}

function patternOf(list: Node) {
  const call = list.getParent();
  if (!Node.isCallExpression(call) || call.getArguments().length !== 1) return undefined;
  if (call.getExpression().getText() !== "Promise.all") return undefined;
  const awaited = call.getParent();
  const declaration = Node.isAwaitExpression(awaited) ? awaited.getParent() : undefined;
  if (!Node.isVariableDeclaration(declaration) || declaration.getTypeNode()) return undefined;
  const pattern = declaration.getNameNode();
  return Node.isArrayBindingPattern(pattern) ? pattern : undefined;
}
