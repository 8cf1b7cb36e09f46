import { Node, type Type, type VariableDeclaration } from "ts-morph";
import { isAbsent, isConstant, isFunctionNode, isMapCall, isMapOver, resultsOf, unwrapped } from "./message-syntax.js";
import type { Proving } from "./proof.js";
import { placeTakesText, type TextEnumPlaces } from "./text-enum-places.js";
import type { TextEnumTypes } from "./text-enum-types.js";

export type TextEnumChoices = ReturnType<typeof createTextEnumChoices>;

/** `kind ?? "none"`: what may be a value of an enum that is a name in old code, or something else. It is a text as a whole, or blocked. */
export function createTextEnumChoices(p: Proving, { enumIn, holds }: TextEnumTypes, { placeOf }: TextEnumPlaces) {
  /** May it be a value of an enum, and something else? */
  const isMixed = (type: Type): boolean =>
    type.isUnion() && type.getUnionTypes().some((part) => enumIn(part)) && enumIn(type) === undefined;

  /** `first ?? "none"`, where the compiler thinks that there always is a value. */
  const isMixedChoice = (given: Node): boolean => {
    const branches = branchesOf(unwrapped(given)).filter((one) => !isAbsent(unwrapped(one)));
    const isOther = (one: Node) => isMixedChoice(one) || !isOfEnum(one.getType());
    return branches.some((one) => isMixedChoice(one) || enumIn(one.getType())) && branches.some(isOther);
  };

  const isOfEnum = (type: Type): boolean =>
    enumIn(type) !== undefined || type.isUndefined() || type.isNull() || type.isNever();

  /** `const label = kind ?? "none"`: a text from then on, whatever the compiler finds that it may be. */
  const isTextVariable = (given: Node): boolean => {
    const name = unwrapped(given);
    const declaration = Node.isIdentifier(name) ? p.project.declarationOf(name) : undefined;
    return isConstant(declaration) && holdsText(declaration);
  };

  const holdsText = (declaration: VariableDeclaration): boolean => {
    const made = declaration.getTypeNode() ? undefined : declaration.getInitializer();
    return (
      made !== undefined && branchesOf(unwrapped(made)).length > 0 && (isMixed(made.getType()) || isMixedChoice(made))
    );
  };

  /** `kind ?? "none"` where a text is asked for, or any value. */
  const isShown = (mixed: Node): boolean => {
    const parent = mixed.getParent();
    if (Node.isTemplateSpan(parent)) return true;
    if (Node.isBinaryExpression(parent) && /^(\+|\+=)$/.test(parent.getOperatorToken().getText())) return true;
    if (Node.isPropertyAccessExpression(parent)) return parent.getExpression() === mixed;
    if (Node.isElementAccessExpression(parent) && parent.getArgumentExpression() === mixed)
      return parent.getExpression().getType().getNonNullableType().getStringIndexType() !== undefined;
    if (Node.isParenthesizedExpression(parent) || branchesOf(parent).includes(mixed as never))
      return isShown(parent as Node);
    if (Node.isArrayLiteralExpression(parent) && isJoined(parent)) return true;
    const call = Node.isArrowFunction(parent) ? parent.getParent() : undefined;
    if (Node.isCallExpression(call) && isMapOver(call, parent as Node) && isJoined(call)) return true;
    if (Node.isVariableDeclaration(parent) && isConstant(parent)) return holdsText(parent);
    const place = placeOf(mixed);
    return place !== undefined && placeTakesText(place);
  };

  /** A literal, or a list whose elements are: what stands in it is looked at for itself. */
  const isWritten = (given: Node): boolean => {
    const node = unwrapped(given);
    if (Node.isObjectLiteralExpression(node) || Node.isArrayLiteralExpression(node)) return true;
    const branches = branchesOf(node);
    if (branches.length > 0) return branches.every((one) => isWritten(one) || !holds(one.getType()));
    const [callback] = Node.isCallExpression(node) && isMapCall(node) ? node.getArguments() : [];
    return (
      callback !== undefined &&
      isFunctionNode(callback) &&
      resultsOf(callback).every((one) => Node.isObjectLiteralExpression(unwrapped(one)))
    );
  };

  return { isMixed, isMixedChoice, isTextVariable, isShown, isWritten };
}

/** The branches of `a ? b : c`, `a ?? b` and `a || b`. */
export function branchesOf(node: Node | undefined): Node[] {
  if (Node.isConditionalExpression(node)) return [node.getWhenTrue(), node.getWhenFalse()];
  const isEither = Node.isBinaryExpression(node) && /^(\|\||\?\?)$/.test(node.getOperatorToken().getText());
  if (isEither) return [node.getLeft(), node.getRight()];
  return Node.isBinaryExpression(node) && node.getOperatorToken().getText() === "&&" ? [node.getRight()] : [];
}

/** `[…].join()`, `[…].filter(Boolean).join()`. */
export function isJoined(list: Node): boolean {
  const access = list.getParent();
  const call = access?.getParent();
  if (!Node.isPropertyAccessExpression(access) || access.getExpression() !== list || !Node.isCallExpression(call))
    return false;
  return (
    access.getName() === "join" ||
    (access.getName() === "filter" && call.getArguments()[0]?.getText() === "Boolean" && isJoined(call))
  );
}
