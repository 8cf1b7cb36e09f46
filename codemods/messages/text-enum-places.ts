import { type CallExpression, type NewExpression, Node, type Signature, type Type } from "ts-morph";
import { functionAround, isMapOver, isTransparent, typeOfAssertion, unquoted, unwrapped } from "./message-syntax.js";
import { type TextEnumTypes, takesText } from "./text-enum-types.js";
import type { TypedCode } from "./typed-code.js";
import { parameterAt } from "./typed-places.js";

/** What asks for a value: a type, "open" where nothing of its own does, undefined where nobody can say what happens there. */
export type TextEnumPlace = Type | "open" | undefined;

export type TextEnumPlaces = ReturnType<typeof createTextEnumPlaces>;

/** Where values of enums go that are names in old code: what the place says, and not what the compiler makes of them there. */
export function createTextEnumPlaces(
  code: TypedCode,
  { holds }: TextEnumTypes,
  isGeneratedCall: (call: CallExpression) => boolean,
) {
  /** The type that a place asks for; "open" where it has none of its own, undefined where nobody can say what happens there. */
  const placeOf = (node: Node): Type | "open" | undefined => {
    const parent = node.getParent();
    if (!parent) return "open";
    if (isTransparent(parent)) {
      const type = Node.isAsExpression(parent) ? typeOfAssertion(parent)?.getType() : undefined;
      return type && !isConstAssertion(parent) ? type : placeOf(parent);
    }
    if (Node.isVariableDeclaration(parent) || Node.isPropertyDeclaration(parent) || Node.isParameterDeclaration(parent))
      return parent.getTypeNode()?.getType() ?? "open";
    if (Node.isBindingElement(parent)) return "open";
    if (Node.isBinaryExpression(parent)) {
      if (/^(\?\?|\|\|)?=$/.test(parent.getOperatorToken().getText()))
        return parent.getRight() === node ? parent.getLeft().getType() : "open";
      return /^(&&|\|\||\?\?|,)$/.test(parent.getOperatorToken().getText()) ? placeOf(parent) : undefined;
    }
    if (Node.isConditionalExpression(parent)) return placeOf(parent);
    if (Node.isCallExpression(parent) || Node.isNewExpression(parent))
      return parent.getArguments().includes(node) ? argumentType(parent, node) : "open";
    if (
      Node.isPropertyAssignment(parent) ||
      Node.isShorthandPropertyAssignment(parent) ||
      Node.isArrayLiteralExpression(parent)
    ) {
      // The compiler takes what such a function is given for what it asks for.
      const made = madeAs(node);
      if (made) return made;
      const literal = Node.isArrayLiteralExpression(parent) ? parent : parent.getParent();
      const part = literal ? partOf(placeOf(literal), parent, node) : "open";
      if (part !== "open") return part;
      const type = Node.isExpression(node) ? node.getContextualType() : undefined;
      return type && !hasParameter(type) ? type : part;
    }
    if (Node.isReturnStatement(parent) || Node.isArrowFunction(parent) || Node.isYieldExpression(parent)) {
      // What a generic function takes a literal for is what the literal is.
      const mapped = Node.isObjectLiteralExpression(unwrapped(node)) ? mappedTo(parent) : "open";
      if (mapped !== "open") return mapped;
      const type = Node.isExpression(node) ? node.getContextualType() : undefined;
      return type && !hasParameter(type) ? type : "open";
    }
    if (Node.isSpreadAssignment(parent)) {
      const place = placeOf(parent.getParentOrThrow());
      return place !== undefined && place !== "open" && placeIsAny(place) ? place : "open";
    }
    if (Node.isSpreadElement(parent)) return "open";
    if (Node.isExportAssignment(parent) || Node.isForOfStatement(parent) || Node.isPropertyAccessExpression(parent))
      return "open";
    return undefined;
  };

  /** What a place asks for in a part of a literal. */
  const partOf = (place: Type | "open" | undefined, part: Node, value: Node): Type | "open" | undefined => {
    if (place === undefined || place === "open" || placeIsAny(place)) return place;
    const whole = place.getNonNullableType();
    if (Node.isArrayLiteralExpression(part) && whole.isTuple())
      return whole.getTupleElements()[part.getElements().indexOf(value as never)] ?? "open";
    if (Node.isArrayLiteralExpression(part))
      return whole.getArrayElementType() ?? whole.getTypeArguments()[0] ?? "open";
    const name =
      Node.isPropertyAssignment(part) || Node.isShorthandPropertyAssignment(part) ? unquoted(part.getName()) : "";
    const found = whole.getProperty(name)?.getTypeAtLocation(part) ?? whole.getStringIndexType();
    // One of several, or a type that says nothing of it.
    return (
      found ?? (whole.isUnion() || holds(whole) || code.messageOf(whole) || code.oneofOf(whole) ? "open" : undefined)
    );
  };

  /** `list.map((one) => ({ … }))` where a list of anything, or anything at all, is asked for. */
  const mappedTo = (end: Node): Type | "open" | undefined => {
    const owner = Node.isReturnStatement(end) ? functionAround(end) : end;
    const call = owner?.getParent();
    if (!owner || !Node.isCallExpression(call) || !isMapOver(call, owner)) return "open";
    const place = placeOf(call);
    if (place === undefined || place === "open" || holds(place)) return "open";
    return placeIsAny(place)
      ? place
      : (place.getNonNullableType().getArrayElementType() ?? place.getTypeArguments()[0] ?? "open");
  };

  /** The type of a part of what a function of generated code makes a message of: that of the field. */
  const madeAs = (part: Node): Type | undefined => {
    const parent = part.getParent();
    if (!parent) return undefined;
    if (isTransparent(parent) || Node.isConditionalExpression(parent) || Node.isBinaryExpression(parent))
      return madeAs(parent);
    if (Node.isArrowFunction(parent) || Node.isReturnStatement(parent)) {
      const owner = Node.isArrowFunction(parent) ? parent : functionAround(parent);
      const call = owner?.getParent();
      const isMapped = owner !== undefined && Node.isCallExpression(call) && isMapOver(call, owner);
      return isMapped ? madeAs(call)?.getNonNullableType().getArrayElementType() : undefined;
    }
    if (Node.isCallExpression(parent)) {
      const callee = isGeneratedCall(parent) ? parent.getExpression() : undefined;
      const of = Node.isPropertyAccessExpression(callee) ? code.nameOf(callee.getExpression()) : undefined;
      return of?.kind === "message" ? code.declarationOf(of.desc)?.getType() : undefined;
    }
    if (Node.isSpreadAssignment(parent)) return madeAs(parent.getParentOrThrow());
    const whole = Node.isArrayLiteralExpression(parent) ? parent : parent.getParent();
    const type =
      whole && (Node.isArrayLiteralExpression(whole) || Node.isObjectLiteralExpression(whole))
        ? madeAs(whole)?.getNonNullableType()
        : undefined;
    if (!type) return undefined;
    if (Node.isArrayLiteralExpression(parent)) return type.getArrayElementType();
    if (!Node.isPropertyAssignment(parent) && !Node.isShorthandPropertyAssignment(parent)) return undefined;
    const name = unquoted(parent.getName());
    const found = (type.isUnion() ? chosenIn(type, parent.getParent()) : type)?.getProperty(name);
    return found?.getTypeAtLocation(part) ?? type.getStringIndexType();
  };

  /** The member of a oneof that a literal is. */
  const chosenIn = (union: Type, literal: Node | undefined): Type | undefined => {
    const { discriminator } = code.flavour;
    const property = Node.isObjectLiteralExpression(literal) ? literal.getProperty(discriminator) : undefined;
    const name = Node.isPropertyAssignment(property)
      ? property.getInitializer()?.getType().getLiteralValue()
      : undefined;
    return union
      .getUnionTypes()
      .find((one) => literal && one.getProperty(discriminator)?.getTypeAtLocation(literal).getLiteralValue() === name);
  };

  return { placeOf };
}

/** What a function asks for in place of an argument. */
export function argumentType(around: CallExpression | NewExpression, node: Node): Type | undefined {
  const signature = signatureOf(around);
  return signature && parameterType(signature, around.getArguments().indexOf(node as never), around);
}

export function parameterType(signature: Signature, index: number, at: Node): Type | undefined {
  const parameter = parameterAt(signature, index);
  const type = parameter?.symbol.getTypeAtLocation(at);
  return parameter?.isRest ? type?.getArrayElementType() : type;
}

export function partsOf(type: Type): Type[] {
  return type.isUnion() ? type.getUnionTypes() : [type];
}

/** Does a place take a text, and no value of an enum? */
export function placeTakesText(place: Type | "open"): boolean {
  if (place === "open" || partsOf(place).some((part) => part.isEnumLiteral())) return false;
  return placeIsAny(place) || partsOf(place).some(takesText);
}

/** `string[]`, `Iterable<string>`. */
export function placeTakesTexts(place: Type): boolean {
  return partsOf(place).some((list) => {
    const item = list.getArrayElementType() ?? (list.isTuple() ? undefined : list.getTypeArguments()[0]);
    const isList = /^(Array|ReadonlyArray|ConcatArray|Iterable|Set|ReadonlySet)$/.test(
      list.getSymbol()?.getName() ?? "",
    );
    return item !== undefined && isList && placeTakesText(item);
  });
}

function placeIsAny(place: Type): boolean {
  return partsOf(place).some(
    (part) =>
      part.isAny() ||
      part.isUnknown() ||
      part.getText() === "object" ||
      (part.isObject() && part.getProperties().length === 0),
  );
}

export function signatureOf(around: CallExpression | NewExpression) {
  return around
    .getProject()
    .getTypeChecker()
    .getResolvedSignature(around as never);
}

export function isOfLanguage(around: CallExpression | NewExpression): boolean {
  const file = signatureOf(around)?.getDeclaration()?.getSourceFile().getFilePath();
  return file !== undefined && /\/typescript\/lib\/lib\.[^/]*$/.test(file);
}

export function isConstAssertion(node: Node): boolean {
  return Node.isAsExpression(node) && node.getTypeNode()?.getText() === "const";
}

export function hasParameter(type: Type): boolean {
  return type.isTypeParameter() || [...type.getUnionTypes(), ...type.getTypeArguments()].some(hasParameter);
}
