import type { DescMessage } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import { type CallExpression, Node } from "ts-morph";
import { isCopied, isGivenAway } from "./given-away.js";
import { reachable } from "./google-protobuf-generated.js";
import type { TextPart } from "./message-facts.js";
import { isPartOfStruct, type Kind, unsupportedIn } from "./message-kind.js";
import { isOperand, isShorthand, topOf } from "./message-syntax.js";
import { isParsedData } from "./parsed-data.js";
import { mayBePromise } from "./promised-messages.js";
import type { Proving } from "./proof.js";
import { receivedAs } from "./received-messages.js";
import { hasStruct } from "./struct-values.js";

const LOG_LEVELS = /^(log|trace|debug|verbose|info|notice|warn|warning|error|fatal|critical|silly)$/;
const ANSWERS = /^(json|jsonp|send)$/;

/**
 * A received message that is printed, logged or answered as JSON: the same plain object is made of the new one. True when the
 * use is dealt with.
 */
export function showsWhole(p: Proving, expression: Node, kind: Kind): boolean {
  const { shape } = p;
  const isList = kind.kind === "list";
  const of = isList ? kind.of : kind;
  if (!shape.wholeOptions || of.kind !== "message") return false;
  const call = shownBy(p, topOf(expression)) ?? takenBy(p, topOf(expression), kind);
  if (!call || reachable(of.desc).some((desc) => isUnlike(p, desc))) return false;
  const presence = receivedAs(p, expression);
  if (!presence || presence === "either" || mayBePromise(p, expression)) return false;
  for (const field of reachable(of.desc).flatMap(({ fields }) => fields)) {
    if (!p.written.has(field)) continue;
    p.readAgain.set(field, expression);
    p.shown.set(field, expression);
  }
  if (hasStruct(of.desc)) p.structs.views.add(expression);
  const outer = topOf(expression);
  const prefix = isShorthand(outer) && !p.renamedShorthands.has(outer) ? `${outer.getText()}: ` : "";
  const make = { module: "@connect-migrate/runtime/grpc-js", name: "protoLoaderObject" };
  const opening: TextPart[] = [make, "(", p.generated(of.desc, "descriptor", call), ", "];
  const closing = `, ${shape.wholeOptions})`;
  if (isList) {
    if (presence !== "always") return false;
    const [before, after] = isOperand(outer) ? ["", ""] : ["(", ")"];
    p.edit(outer, outer.getStart(), outer.getStart(), [`${prefix}${before}`], "after");
    p.edit(outer, outer.getEnd(), outer.getEnd(), [`${after}.map((item) => `, ...opening, `item${closing})`], "before");
    return true;
  }
  const fields = Node.isIdentifier(expression) && outer === expression ? writtenOut(p, expression, of.desc) : undefined;
  const test = presence === "always" ? "" : `${expression.getText()} ${presence === "same" ? "&&" : "?"} `;
  const isNull = presence === "null";
  if (fields !== undefined) p.replace(expression, `${prefix}${test}${fields}${isNull ? " : null" : ""}`);
  else p.wrap(outer, [prefix, ...opening], `${closing}${isNull ? " ?? null" : ""}`);
  return true;
}

/** The call that shows an expression, which may stand in an object or a list there. */
export function shownBy(p: Proving, expression: Node): CallExpression | undefined {
  let node = expression;
  for (let above = node.getParent(); above; node = above, above = node.getParent()) {
    if (Node.isCallExpression(above))
      return above.getArguments().includes(node) && shows(p, above, node) ? above : undefined;
    if (!isPart(above, node)) return undefined;
  }
  return undefined;
}

/** What takes an expression for good, or a copy of its fields. */
function takenBy(p: Proving, expression: Node, kind: Kind): Node | undefined {
  if (isCopied(expression, kind)) return expression.getParent();
  let node = expression;
  for (let above = node.getParent(); above; node = above, above = node.getParent()) {
    if (Node.isCallExpression(above) || Node.isNewExpression(above))
      return above.getArguments().includes(node) && isGivenAway(p, expression, above) ? above : undefined;
    if (isAmongData(p, node, above)) return isGivenAway(p, expression, above) ? above : undefined;
    if (!isPart(above, node)) return undefined;
  }
  return undefined;
}

/** `note = { ...request }` and `note.owner = request.owner`, where `note` is or becomes a part of parsed JSON. */
function isAmongData(p: Proving, node: Node, above: Node): boolean {
  if (Node.isVariableDeclaration(above))
    return Node.isObjectLiteralExpression(node) && isParsedData(p, above.getNameNode());
  if (Node.isBinaryExpression(above) && above.getOperatorToken().getText() === "=" && above.getRight() === node) {
    const target = above.getLeft();
    const isKeyed = Node.isPropertyAccessExpression(target) || Node.isElementAccessExpression(target);
    return isKeyed && isParsedData(p, target.getExpression());
  }
  return Node.isObjectLiteralExpression(node) && !isPart(above, node) && isParsedData(p, node);
}

/** Is something a part of an object or a list that is written out? */
export function isPart(above: Node, node: Node): boolean {
  return (
    Node.isObjectLiteralExpression(above) ||
    Node.isArrayLiteralExpression(above) ||
    Node.isSpreadAssignment(above) ||
    Node.isShorthandPropertyAssignment(above) ||
    (Node.isPropertyAssignment(above) && above.getInitializer() === node)
  );
}

/** Does a call only look at what it is given? */
function shows(p: Proving, call: CallExpression, argument: Node): boolean {
  const callee = call.getExpression();
  const text = callee.getText();
  if (text === "JSON.stringify") return call.getArguments()[0] === argument;
  if (/^(console\.\w+|(util\.)?(inspect|format))$/.test(text)) return true;
  if (!Node.isPropertyAccessExpression(callee) || p.project.originOf(callee).kind === "function") return false;
  return LOG_LEVELS.test(callee.getName()) || ANSWERS.test(callee.getName());
}

function isUnlike(p: Proving, desc: DescMessage): boolean {
  if (isPartOfStruct(desc)) return false;
  return desc.fields.some(
    (field) =>
      p.shape.keyOf(field) === undefined ||
      unsupportedIn(p.kindOf(field)) !== undefined ||
      p.shape.representation(field).kind === "int64-long",
  );
}

/** `{ item_name: reply.itemName }`, for a message of few plain fields. */
function writtenOut(p: Proving, name: Node, desc: DescMessage): string | undefined {
  const fields = desc.fields.toSorted((a, b) => a.number - b.number);
  const isPlainField = (field: (typeof fields)[number]) =>
    field.fieldKind === "scalar" &&
    field.presence === FeatureSet_FieldPresence.IMPLICIT &&
    p.shape.representation(field).kind === "same";
  // What is not set is left out.
  if (p.shape.explicit) return undefined;
  if (fields.length === 0 || fields.length > 3 || !fields.every(isPlainField)) return undefined;
  const text = fields.map((field) => `${p.shape.keyOf(field)}: ${name.getText()}.${field.localName}`);
  return `{ ${text.join(", ")} }`;
}
