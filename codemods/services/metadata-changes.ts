import { isFunction, isIdentifier, isWithin, memberName, type Node } from "../shared/ast.js";
import type { Scopes } from "../shared/scope.js";
import { type HandlerDraft, refuse } from "./handler-draft.js";

const READS = /^(get|getMap|getOptions|toJSON|toHttp2Headers|clone)$/;

/**
 * What a handler changes in the metadata of its request (`call.metadata.set("user", id)`) is seen by what reads it later. Every
 * use of `call.metadata` becomes a copy of its own, so a handler that changes it keeps its shape. A function that is given the
 * metadata counts as a reader unless it stands in this file and shows otherwise.
 *
 * @param value `call.metadata`, the call that it is taken from, or the name of the parameter that takes it
 * @param user what the value stands in
 * @param name what it is called from here on, if `user` does not say so
 */
export function refuseChanges(draft: HandlerDraft, value: Node, user: Node, name = namedBy(value, user, draft)): void {
  const method = user.object === value ? memberName(user) : undefined;
  const isChanged = method === undefined ? isSeenElsewhere(draft, value) && changes(draft, name) : !READS.test(method);
  if (isChanged) refuse("call-escapes", "call.metadata is changed");
}

function isSeenElsewhere({ callReferences, parents, scopes }: HandlerDraft, value: Node): boolean {
  const isTaken = isIdentifier(value) && !callReferences.includes(value);
  if (isTaken) return scopes.bindingOf(value)?.references.some((use) => use !== value) ?? false;
  return callReferences.some((reference) => {
    const parent = parents.get(reference) as Node;
    return !isWithin(reference, value) && (parent.object !== reference || memberName(parent) === "metadata");
  });
}

function changes({ parents, scopes }: HandlerDraft, name: Node | undefined): boolean {
  const uses = name ? (scopes.bindingOf(name)?.references ?? []) : [];
  return uses.some((use) => {
    const parent = parents.get(use) as Node;
    return parent.object === use && !READS.test(memberName(parent) ?? "get");
  });
}

/** The variable that a value is kept in, or the parameter that it is given for, of a function in this file. */
function namedBy(value: Node, user: Node, { scopes }: { readonly scopes: Scopes }): Node | undefined {
  if (user.type === "VariableDeclarator") return isIdentifier(user.id) ? user.id : undefined;
  if (user.type !== "CallExpression" || !isIdentifier(user.callee)) return undefined;
  const declaration = scopes.bindingOf(user.callee)?.declaration;
  const called = isFunction(declaration) ? declaration : declaration?.init;
  const parameter = isFunction(called) ? called.params[(user.arguments as Node[]).indexOf(value)] : undefined;
  return isIdentifier(parameter) ? parameter : undefined;
}
