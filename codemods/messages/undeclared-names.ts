import { Node } from "ts-morph";
import type { AnalysisProject } from "../analysis/project.js";
import { isAssignmentTarget } from "./message-syntax.js";

/** Objects that may be the global one. */
const GLOBAL = /^(global|globalThis|window|self|this|root)$/;

/** `client = …` with a name that is not declared makes a property of the global object: does no file ever read that? */
export function isUnreadGlobal(project: AnalysisProject, target: Node): boolean {
  if (!Node.isIdentifier(target) || isDeclared(target)) return false;
  return project.identifiersNamed(target.getText()).every((one) => {
    const parent = one.getParent();
    if (Node.isPropertyAccessExpression(parent) && parent.getNameNode() === one)
      return !GLOBAL.test(parent.getExpression().getText()) || isDeclared(one);
    // A shorthand's own symbol is the property.
    if (Node.isShorthandPropertyAssignment(parent)) return (parent.getValueSymbol()?.getDeclarations().length ?? 0) > 0;
    if (isDeclared(one) || isKey(parent, one)) return true;
    return isAssignmentTarget(one) && isStatement(one.getParent());
  });
}

function isDeclared(name: Node): boolean {
  return (name.getSymbol()?.getDeclarations().length ?? 0) > 0;
}

/** The name of a property, which is no use of a variable. */
function isKey(parent: Node | undefined, name: Node): boolean {
  return Node.isPropertyNamed(parent) && parent.getNameNode() === name;
}

/** `client = …;` */
function isStatement(change: Node | undefined): boolean {
  return (
    Node.isBinaryExpression(change) &&
    change.getOperatorToken().getText() === "=" &&
    Node.isExpressionStatement(change.getParent())
  );
}
