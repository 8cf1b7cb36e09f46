import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import { type CallExpression, Node, type ObjectLiteralExpression, type SpreadAssignment } from "ts-morph";
import { isStrict } from "./class-members.js";
import { isAbsent, unquoted, unwrapped } from "./message-syntax.js";
import type { Proving } from "./proof.js";
import { spreadChoiceOf } from "./spread-choices.js";
import type { TypedCode } from "./typed-code.js";
import type { TypedTypes } from "./typed-types.js";

/**
 * `{ ...stored, title }`: what is spread of a message of protobuf-es is all of one, too, so such a literal is a message by itself, as
 * it was, and nothing is made of it. What it names besides has to be whole for that.
 */
export function createTypedSpreads(
  p: Proving,
  code: TypedCode,
  { messageIn, partialOf }: TypedTypes,
  isGeneratedCall: (call: CallExpression) => boolean,
) {
  const kept = new Set<Node>();

  const isCreated = (node: Node) => Node.isCallExpression(node) && isGeneratedCall(node);

  /** Is it certain that a message is spread? */
  const isThere = (given: Node): boolean => {
    const value = unwrapped(given);
    const isOr = Node.isBinaryExpression(value) && /^(\?\?|\|\|)$/.test(value.getOperatorToken().getText());
    return p.isStrictlyTyped(given) || isCreated(value) || (isOr && isThere(value.getRight()));
  };

  /** Does a literal have messages of its own type spread into it? Then it is looked at here, and stays the literal that it is. */
  const keeps = (object: ObjectLiteralExpression, desc: DescMessage): boolean => {
    const parts = object.getProperties();
    const isMessage = (part: Node): part is SpreadAssignment =>
      Node.isSpreadAssignment(part) && messageIn(part.getExpression().getType()) === desc;
    /** Only what it names takes the place of what stands before it, in protobuf-es, too. */
    const isPartial = (part: Node): part is SpreadAssignment =>
      Node.isSpreadAssignment(part) && partialOf(part.getExpression().getType()) === desc;
    const messages = parts.filter(isMessage);
    const partials = parts.filter(isPartial);
    const [first] = parts;
    if (code.flavour.hasClasses || !first || messages.length + partials.length === 0) return false;
    for (const one of [object, ...parts.flatMap((part) => spreadChoiceOf(part)?.branches ?? [])]) kept.add(one);
    for (const message of [...messages, ...partials]) p.keptSpreads.add(message).add(message.getExpression());
    const explicit = new Set(desc.fields.filter(isExplicit));
    let hasExplicit = false;
    for (const part of parts) {
      if (isMessage(part)) {
        // What is not set is undefined in old code, and takes the place of what stands before it; protobuf-es has no such property.
        if (hasExplicit) p.block(part, "a message is spread over fields that it may not have set");
        const value = unwrapped(part.getExpression());
        const isEmpty = Node.isCallExpression(value) && isCreated(value) && value.getArguments().length === 0;
        hasExplicit ||= !isEmpty && explicit.size > 0;
        continue;
      }
      if (isPartial(part)) hasExplicit ||= explicit.size > 0;
      for (const [key, property] of namesIn(part)) {
        const field = p.fieldBy(desc, key);
        if (!field || !explicit.has(field)) continue;
        hasExplicit = true;
        // Old code would write both members.
        if (field.oneof) p.block(property, "a member of a oneof beside those of a message");
      }
    }
    // Messages of proto2 have their defaults where nothing is spread of them.
    if (desc.file.proto.syntax !== "proto3") p.block(object, "a message that is spread, and is not of proto3");
    if (messages.some((one) => isThere(one.getExpression()))) return true;
    // The compiler has seen that what the literal does not have gets its default.
    if (!isStrict(object)) p.block(object, "a message is spread that may not be there");
    const opening = ["...", { module: "@bufbuild/protobuf", name: "create" }, "("];
    const schema = p.generated(desc, "descriptor", object);
    p.edit(first, first.getStart(), first.getStart(), [...opening, schema, "), "], "after", object.getWidth());
    return true;
  };

  /** Can a property be there or not? A oneof that is a property always is. */
  function isExplicit(field: DescField): boolean {
    return field.presence === FeatureSet_FieldPresence.EXPLICIT && !(field.oneof && code.propertyOf(field.oneof));
  }

  return { keeps, isKept: (object: Node) => kept.has(object) };
}

/** The keys that a part of a literal gives a value. */
function namesIn(part: Node): (readonly [string, Node])[] {
  const choice = spreadChoiceOf(part);
  if (choice) return choice.branches.flatMap((one) => one.getProperties().flatMap(namesIn));
  if (!Node.isPropertyAssignment(part) && !Node.isShorthandPropertyAssignment(part)) return [];
  const isUnset = Node.isPropertyAssignment(part) && isAbsent(part.getInitializerOrThrow());
  return isUnset ? [] : [[unquoted(part.getName()), part]];
}
