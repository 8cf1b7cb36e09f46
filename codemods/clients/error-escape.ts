import { isFunction, isIdentifier, memberName, type Node, unwrap, walk } from "../shared/ast.js";
import { isNamed } from "./call-events.js";
import { isPropertyName } from "./callback-shape.js";
import type { CallPlan } from "./plan-call.js";

/** Does what is called look at the error only, and give another one for it? */
export type IsTurned = (call: Node, error: Node) => boolean;

/** May the error of a call reach code around it? Not if a callback or listener looks at it, or logs it, and keeps it to itself. */
export function mayEscape(plan: CallPlan, callback: Node | undefined, isTurned: IsTurned): boolean {
  switch (plan.kind) {
    case "refused": {
      const [error] = isFunction(callback) ? (callback.params as Node[]) : [];
      return !isFunction(callback) || (error !== undefined && isHandedOn(error, callback.body, isTurned));
    }
    case "forget":
      return false;
    case "block": {
      const { error, failure } = plan.shape;
      return error !== null && failure !== null && isHandedOn(error, failure, isTurned);
    }
    case "listeners": {
      if (!plan.error) return false;
      const { callback } = plan.error;
      if (isNamed(callback)) return isIdentifier(callback);
      const [param] = callback.params as Node[];
      return param !== undefined && isHandedOn(param, callback.body, isTurned);
    }
    default:
      return true;
  }
}

/** Is an error used as a whole, other than in a test, a line of the console or where another error is made of it? */
export function isHandedOn(param: Node, body: Node, isTurned: IsTurned): boolean {
  if (!isIdentifier(param)) return true;
  let found = false;
  walk(body, (node, parents) => {
    if (!isIdentifier(node, param.name) || isPropertyName(node, parents[0])) return;
    let at = 0;
    while (unwrap(parents[at] as Node) !== parents[at]) at += 1;
    const parent = parents[at] as Node;
    const error = parents[at - 1] ?? node;
    const isRead = memberName(parent) !== undefined && parent.object === error;
    const isTested =
      parent.test === error ||
      (parent.type === "UnaryExpression" && (parent.operator === "!" || parent.operator === "typeof")) ||
      (parent.type === "LogicalExpression" && parent.left === error && parent.operator === "&&");
    const call = parents.find((each) => /^(Optional)?CallExpression$|^NewExpression$|Statement$/.test(each.type));
    const isLogged = call?.type === "CallExpression" && isIdentifier(call.callee.object, "console");
    const isMade = /^(Call|New)Expression$/.test(parent.type) && parent.callee !== error && isTurned(parent, error);
    if (!isRead && !isTested && !isLogged && !isMade) found = true;
  });
  return found;
}
