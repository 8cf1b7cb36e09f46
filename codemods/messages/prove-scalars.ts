import type { DescEnum, DescField, DescMessage } from "@bufbuild/protobuf";
import { Node } from "ts-morph";
import { coerceValue, isCutOnly, isWholeText } from "./coerced-values.js";
import { nameIn } from "./convert-values.js";
import { isAssignableScalar, isUnsignedField, type Kind, SAME } from "./message-kind.js";
import {
  hasBytesType,
  hasType,
  isAbsent,
  isBufferCall,
  isOperand,
  numberOf,
  stringOf,
  topOf,
  typeText,
} from "./message-syntax.js";
import { noteUnlike } from "./own-reads.js";
import type { Proving } from "./proof.js";
import { isInFromObject } from "./protobufjs-objects.js";

/** Values of scalar fields and enums, and dates: what they are, or the conversion that makes them so. */
export function createProveScalars(p: Proving) {
  const { shape, kinds, block, edit, replace, wrap, generated, shorthandPrefix } = p;

  const value = (expression: Node, wanted: Kind & { kind: "value" }): unknown => {
    const { as } = wanted;
    if (isAbsent(expression)) {
      if (as.kind !== "same" && expression.getText() === "null") noteUnlike(p, wanted.field);
      return;
    }
    if ((as.kind === "enum-number" || as.kind === "enum-name") && shape.constant) {
      p.enums.add(as.desc);
      if (shape.constant(p, expression)) return;
      if (shape.enumOfType?.(p, expression.getType())?.typeName === as.desc.typeName) return;
    }
    const known = kinds.get(expression);
    switch (as.kind) {
      case "same":
        if (known?.kind === "value" && known.as.kind === "same" && isAssignableScalar(known.as.type, as.type)) return;
        if (as.type === "string" && (p.isString(expression) || isTextEnum(expression))) return;
        if (as.type === "bytes" && (hasBytesType(expression) || isBufferCall(expression))) return;
        if (as.type === "boolean" && p.isBoolean(expression)) return;
        if (as.type === "number" && p.isNumber(expression)) return;
        if (as.type === "bigint" && hasType(typeText(expression), "bigint")) return;
        if (as.type === "int32" || as.type === "uint32") {
          if (p.isWithinRange(expression, as.type)) return;
          // What is out of range, or no whole number, is refused before and after.
          if (shape.fractions === "refused" && (p.isInteger(expression) || p.isNumber(expression))) return;
          // What protobufjs does with any number; protobuf-es throws for a fraction or for one that is too large.
          if (p.isNumber(expression) && (!wanted.maybe || p.isPresent(expression))) {
            if (wanted.field && !isCutOnly(p, expression, as.type)) p.coerced.set(expression, wanted.field);
            const [opening, closing] = isOperand(expression) ? ["", ""] : ["(", ")"];
            return wrap(
              expression,
              [shorthandPrefix(expression), opening],
              `${closing}${as.type === "int32" ? " | 0" : " >>> 0"}`,
            );
          }
        }
        if (coerceValue(p, expression, wanted)) return;
        return block(expression, `nothing proves that this is ${as.type === "int32" ? "an int32" : `a ${as.type}`}`);
      case "int64-string":
      case "int64-number":
        return int64(expression, as.kind, wanted);
      case "int64-long":
        if (known?.kind === "value" && known.as.kind === "int64-long") {
          if (known.maybe || isInFromObject(expression)) return block(expression, "a Long of another sign");
          if (wanted.field) p.coerced.set(expression, wanted.field);
          p.consume(expression);
          return cutTo64(expression, isUnsignedField(wanted.field), ["", ""]);
        }
        noteUnlike(p, wanted.field);
        return int64(expression, "int64-string", wanted);
      case "enum-name":
      case "enum-number": {
        // Where enums are numbers, only proto-loader and fromObject take their names.
        const isName = as.kind === "enum-name" || shape.coerces || isInFromObject(expression);
        const name = isName ? nameIn(p, expression) : undefined;
        if (name !== undefined) {
          const found = as.desc.values.find((one) => shape.enumName(one) === name);
          if (!found) return block(expression, `${as.desc.typeName} has no value ${name}`);
          return replace(expression, generated(as.desc, "shape", expression), `.${found.localName}`);
        }
        if (as.kind === "enum-name") noteUnlike(p, wanted.field);
        if (Node.isNumericLiteral(expression)) return;
        if (shape.constant && p.isMadeOf(expression, "enum", (part) => isEnumValue(part, as.desc.typeName))) return;
        if (isName && !shape.hasNulls && !known && typeText(expression) === "string") {
          if (wanted.field?.fieldKind === "map") return block(expression, "a name of an enum in a map");
          return enumByName(expression, as.desc, wanted.field?.fieldKind === "list");
        }
        if (shape.hasNulls && coerceValue(p, expression, wanted)) return;
        if (shape.coerces && !known && enumOfAny(expression, as.desc, wanted.field)) return;
        return block(expression, `nothing proves that this is a value of ${as.desc.typeName}`);
      }
      case "date":
        return date(expression);
      case "mask":
        return mask(expression, as.desc);
      case "bytes":
        if (known?.kind === "value" && known.as.kind === "same" && known.as.type === "bytes") return;
        if (!/^Buffer\b/.test(typeText(expression)) && !/^Buffer\./.test(expression.getText()))
          noteUnlike(p, wanted.field);
        if (hasBytesType(expression) || isBufferCall(expression)) return;
        if (shape.coerces && isBase64(expression)) return;
        return block(expression, "nothing proves that these are bytes");
      default:
        return block(expression, "nothing proves what this is");
    }
  };

  /** The value of an enum whose values are names: who looks at all of them makes a text of it. */
  const isTextEnum = (text: Node): boolean => shape.typed?.textEnumOf(text.getType()) !== undefined;

  /** The number of an enum's value that a string names: protobufjs leaves an unknown name out, or takes the first one in a list. */
  const enumByName = (text: Node, desc: DescEnum, isElement: boolean): void => {
    const words = new Set(text.getText().match(/[\w$]+/g));
    let one = "value";
    while (words.has(one)) one += "_";
    const test = words.has("name") ? `(${one}) => ${one}.name` : "({ name }) => name";
    const [opening, closing] =
      Node.isBinaryExpression(text) && text.getOperatorToken().getText() !== "+" ? ["(", ")"] : ["", ""];
    wrap(
      text,
      [shorthandPrefix(text), generated(desc, "descriptor", text), `.values.find(${test} === ${opening}`],
      `${closing})?.number${isElement ? ` ?? ${desc.values[0]?.number}` : ""}`,
    );
  };

  /** Whatever protobufjs takes for the value of an enum. */
  const enumOfAny = (value: Node, desc: DescEnum, field: DescField | undefined): boolean => {
    if (!field || (field.fieldKind !== "enum" && field.fieldKind !== "list")) return false;
    p.coerced.set(value, field);
    const make = { module: "@connect-migrate/runtime/grpc-js", name: "protoLoaderEnum" };
    const first = field.fieldKind === "list" ? ` ?? ${desc.values[0]?.number}` : "";
    wrap(value, [shorthandPrefix(value), make, "(", generated(desc, "descriptor", value), ", "], `)${first}`);
    return true;
  };

  /** A known value of an enum, or a constant of it. */
  const isEnumValue = (part: Node, typeName: string): boolean => {
    const known = kinds.get(part);
    if (known) return known.kind === "value" && known.as.kind === "enum-number" && known.as.desc.typeName === typeName;
    if (Node.isNumericLiteral(part)) return true;
    if (shape.constant?.(p, part)) return true;
    if (shape.enumOfType?.(p, part.getType())?.typeName === typeName) return true;
    return p.isMadeOf(part, "enum", (inner) => isEnumValue(inner, typeName));
  };

  /** `date`, `row.date`: nothing runs when it is read twice. */
  const isRepeatable = (node: Node): boolean =>
    Node.isIdentifier(node) ||
    Node.isThisExpression(node) ||
    (Node.isPropertyAccessExpression(node) && !node.hasQuestionDotToken() && isRepeatable(node.getExpression()));

  /** A Date for a Timestamp. */
  const date = (expression: Node): unknown => {
    const name = { module: "@bufbuild/protobuf/wkt", name: "timestampFromDate" };
    if (!/^Date( \| (undefined|null))*$/.test(typeText(expression)))
      return block(expression, "nothing proves that this is a Date");
    if (p.isPresent(expression)) return wrap(expression, [shorthandPrefix(expression), name, "("], ")");
    if (!isRepeatable(expression))
      return block(expression, "a Date that may be absent, in an expression that cannot be repeated");
    const top = topOf(expression);
    const above = top.getParent();
    const isBesideNull = Node.isBinaryExpression(above) && above.getOperatorToken().getText() === "??";
    // What is there or nothing is an empty field; null is none that the compiler takes.
    const isNull = /\bnull\b/.test(typeText(expression)) && !isBesideNull;
    const [opening, closing] = isBesideNull ? ["(", "))"] : ["", ")"];
    const test = isNull ? `${expression.getText()} ? ` : `${expression.getText()} && `;
    wrap(
      expression,
      [`${shorthandPrefix(expression)}${opening}${test}`, name, "("],
      isNull ? ") : undefined" : closing,
    );
  };

  /** A list of paths for a FieldMask. */
  const mask = (expression: Node, desc: DescMessage): unknown => {
    const isPresent = p.isPresent(expression);
    const text = expression.getText();
    if (!isPresent && !isRepeatable(expression))
      return block(expression, "a list that may be absent, in an expression that cannot be repeated");
    p.proved.delete(expression);
    p.sink(expression, { kind: "list", of: SAME });
    const create = { module: "@bufbuild/protobuf", name: "create" };
    const unless = isPresent ? "" : `${text} && `;
    wrap(
      expression,
      [
        `${shorthandPrefix(expression)}${unless}`,
        create,
        "(",
        generated(desc, "descriptor", expression),
        ", { paths: ",
      ],
      " })",
    );
  };

  /** `Buffer.from(x).toString('base64')`: protobufjs takes a string for base64, and decodes it again. */
  const isBase64 = (text: Node): boolean => {
    if (!Node.isCallExpression(text)) return false;
    const callee = text.getExpression();
    const [encoding] = text.getArguments();
    if (!Node.isPropertyAccessExpression(callee) || callee.getName() !== "toString") return false;
    if (!Node.isStringLiteral(encoding) || encoding.getLiteralText() !== "base64") return false;
    const bytes = callee.getExpression();
    if (!isBufferCall(bytes) && !/^Buffer(<[\w ]+>)?$/.test(typeText(bytes))) return false;
    edit(text, bytes.getEnd(), text.getEnd(), []);
    return true;
  };

  /** The low 64 bits of a number, as protobufjs writes them. */
  const cutTo64 = (expression: Node, isUnsigned: boolean, [before, after]: readonly [string, string]): unknown =>
    wrap(
      expression,
      [shorthandPrefix(expression), `BigInt.as${isUnsigned ? "Uint" : "Int"}N(64, ${before}`],
      `${after})`,
    );

  /** A string or number as a received message holds it. */
  const isAsReceived = (expression: Node, as: "int64-string" | "int64-number"): boolean => {
    if (as === "int64-number") return p.isInteger(expression);
    if (Node.isStringLiteral(expression)) return /^(0|-?[1-9]\d{0,17})$/.test(expression.getLiteralText());
    const inner = stringOf(expression);
    return inner !== undefined && (p.isInteger(inner) || isWholeText(p, expression));
  };

  const int64 = (expression: Node, as: "int64-string" | "int64-number", wanted: Kind & { kind: "value" }): unknown => {
    const text = Node.isStringLiteral(expression) ? expression.getLiteralText() : undefined;
    if (!isAsReceived(expression, as)) noteUnlike(p, wanted.field);
    if (shape.fractions === "wrapped" && isUnsignedField(wanted.field)) {
      const inner = text === undefined ? stringOf(expression) : undefined;
      if (text !== undefined ? text.startsWith("-") : !p.isNatural(inner ?? expression)) {
        if (
          (shape.coerces || !p.isInteger(expression) || isInFromObject(expression)) &&
          coerceValue(p, expression, wanted)
        )
          return;
        if (shape.coerces || inner || text !== undefined || !p.isInteger(expression))
          return block(expression, "nothing proves that this is not negative, in an unsigned field");
        if (wanted.field && shape.hasNulls) p.coerced.set(expression, wanted.field);
        return cutTo64(expression, true, ["BigInt(", ")"]);
      }
    }
    const constant = numberOf(expression) ?? 0;
    const [least, most] = isUnsignedField(wanted.field) ? [0, 2 ** 64] : [-(2 ** 63), 2 ** 63];
    const fits = Number.isInteger(constant) && constant >= least && constant < most;
    // A number beyond 2^53 is not the one that is written.
    const isExact = /^-?\d+$/.test(expression.getText()) && BigInt(expression.getText()) === BigInt(constant);
    if (fits && !Number.isSafeInteger(constant) && !isExact) return wrap(expression, ["BigInt("], ")");
    if (fits && Node.isNumericLiteral(expression) && /^\d+$/.test(expression.getText())) {
      return edit(expression, expression.getEnd(), expression.getEnd(), ["n"], "before");
    }
    if (fits && Node.isPrefixUnaryExpression(expression) && /^-\d+$/.test(expression.getText())) {
      return edit(expression, expression.getEnd(), expression.getEnd(), ["n"], "before");
    }
    const fitsText = text !== undefined && /^-?\d+$/.test(text) && BigInt(text) >= least && BigInt(text) < most;
    if (as === "int64-string" && fitsText) return replace(expression, `${text}n`);
    const inner = stringOf(expression);
    if (as === "int64-string" && inner && p.isInteger(inner)) {
      if (kinds.has(inner)) return wrap(expression, ["BigInt("], ")");
      edit(expression, expression.getStart(), inner.getStart(), ["BigInt("]);
      return edit(expression, inner.getEnd(), expression.getEnd(), [")"]);
    }
    if (p.isInteger(expression)) return wrap(expression, [shorthandPrefix(expression), "BigInt("], ")");
    if (shape.refusesFractionsLate && p.isNumber(expression)) {
      const make = { module: "@connect-migrate/runtime/grpc-js", name: "int64FromNumber" };
      return wrap(expression, [shorthandPrefix(expression), make, "("], ")");
    }
    if (coerceValue(p, expression, wanted)) return;
    block(expression, "nothing proves that this is a whole number");
  };

  return { value, cutTo64 };
}
