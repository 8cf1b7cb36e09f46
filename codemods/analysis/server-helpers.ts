import {
  type CallExpression,
  type ClassDeclaration,
  type FunctionDeclaration,
  type MethodDeclaration,
  type NewExpression,
  Node,
  type ParameterDeclaration,
} from "ts-morph";
import { isExportedProperty } from "./exports.js";
import { memberCall, memberOf } from "./member-calls.js";
import { isExtended, isOnlyItself } from "./own-members.js";
import type { AnalysisProject } from "./project.js";
import { isPart } from "./server-parts.js";

/** A call that adds services to a server: of a member, or of a function that is given the server. */
export type AddingCall = CallExpression | NewExpression;

/**
 * `register(server)`, `new Health(server)`, `service.register(server)`: a function that adds services to the server that it is
 * given, and does nothing else with it.
 */
export interface ServerHelper {
  /** The only call of the function. */
  readonly call: AddingCall;
  readonly parameter: ParameterDeclaration;
  /** The addService and addToServer calls in the function. */
  readonly adds: readonly CallExpression[];
}

/** The helper that a mention of a server is given to. */
export function helperOf(project: AnalysisProject, server: Node): ServerHelper | undefined {
  const call = server.getParent();
  if (!Node.isCallExpression(call) && !Node.isNewExpression(call)) return undefined;
  if (!isStatement(call)) return undefined;
  const index = call.getArguments().indexOf(server);
  const named = index < 0 ? undefined : functionOf(project, call);
  if (!named || !project.isSelected(named.owner.getSourceFile().getFilePath())) return undefined;
  const parameter = named.owner.getParameters()[index];
  if (!parameter || ("isAsync" in named.owner && named.owner.isAsync())) return undefined;
  if (
    parameter.isRestParameter() ||
    parameter.getInitializer() ||
    parameter.isParameterProperty() ||
    !Node.isIdentifier(parameter.getNameNode())
  )
    return undefined;
  const adds = project
    .referencesTo(parameter.getNameNode())
    .filter((reference) => reference !== parameter.getNameNode())
    .map((reference) => addCall(project, reference));
  if (adds.length === 0 || adds.includes(undefined)) return undefined;
  const isOnlyCall = project
    .referencesTo(named.name)
    .every((reference) => reference === named.name || isCalleeOf(reference, call) || isMention(reference));
  return isOnlyCall && !mayBeGiven(project, named.name.getText(), index)
    ? { call, parameter, adds: adds as CallExpression[] }
    : undefined;
}

/** `plugin.register(server)` of something that nothing is known about: may it be a function of this name, and get a server? */
function mayBeGiven(project: AnalysisProject, name: string, index: number): boolean {
  return project.identifiersNamed(name).some((each) => {
    const access = each.getParent();
    const call = access?.getParent();
    if (!Node.isPropertyAccessExpression(access) || access.getNameNode() !== each) return false;
    if (!Node.isCallExpression(call) || call.getExpression() !== access) return false;
    const given = call.getArguments()[index];
    return (
      given !== undefined &&
      project.originOf(access).kind === "unknown" &&
      project.originOf(access.getExpression()).kind === "unknown" &&
      /^(server|unknown)$/.test(project.originOf(given).kind)
    );
  });
}

/** A statement of its own, or one that keeps what the call gives. */
function isStatement(call: AddingCall): boolean {
  const parent = call.getParent();
  if (Node.isVariableDeclaration(parent)) return parent.getVariableStatement()?.getDeclarations().length === 1;
  if (!Node.isBinaryExpression(parent)) return Node.isExpressionStatement(parent);
  return (
    parent.getRight() === call &&
    parent.getOperatorToken().getText() === "=" &&
    Node.isExpressionStatement(parent.getParent())
  );
}

interface Named {
  readonly owner: FunctionDeclaration | MethodDeclaration | ({ getParameters(): ParameterDeclaration[] } & Node);
  readonly name: Node;
}

/** The function that a call runs, and its name. */
function functionOf(project: AnalysisProject, call: AddingCall): Named | undefined {
  const origin = project.originOf(call.getExpression());
  if (Node.isNewExpression(call)) {
    const owner = origin.kind === "class" && Node.isClassDeclaration(origin.node) ? origin.node : undefined;
    const name = owner?.getNameNode();
    const [own] = owner?.getConstructors() ?? [];
    return owner && name && own && !isOverridable(project, owner) ? { owner: own, name } : undefined;
  }
  if (origin.kind !== "function") return undefined;
  const owner = origin.node;
  if (Node.isMethodDeclaration(owner)) {
    return isOnlyItself(project, owner) ? { owner, name: owner.getNameNode() } : undefined;
  }
  if (!Node.isFunctionDeclaration(owner) && !Node.isArrowFunction(owner) && !Node.isFunctionExpression(owner))
    return undefined;
  const holder = owner.getParent();
  const name = Node.isFunctionDeclaration(owner)
    ? owner.getNameNode()
    : Node.isVariableDeclaration(holder)
      ? holder.getNameNode()
      : undefined;
  return name && { owner, name };
}

/** Other classes may call it, too, or have another one in its place. */
function isOverridable(project: AnalysisProject, owner: ClassDeclaration): boolean {
  return owner.getExtends() !== undefined || isExtended(project, owner);
}

/** `server.addService(…)` or `health.addToServer(server)` as a statement. */
function addCall(project: AnalysisProject, server: Node): CallExpression | undefined {
  const call = memberCall(server) ?? partCall(project, server);
  const isAdd = call && /^(addService|addToServer)$/.test(memberOf(call));
  return isAdd && Node.isExpressionStatement(call.getParent()) ? call : undefined;
}

/** `healthImpl.addToServer(server)`. */
export function partCall(project: AnalysisProject, server: Node): CallExpression | undefined {
  const call = server.getParent();
  return Node.isCallExpression(call) && call.getArguments()[0] === server && isPart(project, call) ? call : undefined;
}

function isCalleeOf(reference: Node, call: AddingCall): boolean {
  const callee = call.getExpression();
  return callee === reference || (Node.isPropertyAccessExpression(callee) && callee.getNameNode() === reference);
}

/** Where a name is imported or exported, and not used: out of an object of its own anyone may call it. */
function isMention(reference: Node): boolean {
  const parent = reference.getParentOrThrow();
  return (
    Node.isImportSpecifier(parent) ||
    Node.isExportSpecifier(parent) ||
    Node.isImportClause(parent) ||
    Node.isBindingElement(parent) ||
    Node.isTypeReference(parent) ||
    (Node.isShorthandPropertyAssignment(parent) && isExportedProperty(parent)) ||
    (Node.isBinaryExpression(parent) &&
      parent.getRight() === reference &&
      /^(module\.)?exports\b/.test(parent.getLeft().getText()))
  );
}
