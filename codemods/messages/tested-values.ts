import { type BinaryExpression, Node } from "ts-morph";
import { isOfType } from "./coerced-values.js";
import { type Kind, sameKind } from "./message-kind.js";
import { stringOf, typeText, unwrapped } from "./message-syntax.js";
import type { Proving } from "./proof.js";

type Value = Kind & { readonly kind: "value" };

/**
 * What `a || b` finds in its new form: `same` as in the old one; `there`, where the old form is a string that says "0" or the
 * name of a zero, and so is true unless it is absent; undefined where what `a` is converted to is another truth.
 */
type Truth = "same" | "there" | undefined;

/** `a || b` as a value of a message, of which each side is to be proved. False where only its outcome can be. */
export function keepsTest(p: Proving, expression: BinaryExpression, wanted: Value): boolean {
  const truth = truthOf(p, expression.getLeft(), wanted);
  if (truth !== "there") return truth === "same";
  const right = expression.getRight();
  if (Node.isBinaryExpression(right) && right.getOperatorToken().getText() === "&&") return false;
  p.replace(expression.getOperatorToken(), "??");
  return true;
}

/**
 * `a ?? b` as a value of a message, of which each side is to be proved: what is not there would be 0 for `a >>> 0`, and nothing
 * for `BigInt(a)`.
 */
export function keepsAbsence(p: Proving, expression: BinaryExpression, { as }: Value): boolean {
  const left = unwrapped(expression.getLeft());
  if (/^enum-/.test(as.kind) && isAnyName(p, left)) return false;
  if (!p.isNumber(left) || p.isPresent(left)) return true;
  if (/^int64-/.test(as.kind)) return false;
  if (as.kind !== "same" || p.shape.fractions === "refused") return true;
  return (as.type !== "int32" && as.type !== "uint32") || p.isWithinRange(left, as.type);
}

function truthOf(p: Proving, given: Node, wanted: Value): Truth {
  const value = unwrapped(given);
  const { as } = wanted;
  const parts = partsOf(value);
  if (parts) {
    const [first, ...others] = parts.map((part) => truthOf(p, part, wanted));
    return others.every((one) => one === first) ? first : undefined;
  }
  const known = p.kinds.get(value);
  // A Long is an object.
  const isText = as.kind === "int64-string" || as.kind === "int64-long" || as.kind === "enum-name";
  if (isText && Node.isStringLiteral(value) && value.getLiteralText() !== "") return "there";
  if (known && sameKind(known, wanted)) {
    if (isText) return "there";
    return as.kind === "bytes" && p.shape.hasTextBytes ? undefined : "same";
  }
  if (p.shape.coerces && !isOfType(p, value, as)) return undefined;
  switch (as.kind) {
    case "int64-string":
    case "int64-number":
    case "int64-long":
      return stringOf(value) ? "there" : "same";
    case "enum-name":
    case "enum-number":
      return isAnyName(p, value) || typeText(value) === "string" ? undefined : "same";
    case "same":
      if ((as.type !== "int32" && as.type !== "uint32") || p.shape.fractions === "refused") return "same";
      return p.isWithinRange(value, as.type) || !p.isNumber(value) ? "same" : undefined;
    default:
      return "same";
  }
}

/** What may be no name of an enum's value, and so is left out. */
function isAnyName(p: Proving, value: Node): boolean {
  return p.shape.coerces === true && !p.kinds.has(value) && /^(any|unknown)$/.test(typeText(value));
}

function partsOf(value: Node): Node[] | undefined {
  if (Node.isConditionalExpression(value)) return [value.getWhenTrue(), value.getWhenFalse()];
  if (!Node.isBinaryExpression(value)) return undefined;
  return /^(\|\||\?\?)$/.test(value.getOperatorToken().getText()) ? [value.getLeft(), value.getRight()] : undefined;
}
