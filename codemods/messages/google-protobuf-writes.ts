import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { type CallExpression, Node, type PropertyAccessExpression } from "ts-morph";
import { indentAt, lineEndingOf } from "../shared/ast.js";
import { accessorsOf, isImplicitScalar, isOptionalScalar } from "./google-protobuf-names.js";
import { isGuarded, isGuardedMember, zeroText } from "./google-protobuf-reads.js";
import type { Kind } from "./message-kind.js";
import { isAbsent, quoted, unwrapped } from "./message-syntax.js";
import type { Proving } from "./proof.js";
import { isWithinLength } from "./unchecked-elements.js";

/** One `.setX(value)` or `.addX(value)` of a chain. */
export interface Write {
  readonly call: CallExpression;
  readonly access: PropertyAccessExpression;
  readonly does: "set" | "add";
  readonly field: DescField;
  readonly value: Node;
}

/** The writes that are chained to a receiver, and the call that ends the chain; a string says what is in the way. */
export function writesOn(receiver: Node, desc: DescMessage): { readonly writes: Write[]; readonly top: Node } | string {
  const writes: Write[] = [];
  let top = receiver;
  for (;;) {
    const access = top.getParent();
    const call = access?.getParent();
    if (!Node.isPropertyAccessExpression(access) || access.getExpression() !== top) break;
    if (!Node.isCallExpression(call) || call.getExpression() !== access) break;
    const accessor = accessorsOf(desc).get(access.getName());
    if (accessor?.does !== "set" && accessor?.does !== "add") break;
    // add gives the new element of a list of messages, not the message that it was called on.
    if (accessor.does === "add" && accessor.field.fieldKind === "list" && accessor.field.message) break;
    const [value, second] = call.getArguments();
    if (!value || second || Node.isSpreadElement(value)) return "a write with other arguments than one value";
    writes.push({ call, access, does: accessor.does, field: accessor.field, value });
    top = call;
  }
  return { writes, top };
}

/** `message.setA(1)` becomes `message.a = 1`, and a chain of such calls becomes statements. */
export function writeChain(p: Proving, first: PropertyAccessExpression, desc: DescMessage): unknown {
  const receiver = first.getExpression();
  const found = writesOn(receiver, desc);
  if (typeof found === "string") return p.block(first, found);
  const { writes, top } = found;
  const statement = top.getParent();
  if (Node.isExpressionStatement(statement)) {
    if (writes.length > 1 && !Node.isIdentifier(unwrapped(receiver)))
      return p.block(top, "a chain of setters on an expression that cannot be repeated");
    return statements(p, receiver, writes);
  }
  if (Node.isReturnStatement(statement) && Node.isIdentifier(receiver)) {
    p.edit(statement, statement.getStart(), receiver.getStart(), []);
    statements(p, receiver, writes);
    const end = writes.at(-1)?.call.getEnd() ?? top.getEnd();
    p.edit(top, end, end, [`;${lineBreak(statement)}return ${receiver.getText()}`], "before");
    return p.flow(top, { kind: "message", desc });
  }
  // `list.forEach((one) => message.addX(one))`: nobody looks at what the callback gives.
  if (writes.length === 1 && isBodyOfForEach(top)) return statements(p, receiver, writes);
  p.block(top, "a setter whose result is used");
}

export function isBodyOfForEach(body: Node): boolean {
  const owner = body.getParent();
  const call = owner?.getParent();
  if (!Node.isArrowFunction(owner) || owner.getBody() !== body || !Node.isCallExpression(call)) return false;
  const callee = call.getExpression();
  return Node.isPropertyAccessExpression(callee) && callee.getName() === "forEach" && call.getArguments()[0] === owner;
}

function statements(p: Proving, receiver: Node, writes: readonly Write[]): void {
  let last: Write | undefined;
  for (const write of writes) {
    // Between two writes of a chain stands a dot; they become statements of their own.
    if (last)
      p.edit(write.call, last.call.getEnd(), write.access.getNameNode().getStart(), [
        `;${lineBreak(receiver)}${receiver.getText()}.`,
      ]);
    assign(p, write);
    last = write;
  }
}

function assign(p: Proving, { call, access, field, value, does }: Write): unknown {
  const start = access.getNameNode().getStart();
  if (does === "add") {
    p.edit(call, start, access.getEnd(), [`${field.localName}.push`]);
    return give(p, value, elementOf(p.kindOf(field)), field);
  }
  if (field.oneof) {
    const fault = absentFault(value);
    if (fault !== undefined) return p.block(call, fault);
    p.edit(call, start, value.getStart(), [
      `${field.oneof.localName} = { case: ${quoted(call, field.localName)}, value: `,
    ]);
    p.edit(call, value.getEnd(), call.getEnd(), [" }"]);
    p.sink(value, p.kindOf(field));
    return p.later(() => {
      if (!isThere(p, value, field)) p.block(call, "a member of a oneof that may be absent");
    });
  }
  p.edit(call, start, value.getStart(), [`${field.localName} = `]);
  if (value.getEnd() < call.getEnd()) p.edit(call, value.getEnd(), call.getEnd(), []);
  give(p, value, p.kindOf(field), field);
}

/** A value for a property: what may be absent gets the default that the old getter gave. */
export function give(p: Proving, value: Node, kind: Kind, field: DescField): unknown {
  if (isAbsent(value)) {
    if (kind.kind === "list") return p.replace(value, "[]");
    return p.replace(value, isImplicitScalar(field) ? zeroText(field, value) : "undefined");
  }
  p.sink(value, kind);
  if (
    (kind.kind === "message" || kind.kind === "wrapper") &&
    p.canBe(value, "null", (part) => part.getText() === "null")
  ) {
    const [opening, closing] = Node.isIdentifier(value) || Node.isCallExpression(value) ? ["", ""] : ["(", ")"];
    if (opening !== "") p.edit(value, value.getStart(), value.getStart(), [opening], "after");
    return p.edit(value, value.getEnd(), value.getEnd(), [`${closing} ?? undefined`], "before");
  }
  if (kind.kind !== "value") return;
  const isOptional = isOptionalScalar(field);
  p.later(() => {
    if (isOptional ? isNeverNull(p, value) : p.isPresent(value)) return;
    const isName =
      Node.isIdentifier(value) ||
      Node.isPropertyAccessExpression(value) ||
      Node.isElementAccessExpression(value) ||
      Node.isCallExpression(value);
    const [opening, closing] = isName ? ["", ""] : ["(", ")"];
    const absent = isOptional ? "undefined" : zeroText(field, value);
    if (opening !== "") p.edit(value, value.getStart(), value.getStart(), [opening], "after");
    p.edit(value, value.getEnd(), value.getEnd(), [`${closing} ?? ${absent}`], "before");
  });
}

/** Present, or undefined where that is what "not set" is. */
function isNeverNull(p: Proving, value: Node): boolean {
  const expression = unwrapped(value);
  if (Node.isConditionalExpression(expression))
    return isNeverNull(p, expression.getWhenTrue()) && isNeverNull(p, expression.getWhenFalse());
  return expression.getText() === "undefined" || p.isPresent(expression);
}

export function elementOf(kind: Kind): Kind {
  return kind.kind === "list" || kind.kind === "map" ? kind.of : kind;
}

export function absentFault(value: Node): string | undefined {
  return isAbsent(value) ? "a member of a oneof that is not set" : undefined;
}

/** `message.clearX()`, as a statement. */
export function clearField(
  p: Proving,
  access: PropertyAccessExpression,
  call: CallExpression,
  field: DescField,
): unknown {
  if (!Node.isExpressionStatement(call.getParent())) return p.block(call, "what clear gives is used");
  if (field.fieldKind === "map") return p.block(call, "a map is cleared");
  const start = access.getNameNode().getStart();
  if (field.oneof) {
    const chain = p.chainText(access.getExpression());
    if (chain === undefined)
      return p.block(call, "a member of a oneof is cleared of an expression that cannot be repeated");
    const { localName } = field.oneof;
    const choice = `${chain}.${localName}`;
    const test = `${localName}.case === ${quoted(call, field.localName)}`;
    const around = call.getParent()?.getParent();
    if (isGuardedMember(call, access.getExpression(), field, field.oneof))
      return p.edit(call, start, call.getEnd(), [`${localName} = { case: undefined }`]);
    // Where an else could follow, an if of its own would take it.
    if (!Node.isBlock(around) && !Node.isSourceFile(around))
      return p.edit(call, start, call.getEnd(), [`${localName} = ${chain}.${test} ? { case: undefined } : ${choice}`]);
    p.edit(call, call.getStart(), call.getStart(), ["if ("], "after");
    return p.edit(call, start, call.getEnd(), [`${test}) ${choice} = { case: undefined }`]);
  }
  const empty = field.fieldKind === "list" ? "[]" : isImplicitScalar(field) ? zeroText(field, call) : "undefined";
  p.edit(call, start, call.getEnd(), [`${field.localName} = ${empty}`]);
}

/** `message.addX(value)`: pushes. */
export function addToList(
  p: Proving,
  access: PropertyAccessExpression,
  call: CallExpression,
  field: DescField,
  desc: DescMessage,
): unknown {
  const element = elementOf(p.kindOf(field));
  if (element.kind !== "message") return writeChain(p, access, desc);
  const [value, second] = call.getArguments();
  if (!value || second || !(Node.isExpressionStatement(call.getParent()) || isBodyOfForEach(call)))
    return p.block(call, "a message that is added in another way than at the end of the list");
  p.edit(call, access.getNameNode().getStart(), access.getEnd(), [`${field.localName}.push`]);
  p.sink(value, element);
  p.later(() => {
    if (!isThere(p, value, field)) p.block(value, "an element of a list that may be absent");
  });
}

/** Is a value certainly there? For a message: nothing that it is made of is null, undefined or a field that may be unset. */
export function isThere(p: Proving, value: Node, field: DescField): boolean {
  if (!field.message) return p.isPresent(value);
  if (p.isStrictlyTyped(value) && !p.isUnchecked(value) && !isForced(p, value)) return true;
  return !p.canBeMissing(value);
}

/** `message.getX()!`, also in a constant, where no test has found it to be there. */
function isForced(p: Proving, value: Node): boolean {
  if (Node.isNonNullExpression(value)) {
    const read = unwrapped(value);
    const callee = Node.isCallExpression(read) ? read.getExpression() : undefined;
    const kind = Node.isPropertyAccessExpression(callee) ? p.kinds.get(callee.getExpression()) : undefined;
    if (!Node.isPropertyAccessExpression(callee) || kind?.kind !== "message") return true;
    const accessor = accessorsOf(kind.desc).get(callee.getName());
    return accessor?.does !== "get" || !isGuarded(read, callee.getExpression(), accessor.field);
  }
  if (Node.isParenthesizedExpression(value)) return isForced(p, value.getExpression());
  const declaration = Node.isIdentifier(value) ? p.project.declarationOf(value) : undefined;
  const made = Node.isVariableDeclaration(declaration) ? declaration.getInitializer() : undefined;
  return made !== undefined && isForced(p, made);
}

/** A message that was read of another one, or of a list or map, and may not be there. */
export function isUnset(p: Proving, part: Node): boolean {
  if (Node.isElementAccessExpression(part) && p.kinds.get(part.getExpression())?.kind === "list") {
    const index = part.getArgumentExpression();
    return !index || !isWithinLength(part, part.getExpression(), index);
  }
  if (!Node.isCallExpression(part)) return part.getText().includes("?.");
  const callee = part.getExpression();
  const kind = Node.isPropertyAccessExpression(callee) ? p.kinds.get(callee.getExpression()) : undefined;
  if (kind?.kind === "message" && Node.isPropertyAccessExpression(callee))
    return /^(get|unpack$)/.test(callee.getName());
  return kind?.kind === "list" || kind?.kind === "map";
}

/** The line end and indentation of the line on which a node starts. */
export function lineBreak(node: Node): string {
  const text = node.getSourceFile().getFullText();
  return lineEndingOf(text) + indentAt(text, node.getStart());
}
