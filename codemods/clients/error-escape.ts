import { isFunction, isIdentifier, memberName, type Node, walk } from "../shared/ast.js";
import { isNamed } from "./call-events.js";
import { isPropertyName } from "./callback-shape.js";
import type { CallPlan } from "./plan-call.js";

/** May the error of a call reach code around it? Not if a callback or listener looks at it, or logs it, and keeps it to itself. */
export function mayEscape(plan: CallPlan, callback: Node | undefined): boolean {
  switch (plan.kind) {
    case "refused": {
      const [error] = isFunction(callback) ? (callback.params as Node[]) : [];
      return !isFunction(callback) || (error !== undefined && isHandedOn(error, callback.body));
    }
    case "forget":
      return false;
    case "block": {
      const { error, failure } = plan.shape;
      return error !== null && failure !== null && isHandedOn(error, failure);
    }
    case "listeners": {
      if (!plan.error) return false;
      const { callback } = plan.error;
      if (isNamed(callback)) return isIdentifier(callback);
      const [param] = callback.params as Node[];
      return param !== undefined && isHandedOn(param, callback.body);
    }
    default:
      return true;
  }
}

/** Is an error used as a whole, other than in a test or a line of the console? */
function isHandedOn(error: Node, body: Node): boolean {
  if (!isIdentifier(error)) return true;
  let found = false;
  walk(body, (node, parents) => {
    if (!isIdentifier(node, error.name) || isPropertyName(node, parents[0])) return;
    const parent = parents[0] as Node;
    const isRead = memberName(parent) !== undefined && parent.object === node;
    const isTested =
      parent.test === node ||
      (parent.type === "UnaryExpression" && (parent.operator === "!" || parent.operator === "typeof")) ||
      (parent.type === "LogicalExpression" && parent.left === node && parent.operator === "&&");
    const call = parents.find((each) => /^(Optional)?CallExpression$|^NewExpression$|Statement$/.test(each.type));
    const isLogged = call?.type === "CallExpression" && isIdentifier(call.callee.object, "console");
    if (!isRead && !isTested && !isLogged) found = true;
  });
  return found;
}
