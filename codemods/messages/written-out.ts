import { Node } from "ts-morph";
import { isOfType } from "./coerced-values.js";
import type { Kind } from "./message-kind.js";
import { isAssignmentTarget, numberOf, unwrapped } from "./message-syntax.js";
import type { Proving } from "./proof.js";

/**
 * `note.location.latitude` of `note = notes[i]`, where the notes are written out beside it: what is read can be seen, is of the
 * type of its field, and so is never converted where it is made.
 */
export function isWrittenOut(p: Proving, read: Node, kind: Kind): boolean {
  if (kind.kind !== "value" || kind.as.kind !== "same" || kind.as.type === "bytes") return false;
  const { as } = kind;
  const values = partsWrittenOut(p, read);
  return values?.every((value) => isLiteral(value) && isOfType(p, value, as)) ?? false;
}

/** The literals that an expression takes its value from, if they are all that it can be. */
function partsWrittenOut(p: Proving, given: Node): Node[] | undefined {
  const node = unwrapped(given);
  if (isLiteral(node) || Node.isObjectLiteralExpression(node) || Node.isArrayLiteralExpression(node)) return [node];
  if (Node.isPropertyAccessExpression(node)) {
    const key = node.getName();
    if ([...p.written].some((field) => p.shape.keyOf(field) === key)) return undefined;
    return eachOf(partsWrittenOut(p, node.getExpression()), (object) => {
      if (!Node.isObjectLiteralExpression(object)) return undefined;
      const properties = object.getProperties();
      const isPlain = properties.every((one) => Node.isPropertyAssignment(one) && Node.isIdentifier(one.getNameNode()));
      const [value, another] = properties.filter((one) => Node.isPropertyAssignment(one) && one.getName() === key);
      const initializer = Node.isPropertyAssignment(value) && !another ? value.getInitializer() : undefined;
      return isPlain && initializer ? partsWrittenOut(p, initializer) : undefined;
    });
  }
  if (Node.isElementAccessExpression(node))
    return eachOf(partsWrittenOut(p, node.getExpression()), (list) =>
      Node.isArrayLiteralExpression(list)
        ? eachOf(list.getElements(), (element) => partsWrittenOut(p, element))
        : undefined,
    );
  const declaration = Node.isIdentifier(node) ? p.project.declarationOf(node) : undefined;
  const name = Node.isVariableDeclaration(declaration) && declaration.getNameNode();
  const value = Node.isVariableDeclaration(declaration) && declaration.getInitializer();
  if (!name || !value || !Node.isIdentifier(name)) return undefined;
  const isList = Node.isArrayLiteralExpression(unwrapped(value));
  const isKept = p.project.referencesTo(name).every((use) => use === name || isOnlyRead(use, isList));
  return isKept ? partsWrittenOut(p, value) : undefined;
}

/** Neither the variable nor what it holds is changed there; a list goes nowhere else as a whole. */
function isOnlyRead(use: Node, isList: boolean): boolean {
  const access = use.getParent();
  if (isList && !(Node.isElementAccessExpression(access) && access.getExpression() === use) && !isLength(access, use))
    return false;
  for (let node: Node | undefined = use; node; node = node.getParent()) {
    if (isAssignmentTarget(node)) return false;
    const above = node.getParent();
    const isPath = Node.isPropertyAccessExpression(above) || Node.isElementAccessExpression(above);
    if (!isPath || above.getExpression() !== node) return true;
  }
  return true;
}

function isLength(access: Node | undefined, list: Node): boolean {
  return Node.isPropertyAccessExpression(access) && access.getExpression() === list && access.getName() === "length";
}

function isLiteral(node: Node): boolean {
  return (
    numberOf(node) !== undefined ||
    Node.isStringLiteral(node) ||
    Node.isNoSubstitutionTemplateLiteral(node) ||
    Node.isTrueLiteral(node) ||
    Node.isFalseLiteral(node)
  );
}

function eachOf(nodes: readonly Node[] | undefined, partsOf: (node: Node) => Node[] | undefined): Node[] | undefined {
  const parts = nodes?.map(partsOf);
  return parts?.every((each) => each !== undefined) ? parts.flat() : undefined;
}
