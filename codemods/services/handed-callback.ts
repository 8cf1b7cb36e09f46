import { isFunction, isIdentifier, memberName, type Node, unwrap } from "../shared/ast.js";
import type { HandlerDraft } from "./handler-draft.js";

/**
 * Is the callback an argument of a client's call, or of a function of a package, which knows nothing of grpc and so calls it with an error and a
 * value at most? What the project itself defines may reply with trailers, and so may whoever gets it from what keeps or wraps it.
 */
export function isOnlyCalledBy(draft: HandlerDraft, reference: Node, call: Node): boolean {
  if (call.type !== "CallExpression" || !(call.arguments as Node[]).includes(reference)) return false;
  if (draft.asked.has(call.start)) return true;
  return isOfPackage(draft, call.callee) && !isKept(draft, reference, call) && !isWrapped(draft, call);
}

/** `waiting.set(id, callback)`, `done.on("end", callback)` of an emitter of the project: a member that only stores what it is given. */
function isKept(draft: HandlerDraft, reference: Node, { callee, arguments: given }: Node): boolean {
  const member = memberName(callee);
  const at = (given as Node[]).indexOf(reference);
  if (member === undefined) return false;
  if (/^(add|push|unshift|enqueue|append)$/.test(member)) return at === 0;
  if (/^(set|put)$/.test(member)) return at === 1 && given.length === 2;
  // Who emits it is not known; errors are what packages tell of.
  if (/^(on|once|(add|prepend)\w*Listener|subscribe)$/.test(member) && given[0]?.value !== "error") return true;
  const maker = makerOf(draft, callee.object as Node);
  return maker !== undefined && /^((Weak)?(Map|Set)|Array|Event(Emitter|Target)\w*)$/.test(maker);
}

/** The `Map` of an object that was made by `new Map()`. */
function makerOf({ scopes }: HandlerDraft, object: Node): string | undefined {
  const value = unwrap(object);
  const declaration = isIdentifier(value) ? scopes.bindingOf(value)?.declaration : value;
  const made = declaration?.type === "VariableDeclarator" && declaration.init ? unwrap(declaration.init) : declaration;
  if (made?.type !== "NewExpression") return undefined;
  return isIdentifier(made.callee) ? made.callee.name : memberName(made.callee);
}

/** `const done = once(callback)`: what is given back may be the callback in another form, unless it is only asked for members. */
function isWrapped({ parents, scopes }: HandlerDraft, call: Node): boolean {
  let node = call;
  let parent = parents.get(node) as Node;
  while (parent.type === "AwaitExpression" || unwrap(parent) !== parent)
    [node, parent] = [parent, parents.get(parent) as Node];
  if (/^(Expression|Return)Statement$/.test(parent.type) || isFunction(parent)) return false;
  if (/^(Optional)?MemberExpression$/.test(parent.type)) return parent.object !== node;
  if (/^set(Timeout|Interval|Immediate)$/.test(call.callee.name ?? "")) return false;
  const binding =
    parent.type === "VariableDeclarator" && isIdentifier(parent.id) ? scopes.bindingOf(parent.id) : undefined;
  return !binding?.references.every(
    (each) => memberName(parents.get(each) as Node) && parents.get(each)?.object === each,
  );
}

/** Does an expression begin with a global, or with a name that leads to a package? */
export function isOfPackage(draft: HandlerDraft, expression: Node): boolean {
  let root = unwrap(expression);
  while (/^(Member|OptionalMember|Call|New|Await)Expression$/.test(root.type)) {
    if (root.type === "CallExpression" && isIdentifier(root.callee, "require")) {
      const [module] = root.arguments as Node[];
      return module?.type === "StringLiteral" && !/^[./]/.test(module.value);
    }
    root = unwrap(root.object ?? root.callee ?? root.argument);
  }
  if (!isIdentifier(root)) return false;
  const binding = draft.scopes.bindingOf(root);
  if (!binding) return root !== expression || /^(set\w+|queueMicrotask)$/.test(root.name);
  const { declaration } = binding;
  if (binding.kind === "import") {
    const source = draft.parents.get(declaration)?.source as Node | undefined;
    return source !== undefined && !/^[./]/.test(source.value);
  }
  const init = declaration.type === "VariableDeclarator" ? (declaration.init as Node | null) : null;
  return init !== null && binding.writes.length === 0 && isOfPackage(draft, init);
}
