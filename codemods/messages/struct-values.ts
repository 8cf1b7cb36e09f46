import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { Node } from "ts-morph";
import { isStruct, type Kind } from "./message-kind.js";
import {
  functionAround,
  innerOf,
  isAbsent,
  isAssertion,
  isAssignmentTarget,
  isFunctionNode,
  resultsOf,
  topOf,
  typeText,
  unwrapped,
} from "./message-syntax.js";
import type { Proving } from "./proof.js";
import { LOOKING } from "./struct-reads.js";

const RUNTIME = "@connect-migrate/runtime/grpc-js";

/**
 * An object for a field of type google.protobuf.Struct. ts-proto wrote any object: it left out what is undefined, and refused a
 * bigint or a function. What is certainly JSON needs no more; everything else goes through the runtime's `tsProtoStruct`.
 */
export function proveStruct(p: Proving, given: Node, field: DescField | undefined): unknown {
  const expression = unwrapped(given);
  if (isAbsent(expression)) return undefined;
  consumeParts(p, given);
  const choices = isSaidToBe(given) ? [] : choicesOf(p, expression);
  if (choices.length > 0) {
    for (const one of choices) proveStruct(p, one, field);
    return undefined;
  }
  const known = p.kinds.get(expression);
  if (known?.kind === "value" && known.as.kind === "struct") {
    whenLeaked(p, () => {
      const later = [...p.structs.leaks].find((leak) => isBehind(leak, expression));
      if (later) p.block(later, "an object changes once it is in a Struct");
      if (known.field?.oneof) p.block(expression, "a Struct of a oneof, where one went out of sight");
      else wraps(p, expression);
    });
    return undefined;
  }
  if (p.structs.holdsMessages(expression.getType())) return p.block(expression, "a message in a Struct");
  p.later(() => {
    if (Node.isObjectLiteralExpression(expression) && isCertainlyJson(p, given))
      return void ifLeaked(p, expression, () => wraps(p, expression));
    const change = changedLater(p, expression);
    if (change) return void p.block(change, "an object changes once it is in a Struct");
    const isElement = field?.fieldKind === "list" || field?.fieldKind === "map";
    if (isElement && !p.isPresent(expression)) return void p.block(expression, "an element that may be absent");
    wraps(p, topOf(given));
    if (field) p.structs.remade.add(field);
  });
  return undefined;
}

/**
 * A message that goes on as a whole. Where some Struct went out of sight, only one that is made here certainly has none with
 * something in it that is no JSON.
 */
export function passesStructs(p: Proving, expression: Node, wanted: Kind): void {
  if (!reachesStruct(wanted)) return;
  whenLeaked(p, () => {
    if (!isMadeNew(p, expression))
      p.block(expression, "a message goes on whose Struct may have been changed out of sight");
  });
}

function reachesStruct(kind: Kind): boolean {
  if ("of" in kind) return reachesStruct(kind.of);
  if (kind.kind === "oneof") return kind.oneof.fields.some((field) => field.message && hasStruct(field.message));
  return kind.kind === "message" ? hasStruct(kind.desc) : isStruct(kind);
}

export function hasStruct(desc: DescMessage, seen = new Set<DescMessage>()): boolean {
  if (desc.typeName === "google.protobuf.Struct") return true;
  if (seen.has(desc)) return false;
  seen.add(desc);
  return desc.fields.some((field) => "message" in field && field.message && hasStruct(field.message, seen));
}

/** Is a message, or a list of them, made of what is written out here, each part of which is looked at itself? */
function isMadeNew(p: Proving, given: Node): boolean {
  const value = unwrapped(given);
  if (isStruct(p.kinds.get(value))) return true;
  if (isAbsent(value)) return true;
  if (Node.isArrayLiteralExpression(value))
    return value.getElements().every((one) => isMadeNew(p, Node.isSpreadElement(one) ? one.getExpression() : one));
  if (Node.isObjectLiteralExpression(value))
    return value.getProperties().every((one) => !Node.isSpreadAssignment(one) || isMadeNew(p, one.getExpression()));
  const [argument] = Node.isCallExpression(value) ? value.getArguments() : [];
  if (Node.isCallExpression(value) && /\.(create|fromPartial)$/.test(value.getExpression().getText()))
    return !argument || isMadeNew(p, argument);
  if (Node.isCallExpression(value) && /\.map$/.test(value.getExpression().getText()))
    return argument !== undefined && isFunctionNode(argument) && resultsOf(argument).every((one) => isMadeNew(p, one));
  return p.isMadeOf(value, "new", (part) => isMadeNew(p, part));
}

/** Does a place come behind another one in the same function? */
function isBehind(place: Node, other: Node): boolean {
  return functionAround(place) === functionAround(other) && place.getPos() > other.getPos();
}

function wraps(p: Proving, value: Node): void {
  p.wrap(value, [p.shorthandPrefix(value), { module: RUNTIME, name: "tsProtoStruct" }, "("], ")");
}

/** `attrs as any`: the compiler says nothing of it. */
function isSaidToBe(given: Node): boolean {
  for (let node: Node | undefined = topOf(given); node; node = innerOf(node)) if (isAssertion(node)) return true;
  return false;
}

/** The branches of `a ? b : c` and `a ?? b`, and of `a || b` where an object is tested. */
function choicesOf(p: Proving, value: Node): Node[] {
  if (Node.isConditionalExpression(value)) return [value.getWhenTrue(), value.getWhenFalse()];
  const operator = Node.isBinaryExpression(value) ? value.getOperatorToken().getText() : "";
  if (!Node.isBinaryExpression(value) || !/^(\?\?|\|\|)$/.test(operator)) return [];
  const isObject = operator === "??" || isStruct(p.kinds.get(unwrapped(value.getLeft())));
  return isObject ? [value.getLeft(), value.getRight()] : [];
}

/** What was read of another message's Struct, and is part of such an object here, stays in one. */
function consumeParts(p: Proving, given: Node): void {
  p.consume(given);
  const value = unwrapped(given);
  const parts = Node.isObjectLiteralExpression(value)
    ? value.getProperties().map((one) => {
        if (Node.isPropertyAssignment(one)) return one.getInitializer();
        if (Node.isShorthandPropertyAssignment(one)) return one.getNameNode();
        return Node.isSpreadAssignment(one) ? one.getExpression() : undefined;
      })
    : Node.isArrayLiteralExpression(value)
      ? value.getElements().map((one) => (Node.isSpreadElement(one) ? one.getExpression() : one))
      : Node.isConditionalExpression(value)
        ? [value.getWhenTrue(), value.getWhenFalse()]
        : Node.isBinaryExpression(value)
          ? [value.getLeft(), value.getRight()]
          : [];
  for (const part of parts) if (part) consumeParts(p, part);
}

/** What is to be done where some Struct went out of sight, which is known when all others have decided. */
function whenLeaked(p: Proving, act: () => void): void {
  p.finals.push(() =>
    p.finals.push(() => {
      if (p.structs.leaks.size > 0) act();
    }),
  );
}

/** The same, if a Struct is part of a value. */
export function ifLeaked(p: Proving, value: Node, act: () => void): void {
  whenLeaked(p, () => {
    if ([value, ...value.getDescendants()].some((part) => isStruct(p.kinds.get(part)))) act();
  });
}

/** Is a value certainly JSON, and is there one? */
export function isCertainlyJson(p: Proving, given: Node): boolean {
  const value = unwrapped(given);
  if (isSaidToBe(given)) return false;
  if (value.getText() === "null") return true;
  if (Node.isObjectLiteralExpression(value))
    return value.getProperties().every((property) => {
      if (Node.isPropertyAssignment(property)) return isCertainlyJson(p, property.getInitializerOrThrow());
      if (Node.isShorthandPropertyAssignment(property)) return isCertainlyJson(p, property.getNameNode());
      return Node.isSpreadAssignment(property) && isSpreadable(p, property.getExpression());
    });
  if (Node.isArrayLiteralExpression(value))
    return value
      .getElements()
      .every((item) =>
        Node.isSpreadElement(item) ? isListOfPlain(p, item.getExpression()) : isCertainlyJson(p, item),
      );
  if (Node.isConditionalExpression(value))
    return isCertainlyJson(p, value.getWhenTrue()) && isCertainlyJson(p, value.getWhenFalse());
  const known = p.kinds.get(value);
  if (known?.kind === "value" && known.as.kind === "struct") return !known.maybe;
  if (known?.kind === "list") return isListOfPlain(p, value);
  if (known && known.kind !== "value") return false;
  if (known && !/^(same|enum-number|int64-number|int64-string)$/.test(known.as.kind)) return false;
  if (known?.as.kind === "same" && /^(bytes|bigint)$/.test(known.as.type)) return false;
  const type = value.getType();
  const isPlain = /^(string|number|boolean)$/.test(typeText(value)) || type.isEnum() || type.isEnumLiteral();
  return (known !== undefined || isPlain ? p.isPresent(value) : isListOfPlain(p, value)) && !isAbsent(value);
}

/** `...attrs`: of nothing, nothing is spread. */
function isSpreadable(p: Proving, given: Node): boolean {
  const value = unwrapped(given);
  const known = p.kinds.get(value);
  if (known) return known.kind === "value" && known.as.kind === "struct";
  if (Node.isBinaryExpression(value) && /^(\?\?|\|\|)$/.test(value.getOperatorToken().getText()))
    return isSpreadable(p, value.getLeft()) && isSpreadable(p, value.getRight());
  if (Node.isBinaryExpression(value) && value.getOperatorToken().getText() === "&&")
    return typeText(value.getLeft()) === "boolean" && isSpreadable(p, value.getRight());
  if (Node.isConditionalExpression(value))
    return isSpreadable(p, value.getWhenTrue()) && isSpreadable(p, value.getWhenFalse());
  return Node.isObjectLiteralExpression(value) && isCertainlyJson(p, value);
}

/** A list of texts, numbers or booleans, each of which is there. */
function isListOfPlain(p: Proving, list: Node): boolean {
  const of = list.getType().getArrayElementType()?.getText() ?? "";
  const known = p.kinds.get(list);
  if (known && !(known.kind === "list" && known.of.kind === "value" && known.of.as.kind === "same")) return false;
  return /^(string|number|boolean)$/.test(of) && p.isStrictlyTyped(list) && (known !== undefined || isMade(list));
}

/** `words.map(…)`, `text.split(",")`: no gaps in it but those of what it is made of. */
function isMade(list: Node): boolean {
  return Node.isCallExpression(list) && /\.(split|keys)$/.test(list.getExpression().getText());
}

/** Where an object in a variable is changed behind the place where a Struct gets it. */
export function changedLater(p: Proving, value: Node): Node | undefined {
  const declaration = Node.isIdentifier(value) ? p.project.declarationOf(value) : undefined;
  if (!Node.isIdentifier(value) || !declaration) return undefined;
  const loop = value.getAncestors().find((node) => Node.isIterationStatement(node));
  const isRepeated = loop !== undefined && !declaration.getAncestors().includes(loop);
  return p.project
    .referencesTo(value)
    .find((one) => (one.getPos() > value.getPos() || isRepeated) && one !== value && isChanged(one));
}

/** `attrs.a = …`, `attrs.a.b = …`, `Object.assign(attrs, …)`. */
function isChanged(reference: Node): boolean {
  for (let node = reference, parent = node.getParent(); parent; node = parent, parent = node.getParent()) {
    if (isAssignmentTarget(node)) return node !== reference;
    if (Node.isCallExpression(parent))
      return parent.getExpression() === node ? node !== reference : !LOOKING.test(parent.getExpression().getText());
    const isPart =
      (Node.isPropertyAccessExpression(parent) || Node.isElementAccessExpression(parent)) &&
      parent.getExpression() === node;
    if (!isPart && unwrapped(parent) === parent) return false;
  }
  return false;
}
