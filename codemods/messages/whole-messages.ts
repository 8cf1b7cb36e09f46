import type { DescMessage } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import { type CallExpression, Node } from "ts-morph";
import { isCopied, isGivenAway } from "./given-away.js";
import { reachable } from "./google-protobuf-generated.js";
import type { TextPart } from "./message-facts.js";
import { isPartOfStruct, type Kind, unsupportedIn } from "./message-kind.js";
import { isAssignmentTarget, isOperand, topOf, unwrapped } from "./message-syntax.js";
import { isParsedData } from "./parsed-data.js";
import { mayBePromise } from "./promised-messages.js";
import type { Proving } from "./proof.js";
import { receivedAs } from "./received-messages.js";
import { hasStruct } from "./struct-values.js";

const RUNTIME = "@connect-migrate/runtime/grpc-js";
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
  if (of.kind !== "message") return false;
  if (shape.shownWith) return showsClass(p, expression, of.desc, isList);
  if (!shape.wholeOptions) return false;
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
  const prefix = p.keyPrefix(outer);
  const make = { module: RUNTIME, name: "protoLoaderObject" };
  const opening: TextPart[] = [make, "(", p.generated(of.desc, "descriptor", call), ", "];
  const closing = `, ${shape.wholeOptions})`;
  if (isList) {
    if (presence !== "always") return false;
    showsItems(p, outer, opening, closing);
    return true;
  }
  const fields = Node.isIdentifier(expression) && outer === expression ? writtenOut(p, expression, of.desc) : undefined;
  const test = presence === "always" ? "" : `${expression.getText()} ${presence === "same" ? "&&" : "?"} `;
  const isNull = presence === "null";
  if (fields !== undefined) p.replace(expression, `${prefix}${test}${fields}${isNull ? " : null" : ""}`);
  else p.wrap(outer, [prefix, ...opening], `${closing}${isNull ? " ?? null" : ""}`);
  return true;
}

/** The same for messages that are objects of a class, which only who shows them may have. */
function showsClass(p: Proving, expression: Node, desc: DescMessage, isList: boolean): boolean {
  const outer = topOf(expression);
  const call = shownBy(p, outer);
  const isSpread = Node.isSpreadAssignment(outer.getParent());
  const shown = call && p.shape.shownWith?.(p, desc, !isSpread && makesJson(call));
  const presence = receivedAs(withoutMade(p), expression);
  if (!shown || !presence || presence === "either" || mayBePromise(p, expression)) return false;
  if (isList && presence !== "always") return false;
  remembers(p, call, desc);
  const make = { module: RUNTIME, name: shown.name };
  const opening: TextPart[] = [make, "(", p.generated(desc, "descriptor", call), ", "];
  const closing = `${shown.options})`;
  if (isList) showsItems(p, outer, opening, closing);
  else p.wrap(outer, [p.keyPrefix(outer), ...opening], `${closing}${presence === "null" ? " ?? null" : ""}`);
  return true;
}

/** A proof for which messages that the program makes are none of the peer's. */
export function withoutMade(p: Proving): Proving {
  return Object.create(p, { shape: { value: { ...p.shape, creates: () => false } } }) as Proving;
}

/** What a message was sent with is shown: nothing may be written to it, or to what is in it. */
export function remembers(p: Proving, place: Node, desc: DescMessage): void {
  const all = new Set(reachable(desc));
  for (const one of all) p.remembered.add(one);
  if (hasStruct(desc)) p.structs.views.add(place);
  p.finals.push(() => {
    const isOf = (node: Node) => {
      const kind = p.kinds.get(unwrapped(node));
      const of = kind?.kind === "list" || kind?.kind === "map" ? kind.of : kind;
      return of?.kind === "message" && all.has(of.desc) && !isMadeHere(p, node);
    };
    for (const node of p.kinds.keys())
      if (isWritten(node) && isOf(node)) p.block(place, "a message is shown that is written to");
  });
}

/** A variable that begins with a message which the program makes. */
function isMadeHere(p: Proving, node: Node): boolean {
  if (!Node.isIdentifier(node) || receivedAs(withoutMade(p), node) !== undefined) return false;
  const declaration = p.project.declarationOf(node);
  const begins = Node.isVariableDeclaration(declaration) && declaration.getInitializer();
  if (!begins) return false;
  const value = unwrapped(begins);
  const isCall = Node.isCallExpression(value) && /\.(create|fromObject)$/.test(value.getExpression().getText());
  return isCall || Node.isNewExpression(value) || Node.isObjectLiteralExpression(value);
}

/** `message.name = …`, `message.tags[0] = …`, `delete message.name`, `list.push(…)`, `Object.assign(message, …)`. */
function isWritten(node: Node): boolean {
  let access = topOf(node);
  for (let above = access.getParent(); above; access = above, above = access.getParent()) {
    if (Node.isPropertyAccessExpression(above) || Node.isElementAccessExpression(above)) {
      if (above.getExpression() !== access) return false;
    } else if (!Node.isParenthesizedExpression(above) && !Node.isNonNullExpression(above)) break;
  }
  const above = access.getParent();
  if (Node.isDeleteExpression(above) || (access !== topOf(node) && isAssignmentTarget(access))) return true;
  if (!Node.isCallExpression(above)) return false;
  if (above.getExpression() !== access)
    return /^Object\.(assign|define\w+)$/.test(above.getExpression().getText()) && above.getArguments()[0] === access;
  return (
    Node.isPropertyAccessExpression(access) && /^(push|unshift|splice|fill|copyWithin|set)$/.test(access.getName())
  );
}

/** `list.map((item) => …)` */
function showsItems(p: Proving, outer: Node, opening: readonly TextPart[], closing: string): void {
  const [before, after] = isOperand(outer) ? ["", ""] : ["(", ")"];
  p.edit(outer, outer.getStart(), outer.getStart(), [`${p.keyPrefix(outer)}${before}`], "after");
  p.edit(outer, outer.getEnd(), outer.getEnd(), [`${after}.map((item) => `, ...opening, `item${closing})`], "before");
}

/** Does a call make JSON of what it is given? */
export function makesJson(call: CallExpression): boolean {
  return /^JSON\.stringify$|\.(json|jsonp|send)$/.test(call.getExpression().getText());
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
