import type { DescField, DescOneof } from "@bufbuild/protobuf";
import { Node } from "ts-morph";
import { conditionOf, conjuncts, isAssignmentTarget, isEqual, isFunctionNode, switchedOn } from "./message-syntax.js";
import type { Proving } from "./proof.js";

/**
 * Does a test that a field is set, which nothing undoes, stand around a read of it: `m.has_x`, `m.x`, `m.x !== undefined`,
 * `m.the_oneof === "x"`, or a `case "x"` of that?
 */
export function isFoundSet(p: Proving, read: Node, object: Node, field: DescField): boolean {
  const text = object.getText();
  if (!/^[\w$]+(\.[\w$]+)*$/.test(text)) return false;
  const key = p.shape.keyOf(field) ?? field.name;
  const whole = `${text}.${key}`;
  const choice = field.oneof && `${text}.${keyOfOneof(p, field.oneof)}`;
  const isTest = (one: Node) =>
    one.getText() === `${text}.has_${key}` ||
    (field.fieldKind === "message" && (one.getText() === whole || isSomething(one, whole))) ||
    (choice !== undefined && isEqual(one, choice, key));
  for (let inner: Node = read, outer = read.getParent(); outer; inner = outer, outer = outer.getParent()) {
    if (isFunctionNode(outer)) return false;
    const condition =
      Node.isBinaryExpression(outer) && outer.getOperatorToken().getText() === "&&" && outer.getRight() === inner
        ? outer.getLeft()
        : conditionOf(inner);
    if (condition && conjuncts(condition).some(isTest)) return !isChangedIn(p, inner, read, text, field);
    if (choice === undefined || !Node.isCaseClause(outer) || outer.getExpression() === inner) continue;
    const member = outer.getExpression();
    if (Node.isStringLiteral(member) && member.getLiteralText() === key && switchedOn(outer)?.getText() === choice)
      return !isChangedIn(p, outer, read, text, field);
  }
  return false;
}

function keyOfOneof(p: Proving, oneof: DescOneof): string {
  return p.shape.oneofKeyOf(oneof) ?? oneof.name;
}

function isSomething(test: Node, whole: string): boolean {
  return (
    Node.isBinaryExpression(test) &&
    test.getLeft().getText() === whole &&
    /^!==?$/.test(test.getOperatorToken().getText()) &&
    test.getRight().getText() === "undefined"
  );
}

/** Can a branch write a field, put another message in the place of its own, or hand that to someone who does? */
function isChangedIn(p: Proving, branch: Node, read: Node, message: string, field: DescField): boolean {
  const written = writtenWith(p, message, field);
  return branch.getDescendants().some((node) => {
    const text = node.getText();
    // `message.count += 1` reads it, too.
    if (node === read) return false;
    if (isAssignmentTarget(node)) return written.has(text) || `${message}.`.startsWith(`${text}.`);
    // What is not there is undefined, for a message, whoever sees to that.
    if ((field.fieldKind === "message" && !field.oneof) || !Node.isCallExpression(node)) return false;
    return node.getArguments().some((one) => `${message}.`.startsWith(`${one.getText()}.`));
  });
}

/** The fields that get another value where one is written. */
function writtenWith(p: Proving, message: string, field: DescField): Set<string> {
  const fields = field.oneof?.fields ?? [field];
  return new Set(fields.map((one) => `${message}.${p.shape.keyOf(one) ?? one.name}`));
}

/**
 * Has a statement before this read, in whose block it stands, set another member of a oneof? The compiler knows that then, and
 * takes a test of this one for a mistake.
 */
export function isKnownUnset(p: Proving, read: Node, object: Node, oneof: DescOneof, member?: DescField): boolean {
  const text = object.getText();
  const others = new Set(
    oneof.fields.filter((one) => one !== member).map((one) => `${text}.${p.shape.keyOf(one) ?? one.name}`),
  );
  const blocks = new Set(read.getAncestors().filter((one) => Node.isBlock(one) || Node.isCaseClause(one)));
  return [...blocks].some((block) =>
    (block as unknown as { getStatements(): Node[] }).getStatements().some((statement) => {
      const change = Node.isExpressionStatement(statement) ? statement.getExpression() : undefined;
      return (
        statement.getEnd() <= read.getStart() &&
        Node.isBinaryExpression(change) &&
        others.has(change.getLeft().getText())
      );
    }),
  );
}
