import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import { type CallExpression, Node, type PropertyAccessExpression, type SpreadAssignment } from "ts-morph";
import { reachable } from "./google-protobuf-generated.js";
import { unsupportedIn } from "./message-kind.js";
import { unquoted, unwrapped } from "./message-syntax.js";
import type { Proving } from "./proof.js";

/** `message.toObject()` of a generated class: the runtime makes the same plain object of the new message. */
export function objectOfClass(
  p: Proving,
  access: PropertyAccessExpression,
  call: CallExpression,
  desc: DescMessage,
): unknown {
  if (p.keptSpreads.has(call)) return undefined;
  if (access.getText().includes("?.")) return p.block(call, "the object of a message that may not be there");
  for (const one of reachable(desc)) {
    const why = unlike(p, one);
    if (why !== undefined) return p.block(call, `the object of a ${one.typeName}, ${why}`);
  }
  const make = { module: "@connect-migrate/runtime/grpc-js", name: "toPlainObject" };
  p.edit(call, call.getStart(), call.getStart(), [make, "(", p.generated(desc, "descriptor", call), ", "], "after");
  return p.edit(call, access.getExpression().getEnd(), call.getEnd(), [")"]);
}

/** What the object of a message has that the runtime does not make. */
function unlike(p: Proving, desc: DescMessage): string | undefined {
  // Of proto2 the class has defaults that the .proto says, and groups.
  if (desc.file.proto.syntax !== "proto3") return "which is not of proto3";
  const odd = desc.fields.find((field) => unsupportedIn(p.kindOf(field)) !== undefined && !isOfItsClass(p, field));
  if (odd && desc.file.proto.package !== "google.protobuf") return `of which ${odd.name} has another form in old code`;
  const renamed = desc.fields.find((field) => p.shape.keyOf(field) !== field.name);
  if (renamed) return `whose ${renamed.name} has another name there`;
  const long = desc.fields.find((field) => isText(p, field) !== ("longAsString" in field && field.longAsString));
  return long && `whose ${long.name} is no number there`;
}

/** Wrappers and `Struct` are another value in protobuf-es, but messages to whoever makes an object of them. */
function isOfItsClass(p: Proving, field: DescField): boolean {
  const code = p.shape.typed;
  const property = code?.propertyOf(field) ?? code?.memberOf(field);
  if (field.fieldKind !== "message" || !code || !property) return false;
  return code.messageOf(property.type.getNonNullableType())?.typeName === field.message.typeName;
}

/** Is a number of 64 bits a text in the old message? */
function isText(p: Proving, field: DescField): boolean {
  const kind = p.kindOf(field);
  const of = kind.kind === "list" || kind.kind === "map" ? kind.of : kind;
  return of.kind === "value" && of.as.kind === "int64-string";
}

/**
 * `...message.toObject()` in a literal that another message of its type is made of: its fields one by one, where all of them are plain
 * values that are always there. False for anything else.
 */
export function spreadsObject(p: Proving, spread: SpreadAssignment, desc: DescMessage): boolean {
  const call = unwrapped(spread.getExpression());
  const access = Node.isCallExpression(call) && call.getArguments().length === 0 ? call.getExpression() : undefined;
  const literal = spread.getParent();
  if (!Node.isPropertyAccessExpression(access) || access.getName() !== "toObject") return false;
  if (access.getText().includes("?.") || !Node.isObjectLiteralExpression(literal)) return false;
  const message = access.getExpression();
  if (p.shape.typed?.messageOf(message.getType()) !== desc || !desc.fields.every(isPlainField)) return false;
  const parts = literal.getProperties();
  const named = parts.filter((one) => Node.isPropertyAssignment(one) || Node.isShorthandPropertyAssignment(one));
  if (parts[0] !== spread || named.length !== parts.length - 1) return false;
  const own = new Set(named.map((one) => unquoted(one.getName())));
  const [first, ...rest] = desc.fields.filter((field) => !own.has(p.shape.keyOf(field) ?? ""));
  if (!first) return false;
  p.keptSpreads.add(spread).add(call);
  // What is read of the message is proved by then.
  p.later(() => {
    const chain = p.chainText(message);
    if (chain === undefined) return p.block(call, "the fields of a message that cannot be read twice");
    const more = rest.map(({ localName }) => `, ${localName}: ${chain}.${localName}`).join("");
    p.edit(spread, spread.getStart(), message.getStart(), [`${first.localName}: `]);
    p.edit(spread, message.getEnd(), spread.getEnd(), [`.${first.localName}${more}`]);
  });
  return true;
}

function isPlainField(field: DescField): boolean {
  const isValue = field.fieldKind === "scalar" || field.fieldKind === "enum";
  if (isValue) return field.presence === FeatureSet_FieldPresence.IMPLICIT;
  return field.fieldKind === "list" && field.listKind !== "message";
}
