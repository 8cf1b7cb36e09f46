import { type DescField, type DescOneof, ScalarType } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import { type Identifier, Node, type PropertyAccessExpression } from "ts-morph";
import { areExclusive } from "./exclusive-places.js";
import { isPlain, type Kind } from "./message-kind.js";
import {
  functionAround,
  isAbsent,
  isArrowBody,
  isAssignmentTarget,
  isOperand,
  isPlainWrite,
  isStep,
  onlyReads,
  quoted,
  unwrapped,
  valueOfProperty,
} from "./message-syntax.js";
import { followMember } from "./oneof-members.js";
import { noteRead, readOf } from "./own-reads.js";
import { mustBeElement, mustBeSet } from "./present-values.js";
import type { Proving } from "./proof.js";
import { isGivenList } from "./protobufjs-reads.js";
import { receivedAs } from "./received-messages.js";
import { spreads } from "./spread-choices.js";
import { comesFromStore } from "./stores.js";

type Value = Kind & { readonly kind: "value" };

/** Methods that put nothing new into a list. */
const LIST_READERS = new Set(
  "join includes indexOf forEach map filter some every find findIndex slice concat sort reverse entries keys values".split(
    " ",
  ),
);

/** `reply.count += one`, `reply.text += "more"`, on a field that the literal which makes the reply has. */
function addsUp(p: Proving, change: Node, access: PropertyAccessExpression, { as, field }: Value): boolean {
  const first = givenAs(p, access);
  const isDefault = !first && field?.presence === FeatureSet_FieldPresence.IMPLICIT && startsWithDefault(p, access);
  if (as.kind !== "same" || (!first && !isDefault)) return false;
  const isAdded = Node.isBinaryExpression(change) && change.getOperatorToken().getText() === "+=";
  const added = isAdded ? change.getRight() : undefined;
  switch (as.type) {
    case "string":
      return added !== undefined && (isDefault || (first !== undefined && p.isString(first) && p.isPresent(first)));
    case "number":
      return (
        field?.scalar !== ScalarType.FLOAT &&
        (isDefault || (first !== undefined && p.isNumber(first))) &&
        (isStep(change) || (added !== undefined && p.isNumber(added)))
      );
    case "int32":
    case "uint32": {
      if (first && (!p.isWithinRange(first, as.type) || !p.isPresent(first))) return false;
      if (isStep(change)) return true;
      if (!added || !field || !Node.isExpressionStatement(change.getParent()) || !p.isInteger(added)) return false;
      // The low bits of a sum are those of the sum of the low bits.
      p.coerced.set(change, field);
      const [opening, closing] = isOperand(unwrapped(added)) || Node.isNumericLiteral(added) ? ["", ""] : ["(", ")"];
      const operator = Node.isBinaryExpression(change) ? change.getOperatorToken() : change;
      const target = `${access.getExpression().getText()}.${field.localName}`;
      p.edit(change, operator.getStart(), added.getStart(), [`= (${target} + ${opening}`]);
      p.edit(change, added.getEnd(), added.getEnd(), [`${closing}) ${as.type === "int32" ? "|" : ">>>"} 0`], "before");
      return true;
    }
    default:
      return false;
  }
}

/** `const sum = new Sum(); sum.count++`, of which nothing else gives the field a value: it starts with its default. */
function startsWithDefault(p: Proving, access: PropertyAccessExpression): boolean {
  const object = access.getExpression();
  const declaration = p.shape.creates && Node.isIdentifier(object) ? p.project.declarationOf(object) : undefined;
  const made = Node.isVariableDeclaration(declaration) ? declaration.getInitializer() : undefined;
  const literal = Node.isCallExpression(made) || Node.isNewExpression(made) ? literalIn(made) : undefined;
  if (!literal || !Node.isIdentifier(object)) return false;
  if (literal !== "none" && (!Node.isObjectLiteralExpression(literal) || spreads(literal))) return false;
  if (literal !== "none" && literal.getProperty(access.getName())) return false;
  const isSetOtherwise = p.project.referencesTo(object).some((one) => {
    const other = one.getParent();
    if (isAssignmentTarget(one)) return true;
    return Node.isPropertyAccessExpression(other) && other.getName() === access.getName() && isPlainWrite(other);
  });
  if (isSetOtherwise) return false;
  p.later(() => {
    if (receivedAs(p, object) !== "always") p.block(access, "this changes a value that may not be there");
  });
  return true;
}

/** The literal that a message is made of: `{ … }`, `T.create({ … })`; `none` for `T.create()`, undefined for anything else. */
function literalIn(made: Node): Node | "none" | undefined {
  if (!Node.isCallExpression(made) && !Node.isNewExpression(made)) return made;
  const callee = made.getExpression();
  const isMaker =
    Node.isNewExpression(made) ||
    (Node.isPropertyAccessExpression(callee) && /^(create|fromObject)$/.test(callee.getName()));
  return isMaker ? (made.getArguments()[0] ?? "none") : undefined;
}

/** `list.push(one);`, `ones.forEach((one) => list.push(one))`. */
function isUnused(call: Node): boolean {
  const parent = call.getParent();
  if (!parent || !isArrowBody(parent, call)) return Node.isExpressionStatement(parent);
  const loop = parent.getParent();
  const callee = Node.isCallExpression(loop) ? loop.getExpression() : undefined;
  return Node.isPropertyAccessExpression(callee) && callee.getName() === "forEach";
}

/** What a field has in the literal that makes a message. */
function givenAs(p: Proving, access: PropertyAccessExpression): Node | undefined {
  const object = access.getExpression();
  const declaration = Node.isIdentifier(object) ? p.project.declarationOf(object) : undefined;
  const literal = Node.isVariableDeclaration(declaration) ? declaration.getInitializer() : undefined;
  if (!Node.isObjectLiteralExpression(literal) || spreads(literal)) return undefined;
  return valueOfProperty(literal.getProperty(access.getName()));
}

/** `const order = store.get(id) ?? emptyOrder(id)`: a message that is stored, or made, and none that is filled here. */
export function holdsStored(p: Proving, declaration: Node | undefined, wanted: Kind): boolean {
  const initializer = Node.isVariableDeclaration(declaration) ? declaration.getInitializer() : undefined;
  const value = initializer && unwrapped(initializer);
  if (!p.shape.coerces || wanted.kind !== "message" || !Node.isBinaryExpression(value) || p.kinds.has(value))
    return false;
  if (!p.kinds.has(value.getLeft())) comesFromStore(p, value.getLeft(), wanted);
  if (!Node.isVariableDeclaration(declaration) || receivedAs(p, value) === undefined) return false;
  p.sink(value, wanted);
  p.bind(declaration.getNameNode(), wanted);
  return true;
}

/** Variables that a reply, or a part of one, is collected in. */
export function createFilledVariables(p: Proving) {
  const { project, shape, kinds, open, proved, leaks, block, edit, replace, kindOf, fieldBy, sink } = p;

  /** The variable that a reply is collected in: made by a literal, filled by keys that are written out. */
  const variable = (use: Node, declaration: Node, wanted: Kind): unknown => {
    if (!Node.isVariableDeclaration(declaration)) return;
    const name = declaration.getNameNode();
    const initializer = declaration.getInitializer();
    const loop = declaration.getParent().getParent();
    const isItem = Node.isForOfStatement(loop) && !loop.isAwaited();
    if (!Node.isIdentifier(name) || (!initializer && !isItem)) return block(use, "a variable without a first value");
    const annotation = isPlain(wanted) ? undefined : declaration.getTypeNode();
    if (annotation && !p.retype(annotation, declaration, "a type annotation names the old message", wanted)) return;
    if (initializer && kinds.has(initializer) && !Node.isObjectLiteralExpression(initializer))
      return sink(initializer, wanted);
    if (holdsStored(p, declaration, wanted)) return p.again(use, wanted);
    if (!functionAround(declaration)) return block(use, "a message that lives longer than the call");
    if (initializer) sink(initializer, wanted);
    else if (isItem) sink(loop.getExpression(), { kind: "list", of: wanted });
    for (const reference of project.referencesTo(name)) {
      if (reference === name) continue;
      const parent = reference.getParent();
      if (proved.has(reference)) continue;
      if (isAssignmentTarget(reference) && Node.isBinaryExpression(parent)) {
        if (parent.getOperatorToken().getText() === "=") sink(parent.getRight(), wanted);
        else block(parent, "this changes a value of a message in place");
        continue;
      }
      if (Node.isPropertyAccessExpression(parent) && parent.getExpression() === reference) {
        assigned(parent, wanted);
        continue;
      }
      if (wanted.kind === "map" && Node.isElementAccessExpression(parent) && isAssignmentTarget(parent)) {
        entered(parent, wanted);
        continue;
      }
      if (isPlain(wanted) && onlyReads(reference, parent)) continue;
      const isMade = shape.creates && wanted.kind === "message" && !Node.isObjectLiteralExpression(initializer);
      if (!isPlain(wanted) && (shape.coerces || isMade)) {
        p.flow(reference, wanted);
        continue;
      }
      open.push({ expression: reference, kind: wanted });
      if (isPlain(wanted)) leaks.push(reference);
    }
  };

  /** `map[key] = value`. */
  const entered = (entry: Node, { of }: Kind & { kind: "map" }): unknown => {
    const assignment = entry.getParent();
    if (!Node.isBinaryExpression(assignment) || assignment.getOperatorToken().getText() !== "=")
      return block(entry, "this changes a value of a map in place");
    sink(assignment.getRight(), of);
    mustBeElement(p, assignment.getRight(), of);
  };

  /** `reply.key = value`, `reply.list.push(value)`, `list.push(value)`. */
  const assigned = (access: Node, wanted: Kind): unknown => {
    if (!Node.isPropertyAccessExpression(access)) return;
    const parent = access.getParent();
    if (wanted.kind === "list") {
      if (access.getName() === "length" && !isAssignmentTarget(access)) {
        // That there is one is asked where it is read.
        if (shape.creates) kinds.set(access.getExpression(), wanted);
        return;
      }
      if (isPlain(wanted) && LIST_READERS.has(access.getName()) && Node.isCallExpression(parent)) return;
      if (access.getName() === "push" && Node.isCallExpression(parent) && parent.getExpression() === access) {
        for (const item of parent.getArguments()) {
          if (Node.isSpreadElement(item)) sink(item.getExpression(), wanted);
          else {
            sink(item, wanted.of);
            mustBeElement(p, item, wanted.of);
          }
        }
        if (!isUnused(parent)) block(parent, "the result of push is used");
        return;
      }
      if (shape.coerces && !isPlain(wanted)) return p.member(access, access.getExpression(), wanted);
      return block(access, `what ${access.getName()} of a list does is not followed`);
    }
    if (wanted.kind !== "message") return block(access, "a member of a map");
    const field = fieldBy(wanted.desc, access.getName());
    if (!field) return block(access, `${wanted.desc.typeName} has no field ${access.getName()}`);
    // Whether it is there is asked where it is read.
    if (shape.creates && !isAssignmentTarget(access)) kinds.set(access.getExpression(), wanted);
    if (field.oneof && shape.creates && !isAssignmentTarget(access)) {
      noteRead(p, access.getExpression(), field, access);
      return followMember(p, access, access.getExpression(), field);
    }
    if (field.oneof) return chooses(access, field, field.oneof);
    if (access.getName() !== field.localName) replace(access.getNameNode(), field.localName);
    const kind = kindOf(field);
    if (shape.creates && !isAssignmentTarget(access) && !isGivenList(p, access, wanted.desc)) {
      noteRead(p, access.getExpression(), field, access);
      return p.flow(access, readOf(kind, access.getExpression()));
    }
    if (isAssignmentTarget(access)) {
      if (Node.isBinaryExpression(parent) && parent.getOperatorToken().getText() === "=")
        return sink(parent.getRight(), kind);
      if (kind.kind === "value" && kind.as.kind === "same" && parent && addsUp(p, parent, access, kind)) return;
      const isLong = kind.kind === "value" && /^int64-/.test(kind.as.kind);
      const how = isLong ? ": add numbers of 64 bits up in a variable, and put that into the message" : "";
      return block(parent ?? access, `this changes a value of a message in place${how}`);
    }
    if (kind.kind === "list" && Node.isPropertyAccessExpression(parent) && parent.getExpression() === access)
      return assigned(parent, kind);
    const isEntry = Node.isElementAccessExpression(parent) || Node.isPropertyAccessExpression(parent);
    if (kind.kind === "map" && isEntry && isAssignmentTarget(parent)) return entered(parent, kind);
    if (kind.kind === "value" && kind.as.kind === "same") return void p.readAgain.set(field, access);
    if (!shape.coerces) return block(access, "a part of a reply is read while it is made");
    noteRead(p, access.getExpression(), field, access);
    p.flow(access, readOf(kind, access.getExpression()));
  };

  /** All that a variable gets: its first value, and what is assigned to it. */
  const valuesOf = (declaration: Node | undefined, use: Identifier): Node[] => {
    const first = Node.isVariableDeclaration(declaration) ? declaration.getInitializer() : undefined;
    const later = project.referencesTo(use).flatMap((reference) => {
      const parent = reference.getParent();
      return Node.isBinaryExpression(parent) && isAssignmentTarget(reference) ? [parent.getRight()] : [];
    });
    return [...(first ? [first] : []), ...later].map(unwrapped);
  };

  /** `reply.member = value`, where `reply` is a variable: the last assignment counts, if they stand in the order of the fields. */
  const chooses = (access: PropertyAccessExpression, field: DescField, oneof: DescOneof): unknown => {
    const assignment = access.getParent();
    const object = access.getExpression();
    const isPlainAssignment =
      Node.isBinaryExpression(assignment) &&
      isAssignmentTarget(access) &&
      assignment.getOperatorToken().getText() === "=" &&
      Node.isExpressionStatement(assignment.getParent());
    if (!isPlainAssignment || !Node.isIdentifier(object))
      return block(access, "a member of a oneof is used while the message is made");
    const value = assignment.getRight();
    if (isAbsent(value) || /\b(undefined|null)\b/.test(value.getType().getText())) {
      return block(assignment, "a member of a oneof that may be absent");
    }
    const declaration = project.declarationOf(object);
    const later = oneof.fields.filter((one) => one.number > field.number);
    const isInLiteral = valuesOf(declaration, object).some((made) => {
      const literal = literalIn(made);
      if (literal === "none") return false;
      if (!Node.isObjectLiteralExpression(literal) || spreads(literal)) return true;
      return later.some((one) => literal.getProperty(shape.keyOf(one) ?? "") !== undefined);
    });
    const isInLoop =
      functionAround(assignment) !== (declaration && functionAround(declaration)) ||
      assignment
        .getAncestors()
        .some((node) => Node.isIterationStatement(node) && (declaration?.getPos() ?? 0) < node.getPos());
    // protobufjs writes every member that is set; the one with the highest number comes last and wins.
    const isInOrder = project.referencesTo(object).every((reference) => {
      const other = reference.getParent();
      const key = Node.isPropertyAccessExpression(other) && isAssignmentTarget(other) ? other.getName() : undefined;
      const set = key === undefined ? undefined : oneof.fields.find((one) => shape.keyOf(one) === key);
      if (!set || set === field || areExclusive(reference, object)) return true;
      return reference.getPos() < object.getPos() === set.number < field.number;
    });
    if (isInLiteral || isInLoop || !isInOrder) {
      return block(assignment, "members of a oneof are set in another order than that of their fields");
    }
    replace(access.getNameNode(), oneof.localName);
    edit(value, value.getStart(), value.getStart(), [`{ case: ${quoted(access, field.localName)}, value: `], "after");
    edit(value, value.getEnd(), value.getEnd(), [" }"], "before");
    sink(value, kindOf(field));
    mustBeSet(p, value);
  };

  return { variable };
}
