import type { DescField, DescOneof } from "@bufbuild/protobuf";
import { Node, type PropertyAccessExpression } from "ts-morph";
import { maybe } from "./message-kind.js";
import {
  conditionOf,
  conjuncts,
  disjuncts,
  isFunctionNode,
  isGuarded,
  isStoodFor,
  isTruthTest,
  isValueOfLogical,
  leavesAlways,
  quoted,
  unwrapped,
} from "./message-syntax.js";
import { isCopiedWithAll } from "./oneof-literals.js";
import type { Proving } from "./proof.js";
import { isWritten, receivedAs } from "./received-messages.js";

/** `message.text`, a member of a oneof: its value where a test has found which member is set, or a question for it. */
export function followMember(p: Proving, access: PropertyAccessExpression, object: Node, field: DescField): unknown {
  if (isCopiedWithAll(p, access, field)) return;
  const kind = p.kindOf(field);
  const { localName } = field.oneof as DescOneof;
  const dot = access.hasQuestionDotToken() ? "?." : ".";
  const isCase = (operator: string) => `.case ${operator} ${quoted(access, field.localName)}`;
  // A literal that the program makes has no oneof where none of its members is set.
  const asked = () => (receivedAs(p, object) !== undefined || !p.shape.creates ? "" : "?");
  const ask = (from: Node, to: number, ending: string) =>
    p.last.push(() => p.edit(from, object.getEnd(), to, [`${dot}${localName}${asked()}${ending}`]));

  const compared = comparisonWithNothing(p, access);
  if (compared) return ask(compared.whole, compared.whole.getEnd(), isCase(compared.isThere ? "===" : "!=="));
  const parent = access.getParent();
  const isTest = parent !== undefined && isTruthTest(parent, access) && !isValueOfLogical(parent);
  const negation = isTest && Node.isPrefixUnaryExpression(parent) ? parent : undefined;
  // A message is true, whatever it says, and so is the text of a number of 64 bits, or the object for it.
  const isTrue = kind.kind !== "value" || kind.as.kind === "int64-string" || kind.as.kind === "int64-long";
  if (isTest && isTrue) {
    if (Node.isPrefixUnaryExpression(negation?.getParent())) {
      p.edit(access, access.getStart(), access.getStart(), ["("], "after");
      return ask(access, access.getEnd(), `${isCase("===")})`);
    }
    if (negation) p.edit(negation, negation.getStart(), object.getStart(), []);
    return ask(access, access.getEnd(), isCase(negation ? "!==" : "==="));
  }

  const chain = p.chainText(object);
  if (chain === undefined)
    return p.block(access, "a member of a oneof is read of an expression that cannot be repeated");
  const choice = `${chain}.${localName}`;
  if (isTest) {
    // What the value says is asked as well: an empty text, or zero, is set.
    const [opening, closing] = Node.isIfStatement(parent) ? ["", ""] : ["(", ")"];
    if (opening) p.edit(access, access.getStart(), access.getStart(), [opening], "after");
    ask(access, access.getEnd(), `${isCase("===")} && ${choice}.value${closing}`);
    return p.flow(access, kind);
  }
  const oneofKey = p.shape.oneofKeyOf(field.oneof as DescOneof) ?? "";
  const isFound =
    isGuarded(access, `${object.getText()}.${oneofKey}`, p.shape.keyOf(field) ?? "") ||
    (receivedAs(p, object) !== undefined && isFoundBefore(p, access));
  if (isFound && !isWritten(p, rootOf(object))) {
    p.edit(access, object.getEnd(), access.getEnd(), [`${dot}${localName}.value`]);
    return p.flow(access, kind.kind === "value" ? { ...kind, maybe: false } : kind);
  }
  const nothing = p.shape.hasNulls && !isStoodFor(access) ? "null" : "undefined";
  p.askedMembers.set(access, choice);
  p.last.push(() => {
    // The same member of another message takes the oneof as it is.
    if (p.takenMembers.has(access)) return;
    p.edit(access, access.getStart(), access.getStart(), ["("], "after");
    p.edit(access, object.getEnd(), access.getEnd(), [
      `${dot}${localName}${asked()}${isCase("===")} ? ${choice}.value : ${nothing})`,
    ]);
    // `undefined` where another member is set, as it was; conversions would have to let it through.
    if (kind.kind === "value" && kind.as.kind !== "same" && kind.as.kind !== "enum-number")
      p.block(access, "this member of a oneof needs a conversion");
  });
  if (nothing === "null")
    p.later(() => {
      if (dot === "?." || !receivedAs(p, object))
        p.block(access, "a member of a oneof that may be undefined or null where it is not set");
    });
  p.flow(access, kind.kind === "value" ? maybe(kind) : kind);
}

function rootOf(given: Node): Node {
  let node = unwrapped(given);
  while (Node.isPropertyAccessExpression(node) || Node.isElementAccessExpression(node))
    node = unwrapped(node.getExpression());
  return node;
}

/** `message.text != null`, and with three signs what the old code has there. */
function comparisonWithNothing(p: Proving, access: PropertyAccessExpression) {
  const whole = access.getParent();
  if (!Node.isBinaryExpression(whole) || whole.getLeft() !== access) return undefined;
  const operator = whole.getOperatorToken().getText();
  const other = whole.getRight().getText();
  const nothing = p.shape.hasNulls ? "null" : "undefined";
  const isLoose = /^[!=]=$/.test(operator) && /^(null|undefined)$/.test(other);
  const isStrict = /^[!=]==$/.test(operator) && other === nothing && !access.getText().includes("?.");
  return isLoose || isStrict ? { whole, isThere: operator.startsWith("!") } : undefined;
}

/** Has a test around the use, or before it, found the member to be set? Nothing writes to a message that was received. */
function isFoundBefore(p: Proving, access: PropertyAccessExpression): boolean {
  const text = access.getText();
  const nothing = p.shape.hasNulls ? "null" : "undefined";
  const isTest = (one: Node, sign: "!" | "=") => {
    const words = one.getText().replace(/\s+/g, " ");
    return [`${text} ${sign}= null`, `${text} ${sign}= undefined`, `${text} ${sign}== ${nothing}`].includes(words);
  };
  const isThere = (test: Node) => conjuncts(test).some((one) => one.getText() === text || isTest(one, "!"));
  const isNotThere = (test: Node) => disjuncts(test).some((one) => one.getText() === `!${text}` || isTest(one, "="));
  for (let inner: Node = access, outer = access.getParent(); outer; inner = outer, outer = outer.getParent()) {
    if (isFunctionNode(outer)) return false;
    const condition = conditionOf(inner);
    if (condition && isThere(condition)) return true;
    if (Node.isConditionalExpression(outer) && outer.getWhenFalse() === inner && isNotThere(outer.getCondition()))
      return true;
    if (Node.isIfStatement(outer) && outer.getElseStatement() === inner && isNotThere(outer.getExpression()))
      return true;
    if (Node.isBinaryExpression(outer) && outer.getRight() === inner) {
      const operator = outer.getOperatorToken().getText();
      if (operator === "&&" && isThere(outer.getLeft())) return true;
      if (operator === "||" && isNotThere(outer.getLeft())) return true;
    }
    if (!Node.isBlock(outer)) continue;
    const before = outer.getStatements().slice(0, (outer.getStatements() as Node[]).indexOf(inner));
    const leaves = (one: Node) =>
      Node.isIfStatement(one) && isNotThere(one.getExpression()) && leavesAlways(one.getThenStatement());
    if (before.some(leaves)) return true;
  }
  return false;
}
