import { Node } from "ts-morph";
import type { Call, Service } from "./client-services.js";
import type { AnalysisProject } from "./project.js";

/**
 * What streams the calls of clients have. A listener gets each message right behind grpc-js's interceptors; a loop over a Readable
 * gets it when they may have seen the next ones.
 */
export type Streams = "none" | "listeners" | "loops" | "unknown";

const ALL: readonly Streams[] = ["unknown", "loops", "listeners"];

/** The streams of these clients' calls, of which those that are known least count. */
export function streamsOf(project: AnalysisProject, services: readonly (Service | undefined)[]): Streams {
  const found = services.flatMap((service): Streams[] => {
    if (!service) return ["unknown"];
    const methods = project.protos.service(service.name)?.methods;
    if (methods?.every((method) => method.methodKind === "unary")) return [];
    // Where a use is not known any method may be called.
    return service.obstacles.length > 0 ? ["unknown"] : service.calls.map((call) => streamsOfCall(project, call));
  });
  return ALL.find((each) => found.includes(each)) ?? "none";
}

function streamsOfCall(project: AnalysisProject, { node, rpc, plan, form }: Call): Streams {
  if (rpc.kind === "unary") return "none";
  if (form !== "client") return "unknown";
  switch (plan.kind) {
    case "listeners":
    case "block":
    case "handed":
      return "listeners";
    case "refused":
      // It stays on a stream of Node, in the shape that grpc-js has.
      return rpc.kind === "client_streaming" || isListenedTo(project, node) ? "listeners" : "loops";
    case "plain":
      return rpc.kind === "client_streaming" ? "unknown" : "loops";
    default:
      return "unknown";
  }
}

const EVENTS = /^["'`](?:metadata|data|status|error|end|finish|drain|close)["'`]$/;

/**
 * Is a call's stream in a variable, on which nothing is called but what writes, cancels or adds listeners, that of its messages in
 * the same turn?
 */
function isListenedTo(project: AnalysisProject, call: Node): boolean {
  const declaration = call.getParent();
  const name = Node.isVariableDeclaration(declaration) ? declaration.getNameNode() : undefined;
  const statement = call.getFirstAncestor((up) => Node.isStatement(up));
  if (!Node.isIdentifier(name) || !statement) return false;
  let isRead = false;
  const isKnown = project.referencesTo(name).every((reference) => {
    if (reference === name) return true;
    const member = reference.getParent();
    const use = member?.getParent();
    if (!Node.isPropertyAccessExpression(member) || !Node.isCallExpression(use) || use.getExpression() !== member)
      return false;
    // Chained calls would have to be looked at, too.
    if (Node.isPropertyAccessExpression(use.getParent())) return false;
    if (/^(?:write|end|cancel)$/.test(member.getName())) return true;
    const event = use.getArguments()[0]?.getText() ?? "";
    if (event.slice(1, -1) === "data" && isInTurnOf(statement, use.getParent())) isRead = true;
    return /^(?:on|once)$/.test(member.getName()) && EVENTS.test(event);
  });
  return isKnown && isRead;
}

/** Does a statement follow another with nothing between that waits or leaves? */
function isInTurnOf(first: Node, then: Node | undefined): boolean {
  if (!then || first.getParent() !== then.getParent()) return false;
  return !first
    .getNextSiblings()
    .filter((each) => each.getPos() < then.getPos())
    .some((each) => /\b(?:await|return|throw|yield|break|continue)\b/.test(each.getText()));
}
