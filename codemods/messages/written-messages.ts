import { type DescField, ScalarType } from "@bufbuild/protobuf";
import { Node, type PropertyAccessExpression } from "ts-morph";
import { countsIn } from "./counted-fields.js";
import { holdsMessages, isStructMessage, type Kind } from "./message-kind.js";
import { isWriteStatement, unwrapped } from "./message-syntax.js";
import type { Proving } from "./proof.js";
import { putsMessage } from "./put-messages.js";
import { receivedAs } from "./received-messages.js";
import { isThereAt } from "./wrapped-values.js";

/**
 * `request.name = value`, on a message that came from the peer or from elsewhere in the program: those of protobuf-es can be
 * written to as well. From then on the field holds what the program put in.
 */
export function writesField(p: Proving, access: PropertyAccessExpression, field: DescField): unknown {
  const assignment = access.getParent();
  const kind = p.kindOf(field);
  if (addsTo(p, access, field, kind) || countsIn(p, access, field, kind)) return;
  const isStatement = Node.isBinaryExpression(assignment) && isWriteStatement(access);
  if (
    !isStatement ||
    field.oneof ||
    (kind.kind === "wrapper" && !isStructMessage(kind)) ||
    access.hasQuestionDotToken()
  )
    return p.block(assignment ?? access, "a message is written to where it is not made");
  const value = assignment.getRight();
  const isUnset = kind.kind === "message" && value.getText() === "null";
  if (isUnset) p.replace(value, "undefined");
  if (access.getName() !== field.localName) p.replace(access.getNameNode(), field.localName);
  if (isUnset) return;
  if (!holdsMessages(kind)) p.written.add(field);
  p.sink(value, kind);
  p.later(() => {
    // A message of protobuf-es has messages for its parts, and a value in each field that is always there.
    if (kind.kind === "message") putsMessage(p, value, kind.desc);
    else if (holdsMessages(kind)) {
      // So what is read of the field is still a received one.
      const presence = receivedAs(p, value);
      const isThere = presence === "always" || (presence !== undefined && isThereAt(p, value, value));
      if (!isThere) p.block(assignment, "a message that is made here is put into another one");
    } else if (!isStructMessage(kind) && !isPresentOr(p, value, access) && !p.coerced.has(unwrapped(value)))
      p.block(assignment, "a value that may be absent is put into a message");
  });
}

/** `item.labels[key] = value;`, `delete item.labels[key];`: a map of plain values is the same object before and after. */
export function writesEntry(p: Proving, access: Node, { of }: Kind & { readonly kind: "map" }): unknown {
  const change = access.getParent();
  const why = "a message is written to where it is not made";
  if (Node.isDeleteExpression(change)) return Node.isExpressionStatement(change.getParent()) || p.block(change, why);
  const isStatement = Node.isBinaryExpression(change) && isWriteStatement(access);
  if (!isStatement || of.kind !== "value" || !of.field) return p.block(change ?? access, why);
  p.written.add(of.field);
  p.sink(change.getRight(), of);
}

/** Is a value there, or what the field has already: `item.name = request.name || item.name`? */
function isPresentOr(p: Proving, given: Node, access: Node): boolean {
  const value = unwrapped(given);
  if (value.getText() === access.getText()) return true;
  if (Node.isConditionalExpression(value))
    return isPresentOr(p, value.getWhenTrue(), access) && isPresentOr(p, value.getWhenFalse(), access);
  const isOr = Node.isBinaryExpression(value) && /^(\|\||\?\?)$/.test(value.getOperatorToken().getText());
  return isOr ? isPresentOr(p, value.getRight(), access) : p.isPresent(value);
}

/** `item.price -= 0.5;`, `item.text += "more";`: whole numbers that are added up are cut when they are encoded, and not before. */
function addsTo(p: Proving, access: PropertyAccessExpression, field: DescField, kind: Kind): boolean {
  const change = access.getParent();
  if (!Node.isBinaryExpression(change) || change.getLeft() !== access || field.oneof) return false;
  if (kind.kind !== "value" || kind.as.kind !== "same" || kind.maybe || access.hasQuestionDotToken()) return false;
  const isText = kind.as.type === "string";
  const isFraction = kind.as.type === "number" && field.scalar !== ScalarType.FLOAT;
  const added = change.getRight();
  if (!isText && !isFraction) return false;
  if (!(isText ? /^\+=$/ : /^[-+]=$/).test(change.getOperatorToken().getText())) return false;
  if (!Node.isExpressionStatement(change.getParent())) return false;
  if (access.getName() !== field.localName) p.replace(access.getNameNode(), field.localName);
  p.written.add(field);
  p.readAgain.set(field, access);
  p.later(() => {
    if (!p.isNumber(added) && !(isText && p.isString(added)))
      p.block(change, "a message is written to where it is not made");
  });
  return true;
}
