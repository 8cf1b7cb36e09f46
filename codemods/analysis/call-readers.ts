import { Node, SyntaxKind } from "ts-morph";
import { isAssignmentTarget } from "../messages/message-syntax.js";
import type { HelpedCall, ReadCall } from "../services/handler-draft.js";
import { BRIDGE_MODULE } from "../shared/imports.js";
import { memberCall, memberOf } from "./member-calls.js";
import { isOnlyItself } from "./own-members.js";
import type { AnalysisProject } from "./project.js";

/** What a function reads of a call that it is given; `request`: its message, too. */
type Reading = "call" | "request";

const MEMBER_CALLS = /^get(Peer|Path|Host|Deadline|AuthContext)$/;
const METADATA_READS = /^(get|getMap|toJSON|toHttp2Headers|clone)$/;

/**
 * The places in a handler where its call goes to a function of the project that only reads it: whose call it is, its metadata,
 * its deadline, its request (`isAuthorized(call)`); or to another call, as its parent.
 */
export function readCallsIn(
  project: AnalysisProject,
  handler: Node,
  helped: readonly HelpedCall[] = [],
): readonly ReadCall[] {
  const [call, callback] = Node.isParametered(handler) ? handler.getParameters() : [];
  const name = call?.getNameNode();
  if (!Node.isIdentifier(name)) return [];
  const callbacks = callback ? usesOf(project, callback.getNameNode()) : [];
  return usesOf(project, name).flatMap((use): ReadCall[] => {
    if (isParent(project, use)) return [{ start: use.getStart(), readsRequest: false, isParent: true }];
    // What is given the callback, too, replies: another handler, which may change itself. A guard is not given it any more.
    const asked = use.getParent();
    const isGuard = helped.some(({ start, guard }) => guard !== null && start === asked?.getStart());
    if (!isGuard && callbacks.some((each) => asked?.containsRange(each.getPos(), each.getEnd()))) return [];
    const reading = givenReading(project, use, new Set());
    return reading ? [{ start: use.getStart(), readsRequest: reading === "request", isParent: false }] : [];
  });
}

/** Where a handler's callback is that of a client's call: `client.getItem(call.request, callback)`. */
export function askedIn(project: AnalysisProject, handler: Node): readonly number[] {
  const [, callback] = Node.isParametered(handler) ? handler.getParameters() : [];
  const name = callback?.getNameNode();
  return (Node.isIdentifier(name) ? usesOf(project, name) : []).flatMap((use) => {
    const call = use.getParent();
    if (!Node.isCallExpression(call) || call.getArguments().at(-1) !== use) return [];
    return isOfClient(project, call.getExpression()) ? [call.getStart()] : [];
  });
}

/** Where calls of clients begin that a handler keeps under a name: `const up = backend.chat();`. */
export function upstreamIn(project: AnalysisProject, handler: Node): readonly number[] {
  return handler.getDescendantsOfKind(SyntaxKind.VariableDeclaration).flatMap((declaration) => {
    const call = declaration.getInitializer();
    return Node.isCallExpression(call) && isOfClient(project, call.getExpression()) ? [call.getStart()] : [];
  });
}

/** `client.getItem` */
function isOfClient(project: AnalysisProject, callee: Node): boolean {
  return Node.isPropertyAccessExpression(callee) && project.originOf(callee.getExpression()).kind === "client";
}

/** `client.getItem(request, { parent: call }, callback)`, also of a client that has moved. */
function isParent(project: AnalysisProject, use: Node): boolean {
  const property = use.getParent();
  if (!Node.isPropertyAssignment(property) || property.getName() !== "parent") return false;
  const options = property.getParent();
  const call = options.getParent();
  if (!Node.isCallExpression(call) || !call.getArguments().includes(options)) return false;
  const callee = call.getExpression();
  if (Node.isPropertyAccessExpression(callee)) return isOfClient(project, callee);
  const origin = project.originOf(callee);
  return origin.kind === "external" && origin.module === BRIDGE_MODULE && origin.path === "callOptionsFrom";
}

/**
 * What the function reads that a use of a call is an argument for; undefined if it does anything else with it. `seen`: parameters
 * that are asked about already, since functions may call one another.
 */
function givenReading(project: AnalysisProject, use: Node, seen: Set<Node>): Reading | undefined {
  const call = use.getParent();
  if (!Node.isCallExpression(call)) return undefined;
  const given = call.getArguments();
  const index = given.indexOf(use);
  if (index < 0 || given.slice(0, index).some((argument) => Node.isSpreadElement(argument))) return undefined;
  // A function that somebody else chose may be a handler.
  const callee = call.getExpression();
  if (Node.isIdentifier(callee) && Node.isParameterDeclaration(project.declarationOf(callee))) return undefined;
  const origin = project.originOf(callee);
  if (origin.kind !== "function" || !Node.isParametered(origin.node)) return undefined;
  if (Node.isMethodDeclaration(origin.node) && !isOnlyItself(project, origin.node)) return undefined;
  const parameter = origin.node.getParameters()[index];
  if (!parameter || parameter.isRestParameter() || parameter.getInitializer() || parameter.isParameterProperty())
    return undefined;
  if (seen.has(parameter)) return "call";
  seen.add(parameter);
  if (!Node.isArrowFunction(origin.node) && /\barguments\b/.test(origin.node.getText())) return undefined;
  const name = parameter.getNameNode();
  return Node.isObjectBindingPattern(name)
    ? takenApart(project, name)
    : all(usesOf(project, name).map((each) => useReading(project, each, seen)));
}

function usesOf(project: AnalysisProject, name: Node): readonly Node[] {
  return project.referencesTo(name).filter((use) => use !== name);
}

function all(readings: readonly (Reading | undefined)[]): Reading | undefined {
  if (readings.includes(undefined)) return undefined;
  return readings.includes("request") ? "request" : "call";
}

function useReading(project: AnalysisProject, use: Node, seen: Set<Node>): Reading | undefined {
  const parent = use.getParentOrThrow();
  if (Node.isVariableDeclaration(parent) && parent.getInitializer() === use) {
    const name = parent.getNameNode();
    return Node.isObjectBindingPattern(name) ? takenApart(project, name) : undefined;
  }
  if (!Node.isPropertyAccessExpression(parent) || parent.getExpression() !== use)
    return givenReading(project, use, seen);
  const member = parent.getName();
  if (MEMBER_CALLS.test(member)) return memberCall(use) && "call";
  if (isAssignmentTarget(parent)) return undefined;
  if (member === "request") return "request";
  if (member === "cancelled") return "call";
  return member === "metadata" && readsMetadata(project, parent) ? "call" : undefined;
}

/** `const { metadata, request } = call`. */
function takenApart(project: AnalysisProject, pattern: Node): Reading | undefined {
  if (!Node.isObjectBindingPattern(pattern)) return undefined;
  return all(
    pattern.getElements().map((element): Reading | undefined => {
      const name = element.getNameNode();
      const key = element.getPropertyNameNode() ?? name;
      if (element.getDotDotDotToken() || element.getInitializer() || !Node.isIdentifier(key)) return undefined;
      if (key.getText() === "request") return "request";
      if (key.getText() !== "metadata" || !Node.isIdentifier(name)) return undefined;
      return usesOf(project, name).every((use) => readsMetadata(project, use)) ? "call" : undefined;
    }),
  );
}

/** Is metadata only asked for its values there? */
function readsMetadata(project: AnalysisProject, metadata: Node): boolean {
  const parent = metadata.getParentOrThrow();
  if (Node.isVariableDeclaration(parent) && parent.getInitializer() === metadata) {
    const name = parent.getNameNode();
    return Node.isIdentifier(name) && usesOf(project, name).every((use) => readsMetadata(project, use));
  }
  const call = memberCall(metadata);
  return call !== undefined && METADATA_READS.test(memberOf(call));
}
