import { Node } from "ts-morph";
import { leaksByName } from "./client-leaks.js";
import type { RpcRef } from "./facts.js";
import { isTypeScript } from "./language.js";
import type { AnalysisProject } from "./project.js";

/**
 * `client[method](request, callback)`, of a client without a type, where `method` is a parameter for which every caller passes the name of a unary
 * method. The migrated client answers to these names, too.
 */
export function chosenUnary(project: AnalysisProject, access: Node, service: string): RpcRef | undefined {
  if (!Node.isElementAccessExpression(access)) return undefined;
  if (isTypeScript(access) && !isWrittenAny(project, access.getExpression())) return undefined;
  const name = access.getArgumentExpression();
  const call = access.getParent();
  if (!name || !Node.isIdentifier(name) || !call || !Node.isCallExpression(call)) return undefined;
  const [request] = call.getArguments();
  const callback = call.getArguments().at(-1);
  if (!request || request === callback || !callback || project.originOf(request).kind === "metadata") return undefined;
  const names = namesPassed(project, project.declarationOf(name));
  const isUnary = names?.every((each) => {
    const method = project.protos.methodByLegacyKey(service, each);
    return method && project.protos.rpc(method).kind === "unary";
  });
  if (!names || names.length === 0 || !isUnary) return undefined;
  return { service, method: "*", localName: "*", kind: "unary", input: "", output: "" };
}

/** Does the program say itself that a client has no type, so that it has none either when it is migrated? */
function isWrittenAny(project: AnalysisProject, client: Node): boolean {
  const value = Node.isParenthesizedExpression(client) ? client.getExpression() : client;
  if (Node.isAsExpression(value)) return value.getTypeNode()?.getText() === "any";
  const name = Node.isPropertyAccessExpression(value) ? value.getNameNode() : value;
  const declared = Node.isIdentifier(name) ? project.declarationOf(name) : undefined;
  const isTyped =
    Node.isVariableDeclaration(declared) ||
    Node.isPropertyDeclaration(declared) ||
    Node.isParameterDeclaration(declared);
  return isTyped && declared.getTypeNode()?.getText() === "any";
}

/** The strings that all callers of a function pass for a parameter; undefined if one is not known. */
function namesPassed(project: AnalysisProject, parameter: Node | undefined): string[] | undefined {
  if (!parameter || !Node.isParameterDeclaration(parameter)) return undefined;
  const owner = parameter.getParent();
  if (Node.isMethodDeclaration(owner) && leaksByName(project, owner.getName())) return undefined;
  const names: string[] = [];
  for (const value of project.valuesPassed(parameter) ?? [undefined]) {
    const origin = value && project.originOf(value);
    if (origin?.kind !== "string") return undefined;
    names.push(origin.value);
  }
  return names;
}
