import type { DescMessage } from "@bufbuild/protobuf";
import { type CallExpression, type NewExpression, Node, type ObjectLiteralExpression } from "ts-morph";
import type { TextPart } from "./message-facts.js";
import { isStructMessage } from "./message-kind.js";
import {
  isAbsent,
  isArrowBody,
  isAssignmentTarget,
  resultsOf,
  unquoted,
  unwrapped,
  valueOfProperty,
} from "./message-syntax.js";
import type { Proving } from "./proof.js";
import { madeOfAny } from "./protobufjs-conversions.js";
import { convertsValues } from "./protobufjs-objects.js";
import { emptyListsOf, makerOf, makesMessage } from "./protobufjs-reads.js";
import { accessesOf, annotate, typedVariable } from "./protobufjs-variables.js";
import { receivedAs } from "./received-messages.js";
import { assignsFields } from "./similar-messages.js";
import { spreadChoiceOf, spreads } from "./spread-choices.js";

/**
 * `T.create({ … })`, `new T({ … })`: the literal alone, or `create(TSchema, { … })` where it is read again, which has the
 * defaults that objects of the class have. `T.decode(bytes)`: `fromBinary(TSchema, bytes)`.
 */
export function madeMessage(p: Proving, expression: Node, desc: DescMessage): boolean {
  if (!Node.isNewExpression(expression) && !Node.isCallExpression(expression)) return false;
  const maker = makerOf(p, expression);
  if (!maker) return false;
  if (maker.desc.typeName !== desc.typeName) {
    p.block(expression, `this is a ${maker.desc.typeName}, not a ${desc.typeName}`);
    return true;
  }
  const { does } = maker;
  const [argument, more] = expression.getArguments();
  if (does === "decode") return decoded(p, expression, argument, more, desc);
  if (!argument) written(p, expression, undefined, desc);
  else if (Node.isObjectLiteralExpression(argument) && !more) {
    p.literal(argument, desc);
    if (does === "fromObject") convertsValues(p, argument, desc);
    written(p, expression, argument, desc);
  } else if (
    does === "create" &&
    argument &&
    !more &&
    Node.isCallExpression(argument) &&
    assignsFields(p, argument, desc)
  )
    keep(p, expression, argument);
  else if (argument && !more && isCopyOfSent(p, expression, argument, desc)) {
    keep(p, expression, argument);
    p.sink(argument, { kind: "message", desc });
  } else if (
    does !== "fromObject" ||
    more ||
    !Node.isCallExpression(expression) ||
    !madeOfAny(p, expression, argument, desc)
  )
    p.block(expression, "a message that is made of another object");
  return true;
}

/** Of a call, only what it is given stays. */
function keep(p: Proving, call: Node, given: Node): void {
  p.edit(call, call.getStart(), given.getStart(), []);
  p.edit(call, given.getEnd(), call.getEnd(), []);
}

type Made = CallExpression | NewExpression;

/**
 * A message that the program makes of a literal, or of nothing, and that can be one of protobuf-es from the start: an object of a
 * class keeps what it is given, and `create` makes messages of plain objects.
 */
export function creates(p: Proving, node: Node): boolean {
  if (p.created.has(node)) return ++p.found.creations > 0;
  const maker = makerOf(p, node);
  if (!maker || !makesMessage(p, node) || p.creating.has(node)) return false;
  const [literal, more] = node.getArguments();
  if (more || (literal && !Node.isObjectLiteralExpression(literal))) return false;
  p.creating.add(node);
  const isWhole = messagesGiven(p, node, literal, maker.desc).every(({ value, of }) => isMessage(p, value, of));
  p.creating.delete(node);
  if (!isWhole) return false;
  p.created.add(node);
  return ++p.found.creations > 0;
}

/** Writes what a made message becomes, when it is known who reads it. */
function written(p: Proving, made: Made, literal: ObjectLiteralExpression | undefined, desc: DescMessage): void {
  const lists = emptyListsOf(p, made, desc).map(
    (field) => `${field.localName}: ${field.fieldKind === "list" ? "[]" : "{}"}`,
  );
  const variable = typedVariable(made);
  const isBody = isArrowBody(made.getParentOrThrow(), made);
  p.last.push(() => {
    if (p.created.has(made)) mustBeAsGiven(p, made);
    // What stands in a variable from the start, and is filled there, has its lists.
    const isFilled = !literal && variable !== undefined && receivedAs(p, variable.getNameNode()) !== undefined;
    if (isFilled || p.created.has(made)) {
      const create = { module: "@bufbuild/protobuf", name: "create" };
      const opening: TextPart[] = [create, "(", p.generated(desc, "descriptor", made)];
      if (!literal) return p.replace(made, ...opening, ")");
      p.edit(made, made.getStart(), literal.getStart(), [...opening, ", "]);
      return p.edit(made, literal.getEnd(), made.getEnd(), [")"]);
    }
    if (variable) annotate(p, variable, desc);
    const empty = lists.length > 0 ? `{ ${lists.join(", ")} }` : "{}";
    if (!literal) return p.replace(made, isBody ? `(${empty})` : empty);
    const end = literal.getProperties().at(-1)?.getEnd();
    if (lists.length > 0 && end) p.edit(literal, end, end, [`, ${lists.join(", ")}`], "before");
    else if (lists.length > 0) p.replace(literal, empty);
    p.edit(made, made.getStart(), literal.getStart(), isBody ? ["("] : []);
    p.edit(made, literal.getEnd(), made.getEnd(), isBody ? [")"] : []);
  });
}

/** What is put into the fields for messages of a made one, there or in its variable. */
function messagesGiven(
  p: Proving,
  made: Made,
  literal: ObjectLiteralExpression | undefined,
  desc: DescMessage,
): Given[] {
  const found: Given[] = [];
  const look = (object: ObjectLiteralExpression) => {
    for (const property of object.getProperties()) {
      const choice = spreadChoiceOf(property);
      if (choice) for (const branch of choice.branches) look(branch);
      if (!Node.isPropertyAssignment(property) && !Node.isShorthandPropertyAssignment(property)) continue;
      const value = valueOfProperty(property);
      const field = p.fieldBy(desc, unquoted(property.getName()));
      const of = field?.message;
      if (field && isStructMessage(p.kindOf(field))) continue;
      if (of && value) found.push({ value, of });
    }
  };
  if (literal) look(literal);
  for (const access of accessesOf(p, made.getParent())) {
    const field = p.fieldBy(desc, access.getName());
    if (!field?.message || isStructMessage(p.kindOf(field))) continue;
    const change = access.getParent();
    if (isAssignmentTarget(access) && Node.isBinaryExpression(change)) found.push({ value: change.getRight() });
    const call = Node.isPropertyAccessExpression(change) ? change.getParent() : undefined;
    if (Node.isElementAccessExpression(change) && isAssignmentTarget(change)) {
      const entry = change.getParent();
      if (Node.isBinaryExpression(entry)) found.push({ value: entry.getRight() });
    }
    if (!Node.isPropertyAccessExpression(change) || !/^(push|unshift)$/.test(change.getName())) continue;
    if (Node.isCallExpression(call)) found.push(...call.getArguments().map((value) => ({ value })));
  }
  return found;
}

interface Given {
  readonly value: Node;
  /** Where `create` makes a message of it. */
  readonly of?: DescMessage;
}

/** What is converted where it is written is not read again. */
function mustBeAsGiven(p: Proving, made: Made): void {
  const places = new Set<Node | undefined>([made, ...accessesOf(p, made.getParent()).map((one) => one.getParent())]);
  for (const [value, field] of p.coerced)
    if (p.madeReads.has(field) && value.getAncestors().some((one) => places.has(one) || p.created.has(one)))
      p.block(value, "a value that is converted where it is made is read again");
}

/**
 * A message, or a list of messages that is made here; or nothing. A plain object that nobody else has, with all the fields of `of`, is
 * one as soon as `create` has it.
 */
function isMessage(p: Proving, given: Node, of?: DescMessage): boolean {
  const value = unwrapped(given);
  if (isAbsent(value)) return true;
  if (Node.isConditionalExpression(value))
    return isMessage(p, value.getWhenTrue(), of) && isMessage(p, value.getWhenFalse(), of);
  if (Node.isArrayLiteralExpression(value))
    return value
      .getElements()
      .every((one) => (Node.isSpreadElement(one) ? isMessage(p, one.getExpression()) : isMessage(p, one, of)));
  if (of && Node.isObjectLiteralExpression(value)) return isWholeLiteral(p, value, of);
  const owner = of && Node.isCallExpression(value) ? p.project.originOf(value.getExpression()) : undefined;
  const results = owner?.kind === "function" ? resultsOf(owner.node) : [];
  if (of && results.length > 0 && results.every((one) => Node.isObjectLiteralExpression(unwrapped(one))))
    return results.every((one) => isMessage(p, one, of));
  return receivedAs(p, value) !== undefined;
}

function isWholeLiteral(p: Proving, literal: ObjectLiteralExpression, desc: DescMessage): boolean {
  if (desc.oneofs.length > 0 || spreads(literal)) return false;
  const isGiven = desc.fields.every((field) => {
    const value = valueOfProperty(literal.getProperty(p.shape.keyOf(field) ?? ""));
    return value && (field.message ? isMessage(p, value, field.message) : p.isPresent(value));
  });
  if (isGiven) p.created.add(literal);
  return isGiven;
}

/** `return T.create(one)`: nothing changes the copy. */
function isCopyOfSent(p: Proving, made: Made, given: Node, desc: DescMessage): boolean {
  const callee = made.getExpression();
  if (Node.isPropertyAccessExpression(callee) && callee.getName() === "fromObject" && Node.isCallExpression(made)) {
    const kind = p.kinds.get(given);
    if (kind?.kind !== "message" || kind.desc.typeName !== desc.typeName) return false;
  }
  const parent = made.getParentOrThrow();
  return Node.isIdentifier(given) && (Node.isReturnStatement(parent) || isArrowBody(parent, made));
}

function decoded(p: Proving, call: Node, bytes: Node | undefined, more: Node | undefined, desc: DescMessage): boolean {
  if (!bytes || more) return false;
  p.edit(call, call.getStart(), bytes.getStart(), [
    { module: "@bufbuild/protobuf", name: "fromBinary" },
    "(",
    p.generated(desc, "descriptor", call),
    ", ",
  ]);
  p.sink(bytes, { kind: "value", as: { kind: "bytes" } });
  p.kinds.set(call, { kind: "message", desc });
  return true;
}
