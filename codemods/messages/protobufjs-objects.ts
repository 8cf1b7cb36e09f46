import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { Node, type ObjectLiteralExpression } from "ts-morph";
import {
  functionAround,
  isAbsent,
  isArrowBody,
  isFunctionNode,
  unquoted,
  unwrapped,
  valueOfProperty,
} from "./message-syntax.js";
import type { Proving } from "./proof.js";
import { spreadChoiceOf } from "./spread-choices.js";

/** Scalars of which fromObject and an encoder make different values, where they are of another type. */
const CONVERTED: ReadonlySet<ScalarType> = new Set([
  ScalarType.STRING,
  ScalarType.INT64,
  ScalarType.UINT64,
  ScalarType.SINT64,
  ScalarType.FIXED64,
  ScalarType.SFIXED64,
]);

/** `T.fromObject({ … })` of values that are of the right type, and of lists that nothing changes afterwards: it copies them. */
export function convertsValues(p: Proving, literal: ObjectLiteralExpression, desc: DescMessage): void {
  copiesParts(p, literal, desc, isReturned(literal));
  p.finals.push(() => {
    for (const [value, field] of p.coerced)
      if (isConvertedOtherwise(value, field))
        p.block(value, "a value that fromObject converts in another way than an encoder");
  });
}

function isConvertedOtherwise(value: Node, field: DescField): boolean {
  const taker = givenTo(value);
  if (field.enum) return taker !== "create";
  return field.scalar !== undefined && CONVERTED.has(field.scalar) && taker === undefined;
}

function copiesParts(p: Proving, literal: ObjectLiteralExpression, desc: DescMessage, isLast: boolean): void {
  for (const property of literal.getProperties()) {
    const choice = spreadChoiceOf(property);
    if (choice) {
      for (const branch of choice.branches) copiesParts(p, branch, desc, isLast);
      continue;
    }
    const isNamed = Node.isPropertyAssignment(property) || Node.isShorthandPropertyAssignment(property);
    const field = isNamed ? p.fieldBy(desc, unquoted(property.getName())) : undefined;
    if (isNamed && (!field || field.fieldKind === "scalar" || field.fieldKind === "enum")) continue;
    const given = valueOfProperty(property);
    const value = given && unwrapped(given);
    if (value && field?.fieldKind === "message" && Node.isObjectLiteralExpression(value))
      copiesParts(p, value, field.message, isLast);
    else if (!value || !isUnchanged(p, value, isLast))
      p.later(() => {
        if (!isLast || !value || !p.kinds.has(value)) p.block(property, "a part that fromObject copies");
      });
  }
}

/** Can nothing change a part after the message is made? */
function isUnchanged(p: Proving, value: Node, isLast: boolean): boolean {
  if (Node.isConditionalExpression(value))
    return [value.getWhenTrue(), value.getWhenFalse()].every((one) => isUnchanged(p, unwrapped(one), isLast));
  if (isAbsent(value) || Node.isArrayLiteralExpression(value) || Node.isObjectLiteralExpression(value)) return true;
  if (Node.isNewExpression(value)) return true;
  if (Node.isCallExpression(value))
    return /\.(map|filter|slice|concat|create|fromObject|decode)$/.test(value.getExpression().getText());
  if (!isLast || !Node.isIdentifier(value)) return false;
  const declaration = p.project.declarationOf(value);
  return declaration !== undefined && functionAround(declaration) === functionAround(value);
}

/** Is a message made in what a function gives? */
function isReturned(literal: Node): boolean {
  let node = literal;
  for (let above = node.getParent(); above; node = above, above = node.getParent()) {
    if (Node.isReturnStatement(above) || isArrowBody(above, node)) return true;
    if (Node.isStatement(above) || isFunctionNode(above)) return false;
  }
  return false;
}

/** Is a value written out in what `T.fromObject` is given? */
export function isInFromObject(value: Node): boolean {
  return givenTo(value) === "fromObject";
}

/** What takes the literal that a value is written out in: `T.fromObject`, or what leaves it as it is. */
function givenTo(value: Node): "fromObject" | "create" | undefined {
  let node = value;
  for (let above = node.getParent(); above; node = above, above = node.getParent()) {
    if (Node.isNewExpression(above)) return "create";
    if (Node.isCallExpression(above))
      return /\.fromObject$/.test(above.getExpression().getText())
        ? "fromObject"
        : /\.create$/.test(above.getExpression().getText())
          ? "create"
          : undefined;
    if (Node.isBinaryExpression(above) && above.getOperatorToken().getText() === "=")
      return Node.isPropertyAccessExpression(above.getLeft()) && above.getRight() === node ? "create" : undefined;
    const isPart =
      Node.isPropertyAssignment(above) ||
      Node.isShorthandPropertyAssignment(above) ||
      Node.isObjectLiteralExpression(above) ||
      Node.isArrayLiteralExpression(above) ||
      Node.isConditionalExpression(above) ||
      Node.isParenthesizedExpression(above);
    if (!isPart) return undefined;
  }
  return undefined;
}
