import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { Node, type SpreadAssignment } from "ts-morph";
import { sameKind, unsupportedIn } from "./message-kind.js";
import { isArrowBody, topOf } from "./message-syntax.js";
import type { Proving } from "./proof.js";
import { receivedAs } from "./received-messages.js";

/**
 * A received message where one of another type is wanted: proto-loader took it for an object and encoded the fields whose names
 * both have, so these are copied. True when the use is dealt with.
 */
export function copiesFields(p: Proving, expression: Node, from: DescMessage, wanted: DescMessage): boolean {
  const copied = fieldsOf(p, expression, from, wanted, new Set());
  if (!copied) return false;
  const outer = topOf(expression);
  const text = copied.length === 0 ? "{}" : `{ ${copied.join(", ")} }`;
  const parent = outer.getParent();
  const isBody = parent !== undefined && isArrowBody(parent, outer);
  p.consume(expression);
  p.replace(outer, `${p.shorthandPrefix(outer)}${isBody ? `(${text})` : text}`);
  return true;
}

/** `{ ...request, id }`, of the same type or of another one: the fields of the request that the literal does not have itself. */
export function spreadsFields(p: Proving, spread: SpreadAssignment, wanted: DescMessage): boolean {
  const expression = spread.getExpression();
  const known = p.kinds.get(expression);
  const object = spread.getParent();
  if (known?.kind !== "message" || !Node.isObjectLiteralExpression(object)) return false;
  const own = new Set<string>();
  for (const property of object.getProperties()) {
    if (property === spread) continue;
    if (!Node.isPropertyAssignment(property) && !Node.isShorthandPropertyAssignment(property)) return false;
    const key = property.getName().replace(/^["']|["']$/g, "");
    // What the message does not have would leave what stands before it.
    if (property.getPos() < spread.getPos() && p.fieldBy(known.desc, key)) return false;
    own.add(key);
  }
  const copied = fieldsOf(p, expression, known.desc, wanted, own);
  if (!copied || copied.length === 0) return false;
  p.consume(expression);
  p.replace(spread, copied.join(", "));
  return true;
}

/** `itemName: request.itemName`, for the fields that both messages have; undefined where they cannot be copied one by one. */
function fieldsOf(
  p: Proving,
  expression: Node,
  from: DescMessage,
  wanted: DescMessage,
  except: ReadonlySet<string>,
): string[] | undefined {
  if (!p.shape.coerces || receivedAs(p, expression) !== "always") return undefined;
  const chain = p.chainText(expression);
  if (chain === undefined) return undefined;
  const copied = new Set<string>();
  for (const field of wanted.fields) {
    const key = p.shape.keyOf(field);
    const other = key === undefined ? undefined : from.fields.find((one) => p.shape.keyOf(one) === key);
    if (key === undefined) return undefined;
    if (field.oneof && field === other) {
      // Both members would be sent.
      if (field.oneof.fields.some((one) => except.has(p.shape.keyOf(one) ?? ""))) return undefined;
      if (unsupportedIn(p.kindOf(field)) !== undefined) return undefined;
      copied.add(`${field.oneof.localName}: ${chain}.${field.oneof.localName}`);
      continue;
    }
    if (other && !isAlike(p, field, other)) return undefined;
    if (other && !except.has(key)) copied.add(`${field.localName}: ${chain}.${other.localName}`);
  }
  return [...copied];
}

function isAlike(p: Proving, a: DescField, b: DescField): boolean {
  if (a.oneof || b.oneof || a.fieldKind !== b.fieldKind) return false;
  if ("scalar" in a && a.scalar !== ("scalar" in b ? b.scalar : undefined)) return false;
  if ("mapKey" in a && a.mapKey !== ("mapKey" in b ? b.mapKey : undefined)) return false;
  const kind = p.kindOf(a);
  return a.localName !== undefined && unsupportedIn(kind) === undefined && sameKind(kind, p.kindOf(b));
}
