import type { DescField } from "@bufbuild/protobuf";
import { type BinaryExpression, Node, type PropertyAccessExpression } from "ts-morph";
import { keysLeftOut } from "./collected-rests.js";
import type { Kind } from "./message-kind.js";
import { isArrowBody, isEachCall, isOperand, numberOf, unwrapped, valueOfProperty } from "./message-syntax.js";
import type { Proving } from "./proof.js";
import { receivedAs } from "./received-messages.js";
import { chainOf, hasAllKeys, isAlwaysThere } from "./similar-messages.js";

/**
 * `item.stock -= request.amount;`, `item.views++;`, of whole numbers of 32 bits: what leaves them is cut at once, where protobufjs
 * cut it when it was sent. False where the statement is none of these.
 */
export function countsIn(p: Proving, access: PropertyAccessExpression, field: DescField, kind: Kind): boolean {
  const change = access.getParent();
  if (kind.kind !== "value" || kind.as.kind !== "same" || !/^u?int32$/.test(kind.as.type)) return false;
  if (kind.maybe || field.oneof || access.hasQuestionDotToken()) return false;
  const isUnsigned = kind.as.type === "uint32";
  const step = stepOf(change, access);
  if (!change || !step || !isStatement(change)) return false;
  p.written.add(field);
  p.readAgain.set(field, access);
  if (access.getName() !== field.localName) p.replace(access.getNameNode(), field.localName);
  p.later(() => {
    const chain = chainOf(p, unwrapped(access.getExpression()));
    const { operator, added } = step;
    const isCounted = added === undefined || p.isInteger(added);
    // Below zero an unsigned field says something else at once.
    const isNatural = operator === "+" && (added === undefined || p.isNatural(added));
    if (chain === undefined || !isCounted || (isUnsigned && !isNatural) || !isGiven(p, access, field))
      return p.block(change, "a message is written to where it is not made");
    const cut = isUnsigned ? " >>> 0" : " | 0";
    const opening = ` = (${chain}.${field.localName} ${operator} `;
    if (!added) {
      if (change.getStart() < access.getStart()) p.edit(change, change.getStart(), access.getStart(), []);
      return p.edit(change, access.getEnd(), change.getEnd(), [`${opening}1)${cut}`]);
    }
    const [before, after] = isOperand(added) || numberOf(added) !== undefined ? ["", ""] : ["(", ")"];
    p.edit(change, access.getEnd(), added.getStart(), [opening, before]);
    p.edit(change, added.getEnd(), change.getEnd(), [`${after})${cut}`], "before");
  });
  return true;
}

/** Does nobody look at what a change gives: `item.views++;`, `items.forEach((item) => item.views++)`? */
function isStatement(change: Node): boolean {
  const parent = change.getParent();
  if (!parent || Node.isExpressionStatement(parent)) return parent !== undefined;
  const call = isArrowBody(parent, change) ? parent.getParent() : undefined;
  const callee = Node.isCallExpression(call) && isEachCall(call) ? call.getExpression() : undefined;
  return Node.isPropertyAccessExpression(callee) && callee.getName() === "forEach";
}

/** `x += n`, `x -= n`, `x++`, `--x`: the sign, and what is added where it is not one. */
function stepOf(change: Node | undefined, counted: Node): { operator: "+" | "-"; added?: Node } | undefined {
  if (Node.isBinaryExpression(change) && change.getLeft() === counted) return sumOf(change);
  if (!Node.isPostfixUnaryExpression(change) && !Node.isPrefixUnaryExpression(change)) return undefined;
  const sign = /^(\+\+|--)|(\+\+|--)$/.exec(change.getText())?.[0];
  return sign === undefined ? undefined : { operator: sign === "++" ? "+" : "-" };
}

function sumOf(change: BinaryExpression): { operator: "+" | "-"; added: Node } | undefined {
  const operator = change.getOperatorToken().getText();
  if (operator !== "+=" && operator !== "-=") return undefined;
  return { operator: operator === "+=" ? "+" : "-", added: unwrapped(change.getRight()) };
}

/** Has a message the field, wherever it comes from: undefined and one is no number, and would be zero. */
function isGiven(p: Proving, access: PropertyAccessExpression, field: DescField): boolean {
  const key = p.shape.keyOf(field) ?? "";
  return receivedAs(p, access.getExpression(), undefined, (made) => hasValue(p, made, key)) !== undefined;
}

/** `{ stock: 0, … }`, `{ ...request, … }` */
function hasValue(p: Proving, made: Node, key: string): boolean {
  if (!Node.isObjectLiteralExpression(made)) return false;
  const own = valueOfProperty(made.getProperty(key));
  if (own) return p.isInteger(own);
  return made.getProperties().some((one) => {
    const message = Node.isSpreadAssignment(one) ? unwrapped(one.getExpression()) : undefined;
    const known = message && p.kinds.get(message);
    const same = known?.kind === "message" ? p.fieldBy(known.desc, key) : undefined;
    if (!message || !same || keysLeftOut(p, message).has(key)) return false;
    return isAlwaysThere(p, same) && hasAllKeys(p, message, same.parent);
  });
}
