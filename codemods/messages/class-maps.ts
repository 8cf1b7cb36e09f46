import type { DescField } from "@bufbuild/protobuf";
import { type CallExpression, type NewExpression, Node, type PropertyAccessExpression } from "ts-morph";
import { followEntries } from "./class-map-entries.js";
import { holdsMessages, isPartOfStruct, isPlain, type Kind, maybe, SAME, sameKind } from "./message-kind.js";
import { functionAround, isAssignmentTarget, isConstant, standsAlone, unwrapped } from "./message-syntax.js";
import type { Proving } from "./proof.js";

/**
 * `message.map`, a Map of the language in old code, which becomes the object that protobuf-es has: through each of its methods.
 * A Map has its entries in the order in which they came, an object those first whose keys are numbers: what goes through them
 * in order stays as it is.
 */
export function followClassMap(p: Proving, access: PropertyAccessExpression, field: DescField): unknown {
  const kind = p.kindOf(field);
  if (kind.kind !== "map") return undefined;
  if (access.getText().includes("?.")) return p.block(access, "a map of a message that may not be there");
  p.kinds.set(access, kind);
  if (access.getName() !== field.localName) p.replace(access.getNameNode(), field.localName);
  const declaration = access.getParent();
  if (!Node.isVariableDeclaration(declaration)) return use(p, access, field, kind.of, () => mapText(p, access, field));
  const name = declaration.getNameNode();
  if (!Node.isIdentifier(name) || declaration.getTypeNode() || !isConstant(declaration))
    return p.block(declaration, "a map that is taken apart");
  for (const reference of p.project.referencesTo(name)) {
    if (reference === name) continue;
    p.kinds.set(reference, kind);
    // It may be that of a message which is made of a field.
    if (isPartOfStruct(field.parent) && isMapChanged(reference))
      p.block(reference, "a list or map of a Struct is changed that is not made here");
    use(p, reference, field, kind.of, () => reference.getText());
  }
  return undefined;
}

function mapText(p: Proving, access: PropertyAccessExpression, field: DescField): string | undefined {
  const object = p.chainText(access.getExpression());
  return object === undefined ? undefined : `${object}.${field.localName}`;
}

/** Is a map changed here? */
export function isMapChanged(map: Node): boolean {
  const access = map.getParent();
  return (
    Node.isPropertyAccessExpression(access) &&
    access.getExpression() === map &&
    /^(set|delete|clear)$/.test(access.getName())
  );
}

const IN_ORDER = "a map is gone through in the order in which its entries came";

/** One `map.get(…)`, `map.set(…)`, …; `textOf` gives what stands for the map, if it can be repeated. */
function use(p: Proving, map: Node, field: DescField, of: Kind, textOf: () => string | undefined): unknown {
  if (followEntries(p, map, field, of)) return undefined;
  const access = map.getParent();
  const call = access?.getParent();
  if (!Node.isPropertyAccessExpression(access) || access.getExpression() !== map) {
    // Another message may take it; by then that is known.
    p.finals.push(() => {
      if (p.consumed.has(map)) return;
      if (fromEntries(p, map, of)) return;
      const parent = map.getParent();
      p.block(
        map,
        Node.isSpreadElement(parent) || Node.isForOfStatement(parent)
          ? IN_ORDER
          : "a map goes where it cannot be followed",
      );
    });
    return undefined;
  }
  if (access.hasQuestionDotToken()) return p.block(access, "a map that may not be there");
  if (access.getName() === "size") {
    p.edit(map, map.getStart(), map.getStart(), ["Object.keys("], "after");
    return p.edit(access, map.getEnd(), access.getEnd(), [").length"]);
  }
  if (!Node.isCallExpression(call) || call.getExpression() !== access)
    return p.block(access, `what ${access.getName()} of a map does is not followed`);
  const [key, value] = call.getArguments();
  const isStatement = Node.isExpressionStatement(call.getParent());
  switch (access.getName()) {
    case "get":
      return key && get(p, map, call, key, of, textOf);
    case "has":
      if (!key) break;
      takesKey(p, key);
      p.edit(map, map.getStart(), map.getStart(), ["Object.hasOwn("], "after");
      return p.edit(call, map.getEnd(), key.getStart(), [", "]);
    case "set":
      if (!key || !value || !isStatement) break;
      p.edit(call, map.getEnd(), key.getStart(), ["["]);
      p.edit(call, key.getEnd(), value.getStart(), ["] = "]);
      p.edit(call, value.getEnd(), call.getEnd(), []);
      return entry(p, key, value, of);
    case "delete":
      if (!key || !isStatement) break;
      takesKey(p, key);
      p.edit(map, map.getStart(), map.getStart(), ["delete "], "after");
      p.edit(call, map.getEnd(), key.getStart(), ["["]);
      return p.edit(call, key.getEnd(), call.getEnd(), ["]"]);
    case "forEach":
    case "entries":
    case "keys":
    case "values":
      return p.block(call, IN_ORDER);
  }
  return p.block(call, `what ${access.getName()} of a map does is not followed`);
}

function get(
  p: Proving,
  map: Node,
  call: CallExpression,
  key: Node,
  of: Kind,
  textOf: () => string | undefined,
): unknown {
  takesKey(p, key);
  if (isSafeKey(key)) {
    p.edit(call, map.getEnd(), key.getStart(), ["["]);
    p.edit(call, key.getEnd(), call.getEnd(), ["]"]);
    return p.flow(call, maybe(of));
  }
  // An object has `toString` and its like, too; only own keys count.
  p.later(() => {
    const text = textOf();
    const again = Node.isIdentifier(key) || Node.isPropertyAccessExpression(key) ? p.chainText(key) : undefined;
    const known = p.kinds.get(key);
    if (text === undefined || again === undefined || (known && !isPlain(known)))
      return p.block(call, "a key of a map that cannot be written twice");
    const [opening, closing] = standsAlone(call) ? ["", ""] : ["(", ")"];
    p.edit(map, map.getStart(), map.getStart(), [`${opening}Object.hasOwn(`], "after");
    p.edit(call, map.getEnd(), key.getStart(), [", "]);
    p.edit(call, key.getEnd(), call.getEnd(), [`) ? ${text}[${again}] : undefined${closing}`]);
  });
  p.flow(call, maybe(of));
}

/** A text, or a number of a map whose keys are numbers. */
function takesKey(p: Proving, key: Node): void {
  const type = key.getType();
  const isNumber = type.isNumber() || type.isNumberLiteral();
  if (!isNumber) p.sink(key, SAME);
  else
    p.later(() => {
      if (!p.isInteger(key)) p.block(key, "nothing proves that this is a whole number");
    });
}

/** A key that is written out, and that no object has of its own accord. */
function isSafeKey(key: Node): boolean {
  if (Node.isNumericLiteral(key)) return true;
  return Node.isStringLiteral(key) && !(key.getLiteralText() in {});
}

function entry(p: Proving, key: Node, value: Node, of: Kind): void {
  if (Node.isStringLiteral(key) && key.getLiteralText() === "__proto__") p.block(key, "a key that an object has not");
  takesKey(p, key);
  p.sink(value, of);
  p.later(() => {
    const isThere = of.kind === "value" ? p.isPresent(value) : !p.canBeMissing(value);
    if (!isThere) p.block(value, "a value of a map that may be absent");
  });
}

/** A map that leaves: `new Map([["a", 1]])` becomes `{ a: 1 }`; that of another message is one already. */
export function proveMap(p: Proving, expression: Node, wanted: Kind & { kind: "map" }): unknown {
  const type = expression.getType();
  if (type.getSymbol()?.getName() !== "Map") {
    // What fromObject() is given.
    return Node.isObjectLiteralExpression(expression)
      ? written(p, expression, wanted)
      : p.block(expression, "nothing proves what this map holds");
  }
  const known = p.kinds.get(expression);
  if (known) return sameKind(known, wanted) ? p.consume(expression) : p.block(expression, "a map of other values");
  if (Node.isConditionalExpression(expression)) {
    p.sink(expression.getWhenTrue(), wanted);
    return p.sink(expression.getWhenFalse(), wanted);
  }
  if (Node.isNewExpression(expression) && expression.getExpression().getText() === "Map") {
    const [entries, more] = expression.getArguments();
    if (!entries) return p.replace(expression, "{}");
    if (Node.isArrayLiteralExpression(entries) && !more)
      return literal(p, expression, entries.getElements(), wanted.of);
  }
  return snapshot(p, expression, wanted);
}

function written(p: Proving, object: Node, wanted: Kind & { kind: "map" }): void {
  if (!Node.isObjectLiteralExpression(object)) return;
  for (const property of object.getProperties()) {
    if (!Node.isPropertyAssignment(property)) p.block(property, "an entry of a map that is not written out");
    else p.sink(property.getInitializerOrThrow(), wanted.of);
  }
}

/** `new Map([["a", 1], [key, 2]])` */
function literal(p: Proving, made: Node, entries: readonly Node[], of: Kind): unknown {
  const [first, last] = [entries[0], entries.at(-1)];
  if (!first || !last) return p.replace(made, "{}");
  const file = made.getSourceFile().getFullText();
  const isOneLine = !file.slice(made.getStart(), first.getStart()).includes("\n");
  const start = file.lastIndexOf("[", first.getStart() - 1);
  p.edit(made, made.getStart(), start + 1, [isOneLine ? "{ " : "{"]);
  for (const one of entries) {
    const [key, value, more] = Node.isArrayLiteralExpression(one) ? one.getElements() : [];
    if (!key || !value || more || Node.isSpreadElement(key) || Node.isSpreadElement(value))
      return p.block(one, "an entry of a map that is not written out");
    const isText = Node.isStringLiteral(key);
    const isBare = isText && /^[A-Za-z_$][\w$]*$/.test(key.getLiteralText());
    if (isBare) p.edit(one, one.getStart(), value.getStart(), [`${key.getLiteralText()}: `]);
    else {
      const [opening, closing] = isText || Node.isNumericLiteral(key) ? ["", ""] : ["[", "]"];
      p.edit(one, one.getStart(), key.getStart(), [opening]);
      p.edit(one, key.getEnd(), value.getStart(), [`${closing}: `]);
    }
    p.edit(one, value.getEnd(), one.getEnd(), []);
    entry(p, key, value, of);
  }
  const end = file.indexOf("]", last.getEnd());
  const isClosedBeside = !file.slice(last.getEnd(), end).includes("\n");
  return p.edit(made, isClosedBeside ? last.getEnd() : end, made.getEnd(), [isClosedBeside ? " }" : "}"]);
}

/** `new Map(entries)`, which nobody has beside the message: `Object.fromEntries(entries)`, or a copy of another message's map. */
function fresh(p: Proving, made: NewExpression, entries: Node): unknown {
  if (p.kinds.get(entries)?.kind !== "map") {
    const [type, of] = [entries.getType(), entries.getType().getArrayElementType()];
    if (type.isAny() || of?.isAny()) return p.block(entries, "nothing proves what this map holds");
    p.edit(made, made.getStart(), entries.getStart(), ["Object.fromEntries("]);
    return p.edit(made, entries.getEnd(), made.getEnd(), [")"]);
  }
  p.consume(entries);
  p.edit(made, made.getStart(), entries.getStart(), ["{ ..."]);
  return p.edit(made, entries.getEnd(), made.getEnd(), [" }"]);
}

/** A Map that the program fills and does not change any more: its entries. */
function snapshot(p: Proving, expression: Node, wanted: Kind & { kind: "map" }): unknown {
  if (!isPlain(wanted) && !holdsMessages(wanted)) return p.block(expression, "values of a map that are converted");
  const as = wanted.of.kind === "value" ? wanted.of.as : undefined;
  const of = expression.getType().getTypeArguments()[1]?.getText();
  const type = as?.kind === "same" ? (/32$/.test(as.type) ? "number" : as.type) : undefined;
  if (as && (type === undefined || of !== type)) return p.block(expression, "nothing proves what this map holds");
  const [entries] = Node.isNewExpression(expression) ? expression.getArguments() : [];
  if (Node.isNewExpression(expression) && entries && !Node.isSpreadElement(entries))
    return fresh(p, expression, entries);
  if (!isDone(p, expression)) return p.block(expression, "a Map that may change when it is in a message");
  p.wrap(expression, [p.shorthandPrefix(expression), "Object.fromEntries("], ")");
}

/** A constant of this function that is not used after this statement, nor in a later round of a loop. */
function isDone(p: Proving, expression: Node): boolean {
  const declaration = Node.isIdentifier(expression) ? p.project.declarationOf(expression) : undefined;
  if (!isConstant(declaration)) return false;
  const first = unwrapped(declaration.getInitializer() ?? declaration);
  if (!Node.isNewExpression(first) || functionAround(first) !== functionAround(expression)) return false;
  const loop = expression.getAncestors().find((one) => Node.isIterationStatement(one));
  if (loop && !declaration.getAncestors().includes(loop as never)) return false;
  return p.project.referencesTo(declaration.getNameNode()).every((one) => {
    if (one === expression || one === declaration.getNameNode()) return true;
    const parent = one.getParent();
    const isMethod =
      Node.isPropertyAccessExpression(parent) && parent.getExpression() === one && !isAssignmentTarget(parent);
    return isMethod && one.getEnd() < expression.getStart() && functionAround(one) === functionAround(expression);
  });
}

/** `Object.fromEntries(message.map)`: a copy of it. */
function fromEntries(p: Proving, map: Node, of: Kind): boolean {
  const call = map.getParent();
  if (!Node.isCallExpression(call) || call.getExpression().getText() !== "Object.fromEntries" || !isPlain(of))
    return false;
  p.edit(call, call.getStart(), map.getStart(), ["{ ..."]);
  p.edit(call, map.getEnd(), call.getEnd(), [" }"]);
  return standsAlone(call);
}
