import type { DescField, DescMessage, DescOneof } from "@bufbuild/protobuf";
import { Node, type PropertyAccessExpression } from "ts-morph";
import { isMapChanged } from "./class-maps.js";
import { isReadOtherwise } from "./class-members.js";
import { areExclusive } from "./exclusive-places.js";
import { isOptionalScalar, isScalar } from "./google-protobuf-names.js";
import { zeroText } from "./google-protobuf-reads.js";
import { holdsMessages, isPartOfStruct, isPlain, type Kind, neverWrapped } from "./message-kind.js";
import {
  functionAround,
  isAbsent,
  isAssignmentTarget,
  isConstant,
  isOperand,
  isStep,
  quoted,
  unwrapped,
} from "./message-syntax.js";
import { isCertain } from "./oneof-literals.js";
import type { Proving } from "./proof.js";
import type { TypedCode } from "./typed-code.js";
import { isPartOf } from "./typed-oneofs.js";
import { isChangedInside, isEntrySet, type Sharing } from "./typed-sharing.js";
import type { TypedShows } from "./typed-shows.js";
import { changesPart, isField } from "./typed-structs.js";
import { sumsUp } from "./typed-sums.js";
import { isSameSum } from "./typed-syntax.js";
import type { TypedTypes } from "./typed-types.js";

/** What is read of a message and written to it. */
export function createTypedWrites(
  p: Proving,
  code: TypedCode,
  { messageIn, oneofIn }: TypedTypes,
  sharing: Sharing,
  shows: TypedShows,
  claim: (value: Node, kind: Kind) => void,
) {
  const access = (node: PropertyAccessExpression, desc: DescMessage): unknown => {
    const object = node.getExpression();
    const kind: Kind = { kind: "message", desc };
    // A Struct in a field is followed from the message that it is of.
    if (!code.flavour.structs || !isField(p, object, messageIn)) p.kinds.set(object, kind);
    const isStruct = code.flavour.structs !== undefined && isPartOfStruct(desc);
    const isChange = [isAssignmentTarget, isChangedInside, isEntrySet, isMapChanged].some((changes) => changes(node));
    const isOnlyHere = isStruct && isChange && changesPart(p, node);
    const oneof = p.oneofBy(desc, node.getName());
    if (oneof && isAssignmentTarget(node)) return setsChoice(node, oneof);
    const field = p.fieldBy(desc, node.getName());
    if (field && (isChangedInside(node) || isEntrySet(node) || (field.fieldKind === "map" && isMapChanged(node)))) {
      if (!isOnlyHere) sharing.changes(field, object);
      shows.writes(field);
    }
    if (!isAssignmentTarget(node)) return elementIsSet(node, field) || p.member(node, object, kind);
    if (field) {
      if (!isOnlyHere) sharing.writes(field, object);
      shows.writes(field);
    }
    if (field && code.flavour.hasClasses) return ofClass(node, field);
    if (!field) return p.block(node, `${desc.typeName} has no field ${node.getName()}`);
    return field.oneof ? setsMember(node, field, field.oneof) : plainly(node, field);
  };

  /** `message.member = value`, of a message that is made here and gets no other member of its oneof. */
  const setsMember = (node: PropertyAccessExpression, field: DescField, oneof: DescOneof): unknown => {
    const [change, object] = [node.getParent(), node.getExpression()];
    const isAssigned = Node.isBinaryExpression(change) && change.getOperatorToken().getText() === "=";
    if (!isAssigned || !Node.isExpressionStatement(change.getParent()) || !isMadeWithout(object, oneof))
      return p.block(node, "a member of a oneof is written");
    const isAlone = p.project.referencesTo(object).every((reference) => {
      const other = reference.getParent();
      if (!Node.isPropertyAccessExpression(other) || !isAssignmentTarget(other) || other === node) return true;
      const set = oneof.fields.find((one) => p.shape.keyOf(one) === other.getName());
      return !set || set === field || areExclusive(reference, object);
    });
    if (!isAlone) return p.block(node, "members of a oneof are written one after the other");
    const value = change.getRight();
    if (!isCertain(value)) return p.block(change, "a member of a oneof that may be absent");
    claim(value, p.kindOf(field));
    const choice = `${oneof.localName} = { case: ${quoted(node, field.localName)}, value: `;
    p.edit(change, node.getNameNode().getStart(), value.getStart(), [choice]);
    p.edit(change, value.getEnd(), value.getEnd(), [" }"], "before", change.getEnd() - change.getStart());
    p.sink(value, p.kindOf(field));
  };

  /** A constant that holds a message which this function makes, once, and without any member of a oneof. */
  const isMadeWithout = (object: Node, oneof: DescOneof): boolean => {
    const declaration = Node.isIdentifier(object) ? p.project.declarationOf(object) : undefined;
    if (!Node.isVariableDeclaration(declaration) || !isConstant(declaration)) return false;
    const first = unwrapped(declaration.getInitializerOrThrow());
    const given = Node.isCallExpression(first) && first.getArguments().length < 2 ? first.getArguments()[0] : first;
    const makes = Node.isCallExpression(first) && /\.(create|fromPartial)$/.test(first.getExpression().getText());
    if (Node.isCallExpression(first) ? !makes : !Node.isObjectLiteralExpression(given)) return false;
    const properties = Node.isObjectLiteralExpression(given) ? given.getProperties() : [];
    if (given && !Node.isObjectLiteralExpression(given)) return false;
    const keys = oneof.fields.map((one) => p.shape.keyOf(one));
    const hasNone = properties.every((one) => {
      if (Node.isPropertyAssignment(one) && isAbsent(one.getInitializerOrThrow())) return true;
      const isNamed = Node.isPropertyAssignment(one) || Node.isShorthandPropertyAssignment(one);
      return isNamed && !keys.includes(one.getName());
    });
    const isInLoop = object
      .getAncestors()
      .some((one) => Node.isIterationStatement(one) && !declaration.getAncestors().includes(one));
    return hasNone && !isInLoop && functionAround(object) === functionAround(declaration);
  };

  /** `message.x = value`, `message.x += value`. */
  const plainly = (node: PropertyAccessExpression, field: DescField): unknown => {
    const change = node.getParent();
    const wanted = p.kindOf(field);
    const isAssignment = Node.isBinaryExpression(change) && change.getOperatorToken().getText() === "=";
    const isSame =
      wanted.kind === "value" && wanted.as.kind === "same" && (isStep(change) || isSameSum(p, change, wanted.as.type));
    if (!isAssignment && !isSame && sumsUp(p, node, field)) return undefined;
    if (node.getName() !== field.localName) p.replace(node.getNameNode(), field.localName);
    if (isSame) return undefined;
    if (isAssignment) {
      if (!Node.isExpressionStatement(change.getParent()) && !holdsMessages(wanted) && !neverWrapped(wanted))
        return p.block(change, "the value of an assignment to a message is used");
      const value = change.getRight();
      if (wanted.kind === "wrapper") claim(value, wanted);
      if (isAbsent(value) && wanted.kind === "value" && !wanted.maybe)
        return p.block(change, "a field that is made absent");
      p.sink(value, wanted);
      if (wanted.kind === "value" && !wanted.maybe)
        p.later(() => {
          if (!p.isPresent(value)) p.block(value, "a value that may be absent");
        });
      return undefined;
    }
    p.block(change ?? node, "this changes a value of a message in place");
  };

  /** A setter of a generated class: what is not there is not set, and a member of a oneof takes the place of another. */
  const ofClass = (node: PropertyAccessExpression, field: DescField): unknown => {
    const change = node.getParent();
    const isAssignment = Node.isBinaryExpression(change) && change.getOperatorToken().getText() === "=";
    if (!isAssignment) {
      if (isReadOtherwise(field))
        return sumsUp(p, node, field) || p.block(change ?? node, "this changes a value of a message in place");
      return plainly(node, field);
    }
    const value = change.getRight();
    if (field.fieldKind === "message" && !field.oneof) {
      if (value.getText() === "null") p.replace(value, "undefined");
      else
        p.later(() => {
          if (p.canBe(value, "null", (part) => part.getText() === "null")) p.block(value, "null for a message");
        });
      return plainly(node, field);
    }
    if (isAbsent(value)) return p.block(change, "a field that is made absent");
    if (!field.oneof && isScalar(field)) return setsScalar(node, field, value);
    p.later(() => {
      const isThere = field.fieldKind === "message" ? !p.canBeMissing(value) : p.isPresent(value);
      if (!isThere) p.block(value, "a value that may be absent");
    });
    if (!field.oneof) return plainly(node, field);
    if (!Node.isExpressionStatement(change.getParent())) return p.block(change, "the value of an assignment is used");
    const member = `${field.oneof.localName} = { case: ${quoted(node, field.localName)}, value: `;
    p.edit(change, node.getNameNode().getStart(), value.getStart(), [member]);
    p.edit(change, value.getEnd(), value.getEnd(), [" }"], "before", change.getEnd() - change.getStart());
    sharing.writes(field.oneof, node.getExpression());
    p.sink(value, p.kindOf(field));
  };

  /** What is not there after all is not set, and read as the default. */
  const setsScalar = (node: PropertyAccessExpression, field: DescField, value: Node): void => {
    const wanted = p.kindOf(field);
    if (node.getName() !== field.localName) p.replace(node.getNameNode(), field.localName);
    if (!neverWrapped(wanted) && !Node.isExpressionStatement(node.getParentOrThrow().getParent()))
      p.block(node, "the value of an assignment to a message is used");
    p.sink(value, wanted);
    p.later(() => {
      if (p.isPresent(value)) return;
      const isUnset = p.isUnchecked(value) && isPlain(wanted) && isOperand(unwrapped(value));
      if (!isUnset) p.block(value, "a value that may be absent");
      else if (!isOptionalScalar(field))
        p.edit(value, value.getEnd(), value.getEnd(), [` ?? ${zeroText(field, value)}`], "before");
    });
  };

  /** `message.map[key] = value`, `message.map.key = value`, `message.list[0] = value`: true where this is one. */
  const elementIsSet = (node: PropertyAccessExpression, field: DescField | undefined): boolean => {
    const element = node.getParent();
    const isNamed = field?.fieldKind === "map" && Node.isPropertyAccessExpression(element) && isEntrySet(node);
    if (!field || !(Node.isElementAccessExpression(element) || isNamed)) return false;
    if (element.getExpression() !== node) return false;
    const wanted = p.kindOf(field);
    if (!isAssignmentTarget(element) || (wanted.kind !== "list" && wanted.kind !== "map")) return false;
    if (node.getName() !== field.localName) p.replace(node.getNameNode(), field.localName);
    const change = element.getParent();
    if (Node.isDeleteExpression(change) && wanted.kind === "map") return true;
    if (!Node.isBinaryExpression(change) || change.getOperatorToken().getText() !== "=") {
      p.block(change ?? element, "this changes a value of a message in place");
      return true;
    }
    if (!Node.isExpressionStatement(change.getParent()) && !holdsMessages(wanted) && !neverWrapped(wanted.of))
      p.block(change, "the value of an assignment to a message is used");
    const value = change.getRight();
    p.sink(value, wanted.of);
    p.later(() => {
      if (holdsMessages(wanted) ? p.isUnchecked(value) : !p.isPresent(value))
        p.block(value, "a value that may be absent");
    });
    return true;
  };

  /** `message.load = { oneofKind: … }`. */
  const setsChoice = (node: PropertyAccessExpression, oneof: DescOneof): unknown => {
    const change = node.getParent();
    if (!Node.isBinaryExpression(change) || change.getOperatorToken().getText() !== "=")
      return p.block(node, "a oneof is changed in place");
    if (!Node.isExpressionStatement(change.getParent())) return p.block(change, "the value of an assignment is used");
    sharing.writes(oneof, node.getExpression());
    p.kinds.set(node.getExpression(), { kind: "message", desc: oneof.parent });
    if (node.getName() !== oneof.localName) p.replace(node.getNameNode(), oneof.localName);
    const value = unwrapped(change.getRight());
    if (isAbsent(value)) return p.replace(value, "{ case: undefined }");
    const isMember = (one: Node): boolean =>
      Node.isConditionalExpression(one)
        ? [one.getWhenTrue(), one.getWhenFalse()].every((branch) => isMember(unwrapped(branch)))
        : Node.isObjectLiteralExpression(one) ||
          (oneofIn(one.getType()) === oneof && (isPartOf(one, oneof, messageIn) || p.isStrictlyTyped(one)));
    if (!isMember(value)) return p.block(value, "nothing proves that this is a member of the oneof");
  };

  return { access };
}
