import type { DescMessage } from "@bufbuild/protobuf";
import { Node, type ObjectLiteralExpression } from "ts-morph";
import { isGivenAway } from "./given-away.js";
import { functionAround, isAbsent, resultsOf, unquoted, unwrapped, valueOfProperty } from "./message-syntax.js";
import type { Proving } from "./proof.js";
import { receivedAs } from "./received-messages.js";
import { isAlwaysThere } from "./similar-messages.js";

/**
 * A literal of which its place wants a message with all its fields: `save({ id, lines })` of `save(order: Order__Output)`. One
 * of protobuf-es is made of it, which has what the literal has.
 */
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

/** `create(OrderSchema, { … })`: lists of messages are copied there, so that nobody else may have them. */
export function createsMessage(p: Proving, literal: ObjectLiteralExpression, desc: DescMessage): void {
  p.wrap(
    literal,
    [{ module: "@bufbuild/protobuf", name: "create" }, "(", p.generated(desc, "descriptor", literal), ", "],
    ")",
  );
  p.later(() => {
    for (const field of desc.fields) {
      const property = literal.getProperty(p.shape.keyOf(field) ?? "");
      const part = valueOfProperty(property);
      if (!part || !field.message || isUnshared(p, part, literal)) continue;
      if (field.fieldKind !== "message" || !receivedAs(p, part))
        p.block(part, `${field.name} of a message that is made here may be used elsewhere, too`);
    }
  });
}

/** Is what a part of a literal gets nobody else's? */
function isUnshared(p: Proving, given: Node, literal: Node): boolean {
  return isMadeThere(p, given, (part) => isGivenAway(p, part, literal) || isLastUse(p, part, literal));
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
  if (!Node.isBindingElement(declaration) && !Node.isVariableDeclaration(declaration)) return false;
  const name = declaration.getNameNode();
  const around = functionAround(literal);
  if (!Node.isIdentifier(name) || functionAround(declaration) !== around) return false;
  const holder = Node.isBindingElement(declaration) ? declaration.getParent().getParent() : declaration;
  const source = Node.isVariableDeclaration(holder) ? holder.getInitializer() : holder;
  if (!source) return false;
  const isOwn = Node.isBindingElement(declaration) ? isRequest(p, source) : isMadeThere(p, source);
  const loops = (node: Node) => node.getAncestors().filter((one) => Node.isIterationStatement(one)).length;
  if (!isOwn || loops(name) !== loops(literal)) return false;
  return p.project
    .referencesTo(name)
    .every((use) => use.getStart() < literal.getEnd() && functionAround(use) === around);
}

/** `request`, `call.request`: the message that a handler gets. */
function isRequest(p: Proving, given: Node): boolean {
  const source = unwrapped(given);
  if (p.received.has(source)) return true;
  const declaration = Node.isIdentifier(source) ? p.project.declarationOf(source) : source;
  return Node.isParameterDeclaration(declaration) && p.received.has(declaration.getNameNode());
}
