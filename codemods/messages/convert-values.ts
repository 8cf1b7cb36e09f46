import type { DescEnum, DescOneof } from "@bufbuild/protobuf";
import { type BinaryExpression, type CallExpression, Node, SyntaxKind } from "ts-morph";
import { isChangedInPlace } from "./changed-bytes.js";
import { readsTable } from "./enum-tables.js";
import type { Representation } from "./legacy-shape.js";
import { isStructMessage, type Kind } from "./message-kind.js";
import {
  comparedLiterals,
  comparedValues,
  isAbsent,
  isTruthTest,
  isValueOfLogical,
  quoted,
  standsAlone,
  topOf,
  typeText,
} from "./message-syntax.js";
import { isOwn, noteShown } from "./own-reads.js";
import type { Proving } from "./proof.js";
import { receivedAs } from "./received-messages.js";
import { isPickedFromStore } from "./stores.js";
import { isThereAt, testsPresence } from "./wrapped-values.js";

/** The text of a literal, or of a constant of old code. */
export function nameIn(p: Proving, expression: Node): string | undefined {
  if (Node.isStringLiteral(expression) || Node.isNoSubstitutionTemplateLiteral(expression))
    return expression.getLiteralText();
  return p.shape.constantName?.(p, expression);
}

/** Is an object made a string or a number where it stands, by its toString()? */
function isMadePrimitive(p: Proving, value: Node): boolean {
  const parent = value.getParent();
  if (Node.isPrefixUnaryExpression(parent)) return /^[-+]/.test(parent.getText());
  if (Node.isCallExpression(parent))
    return (
      parent.getExpression() !== value &&
      /^((Number\.)?parse(Int|Float)|Math\.\w+)$/.test(parent.getExpression().getText())
    );
  if (!Node.isBinaryExpression(parent)) return false;
  const operator = parent.getOperatorToken().getText();
  if (/^([-+*/%<>]|\*\*|[<>]=|[-+*/%]=)$/.test(operator)) return true;
  const other = parent.getLeft() === value ? parent.getRight() : parent.getLeft();
  return /^[!=]=$/.test(operator) && (p.isString(other) || p.isNumber(other));
}

/** `value.length`, `value[0]`: where it is not there, that throws. */
function isReadOf(value: Node): boolean {
  const parent = value.getParent();
  const isRead = Node.isPropertyAccessExpression(parent) || Node.isElementAccessExpression(parent);
  return isRead && parent.getExpression() === value;
}

/** What goes on in `a?.date.getTime()`, where a is not there, is nothing: the token that says so of what comes in place of `a?.date`. */
export function continuation(value: Node): string {
  const next = value.getParent();
  const isRead = Node.isPropertyAccessExpression(next) || Node.isElementAccessExpression(next);
  if (!isRead || next.getExpression() !== value || next.hasQuestionDotToken() || !value.getText().includes("?."))
    return "";
  return Node.isElementAccessExpression(next) ? "?." : "?";
}

/** `Buffer.from(bytes)`, which copies them. */
function isBufferOf(call: CallExpression, bytes: Node): boolean {
  const [first, second] = call.getArguments();
  return call.getExpression().getText() === "Buffer.from" && first === bytes && !second;
}

/** Where what is not there would be no number, but its name in a text. */
function isMadeText(value: Node): boolean {
  const parent = value.getParent();
  return Node.isBinaryExpression(parent) && /^(\+=?|[!=]=)$/.test(parent.getOperatorToken().getText());
}

/** Values that other code goes on to use: comparisons that can be rewritten, and what keeps its old form by a conversion. */
export function createConvertValues(p: Proving) {
  const { shape, kinds, block, replace, wrap, generated, fieldBy } = p;

  /** Comparisons and conversions that need no wrapping. True when the use is dealt with. */
  const special = (parent: Node, expression: Node, as: Representation): boolean => {
    // What is not set is undefined before and after.
    if (shape.coerces && as.kind !== "date" && isComparedWithNothing(parent, expression)) return true;
    if (as.kind === "enum-name") {
      const others = comparedValues(parent, expression);
      const names = others?.map((other) => nameIn(p, other));
      if (!others || others.length === 0 || names?.includes(undefined)) return false;
      noteShown(p, expression);
      for (const other of others) {
        const name = nameIn(p, other);
        const value = as.desc.values.find((one) => shape.enumName(one) === name);
        if (!value) block(other, `${as.desc.typeName} has no value ${name}`);
        else replace(other, generated(as.desc, "shape", other), `.${value.localName}`);
      }
      return true;
    }
    if (shape.typed && Node.isBinaryExpression(parent) && compareAbsent(parent, expression)) return true;
    if (as.kind === "int64-long" && !shape.creates && isTruthTest(parent, expression)) {
      // A Long is true, whatever it says.
      noteShown(p, expression);
      return testsPresence(p, parent, expression);
    }
    if (as.kind === "date" || as.kind === "mask") return isTruthTest(parent, expression) && !isValueOfLogical(parent);
    if (as.kind === "bytes" && !shape.hasTextBytes && isTruthTest(parent, expression) && !isValueOfLogical(parent))
      return true;
    if (as.kind === "bytes") return Node.isCallExpression(parent) && isBufferOf(parent, expression);
    if (as.kind === "int64-string" || as.kind === "int64-number" || as.kind === "int64-long") {
      // A number loses what is beyond 2^53, and so does its text.
      const isText = as.kind !== "int64-number";
      if (Node.isTemplateSpan(parent)) return isText;
      // An object becomes its text beside a string, as a bigint does.
      if (as.kind === "int64-long" && Node.isBinaryExpression(parent) && parent.getOperatorToken().getText() === "+")
        return p.isString(parent.getLeft() === expression ? parent.getRight() : parent.getLeft());
      const call = parent;
      if (!Node.isCallExpression(call) || call.getArguments()[0] !== expression) return false;
      const callee = call.getExpression().getText();
      if (callee === "Number" || (callee === "BigInt" && isText)) return call.getArguments().length === 1;
      return callee === "String" && isText;
    }
    return false;
  };

  const discriminator = (expression: Node, kind: Kind & { kind: "case" }): unknown => {
    const parent = expression.getParent();
    if (parent && isTruthTest(parent, expression) && !isValueOfLogical(parent)) return;
    const literals = parent && comparedLiterals(parent, expression);
    if (!literals) return memberName(expression, kind.oneof);
    for (const literal of literals) {
      const field = kind.oneof.fields.find((one) => shape.keyOf(one) === literal.getLiteralText());
      if (!field) block(literal, `${kind.oneof.name} has no member ${literal.getLiteralText()}`);
      else if (field.localName !== literal.getLiteralText()) replace(literal, quoted(literal, field.localName));
    }
  };

  /** `log(order.payment)`, the name that old code has for the member that is set. */
  const memberName = (expression: Node, oneof: DescOneof): unknown => {
    const what = "the name of a oneof's member is used as a value";
    const access = Node.isPropertyAccessExpression(expression) ? expression : undefined;
    const object = access?.getExpression();
    const chain = object && chainText(object);
    const isRenamed = oneof.fields.some((field) => shape.keyOf(field) !== field.localName);
    const isNamed = oneof.fields.every((field) => shape.keyOf(field) === field.name);
    if (!object || !chain || !shape.coerces || (isRenamed && !isNamed)) return block(expression, what);
    // Who sets a member in old code does not set its name.
    p.finals.push(() => {
      if (!receivedAs(p, object) || oneof.fields.some((field) => p.written.has(field))) block(expression, what);
    });
    if (!isRenamed) return;
    const [opening, closing] = standsAlone(topOf(expression)) ? ["", ""] : ["(", ")"];
    const schema = generated(oneof.parent, "descriptor", expression);
    const name = `${chain}${access?.hasQuestionDotToken() ? "?." : "."}${oneof.localName}.case`;
    wrap(expression, [opening, `${name} && `, schema, ".field["], `].name${closing}`);
  };

  /** `x === null` becomes `x === undefined`: an absent message. */
  const compareAbsent = (comparison: Node, expression: Node): boolean => {
    if (!Node.isBinaryExpression(comparison)) return false;
    // A getter gives undefined, too, and other nulls stay what they are.
    if (shape.isLive) return isComparedWithNothing(comparison, expression);
    const operator = comparison.getOperatorToken().getText();
    if (!/^[!=]==?$/.test(operator)) return false;
    const other = comparison.getLeft() === expression ? comparison.getRight() : comparison.getLeft();
    if ((shape.coerces || shape.hasNulls) && operator.length === 3 && isAbsent(other)) {
      p.later(() => compareExactly(expression, other));
      return true;
    }
    if (other.getText() === "null") {
      if (operator.length === 3) replace(other, "undefined");
      return true;
    }
    if (other.getText() === "undefined" && operator.length === 2) return true;
    return false;
  };

  /** What the program made or kept itself, and null or undefined where it says so. */
  const isKept = (part: Node): boolean =>
    isAbsent(part) ||
    isPickedFromStore(p, part) ||
    Node.isObjectLiteralExpression(part) ||
    p.isMadeOf(part, "kept", isKept);

  /** What is not there is null in old code only where a field is not set. */
  const compareExactly = (expression: Node, other: Node): unknown => {
    const presence = receivedAs(p, expression) ?? (isKept(expression) ? "same" : undefined);
    if (presence === "same" || presence === "always") return;
    if (presence !== "null" || other.getText() !== "null")
      return block(expression, "nothing proves whether this is undefined or null where it is not there");
    replace(other, "undefined");
  };

  const isComparedWithNothing = (comparison: Node, expression: Node) =>
    Node.isBinaryExpression(comparison) &&
    /^[!=]==?$/.test(comparison.getOperatorToken().getText()) &&
    isAbsentIn(comparison, expression);

  const isAbsentIn = (comparison: BinaryExpression, expression: Node) =>
    isAbsent(comparison.getLeft() === expression ? comparison.getRight() : comparison.getLeft());

  /** A value that other code goes on to use: it keeps its old form. */
  const convert = (given: Node, as: Representation, canBeAbsent: boolean): unknown => {
    const expression = topOf(given);
    noteShown(p, given);
    if (p.memberValues.has(given)) return convertMember(given, as);
    const isMadeHere = isOwn(p, kinds.get(given));
    // The types of generated classes do not say that a message may not be there.
    const isStrict = () => p.isStrictlyTyped(expression) && !(shape.isUnset && expression.getText().includes("?."));
    const isThere = () =>
      shape.typed ? isStrict() && !p.isUnchecked(expression) : shape.coerces && isThereAt(p, expression, expression);
    const isMaybe = isMadeHere || (canBeAbsent && !isThere());
    const prefix = p.keyPrefix(expression);
    switch (as.kind) {
      case "same":
      case "enum-number":
      case "struct":
        return;
      case "int64-string":
        if (isMaybe && isReadOf(expression)) return wrap(expression, [prefix, "("], "?.toString())");
        if (isMaybe) return wrap(expression, [prefix], "?.toString()");
        return wrap(expression, [`${prefix}String(`], ")");
      case "int64-long":
        if (!isMadePrimitive(p, expression) || (isMaybe && (isMadeHere || isMadeText(expression))))
          return block(expression, "a Long is used in a way that is not followed");
        return wrap(expression, ["String("], ")");
      case "int64-number":
        if (isMadeHere) return block(expression, "a number that may be absent");
        if (isMaybe && isBesideNumber(expression)) return undefined;
        if (isMaybe) return unlessAbsent(expression, prefix, "Number(", "a number that may be absent");
        return wrap(expression, [`${prefix}Number(`], ")");
      case "bytes":
        if (isChangedInPlace(p, expression))
          return block(expression, "bytes of a message are written to in place, or compared by identity");
        if (shape.hasTextBytes) return block(expression, "bytes that are a string where they are not set");
        if (isMadeHere) return block(expression, "bytes that may be absent");
        if (isMaybe && shape.typed && isBesideBytes(expression)) return undefined;
        if (isMaybe) return unlessAbsent(expression, prefix, "Buffer.from(", "bytes that may be absent");
        if (shape.typed && isAskedWhatItIs(expression) && typeText(expression) !== "Buffer")
          return block(
            expression,
            "bytes as JSON, or asked whether they are a Buffer, which they are not where they are not set",
          );
        return wrap(expression, [`${prefix}Buffer.from(`], ")");
      case "date": {
        const chain = chainText(expression) ?? shape.optionalChain?.(p, expression);
        if (chain === undefined) return block(expression, "a timestamp that cannot be read twice");
        const use = expression.getParent();
        if (Node.isPropertyAccessExpression(use) && use.getExpression() === expression && /^set/.test(use.getName()))
          return block(use, "a Date of a message is changed in place");
        const [opening, closing] = !isMaybe
          ? ["", ""]
          : standsAlone(expression)
            ? [`${chain} && `, ""]
            : [`(${chain} && `, `)${continuation(expression)}`];
        // timestampDate() rounds to the millisecond, where a Date cuts off.
        const millis = `.seconds) * 1000 + ${chain}.nanos / 1e6)`;
        return wrap(expression, [`${prefix}${opening}new Date(Number(`], `${millis}${closing}`);
      }
      case "mask": {
        const access = isMaybe && !Node.isNonNullExpression(expression) ? "?.paths" : ".paths";
        const after = expression.getParent();
        // `mask?.includes(path)` needs no more than one.
        if (Node.isPropertyAccessExpression(after) && after.hasQuestionDotToken() && access === "?.paths")
          return p.edit(after, expression.getEnd(), after.getNameNode().getStart(), ["?.paths."]);
        return wrap(expression, [prefix], access);
      }
      case "enum-name": {
        if (!isMaybe && isBesideSameEnum(expression, as.desc)) return undefined;
        if (!isMaybe && readsTable(p, expression, as.desc)) return undefined;
        const chain = chainText(expression);
        if (chain === undefined)
          return block(expression, "the name of an enum value is taken of an expression that cannot be repeated");
        // protobufjs gives the number itself for a value without a name.
        const [opening, closing] = standsAlone(expression) ? ["", ""] : ["(", ")"];
        const schema = generated(as.desc, "descriptor", expression);
        return wrap(expression, [`${prefix}${opening}`, schema, ".value["], `]?.name ?? ${chain}${closing}`);
      }
      default:
        return block(expression, "this is used in a way that is not followed");
    }
  };

  /** `a.kind === b.kind`: of one enum, numbers are equal where their names are. */
  const isBesideSameEnum = (expression: Node, desc: DescEnum): boolean => {
    const comparison = expression.getParent();
    if (!Node.isBinaryExpression(comparison)) return false;
    const [other] = comparedValues(comparison, expression) ?? [];
    const kind = other && kinds.get(other);
    if (kind?.kind !== "value" || kind.maybe || kind.as.kind !== "enum-name") return false;
    return kind.as.desc === desc && !isOwn(p, kind);
  };

  /** The value of a member of a oneof, where it is the one that is set. */
  const convertMember = (access: Node, as: Representation): unknown => {
    if (as.kind === "same" || as.kind === "enum-number") return undefined;
    if (as.kind === "bytes" && (isChangedInPlace(p, access) || isAskedWhatItIs(topOf(access))))
      return block(access, "this member of a oneof needs a conversion");
    const name = { "int64-number": "Number", "int64-string": "String", bytes: "Buffer.from" }[as.kind as string];
    if (!name) return block(access, "this member of a oneof needs a conversion");
    if (as.kind === "int64-number" && isBesideNumber(topOf(access))) return undefined;
    return p.memberValues.set(access, (value) => `${name}(${value})`);
  };

  /** `message?.count ?? 0` is `Number(message?.count ?? 0n)`. False where no number that is written out stands behind it. */
  const isBesideNumber = (expression: Node): boolean => {
    const either = expression.getParent();
    if (!Node.isBinaryExpression(either) || either.getOperatorToken().getText() !== "??") return false;
    const other = either.getRight();
    if (either.getLeft() !== expression || !/^\d+$/.test(other.getText())) return false;
    p.edit(either, either.getStart(), either.getStart(), ["Number("], "after");
    p.edit(either, other.getEnd(), other.getEnd(), ["n)"], "before");
    return true;
  };

  /** `Buffer.from(message?.data ?? [])`, which makes a Buffer of either. */
  const isBesideBytes = (expression: Node): boolean => {
    const either = expression.getParent();
    if (!Node.isBinaryExpression(either) || !/^(\?\?|\|\|)$/.test(either.getOperatorToken().getText())) return false;
    const call = either.getParent();
    return either.getLeft() === expression && Node.isCallExpression(call) && isBufferOf(call, either);
  };

  /** What is not there stays so. */
  const unlessAbsent = (expression: Node, prefix: string, opening: string, what: string): unknown => {
    const plain = chainText(expression);
    const chain = plain ?? shape.optionalChain?.(p, expression);
    if (chain === undefined) return block(expression, what);
    const [before, after] = standsAlone(expression) ? ["", ""] : ["(", `)${continuation(expression)}`];
    const test = plain === undefined ? `${chain} === undefined ? undefined` : `${chain} == null ? ${chain}`;
    return wrap(expression, [`${prefix}${before}${test} : ${opening}`], `)${after}`);
  };

  /** In JSON a Buffer is another object than a Uint8Array. */
  const isAskedWhatItIs = (expression: Node) => {
    const use = expression.getParent();
    if (Node.isBinaryExpression(use)) return use.getOperatorToken().getText() === "instanceof";
    return Node.isCallExpression(use) && /^(JSON\.stringify|Buffer\.isBuffer)$/.test(use.getExpression().getText());
  };

  /** The text of `a.b.c` with the names that it will have; undefined for anything else. */
  const chainText = (node: Node): string | undefined => {
    if (Node.isIdentifier(node) || node.getKind() === SyntaxKind.ThisKeyword) return node.getText();
    if (Node.isNonNullExpression(node)) {
      const inner = chainText(node.getExpression());
      return inner === undefined ? undefined : `${inner}!`;
    }
    const chain = shape.chain?.(p, node);
    if (chain !== undefined) return chain;
    if (!Node.isPropertyAccessExpression(node) || node.hasQuestionDotToken()) return undefined;
    const object = chainText(node.getExpression());
    if (object === undefined) return undefined;
    const kind = kinds.get(node.getExpression());
    // A variable that a message is made in is known by what is read of it.
    const read = kinds.get(node);
    const own = read?.kind === "value" && !read.field?.oneof ? read.field : undefined;
    if (kind?.kind !== "message")
      return `${object}.${own && shape.keyOf(own) === node.getName() ? own.localName : node.getName()}`;
    const field = fieldBy(kind.desc, node.getName());
    // What is read of a Struct there is read of a message that is made of the field.
    const isJson = field !== undefined && shape.typed !== undefined && isStructMessage(p.kindOf(field));
    return field && !field.oneof && !isJson ? `${object}.${field.localName}` : undefined;
  };

  return { special, discriminator, compareAbsent, convert, chainText };
}
