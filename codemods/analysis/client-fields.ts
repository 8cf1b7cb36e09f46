import {
  type CallExpression,
  type ClassDeclaration,
  type ClassExpression,
  Node,
  type PropertyDeclaration,
  SyntaxKind,
} from "ts-morph";
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

/** Whether a field of a class never has a client that the class did not make for it. */
export function isOnlyMade(owner: ClassDeclaration | ClassExpression, name: string, isMade: (node: Node) => boolean) {
  return owner
    .getDescendantsOfKind(SyntaxKind.BinaryExpression)
    .filter((each) => {
      const left = each.getLeft();
      const isAssigned = /^(?:\?\?|\|\||&&)?=$/.test(each.getOperatorToken().getText());
      return isAssigned && Node.isPropertyAccessExpression(left) && left.getName() === name;
    })
    .every((each) => isMade(each.getRight()) || /^(?:null|undefined|void 0)$/.test(each.getRight().getText()));
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

/**
 * The field that holds the transport of the client in `field`: named after it where the class closes several clients or may
 * inherit one, and private with `#` where the client is.
 */
export function transportField(field: string, owner: ClassDeclaration | ClassExpression): string {
  const closed = owner.getDescendantsOfKind(SyntaxKind.CallExpression).map(closedClient).filter(Boolean);
  const isAlone = owner.getExtends() === undefined && new Set(closed).size <= 1;
  const [hash, base] = field.startsWith("#") ? ["#", field.slice(1)] : ["", field];
  const words = new Set(owner.getText().split(/[^\w$]+/));
  const names = [...(isAlone ? ["transport", "grpcTransport"] : []), `${base}Transport`, `${base}GrpcTransport`];
  return `${hash}${names.find((name) => !words.has(name)) ?? names.at(-1)}`;
}

function closedClient(call: Node): string | undefined {
  const callee = (call as CallExpression).getExpression();
  return Node.isPropertyAccessExpression(callee) && callee.getName() === "close" ? closedField(call) : undefined;
}

export function fieldOf({ name, owner, isMember }: FieldHolder): ClientField {
  const declared = owner.getInstanceProperty(name);
  const declaration = declared && Node.isPropertyDeclaration(declared) ? declared : undefined;
  const modifiers = declaration?.getModifiers().map((modifier) => modifier.getText()) ?? [];
  return {
    transport: transportField(name, owner),
    isMember,
    declaration: declaration?.getStart() ?? null,
    modifiers: modifiers.length > 0 ? `${modifiers.join(" ")} ` : "",
    isLate: declaration !== undefined && mayBeMissing(declaration),
  };
}

/** A field that the constructor need not fill: `client!: X`, `client?: X`, `client: X | null = null`. */
function mayBeMissing(field: PropertyDeclaration): boolean {
  return field.hasExclamationToken() || field.getType().isNullable();
}
