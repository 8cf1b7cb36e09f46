import type { DescField } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import { Node, type PropertyAccessExpression } from "ts-morph";
import {
  isAbsent,
  isAssignmentTarget,
  isShorthand,
  isTruthTest,
  isValueOfLogical,
  standsAlone,
  topOf,
} from "./message-syntax.js";
import type { Proving } from "./proof.js";
import { receivedAs } from "./received-messages.js";
import { isThereAt } from "./wrapped-values.js";

/** A scalar or enum that can be unset, outside a oneof. */
export function isNullable(field: DescField): boolean {
  return (
    !field.oneof &&
    (field.fieldKind === "scalar" || field.fieldKind === "enum") &&
    field.presence === FeatureSet_FieldPresence.EXPLICIT
  );
}

/** `message.optNum`, null where it is not set: whoever goes on to use it still gets null. */
export function readNullable(p: Proving, access: PropertyAccessExpression, field: DescField): unknown {
  const kind = p.kindOf(field);
  const isSame = kind.kind === "value" && (kind.as.kind === "same" || kind.as.kind === "enum-number");
  if (!isSame || access.hasQuestionDotToken() || isAssignmentTarget(access))
    return p.block(access, "a field that is null where it is not set");
  const parent = access.getParent();
  if (parent && isTruthTest(parent, access) && !isValueOfLogical(parent)) return undefined;
  if (Node.isBinaryExpression(parent)) {
    const operator = parent.getOperatorToken().getText();
    const other = parent.getLeft() === access ? parent.getRight() : parent.getLeft();
    if (/^[!=]=$/.test(operator) && isAbsent(other)) return undefined;
    if (/^[!=]==$/.test(operator) && isAbsent(other)) {
      if (other.getText() === "null") p.replace(other, "undefined");
      p.later(() => {
        if (other.getText() !== "null" || receivedAs(p, access.getExpression()) !== "always")
          p.block(access, "nothing proves whether this is undefined or null where it is not set");
      });
      return undefined;
    }
  }
  p.kinds.set(access, { ...kind, maybe: true });
  if (isThereAt(p, access, access)) return undefined;
  // A field of another message takes undefined as it took null.
  p.later(() => {
    if (p.consumed.has(access)) return;
    if (isShorthand(access)) return p.block(access, "a field that is null where it is not set");
    const top = topOf(access);
    const [opening, closing] = standsAlone(top) ? ["", ""] : ["(", ")"];
    p.wrap(top, [opening], ` ?? null${closing}`);
  });
}

/** `long.toString()` and `long.toNumber()`; nothing else of a Long is a bigint's. */
export function readLong(p: Proving, access: Node): unknown {
  const call = access.getParent();
  const isCalled = Node.isCallExpression(call) && call.getExpression() === access;
  if (!Node.isPropertyAccessExpression(access) || !isCalled || access.hasQuestionDotToken())
    return p.block(access, "what is read of a Long");
  const name = access.getName();
  const count = call.getArguments().length;
  if (name === "toString" && count === 0) return undefined;
  if (name !== "toNumber" || count > 0) return p.block(access, `what ${name} of a Long does is not followed`);
  p.edit(call, call.getStart(), call.getStart(), ["Number("], "after");
  p.edit(call, access.getExpression().getEnd(), call.getEnd(), [")"]);
}

/** `reply.tags.push(…)`, where the literal that makes the reply has the list. */
export function isGivenList(p: Proving, access: PropertyAccessExpression): boolean {
  const object = access.getExpression();
  const declaration = Node.isIdentifier(object) ? p.project.declarationOf(object) : undefined;
  const made = Node.isVariableDeclaration(declaration) ? declaration.getInitializer() : undefined;
  const literal = Node.isCallExpression(made) || Node.isNewExpression(made) ? made.getArguments()[0] : made;
  const property = Node.isObjectLiteralExpression(literal) ? literal.getProperty(access.getName()) : undefined;
  const value = Node.isPropertyAssignment(property) ? property.getInitializer() : undefined;
  return Node.isArrayLiteralExpression(value);
}
