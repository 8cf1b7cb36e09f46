import { isIdentifier, isWithin, memberName, type Node, unwrap, walk } from "../shared/ast.js";
import type { HandlerDraft } from "./handler-draft.js";

/** Functions of the language that only make a value, and objects whose members do. */
const MAKERS = /^(String|Number|Boolean|BigInt|Date|Error|Map|Set|Array|Object|Metadata)$/;
const MAKER_OBJECTS = /^(Math|Number|Date|JSON|Object|String|Array|process)$/;

/**
 * Does a listener touch nothing but the call, the handler's own variables and values that it made itself? Then it leaves out
 * nothing that anybody could see where it does not run.
 */
export function isQuiet(draft: HandlerDraft, listener: Node, options: { readonly mayLog?: boolean } = {}): boolean {
  const { scopes, fn, callReferences } = draft;
  const callback = fn.params[1];
  const isLocal = (name: Node) => {
    const binding = isIdentifier(name) ? scopes.bindingOf(name) : undefined;
    return binding !== undefined && fn.start < binding.identifier.start && binding.identifier.end < fn.end;
  };
  /** Nobody else holds it: a literal, what a constructor of the language made, or a name for one of them. */
  const isOwn = (value: Node): boolean => {
    const node = unwrap(value);
    if (/^(Array|Object)Expression$|Literal$/.test(node.type)) return true;
    if (node.type === "NewExpression") return isMaker(node.callee);
    if (node.type === "MemberExpression") return node.object.type === "ThisExpression" ? false : isOwn(node.object);
    if (node.type === "CallExpression") return memberName(node.callee) !== undefined && isOwn(node.callee.object);
    const binding = isLocal(node) ? scopes.bindingOf(node) : undefined;
    const init = binding?.declaration.type === "VariableDeclarator" ? (binding.declaration.init as Node | null) : null;
    return init !== null && binding?.writes.length === 0 && !isWithin(node, init) && isOwn(init);
  };
  const isMaker = (callee: Node): boolean =>
    isIdentifier(callee)
      ? MAKERS.test(callee.name) && (callee.name === "Metadata" || !scopes.bindingOf(callee))
      : memberName(callee) === "Metadata" && isIdentifier(callee.object);
  const isQuietCall = (node: Node) => {
    const callee = unwrap(node.callee);
    if (isMaker(callee)) return true;
    if (isIdentifier(callee)) return isIdentifier(callback, callee.name) && isLocal(callee);
    if (memberName(callee) === undefined) return false;
    if (callReferences.includes(callee.object)) return true;
    const isGlobal = (object: Node, names: RegExp) =>
      isIdentifier(object) && names.test(object.name) && !scopes.bindingOf(object);
    return (
      isOwn(callee.object) ||
      (isGlobal(callee.object, MAKER_OBJECTS) &&
        !/^(assign|define|exit|kill|emit|on|once|set)/.test(memberName(callee) ?? "")) ||
      (options.mayLog === true && isGlobal(callee.object, /^console$/))
    );
  };
  let quiet = true;
  walk(listener, (node) => {
    if (/^(Call|New)Expression$/.test(node.type) && !isQuietCall(node)) quiet = false;
    if (/^(Await|Yield|OptionalCall|TaggedTemplate)Expression$|^ThrowStatement$/.test(node.type)) quiet = false;
    if (node.type === "AssignmentExpression" && !isLocal(node.left) && !isOwn(node.left)) quiet = false;
    if (node.type === "UpdateExpression" && !isLocal(node.argument)) quiet = false;
    if (node.type === "UnaryExpression" && node.operator === "delete") quiet = false;
    return quiet;
  });
  return quiet;
}
