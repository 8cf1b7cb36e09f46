import { keyName, memberName, type Node, withCasts } from "../shared/ast.js";
import { type HandlerDraft, refuse } from "./handler-draft.js";

/**
 * `call.user`, `call["user"]` or `(call as any).user`, where handlers and wrappers put `user` on the call: it is read or set in the
 * values of the context. False for another use of the call.
 */
export function planProperty(draft: HandlerDraft, reference: Node): boolean {
  const { parents, steps } = draft;
  const call = withCasts(reference, parents);
  const node = parents.get(call) as Node;
  const name = node.type === "MemberExpression" && node.object === call ? memberName(node) : undefined;
  if (name === undefined || !draft.properties.has(name)) return false;
  const value = withCasts(node, parents);
  const whole = parents.get(value) as Node;
  if (value === node && whole.type === "AssignmentExpression" && whole.left === node) {
    if (whole.operator !== "=" || parents.get(whole)?.type !== "ExpressionStatement")
      refuse("call-escapes", `call.${name} is assigned and used at once`);
    steps.push({ kind: "set-property", node: whole, name, value: whole.right });
  } else {
    if (isTarget(value, whole, parents.get(whole))) refuse("call-escapes", `call.${name} is assigned`);
    // As a function it would have another `this`.
    if (whole.callee === value || whole.tag === value) refuse("call-escapes", `call.${name} is called`);
    steps.push({ kind: "property", node, name });
  }
  draft.needsContext = true;
  return true;
}

/** The name of the member that a part of `const { user } = call` takes, where it is written out. */
export function memberOfPart(part: Node): string | undefined {
  return part.type === "ObjectProperty" && !part.computed ? keyName(part) : undefined;
}

/** The same, if it is a property that handlers and wrappers put on the call. */
export function propertyOfPart({ properties }: HandlerDraft, part: Node): string | undefined {
  const name = memberOfPart(part);
  return name !== undefined && properties.has(name) ? name : undefined;
}

/** Is a value given to an expression, or is it deleted? */
function isTarget(value: Node, whole: Node, around: Node | undefined): boolean {
  switch (whole.type) {
    case "AssignmentExpression":
    case "AssignmentPattern":
    case "ForOfStatement":
    case "ForInStatement":
      return whole.left === value;
    case "UnaryExpression":
      return whole.operator === "delete";
    case "ObjectProperty":
      return around?.type === "ObjectPattern" && whole.value === value;
    default:
      return /^(UpdateExpression|ArrayPattern|RestElement)$/.test(whole.type);
  }
}
