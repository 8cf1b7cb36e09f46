import type { DescField, DescMessage, DescOneof } from "@bufbuild/protobuf";
import { Node, type PropertyAccessExpression } from "ts-morph";
import { isPlain, isTextEnum } from "./message-kind.js";
import {
  conditionOf,
  conjuncts,
  isAbsent,
  isAssignmentTarget,
  isFunctionNode,
  isTruthTest,
  isValueOfLogical,
  quoted,
  unwrapped,
} from "./message-syntax.js";
import { isCopiedWithAll, isTaken } from "./oneof-literals.js";
import type { Proving } from "./proof.js";
import { passesStructs } from "./struct-values.js";
import { certainChainText } from "./typed-chains.js";

/** `message.member` of a oneof whose members are properties of their own: set is what is not undefined. False for other fields. */
export function readMember(p: Proving, access: PropertyAccessExpression, desc: DescMessage): boolean {
  const field = p.fieldBy(desc, access.getName());
  if (!field?.oneof) return false;
  if (isCopiedWithAll(p, access, field) || isTaken(p, access, field)) {
    passesStructs(p, access, p.kindOf(field));
    return true;
  }
  read(p, access, field, field.oneof);
  return true;
}

function read(p: Proving, access: PropertyAccessExpression, field: DescField, oneof: DescOneof): unknown {
  const object = access.getExpression();
  const isOptional = access.hasQuestionDotToken();
  const chain = certainChainText(p, object);
  if (chain === undefined)
    return p.block(access, "a member of a oneof is read of an expression that cannot be repeated");
  const parent = access.getParent();
  const dot = isOptional ? "?." : ".";
  const is = (operator: string) => `${dot}${oneof.localName}.case ${operator} ${quoted(access, field.localName)}`;
  if (Node.isBinaryExpression(parent) && parent.getLeft() === access && isAbsent(parent.getRight())) {
    const operator = parent.getOperatorToken().getText();
    if (/^[!=]==?$/.test(operator))
      return p.edit(parent, object.getEnd(), parent.getEnd(), [is(operator.startsWith("!") ? "===" : "!==")]);
  }
  const kind = p.kindOf(field);
  // Zero is false in both forms, and bytes are true.
  const isSameTest = kind.kind === "value" && /^(int64-number|bytes)$/.test(kind.as.kind);
  // A name is true wherever there is one.
  const isText = isTextEnum(kind);
  if (!isText && (isPlain(kind) || isSameTest) && parent && isTruthTest(parent, access) && !isValueOfLogical(parent)) {
    const whole = `${is("===")} && ${chain}.${oneof.localName}.value`;
    const isAlone = !Node.isPrefixUnaryExpression(parent) && !Node.isBinaryExpression(parent);
    if (!isAlone) p.edit(access, access.getStart(), access.getStart(), ["("], "after");
    p.edit(access, object.getEnd(), access.getEnd(), [`${whole}${isAlone ? "" : ")"}`]);
    return isSameTest ? undefined : p.flow(access, kind);
  }
  if ((isText || kind.kind === "message") && parent && isTruthTest(parent, access) && !isValueOfLogical(parent)) {
    const isNegated = Node.isPrefixUnaryExpression(parent);
    const around = isNegated ? parent : access;
    if (isNegated) p.edit(around, parent.getStart(), access.getStart(), []);
    return p.edit(around, object.getEnd(), access.getEnd(), [is(isNegated ? "!==" : "===")]);
  }
  if (isTested(access)) {
    p.edit(access, object.getEnd(), access.getEnd(), [`.${oneof.localName}.value`]);
    return p.flow(access, kind.kind === "value" ? { ...kind, maybe: false } : kind);
  }
  p.memberValues.set(access, (value) => value);
  p.finals.push(() => {
    const value = p.memberValues.get(access)?.(`${chain}.${oneof.localName}.value`);
    p.edit(access, access.getStart(), access.getStart(), ["("], "after");
    p.edit(access, object.getEnd(), access.getEnd(), [`${is("===")} ? ${value} : undefined)`]);
  });
  p.flow(access, kind);
}

/** Does `if (message.member !== undefined)`, which nothing undoes, stand around a read of it? */
function isTested(access: PropertyAccessExpression): boolean {
  const plain = (one: Node) => one.getText().replaceAll("?.", ".");
  const object = plain(access.getExpression());
  const isSame = (one: Node) => plain(one) === plain(access);
  const isTest = (condition: Node) => {
    const one = unwrapped(condition);
    return (
      isSame(one) ||
      (Node.isBinaryExpression(one) &&
        isSame(one.getLeft()) &&
        /^!==?$/.test(one.getOperatorToken().getText()) &&
        one.getRight().getText() === "undefined")
    );
  };
  for (let inner: Node = access, outer = access.getParent(); outer; inner = outer, outer = outer.getParent()) {
    if (isFunctionNode(outer)) return false;
    const condition =
      Node.isBinaryExpression(outer) && outer.getOperatorToken().getText() === "&&" && outer.getRight() === inner
        ? outer.getLeft()
        : conditionOf(inner);
    if (!condition || !conjuncts(condition).some(isTest)) continue;
    return !inner
      .getDescendants()
      .some(
        (node) => isAssignmentTarget(node) && (node.getText() === object || node.getText().startsWith(`${object}.`)),
      );
  }
  return false;
}
