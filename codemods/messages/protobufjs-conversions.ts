import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { type CallExpression, Node, type PropertyAccessExpression, type SourceFile } from "ts-morph";
import { reachable } from "./google-protobuf-generated.js";
import { after, type Shown } from "./legacy-shape.js";
import { unsupportedIn } from "./message-kind.js";
import { isArrowBody, isConstant, readFrom, topOf, unwrapped, valueOfProperty } from "./message-syntax.js";
import type { Proving } from "./proof.js";
import { classText, staticNameOf } from "./protobufjs-generated.js";
import { receivedAs } from "./received-messages.js";
import { remembers, shownBy, withoutMade } from "./whole-messages.js";
import { isThereAt } from "./wrapped-values.js";

const RUNTIME = "@connect-migrate/runtime/grpc-js";

/**
 * `T.toObject(message, { longs: String, defaults: true })` of a received message: the same plain object. Without defaults it has what was
 * sent, a zero as well, which the service or client remembers. True when the use is dealt with.
 */
export function shownAsObject(p: Proving, call: CallExpression, message: Node): boolean {
  const callee = call.getExpression();
  const name = Node.isPropertyAccessExpression(callee) ? staticNameOf(p.project, callee.getExpression()) : undefined;
  const kind = p.kinds.get(message);
  const [first, given, more] = call.getArguments();
  if (!Node.isPropertyAccessExpression(callee) || callee.getName() !== "toObject" || name?.kind !== "message")
    return false;
  if (kind?.kind !== "message" || kind.desc.typeName !== name.desc.typeName || first !== message || more) return false;
  const words = given ? wordsOf(p, given) : new Map<string, string>();
  const isWhole = words?.get("defaults") === "true";
  const options =
    words &&
    (isWhole ? optionsOf(p, name.file, name.desc, words) : sentOptionsOf(p, name.file, name.desc, words, call));
  if (!options) return false;
  p.later(() => mustBeReceived(p, call, message));
  if (!isWhole) remembers(p, call, name.desc);
  const schema = p.generated(name.desc, "descriptor", call);
  const make = { module: RUNTIME, name: isWhole ? "protoLoaderObject" : "protobufjsObject" };
  p.edit(call, call.getStart(), message.getStart(), [make, "(", schema, ", "]);
  p.edit(call, first.getEnd(), call.getEnd(), [`${after(options)})`]);
  return true;
}

/** `message.toJSON()` of a received message. True when the use is dealt with. */
export function shownAsJson(
  p: Proving,
  access: PropertyAccessExpression,
  desc: DescMessage,
  file: SourceFile,
): boolean {
  const call = access.getParent();
  const message = access.getExpression();
  if (access.getName() !== "toJSON" || !Node.isCallExpression(call) || call.getArguments().length > 0) return false;
  if (call.getExpression() !== access || access.hasQuestionDotToken() || access.getText().includes("?.")) return false;
  const shown = shownWith(p, desc, file, true);
  if (!shown) return false;
  p.later(() => mustBeReceived(p, call, message));
  remembers(p, call, desc);
  const schema = p.generated(desc, "descriptor", call);
  p.edit(call, call.getStart(), call.getStart(), [{ module: RUNTIME, name: shown.name }, "(", schema, ", "], "after");
  p.edit(call, message.getEnd(), call.getEnd(), [`${shown.options})`]);
  return true;
}

function mustBeReceived(p: Proving, call: Node, message: Node): void {
  // What the program made may have values of any type.
  const presence = receivedAs(withoutMade(p), message);
  if (presence !== "always" && !(presence && isThereAt(p, message, message)))
    p.block(call, "a message is shown that did not come from the peer");
}

/** What a message is shown with that is logged or becomes JSON: as the object of its class, or as its `toJSON` does. */
export function shownWith(p: Proving, desc: DescMessage, file: SourceFile, isJson: boolean): Shown | undefined {
  const fields = shownFields(desc);
  const keepCase = caseOf(p, fields);
  if (keepCase === undefined || !fields.every((field) => isSentAlike(p, field))) return undefined;
  const isKnown = (one: DescMessage) => /\.toJSON = function/.test(classText(file, one)) && isNamed(file, one);
  if (!reachable(desc).every(isKnown)) return undefined;
  if (!fields.every((field) => !field.enum || namesEnum(p, file, field))) return undefined;
  return { name: isJson ? "protobufjsJson" : "protobufjsView", options: after(keepCase ? ["keepCase: true"] : []) };
}

/** Has the class the name of its message? */
function isNamed(file: SourceFile, desc: DescMessage): boolean {
  return file.getFullText().includes(`function ${desc.name}(`);
}

/** Fields of a message and of all in it, but for google.protobuf.Struct, which the runtime shows as it is. */
function shownFields(desc: DescMessage): DescField[] {
  return reachable(desc)
    .filter((one) => one.file.proto.name !== STRUCT)
    .flatMap((one) => one.fields);
}

const STRUCT = "google/protobuf/struct.proto";

function isSentAlike(p: Proving, field: DescField): boolean {
  const isStruct = field.fieldKind === "message" && !field.oneof && field.message.typeName === "google.protobuf.Struct";
  return isStruct || unsupportedIn(p.kindOf(field)) === undefined;
}

/** The options that are written out, by their names; undefined where some are none that are followed. */
function wordsOf(p: Proving, given: Node): Map<string, string> | undefined {
  const declaration = Node.isIdentifier(given) ? p.project.declarationOf(given) : undefined;
  const literal = isConstant(declaration) ? declaration.getInitializer() : given;
  if (!literal || !Node.isObjectLiteralExpression(literal)) return undefined;
  const found = new Map<string, string>();
  for (const property of literal.getProperties()) {
    const value = valueOfProperty(property)?.getText();
    if (!Node.isPropertyAssignment(property) || !value || !/^(true|false|String|Number)$/.test(value)) return undefined;
    found.set(property.getName(), value);
  }
  const isOther = (key: string) => !/^(longs|enums|bytes|defaults|arrays|objects|oneofs|json)$/.test(key);
  return [...found.keys()].some(isOther) ? undefined : found;
}

/** The options of `protobufjsObject` that say the same. */
function sentOptionsOf(
  p: Proving,
  file: SourceFile,
  desc: DescMessage,
  found: ReadonlyMap<string, string>,
  call: CallExpression,
): string[] | undefined {
  const fields = shownFields(desc);
  const keepCase = caseOf(p, fields);
  const isText = found.get("enums") === "String";
  if (keepCase === undefined || !fields.every((field) => isSentAlike(p, field))) return undefined;
  if (isText && !fields.every((field) => !field.enum || namesEnum(p, file, field))) return undefined;
  if (!reachable(desc).every((one) => /\.toObject = function/.test(classText(file, one)))) return undefined;
  const longs = found.get("longs");
  // An object that only looks like a Long is nothing to count with.
  if (fields.some(isLong) && !/^(String|Number)$/.test(longs ?? "") && !shownBy(p, wholeOf(call))) return undefined;
  return [
    ...(keepCase ? ["keepCase: true"] : []),
    ...(longs && /^(String|Number)$/.test(longs) ? [`longs: ${longs}`] : []),
    ...(isText ? ["enums: String"] : []),
    ...(found.get("bytes") === "String" ? ["bytes: String"] : []),
    ...["arrays", "objects", "oneofs", "json"].flatMap((key) => (found.get(key) === "true" ? [`${key}: true`] : [])),
  ];
}

/** What is one of two values, as far as it goes: `note ? call : {}`. */
function wholeOf(call: Node): Node {
  const node = topOf(call);
  const above = node.getParent();
  const isBranch = Node.isConditionalExpression(above) && above.getCondition() !== node;
  return isBranch ? wholeOf(above) : node;
}

/** The options of `protoLoaderObject` that say the same. */
function optionsOf(
  p: Proving,
  file: SourceFile,
  desc: DescMessage,
  found: ReadonlyMap<string, string>,
): string[] | undefined {
  if (found.has("json")) return undefined;
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
