import type { DescField, DescMessage, DescOneof } from "@bufbuild/protobuf";
import { Node, type ObjectLiteralExpression, type PropertyAccessExpression, type Type } from "ts-morph";
import { isPartOfStruct, type Kind } from "./message-kind.js";
import {
  isAbsent,
  isAssignmentTarget,
  isConstant,
  isStep,
  isTruthTest,
  isValueOfLogical,
  quoted,
  unwrapped,
} from "./message-syntax.js";
import type { Proving } from "./proof.js";
import type { TypedCode } from "./typed-code.js";
import { isReadThroughField } from "./typed-structs.js";
import { isSameSum } from "./typed-syntax.js";

/** `message.load` of a oneof that is a union in old code: protobuf-es has one in its place. False for other members. */
export function readUnion(p: Proving, code: TypedCode, access: PropertyAccessExpression, desc: DescMessage): boolean {
  const oneof = p.oneofBy(desc, access.getName());
  if (!oneof) return false;
  if (code.flavour.hasAbsentUnions && access.hasQuestionDotToken())
    p.block(access, "a oneof of a message that may be absent");
  if (access.getName() !== oneof.localName) p.replace(access.getNameNode(), oneof.localName);
  return true;
}

/** `chainText` of `message.load` and `message.load.goods`. */
export function chainOfUnion(p: Proving, code: TypedCode, node: Node): string | undefined {
  if (!Node.isPropertyAccessExpression(node) || node.hasQuestionDotToken()) return undefined;
  const object = node.getExpression();
  const kind = p.kinds.get(object);
  const oneof = kind?.kind === "message" ? p.oneofBy(kind.desc, node.getName()) : undefined;
  const isValue = oneof === undefined && code.oneofOf(object.getType()) !== undefined;
  if (!oneof && !(isValue && node.getName() !== code.flavour.discriminator)) return undefined;
  const chain = p.chainText(object);
  return chain === undefined ? undefined : `${chain}.${oneof ? oneof.localName : "value"}`;
}

/** `load.oneofKind`, `load.goods`: of an expression that holds a oneof. */
export function readChoice(p: Proving, code: TypedCode, access: PropertyAccessExpression, oneof: DescOneof): unknown {
  const name = access.getName();
  const nameNode = access.getNameNode();
  const object = access.getExpression();
  const mayBeUnset = code.flavour.hasAbsentUnions;
  if (mayBeUnset && !access.hasQuestionDotToken() && !p.isStrictlyTyped(object))
    return p.block(access, "a oneof that may be unset");
  if (name === code.flavour.discriminator) {
    if (isAssignmentTarget(access)) return p.block(access, "the name of a oneof's member is written");
    if (mayBeUnset && access.hasQuestionDotToken()) p.edit(access, object.getEnd(), access.getEnd(), [".case"]);
    else p.replace(nameNode, "case");
    const isRenamed = oneof.fields.some((field) => code.memberOf(field)?.text !== field.localName);
    if (isRenamed) p.flow(access, { kind: "case", oneof });
    return undefined;
  }
  const parts = object.getType().getNonNullableType();
  const discriminator = (part: typeof parts) => part.getProperty(code.flavour.discriminator)?.getTypeAtLocation(access);
  const chosen = (parts.isUnion() ? parts.getUnionTypes() : [parts]).map((part) => {
    const text = discriminator(part)?.getLiteralValue();
    return oneof.fields.find((field) => code.memberOf(field)?.text === text);
  });
  const [field, ...others] = chosen;
  if (!field || others.length > 0 || code.memberOf(field)?.key !== name)
    return p.block(access, "a value of a oneof that may be that of more than one member");
  if (access.hasQuestionDotToken()) return p.block(access, "a value of a oneof that may be unset");
  if (isPartOfStruct(oneof.parent) && code.flavour.structs) {
    if (isAssignmentTarget(access)) return p.block(access, "an object of a Struct is changed that is not made here");
    const isFound = isReadThroughField(p, object, (type) => code.messageOf(type));
    if (isFound) return p.block(access, "a value of a Struct whose kind is asked for elsewhere: keep it in a variable");
  }
  p.replace(nameNode, "value");
  const kind = p.kindOf(field);
  if (!isAssignmentTarget(access)) return p.flow(access, kind.kind === "value" ? { ...kind, maybe: false } : kind);
  const change = access.getParent();
  if (kind.kind === "value" && kind.as.kind === "same" && (isStep(change) || isSameSum(p, change, kind.as.type)))
    return undefined;
  if (!Node.isBinaryExpression(change) || change.getOperatorToken().getText() !== "=")
    return p.block(change ?? access, "this changes a value of a message in place");
  if (!Node.isExpressionStatement(change.getParent())) return p.block(change, "the value of an assignment is used");
  return givesValue(p, change.getRight(), field);
}

/** `{ oneofKind: "goods", goods: x }`, where a oneof is asked for. `claim` is told what the value is to be. */
export function proveChoice(
  p: Proving,
  code: TypedCode,
  object: ObjectLiteralExpression,
  oneof: DescOneof,
  claim: (value: Node, kind: Kind) => void,
): unknown {
  const { discriminator } = code.flavour;
  const properties = object.getProperties();
  const chosen = object.getProperty(discriminator);
  const name = Node.isPropertyAssignment(chosen) ? unwrapped(chosen.getInitializerOrThrow()) : undefined;
  if (!Node.isPropertyAssignment(chosen) || !name) return p.block(object, "a oneof whose member is not written out");
  p.replace(chosen.getNameNode(), "case");
  if (isAbsent(name) && properties.length === 1) return undefined;
  const text = Node.isStringLiteral(name) ? name.getLiteralText() : undefined;
  const field = oneof.fields.find((one) => code.memberOf(one)?.text === text);
  const value = properties.find((one) => one !== chosen);
  if (text === undefined || !field || !value || properties.length !== 2)
    return p.block(object, "a oneof whose member is not written out");
  if (text !== field.localName) p.replace(name, quoted(name, field.localName));
  if (Node.isShorthandPropertyAssignment(value)) {
    const given = value.getNameNode();
    if (given.getText() !== "value") {
      p.edit(value, value.getStart(), value.getStart(), ["value: "], "after");
      p.renamedShorthands.add(given);
    } else p.named.add(given);
    return givesValue(p, given, field);
  }
  if (!Node.isPropertyAssignment(value)) return p.block(value, "a oneof whose value is not written out");
  const initializer = value.getInitializerOrThrow();
  if (value.getName() !== "value") p.replace(value.getNameNode(), "value");
  claim(initializer, p.kindOf(field));
  return givesValue(p, initializer, field);
}

function givesValue(p: Proving, value: Node, field: DescField): unknown {
  if (isAbsent(value)) return p.block(value, "a member of a oneof that is not set");
  p.sink(value, p.kindOf(field));
  return p.later(() => {
    if (!p.isPresent(value) && (p.isUnchecked(value) || !p.isStrictlyTyped(value)))
      p.block(value, "a member of a oneof that may be absent");
  });
}

/** A oneof that may be unset, in old code `undefined`: `if (pick)`, `pick === undefined`. Answers whether the use is dealt with. */
function testsChoice(p: Proving, expression: Node): boolean {
  const parent = expression.getParent();
  if (!parent) return false;
  const compared =
    Node.isBinaryExpression(parent) &&
    /^[!=]==?$/.test(parent.getOperatorToken().getText()) &&
    isAbsent(parent.getLeft() === expression ? parent.getRight() : parent.getLeft());
  if (!compared && !(isTruthTest(parent, expression) && !isValueOfLogical(parent))) return false;
  p.edit(expression, expression.getEnd(), expression.getEnd(), [".case"], "before");
  return true;
}

/** `message.load`. */
export function isPartOf(
  one: Node | undefined,
  oneof: DescOneof,
  messageIn: (type: Type) => DescMessage | undefined,
): boolean {
  return Node.isPropertyAccessExpression(one) && messageIn(one.getExpression().getType()) === oneof.parent;
}

/**
 * Where a oneof that is not set was `undefined`, and is an object now: a test of it gets another form, and a place where the
 * difference could be seen is a blocker. True where nothing more is to be asked.
 */
export function goesUnset(
  p: Proving,
  code: TypedCode,
  node: Node,
  oneof: DescOneof,
  messageIn: (type: Type) => DescMessage | undefined,
): boolean {
  if (!code.flavour.hasAbsentUnions) return false;
  if (Node.isBinaryExpression(node) && Node.isExpressionStatement(node.getParent())) return true;
  const value = unwrapped(node);
  const declaration = Node.isIdentifier(value) ? p.project.declarationOf(value) : undefined;
  const isMember = Node.isVariableDeclaration(declaration)
    ? isConstant(declaration) && isPartOf(declaration.getInitializer(), oneof, messageIn)
    : Node.isBindingElement(declaration)
      ? messageIn(declaration.getParent().getType()) === oneof.parent &&
        !p.project.referencesTo(value).some(isAssignmentTarget)
      : isPartOf(value, oneof, messageIn);
  if (!isMember) {
    p.block(node, "a oneof that may not be that of a message");
    return true;
  }
  if (!testsChoice(p, node) && !isGivenOn(node)) p.block(node, "a oneof that may be unset");
  return false;
}

/** A place that takes a oneof as it is: the field of another message, or a constant whose uses are looked at. */
function isGivenOn(node: Node): boolean {
  const parent = node.getParent();
  if (Node.isPropertyAccessExpression(parent)) return parent.getExpression() === node;
  if (Node.isVariableDeclaration(parent)) return isConstant(parent) && !parent.getTypeNode();
  if (Node.isBinaryExpression(parent)) return parent.getOperatorToken().getText() === "=";
  return (
    Node.isNonNullExpression(parent) ||
    Node.isParenthesizedExpression(parent) ||
    Node.isPropertyAssignment(parent) ||
    Node.isShorthandPropertyAssignment(parent)
  );
}
