import { Node } from "ts-morph";
import type { AnalysisProject } from "../analysis/project.js";
import { isAssignmentTarget } from "./message-syntax.js";

/**
 * `counts[key]` of `const counts = {}`: all that is written into it by any key, beside what it begins with; undefined where not all
 * uses of it are known. Nothing may be there under a key.
 */
export function valuesByKey(project: AnalysisProject, read: Node): Node[] | undefined {
  if (!Node.isElementAccessExpression(read) && !Node.isPropertyAccessExpression(read)) return undefined;
  const object = read.getExpression();
  const declaration = Node.isIdentifier(object) ? project.declarationOf(object) : undefined;
  const made = Node.isVariableDeclaration(declaration) ? declaration.getInitializer() : undefined;
  const name = Node.isVariableDeclaration(declaration) ? declaration.getNameNode() : undefined;
  if (!Node.isObjectLiteralExpression(made) || !Node.isIdentifier(name)) return undefined;
  const values: Node[] = [];
  for (const property of made.getProperties()) {
    const value = Node.isPropertyAssignment(property) ? property.getInitializer() : undefined;
    if (!value) return undefined;
    values.push(value);
  }
  for (const use of project.referencesTo(name)) {
    if (use === name) continue;
    const access = use.getParent();
    const isPart = Node.isElementAccessExpression(access) || Node.isPropertyAccessExpression(access);
    if (!isPart || access.getExpression() !== use) {
      if (isOnlyShown(use)) continue;
      return undefined;
    }
    const change = access.getParent();
    if (Node.isDeleteExpression(change) || !isAssignmentTarget(access)) continue;
    if (!change) return undefined;
    values.push(
      Node.isBinaryExpression(change) && change.getOperatorToken().getText() === "=" ? change.getRight() : change,
    );
  }
  return values;
}

/** The map of a message that is made, `Object.keys(counts)`, `key in counts`. */
function isOnlyShown(use: Node): boolean {
  const parent = use.getParent();
  if (Node.isShorthandPropertyAssignment(parent) || Node.isPropertyAssignment(parent)) return true;
  if (Node.isBinaryExpression(parent)) return parent.getOperatorToken().getText() === "in";
  return (
    Node.isCallExpression(parent) &&
    /^(Object\.(keys|values|entries)|JSON\.stringify|console\.\w+)$/.test(parent.getExpression().getText())
  );
}
