import { type DescField, type DescOneof, ScalarType } from "@bufbuild/protobuf";
import { type CallExpression, Node, type PropertyAccessExpression } from "ts-morph";
import { contains } from "../analysis/around-values.js";
import { accessorsOf, chainRoot, generatedNameOf, isOptionalScalar, isScalar } from "./google-protobuf-names.js";
import type { Kind } from "./message-kind.js";
import {
  conditionOf,
  conjuncts,
  isArrowBody,
  isAssignmentTarget,
  isFunctionNode,
  isTruthTest,
  quoted,
  standsAlone,
  switchedOn,
  unwrapped,
} from "./message-syntax.js";
import type { Proving } from "./proof.js";

/** What a getter gives for a scalar or enum that is not set, as protobuf-es writes it. */
export function zeroText(field: DescField, near: Node): string {
  if (field.fieldKind === "enum" || (field.fieldKind !== "scalar" && field.fieldKind !== "list")) return "0";
  switch (field.scalar) {
    case ScalarType.STRING:
      return quoted(near, "");
    case ScalarType.BOOL:
      return "false";
    case ScalarType.BYTES:
      return "new Uint8Array(0)";
    case ScalarType.INT64:
    case ScalarType.UINT64:
    case ScalarType.SINT64:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return "longAsString" in field && field.longAsString ? quoted(near, "0") : "0n";
    default:
      return "0";
  }
}

/** `message.getX()` is `message.x`; unset members of a oneof and optional scalars give their default. */
export function readField(
  p: Proving,
  access: PropertyAccessExpression,
  call: Node,
  field: DescField,
  as: "get" | "bytes" | "base64",
): unknown {
  const object = access.getExpression();
  const nameStart = access.getNameNode().getStart();
  const given = p.kindOf(field);
  const isOptional = isOptionalScalar(field);
  const isAmongOthers = field.oneof !== undefined || isOptional;
  if (as !== "get" && field.fieldKind === "list") return p.block(call, "a list of bytes in another form");
  if (as === "base64") {
    if (isAmongOthers) return p.block(call, "base64 of bytes that may not be set");
    p.edit(
      call,
      call.getStart(),
      call.getStart(),
      [{ module: "@bufbuild/protobuf/wire", name: "base64Encode" }, "("],
      "after",
    );
    p.edit(call, nameStart, call.getEnd(), [`${field.localName})`]);
    return p.flow(call, { kind: "value", as: { kind: "same", type: "string" } });
  }
  const kind: Kind =
    as === "bytes"
      ? { kind: "value", as: { kind: "same", type: "bytes" } }
      : given.kind === "value"
        ? { kind: "value", as: given.as }
        : given;
  if (access.hasQuestionDotToken() && isAmongOthers) {
    // `message?.getX()`: undefined without the message, the default without the field.
    const chain = p.chainText(object);
    if (chain === undefined) return p.block(call, "a message that may not be there and cannot be read twice");
    const zero = isScalar(field) ? zeroText(field, call) : "undefined";
    const read = field.oneof
      ? `${chain}.${field.oneof.localName}.case === ${quoted(call, field.localName)} ? ${chain}.${field.oneof.localName}.value : ${zero}`
      : `${chain}.${field.localName} ?? ${zero}`;
    p.edit(call, call.getStart(), call.getStart(), ["("], "after");
    p.edit(call, object.getEnd(), call.getEnd(), [` === undefined ? undefined : ${read})`]);
    return p.flow(call, kind.kind === "value" ? { ...kind, maybe: true } : kind);
  }
  const isConverted = kind.kind === "value" && kind.as.kind === "int64-number";
  // `m.getX() ?? 0`, as declarations that allow undefined make people write: the getter gave its default before that.
  const fallback = call.getParent();
  const isDefaulted =
    isScalar(field) &&
    isAmongOthers &&
    Node.isBinaryExpression(fallback) &&
    fallback.getOperatorToken().getText() === "??" &&
    fallback.getLeft() === call &&
    (Node.isLiteralExpression(withoutSign(fallback.getRight())) || isConstant(p, fallback.getRight(), field));
  if (isDefaulted) p.edit(fallback, call.getEnd(), fallback.getEnd(), []);
  const outer = isDefaulted ? fallback : call;
  const isAlone = standsAlone(outer) || Node.isParenthesizedExpression(outer.getParent());
  const [opening, closing] = isConverted || isAlone ? ["", ""] : ["(", ")"];
  if (field.oneof) {
    const { oneof } = field;
    if (isGuardedMember(call, object, field, oneof)) {
      p.edit(call, nameStart, call.getEnd(), [`${oneof.localName}.value`]);
    } else {
      const chain = p.chainText(object);
      if (chain === undefined)
        return p.block(call, "a member of a oneof is read of an expression that cannot be repeated");
      const zero = isScalar(field) ? zeroText(field, call) : "undefined";
      if (opening !== "") p.edit(call, call.getStart(), call.getStart(), [opening], "after");
      p.edit(call, nameStart, call.getEnd(), [
        `${oneof.localName}.case === ${quoted(call, field.localName)} ? ${chain}.${oneof.localName}.value : ${zero}${closing}`,
      ]);
    }
  } else if (isOptional && !isGuarded(call, object, field)) {
    if (opening !== "") p.edit(call, call.getStart(), call.getStart(), [opening], "after");
    p.edit(call, nameStart, call.getEnd(), [`${field.localName} ?? ${zeroText(field, call)}${closing}`]);
  } else {
    p.edit(call, nameStart, call.getEnd(), [field.localName]);
  }
  const isMaybe = kind.kind === "value" && access.getText().includes("?.");
  p.flow(call, isMaybe ? { ...kind, maybe: true } : kind);
}

/** `1` of `-1`. */
function withoutSign(value: Node): Node {
  return Node.isPrefixUnaryExpression(value) ? value.getOperand() : value;
}

/** A name, or a constant of an enum, whose value needs no conversion. */
function isConstant(p: Proving, value: Node, field: DescField): boolean {
  if (field.fieldKind === "enum")
    return Node.isPropertyAccessExpression(value) && generatedNameOf(p.project, value.getExpression())?.kind === "enum";
  return Node.isIdentifier(value) && field.scalar === ScalarType.STRING;
}

/** `message.hasX()`. */
export function testField(
  p: Proving,
  access: PropertyAccessExpression,
  call: CallExpression,
  field: DescField,
): unknown {
  const parent = call.getParent();
  const isNegated = Node.isPrefixUnaryExpression(parent) && parent.getText().startsWith("!");
  const top = isNegated ? parent : call;
  const outer = top.getParent();
  const isTest = outer !== undefined && isTruthTest(outer, top);
  if (access.getText().includes("?.") && !isTest && !isNegated)
    return p.block(call, "whether a field is set of a message that may not be there");
  const needs =
    !(isTest && !Node.isPrefixUnaryExpression(outer)) && !standsAlone(top) && !(outer && isArrowBody(outer, top));
  const operator = isNegated === (field.oneof === undefined) ? "===" : "!==";
  const test = field.oneof
    ? `${field.oneof.localName}.case ${isNegated ? "!==" : "==="} ${quoted(call, field.localName)}`
    : `${field.localName} ${operator} undefined`;
  const [opening, closing] = needs ? ["(", ")"] : ["", ""];
  if (isNegated) p.edit(top, top.getStart(), call.getStart(), [opening]);
  else if (needs) p.edit(top, top.getStart(), top.getStart(), [opening], "after");
  p.edit(call, access.getNameNode().getStart(), call.getEnd(), [test + closing]);
}

/** Does a test of the same member, which nothing undoes, stand around a read? */
export function isGuardedMember(call: Node, object: Node, field: DescField, oneof: DescOneof): boolean {
  const text = object.getText();
  if (!Node.isIdentifier(object) && !Node.isPropertyAccessExpression(object)) return false;
  const table = accessorsOf(field.parent);
  const nameOf = (does: string, of: DescField | DescOneof) =>
    [...table].find(([, one]) => one.does === does && ("field" in one ? one.field : one.oneof) === of)?.[0];
  const test = `${text}.${nameOf("has", field)}()`;
  const subject = `${text}.${nameOf("case", oneof)}()`;
  const isMember = (condition: Node) =>
    isTested(condition, test) || conjuncts(condition).some((one) => isCompared(one, subject, field));
  const writers = new Set(oneof.fields.flatMap((one) => [nameOf("set", one), nameOf("clear", one)]));
  for (let inner: Node = call, outer = call.getParent(); outer; inner = outer, outer = outer.getParent()) {
    if (isFunctionNode(outer)) return false;
    const condition = conditionOf(inner);
    if (condition && isMember(condition)) return !isWrittenBefore(call, inner, text, writers);
    if (Node.isCaseClause(outer) && outer.getExpression() !== inner) {
      const constant = unwrapped(outer.getExpression());
      const isCase = Node.isPropertyAccessExpression(constant) && constant.getName() === field.name.toUpperCase();
      if (isCase && switchedOn(outer)?.getText() === subject) return !isWrittenBefore(call, outer, text, writers);
    }
  }
  return false;
}

/** Can a branch have written a member of a message, or put another message in its place, before it comes to a read? */
function isWrittenBefore(read: Node, branch: Node, message: string, writers: ReadonlySet<string | undefined>): boolean {
  // In a loop, what stands after a read is done before the next one.
  const isRepeated = read.getAncestors().some((one) => Node.isIterationStatement(one) && contains(branch, one));
  return isWritten(branch, isRepeated ? branch.getEnd() : read.getStart(), message, writers);
}

/** Does what begins in a branch before an offset write a member of a message, or put another message in its place? */
function isWritten(branch: Node, until: number, message: string, writers: ReadonlySet<string | undefined>): boolean {
  return branch.getDescendants().some((node) => {
    if (node.getStart() >= until) return false;
    if (isAssignmentTarget(node)) return message === node.getText() || message.startsWith(`${node.getText()}.`);
    const callee = Node.isCallExpression(node) ? node.getExpression() : undefined;
    if (!Node.isPropertyAccessExpression(callee) || !writers.has(callee.getName())) return false;
    return chainRoot(callee.getExpression()).getText() === message;
  });
}

/** Does `if (message.hasX())`, which nothing undoes, stand around a read of a field that may not be set? */
export function isGuarded(call: Node, object: Node, field: DescField): boolean {
  if (!Node.isIdentifier(object) && !Node.isPropertyAccessExpression(object)) return false;
  const table = [...accessorsOf(field.parent)].filter(([, one]) => "field" in one && one.field === field);
  const test = `${object.getText()}.${table.find(([, one]) => one.does === "has")?.[0]}()`;
  const writers = new Set(table.flatMap(([name, one]) => (/set|clear/.test(one.does) ? [name] : [])));
  for (let inner = call, outer = call.getParent(); outer; inner = outer, outer = outer.getParent()) {
    if (isFunctionNode(outer)) return false;
    const condition = conditionOf(inner);
    if (condition && isTested(condition, test)) return !isWritten(inner, inner.getEnd(), object.getText(), writers);
  }
  return false;
}

/** `message.getXCase() === Message.XCase.MEMBER` */
function isCompared(test: Node, subject: string, field: DescField): boolean {
  if (!Node.isBinaryExpression(test) || !/^===?$/.test(test.getOperatorToken().getText())) return false;
  const constant = unwrapped(test.getRight());
  if (test.getLeft().getText() !== subject || !Node.isPropertyAccessExpression(constant)) return false;
  return constant.getName() === field.name.toUpperCase();
}

function isTested(condition: Node, test: string): boolean {
  return conjuncts(condition).some((one) => one.getText() === test);
}
