import { type DescField, ScalarType } from "@bufbuild/protobuf";
import { Node, type VariableDeclaration } from "ts-morph";
import type { Representation } from "./legacy-shape.js";
import type { TextPart } from "./message-facts.js";
import { isUnsignedField, type Kind } from "./message-kind.js";
import {
  functionAround,
  hasType,
  isArrowBody,
  isCallback,
  isFunctionNode,
  isOperand,
  parametersOf,
  quoted,
  standsAlone,
  stringOf,
  topOf,
  typeText,
  unwrapped,
} from "./message-syntax.js";
import type { Proving } from "./proof.js";
import { isInFromObject } from "./protobufjs-objects.js";

type Value = Kind & { readonly kind: "value" };

/**
 * A value of a type that nothing proves, in a field of proto-loader or of pbjs's classes: the conversion that protobufjs made of
 * it on encoding is written at the value. True when the value is dealt with.
 */
export function coerceValue(p: Proving, expression: Node, { as: given, field, maybe }: Value): boolean {
  const known = p.kinds.get(expression);
  const converts = p.shape.coerces || p.shape.hasNulls;
  if (!converts || !field || (known && !(known.kind === "value" && known.as.kind === "same"))) return false;
  // A writer of protobufjs takes an enum for an int32, and no name of one.
  const isEnum = given.kind === "enum-number" && !Node.isStringLiteral(expression);
  const as: Representation = isEnum ? { kind: "same", type: "int32" } : given;
  // Undefined and null leave a field unset; elements of lists and maps are converted whatever they are.
  const isElement = field.fieldKind === "list" || field.fieldKind === "map";
  const isSure = isElement || p.isPresent(expression);
  if (isElement && isHeld(p, expression)) return false;
  if (!takesAny(p, expression) && as.kind === "same" && as.type === "string") return onlyText(p, expression, field);
  if (maybe && !isSure) return coerceMaybe(p, expression, as, field);
  const [before, after] = isOperand(expression) ? ["", ""] : ["(", ")"];
  const wrap = (...[opening, closing]: readonly [string, string]) => {
    p.coerced.set(expression, field);
    p.wrap(expression, [`${p.shorthandPrefix(expression)}${opening}`], closing);
    return true;
  };
  const or = (opening: string, zero: string, closing: string) =>
    isSure ? wrap(opening, closing) : wrap(`${opening}${before}`, `${after} ?? ${zero}${closing}`);
  if (isInt64(as)) {
    if (isElement && !p.isPresent(expression)) return false; // Long knows no null
    const isUnsigned = field.scalar === ScalarType.UINT64 || field.scalar === ScalarType.FIXED64;
    const make = { module: "@connect-migrate/runtime/grpc-js", name: int64Maker(p, expression) };
    const zero = isSure ? "" : `${after} ?? 0`;
    if (!isWholeText(p, expression)) p.coerced.set(expression, field);
    p.wrap(
      expression,
      [p.shorthandPrefix(expression), make, isSure ? "(" : `(${before}`],
      `${zero}${isUnsigned ? ", true" : ""})`,
    );
    return true;
  }
  if (as.kind !== "same") return false;
  switch (as.type) {
    case "string":
      return or("String(", quoted(expression, ""), ")");
    case "number":
      // protobuf-es refuses what is too large for single precision.
      return field.scalar === ScalarType.FLOAT ? or("Math.fround(Number(", "0", "))") : or("Number(", "0", ")");
    case "boolean":
      return wrap("Boolean(", ")");
    case "int32":
    case "uint32": {
      const operator = as.type === "int32" ? " | 0" : " >>> 0";
      // The compiler wants a number there.
      const isText = hasType(typeText(expression), "string");
      return isText ? wrap("Number(", `)${operator}`) : wrap(before, `${after}${operator}`);
    }
    default:
      return false;
  }
}

/** The same in a field that says whether it is set: undefined and null leave it unset, and no zero stands for them. */
function coerceMaybe(p: Proving, expression: Node, as: Representation, field: DescField): boolean {
  const wrap = (opening: readonly TextPart[], closing: string) => {
    p.coerced.set(expression, field);
    p.wrap(expression, [p.shorthandPrefix(expression), ...opening], closing);
    return true;
  };
  if (as.kind === "same" && as.type === "string") {
    const [before, after] = isOperand(expression) ? ["", ""] : ["(", ")"];
    return wrap([before], `${after}?.toString()`);
  }
  const chain = p.chainText(expression);
  if (chain === undefined) return false;
  const [before, after] = standsAlone(topOf(expression)) ? ["", ""] : ["(", ")"];
  const unless = `${before}${chain} == null ? undefined : `;
  if (isInt64(as)) {
    if (/^u?int32$/.test(plainIn(p, expression)) && (!isUnsignedField(field) || plainIn(p, expression) === "uint32"))
      return wrap([unless, "BigInt("], `)${after}`);
    const make = { module: "@connect-migrate/runtime/grpc-js", name: int64Maker(p, expression) };
    return wrap([unless, make, "("], `${isUnsignedField(field) ? ", true" : ""})${after}`);
  }
  if (as.kind !== "same") return false;
  if (as.type === "number" && "scalar" in field && field.scalar === ScalarType.FLOAT)
    return wrap([unless, "Math.fround(Number("], `))${after}`);
  if (as.type === "number") return wrap([unless, "Number("], `)${after}`);
  if (as.type === "boolean") return wrap([unless, "Boolean("], `)${after}`);
  const [opening, closing] = p.isNumber(expression) ? ["", ""] : ["Number(", ")"];
  if (as.type === "int32") return wrap([unless, opening], `${closing} | 0${after}`);
  return as.type === "uint32" && wrap([unless, opening], `${closing} >>> 0${after}`);
}

/** Is a number cut only where it leaves 32 bits, so that it is read again as it was put in? */
export function isCutOnly(p: Proving, number: Node, type: "int32" | "uint32"): boolean {
  return p.shape.coerces === true && p.isInteger(number) && (type === "int32" || p.isNatural(number));
}

/** `String(Number(stored.version) + 1)`, `String(BigInt(stored.version) + 1n)`: the digits that a field of 64 bits is read as, as long as they fit. */
export function isWholeText(p: Proving, text: Node): boolean {
  const number = stringOf(text);
  return p.shape.coerces === true && number !== undefined && isWholeSum(p, number);
}

/** A sum of whole numbers, also of fields of 64 bits, also over a list, and what a function gives that makes one. */
function isWholeSum(p: Proving, given: Node, sums: readonly Node[] = []): boolean {
  const number = unwrapped(given);
  const again = (part: Node) => isWholeSum(p, part, sums);
  if (p.isInteger(number) || Node.isBigIntLiteral(number)) return true;
  if (Node.isIdentifier(number) && sums.some((one) => one === p.project.declarationOf(number))) return true;
  if (Node.isBinaryExpression(number) && /^[-+*]$/.test(number.getOperatorToken().getText()))
    return again(number.getLeft()) && again(number.getRight());
  if (!Node.isCallExpression(number)) return p.isMadeOf(number, "whole", again);
  const callee = number.getExpression();
  const [first, second, more] = number.getArguments();
  if (/^(Number|BigInt)$/.test(callee.getText()) && first && !second) {
    const kind = p.kinds.get(unwrapped(first));
    return kind?.kind === "value" && kind.as.kind === "int64-string" && kind.maybe !== true;
  }
  if (!Node.isPropertyAccessExpression(callee) || callee.getName() !== "reduce")
    return p.isMadeOf(number, "whole", again);
  const [sum] = first && isFunctionNode(first) ? parametersOf(first) : [];
  const body = Node.isArrowFunction(first) ? first.getBody() : undefined;
  const isSummed = sum && body && !Node.isBlock(body) && second && !more;
  return isSummed ? again(second) && isWholeSum(p, body, [...sums, sum]) : false;
}

/** proto-loader and fromObject make a text or a Long of a value; an encoder of pbjs writes the bits of a number. */
function takesAny({ shape }: Proving, expression: Node): boolean {
  return shape.coerces === true || isInFromObject(expression);
}

function int64Maker(p: Proving, expression: Node): string {
  return takesAny(p, expression) ? "int64FromLong" : "int64FromLongBits";
}

/** A writer of protobufjs refuses what is no text. */
function onlyText(p: Proving, expression: Node, field: DescField): boolean {
  if (field.fieldKind !== "scalar" || p.kinds.has(expression)) return false;
  p.coerced.set(expression, field);
  const make = { module: "@connect-migrate/runtime/grpc-js", name: "textFromValue" };
  p.wrap(expression, [p.shorthandPrefix(expression), make, "("], ")");
  return true;
}

function plainIn(p: Proving, expression: Node): string {
  const known = p.kinds.get(expression);
  return known?.kind === "value" && known.as.kind === "same" ? known.as.type : "";
}

function isInt64(as: Representation): boolean {
  return as.kind === "int64-string" || as.kind === "int64-number" || as.kind === "int64-long";
}

/** `words` as a list of strings: each of its elements is converted. */
export function coerceList(p: Proving, expression: Node, { of }: Kind & { readonly kind: "list" }): boolean {
  if (!p.shape.coerces || p.kinds.has(expression) || of.kind !== "value" || of.as.kind !== "same") return false;
  const convert = { string: "String", number: "Number", boolean: "Boolean" } as const;
  const name = convert[of.as.type as keyof typeof convert];
  if (name === undefined || of.field?.scalar === ScalarType.FLOAT || !isOperand(expression)) return false;
  if (of.field) p.coerced.set(expression, of.field);
  // What is spread may be anything that can be iterated over, as the keys of a Map are.
  const [opening, closing] = expression.getType().isArray()
    ? ["", ""]
    : Node.isSpreadElement(expression.getParent())
      ? ["[...", "]"]
      : ["(", " || [])"];
  p.wrap(expression, [p.shorthandPrefix(expression), opening], `${closing}.map(${name})`);
  return true;
}

/** Does a variable hold what code that is not followed made? */
export function isFromOutside(p: Proving, declaration: Node | undefined): boolean {
  if (!Node.isVariableDeclaration(declaration)) return Node.isParameterDeclaration(declaration);
  const initializer = declaration.getInitializer();
  const value = initializer && unwrapped(initializer);
  if (!value || p.kinds.has(value)) return false;
  if (!functionAround(declaration)) return true;
  const called = unwrapped(Node.isAwaitExpression(value) ? value.getExpression() : value);
  if (!Node.isCallExpression(called)) return Node.isPropertyAccessExpression(called);
  const callee = called.getExpression();
  return (
    p.project.originOf(callee).kind !== "function" &&
    !/\.(map|slice|filter|reverse|split|assign)$/.test(callee.getText())
  );
}

/** Is a value of the type that a field asks for, whichever of its parts it comes from, so that no conversion changes it? */
export function isOfType(p: Proving, given: Node, as: Representation): boolean {
  const expression = unwrapped(given);
  const known = p.kinds.get(expression);
  if (known && !(known.kind === "value" && known.as.kind === "same")) return true;
  if (isInt64(as)) return p.isInteger(expression);
  if (as.kind === "enum-number" && p.shape.hasNulls) return p.isWithinRange(expression, "int32");
  if (as.kind !== "same" || as.type === "bytes") return true;
  if (as.type === "string") return p.isString(expression);
  if (as.type === "boolean") return p.isBoolean(expression);
  if (as.type === "bigint") return hasType(typeText(expression), "bigint");
  return as.type === "number" ? p.isNumber(expression) : p.isWithinRange(expression, as.type);
}

/** `const reply = { … }; return reply;` in a handler: nobody looks at it. */
function isOnlySent(p: Proving, declaration: VariableDeclaration): boolean {
  const name = declaration.getNameNode();
  if (!Node.isIdentifier(name) || !Node.isObjectLiteralExpression(declaration.getInitializer())) return false;
  return p.project.referencesTo(name).every((use) => {
    const owner = functionAround(use);
    return use === name || (Node.isReturnStatement(use.getParent()) && owner !== undefined && p.handlers.has(owner));
  });
}

/** Does an element of a list go into a variable, or to a function that may look at it? */
function isHeld(p: Proving, expression: Node): boolean {
  let node = expression;
  for (let above = node.getParent(); above; above = node.getParent()) {
    if (Node.isReturnStatement(above) || isArrowBody(above, node)) {
      const owner = functionAround(node);
      if (!owner || !isCallback(owner)) return !owner || !p.handlers.has(owner);
      node = owner.getParent() ?? owner;
    } else if (Node.isVariableDeclaration(above)) return !isOnlySent(p, above);
    else if (Node.isBinaryExpression(above)) return true;
    else if (
      Node.isCallExpression(above) &&
      Node.isPropertyAccessExpression(above.getExpression()) &&
      above.getArguments().includes(node)
    ) {
      if (/^(push|unshift|concat|splice|fill|set)$/.test(above.getExpression().getText().replace(/.*\./s, "")))
        return true;
      return false;
    } else node = above;
  }
  return false;
}
