import { type ArrayLiteralExpression, Node } from "ts-morph";
import { nameOfElement } from "./message-syntax.js";

/** `a` of `const [a, b] = await Promise.all([…])`, and the promise whose value it gets. */
interface Settled {
  readonly name: Node;
  readonly promise: Node;
}

/** Where a promise in the list of an awaited `Promise.all` ends up; undefined where that is no variable of its own. */
export function settledTo(promise: Node): Settled | undefined {
  const list = promise.getParent();
  return Node.isArrayLiteralExpression(list)
    ? settledAt(list, (list.getElements() as Node[]).indexOf(promise))
    : undefined;
}

/** What a variable gets that is an element of the pattern in front of `await Promise.all([…])`. */
export function settledIn(element: Node | undefined): Settled | undefined {
  const pattern = Node.isBindingElement(element) ? element.getParent() : undefined;
  const declaration = pattern?.getParent();
  const made = Node.isVariableDeclaration(declaration) ? declaration.getInitializer() : undefined;
  const call = Node.isAwaitExpression(made) ? made.getExpression() : undefined;
  const list = Node.isCallExpression(call) ? call.getArguments()[0] : undefined;
  if (!element || !Node.isArrayBindingPattern(pattern) || !Node.isArrayLiteralExpression(list)) return undefined;
  return settledAt(list, (pattern.getElements() as Node[]).indexOf(element));
}

function settledAt(list: ArrayLiteralExpression, index: number): Settled | undefined {
  const upTo = list.getElements().slice(0, index + 1);
  const name = nameOfElement(patternOf(list)?.getElements()[index]);
  const promise = upTo[index];
  if (!name || !promise || upTo.some((one) => Node.isSpreadElement(one) || Node.isOmittedExpression(one)))
    return undefined;
  return { name, promise };
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
