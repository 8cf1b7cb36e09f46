import { Node, type PropertyAccessExpression, SyntaxKind } from "ts-morph";
import { isNothing } from "./around-values.js";
import { isExportedProperty, isExportTarget } from "./exports.js";
import type { AnalysisProject } from "./project.js";

export function isCalledOnly(project: AnalysisProject, owner: Node): boolean {
  const holder = owner.getParent();
  const name =
    Node.isFunctionDeclaration(owner) || Node.isMethodDeclaration(owner)
      ? owner.getNameNode()
      : holder && (Node.isVariableDeclaration(holder) || Node.isPropertyAssignment(holder))
        ? holder.getNameNode()
        : undefined;
  if (Node.isGetAccessorDeclaration(owner)) return !leaksByName(project, owner.getName());
  if (!name || !Node.isIdentifier(name)) {
    // An arrow function called at once, or a module's whole export.
    return !!holder && Node.isBinaryExpression(holder) && isExportTarget(holder.getLeft().getText());
  }
  if (!Node.isFunctionDeclaration(owner) && !(holder && Node.isVariableDeclaration(holder)))
    return !leaksByName(project, name.getText());
  return project.referencesTo(name).every((reference) => {
    if (reference === name) return true;
    let node = reference;
    let parent = node.getParent();
    if (parent && Node.isPropertyAccessExpression(parent) && parent.getNameNode() === node) {
      node = parent;
      parent = node.getParent();
    }
    return (
      !!parent &&
      ((Node.isCallExpression(parent) && parent.getExpression() === node) ||
        Node.isImportSpecifier(parent) ||
        Node.isExportSpecifier(parent) ||
        Node.isImportClause(parent) ||
        Node.isExportAssignment(parent) ||
        Node.isBindingElement(parent) ||
        Node.isVariableDeclaration(parent) ||
        Node.isTypeQuery(parent) ||
        ((Node.isShorthandPropertyAssignment(parent) || Node.isPropertyAssignment(parent)) &&
          isExportedProperty(parent)) ||
        (Node.isBinaryExpression(parent) && isExportTarget(parent.getLeft().getText())))
    );
  });
}

export function leaks(project: AnalysisProject, target: Node): boolean {
  return Node.isPropertyAccessExpression(target) ? leaksByName(project, target.getName()) : false;
}

/** Is something else than a client assigned to a field that holds one, or to what may be the same field? */
export function isReplaced(project: AnalysisProject, field: Node | undefined, name: string): boolean {
  return accessesOf(project, name).some((access) => {
    const parent = access.getParent();
    if (!Node.isBinaryExpression(parent) || parent.getLeft() !== access) return false;
    if (!/^(\?\?|\|\||&&)?=$/.test(parent.getOperatorToken().getText())) return false;
    const value = parent.getRight();
    if (isNothing(value) || project.originOf(value).kind === "client") return false;
    const declared = project.declarationOf(access.getNameNode());
    return declared ? declared === field : project.originOf(access.getExpression()).kind === "unknown";
  });
}

/** Is a member of this name read from something that nothing is known about? It could be the client. */
export function leaksByName(project: AnalysisProject, name: string): boolean {
  return accessesOf(project, name).some((access) => {
    const parent = access.getParent();
    if (
      parent &&
      Node.isBinaryExpression(parent) &&
      parent.getLeft() === access &&
      parent.getOperatorToken().getText() === "="
    )
      return false;
    if (project.originOf(access).kind !== "unknown") return false;
    return project.originOf(access.getExpression()).kind === "unknown" && !access.getNameNode().getSymbol();
  });
}

/** Every `x.name` in the candidate files. */
function accessesOf(project: AnalysisProject, name: string): PropertyAccessExpression[] {
  // The index has no private names.
  if (name.startsWith("#"))
    return project.files.flatMap((file) =>
      file.getDescendantsOfKind(SyntaxKind.PropertyAccessExpression).filter((access) => access.getName() === name),
    );
  const files = new Set(project.files);
  return project.identifiersNamed(name).flatMap((node) => {
    const access = node.getParent();
    const isName = Node.isPropertyAccessExpression(access) && access.getNameNode() === node;
    return isName && files.has(node.getSourceFile()) ? [access] : [];
  });
}
