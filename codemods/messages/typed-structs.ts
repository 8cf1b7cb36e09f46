import type { DescMessage } from "@bufbuild/protobuf";
import { type BinaryExpression, Node, type PropertyAccessExpression, type Type } from "ts-morph";
import { isMapChanged } from "./class-maps.js";
import { isPartOfStruct, isStructMessage, type Kind, STRUCT } from "./message-kind.js";
import {
  functionAround,
  isAbsent,
  isAssignmentTarget,
  isConstant,
  isTruthTest,
  isValueOfLogical,
  topOf,
  unquoted,
  unwrapped,
} from "./message-syntax.js";
import type { Proving } from "./proof.js";
import type { TypedCode } from "./typed-code.js";
import { isChangedInside, isEntrySet } from "./typed-sharing.js";

const RUNTIME = "@connect-migrate/runtime/grpc-js";

type MessageIn = (type: Type) => DescMessage | undefined;

/**
 * google.protobuf.Struct where the compiler knows the messages that one is made of. protobuf-es has the same, but for a field,
 * which holds JSON: a message is made of it where it is read, and the other way round.
 */

/** The JSON of a field in a name: it stays that where all its uses hand it on to another message, or ask whether it is there. */
export function isOnlyHandedOn(p: Proving, name: Node): boolean {
  return (
    Node.isIdentifier(name) &&
    p.project.referencesTo(name).every((use) => use === name || isHandedOn(use) || isPresenceTest(use))
  );
}

function isHandedOn(use: Node): boolean {
  const parent = use.getParent();
  if (Node.isConditionalExpression(parent)) return parent.getCondition() !== use && isHandedOn(parent);
  if (Node.isBinaryExpression(parent)) {
    const operator = parent.getOperatorToken().getText();
    if (/^(\?\?|\|\|)$/.test(operator)) return isHandedOn(parent);
    return operator === "=" && parent.getRight() === use && Node.isPropertyAccessExpression(parent.getLeft());
  }
  return (
    Node.isShorthandPropertyAssignment(parent) || (Node.isPropertyAssignment(parent) && parent.getInitializer() === use)
  );
}

function isPresenceTest(use: Node): boolean {
  const parent = use.getParent();
  if (!parent) return false;
  if (isComparison(parent)) return isAbsent(otherOf(parent, use));
  return isTruthTest(parent, use) && !isValueOfLogical(parent);
}

function isComparison(node: Node | undefined): node is BinaryExpression {
  return Node.isBinaryExpression(node) && /^[!=]==?$/.test(node.getOperatorToken().getText());
}

function otherOf(comparison: BinaryExpression, side: Node): Node {
  return comparison.getLeft() === side ? comparison.getRight() : comparison.getLeft();
}

/** The message of the JSON that a field holds. */
export function viewsField(p: Proving, struct: Node): void {
  const { structs } = p.shape;
  if (!structs) return;
  const parent = struct.getParent();
  const isRead = Node.isPropertyAccessExpression(parent) && parent.getExpression() === struct;
  // `a?.attrs.fields` ends where a is not there.
  if (isRead && !parent.hasQuestionDotToken() && struct.getText().includes("?."))
    p.block(parent, "a part of a Struct that may not be there");
  p.wrap(struct, [p.keyPrefix(struct), { module: RUNTIME, name: structs.view }, "("], ")", -1);
}

/** The JSON for a field of what old code has there, a message or what one is made of. */
export function fillsField(p: Proving, given: Node, wanted: Kind & { kind: "wrapper" }): void {
  const { structs } = p.shape;
  if (!structs) return;
  const choices = choicesOf(given);
  const make = { module: RUNTIME, name: structs.make };
  const json = jsonOf(p, given);
  if (choices.length > 0) for (const one of choices) p.prove(one, wanted);
  else if (json) {
    const isPlain = isPlainJson(p, json);
    const schema = p.generated(wanted.desc, "descriptor", given);
    const opening = isPlain ? [] : [make, "(", { module: "@bufbuild/protobuf", name: "fromJson" }, "(", schema, ", "];
    p.edit(given, given.getStart(), json.getStart(), opening);
    p.edit(given, json.getEnd(), given.getEnd(), isPlain ? [] : ["))"]);
  } else p.wrap(topOf(given), [p.shorthandPrefix(given), make, "("], ")", 1);
}

/** `json` of `Struct.fromJson(json)`, for a field. */
export function jsonOf(p: Proving, made: Node): Node | undefined {
  const callee = Node.isCallExpression(made) ? made.getExpression() : undefined;
  if (!Node.isCallExpression(made) || !Node.isPropertyAccessExpression(callee) || callee.getName() !== "fromJson")
    return undefined;
  const name = p.shape.typed?.nameOf(callee.getExpression());
  const [argument, more] = made.getArguments();
  return name?.kind === "message" && name.desc.typeName === STRUCT && !more ? argument : undefined;
}

/** Is it written out, and can nobody change it or find something else in it than JSON? */
function isPlainJson(p: Proving, given: Node): boolean {
  const value = unwrapped(given);
  if (value.getText() === "null") return true;
  if (Node.isArrayLiteralExpression(value)) return value.getElements().every((one) => isPlainJson(p, one));
  if (Node.isObjectLiteralExpression(value))
    return value.getProperties().every((one) => {
      if (Node.isShorthandPropertyAssignment(one)) return isPlainJson(p, one.getNameNode());
      if (!Node.isPropertyAssignment(one) || Node.isComputedPropertyName(one.getNameNode())) return false;
      return unquoted(one.getName()) !== "__proto__" && isPlainJson(p, one.getInitializerOrThrow());
    });
  return isPlainType(value.getType()) && p.isStrictlyTyped(value) && p.isPresent(value);
}

function isPlainType(type: Type): boolean {
  if (type.isUnion() && !type.isBoolean()) return type.getUnionTypes().every(isPlainType);
  return /^(string|number|boolean)$/.test(type.getBaseTypeOfLiteralType().getText());
}

/** The branches of `a ? b : c`, `a ?? b`, `a || b`: no object is false. */
function choicesOf(value: Node): Node[] {
  if (Node.isConditionalExpression(value)) return [value.getWhenTrue(), value.getWhenFalse()];
  if (!Node.isBinaryExpression(value) || !/^(\?\?|\|\|)$/.test(value.getOperatorToken().getText())) return [];
  return [value.getLeft(), value.getRight()];
}

/** Is the kind of an expression that of a field which holds JSON, or will it be, once that is followed? */
export function isField(p: Proving, given: Node, messageIn: MessageIn): boolean {
  if (isStructMessage(p.kinds.get(given))) return true;
  const access = unwrapped(given);
  if (!Node.isPropertyAccessExpression(access)) return false;
  const [type, name] = [access.getExpression().getType(), access.getName()];
  const desc = messageIn(type);
  const code = p.shape.typed;
  const union = desc ? undefined : code?.oneofOf(type);
  const field = desc ? p.fieldBy(desc, name) : union?.fields.find((one) => code?.memberOf(one)?.key === name);
  return field !== undefined && isStructMessage(p.kindOf(field));
}

/** Is a part of a Struct in a field read through what the compiler has found of it? It finds nothing through a call. */
export function isReadThroughField(p: Proving, given: Node, messageIn: MessageIn): boolean {
  for (let node = given; ; ) {
    if (isField(p, node, messageIn)) return true;
    const inner = unwrapped(node);
    if (!Node.isPropertyAccessExpression(inner) && !Node.isElementAccessExpression(inner)) return false;
    node = inner.getExpression();
  }
}

/**
 * Something is written to a message of a Struct, or put into a list or a map of one. Whatever came out of a field, or went into
 * one, is a copy now: it must have been made here, and go elsewhere only when it is done. True where nothing else can have a
 * part of it by then.
 */
export function changesPart(p: Proving, access: PropertyAccessExpression): boolean {
  const root = unwrapped(access.getExpression());
  const declaration = Node.isIdentifier(root) ? p.project.declarationOf(root) : undefined;
  const made = Node.isVariableDeclaration(declaration) ? declaration.getInitializer() : undefined;
  if (!Node.isIdentifier(root) || !isConstant(declaration) || !made || !isNew(made) || !isRunBy(access, declaration)) {
    p.block(access, "an object of a Struct is changed that is not made here");
    return false;
  }
  const uses = p.project.referencesTo(root);
  for (const use of uses) {
    if (use.getParent() === declaration || isPartRead(use)) continue;
    const loop = use.getAncestors().find(Node.isIterationStatement);
    const isRepeated = loop !== undefined && !declaration.getAncestors().includes(loop);
    const isLater = uses.some((one) => isWrittenThrough(one) && (isRepeated || one.getPos() > use.getPos()));
    if (functionAround(use) !== functionAround(declaration) || isLater)
      p.block(use, "an object of a Struct is changed once it is handed on");
  }
  return !hasOthers(unwrapped(made));
}

function isPartRead(use: Node): boolean {
  const parent = use.getParent();
  return Node.isPropertyAccessExpression(parent) && parent.getExpression() === use;
}

/** `one.fields = …`, `one.fields.a = …`, `one.values.push(…)`. */
function isWrittenThrough(use: Node): boolean {
  const parent = use.getParent();
  return (
    parent !== undefined &&
    isPartRead(use) &&
    [isAssignmentTarget, isChangedInside, isEntrySet, isMapChanged].some((changes) => changes(parent))
  );
}

/** Is a list or a map in it that is written out elsewhere? */
function hasOthers(made: Node): boolean {
  const argument = Node.isNewExpression(made) ? made.getArguments()[0] : undefined;
  const literal = argument ? unwrapped(argument) : made;
  if (!Node.isObjectLiteralExpression(literal)) return false;
  return literal.getProperties().some((one) => {
    const value = Node.isPropertyAssignment(one) ? unwrapped(one.getInitializerOrThrow()) : undefined;
    return !Node.isObjectLiteralExpression(value) && !Node.isArrayLiteralExpression(value);
  });
}

function isNew(made: Node): boolean {
  const value = unwrapped(made);
  if (Node.isObjectLiteralExpression(value) || Node.isNewExpression(value)) return true;
  const makes = /\.(create|clone|fromJson|fromBinary|fromObject|deserialize|deserializeBinary)$/;
  return Node.isCallExpression(value) && makes.test(value.getExpression().getText());
}

/** Does a function run a statement of its own, or one of a callback that is called at once? */
function isRunBy(node: Node, declaration: Node): boolean {
  const owner = functionAround(declaration);
  for (let around = functionAround(node); around !== owner; around = functionAround(around)) {
    const call = around?.getParent();
    const callee = Node.isCallExpression(call) ? call.getExpression() : undefined;
    if (!around || !Node.isPropertyAccessExpression(callee) || callee.getName() !== "forEach") return false;
  }
  return true;
}

/** Is it, or a part of it, read of a message of generated code that is not looked at, or put into one? That one stays as it is. */
export function isOfOther(code: TypedCode, node: Node, messageIn: MessageIn): boolean {
  const isOther = (type: Type | undefined) =>
    type !== undefined && code.messageOf(type) !== undefined && messageIn(type) === undefined;
  if (Node.isObjectBindingPattern(node))
    return isOther(node.getType()) && node.getElements().some((one) => holdsPart(one.getType(), messageIn));
  if (!holdsPart(node.getType(), messageIn)) return false;
  if (Node.isPropertyAccessExpression(node) && isOther(node.getExpression().getType())) return true;
  const property = topOf(node).getParent();
  const literal =
    Node.isPropertyAssignment(property) || Node.isShorthandPropertyAssignment(property)
      ? property.getParent()
      : undefined;
  if (!Node.isObjectLiteralExpression(literal)) return false;
  const call = topOf(literal).getParent();
  const callee = Node.isCallExpression(call) ? call.getExpression() : undefined;
  const name = Node.isPropertyAccessExpression(callee) ? code.nameOf(callee.getExpression()) : undefined;
  if (name?.kind === "message") return isOther(code.declarationOf(name.desc)?.getType());
  return isOther(literal.getContextualType());
}

function holdsPart(given: Type, messageIn: MessageIn): boolean {
  const type = given.getNonNullableType();
  return [type, type.getArrayElementType(), type.getStringIndexType()].some((one) => one && isOne(messageIn(one)));
}

/** A list or a map with parts of a Struct in a variable gets something else: it must not be that of a message. */
export function changesHolder(p: Proving, holder: Node, messageIn: MessageIn): void {
  if (!holdsPart(holder.getType(), messageIn)) return;
  // That of a message is looked at with the message.
  if (Node.isPropertyAccessExpression(holder) && messageIn(holder.getExpression().getType())) return;
  const declaration = Node.isIdentifier(holder) ? p.project.declarationOf(holder) : undefined;
  const first = isConstant(declaration) ? declaration.getInitializerOrThrow() : holder;
  const made = unwrapped(first);
  const isOwn =
    Node.isObjectLiteralExpression(made) ||
    Node.isArrayLiteralExpression(made) ||
    (Node.isCallExpression(made) &&
      /(\.(map|filter|slice|flatMap)|^Object\.fromEntries)$/.test(made.getExpression().getText()));
  if (!isOwn) p.block(holder, "a list or map of a Struct is changed that is not made here");
}

function isOne(desc: DescMessage | undefined): boolean {
  return desc !== undefined && isPartOfStruct(desc);
}

/** Two reads of a field are two objects now: is it asked whether they are the same? */
export function isIdentified(node: Node): boolean {
  const parent = topOf(node).getParent();
  if (isComparison(parent)) return !isAbsent(otherOf(parent, topOf(node)));
  if (Node.isCaseClause(parent) || Node.isSwitchStatement(parent)) return true;
  if (Node.isNewExpression(parent)) return /^(Weak)?(Set|Ref)$|^WeakMap$/.test(parent.getExpression().getText());
  const callee =
    Node.isCallExpression(parent) && parent.getArguments()[0] === topOf(node) ? parent.getExpression() : undefined;
  return (
    Node.isPropertyAccessExpression(callee) &&
    /^(includes|indexOf|lastIndexOf|has|add|get|set|delete|is)$/.test(callee.getName())
  );
}
