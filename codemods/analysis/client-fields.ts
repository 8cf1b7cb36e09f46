import { type ClassDeclaration, type ClassExpression, Node, SyntaxKind } from "ts-morph";
import type { ClientField } from "./client-facts.js";

export interface FieldHolder {
  readonly name: string;
  readonly owner: ClassDeclaration | ClassExpression;
  readonly isMember: boolean;
}

/** The class field that a construction is the value of. */
export function fieldHolding(construction: Node): FieldHolder | undefined {
  const parent = construction.getParent();
  const owner = classAround(construction);
  if (!parent || !owner) return undefined;
  if (Node.isPropertyDeclaration(parent)) return { name: parent.getName(), owner, isMember: true };
  if (!Node.isBinaryExpression(parent) || parent.getOperatorToken().getText() !== "=") return undefined;
  const left = parent.getLeft();
  const isField = Node.isPropertyAccessExpression(left) && left.getExpression().getKind() === SyntaxKind.ThisKeyword;
  const isStatement = Node.isExpressionStatement(parent.getParent() as Node);
  return isField && isStatement ? { name: left.getName(), owner, isMember: false } : undefined;
}

export function classAround(node: Node): ClassDeclaration | ClassExpression | undefined {
  return node.getFirstAncestor(
    (ancestor): ancestor is ClassDeclaration | ClassExpression =>
      Node.isClassDeclaration(ancestor) || Node.isClassExpression(ancestor),
  );
}

/** The field whose client `this.client.close()` closes. */
export function closedField(close: Node): string | undefined {
  const callee = Node.isCallExpression(close) ? close.getExpression() : undefined;
  const object = callee && Node.isPropertyAccessExpression(callee) ? callee.getExpression() : undefined;
  return object &&
    Node.isPropertyAccessExpression(object) &&
    object.getExpression().getKind() === SyntaxKind.ThisKeyword
    ? object.getName()
    : undefined;
}

export function transportField(node: Node): string {
  return /\btransport\b/.test(classAround(node)?.getText() ?? "") ? "grpcTransport" : "transport";
}

export function fieldOf({ name, owner, isMember }: FieldHolder): ClientField {
  const declared = owner.getInstanceProperty(name);
  const declaration = declared && Node.isPropertyDeclaration(declared) ? declared : undefined;
  const modifiers = declaration?.getModifiers().map((modifier) => modifier.getText()) ?? [];
  return {
    transport: transportField(owner),
    isMember,
    declaration: declaration?.getStart() ?? null,
    modifiers: modifiers.length > 0 ? `${modifiers.join(" ")} ` : "",
  };
}
