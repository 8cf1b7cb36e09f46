import { Node, type SourceFile, VariableDeclarationKind } from "ts-morph";
import { localDeclaration } from "./assignments.js";
import { pathWalk } from "./path-walk.js";
import type { AnalysisProject } from "./project.js";

/** What stands for the name of a service that is not known before the program runs. */
export const ANY_SERVICE = "*";

/** `new root.shop[name](address, credentials)`: a client of a service that is chosen when the program runs. */
export function isVaryingClient(project: AnalysisProject, node: Node): boolean {
  return (
    Node.isNewExpression(node) &&
    project.originOf(node).kind === "unknown" &&
    isChosenConstructor(project, node.getExpression())
  );
}

function isChosenConstructor(project: AnalysisProject, callee: Node): boolean {
  if (Node.isElementAccessExpression(callee)) return isLoaded(project, callee.getExpression());
  if (Node.isConditionalExpression(callee))
    return [callee.getWhenTrue(), callee.getWhenFalse()].every((each) => isConstructor(project, each));
  const value = constantOf(callee);
  return value !== undefined && isChosenConstructor(project, value);
}

/** What loadPackageDefinition gives, or a part of it that is chosen when the program runs: whatever can be made of it is a client. */
function isLoaded(project: AnalysisProject, node: Node): boolean {
  const origin = project.originOf(node).kind;
  if (origin !== "unknown") return origin === "grpc-object";
  if (Node.isElementAccessExpression(node) || Node.isPropertyAccessExpression(node))
    return isLoaded(project, node.getExpression());
  const root = pathWalk(node)?.root ?? constantOf(node);
  return root !== undefined && isLoaded(project, root);
}

function constantOf(name: Node): Node | undefined {
  const declaration = Node.isIdentifier(name) ? localDeclaration(name) : undefined;
  if (!Node.isVariableDeclaration(declaration)) return undefined;
  const kind = declaration.getVariableStatement()?.getDeclarationKind();
  return kind === VariableDeclarationKind.Const ? declaration.getInitializer() : undefined;
}

function isConstructor(project: AnalysisProject, node: Node): boolean {
  const origin = project.originOf(node);
  return (
    origin.kind === "client-constructor" ||
    (origin.kind === "grpc-object" && project.protos.service(origin.path) !== undefined)
  );
}

/** An option that some call may have and no transport takes, where it is not known whose calls they are. */
export function optionOfUnknownCalls(files: readonly SourceFile[]): string | undefined {
  const option = /\b(interceptors|interceptor_providers|credentials)\s*:\s*(?!true\b|false\b|['"`])/;
  for (const file of files) {
    const found = option.exec(file.getFullText());
    if (found) return found[1];
  }
  return undefined;
}
