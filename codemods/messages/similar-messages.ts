import type { DescField, DescMessage, DescOneof } from "@bufbuild/protobuf";
import { type BinaryExpression, type CallExpression, Node, type SpreadAssignment } from "ts-morph";
import { sameKind, unsupportedIn } from "./message-kind.js";
import { isArrowBody, isDefaulted, topOf, unwrapped } from "./message-syntax.js";
import type { Proving } from "./proof.js";
import { receivedAs } from "./received-messages.js";
import { spreadChoiceOf } from "./spread-choices.js";

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
export function spreadsFields(p: Proving, spread: SpreadAssignment, wanted: DescMessage): boolean {
  const object = spread.getParent();
  if (!Node.isObjectLiteralExpression(object)) return false;
  const parts = object.getProperties();
  const copied = copiedFrom(p, spread.getExpression(), wanted, parts.slice(0, parts.indexOf(spread)), [
    ...parts.slice(parts.indexOf(spread) + 1),
  ]);
  if (!copied) return false;
  writeCopied(p, spread, copied, copied.isThere ? ["", ""] : ["...(", ")"]);
  return true;
}

/** `Object.assign({}, request, { id })`, which is such a literal; the call stays. */
export function assignsFields(p: Proving, call: CallExpression, wanted: DescMessage): boolean {
  if (call.getExpression().getText() !== "Object.assign" || !copiesOneByOne(p)) return false;
  const parts = call.getArguments().map(unwrapped);
  if (!Node.isObjectLiteralExpression(parts[0])) return false;
  const messages = parts.filter((part) => !Node.isObjectLiteralExpression(part));
  const [message, more] = messages;
  if (!message || more) return false;
  const propertiesOf = (some: readonly Node[]) =>
    some.flatMap((part) => (Node.isObjectLiteralExpression(part) ? part.getProperties() : []));
  const index = parts.indexOf(message);
  const [before, after] = [propertiesOf(parts.slice(0, index)), propertiesOf(parts.slice(index + 1))];
  const copied = copiedFrom(p, message, wanted, before, after);
  if (!copied) return false;
  let chosen = new Set<DescOneof>();
  for (const part of parts) if (Node.isObjectLiteralExpression(part)) chosen = p.literal(part, wanted, chosen);
  writeCopied(p, message, copied, copied.isThere ? ["{ ", " }"] : ["", ""]);
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
  const text = (field: CopiedField) => `${field.name}: ${field.chain}.${field.of}`;
  const before = isThere ? `${opening}${first.name}: ` : opening;
  const after = isThere
    ? `${[`.${first.of}`, ...rest.map(text)].join(", ")}${closing}`
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
}

interface Copied {
  readonly message: Node;
  readonly isThere: boolean;
  readonly fields: readonly CopiedField[];
}

/** What is spread of a message between the properties of a literal that come before it, and after it. */
function copiedFrom(
  p: Proving,
  given: Node,
  wanted: DescMessage,
  before: readonly Node[],
  after: readonly Node[],
): Copied | undefined {
  const whole = unwrapped(given);
  const message = !p.kinds.has(whole) && Node.isBinaryExpression(whole) ? orNothing(whole) : whole;
  const known = message && p.kinds.get(message);
  if (!copiesOneByOne(p) || !message || known?.kind !== "message") return undefined;
  const presence = receivedAs(p, message);
  const isKeptAsReceived = presence !== undefined && !known.desc.fields.some((field) => p.written.has(field));
  if (known.desc !== wanted && !isKeptAsReceived) return undefined;
  const [earlier, later, sometimes] = [new Set<string>(), new Set<string>(), new Set<string>()];
  // What the message does not have would leave what stands before it.
  if (!before.every((part) => namesKeys(part, earlier, earlier))) return undefined;
  if (!after.every((part) => namesKeys(part, later, sometimes))) return undefined;
  if ([...earlier].some((key) => p.fieldBy(known.desc, key))) return undefined;
  const fields = fieldsOf(p, message, known.desc, wanted, later, sometimes);
  if (!fields || fields.length === 0) return undefined;
  return { message, isThere: presence === "always", fields };
}

/** `message` of `message || {}`. */
function orNothing(whole: BinaryExpression): Node | undefined {
  const left = whole.getLeft();
  return isDefaulted(whole, left) ? unwrapped(left) : undefined;
}

/** The keys that a part of a literal has, or under a condition; false for what cannot be told. */
function namesKeys(part: Node, always: Set<string>, sometimes: Set<string>): boolean {
  const choice = spreadChoiceOf(part);
  if (choice)
    return choice.branches.every((one) => one.getProperties().every((each) => namesKeys(each, sometimes, sometimes)));
  if (!Node.isPropertyAssignment(part) && !Node.isShorthandPropertyAssignment(part)) return false;
  if (Node.isComputedPropertyName(part.getNameNode())) return false;
  always.add(part.getName().replace(/^["']|["']$/g, ""));
  return true;
}

/** Old objects whose fields are their own properties, of which new ones are made as old code encoded them. */
function copiesOneByOne({ shape }: Proving): boolean {
  return shape.coerces === true || shape.hasNulls === true;
}

/** `itemName: request.itemName`, for the fields that both messages have; undefined where they cannot be copied one by one. */
function fieldsOf(
  p: Proving,
  expression: Node,
  from: DescMessage,
  wanted: DescMessage,
  except: ReadonlySet<string>,
  sometimes: ReadonlySet<string> = except,
): CopiedField[] | undefined {
  const chain = p.chainText(expression);
  if (chain === undefined) return undefined;
  const copied = new Map<string, CopiedField>();
  for (const field of wanted.fields) {
    const key = p.shape.keyOf(field);
    const other = key === undefined ? undefined : from.fields.find((one) => p.shape.keyOf(one) === key);
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

function isAlike(p: Proving, a: DescField, b: DescField): boolean {
  if (a.oneof || b.oneof || a.fieldKind !== b.fieldKind) return false;
  if ("scalar" in a && a.scalar !== ("scalar" in b ? b.scalar : undefined)) return false;
  if ("mapKey" in a && a.mapKey !== ("mapKey" in b ? b.mapKey : undefined)) return false;
  const kind = p.kindOf(a);
  return a.localName !== undefined && unsupportedIn(kind) === undefined && sameKind(kind, p.kindOf(b));
}
