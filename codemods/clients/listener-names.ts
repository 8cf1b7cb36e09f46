import { isFunction, isIdentifier, type Node, type Parents, walk } from "../shared/ast.js";
import { type Scopes, scopesOf } from "../shared/scope.js";
import { isPropertyName, mentions, namesOf } from "./callback-shape.js";

/** `var`s and functions of a listener's body, each of its identifiers. */
function hoistedIn(callback: Node): { readonly name: string; readonly declarator: Node }[] {
  const found: { name: string; declarator: Node }[] = [];
  if (!isFunction(callback)) return found;
  walk(callback.body, (node, [parent]) => {
    if (node.type === "VariableDeclarator" && parent?.kind === "var")
      for (const name of namesOf(node.id)) found.push({ name, declarator: node });
    if (node.type === "FunctionDeclaration" && node.id) found.push({ name: node.id.name, declarator: node });
    return isFunction(node) ? false : undefined;
  });
  return found;
}

/** Names that the body of a listener declares, in its own scope. */
export function declaredIn(callback: Node): string[] {
  const names: string[] = [];
  for (const statement of callback.body.type === "BlockStatement" ? (callback.body.body as Node[]) : []) {
    if (statement.type === "VariableDeclaration")
      for (const declarator of statement.declarations as Node[]) names.push(...namesOf(declarator.id));
    if (/^(Function|Class)Declaration$/.test(statement.type) && statement.id) names.push(statement.id.name);
  }
  return names;
}

/**
 * Must the body of a data listener stay a function? In a loop, a `var` without a value would keep the one of the message before, one
 * that functions keep would change below them, and one would be seen by what stands beside the loop.
 */
export function needsOwnScope(file: Node, callback: Node, others: readonly Node[], parents: Parents): boolean {
  const scopes = scopesOf(file);
  return hoistedIn(callback).some(({ name, declarator }) => {
    if (others.some((other) => mentionsFreely(scopes, other, name))) return true;
    if (declarator.type === "FunctionDeclaration") return false;
    const declaration = parents.get(declarator) as Node;
    const place = parents.get(declaration);
    const isFirst = place === callback.body || (place?.type === "ForStatement" && place.init === declaration);
    if (!isFirst || !declarator.init || mentions(declarator.init, name)) return true;
    const binding = isIdentifier(declarator.id) ? scopes.bindingOf(declarator.id) : undefined;
    const uses = binding ? [...binding.references, ...binding.writes] : [];
    const isDeclaredAgain = hoistedIn(callback).filter((each) => each.name === name).length > 1;
    return (
      !binding || isDeclaredAgain || uses.some((use) => isBefore(use, declarator) || isKept(use, callback, parents))
    );
  });
}

function isBefore(use: Node, declarator: Node): boolean {
  return use.start < declarator.start;
}

/** Is a variable used in a function within the listener? */
function isKept(use: Node, callback: Node, parents: Parents): boolean {
  for (let up = parents.get(use); up && up !== callback; up = parents.get(up)) if (isFunction(up)) return true;
  return false;
}

/** A name that a listener behind the loop declares where the others would see it, and mean another one. */
export function hiddenName(
  file: Node,
  listeners: readonly { readonly callback: Node; readonly names: readonly string[] }[],
): string | undefined {
  const scopes = scopesOf(file);
  for (const own of listeners)
    for (const name of own.names)
      if (listeners.some((other) => other !== own && mentionsFreely(scopes, other.callback, name))) return name;
  return undefined;
}

/** What a listener declares outside of blocks, once its body stands in the function around the loop. */
export function namesBehindLoop(event: "error" | "status" | "end", callback: Node): string[] {
  if (!isFunction(callback)) return [];
  const hoisted = hoistedIn(callback).map(({ name }) => name);
  if (event === "error") return hoisted;
  const params = event === "status" ? (callback.params as Node[]).flatMap(namesOf) : [];
  return [...params, ...declaredIn(callback), ...hoisted];
}

/** Does a name below a node mean something that is declared outside of it? */
function mentionsFreely(scopes: Scopes, node: Node, name: string): boolean {
  let found = false;
  walk(node, (inner, [parent]) => {
    if (!isIdentifier(inner, name) || isPropertyName(inner, parent)) return;
    const at = scopes.bindingOf(inner)?.identifier;
    if (!at || at.start < node.start || at.end > node.end) found = true;
  });
  return found;
}
