import { Node } from "ts-morph";
import { isAssignmentTarget, isConstant, unwrapped } from "./message-syntax.js";
import type { Proving } from "./proof.js";

/**
 * Is a value read by a key or an index of which the compiler does not look whether it is there: `parts[1]`,
 * `LABELS[message.kind]`, `const [first, second] = text.split(":")`? Its type says that it is.
 */
export function isUncheckedElement(p: Proving, given: Node): boolean {
  const value = unwrapped(given);
  if (value.getProject().getCompilerOptions().noUncheckedIndexedAccess) return false;
  if (Node.isElementAccessExpression(value)) {
    const key = value.getArgumentExpression();
    const list = unwrapped(value.getExpression());
    const type = list.getType().getNonNullableType();
    if (!key || type.isTuple() || isPartOfSplit(list, key.getText()) || isWithinLength(value, list, key)) return false;
    if (isKeyOf(p, key, list) || hasAllNames(p, key, list)) return false;
    const asked = key.getType();
    if (asked.isEnum() || asked.isNumber()) return !type.isAny();
    if (asked.isLiteral() && type.getProperty(`${asked.getLiteralValue()}`)) return false;
    return type.isArray() || (type.getStringIndexType() ?? type.getNumberIndexType()) !== undefined;
  }
  const declaration = Node.isIdentifier(value) ? p.project.declarationOf(value) : undefined;
  const pattern = Node.isBindingElement(declaration) ? declaration.getParent() : undefined;
  if (!Node.isBindingElement(declaration) || !Node.isArrayBindingPattern(pattern)) return false;
  if (declaration.getInitializer() || declaration.getDotDotDotToken() || !pattern.getType().isArray()) return false;
  const owner = pattern.getParent();
  const made = Node.isVariableDeclaration(owner) ? owner.getInitializer() : undefined;
  return !made || !isPartOfSplit(unwrapped(made), String(pattern.getElements().indexOf(declaration)));
}

/** `LABELS[kind]` of a constant table with an entry for each value of an enum whose values are names, that of no number included. */
function hasAllNames(p: Proving, key: Node, table: Node): boolean {
  const declaration = Node.isIdentifier(table) ? p.project.declarationOf(table) : undefined;
  if (!isConstant(declaration)) return false;
  const object = declaration.getInitializer();
  if (!Node.isObjectLiteralExpression(object) || !p.shape.typed?.textEnumOf(key.getType())) return false;
  const isOnlyRead = p.project.referencesTo(table).every((use) => {
    const access = use.getParent();
    return use === declaration.getNameNode() || (Node.isElementAccessExpression(access) && !isAssignmentTarget(access));
  });
  const members = object.getProperties().map((one) => {
    const name = Node.isPropertyAssignment(one) ? one.getNameNode() : undefined;
    return Node.isComputedPropertyName(name) ? name.getExpression().getSymbol()?.getValueDeclaration() : undefined;
  });
  const [first] = members;
  const owner = Node.isEnumMember(first) ? first.getParent() : undefined;
  return isOnlyRead && owner?.getMembers().every((one) => members.includes(one)) === true;
}

/** What stands before the first separator is always there. */
function isPartOfSplit(list: Node, index: string): boolean {
  const callee = Node.isCallExpression(list) ? list.getExpression() : undefined;
  return index === "0" && Node.isPropertyAccessExpression(callee) && callee.getName() === "split";
}

/** `key` of `for (const key of Object.keys(held))`, `for (const key in held)` and `Object.keys(held).forEach((key) => …)`. */
function isKeyOf(p: Proving, key: Node, held: Node): boolean {
  const declaration = Node.isIdentifier(key) ? p.project.declarationOf(key) : undefined;
  const keys = `Object.keys(${held.getText()})`;
  const loop = declaration?.getParent()?.getParent();
  if (Node.isForOfStatement(loop)) return loop.getExpression().getText() === keys;
  if (Node.isForInStatement(loop)) return loop.getExpression().getText() === held.getText();
  const callee = Node.isCallExpression(loop) ? loop.getExpression() : undefined;
  return Node.isPropertyAccessExpression(callee) && callee.getExpression().getText() === keys;
}

/** `list[i]` in `for (…; i < list.length; …)`. */
export function isWithinLength(element: Node, list: Node, index: Node): boolean {
  const within = `${index.getText()} < ${list.getText()}.length`;
  return element.getAncestors().some((one) => Node.isForStatement(one) && one.getCondition()?.getText() === within);
}
