import { Node, SyntaxKind, type Type } from "ts-morph";
import { isStrict } from "../messages/class-members.js";
import { functionLeftBy } from "./around-values.js";
import { isTypeScript } from "./language.js";
import type { AnalysisProject } from "./project.js";

/**
 * Where the values begin that a function returns and of which the compiler proves that they are objects: names of what a call gave
 * that says so itself. An index may lead nowhere, whatever its type, and an assertion proves nothing.
 */
export function sureReturns(project: AnalysisProject, fn: Node): readonly number[] {
  if (!isTypeScript(fn.getSourceFile()) || !isStrict(fn)) return [];
  return fn.getDescendantsOfKind(SyntaxKind.ReturnStatement).flatMap((statement) => {
    const value = functionLeftBy(statement) === fn ? statement.getExpression() : undefined;
    if (!Node.isIdentifier(value) || !isObject(value.getType())) return [];
    const declaration = project.declarationOf(value);
    if (!Node.isVariableDeclaration(declaration) || declaration.getNameNode().getText() !== value.getText()) return [];
    const made = declaration.getTypeNode() ? undefined : declaration.getInitializer();
    const call = Node.isAwaitExpression(made) ? made.getExpression() : made;
    const isPlain = Node.isCallExpression(call) && call.getTypeArguments().length === 0;
    return isPlain ? [value.getStart()] : [];
  });
}

function isObject(type: Type): boolean {
  if (type.isUnion()) return type.getUnionTypes().every(isObject);
  return type.isObject() && type.getSymbol()?.getName() !== "Promise";
}
