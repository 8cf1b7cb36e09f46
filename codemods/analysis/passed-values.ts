import { Node, type ParameterDeclaration } from "ts-morph";
import { isExportTarget } from "./exports.js";
import type { Origin } from "./origin.js";

export interface PassedValuesInput {
  originOf(node: Node): Origin;
  referencesTo(identifier: Node): Node[];
  writesTo(declaration: Node): readonly (Node | null)[];
}

/** What each call of a function passes for a parameter, undefined for nothing; or undefined, if not all calls are known. */
export function valuesPassed(
  { originOf, referencesTo, writesTo }: PassedValuesInput,
  node: ParameterDeclaration,
): (Node | undefined)[] | undefined {
  const owner = node.getParent();
  // `[method: string]: …` has one that nobody passes.
  if (!("getParameters" in owner) || node.isRestParameter() || writesTo(node).length > 0) return undefined;
  const index = (owner.getParameters() as Node[]).indexOf(node);
  const holder = owner.getParent();
  let name: Node | undefined;
  if (Node.isFunctionDeclaration(owner) || Node.isMethodDeclaration(owner)) name = owner.getNameNode();
  else if (Node.isVariableDeclaration(holder) && holder.getInitializer() === owner) name = holder.getNameNode();
  else if (Node.isConstructorDeclaration(owner))
    name = Node.isClassDeclaration(holder) || Node.isClassExpression(holder) ? holder.getNameNode() : undefined;
  if (!name) return undefined;
  const values: (Node | undefined)[] = [];
  for (const reference of referencesTo(name)) {
    const isMember = Node.isConstructorDeclaration(owner) && isStaticMember(originOf, reference);
    const use = isMember || reference === name ? "alias" : useOf(reference);
    if (use === "alias") continue;
    if (use === undefined || use.getArguments().some((each) => Node.isSpreadElement(each))) return undefined;
    values.push(use.getArguments()[index] ?? node.getInitializer());
  }
  return values;
}

/** `X.member`, and `x instanceof X`: an instance is made of a class there only if the class makes one of itself. */
function isStaticMember(originOf: PassedValuesInput["originOf"], reference: Node): boolean {
  const parent = reference.getParent();
  if (!parent) return false;
  if (Node.isBinaryExpression(parent))
    return parent.getRight() === reference && parent.getOperatorToken().getText() === "instanceof";
  if (!Node.isPropertyAccessExpression(parent) || parent.getExpression() !== reference) return false;
  const origin = originOf(reference);
  return origin.kind === "class" && !/\bnew\s+this\b/.test(origin.node.getText()) && parent.getName() !== "prototype";
}

/** How a name is used: as the callee of a call, as a mere alias (import, export, declaration), or otherwise. */
function useOf(reference: Node): "alias" | { getArguments(): Node[] } | undefined {
  let node = reference;
  let parent = node.getParent();
  while (parent && Node.isPropertyAccessExpression(parent) && parent.getNameNode() === node) {
    node = parent;
    parent = node.getParent();
  }
  if (!parent) return undefined;
  if ((Node.isCallExpression(parent) || Node.isNewExpression(parent)) && parent.getExpression() === node) return parent;
  if (
    Node.isImportSpecifier(parent) ||
    Node.isExportSpecifier(parent) ||
    Node.isImportClause(parent) ||
    Node.isFunctionDeclaration(parent) ||
    Node.isClassDeclaration(parent) ||
    Node.isClassExpression(parent) ||
    Node.isExportAssignment(parent) ||
    Node.isTypeReference(parent) ||
    Node.isTypeQuery(parent)
  )
    return "alias";
  if (Node.isVariableDeclaration(parent) && parent.getNameNode() === node) return "alias";
  if (Node.isBindingElement(parent)) return "alias";
  if (Node.isBinaryExpression(parent) && isExportTarget(parent.getLeft().getText()) && parent.getRight() === node)
    return "alias";
  if (Node.isShorthandPropertyAssignment(parent) || Node.isPropertyAssignment(parent)) {
    const object = parent.getParent();
    const holder = object?.getParent();
    if (holder && Node.isBinaryExpression(holder) && isExportTarget(holder.getLeft().getText())) return "alias";
    if (holder && Node.isExportAssignment(holder)) return "alias";
  }
  return undefined;
}
