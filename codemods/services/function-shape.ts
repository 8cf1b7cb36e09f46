import { childrenOf, type FunctionNode, isFunction, isIdentifier, memberName, type Node, walk } from "../shared/ast.js";

/** Does evaluating it do nothing that anybody could see? Reading a member counts as nothing. */
export function isPure(node: Node): boolean {
  let pure = true;
  walk(node, (child) => {
    if (/^(Call|OptionalCall|New|Await|Yield|Assignment|Update|TaggedTemplate)/.test(child.type)) pure = false;
    if (child.type === "UnaryExpression" && child.operator === "delete") pure = false;
    return pure && !isFunction(child);
  });
  return pure;
}

/** Does a function, with the arrow functions in it, use its `this`? */
export function usesThis(fn: Node): boolean {
  let found = false;
  const visit = (node: Node): void => {
    if (found) return;
    if (node.type === "ThisExpression" || node.type === "Super") found = true;
    if (isFunction(node) && node.type !== "ArrowFunctionExpression") return;
    if (node.type === "ClassBody") return;
    childrenOf(node).forEach(visit);
  };
  childrenOf(fn).forEach(visit);
  return found;
}

/** `const { request } = call`, of `call`. */
export function isTakenApart(node: Node, parent: Node): boolean {
  return parent.type === "VariableDeclarator" && parent.init === node && parent.id.type === "ObjectPattern";
}

/** The member `list = (call) => { … }` of a class, of which a function is the value, where it may be a method as well. */
export function fieldOf(fn: FunctionNode, parents: ReadonlyMap<Node, Node>): Node | undefined {
  const field = parents.get(fn);
  if (fn.type !== "ArrowFunctionExpression" || field?.type !== "ClassProperty" || field.value !== fn) return undefined;
  const isPlain = !field.static && !field.computed && !field.declare && !field.definite && !field.decorators?.length;
  return isPlain && isIdentifier(field.key) ? field : undefined;
}

export function usesArguments(fn: FunctionNode): boolean {
  let found = false;
  walk(fn.body, (node) => {
    if (isIdentifier(node, "arguments")) found = true;
    return !(isFunction(node) && node.type !== "ArrowFunctionExpression");
  });
  return found;
}

/** Are two expressions written alike, whatever stands between their words? */
export function isSameCode(a: Node, b: Node): boolean {
  const [ours, theirs] = [childrenOf(a), childrenOf(b)];
  return (
    a.type === b.type &&
    wordsOf(a) === wordsOf(b) &&
    ours.length === theirs.length &&
    ours.every((child, index) => isSameCode(child, theirs[index] as Node))
  );
}

function wordsOf(node: Node): string {
  const isPlace = (key: string) => key === "start" || key === "end";
  const words = Object.entries(node).filter(([key, value]) => !isPlace(key) && !(value instanceof Object));
  return JSON.stringify([words.sort(), node.type === "TemplateElement" ? node.value : null]);
}

const typed = new WeakMap<Node, boolean>();

/** Does a file hold types? */
export function holdsTypes(file: Node): boolean {
  let known = typed.get(file);
  if (known === undefined) {
    known = false;
    walk(file, (node) => {
      if (node.type.startsWith("TS") || node.importKind === "type") known = true;
      return !known;
    });
    typed.set(file, known);
  }
  return known;
}

/** The return statements of a function itself. */
export function returnsIn(fn: FunctionNode): Node[] {
  return ownNodes(fn.body, (node) => node.type === "ReturnStatement");
}

/** The nodes below one, but not in functions that stand in it, for which `test` holds. */
export function ownNodes(root: Node, test: (node: Node) => boolean): Node[] {
  const found: Node[] = [];
  const visit = (node: Node): void => {
    if (isFunction(node)) return;
    if (test(node)) found.push(node);
    childrenOf(node).forEach(visit);
  };
  visit(root);
  return found;
}

/** Does a function pause there? */
export function isAwait(node: Node): boolean {
  return /^(Await|Yield)Expression$/.test(node.type) || (node.type === "ForOfStatement" && node.await === true);
}

/** Does a statement stand in a loop of its function? */
export function insideLoop(statement: Node, fn: FunctionNode): boolean {
  let found = false;
  walk(fn.body, (node) => {
    if (
      /^(For|While|DoWhile|ForIn|ForOf)Statement$/.test(node.type) &&
      node.start < statement.start &&
      statement.end <= node.end
    ) {
      found = true;
    }
  });
  return found;
}

/** Every name that a function declares or uses. */
export function namesIn(fn: FunctionNode): Set<string> {
  const names = new Set<string>();
  walk(fn, (node, [parent]) => {
    const isMember = parent && memberName(parent) !== undefined && parent.property === node;
    if (node.type === "Identifier" && !isMember) names.add(node.name);
  });
  return names;
}
