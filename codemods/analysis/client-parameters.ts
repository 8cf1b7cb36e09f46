import { Node } from "ts-morph";
import type { AnalysisProject } from "./project.js";

/** The parameter that takes an argument of a call. */
export function parameterOf(project: AnalysisProject, call: Node, index: number): Node | undefined {
  const callee = (call as import("ts-morph").CallExpression).getExpression();
  const origin = project.originOf(callee);
  const parameters =
    origin.kind === "function"
      ? (origin.node as unknown as { getParameters?(): Node[] }).getParameters?.()
      : origin.kind === "class"
        ? (origin.node as import("ts-morph").ClassDeclaration).getConstructors()[0]?.getParameters()
        : methodParameters(callee);
  return parameters?.[index];
}

export function isParameterAClient(project: AnalysisProject, parameter: Node | undefined): boolean {
  const taken = parameter && project.originOf(parameter);
  // `client: grpc.Client` takes clients of all services.
  return taken?.kind === "client" && taken.service !== "";
}

function methodParameters(callee: Node): Node[] | undefined {
  const declaration = Node.isPropertyAccessExpression(callee)
    ? callee.getNameNode().getSymbol()?.getValueDeclaration()
    : undefined;
  return declaration && Node.isMethodDeclaration(declaration) ? declaration.getParameters() : undefined;
}
