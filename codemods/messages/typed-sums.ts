import type { DescField } from "@bufbuild/protobuf";
import { Node, type PropertyAccessExpression } from "ts-morph";
import { isFoundSet } from "./class-guards.js";
import { zeroText } from "./google-protobuf-reads.js";
import type { TextPart } from "./message-facts.js";
import { isUnsignedField, type Kind } from "./message-kind.js";
import { isOperand, isStep } from "./message-syntax.js";
import type { Proving } from "./proof.js";

/**
 * `message.total += count`, `message.total++`, of a field that has another form in protobuf-es, or no value to add to:
 * `message.total = BigInt(Number(message.total) + count)`, `message.page = (message.page ?? 0) + 1`. False for any other change.
 */
export function sumsUp(p: Proving, access: PropertyAccessExpression, field: DescField): boolean {
  const change = access.getParent();
  const kind = p.kindOf(field);
  if (!change || kind.kind !== "value" || !Node.isExpressionStatement(change.getParent())) return false;
  if (!isStep(change) && !Node.isBinaryExpression(change)) return false;
  const added = Node.isBinaryExpression(change) ? change.getRight() : undefined;
  const token = Node.isBinaryExpression(change) ? change.getOperatorToken().getText() : "";
  const operator = added ? /^([-+*])=$/.exec(token)?.[1] : change.getText().includes("++") ? "+" : "-";
  const object = access.getExpression();
  if (!operator || (field.oneof && !isFoundSet(p, access, object, field))) return false;
  const place = `.${field.oneof ? `${field.oneof.localName}.value` : field.localName}`;
  // What is read of the object is proved by then.
  p.later(() => {
    const chain = p.chainText(object);
    const before = chain && sumOf(p, kind, field, chain + place, operator, added, access);
    if (!before) return p.block(change, "this changes a value of a message in place");
    if (change.getStart() < access.getStart()) p.edit(change, change.getStart(), access.getStart(), []);
    const isPart = !added || isOperand(added) || Node.isLiteralExpression(added) || Node.isTemplateExpression(added);
    const opening = `${before.opening.at(-1)}${isPart ? "" : "("}`;
    const parts = [`${place} = `, ...before.opening.slice(0, -1), opening];
    if (!added) return p.edit(change, object.getEnd(), change.getEnd(), [...parts, `1${before.closing}`]);
    p.edit(change, object.getEnd(), added.getStart(), parts);
    const closing = `${isPart ? "" : ")"}${before.closing}`;
    if (closing) p.edit(change, added.getEnd(), added.getEnd(), [closing], "before", change.getWidth());
  });
  return true;
}

/** What stands before and behind the value that is added; undefined where it is not proved to be one. */
function sumOf(
  p: Proving,
  { as, maybe }: Kind & { kind: "value" },
  field: DescField,
  place: string,
  operator: string,
  added: Node | undefined,
  at: Node,
): { readonly opening: readonly TextPart[]; readonly closing: string } | undefined {
  const isUnset = maybe === true && !field.oneof;
  if (isUnset && !p.shape.typed?.flavour.hasClasses) return undefined;
  const number = isUnset ? `${place} ?? ${zeroText(field, at)}` : place;
  const sum = `${isUnset ? `(${number})` : place} ${operator} `;
  const isInteger = !added || p.isInteger(added);
  if (as.kind === "int64-number") {
    if (!isInteger && !(p.shape.refusesFractionsLate && added && p.isNumber(added))) return undefined;
    // protobufjs cuts a negative number to 64 bits, protobuf-es refuses it.
    const isNatural = operator !== "-" && (!added || p.isNatural(added));
    if (p.shape.fractions === "wrapped" && isUnsignedField(field) && !isNatural) return undefined;
    const opening = `(Number(${number}) ${operator} `;
    if (isInteger) return { opening: [`BigInt${opening}`], closing: ")" };
    const make = { module: "@connect-migrate/runtime/grpc-js", name: "int64FromNumber" };
    return { opening: [make, opening], closing: ")" };
  }
  if (as.kind !== "same") return undefined;
  if (as.type === "string") {
    const isText =
      added && /^(string|number|bigint|boolean)$/.test(added.getType().getBaseTypeOfLiteralType().getText());
    return operator === "+" && isText ? { opening: [sum], closing: "" } : undefined;
  }
  if (added && !p.isNumber(added)) return undefined;
  if (!/32$/.test(as.type)) return as.type === "number" ? { opening: [sum], closing: "" } : undefined;
  if (p.shape.fractions === "refused") return { opening: [sum], closing: "" };
  // As protobufjs puts any number into 32 bits.
  return { opening: [`(${sum}`], closing: as.type === "int32" ? ") | 0" : ") >>> 0" };
}
