import type { DescMessage } from "@bufbuild/protobuf";
import { Node, type ObjectLiteralExpression, type PropertyAccessExpression, type SpreadAssignment } from "ts-morph";
import { isChangedAt } from "./changed-lists.js";
import { keysLeftOut } from "./collected-rests.js";
import { isGivenAway } from "./given-away.js";
import {
  functionAround,
  isAbsent,
  isArrowBody,
  isFunctionNode,
  isGenerator,
  resultsOf,
  unquoted,
  unwrapped,
  valueOfProperty,
} from "./message-syntax.js";
import type { Proving } from "./proof.js";
import { receivedAs } from "./received-messages.js";
import { isAlwaysThere } from "./similar-messages.js";
import { isThereAt } from "./wrapped-values.js";

/** Has a literal all that may be read of a message of its type, as `Order__Output` wants it? */
export function isWholeLiteral(p: Proving, literal: Node, desc: DescMessage): literal is ObjectLiteralExpression {
  if (!Node.isObjectLiteralExpression(literal) || p.shape.explicit) return false;
  const given = new Set<string>();
  for (const property of literal.getProperties()) {
    if (!Node.isPropertyAssignment(property) && !Node.isShorthandPropertyAssignment(property)) return false;
    if (Node.isComputedPropertyName(property.getNameNode())) return false;
    given.add(unquoted(property.getName()));
  }
  return desc.members.every((member) => {
    const has = (key: string | undefined) => key !== undefined && given.has(key);
    // A member of a oneof has its name beside it, or nobody would find it.
    if (member.kind === "oneof")
      return member.fields.every((field) => !has(p.shape.keyOf(field)) || has(p.shape.oneofKeyOf(member)));
    return !isAlwaysThere(p, member) || has(p.shape.keyOf(member));
  });
}

/**
 * `create(OrderSchema, { … })`, of a whole literal: lists of messages are copied there, so that nobody else may have them; and
 * what is read of the message again is what the literal was given.
 */
export function createsMessage(p: Proving, literal: ObjectLiteralExpression, desc: DescMessage): void {
  const create = { module: "@bufbuild/protobuf", name: "create" };
  const opening = [create, "(", p.generated(desc, "descriptor", literal), ", "];
  const braces = literal.getParentOrThrow();
  // An arrow function has no need of braces around a call.
  const isBody = Node.isParenthesizedExpression(braces) && isArrowBody(braces.getParentOrThrow(), braces);
  if (isBody) {
    p.edit(braces, braces.getStart(), literal.getStart(), opening);
    p.edit(braces, literal.getEnd(), braces.getEnd(), [")"]);
  } else p.wrap(literal, opening, ")");
  noteGiven(p, literal, desc);
  p.later(() => {
    for (const field of desc.fields) {
      const part = valueOfProperty(literal.getProperty(p.shape.keyOf(field) ?? ""));
      if (!part || !field.message || isAbsent(part)) continue;
      const parts = partsIn(p, part, field.fieldKind === "map");
      if (!parts.every((one) => Node.isObjectLiteralExpression(one) || receivedAs(p, one)))
        p.block(part, `nothing proves what ${field.name} of a message that is made here is`);
      const isChanged = p.changed.has(field.message) || isChangedByName(p, part);
      if (field.fieldKind !== "message" && isChanged && !isUnshared(p, part, literal))
        p.block(part, `${field.name} of a message that is made here may be used elsewhere, too`);
    }
  });
}

/**
 * `{ ...stored, title }`, of a message that is there, and of the same type: all of it is spread, so that the literal is a message
 * itself, if what it names besides is as a message has it.
 */
export function staysMessage(
  p: Proving,
  spread: SpreadAssignment,
  object: ObjectLiteralExpression,
  desc: DescMessage,
): boolean {
  if (!p.shape.coerces || p.shape.explicit || !isCopy(p, object, desc, new Set())) return false;
  p.keptSpreads.add(spread);
  p.consume(unwrapped(spread.getExpression()));
  p.received.add(object);
  noteGiven(p, object, desc);
  return true;
}

/** Is a literal a copy of a message, with other values? What is stored may be a copy of what was stored before. */
function isCopy(p: Proving, object: Node, desc: DescMessage, assumed: Set<Node>): boolean {
  if (assumed.has(object)) return true;
  assumed.add(object);
  const [first, ...others] = Node.isObjectLiteralExpression(object) ? object.getProperties() : [];
  const message = Node.isSpreadAssignment(first) ? unwrapped(first.getExpression()) : undefined;
  const kind = message && p.kinds.get(message);
  if (!message || kind?.kind !== "message" || kind.desc !== desc || keysLeftOut(p, message).size > 0) return false;
  const presence = receivedAs(p, message, undefined, (made) => isCopy(p, made, desc, assumed));
  if (presence !== "always" && (presence !== "same" || !isThereAt(p, message, message))) return false;
  return others.every((property) => {
    const value = valueOfProperty(property);
    if (!value || !(Node.isPropertyAssignment(property) || Node.isShorthandPropertyAssignment(property))) return false;
    const field = p.fieldBy(desc, unquoted(property.getName()));
    if (!field || field.oneof) return false;
    const isTyped = p.isStrictlyTyped(value) && !p.isUnchecked(value);
    if (!field.message) return !isAbsent(value) && (isTyped || p.isPresent(value));
    const given = receivedAs(p, value);
    return given === "always" || (given === "null" && field.fieldKind === "message");
  });
}

/** Notes which fields a literal, and the literals in it, give another value than the peer might have sent. */
export function noteGiven(p: Proving, literal: ObjectLiteralExpression, desc: DescMessage): void {
  for (const property of literal.getProperties()) {
    const value = valueOfProperty(property);
    if (!value || !(Node.isPropertyAssignment(property) || Node.isShorthandPropertyAssignment(property))) continue;
    const field = p.fieldBy(desc, unquoted(property.getName()));
    if (!field) continue;
    const kind = p.kindOf(field);
    // A member of a oneof may be read again where it is never converted.
    const isAsGiven = kind.kind === "value" && kind.as.kind === "same" && /^(string|boolean)$/.test(kind.as.type);
    if (!field.message && !(field.oneof && isAsGiven)) p.written.add(field);
    for (const part of field.message ? partsIn(p, value, field.fieldKind === "map") : [])
      if (field.message && Node.isObjectLiteralExpression(part)) noteGiven(p, part, field.message);
  }
}

/** The messages that a part of a literal is, or is made of: literals, and what leads to none. */
function partsIn(p: Proving, given: Node, isMap: boolean): Node[] {
  const value = unwrapped(given);
  const of = (other: Node) => partsIn(p, other, isMap);
  if (isAbsent(value)) return [];
  if (Node.isAwaitExpression(value)) return of(value.getExpression());
  if (Node.isConditionalExpression(value)) return [...of(value.getWhenTrue()), ...of(value.getWhenFalse())];
  if (Node.isBinaryExpression(value)) return [...of(value.getLeft()), ...of(value.getRight())];
  if (isMap && Node.isObjectLiteralExpression(value))
    return value.getProperties().flatMap((one) => partsIn(p, valueOfProperty(one) ?? one, false));
  if (Node.isArrayLiteralExpression(value))
    return value.getElements().flatMap((one) => of(Node.isSpreadElement(one) ? one.getExpression() : one));
  if (!Node.isCallExpression(value)) return [value];
  const callee = value.getExpression();
  const [callback] = value.getArguments();
  const isMapped = Node.isPropertyAccessExpression(callee) && callee.getName() === "map" && callback !== undefined;
  const maker = isMapped ? callback : callee;
  const origin = isFunctionNode(maker) ? undefined : p.project.originOf(maker);
  const owner = origin?.kind === "function" ? origin.node : maker;
  return isFunctionNode(owner) && !isGenerator(owner) ? resultsOf(owner).flatMap(of) : [value];
}

/** `people.push(…)`, where the list is in a variable that nothing else is known of. */
function isChangedByName(p: Proving, part: Node): boolean {
  const declaration = Node.isIdentifier(part) ? p.project.declarationOf(part) : undefined;
  const isNamed =
    Node.isVariableDeclaration(declaration) ||
    Node.isParameterDeclaration(declaration) ||
    Node.isBindingElement(declaration);
  const name = isNamed ? declaration.getNameNode() : undefined;
  return Node.isIdentifier(name) && p.project.referencesTo(name).some(isChangedAt);
}

/** Is what a part of a literal gets nobody else's? */
function isUnshared(p: Proving, given: Node, literal: Node): boolean {
  return isMadeThere(
    p,
    given,
    (part) => isGivenAway(p, part, literal) || isLastUse(p, part, literal) || isOnlyPart(p, part, literal),
  );
}

/** Is a list made where it stands, or by the function that is called there? */
function isMadeThere(p: Proving, given: Node, isOwn: (part: Node) => boolean = () => false): boolean {
  const part = unwrapped(given);
  const of = (other: Node) => isMadeThere(p, other, isOwn);
  if (isAbsent(part) || Node.isObjectLiteralExpression(part) || Node.isArrayLiteralExpression(part)) return true;
  if (Node.isAwaitExpression(part)) return of(part.getExpression());
  if (Node.isConditionalExpression(part)) return of(part.getWhenTrue()) && of(part.getWhenFalse());
  if (Node.isBinaryExpression(part)) return of(part.getLeft()) && of(part.getRight());
  if (!Node.isCallExpression(part)) return isOwn(part);
  const callee = part.getExpression();
  if (Node.isPropertyAccessExpression(callee) && /^(map|filter|slice|concat|flatMap)$/.test(callee.getName()))
    return true;
  const origin = p.project.originOf(callee);
  return origin.kind === "function" && resultsOf(origin.node).every((result) => isMadeThere(p, result));
}

/** `lines` of `const { lines } = request`, of which the literal is the last use. */
function isLastUse(p: Proving, part: Node, literal: Node): boolean {
  const declaration = Node.isIdentifier(part) ? p.project.declarationOf(part) : undefined;
  const around = functionAround(literal);
  if (Node.isParameterDeclaration(declaration)) {
    const values = declaration.getParent() === around ? p.project.valuesPassed(declaration) : undefined;
    const isGiven = values?.every((value) => value !== undefined && isMadeThere(p, value));
    return isGiven === true && isLast(p, declaration.getNameNode(), literal);
  }
  if (!Node.isBindingElement(declaration) && !Node.isVariableDeclaration(declaration)) return false;
  const name = declaration.getNameNode();
  if (!Node.isIdentifier(name) || functionAround(declaration) !== around) return false;
  const holder = Node.isBindingElement(declaration) ? declaration.getParent().getParent() : declaration;
  const source = Node.isVariableDeclaration(holder) ? holder.getInitializer() : holder;
  if (!source) return false;
  const isOwn = Node.isBindingElement(declaration) ? isRequest(p, source) : isMadeThere(p, source);
  const loops = (node: Node) => node.getAncestors().filter((one) => Node.isIterationStatement(one)).length;
  if (!isOwn || loops(name) !== loops(literal)) return false;
  return isLast(p, name, literal);
}

/** Does nothing of a function use a name behind a literal? */
function isLast(p: Proving, name: Node, literal: Node): boolean {
  const around = functionAround(literal);
  const isBefore = (use: Node) => use === name || (use.getStart() < literal.getEnd() && functionAround(use) === around);
  return Node.isIdentifier(name) && p.project.referencesTo(name).every(isBefore);
}

/** `request.lines`, of a request whose other parts are read besides, and nothing else. */
function isOnlyPart(p: Proving, part: Node, literal: Node): boolean {
  const request = Node.isPropertyAccessExpression(part) ? part.getExpression() : undefined;
  const declaration =
    Node.isIdentifier(request) && isRequest(p, request) ? p.project.declarationOf(request) : undefined;
  const around = functionAround(literal);
  const isOnce = literal
    .getAncestors()
    .every((one) => !Node.isIterationStatement(one) || !around?.getDescendants().includes(one));
  if (!Node.isIdentifier(request) || !declaration || declaration.getParent() !== around || !isOnce) return false;
  return p.project.referencesTo(request).every((use) => {
    const access = use.getParent();
    if (use === request || access === declaration) return true;
    if (!Node.isPropertyAccessExpression(access) || access.getExpression() !== use || functionAround(use) !== around)
      return false;
    return access.getName() !== (part as PropertyAccessExpression).getName() || isLengthOf(access);
  });
}

/** `request`, `call.request`: the message that a handler gets. */
function isRequest(p: Proving, given: Node): boolean {
  const source = unwrapped(given);
  if (p.received.has(source)) return true;
  const declaration = Node.isIdentifier(source) ? p.project.declarationOf(source) : source;
  return Node.isParameterDeclaration(declaration) && p.received.has(declaration.getNameNode());
}

/** `list.length`, which nobody keeps. */
function isLengthOf(list: Node): boolean {
  const access = list.getParent();
  return Node.isPropertyAccessExpression(access) && access.getName() === "length";
}
