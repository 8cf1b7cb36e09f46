import type { CallExpression, Node, ParameterDeclaration } from "ts-morph";
import type { AnalysisProject } from "../analysis/project.js";
import { isFunctionNode } from "./message-syntax.js";

/** The function of the project that an expression is, or stands for. */
export function functionBehind(project: AnalysisProject, value: Node) {
  if (isFunctionNode(value)) return value;
  const origin = project.originOf(value);
  return origin.kind === "function" && isFunctionNode(origin.node) ? origin.node : undefined;
}

/** The parameter that takes an argument in a function of the project, and all that is ever passed for it; undefined where that is not known. */
export function parameterTaking(
  project: AnalysisProject,
  call: CallExpression,
  argument: Node,
): { readonly parameter: ParameterDeclaration; readonly values: readonly (Node | undefined)[] } | undefined {
  const owner = functionBehind(project, call.getExpression());
  const parameter = owner?.getParameters()[call.getArguments().indexOf(argument)];
  const values = parameter && project.valuesPassed(parameter);
  return owner && parameter && values && !/\barguments\b/.test(owner.getText()) ? { parameter, values } : undefined;
}
