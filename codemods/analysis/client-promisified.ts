import { Node } from "ts-morph";
import { withAssertions } from "./around-values.js";
import { ownPromisify } from "./own-promisify.js";
import type { AnalysisProject } from "./project.js";

export interface Promisified {
  readonly whole: Node;
  /** How many arguments it takes, where a function of the project says so. */
  readonly arity: number | undefined;
}

/**
 * `promisify(client.m)`, `promisify(client.m).bind(client)`, `promisify(client.m.bind(client))`, casts included, also by a function of the project
 * that does the same.
 */
export function promisifiedAround(project: AnalysisProject, access: Node): Promisified | undefined {
  const method = bound(access);
  const call = method.getParent();
  if (!Node.isCallExpression(call)) return undefined;
  const given = call.getArguments();
  if (given.length !== 1 || given[0] !== method) return undefined;
  const callee = project.originOf(call.getExpression());
  if (callee.kind === "function") {
    const own = method === withAssertions(access) ? undefined : ownPromisify(callee.node);
    return own && { whole: withAssertions(call), arity: own.arity };
  }
  if (callee.kind !== "external" || callee.module !== "util" || !/^(default\.)?promisify$/.test(callee.path))
    return undefined;
  return { whole: bound(call), arity: undefined };
}

/** With the assertions and the `bind` around it. */
function bound(node: Node): Node {
  const value = withAssertions(node);
  const access = value.getParent();
  if (!Node.isPropertyAccessExpression(access) || access.getName() !== "bind") return value;
  const call = access.getParent();
  return Node.isCallExpression(call) && call.getArguments().length === 1 ? withAssertions(call) : value;
}
