import type { DescField, DescMessage } from "@bufbuild/protobuf";
import type { Node } from "ts-morph";
import { sameKind, unsupportedIn } from "./message-kind.js";
import { isArrowBody, topOf } from "./message-syntax.js";
import type { Proving } from "./proof.js";
import { receivedAs } from "./received-messages.js";

/**
 * A received message where one of another type is wanted: proto-loader took it for an object and encoded the fields whose names
 * both have, so these are copied. True when the use is dealt with.
 */
export function copiesFields(p: Proving, expression: Node, from: DescMessage, wanted: DescMessage): boolean {
  if (!p.shape.coerces || receivedAs(p, expression) !== "always") return false;
  const outer = topOf(expression);
  const chain = p.chainText(expression);
  if (chain === undefined) return false;
  const copied: string[] = [];
  for (const field of wanted.fields) {
    const key = p.shape.keyOf(field);
    const other = key === undefined ? undefined : from.fields.find((one) => p.shape.keyOf(one) === key);
    if (key === undefined || (other && !isAlike(p, field, other))) return false;
    if (other) copied.push(`${field.localName}: ${chain}.${other.localName}`);
  }
  const text = copied.length === 0 ? "{}" : `{ ${copied.join(", ")} }`;
  const parent = outer.getParent();
  const isBody = parent !== undefined && isArrowBody(parent, outer);
  p.consume(expression);
  p.replace(outer, `${p.shorthandPrefix(outer)}${isBody ? `(${text})` : text}`);
  return true;
}

function isAlike(p: Proving, a: DescField, b: DescField): boolean {
  if (a.oneof || b.oneof || a.fieldKind !== b.fieldKind) return false;
  if ("scalar" in a && a.scalar !== ("scalar" in b ? b.scalar : undefined)) return false;
  if ("mapKey" in a && a.mapKey !== ("mapKey" in b ? b.mapKey : undefined)) return false;
  const kind = p.kindOf(a);
  return a.localName !== undefined && unsupportedIn(kind) === undefined && sameKind(kind, p.kindOf(b));
}
