import { Node, type SourceFile, SyntaxKind } from "ts-morph";
import { escaped } from "../shared/reg-exp.js";
import { isExportTarget } from "./exports.js";
import { SPY } from "./module-mocks.js";
import { calleeText } from "./places.js";
import type { AnalysisProject } from "./project.js";

const REPLACES = /^(?:Object\.definePropert(?:y|ies)|Reflect\.(?:set|defineProperty)|(?:jest|vi)\.replaceProperty)$/;

/** Where a test puts another constructor in the place of a client's: `jest.spyOn(proto.shop.v1, "Inventory")`, `shop.v1.Inventory = class {…}`. */
export function replacedConstructor(
  project: AnalysisProject,
  construction: Node,
  isOfProgram: (file: SourceFile) => boolean,
): Node | undefined {
  const callee = Node.isNewExpression(construction) ? construction.getExpression() : undefined;
  const name = Node.isPropertyAccessExpression(callee) ? callee.getName() : callee?.getText();
  if (name === undefined) return undefined;
  for (const mention of project.identifiersNamed(name)) {
    const left = mention.getParent();
    const assignment = left?.getParent();
    if (!Node.isPropertyAccessExpression(left) || left.getNameNode() !== mention) continue;
    if (!isOfProgram(mention.getSourceFile())) continue;
    if (!Node.isBinaryExpression(assignment) || assignment.getLeft() !== left || isExportTarget(left.getText()))
      continue;
    if (assignment.getOperatorToken().getText() !== "=" || Node.isThisExpression(left.getExpression())) continue;
    if (project.originOf(assignment.getRight()).kind !== "client-constructor") return assignment;
  }
  const quoted = new RegExp(`['"\`]${escaped(name)}['"\`]`);
  for (const file of project.files) {
    if (!isOfProgram(file) || !quoted.test(file.getFullText())) continue;
    for (const call of file.getDescendantsOfKind(SyntaxKind.CallExpression)) {
      const [object, key] = call.getArguments();
      const text = calleeText(call);
      if (object && key && (SPY.test(text) || REPLACES.test(text)) && project.constantOf(key) === name) return call;
    }
  }
  return undefined;
}

/** The file that a constructor comes from: generated stubs, a module that loads the definitions. */
export function constructorFile(project: AnalysisProject, construction: Node): SourceFile | undefined {
  let callee: Node | undefined = Node.isNewExpression(construction) ? construction.getExpression() : undefined;
  while (callee && Node.isPropertyAccessExpression(callee)) {
    const declared = project.declarationOf(callee.getNameNode())?.getSourceFile();
    if (declared && declared !== construction.getSourceFile()) return declared;
    callee = callee.getExpression();
  }
  const origin = callee && project.originOf(callee);
  if (origin?.kind === "module") return origin.file;
  return callee && Node.isIdentifier(callee) ? project.declarationOf(callee)?.getSourceFile() : undefined;
}
