import type { ServerFact } from "../analysis/server-facts.js";
import { childrenOf, isIdentifier, type Node, nodeAt, parentMap, unwrap, walk } from "../shared/ast.js";
import { scopesOf } from "../shared/scope.js";

/**
 * The top-level statement before which the app can be made, so that the module can export it: the registrations stand in a
 * function, name only what the module declares before that function and never sets again, and make nothing that a second call
 * would make anew. Null: the app is made where the services were added.
 */
export function hoistPlace(file: Node, fact: ServerFact): Node | null {
  if (fact.mode !== "module" || !fact.routes.isPlain) return null;
  const parents = parentMap(file);
  const made = nodeAt(file, fact.start, fact.end);
  let top: Node | undefined = made;
  while (top && parents.get(top)?.type !== "Program") top = parents.get(top);
  if (!made || !top) return null;
  const declaration = parents.get(parents.get(made) as Node);
  if (declaration === top || declaration === undefined) return null;
  for (const add of [...fact.registrations, ...fact.parts]) {
    const call = callAt(file, add);
    // `health.addToServer(server)` needs what it is called on.
    const needed = "service" in add ? (call?.arguments as Node[] | undefined) : [call?.callee.object as Node];
    if (!call || !needed?.every((node) => isSimple(node) && isOfModule(file, node, top as Node))) return null;
  }
  const [options] = made.arguments as Node[];
  return options && !isOfModule(file, options, top) ? null : top;
}

/** The call, or the construction, with exactly this range; an expression statement without semicolon has the same one. */
export function callAt(file: Node, range: { readonly start: number; readonly end: number }): Node | undefined {
  let node = nodeAt(file, range.start, range.end);
  while (node && !/^(Call|OptionalCall|New)Expression$/.test(node.type))
    node = childrenOf(node).find((child) => child.start === range.start && child.end === range.end);
  return node;
}

/** Names and members of them: text that means the same elsewhere in the module, and at another time. */
function isSimple(node: Node): boolean {
  const value = unwrap(node);
  switch (value.type) {
    case "Identifier":
    case "StringLiteral":
    case "NumericLiteral":
      return true;
    case "MemberExpression":
      return isSimple(value.object) && (!value.computed || isSimple(value.property));
    case "ObjectExpression":
      return (value.properties as Node[]).every(
        (property) => property.type === "ObjectProperty" && !property.computed && isSimple(property.value),
      );
    default:
      return false;
  }
}

/** `handlers.get = …`, `Object.assign(handlers, …)`. */
function isFilledAt(reference: Node, parents: ReadonlyMap<Node, Node>): boolean {
  const parent = parents.get(reference) as Node;
  if (parent.type === "MemberExpression" && parent.object === reference) {
    const outer = parents.get(parent) as Node;
    return outer.type === "AssignmentExpression" && outer.left === parent;
  }
  return parent.type === "CallExpression" && parent.callee.property?.name === "assign";
}

function isOfModule(file: Node, node: Node, before: Node): boolean {
  const scopes = scopesOf(file);
  const parents = parentMap(file);
  let isKnown = true;
  walk(node, (inner) => {
    if (!isIdentifier(inner)) return;
    const binding = scopes.bindingOf(inner);
    if (!binding) return;
    const isEarly = binding.kind === "function" || binding.kind === "import" || binding.identifier.start < before.start;
    const isFilled = binding.references.some((reference) => isFilledAt(reference, parents));
    if (binding.scope !== scopes.program || !isEarly || binding.writes.length > 0 || isFilled) isKnown = false;
  });
  return isKnown;
}
