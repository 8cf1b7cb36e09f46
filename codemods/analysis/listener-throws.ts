import { Node, type SourceFile } from "ts-morph";
import { MAY_THROW } from "../clients/call-events.js";
import type { CallPlan } from "../clients/plan-call.js";
import { isIdentifier } from "../shared/ast.js";
import { nodeOf } from "./client-trees.js";
import type { AnalysisProject } from "./project.js";

/**
 * Is a parameter the data listener of a stream, for which some caller passes a function that throws? That is an uncaught exception of
 * grpc-js, which a loop would take for an error of the call.
 */
export function mayListenerThrow(project: AnalysisProject, file: SourceFile, plan: CallPlan): boolean {
  if (plan.kind !== "listeners" || !plan.error || !isIdentifier(plan.data.callback)) return false;
  const listener = nodeOf(file, plan.data.callback);
  const parameter = listener && Node.isIdentifier(listener) ? project.declarationOf(listener) : undefined;
  if (!Node.isParameterDeclaration(parameter)) return false;
  const owner = parameter.getParent();
  const values = project.valuesPassed(parameter) ?? valuesByName(project, owner, indexOf(parameter));
  return values.some((value) => {
    const origin = value && project.originOf(value);
    return origin?.kind === "function" && throws(origin.node);
  });
}

function indexOf(parameter: Node): number {
  const owner = parameter.getParent();
  return Node.isParametered(owner) ? (owner.getParameters() as Node[]).indexOf(parameter) : -1;
}

/** What is passed to anything of a method's name. */
function valuesByName(project: AnalysisProject, owner: Node, index: number): (Node | undefined)[] {
  if (!Node.isMethodDeclaration(owner)) return [];
  return project.identifiersNamed(owner.getName()).map((name) => {
    const call = name.getParent()?.getParent();
    return Node.isCallExpression(call) && call.getExpression() === name.getParent()
      ? call.getArguments()[index]
      : undefined;
  });
}

/** The same that is looked for where a listener is written at its stream. */
function throws(fn: Node): boolean {
  let found = false;
  fn.forEachDescendant((node, traversal) => {
    if (Node.isFunctionLikeDeclaration(node) || Node.isFunctionExpression(node)) return traversal.skip();
    const isCheck = Node.isCallExpression(node) && MAY_THROW.test(node.getExpression().getText());
    if (Node.isThrowStatement(node) || isCheck) {
      found = true;
      traversal.stop();
    }
    return undefined;
  });
  return found;
}
