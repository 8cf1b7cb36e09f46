import { Node } from "ts-morph";
import type { AnalysisProject } from "./project.js";

/** `promisify(client.m)`, `promisify(client.m).bind(client)`, `promisify(client.m.bind(client))`, casts included. */
export function promisifiedAround(project: AnalysisProject, access: Node): Node | undefined {
  let node = access;
  let parent = node.getParent();
  const step = (next: Node) => {
    node = next;
    parent = node.getParent();
  };
  const casts = () => {
    while (
      parent &&
      (Node.isParenthesizedExpression(parent) || Node.isAsExpression(parent) || Node.isNonNullExpression(parent))
    )
      step(parent);
  };
  const bind = () => {
    casts();
    if (!parent || !Node.isPropertyAccessExpression(parent) || parent.getName() !== "bind") return;
    const call = parent.getParent();
    if (call && Node.isCallExpression(call) && call.getArguments().length === 1) step(call);
  };
  bind();
  casts();
  if (
    !parent ||
    !Node.isCallExpression(parent) ||
    parent.getArguments()[0] !== node ||
    parent.getArguments().length !== 1
  )
    return undefined;
  const callee = project.originOf(parent.getExpression());
  if (callee.kind !== "external" || callee.module !== "util" || !/^(default\.)?promisify$/.test(callee.path))
    return undefined;
  step(parent);
  bind();
  casts();
  return node;
}
