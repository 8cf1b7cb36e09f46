import { isIdentifier, memberName, type Node, unwrap, walk } from "../shared/ast.js";
import type { HandlerDraft } from "./handler-draft.js";

/**
 * Does a listener touch nothing but the call and the handler's own variables? Then leaving the loop, after which it runs no
 * more for messages that still arrive, leaves out nothing that anybody could see.
 */
export function isQuiet(draft: HandlerDraft, listener: Node, options: { readonly mayLog?: boolean } = {}): boolean {
  const { scopes, fn, callReferences } = draft;
  const callback = fn.params[1];
  const isLocal = (name: Node) => {
    const binding = isIdentifier(name) ? scopes.bindingOf(name) : undefined;
    return binding !== undefined && fn.start < binding.identifier.start && binding.identifier.end < fn.end;
  };
  const isLocalList = (name: Node) => {
    const declaration = isLocal(name) ? scopes.bindingOf(name)?.declaration : undefined;
    return declaration?.type === "VariableDeclarator" && declaration.init?.type === "ArrayExpression";
  };
  const isQuietCall = (node: Node) => {
    const callee = unwrap(node.callee);
    if (isIdentifier(callee)) {
      const isMaker = /^(String|Number|Boolean|BigInt|Date|Error)$/.test(callee.name) && !scopes.bindingOf(callee);
      return isMaker || (isIdentifier(callback, callee.name) && isLocal(callee));
    }
    if (memberName(callee) === undefined) return false;
    if (callReferences.includes(callee.object)) return true;
    if (memberName(callee) === "push") return isLocalList(callee.object);
    const isGlobal = (name: string) => isIdentifier(callee.object, name) && !scopes.bindingOf(callee.object);
    return isGlobal("Math") || (options.mayLog === true && isGlobal("console"));
  };
  let quiet = true;
  walk(listener, (node) => {
    if (/^(Call|New)Expression$/.test(node.type) && !isQuietCall(node)) quiet = false;
    if (/^(Await|Yield|OptionalCall|TaggedTemplate)Expression$|^ThrowStatement$/.test(node.type)) quiet = false;
    if (node.type === "AssignmentExpression" && !isLocal(node.left)) quiet = false;
    if (node.type === "UpdateExpression" && !isLocal(node.argument)) quiet = false;
    if (node.type === "UnaryExpression" && node.operator === "delete") quiet = false;
    return quiet;
  });
  return quiet;
}
