import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { type CallExpression, type NewExpression, Node, type ObjectLiteralExpression, type Type } from "ts-morph";
import { spreadsObject } from "./class-objects.js";
import { holdsMessages, isPlain, isStructMessage, type Kind, kindName } from "./message-kind.js";
import {
  isAbsent,
  isAssertion,
  isFunctionNode,
  isOperand,
  resultsOf,
  topOf,
  unquoted,
  unwrapped,
} from "./message-syntax.js";
import type { Proving } from "./proof.js";
import { spreadChoiceOf } from "./spread-choices.js";
import type { TypedCode } from "./typed-code.js";
import { madeOfJson } from "./typed-from-json.js";
import { createTypedFunctions } from "./typed-functions.js";
import { literalAround } from "./typed-places.js";
import type { Sharing } from "./typed-sharing.js";
import type { TypedShows } from "./typed-shows.js";
import { createTypedSpreads } from "./typed-spreads.js";
import type { TypedTypes } from "./typed-types.js";

const PROTOBUF = "@bufbuild/protobuf";

/** A list or map of plain values that fromPartial() copied is copied where it stands. False where that cannot be written. */
function copies(p: Proving, given: Node, field: DescField): boolean {
  const value = unwrapped(given);
  if (!isPlain(p.kindOf(field)) || Node.isShorthandPropertyAssignment(value.getParent())) return false;
  const type = value.getType();
  const whole = type.getNonNullableType();
  if (field.fieldKind === "map") {
    if (!whole.getStringIndexType()) return false;
    p.wrap(value, ["{ ..."], " }");
    return true;
  }
  if (field.fieldKind !== "list" || !whole.isArray()) return false;
  if (p.isStrictlyTyped(value)) p.wrap(value, ["[..."], "]");
  else if (!isOperand(value)) return false;
  else p.edit(value, value.getEnd(), value.getEnd(), ["?.slice()"], "before");
  return true;
}

/** The branches of `a ? b : c`, `a ?? b`, `a || b`; `b` of `a && b`. */
function choicesOf(value: Node): Node[] {
  if (Node.isConditionalExpression(value)) return [value.getWhenTrue(), value.getWhenFalse()];
  if (!Node.isBinaryExpression(value)) return [];
  const operator = value.getOperatorToken().getText();
  if (operator === "&&") return [value.getRight()];
  return /^(\?\?|\|\|)$/.test(operator) ? [value.getLeft(), value.getRight()] : [];
}

/** What a function that is written out gives for each element of a list: `list.map((one) => ({ … }))`, `Array.from(list, …)`. */
function mappedIn(value: Node): Node[] {
  const callee = Node.isCallExpression(value) ? value.getExpression() : undefined;
  if (!Node.isCallExpression(value) || !Node.isPropertyAccessExpression(callee)) return [];
  const isFrom = callee.getText() === "Array.from";
  if (!isFrom && callee.getName() !== "map") return [];
  const callback = value.getArguments()[isFrom ? 1 : 0];
  return callback && isFunctionNode(callback) ? resultsOf(callback) : [];
}

const isNewMap = (value: Node) => Node.isNewExpression(unwrapped(value));

/** Where messages are made: literals that are asked for as one, and the functions of generated code. */
export function createTypedLiterals(
  p: Proving,
  code: TypedCode,
  types: TypedTypes,
  sharing: Sharing,
  shows: TypedShows,
  isOwnPackage: (file: string) => boolean,
) {
  const { messageIn, messageWanted, partialOf, oneofIn, holds, isClientType } = types;
  const shared: { readonly value: Node; readonly field: DescField; readonly isCopied: boolean }[] = [];
  p.finals.push(() => {
    for (const { value, field, isCopied } of shared)
      if (sharing.isSeen(value, field, isCopied) && !(isCopied && copies(p, value, field)))
        p.block(value, "a part of a message that is shared now or then, and changes elsewhere");
  });

  const create = { module: PROTOBUF, name: "create" };

  const isGeneratedCall = (call: CallExpression): boolean => {
    const callee = call.getExpression();
    return Node.isPropertyAccessExpression(callee) && code.nameOf(callee.getExpression())?.kind === "message";
  };
  const { keeps, isKept } = createTypedSpreads(p, code, types, isGeneratedCall);
  const functions = createTypedFunctions(p, code, {
    messageIn,
    json: shows.json,
    fromJson: (call, desc) => madeOfJson(p, code, call, desc),
    makes(object, desc) {
      const isPartial = !keeps(object, desc);
      fields(object, desc, isPartial);
      return isPartial;
    },
  });

  /** `new Message({ … })`: what is not there gets its default, and what is there is kept as it is. */
  const constructs = (made: NewExpression, desc: DescMessage): unknown => {
    constructed.add(made);
    const [argument, second] = made.getArguments();
    const object = argument && unwrapped(argument);
    if (second || (object && !Node.isObjectLiteralExpression(object)))
      return p.block(made, "a message that is made of an object that is not written out");
    const schema = p.generated(desc, "descriptor", made);
    const isEmpty = !object || object.getProperties().length === 0;
    if (isPart(made) || isRequest(made)) {
      if (!object || isEmpty) return p.replace(made, "{}");
      p.edit(made, made.getStart(), object.getStart(), []);
      p.edit(made, object.getEnd(), made.getEnd(), []);
    } else {
      if (!object || isEmpty) return p.replace(made, create, "(", schema, ")");
      p.edit(made, made.getStart(), object.getStart(), [create, "(", schema, ", "]);
      p.edit(made, object.getEnd(), made.getEnd(), [")"]);
    }
    fields(object, desc, true, false);
  };
  const constructed = new Set<Node>();
  /** What is spread into a message: its parts are those of the message. */
  const spread = new Set<Node>();

  /** Who spreads a member of a oneof would keep another that stands there. */
  const namesNoMember = (object: ObjectLiteralExpression, desc: DescMessage): void => {
    for (const property of object.getProperties()) {
      const isNamed = Node.isPropertyAssignment(property) || Node.isShorthandPropertyAssignment(property);
      const key = isNamed ? unquoted(property.getName()) : "";
      if (p.fieldBy(desc, key)?.oneof || p.oneofBy(desc, key))
        p.block(property, "a member of a oneof in a part of a message");
    }
  };

  /** `{ status }` where a `Partial<Order>` is asked for: what it names is as it is in the message, and it is none itself. */
  const partial = (object: ObjectLiteralExpression, desc: DescMessage): void => {
    for (const property of object.getProperties()) {
      const choice = spreadChoiceOf(property);
      for (const branch of choice?.branches ?? []) namesNoMember(branch, desc);
      if (choice) continue;
      if (Node.isSpreadAssignment(property)) {
        if (partialOf(property.getExpression().getType()) !== desc)
          p.block(property, "a part of a message is spread from another object");
        p.keptSpreads.add(property).add(property.getExpression());
      }
    }
    namesNoMember(object, desc);
    fields(object, desc, false);
  };

  /** An object literal where a message is asked for. */
  const literal = (object: ObjectLiteralExpression, desc: DescMessage): unknown => {
    const top = topOf(object);
    const outer = top.getParent();
    if (Node.isCallExpression(outer) && isGeneratedCall(outer)) return undefined; // Message.create({ … }) looks after it
    shows.literal(object, desc);
    const asserted = object.getParent();
    if (asserted && isAssertion(asserted) && !Node.isSatisfiesExpression(asserted)) {
      const missing = desc.fields.find((field) => {
        const property = code.propertyOf(field);
        return property && !property.isOptional && !object.getProperty(property.key);
      });
      if (missing) return p.block(object, `an object that is said to be a ${desc.typeName} and has no ${missing.name}`);
    }
    const isWhole = keeps(object, desc);
    fields(object, desc, false);
    // Old code copied it with what it is a part of.
    if (isWhole && isPart(object))
      p.finals.push(() => {
        if (sharing.isChangedIn(desc))
          p.block(object, "a part of a message that is shared now or then, and changes elsewhere");
      });
    if (isPart(object) || isRequest(object) || isWhole || p.structs.made.has(object)) return undefined;
    const schema = p.generated(desc, "descriptor", object);
    if (object.getProperties().length === 0) return p.replace(object, create, "(", schema, ")");
    p.wrap(object, [create, "(", schema, ", "], ")");
  };

  /** Literals within a literal: what they are, the field says, even where the compiler has a partial type for them. */
  const claimed = new Map<Node, Kind>();
  const claims = (property: Node, desc: DescMessage): void => {
    if (!Node.isPropertyAssignment(property)) return;
    const key = unquoted(property.getName());
    const [field, oneof] = [p.fieldBy(desc, key), p.oneofBy(desc, key)];
    if (oneof) claim(property.getInitializerOrThrow(), { kind: "oneof", oneof });
    else if (field) claim(property.getInitializerOrThrow(), p.kindOf(field));
  };
  const claim = (given: Node, kind: Kind): void => {
    const value = unwrapped(given);
    if (kind.kind === "wrapper") {
      if (isStructMessage(kind)) claimStruct(value, { kind: "message", desc: kind.desc });
      else claimWrappers(value);
    } else if (choicesOf(value).length > 0) for (const one of choicesOf(value)) claim(one, kind);
    else if (kind.kind === "message" || kind.kind === "oneof") {
      if (Node.isObjectLiteralExpression(value)) claimed.set(value, kind);
    } else if (kind.kind === "list" && Node.isArrayLiteralExpression(value))
      for (const item of value.getElements())
        if (Node.isSpreadElement(item)) claim(item.getExpression(), kind);
        else claim(item, kind.of);
    else if (kind.kind === "list") for (const result of mappedIn(value)) claim(result, kind.of);
    else if (kind.kind === "map" && Node.isObjectLiteralExpression(value))
      for (const entry of value.getProperties())
        if (Node.isPropertyAssignment(entry)) claim(entry.getInitializerOrThrow(), kind.of);
        else if (Node.isSpreadAssignment(entry)) claim(entry.getExpression(), kind);
  };
  /** `{ fields: … }` in a field that holds JSON: it is made of the literal. */
  const claimStruct = (given: Node, kind: Kind): void => {
    const value = unwrapped(given);
    if (choicesOf(value).length > 0) for (const one of choicesOf(value)) claimStruct(one, kind);
    else claim(value, kind);
    p.structs.made.add(value);
  };
  /** `{ value: x }` in a field that holds the value alone: no message is made there. */
  const claimWrappers = (given: Node): void => {
    const value = unwrapped(given);
    if (Node.isObjectLiteralExpression(value)) p.keptSpreads.add(value);
    else if (Node.isConditionalExpression(value)) [value.getWhenTrue(), value.getWhenFalse()].forEach(claimWrappers);
    else if (Node.isBinaryExpression(value)) [value.getLeft(), value.getRight()].forEach(claimWrappers);
  };
  /**
   * Is it certain that a value is what the field holds? Where the compiler takes an object with the same fields for a message,
   * it takes one with some of them now, and does not see those that have another name.
   */
  const isGiven = (given: Node, kind: Kind): boolean => {
    if (isStructMessage(kind)) return isGiven(given, { kind: "message", desc: kind.desc });
    const value = unwrapped(given);
    if (isAbsent(value) || claimed.has(value) || !holdsMessages(kind)) return true;
    const choices = choicesOf(value);
    if (choices.length > 0) return choices.every((one) => isGiven(one, kind));
    if (kind.kind === "list" && Node.isArrayLiteralExpression(value))
      return value
        .getElements()
        .every((one) => (Node.isSpreadElement(one) ? isGiven(one.getExpression(), kind) : isGiven(one, kind.of)));
    const results = kind.kind === "list" ? mappedIn(value) : [];
    if (kind.kind === "list" && results.length > 0) return results.every((one) => isGiven(one, kind.of));
    if (kind.kind === "map" && Node.isObjectLiteralExpression(value))
      return value.getProperties().every((one) => {
        if (Node.isSpreadAssignment(one)) return isSpreadInMap(one.getExpression(), kind);
        if (Node.isShorthandPropertyAssignment(one)) return isGiven(one.getNameNode(), kind.of);
        return Node.isPropertyAssignment(one) && isGiven(one.getInitializerOrThrow(), kind.of);
      });
    if (Node.isObjectLiteralExpression(value)) return wantedOf(value) !== undefined;
    return isOf(value.getType(), kind);
  };
  /** `...map`, `...(isNew && { key: message })`. */
  const isSpreadInMap = (given: Node, kind: Kind): boolean => {
    const choices = choicesOf(unwrapped(given));
    if (choices.length > 0) return choices.every((one) => isSpreadInMap(unwrapped(one), kind));
    return isGiven(given, kind);
  };
  const isOf = (type: Type, kind: Kind): boolean => {
    const whole = type.getNonNullableType();
    if (whole.isNever()) return true;
    if (whole.isUnion() && kind.kind !== "oneof") return whole.getUnionTypes().every((one) => isOf(one, kind));
    const parts = whole.isTuple() ? whole.getTupleElements() : [whole.getArrayElementType()];
    if (kind.kind === "message") return messageIn(whole) === kind.desc;
    if (kind.kind === "list") return parts.every((one) => one !== undefined && isOf(one, kind.of));
    const index = whole.getStringIndexType() ?? whole.getNumberIndexType();
    return kind.kind === "map" && index ? isOf(index, kind.of) : holds(whole);
  };
  /** What an object literal is to be: a message, or a member of a oneof. */
  const wantedOf = (object: ObjectLiteralExpression): Kind | undefined => {
    const before = claimed.get(object);
    if (before) return before;
    const type = object.getContextualType();
    const desc = type && messageWanted(type);
    if (desc) return { kind: "message", desc };
    const oneof = type && oneofIn(type);
    return oneof && { kind: "oneof", oneof };
  };

  /** Does create() make a message of a literal, and so of those in it? */
  const isMessageLiteral = (object: ObjectLiteralExpression): boolean => {
    if (isKept(object)) return false;
    const wanted = wantedOf(object);
    if (wanted?.kind === "message") return true;
    if (wanted?.kind === "oneof") {
      const around = literalAround(object);
      return Node.isObjectLiteralExpression(around) && isMessageLiteral(around);
    }
    const call = topOf(object).getParent();
    if (Node.isNewExpression(call)) return code.nameOf(call.getExpression())?.kind === "message";
    return Node.isCallExpression(call) && isGeneratedCall(call);
  };

  /** Is it taken by what makes the message around it, or the request? */
  const isPart = (made: Node): boolean => {
    const around = literalAround(made);
    return Node.isObjectLiteralExpression(around) && isMessageLiteral(around);
  };
  const isRequest = (made: Node): boolean => {
    const call = topOf(made).getParent();
    return Node.isCallExpression(call) && isClient(call);
  };
  /** Are there literals in a value that become a part of a message or an argument of create(), and no messages themselves? */
  const hasParts = (given: Node): boolean => {
    const value = unwrapped(given);
    if (Node.isConditionalExpression(value)) return hasParts(value.getWhenTrue()) || hasParts(value.getWhenFalse());
    if (Node.isArrayLiteralExpression(value)) return value.getElements().some(hasParts);
    if (!Node.isObjectLiteralExpression(value)) return false;
    const call = topOf(value).getParent();
    if (Node.isCallExpression(call) && isGeneratedCall(call)) return true;
    if (wantedOf(value)?.kind === "message") return !isKept(value) && (isPart(value) || isRequest(value));
    return value.getProperties().some((one) => Node.isPropertyAssignment(one) && hasParts(one.getInitializerOrThrow()));
  };

  const isClient = (call: CallExpression): boolean => {
    const declaration = call.getProject().getTypeChecker().getResolvedSignature(call)?.getDeclaration();
    const callee = call.getExpression();
    return (
      declaration !== undefined &&
      isOwnPackage(declaration.getSourceFile().getFilePath()) &&
      Node.isPropertyAccessExpression(callee) &&
      isClientType(callee.getExpression().getType())
    );
  };

  /**
   * The properties of a message that is made here. `isPartial`: what is absent gets its default, before and after; `isCopied`:
   * and old code copied what it was given.
   */
  const fields = (
    object: ObjectLiteralExpression,
    desc: DescMessage,
    isPartial: boolean,
    isCopied = isPartial,
  ): void => {
    if (code.flavour.hasClasses)
      for (const part of object.getProperties()) if (Node.isSpreadAssignment(part)) spreadsObject(p, part, desc);
    p.literal(object, desc);
    properties(object, desc, isPartial, isCopied);
  };
  const properties = (object: ObjectLiteralExpression, desc: DescMessage, isPartial: boolean, isCopied: boolean) => {
    for (const property of object.getProperties()) claims(property, desc);
    for (const property of object.getProperties()) {
      const choice = spreadChoiceOf(property);
      for (const part of choice?.parts ?? []) spread.add(part);
      for (const branch of choice?.branches ?? []) properties(branch, desc, isPartial, isCopied);
      if (!Node.isPropertyAssignment(property) && !Node.isShorthandPropertyAssignment(property)) continue;
      const value: Node = Node.isPropertyAssignment(property)
        ? property.getInitializerOrThrow()
        : property.getNameNode();
      const key = unquoted(property.getName());
      const [field, oneof] = [p.fieldBy(desc, key), p.oneofBy(desc, key)];
      // create() makes an object of its own for a oneof; a literal of old code holds the one that it is given.
      if (oneof && !isPartial && !claimed.has(unwrapped(value)))
        p.finals.push(() => {
          if (sharing.isWrittenInside(oneof)) p.block(value, "a oneof that is shared, and changes elsewhere");
        });
      if (!field || isAbsent(value)) continue;
      shows.gives(value, field);
      const kind = p.kindOf(field);
      if (!isGiven(value, kind)) p.block(value, `nothing proves that this is a ${kindName(kind)}`);
      // fromObject() of a class keeps the very list of texts or numbers that it is given.
      const isOwnCopy = isCopied && !(code.flavour.hasClasses && kind.kind === "list" && isPlain(kind));
      // A request is written, or at least its lists are copied, when the call is made, before and after.
      const isSent = kind.kind === "list" && holdsMessages(kind) && !isCopied && isRequest(object);
      const isHeld = kind.kind === "list" || (kind.kind === "map" && !isNewMap(value));
      if (!isSent && (isHeld || (isCopied && kind.kind === "message")))
        shared.push({ value, field, isCopied: isOwnCopy });
      if (code.flavour.hasClasses) ofClass(value, field, isCopied);
      if (isPartial || (kind.kind === "value" && kind.maybe) || kind.kind === "message" || kind.kind === "wrapper")
        continue;
      p.later(() => {
        if (!p.isPresent(value)) p.block(value, "a value that may be absent");
      });
    }
  };

  /** What the types of generated classes do not say: that a message may not be there, and what fromObject() takes for one. */
  const ofClass = (value: Node, field: DescField, isCopied: boolean): void => {
    if (isCopied && "message" in field && field.message && !claimed.has(unwrapped(value)) && holds(value.getType()))
      p.block(value, "a message in place of an object that one is made of");
    p.later(() => {
      const isMissing = field.fieldKind === "message" ? p.canBeMissing(value) : !p.isPresent(value);
      if (field.oneof && isMissing) p.block(value, "a member of a oneof that may be absent");
      const items = Node.isArrayLiteralExpression(value) ? value.getElements() : [];
      for (const item of items) if (p.canBeMissing(item)) p.block(item, "an element of a list that may be absent");
    });
  };

  return {
    functions,
    constructs,
    constructed,
    spread,
    literal,
    partial,
    wantedOf,
    claim,
    isGiven,
    isOf,
    hasParts,
    isGeneratedCall,
    isClient,
  };
}
