import { type CallExpression, Node, type ParameterDeclaration } from "ts-morph";
import { memberCall, memberOf } from "./member-calls.js";
import type { AnalysisProject } from "./project.js";

/** `register(server)`: a function that adds services to the server that it is given, and does nothing else with it. */
export interface ServerHelper {
  /** The only call of the function. */
  readonly call: CallExpression;
  readonly parameter: ParameterDeclaration;
  /** The addService calls in the function. */
  readonly adds: readonly CallExpression[];
}

/** The helper that a mention of a server is given to. */
export function helperOf(project: AnalysisProject, server: Node): ServerHelper | undefined {
  const call = server.getParent();
  if (!call || !Node.isCallExpression(call) || !Node.isExpressionStatement(call.getParent())) return undefined;
  const index = call.getArguments().indexOf(server);
  const origin = project.originOf(call.getExpression());
  if (index < 0 || origin.kind !== "function") return undefined;
  const owner = origin.node;
  if (!Node.isFunctionDeclaration(owner) && !Node.isArrowFunction(owner) && !Node.isFunctionExpression(owner))
    return undefined;
  const parameter = owner.getParameters()[index];
  const name = nameOf(owner);
  if (!parameter || !name || owner.isAsync() || !project.isSelected(owner.getSourceFile().getFilePath()))
    return undefined;
  if (parameter.isRestParameter() || parameter.getInitializer() || !Node.isIdentifier(parameter.getNameNode()))
    return undefined;
  const adds = project
    .referencesTo(parameter.getNameNode())
    .filter((reference) => reference !== parameter.getNameNode())
    .map(addServiceCall);
  if (adds.length === 0 || adds.includes(undefined)) return undefined;
  const isOnlyCall = project
    .referencesTo(name)
    .every((reference) => reference === name || isCalleeOf(reference, call) || isMention(reference));
  return isOnlyCall ? { call, parameter, adds: adds as CallExpression[] } : undefined;
}

/** `server.addService(…)` as a statement. */
function addServiceCall(server: Node): CallExpression | undefined {
  const call = memberCall(server);
  return call && memberOf(call) === "addService" && Node.isExpressionStatement(call.getParent()) ? call : undefined;
}

function nameOf(owner: Node): Node | undefined {
  if (Node.isFunctionDeclaration(owner)) return owner.getNameNode();
  const holder = owner.getParent();
  return holder && Node.isVariableDeclaration(holder) ? holder.getNameNode() : undefined;
}

function isCalleeOf(reference: Node, call: CallExpression): boolean {
  const callee = call.getExpression();
  return callee === reference || (Node.isPropertyAccessExpression(callee) && callee.getNameNode() === reference);
}

/** Where a name is imported or exported, and not used. */
function isMention(reference: Node): boolean {
  const parent = reference.getParentOrThrow();
  return (
    Node.isImportSpecifier(parent) ||
    Node.isExportSpecifier(parent) ||
    Node.isImportClause(parent) ||
    Node.isBindingElement(parent) ||
    Node.isShorthandPropertyAssignment(parent) ||
    (Node.isBinaryExpression(parent) &&
      parent.getRight() === reference &&
      /^(module\.)?exports\b/.test(parent.getLeft().getText()))
  );
}
