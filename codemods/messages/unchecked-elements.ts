import { type ElementAccessExpression, Node } from "ts-morph";
import type { AnalysisProject } from "../analysis/project.js";
import { isChecked, unwrapped } from "./message-syntax.js";

/** What the compiler takes for granted and may not be there: `labels[kind]`, `host` of `const [user, host] = text.split("@")`. */
export function isUncheckedElement(project: AnalysisProject, given: Node): boolean {
  const value = unwrapped(given);
  if (value.getProject().getCompilerOptions().noUncheckedIndexedAccess) return false;
  if (Node.isElementAccessExpression(value)) return mayMiss(project, value);
  if (!Node.isIdentifier(value) || isChecked(value)) return false;
  const declaration = project.declarationOf(value);
  if (Node.isVariableDeclaration(declaration)) {
    const made = declaration.getVariableStatement() && declaration.getInitializer();
    return made !== undefined && isUncheckedElement(project, made);
  }
  const pattern = Node.isBindingElement(declaration) ? declaration.getParent() : undefined;
  if (!Node.isArrayBindingPattern(pattern) || !Node.isBindingElement(declaration)) return false;
  const holder = pattern.getParent();
  const list = Node.isVariableDeclaration(holder) ? holder.getInitializer() : undefined;
  if (!list?.getType().isArray() || declaration.getInitializer()) return false;
  return pattern.getElements()[0] !== declaration || !isSplit(list);
}

function mayMiss(project: AnalysisProject, access: ElementAccessExpression): boolean {
  const key = access.getArgumentExpression();
  const held = access.getExpression();
  const type = held.getType();
  if (!key || type.isTuple()) return false;
  // An enum's numbers may be others than it names.
  if (key.getType().isEnum() || key.getType().isEnumLiteral()) return !Node.isPropertyAccessExpression(unwrapped(key));
  if (!type.getNumberIndexType() && !type.getStringIndexType()) return false;
  if (isCounted(project, key) || isKeyOf(project, key, held)) return false;
  return key.getText() !== "0" || !isSplit(held);
}

/** `i` of `for (let i = 0; …)`. */
export function isCounted(project: AnalysisProject, key: Node | undefined): boolean {
  const declaration = Node.isIdentifier(key) ? project.declarationOf(key) : undefined;
  return declaration !== undefined && Node.isForStatement(declaration.getParent()?.getParent());
}

/** `key` of `for (const key of Object.keys(held))`, `for (const key in held)` and `Object.keys(held).forEach((key) => …)`. */
function isKeyOf(project: AnalysisProject, key: Node, held: Node): boolean {
  const declaration = Node.isIdentifier(key) ? project.declarationOf(key) : undefined;
  const keys = `Object.keys(${held.getText()})`;
  const loop = declaration?.getParent()?.getParent();
  if (Node.isForOfStatement(loop)) return loop.getExpression().getText() === keys;
  if (Node.isForInStatement(loop)) return loop.getExpression().getText() === held.getText();
  const callee = Node.isCallExpression(loop) ? loop.getExpression() : undefined;
  return Node.isPropertyAccessExpression(callee) && callee.getExpression().getText() === keys;
}

/** `text.split(…)` has a first part, whatever the text is. */
function isSplit(list: Node): boolean {
  const callee = Node.isCallExpression(list) ? list.getExpression() : undefined;
  return Node.isPropertyAccessExpression(callee) && callee.getName() === "split";
}
