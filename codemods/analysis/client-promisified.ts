import { Node } from "ts-morph";
import { withAssertions } from "./around-values.js";
import type { AnalysisProject } from "./project.js";

/** `promisify(client.m)`, `promisify(client.m).bind(client)`, `promisify(client.m.bind(client))`, casts included. */
export function promisifiedAround(project: AnalysisProject, access: Node): Node | undefined {
  const method = bound(access);
  const call = method.getParent();
  if (!Node.isCallExpression(call)) return undefined;
  const given = call.getArguments();
  if (given.length !== 1 || given[0] !== method) return undefined;
  const callee = project.originOf(call.getExpression());
  if (callee.kind !== "external" || callee.module !== "util" || !/^(default\.)?promisify$/.test(callee.path))
    return undefined;
  return bound(call);
}

/** With the assertions and the `bind` around it. */
function bound(node: Node): Node {
  const value = withAssertions(node);
  const access = value.getParent();
  if (!Node.isPropertyAccessExpression(access) || access.getName() !== "bind") return value;
  const call = access.getParent();
  return Node.isCallExpression(call) && call.getArguments().length === 1 ? withAssertions(call) : value;
}
