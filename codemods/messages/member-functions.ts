import { Node } from "ts-morph";
import { isExtended } from "../analysis/own-members.js";
import type { AnalysisProject } from "../analysis/project.js";
import { membersAsked } from "./kept-objects.js";
import { isExportsTarget, isFunctionNode, topOf } from "./message-syntax.js";
import type { Proving } from "./proof.js";
import { signaturesOf } from "./sole-interfaces.js";

/** The name of a function that is a method, a property of an object that is written out, or `exports.name`. */
export function memberNameOf(owner: Node): Node | undefined {
  if (Node.isMethodDeclaration(owner))
    return Node.isComputedPropertyName(owner.getNameNode()) ? undefined : owner.getNameNode();
  const value = topOf(owner);
  const holder = value.getParent();
  if (Node.isPropertyAssignment(holder) && holder.getInitializer() === value && isFunctionNode(owner))
    return Node.isIdentifier(holder.getNameNode()) ? holder.getNameNode() : undefined;
  if (!Node.isBinaryExpression(holder) || holder.getRight() !== value) return undefined;
  const target = holder.getLeft();
  return Node.isPropertyAccessExpression(target) && isExportsTarget(target) ? target.getNameNode() : undefined;
}

/**
 * A place that may get or call such a function and is not among the references to it: one of its name on something that
 * nothing is known of, or one that takes the object as a whole.
 */
export function strayUse({ project, received }: Proving, name: Node, references: ReadonlySet<Node>): Node | undefined {
  const holder = name.getParent();
  const owner = holder?.getParent();
  if (Node.isClassDeclaration(owner) || Node.isClassExpression(owner)) {
    const isPromised = holder === undefined || signaturesOf(project, holder) === undefined;
    // A framework calls what is decorated, and `this[name]` may be any method.
    const isFound =
      (Node.isMethodDeclaration(holder) && holder.getDecorators().length > 0) || /\bthis\[/.test(owner.getText());
    if (isFound) return name;
    if (!Node.isClassDeclaration(owner) || owner.getExtends() || isPromised || isExtended(project, owner)) return name;
  } else if (Node.isObjectLiteralExpression(owner)) {
    const use = useOfWhole(project, owner);
    if (use) return use;
  }
  // Where all that is asked of the objects of a class is known, what has such a name elsewhere is something else.
  const asked = Node.isClassDeclaration(owner) ? membersAsked(project, owner) : undefined;
  if (asked)
    return asked
      .map((access) => access.getNameNode())
      .find((node) => node.getText() === name.getText() && !references.has(node));
  const isOfClient = (node: Node) => {
    const call = node.getParent()?.getParent();
    return call !== undefined && received.has(call);
  };
  return project
    .identifiersNamed(name.getText())
    .find(
      (node) =>
        node !== name && !references.has(node) && isMember(node) && !isElsewhere(project, node) && !isOfClient(node),
    );
}

/** An object that is more than the functions that are called on it. */
function useOfWhole(project: AnalysisProject, object: Node): Node | undefined {
  const value = topOf(object);
  const holder = value.getParent();
  if (Node.isExportAssignment(holder)) return undefined;
  if (Node.isBinaryExpression(holder)) return /^module\.exports$/.test(holder.getLeft().getText()) ? undefined : object;
  const name = Node.isVariableDeclaration(holder) ? holder.getNameNode() : undefined;
  if (!name || !Node.isIdentifier(name)) return object;
  return project.referencesTo(name).find((reference) => {
    const parent = reference.getParent();
    if (reference === name || Node.isExportAssignment(parent)) return false;
    const isWhole = Node.isPropertyAccessExpression(parent) && parent.getNameNode() === reference;
    const use = isWhole ? parent : reference;
    const above = use.getParent();
    if (Node.isPropertyAccessExpression(above) && above.getExpression() === use) return false;
    return !isNamedAgain(reference);
  });
}

/** Imports and exports. */
function isNamedAgain(reference: Node): boolean {
  const parent = reference.getParent();
  if (Node.isImportSpecifier(parent) || Node.isExportSpecifier(parent) || Node.isImportClause(parent)) return true;
  const pattern = Node.isBindingElement(parent) ? parent.getParent().getParent() : undefined;
  if (Node.isVariableDeclaration(pattern)) return /^require\(/.test(pattern.getInitializer()?.getText() ?? "");
  const assignment = Node.isShorthandPropertyAssignment(parent) ? parent.getParent()?.getParent() : parent;
  return Node.isBinaryExpression(assignment) && /^(module\.)?exports\b/.test(assignment.getLeft().getText());
}

/** `object.name`, `const { name } = object`. */
function isMember(node: Node): boolean {
  const parent = node.getParent();
  if (Node.isPropertyAccessExpression(parent)) return parent.getNameNode() === node;
  return Node.isBindingElement(parent) && (parent.getPropertyNameNode() ?? parent.getNameNode()) === node;
}

/** Is a member certainly that of something else? */
function isElsewhere(project: AnalysisProject, node: Node): boolean {
  const declaration = project.declarationOf(node);
  if (declaration && declaration !== node.getParent()) return true;
  const type = node.getType().getNonNullableType();
  const isKnown = !type.isAny() && !type.isUnknown() && !type.isNever() && !type.isTypeParameter();
  if (isKnown && [type, ...type.getUnionTypes()].every((one) => one.getCallSignatures().length === 0)) return true;
  const symbol = node.getSymbol();
  const declarations = symbol?.getDeclarations() ?? [];
  return declarations.length > 0 && declarations.every((one) => one.getSourceFile().isDeclarationFile());
}
