import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { type CallExpression, Node, type SourceFile } from "ts-morph";
import { reachable } from "./google-protobuf-generated.js";
import { unsupportedIn } from "./message-kind.js";
import { isArrowBody, isConstant, readFrom, topOf, unwrapped, valueOfProperty } from "./message-syntax.js";
import type { Proving } from "./proof.js";
import { classText, staticNameOf } from "./protobufjs-generated.js";
import { receivedAs } from "./received-messages.js";
import { isThereAt } from "./wrapped-values.js";

const RUNTIME = "@connect-migrate/runtime/grpc-js";

/**
 * `T.toObject(message, { longs: String, defaults: true })` of a received message: the same plain object. Only with defaults: what
 * is left out otherwise is what was not sent, and a default that was sent is nothing else on protobuf-es. True when the use is
 * dealt with.
 */
export function shownAsObject(p: Proving, call: CallExpression, message: Node): boolean {
  const callee = call.getExpression();
  const name = Node.isPropertyAccessExpression(callee) ? staticNameOf(p.project, callee.getExpression()) : undefined;
  const kind = p.kinds.get(message);
  const [first, given, more] = call.getArguments();
  if (!Node.isPropertyAccessExpression(callee) || callee.getName() !== "toObject" || name?.kind !== "message")
    return false;
  if (kind?.kind !== "message" || kind.desc.typeName !== name.desc.typeName || first !== message || more) return false;
  const options = given && optionsOf(p, name.file, name.desc, given);
  if (!given || !options) return false;
  p.later(() => {
    // What the program made may have values of any type.
    const received = Object.create(p, { shape: { value: { ...p.shape, creates: () => false } } }) as Proving;
    const presence = receivedAs(received, message);
    if (presence !== "always" && !(presence && isThereAt(p, message, message)))
      p.block(call, "a message is shown that did not come from the peer");
  });
  const schema = p.generated(name.desc, "descriptor", call);
  p.edit(call, call.getStart(), message.getStart(), [
    { module: RUNTIME, name: "protoLoaderObject" },
    "(",
    schema,
    ", ",
  ]);
  p.edit(call, first.getEnd(), call.getEnd(), [`, { ${options.join(", ")} })`]);
  return true;
}

/** The options of `protoLoaderObject` that say the same. */
function optionsOf(p: Proving, file: SourceFile, desc: DescMessage, given: Node): string[] | undefined {
  const declaration = Node.isIdentifier(given) ? p.project.declarationOf(given) : undefined;
  const literal = isConstant(declaration) ? declaration.getInitializer() : given;
  if (!literal || !Node.isObjectLiteralExpression(literal)) return undefined;
  const found = new Map<string, string>();
  for (const property of literal.getProperties()) {
    const value = valueOfProperty(property)?.getText();
    if (!Node.isPropertyAssignment(property) || !value || !/^(true|false|String|Number)$/.test(value)) return undefined;
    found.set(property.getName(), value);
  }
  if ([...found.keys()].some((key) => !/^(longs|enums|bytes|defaults|arrays|objects|oneofs)$/.test(key)))
    return undefined;
  if (found.get("defaults") !== "true") return undefined;
  const fields = reachable(desc).flatMap((one) => one.fields);
  const keepCase = caseOf(p, fields);
  const isText = found.get("enums") === "String";
  const isShown = (field: DescField) => {
    if (unsupportedIn(p.kindOf(field)) !== undefined) return false;
    if (isLong(field) && !/^(String|Number)$/.test(found.get("longs") ?? "")) return false;
    if (scalarOf(field) === ScalarType.BYTES && found.get("bytes") !== "String") return false;
    return !field.enum || !isText || namesEnum(p, file, field);
  };
  if (keepCase === undefined || !fields.every(isShown)) return undefined;
  return [
    ...(keepCase ? ["keepCase: true"] : []),
    ...(fields.some(isLong) ? [`longs: ${found.get("longs")}`] : []),
    ...(isText ? ["enums: String"] : []),
    ...(found.get("bytes") === "String" ? ["bytes: String"] : []),
    ...(found.get("oneofs") === "true" ? ["oneofs: true"] : []),
  ];
}

/** Does code show a number that has no name as it is? Older pbjs left it undefined. */
function namesEnum(p: Proving, file: SourceFile, field: DescField): boolean {
  const values = field.enum?.values ?? [];
  const key = p.shape.keyOf(field);
  const isAliased = new Set(values.map((value) => value.number)).size < values.length;
  const text = classText(file, field.parent);
  const item = field.fieldKind === "list" ? `${key}[j]` : field.fieldKind === "map" ? `${key}[` : `${key}`;
  return (
    !isAliased && new RegExp(`\\[message\\.${escaped(item)}.*\\] === undefined \\? message\\.${key}\\b`).test(text)
  );
}

/**
 * `T.fromObject(row)` of what nothing is known of: the runtime does the same. True when it is dealt with.
 */
export function madeOfAny(p: Proving, call: CallExpression, given: Node, desc: DescMessage): boolean {
  const callee = call.getExpression();
  const name = Node.isPropertyAccessExpression(callee) ? staticNameOf(p.project, callee.getExpression()) : undefined;
  const value = unwrapped(given);
  if (name?.kind !== "message" || !isOpaque(p, value)) return false;
  const all = reachable(desc);
  const fields = all.flatMap((one) => one.fields);
  const keepCase = caseOf(p, fields);
  const isKnown = (field: DescField) =>
    unsupportedIn(p.kindOf(field)) === undefined &&
    (field.fieldKind !== "map" || /^(STRING|.*32)$/.test(ScalarType[field.mapKey] ?? "")) &&
    (!field.enum || takesNumber(p, name.file, field));
  if (keepCase === undefined || all.some((one) => one.fields.length === 0) || !fields.every(isKnown)) return false;
  // Several members of a oneof are all there, until they are sent.
  const above = topOf(call).getParentOrThrow();
  const isSent = Node.isReturnStatement(above) || isArrowBody(above, topOf(call));
  if (all.some((one) => one.oneofs.length > 0) && !isSent) return false;
  p.finals.push(() => {
    if (readFrom(value).some((part) => p.kinds.has(part))) p.block(call, "a message that is made of another object");
  });
  const make = { module: RUNTIME, name: "protobufjsMessage" };
  p.edit(call, call.getStart(), given.getStart(), [make, "(", p.generated(desc, "descriptor", call), ", "]);
  p.edit(call, given.getEnd(), call.getEnd(), [keepCase ? ", { keepCase: true })" : ")"]);
  p.kinds.set(call, { kind: "message", desc });
  return true;
}

/** Older pbjs takes no number that the enum does not have. */
function takesNumber(p: Proving, file: SourceFile, field: DescField): boolean {
  const key = p.shape.keyOf(field);
  return classText(file, field.parent).includes(
    `typeof object.${key}${field.fieldKind === "list" ? "[i]" : field.fieldKind === "map" ? "[keys[i]]" : ""} === "number"`,
  );
}

/** `JSON.parse(…)`, `rows[0]`, `row`: what may be any object, and is no message. */
function isOpaque(p: Proving, value: Node): boolean {
  const isRead =
    Node.isPropertyAccessExpression(value) ||
    Node.isElementAccessExpression(value) ||
    Node.isIdentifier(value) ||
    Node.isCallExpression(value) ||
    Node.isAwaitExpression(value);
  return isRead && !readFrom(value).some((part) => p.kinds.has(part));
}

/** Are the keys of old objects the names of the .proto? Undefined where they are no names that the runtime knows. */
function caseOf(p: Proving, fields: readonly DescField[]): boolean | undefined {
  const is = (name: (field: DescField) => string) => fields.every((field) => p.shape.keyOf(field) === name(field));
  if (
    is(({ name }) => name.slice(0, 1) + name.slice(1).replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()))
  )
    return false;
  return is(({ name }) => name) ? true : undefined;
}

function isLong(field: DescField): boolean {
  const scalar = scalarOf(field);
  return scalar !== undefined && /INT64|FIXED64/.test(ScalarType[scalar] ?? "");
}

function scalarOf(field: DescField): ScalarType | undefined {
  return "scalar" in field ? field.scalar : undefined;
}

function escaped(text: string): string {
  return text.replace(/[[\]$.]/g, "\\$&");
}
