import { Node, type ObjectLiteralExpression } from "ts-morph";
import { innerOf, isAbsent, unwrapped } from "./message-syntax.js";

/** What a literal may have besides: `...(note ? { note } : {})`, `...(note && { note })`. */
export interface SpreadChoice {
  /** The literals of which one is spread. */
  readonly branches: readonly ObjectLiteralExpression[];
  /** What stands before `&&`: where it is no object, nothing is spread. */
  readonly tests: readonly Node[];
  /** All expressions that give what is spread, the branches among them. */
  readonly parts: readonly Node[];
}

/** The literals that a property of a literal spreads one of; undefined for anything else. */
export function spreadChoiceOf(property: Node): SpreadChoice | undefined {
  return Node.isSpreadAssignment(property) ? choiceOf(property.getExpression()) : undefined;
}

function choiceOf(given: Node): SpreadChoice | undefined {
  const value = unwrapped(given);
  const parts: Node[] = [];
  for (let part: Node | undefined = given; part && part !== value; part = innerOf(part)) parts.push(part);
  parts.push(value);
  if (isAbsent(value)) return { branches: [], tests: [], parts };
  if (Node.isObjectLiteralExpression(value)) return { branches: [value], tests: [], parts };
  if (Node.isConditionalExpression(value)) {
    const [one, other] = [choiceOf(value.getWhenTrue()), choiceOf(value.getWhenFalse())];
    return one && other && joined(parts, [one, other]);
  }
  if (!Node.isBinaryExpression(value) || value.getOperatorToken().getText() !== "&&") return undefined;
  const right = choiceOf(value.getRight());
  return right && joined(parts, [right], [value.getLeft()]);
}

function joined(parts: readonly Node[], choices: readonly SpreadChoice[], tests: readonly Node[] = []): SpreadChoice {
  return {
    branches: choices.flatMap((one) => one.branches),
    tests: [...tests, ...choices.flatMap((one) => one.tests)],
    parts: [...parts, ...choices.flatMap((one) => one.parts)],
  };
}

/** Is more in a literal than the properties that it names? */
export function spreads(object: ObjectLiteralExpression): boolean {
  return object.getProperties().some((one) => Node.isSpreadAssignment(one));
}
