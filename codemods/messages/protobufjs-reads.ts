import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import {
  type BindingElement,
  type CallExpression,
  type NewExpression,
  Node,
  type PropertyAccessExpression,
} from "ts-morph";
import { sameKind } from "./message-kind.js";
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
import { staticNameOf } from "./protobufjs-generated.js";
import { receivedAs } from "./received-messages.js";
import { spreads } from "./spread-choices.js";
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
  const parent = access.getParent();
  const isLong = kind.kind === "value" && kind.as.kind === "int64-long";
  const isRead = kind.kind === "value" && (isLong || kind.as.kind === "same" || kind.as.kind === "enum-number");
  if (!isRead || isAssignmentTarget(access)) return p.block(access, "a field that is null where it is not set");
  // A Long is true, whatever it says.
  if (parent && !isLong && isTruthTest(parent, access) && !isValueOfLogical(parent)) return undefined;
  if (Node.isBinaryExpression(parent)) {
    const operator = parent.getOperatorToken().getText();
    const other = parent.getLeft() === access ? parent.getRight() : parent.getLeft();
    if (/^[!=]=$/.test(operator) && isAbsent(other)) return undefined;
    if (/^(\|\||\?\?)$/.test(operator) && parent.getLeft() === access && !isLong)
      return void p.kinds.set(access, { ...kind, maybe: true });
    if (/^[!=]==$/.test(operator) && isAbsent(other)) {
      if (other.getText() === "null") p.replace(other, "undefined");
      p.later(() => {
        if (other.getText() !== "null" || receivedAs(p, access.getExpression()) !== "always")
          p.block(access, "nothing proves whether this is undefined or null where it is not set");
      });
      return undefined;
    }
  }
  if (access.getText().includes("?.")) return p.block(access, "a field that is null where it is not set");
  const isThere = isThereAt(p, access, access);
  if (isLong && isThere) return p.flow(access, { ...kind, maybe: false });
  p.kinds.set(access, { ...kind, maybe: true });
  if (isThere) return undefined;
  // A field of another message takes undefined as it took null, and both are 0 there for `x >>> 0`.
  p.later(() => {
    if (p.consumed.has(access) || p.coerced.has(access)) return;
    if (isLong || isShorthand(access)) return p.block(access, "a field that is null where it is not set");
    const top = topOf(access);
    const [opening, closing] = standsAlone(top) ? ["", ""] : ["(", ")"];
    p.wrap(top, [opening], ` ?? null${closing}`);
  });
}

/** `const { optNum } = message`: null where it is not set, by a default. */
export function takesNullable(p: Proving, part: BindingElement, field: DescField): boolean {
  const kind = p.kindOf(field);
  const isSame = kind.kind === "value" && (kind.as.kind === "same" || kind.as.kind === "enum-number");
  const name = part.getNameNode();
  if (!isSame || part.getInitializer() || !Node.isIdentifier(name)) return false;
  p.edit(part, name.getEnd(), name.getEnd(), [" = null"], "before");
  p.later(() => {
    if (receivedAs(p, part.getParent()) !== "always")
      p.block(part, "a field of a message that the program may have made");
  });
  return true;
}

/** `message.hasOwnProperty("child")`, of a part that protobuf-es says it of as well. */
export function asksPresence(p: Proving, access: PropertyAccessExpression, desc: DescMessage): boolean {
  const call = access.getParent();
  if (access.getName() !== "hasOwnProperty" || !Node.isCallExpression(call)) return false;
  const [key] = call.getArguments();
  const field = Node.isStringLiteral(key) ? p.fieldBy(desc, key.getLiteralText()) : undefined;
  const says = field && !field.oneof && (field.fieldKind === "message" || isNullable(field));
  if (!says || access.hasQuestionDotToken()) {
    p.block(call, "whether a part of a message was sent");
    return true;
  }
  const object = access.getExpression();
  p.later(() => {
    if (receivedAs(p, object) !== "always")
      p.block(call, "whether a part of a message is there that the program may have made");
  });
  const [opening, closing] = standsAlone(call) ? ["", ""] : ["(", ")"];
  if (opening) p.edit(call, call.getStart(), call.getStart(), [opening], "after");
  p.edit(call, object.getEnd(), call.getEnd(), [`.${field.localName} !== undefined${closing}`]);
  p.flow(call, { kind: "value", as: { kind: "same", type: "boolean" } });
  return true;
}

/** Methods that compare a Long with another one, or with a number. */
const COMPARISONS = new Map(
  Object.entries({
    equals: "===",
    eq: "===",
    notEquals: "!==",
    neq: "!==",
    ne: "!==",
    lessThan: "<",
    lt: "<",
    lessThanOrEqual: "<=",
    lte: "<=",
    le: "<=",
    greaterThan: ">",
    gt: ">",
    greaterThanOrEqual: ">=",
    gte: ">=",
    ge: ">=",
  }),
);

const TESTS = new Map(Object.entries({ isZero: "=== 0n", eqz: "=== 0n", isNegative: "< 0n", isPositive: ">= 0n" }));

/** `long.equals(other)`, of one sign, or with a number that is written out. */
function compareLongs(
  p: Proving,
  call: CallExpression,
  access: PropertyAccessExpression,
  operator: string,
  other: Node,
) {
  if (/^\d{1,15}$/.test(other.getText())) return compareLong(p, call, access, ` ${operator} ${other.getText()}n`);
  const kind = p.kinds.get(access.getExpression());
  p.later(() => {
    const second = p.kinds.get(other);
    if (kind?.kind !== "value" || second?.kind !== "value" || second.maybe || !sameKind(kind, second))
      return p.block(call, "a Long is compared with what is not known to be one");
    p.consume(other);
    compareLong(p, call, access, ` ${operator} `, other);
  });
}

function compareLong(p: Proving, call: CallExpression, access: PropertyAccessExpression, test: string, other?: Node) {
  p.flow(call, { kind: "value", as: { kind: "same", type: "boolean" } });
  const isNegated = Node.isPrefixUnaryExpression(call.getParent());
  const [opening, closing] = isNegated || !standsAlone(call) ? ["(", ")"] : ["", ""];
  if (opening) p.edit(call, call.getStart(), call.getStart(), [opening], "after");
  p.edit(call, access.getExpression().getEnd(), other?.getStart() ?? call.getEnd(), [`${test}${other ? "" : closing}`]);
  if (other) p.edit(call, other.getEnd(), call.getEnd(), [closing]);
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
  const long = p.kinds.get(access.getExpression());
  if (long?.kind === "value" && long.maybe && !isThereAt(p, access, access.getExpression()))
    return p.block(access, "a Long that may not be there");
  const operator = COMPARISONS.get(name);
  const [other] = call.getArguments();
  if (operator && other && count === 1) return compareLongs(p, call, access, operator, other);
  const test = TESTS.get(name);
  if (test && count === 0) return compareLong(p, call, access, ` ${test}`);
  if (name !== "toNumber" || count > 0) return p.block(access, `what ${name} of a Long does is not followed`);
  p.edit(call, call.getStart(), call.getStart(), ["Number("], "after");
  p.edit(call, access.getExpression().getEnd(), call.getEnd(), [")"]);
  p.flow(call, { kind: "value", as: { kind: "same", type: "number" } });
}

/** `T.create(…)`, `new T(…)`, `T.fromObject(…)`, `T.decode(…)`: what it makes, and how. */
export function makerOf(p: Proving, node: Node | undefined) {
  const isNew = Node.isNewExpression(node);
  if (!isNew && !Node.isCallExpression(node)) return undefined;
  const callee = node.getExpression();
  const [owner, does] = isNew
    ? [callee, "create"]
    : Node.isPropertyAccessExpression(callee)
      ? [callee.getExpression(), callee.getName()]
      : [];
  const name = owner && staticNameOf(p.project, owner);
  if (name?.kind !== "message" || !does || !/^(create|fromObject|decode)$/.test(does)) return undefined;
  return { desc: name.desc, does };
}

/** `T.create(…)`, `new T(…)`, `T.fromObject(…)`. */
export function makesMessage(p: Proving, node: Node | undefined): node is CallExpression | NewExpression {
  const maker = makerOf(p, node);
  return maker !== undefined && maker.does !== "decode";
}

/** `reply.tags.push(…)`, where the literal that makes the reply has the list, or `T.create()` gave it an empty one. */
export function isGivenList(p: Proving, access: PropertyAccessExpression, desc: DescMessage): boolean {
  const object = access.getExpression();
  const declaration = Node.isIdentifier(object) ? p.project.declarationOf(object) : undefined;
  const made = Node.isVariableDeclaration(declaration) ? declaration.getInitializer() : undefined;
  if (Node.isIdentifier(object) && p.project.referencesTo(object).some(isAssignmentTarget)) return false;
  const isMade = makesMessage(p, made);
  if (isMade && emptyListsOf(p, made, desc).some((field) => p.shape.keyOf(field) === access.getName())) return true;
  const literal = isMade ? made.getArguments()[0] : made;
  if (!Node.isObjectLiteralExpression(literal) || spreads(literal)) return false;
  const property = literal.getProperty(access.getName());
  const value = Node.isPropertyAssignment(property) ? property.getInitializer() : undefined;
  const callee = Node.isCallExpression(value) ? value.getExpression() : undefined;
  const isList = Node.isPropertyAccessExpression(callee) && /^(map|filter|slice|concat)$/.test(callee.getName());
  return isList || Node.isArrayLiteralExpression(value) || Node.isObjectLiteralExpression(value);
}

/** Lists and maps that are filled in the variable which a made message stands in, and that the literal does not have. */
export function emptyListsOf(p: Proving, made: CallExpression | NewExpression, desc: DescMessage): DescField[] {
  const declaration = made.getParent();
  const [literal] = made.getArguments();
  const name = Node.isVariableDeclaration(declaration) ? declaration.getNameNode() : undefined;
  if (!Node.isIdentifier(name) || (literal && (!Node.isObjectLiteralExpression(literal) || spreads(literal))))
    return [];
  const references = p.project.referencesTo(name);
  if (references.some(isAssignmentTarget)) return [];
  const filled = references.flatMap((reference) => {
    const access = reference.getParent();
    const isRead = Node.isPropertyAccessExpression(access) && access.getExpression() === reference;
    return isRead && !isAssignmentTarget(access) ? [access.getName()] : [];
  });
  return desc.fields.filter((field) => {
    const key = p.shape.keyOf(field) ?? "";
    const isEmpty = field.fieldKind === "list" || field.fieldKind === "map";
    return isEmpty && filled.includes(key) && !literal?.getProperty(key);
  });
}
