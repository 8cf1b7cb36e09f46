import { Node, SyntaxKind } from "ts-morph";
import type { AnalysisProject } from "./project.js";

/** Does an expression mean the same, with the same value, at a later place of the same file? Names, members and literals only. */
export function isMovable(project: AnalysisProject, node: Node, place: Node): boolean {
  const file = node.getSourceFile();
  if (file !== place.getSourceFile() || node.getPos() > place.getPos()) return false;
  const isSimple = (inner: Node): boolean =>
    Node.isIdentifier(inner) ||
    Node.isLiteralExpression(inner) ||
    (Node.isPropertyAccessExpression(inner) && /^process\.env\.\w+$/.test(inner.getText())) ||
    (Node.isBinaryExpression(inner) &&
      /^[-+*/]$/.test(inner.getOperatorToken().getText()) &&
      isSimple(inner.getLeft()) &&
      isSimple(inner.getRight())) ||
    (Node.isParenthesizedExpression(inner) && isSimple(inner.getExpression()));
  if (!isSimple(node)) return false;
  const block = scopeAround(node);
  if (block !== file && !place.getAncestors().includes(block)) return false;
  const names = Node.isIdentifier(node) ? [node] : node.getDescendantsOfKind(SyntaxKind.Identifier);
  return names.every((name) => {
    const declaration = name.getSymbol()?.getValueDeclaration();
    if (!declaration) return name.getText() === "process" || /^process\./.test(name.getParent()?.getText() ?? "");
    if (!Node.isVariableDeclaration(declaration) && !Node.isParameterDeclaration(declaration)) {
      return Node.isImportSpecifier(declaration);
    }
    const references = project.referencesTo(declaration.getNameNode());
    const isWritten = references.some((reference) => {
      const parent = reference.getParent();
      return (
        (parent && Node.isBinaryExpression(parent) && parent.getLeft() === reference && isAssignment(parent)) ||
        (parent && (Node.isPrefixUnaryExpression(parent) || Node.isPostfixUnaryExpression(parent)))
      );
    });
    return !isWritten && !isShadowed(name.getText(), declaration, block);
  });
}

function isAssignment(node: Node): boolean {
  return Node.isBinaryExpression(node) && /^[^=!<>]*=$/.test(node.getOperatorToken().getText());
}

function scopeAround(node: Node): Node {
  return (
    node.getFirstAncestor((ancestor) => Node.isBlock(ancestor) || Node.isSourceFile(ancestor)) ?? node.getSourceFile()
  );
}

/** Is there another declaration of a name inside a block, apart from the value of this one? */
function isShadowed(name: string, declaration: Node, block: Node): boolean {
  return [
    ...block.getDescendantsOfKind(SyntaxKind.VariableDeclaration),
    ...block.getDescendantsOfKind(SyntaxKind.Parameter),
    ...block.getDescendantsOfKind(SyntaxKind.BindingElement),
    ...block.getDescendantsOfKind(SyntaxKind.FunctionDeclaration),
    ...block.getDescendantsOfKind(SyntaxKind.ClassDeclaration),
  ].some((each) => each !== declaration && each.getName() === name && !each.getAncestors().includes(declaration));
}
