import {
  ancestorOf,
  functionOf,
  isFunction,
  isIdentifier,
  isNothing,
  isWithin,
  memberName,
  type Node,
  type Parents,
  statementOf,
  unwrap,
  walk,
} from "../shared/ast.js";
import { type HandlerDraft, refuse } from "./handler-draft.js";

/** Methods of the language that change what they are called on. */
const MUTATORS = /^(push|pop|shift|unshift|splice|sort|reverse|fill|set|add|delete|clear|copyWithin)$/;

/**
 * grpc-js puts a message into bytes as soon as the callback has it, and makes the status later: code behind the reply does not
 * change the message any more, but the trailers, and an error behind it is the answer (matrix E-24). A promise does none of that.
 */
export function refuseLateChanges(draft: HandlerDraft, call: Node, value: Node, trailers: Node | null): void {
  const { parents, scopes, callReferences, callback } = draft;
  const around = functionOf(call, parents);
  const statement = statementOf(call, parents);
  if (!statement || functionOf(statement, parents) !== around || statement.type === "ReturnStatement") return;
  const isThrown = (node: Node) =>
    node.type === "TryStatement" && !node.handler && node.finalizer && isWithin(call, node.finalizer);
  if (ancestorOf(call, parents, (node) => node === around || isThrown(node)) !== around)
    refuse("code-after-reply", "a reply in finally, behind what may be thrown");
  const rest = statementsBehind(statement, parents);
  const isBehind = (node: Node) =>
    functionOf(node, parents) === around && rest.some((behind) => behind.start <= node.start && node.end <= behind.end);
  const usesBehind = (name: Node | null | undefined) =>
    isIdentifier(name) ? (scopes.bindingOf(name)?.references ?? []).filter(isBehind) : [];
  if (usesBehind(trailers).length > 0) refuse("code-after-reply", "trailers that are used behind the reply");
  const isSending = (reference: Node) => memberName(parents.get(reference) as Node) === "sendMetadata";
  if (callReferences.some((reference) => isBehind(reference) && isSending(reference)))
    refuse("code-after-reply", "headers that are sent behind the reply");
  if (usesBehind(callback).some((use) => !isSuccess(parents.get(use))))
    refuse("code-after-reply", "an error behind the reply");
  for (const behind of rest)
    walk(behind, (node) => {
      if (isFunction(node)) return false;
      if (node.type === "ThrowStatement") refuse("code-after-reply", "a throw behind the reply");
      return undefined;
    });
  if (isChangedIn(rest, value, parents)) refuse("code-after-reply", "the message is changed behind the reply");
}

/** `call.write(state); state.count += 1;`: a stream that is pushed would send it as it is when its turn comes. */
export function refuseChangedMessage({ parents }: HandlerDraft, call: Node, value: Node): void {
  const statement = statementOf(call, parents);
  if (statement && isChangedIn(statementsBehind(statement, parents), value, parents))
    refuse("code-after-reply", "a message is changed behind call.write");
}

/** Do statements change something that a value is made of, as far as they say so? */
function isChangedIn(statements: readonly Node[], value: Node, parents: Parents): boolean {
  const names = new Set<string>();
  walk(value, (node) => {
    if (isIdentifier(node) && !isFunction(parents.get(node))) names.add(node.name);
    if (node.type === "ThisExpression") names.add("this");
  });
  let isChanged = false;
  for (const statement of statements)
    walk(statement, (node) => {
      if (isFunction(node)) return false;
      const changed = changedBy(node);
      const root = changed && rootOf(changed);
      isChanged ||= root !== undefined && names.has(root);
      return undefined;
    });
  return isChanged;
}

/** The statements that run after one, in its function. */
function statementsBehind(statement: Node, parents: Parents): readonly Node[] {
  const behind: Node[] = [];
  for (let node = statement, parent = parents.get(node); parent && !isFunction(parent); ) {
    const list = [parent.body, parent.consequent].find((each) => Array.isArray(each) && each.includes(node)) as Node[];
    for (const next of list?.slice(list.indexOf(node) + 1) ?? []) {
      behind.push(next);
      if (next.type === "ReturnStatement") return behind;
    }
    node = parent;
    parent = parents.get(parent);
  }
  return behind;
}

/** A second message: grpc-js's client waits for its deadline then (matrix E-23). */
function isSuccess(call: Node | undefined): boolean {
  return call?.type === "CallExpression" && isNothing(call.arguments[0]);
}

/** The object that an expression changes a member of. */
function changedBy(node: Node): Node | undefined {
  const member = (target: Node) => (memberOf(target) ? (target.object as Node) : undefined);
  if (node.type === "AssignmentExpression") return member(node.left);
  if (node.type === "UpdateExpression" || (node.type === "UnaryExpression" && node.operator === "delete"))
    return member(unwrap(node.argument));
  if (node.type !== "CallExpression") return undefined;
  const method = memberName(node.callee) ?? "";
  if (method === "assign" && isIdentifier(node.callee.object, "Object")) return node.arguments[0];
  return MUTATORS.test(method) ? node.callee.object : undefined;
}

function memberOf({ type }: Node): boolean {
  return type === "MemberExpression" || type === "OptionalMemberExpression";
}

function rootOf(node: Node): string | undefined {
  let root = unwrap(node);
  while (memberOf(root)) root = unwrap(root.object);
  return isIdentifier(root) ? root.name : root.type === "ThisExpression" ? "this" : undefined;
}
