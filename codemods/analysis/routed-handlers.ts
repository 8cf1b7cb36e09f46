import { Node } from "ts-morph";
import { bodyOf } from "./function-bodies.js";
import type { AnalysisProject } from "./project.js";
import { membersOf } from "./server-members.js";

const routed = new WeakMap<AnalysisProject, ReadonlySet<Node>>();

/** Where the body of the handler begins that a node stands in, if a router waits for what that gives: `router.service(Store, handlers)`. */
export function handlerAround(project: AnalysisProject, node: Node): number | null {
  const handlers = routedHandlers(project);
  const handler = handlers.size > 0 ? node.getFirstAncestor((up) => handlers.has(up)) : undefined;
  return (handler && bodyOf(handler)?.getStart()) ?? null;
}

function routedHandlers(project: AnalysisProject): ReadonlySet<Node> {
  const known = routed.get(project);
  if (known) return known;
  const found = new Set<Node>();
  for (const name of project.identifiersNamed("service")) {
    const callee = name.getParent();
    const call = callee?.getParent();
    if (!Node.isPropertyAccessExpression(callee) || callee.getNameNode() !== name) continue;
    if (!Node.isCallExpression(call) || call.getExpression() !== callee) continue;
    const [service, handlers] = call.getArguments();
    if (!handlers || !service || Node.isStringLiteral(service)) continue;
    // What stands behind a spread has its place.
    const members = new Map((membersOf(project, handlers)?.members ?? []).map(({ key, handler }) => [key, handler]));
    for (const handler of members.values()) if (handler) found.add(handler);
  }
  routed.set(project, found);
  return found;
}
