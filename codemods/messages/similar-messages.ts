import type { DescField, DescMessage, DescOneof } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import { type BinaryExpression, type CallExpression, Node, type SpreadAssignment } from "ts-morph";
import { keysLeftOut } from "./collected-rests.js";
import { holdsStored } from "./filled-variables.js";
import { isKeptThere } from "./kept-keys.js";
import { isPlain, sameKind, unsupportedIn } from "./message-kind.js";
import {
  isArrowBody,
  isChecked,
  isDefaulted,
  isEachCall,
  isFunctionNode,
  parametersOf,
  topOf,
  unquoted,
  unwrapped,
} from "./message-syntax.js";
import type { Proving } from "./proof.js";
import { isWritten, receivedAs } from "./received-messages.js";
import { spreadChoiceOf } from "./spread-choices.js";
import { comesFromStore, isPickedFromStore } from "./stores.js";
import { staysMessage } from "./whole-literals.js";

/**
 * A received message where one of another type is wanted: proto-loader took it for an object and encoded the fields whose names
 * both have, so these are copied. True when the use is dealt with.
 */
export function copiesFields(p: Proving, expression: Node, from: DescMessage, wanted: DescMessage): boolean {
  if (!p.shape.coerces || receivedAs(p, expression) !== "always") return false;
  const copied = fieldsOf(p, expression, from, wanted, new Set());
  if (!copied) return false;
  const outer = topOf(expression);
  const parent = outer.getParent();
  const isBody = parent !== undefined && isArrowBody(parent, outer);
  const prefix = p.shorthandPrefix(outer);
  const [opening, closing] = isBody ? ["({ ", " })"] : [`${prefix}{ `, " }"];
  if (copied.length > 0)
    writeCopied(p, outer, { message: expression, isThere: true, fields: copied }, [opening, closing]);
  else {
    p.consume(expression);
    p.replace(outer, isBody ? "({})" : `${prefix}{}`);
  }
  return true;
}

/**
 * `{ ...request, id }`, of the same type or of another one: the fields of the request that the literal does not have itself. Where
 * the message may not be there, nothing is spread then, before and after.
 */
export function spreadsFields(
  p: Proving,
  spread: SpreadAssignment,
  wanted: DescMessage,
): "copied" | "nothing" | undefined {
  const object = spread.getParent();
  if (!Node.isObjectLiteralExpression(object)) return undefined;
  const message = unwrapped(spread.getExpression());
  if (Node.isIdentifier(message) && !p.kinds.has(message))
    holdsStored(p, p.project.declarationOf(message), { kind: "message", desc: wanted });
  if (staysMessage(p, spread, object, wanted)) return "copied";
  const copied = copiedFrom(p, spread.getExpression(), wanted, object.getProperties(), spread);
  if (!copied) return undefined;
  if (copied.fields.length === 0) {
    p.consume(copied.message);
    return "nothing";
  }
  writeCopied(p, spread, copied, copied.isThere ? ["", ""] : ["...(", ")"]);
  return "copied";
}

/** `Object.assign({}, stored, request, { id })`, which is such a literal; the call stays. */
export function assignsFields(p: Proving, call: CallExpression, wanted: DescMessage): boolean {
  if (call.getExpression().getText() !== "Object.assign" || !copiesOneByOne(p)) return false;
  const given = call.getArguments().map(unwrapped);
  if (!Node.isObjectLiteralExpression(given[0])) return false;
  const parts = given.flatMap((one) => (Node.isObjectLiteralExpression(one) ? one.getProperties() : [one]));
  const messages = given.filter((one) => !Node.isObjectLiteralExpression(one));
  const copies = messages.map((message) => copiedFrom(p, message, wanted, parts, message));
  if (messages.length === 0 || copies.includes(undefined)) return false;
  let chosen = new Set<DescOneof>();
  for (const one of given) if (Node.isObjectLiteralExpression(one)) chosen = p.literal(one, wanted, chosen);
  for (const copied of copies) {
    if (!copied) continue;
    if (copied.fields.length > 0) writeCopied(p, copied.message, copied, copied.isThere ? ["{ ", " }"] : ["", ""]);
    else {
      p.consume(copied.message);
      p.replace(copied.message, "{}");
    }
  }
  return true;
}

/** The message itself stands where it is tested, or where the first of its fields is read. */
export function writeCopied(
  p: Proving,
  outer: Node,
  { message, isThere, fields }: Copied,
  [opening, closing]: readonly [string, string],
): void {
  const [first, ...rest] = fields;
  if (!first) return;
  const text = (field: CopiedField) => `${field.name}: ${field.chain}.${field.of}${field.or ?? ""}`;
  const before = isThere ? `${opening}${first.name}: ` : opening;
  const after = isThere
    ? `${[`.${first.of}${first.or ?? ""}`, ...rest.map(text)].join(", ")}${closing}`
    : ` && { ${fields.map(text).join(", ")} }${closing}`;
  p.consume(message);
  p.edit(outer, outer.getStart(), message.getStart(), [before], "after", outer.getEnd() - outer.getStart());
  p.edit(outer, message.getEnd(), outer.getEnd(), [after], "before", outer.getEnd() - outer.getStart());
}

interface CopiedField {
  readonly name: string;
  /** What it is read of, and its name there. */
  readonly chain: string;
  readonly of: string;
  /** ` ?? stored.itemName`: what stands there where it is not set. */
  readonly or?: string;
}

interface Copied {
  readonly message: Node;
  readonly isThere: boolean;
  readonly fields: readonly CopiedField[];
}

/** What one part of a literal, or one argument of `Object.assign`, copies of a message, with regard to the others. */
function copiedFrom(
  p: Proving,
  given: Node,
  wanted: DescMessage,
  parts: readonly Node[],
  at: Node,
): Copied | undefined {
  const whole = unwrapped(given);
  const message = !p.kinds.has(whole) && Node.isBinaryExpression(whole) ? orNothing(whole) : whole;
  if (message && !p.kinds.has(message)) comesFromStore(p, message, { kind: "message", desc: wanted });
  const known = message && p.kinds.get(message);
  if (!copiesOneByOne(p) || !message || known?.kind !== "message") return undefined;
  const presence = receivedAs(p, message);
  const isKeptAsReceived = presence !== undefined && !known.desc.fields.some((field) => p.written.has(field));
  if (known.desc !== wanted && !isKeptAsReceived) return undefined;
  const [earlier, later, sometimes] = [new Set<string>(), new Set<string>(), new Set<string>()];
  const before = parts.slice(0, parts.indexOf(at)).filter((part) => !isOverwritten(p, part, parts));
  const after = parts.slice(parts.indexOf(at) + 1);
  const others = before.flatMap((part) => otherMessage(p, part) ?? []);
  // What the message does not have would leave what stands before it.
  if (!before.every((part) => otherMessage(p, part) || namesKeys(p, part, earlier, earlier))) return undefined;
  if (!after.every((part) => namesKeys(p, part, later, sometimes))) return undefined;
  const left = keysLeftOut(p, message);
  if ([...earlier].some((key) => p.fieldBy(known.desc, key) && !left.has(key))) return undefined;
  if (others.length > 0 && !hasAllKeys(p, message, known.desc)) return undefined;
  const fields = fieldsOf(p, message, known.desc, wanted, later, sometimes);
  const merged = fields && over(p, fields, known.desc, others);
  if (!merged || (merged.length === 0 && !after.some((part) => otherMessage(p, part)))) return undefined;
  return { message, isThere: presence === "always" || isFound(p, message), fields: merged };
}

/** Has a test found a message to be there, or is it one after the other of a list? */
function isFound(p: Proving, message: Node): boolean {
  if (!Node.isIdentifier(message)) return isKeptThere(p.project, message);
  const declaration = p.project.declarationOf(message);
  const holder = Node.isVariableDeclaration(declaration) ? declaration.getParent().getParent() : undefined;
  const callback = Node.isParameterDeclaration(declaration) ? declaration.getParent() : undefined;
  const call = callback?.getParent();
  const callee = Node.isCallExpression(call) && isEachCall(call) ? call.getExpression() : undefined;
  const isFirst = callback !== undefined && isFunctionNode(callback) && parametersOf(callback)[0] === declaration;
  const list = Node.isForOfStatement(holder)
    ? holder.getExpression()
    : isFirst && Node.isPropertyAccessExpression(callee)
      ? callee.getExpression()
      : undefined;
  if (!list) return isChecked(message);
  const kind = p.kinds.get(unwrapped(list));
  return kind?.kind === "list" && !isWritten(p, message);
}

/** `...stored` and `stored`, beside another message. */
function otherMessage(p: Proving, part: Node): Node | undefined {
  const message = unwrapped(Node.isSpreadAssignment(part) ? part.getExpression() : part);
  return p.kinds.get(message)?.kind === "message" ? message : undefined;
}

/** Has a message a property for each of its fields, but for those that may be left unset? */
export function hasAllKeys(p: Proving, message: Node, desc: DescMessage): boolean {
  if (!p.shape.coerces || p.shape.explicit) return false;
  return receivedAs(p, message) === "always" && !desc.fields.some((field) => p.written.has(field));
}

/** `done: false` of `{ done: false, ...request }`, where the request has that field whatever it is. */
export function isOverwritten(p: Proving, property: Node, parts: readonly Node[]): boolean {
  if (!Node.isPropertyAssignment(property) && !Node.isShorthandPropertyAssignment(property)) return false;
  if (Node.isPropertyAssignment(property) && !isQuiet(property.getInitializerOrThrow())) return false;
  const key = unquoted(property.getName());
  return parts.slice(parts.indexOf(property) + 1).some((part) => {
    const message = otherMessage(p, part);
    const known = message && p.kinds.get(message);
    if (!message || known?.kind !== "message" || !hasAllKeys(p, message, known.desc)) return false;
    const field = keysLeftOut(p, message).has(key) ? undefined : p.fieldBy(known.desc, key);
    return field !== undefined && isAlwaysThere(p, field);
  });
}

/** Does nothing happen where a value is made? */
function isQuiet(value: Node): boolean {
  if (Node.isArrayLiteralExpression(value)) return value.getElements().every(isQuiet);
  if (Node.isObjectLiteralExpression(value))
    return value.getProperties().every((one) => Node.isPropertyAssignment(one) && isQuiet(one.getInitializerOrThrow()));
  return (
    Node.isIdentifier(value) || Node.isLiteralExpression(value) || /^(true|false|null|-\d+)$/.test(value.getText())
  );
}

/** Do all old messages have a key for a field? */
export function isAlwaysThere(p: Proving, field: DescField): boolean {
  const isPart = field.fieldKind === "message" || field.presence !== FeatureSet_FieldPresence.EXPLICIT;
  return !field.oneof && isPart && p.shape.keyOf(field) !== undefined && unsupportedIn(p.kindOf(field)) === undefined;
}

/** What is not set in a message leaves what the message before it has; undefined where that cannot be written. */
function over(
  p: Proving,
  fields: readonly CopiedField[],
  from: DescMessage,
  others: readonly Node[],
): CopiedField[] | undefined {
  const merged: CopiedField[] = [];
  for (const copied of fields) {
    const sources = from.fields.filter((one) => one.localName === copied.of || one.oneof?.localName === copied.of);
    const below = others.flatMap((message) => {
      const known = p.kinds.get(message);
      if (known?.kind !== "message") return [];
      const [field] = sources.flatMap((one) => p.fieldBy(known.desc, p.shape.keyOf(one) ?? "") ?? []);
      return field ? [{ message, field }] : [];
    });
    const [source] = sources;
    if (below.length === 0 || (source && isAlwaysThere(p, source))) merged.push(copied);
    else {
      const [only, more] = below;
      const chain = only && chainOf(p, only.message);
      if (!chain || !only || more || !source || source.oneof || only.field.oneof) return undefined;
      const isThere = receivedAs(p, only.message) === "always" || isFound(p, only.message);
      const link = isThere ? "." : "?.";
      merged.push({ ...copied, or: ` ?? ${chain}${link}${only.field.localName}` });
    }
  }
  return merged;
}

/** `message` of `message || {}`. */
function orNothing(whole: BinaryExpression): Node | undefined {
  const left = whole.getLeft();
  return isDefaulted(whole, left) ? unwrapped(left) : undefined;
}

/** The keys that a part of a literal has, or under a condition; false for what cannot be told. */
function namesKeys(p: Proving, part: Node, always: Set<string>, sometimes: Set<string>): boolean {
  const message = otherMessage(p, part);
  const known = message && p.kinds.get(message);
  if (message && known?.kind === "message") {
    // What may be unset falls back to what stands before it, where it is written itself.
    for (const field of known.desc.fields) {
      const key = p.shape.keyOf(field) ?? "";
      if (!keysLeftOut(p, message).has(key)) (field.oneof ? sometimes : always).add(key);
    }
    return hasAllKeys(p, message, known.desc);
  }
  const choice = spreadChoiceOf(part);
  if (choice)
    return choice.branches.every((one) =>
      one.getProperties().every((each) => namesKeys(p, each, sometimes, sometimes)),
    );
  if (!Node.isPropertyAssignment(part) && !Node.isShorthandPropertyAssignment(part)) return false;
  if (Node.isComputedPropertyName(part.getNameNode())) return false;
  always.add(unquoted(part.getName()));
  return true;
}

/** Old objects whose fields are their own properties, of which new ones are made as old code encoded them. */
function copiesOneByOne({ shape }: Proving): boolean {
  return shape.coerces === true || shape.hasNulls === true;
}

/** `itemName: request.itemName`, for the fields that both messages have; undefined where they cannot be copied one by one. */
export function fieldsOf(
  p: Proving,
  expression: Node,
  from: DescMessage,
  wanted: DescMessage,
  except: ReadonlySet<string>,
  sometimes: ReadonlySet<string> = except,
): CopiedField[] | undefined {
  const chain = chainOf(p, expression);
  if (chain === undefined) return undefined;
  const copied = new Map<string, CopiedField>();
  const left = keysLeftOut(p, expression);
  for (const field of wanted.fields) {
    const key = p.shape.keyOf(field);
    const other =
      key === undefined || left.has(key) ? undefined : from.fields.find((one) => p.shape.keyOf(one) === key);
    if (key === undefined) return undefined;
    if (field.oneof && field === other) {
      // Both members would be sent.
      const keys = field.oneof.fields.map((one) => p.shape.keyOf(one) ?? "");
      if (keys.some((one) => except.has(one) || sometimes.has(one))) return undefined;
      if (unsupportedIn(p.kindOf(field)) !== undefined) return undefined;
      const name = field.oneof.localName;
      copied.set(name, { name, chain, of: name });
      continue;
    }
    if (other && !isAlike(p, field, other)) return undefined;
    if (other && !except.has(key)) copied.set(field.localName, { name: field.localName, chain, of: other.localName });
  }
  return [...copied.values()];
}

/** What can be written again for each field: `request.item`, `items[index]`, `byId.get(id)`. */
export function chainOf(p: Proving, message: Node): string | undefined {
  const callee = Node.isCallExpression(message) ? message.getExpression() : undefined;
  const isLookup =
    Node.isPropertyAccessExpression(callee) && callee.getName() === "get" && isPickedFromStore(p, message);
  const store = Node.isElementAccessExpression(message) ? message : isLookup ? callee : undefined;
  if (!store || store.hasQuestionDotToken()) return p.chainText(message);
  const [key, more] = Node.isCallExpression(message)
    ? message.getArguments()
    : [Node.isElementAccessExpression(message) ? message.getArgumentExpression() : undefined];
  const isLiteral = Node.isStringLiteral(key) || Node.isNumericLiteral(key);
  const again = isLiteral ? key.getText() : key && p.chainText(key);
  const [object, known] = [p.chainText(store.getExpression()), key && p.kinds.get(key)];
  if (object === undefined || again === undefined || more || (known && !isPlain(known))) return undefined;
  return isLookup ? `${object}.get(${again})` : `${object}[${again}]`;
}

function isAlike(p: Proving, a: DescField, b: DescField): boolean {
  if (a.oneof || b.oneof || a.fieldKind !== b.fieldKind) return false;
  if ("scalar" in a && a.scalar !== ("scalar" in b ? b.scalar : undefined)) return false;
  if ("mapKey" in a && a.mapKey !== ("mapKey" in b ? b.mapKey : undefined)) return false;
  const kind = p.kindOf(a);
  return a.localName !== undefined && unsupportedIn(kind) === undefined && sameKind(kind, p.kindOf(b));
}
