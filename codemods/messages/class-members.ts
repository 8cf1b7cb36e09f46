import type { DescField, DescMessage, DescOneof } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import { Node, type PropertyAccessExpression } from "ts-morph";
import { isFoundSet, isKnownUnset } from "./class-guards.js";
import { followClassMap } from "./class-maps.js";
import { objectOfClass } from "./class-objects.js";
import { isOptionalScalar, isScalar } from "./google-protobuf-names.js";
import { zeroText } from "./google-protobuf-reads.js";
import { isStructMessage, unsupportedIn } from "./message-kind.js";
import {
  comparedLiterals,
  isAbsent,
  isArrowBody,
  isAssignmentTarget,
  isChecked,
  isTruthTest,
  isValueOfLogical,
  quoted,
  standsAlone,
} from "./message-syntax.js";
import type { Proving } from "./proof.js";

/**
 * What is read of a message of a generated class: `m.x`, `m.has_x`, `m.the_oneof`, `m.serialize()`. Getters give the default
 * of what is not set, and `undefined` for a message, though their types do not say so. False for a property that is the same
 * in protobuf-es but for its name.
 */
export function readOfClass(p: Proving, access: PropertyAccessExpression, desc: DescMessage): boolean {
  const name = access.getName();
  const field = p.fieldBy(desc, name);
  const kind = field && p.kindOf(field);
  const why = kind && unsupportedIn(kind);
  if (why !== undefined) p.block(access, why);
  else if (field?.fieldKind === "map") followClassMap(p, access, field);
  else if (field && isScalar(field) && isReadOtherwise(field)) readScalar(p, access, field);
  else if (field?.fieldKind === "message") readMessage(p, access, field);
  else if (field) return false;
  else if (!testsField(p, access, desc) && !readChoice(p, access, desc)) calls(p, access, desc);
  return true;
}

/** Is what old code has for a field not what the property of protobuf-es has? */
export function isReadOtherwise(field: DescField): boolean {
  return field.fieldKind === "map" || field.fieldKind === "message" || isOptionalScalar(field);
}

/** A message that nobody may have set. */
export function isUnsetOfClass(p: Proving, part: Node): boolean {
  if (!Node.isPropertyAccessExpression(part)) return false;
  const kind = p.kinds.get(part.getExpression());
  const field = kind?.kind === "message" ? p.fieldBy(kind.desc, part.getName()) : undefined;
  return field?.fieldKind === "message" && !isFoundSet(p, part, part.getExpression(), field);
}

/** The text of `m.x`, where `x` is a message. */
export function chainOfClass(p: Proving, node: Node): string | undefined {
  if (!Node.isPropertyAccessExpression(node) || node.hasQuestionDotToken()) return undefined;
  const object = node.getExpression();
  const kind = p.kinds.get(object);
  const field = kind?.kind === "message" ? p.fieldBy(kind.desc, node.getName()) : undefined;
  // What is read of a Struct is read of a message that is made of the field.
  if (field?.fieldKind !== "message" || isStructMessage(p.kindOf(field))) return undefined;
  const chain = p.chainText(object);
  const isSet = isFoundSet(p, node, object, field);
  if (chain === undefined || (field.oneof && !isSet)) return undefined;
  return `${chain}.${placeOf(field)}${isSet || !isStrict(node) ? "" : "!"}`;
}

const ANOTHER = "a member of a oneof of which another one was set before";

const placeOf = (field: DescField) => (field.oneof ? `${field.oneof.localName}.value` : field.localName);

/** An optional scalar, or one that is a member of a oneof: its default where it is not set. */
function readScalar(p: Proving, access: PropertyAccessExpression, field: DescField): unknown {
  const object = access.getExpression();
  const kind = { ...p.kindOf(field), maybe: false };
  if (access.getText().includes("?.")) return p.block(access, "a default of a message that may not be there");
  if (isFoundSet(p, access, object, field)) {
    p.edit(access, object.getEnd(), access.getEnd(), [`.${placeOf(field)}`]);
    return p.flow(access, kind);
  }
  const around = access.getParent();
  const operator = Node.isBinaryExpression(around) ? around.getOperatorToken().getText() : "";
  const isConverted = kind.kind === "value" && kind.as.kind === "int64-number" && !/^(\|\||&&|\?\?)$/.test(operator);
  const isAlone = standsAlone(access) || operator === "=" || isConverted;
  const [opening, closing] = isAlone ? ["", ""] : ["(", ")"];
  const zero = zeroText(field, access);
  if (!field.oneof) {
    if (!isAlone) p.edit(access, access.getStart(), access.getStart(), [opening], "after");
    p.edit(access, object.getEnd(), access.getEnd(), [`.${field.localName} ?? ${zero}${closing}`]);
    return p.flow(access, kind);
  }
  const { oneof } = field;
  if (isKnownUnset(p, access, object, oneof, field)) return p.block(access, ANOTHER);
  p.later(() => {
    const chain = p.chainText(object);
    if (chain === undefined)
      return p.block(access, "a member of a oneof is read of an expression that cannot be repeated");
    if (!isAlone) p.edit(access, access.getStart(), access.getStart(), [opening], "after");
    const read = `.${oneof.localName}.case === ${quoted(access, field.localName)} ? ${chain}.${oneof.localName}.value : ${zero}`;
    p.edit(access, object.getEnd(), access.getEnd(), [`${read}${closing}`]);
  });
  p.flow(access, kind);
}

/** `undefined` where it is not set, before and after; the type of protobuf-es says so. */
function readMessage(p: Proving, access: PropertyAccessExpression, field: DescField): unknown {
  const object = access.getExpression();
  const parent = access.getParent();
  if (Node.isBinaryExpression(parent) && isValueOfAnd(parent, access))
    return p.block(parent, "what && gives where a message is not there");
  if (isOptionalChain(parent) && isStrict(access) && !isLooselyUsed(access))
    return p.block(access, "a part of a message that may not be there, which its type did not say");
  const isTest = parent !== undefined && isTruthTest(parent, access) && !isGivenByLogical(parent, access);
  const isSet = isFoundSet(p, access, object, field);
  const comparison =
    Node.isBinaryExpression(parent) && /^[!=]==?$/.test(parent.getOperatorToken().getText()) ? parent : undefined;
  if (field.oneof && !isSet) {
    const { oneof } = field;
    if (isKnownUnset(p, access, object, oneof, field)) return p.block(access, ANOTHER);
    const isMember = (operator: string) => `.${oneof.localName}.case ${operator} ${quoted(access, field.localName)}`;
    const negated = Node.isPrefixUnaryExpression(parent) && isTest ? parent : undefined;
    if (access.hasQuestionDotToken()) return p.block(access, "a member of a oneof of a message that may not be there");
    if (negated) {
      const [opening, closing] = endsTest(negated) ? ["", ""] : ["(", ")"];
      p.edit(negated, negated.getStart(), access.getStart(), [opening]);
      return p.edit(negated, object.getEnd(), access.getEnd(), [`${isMember("!==")}${closing}`]);
    }
    if (isTest && !isOr(parent)) return p.edit(access, object.getEnd(), access.getEnd(), [isMember("===")]);
    if (comparison && comparison.getLeft() === access && isAbsent(comparison.getRight())) {
      const operator = comparison.getOperatorToken().getText().startsWith("!") ? "===" : "!==";
      return p.edit(comparison, object.getEnd(), comparison.getEnd(), [isMember(operator)]);
    }
    p.edit(access, access.getStart(), access.getStart(), ["("], "after");
    p.later(() => {
      const chain = p.chainText(object);
      if (chain === undefined)
        return p.block(access, "a member of a oneof is read of an expression that cannot be repeated");
      const read = `${isMember("===")} ? ${chain}.${oneof.localName}.value : undefined)`;
      p.edit(access, object.getEnd(), access.getEnd(), [
        `${read}${claim(p, access, isTest || comparison !== undefined)}`,
      ]);
    });
    return p.flow(access, p.kindOf(field));
  }
  const bang = isSet ? "" : claim(p, access, isTest || comparison !== undefined);
  const place = placeOf(field);
  if (place !== access.getName() || bang !== "")
    p.edit(access, access.getNameNode().getStart(), access.getEnd(), [`${place}${bang}`]);
  p.flow(access, p.kindOf(field));
}

/** `!`, where the old type did not say that a message may not be there and somebody relies on it. */
function claim(p: Proving, access: PropertyAccessExpression, isTest: boolean): string {
  const parent = access.getParent();
  if (isTest || !isStrict(access) || isAssignmentTarget(access) || Node.isNonNullExpression(parent)) return "";
  if (Node.isExpressionStatement(parent) || isOptionalChain(parent) || isTaken(p, access)) return "";
  const declaration = Node.isVariableDeclaration(parent) && !parent.getTypeNode() ? parent.getNameNode() : undefined;
  if (!Node.isIdentifier(declaration) || !isConstant(parent)) return "!";
  const uses = p.project.referencesTo(declaration).filter((one) => one !== declaration);
  const isFine = (use: Node) => {
    const around = use.getParent();
    const isTested = around !== undefined && isTruthTest(around, use) && !isGivenByLogical(around, use);
    return isTested || isOptionalChain(around) || isChecked(use) || isComparedWithNothing(around);
  };
  return uses.every(isFine) ? "" : "!";
}

/** Another message takes what is not there as it is. */
function isTaken(p: Proving, value: Node): boolean {
  const parent = value.getParent();
  const target = Node.isBinaryExpression(parent) && parent.getRight() === value ? parent.getLeft() : undefined;
  if (target && Node.isPropertyAccessExpression(target)) {
    const owner = p.kinds.get(target.getExpression());
    const field = owner?.kind === "message" ? p.fieldBy(owner.desc, target.getName()) : undefined;
    return field?.fieldKind === "message" && !field.oneof && Node.isExpressionStatement(parent?.getParent());
  }
  const made = Node.isPropertyAssignment(parent) ? parent.getParent().getParent() : undefined;
  return Node.isNewExpression(made) && p.shape.typed?.nameOf(made.getExpression())?.kind === "message";
}

/** `m.x?.y` where a string or nothing may stand: a default, a test, a template, what is asked for. */
function isLooselyUsed(chain: Node): boolean {
  let top = chain;
  for (
    let parent = top.getParent();
    Node.isPropertyAccessExpression(parent) || (Node.isCallExpression(parent) && parent.getExpression() === top);
    parent = top.getParent()
  )
    top = parent;
  const parent = top.getParent();
  if (!parent) return false;
  const asked = Node.isExpression(top) ? top.getContextualType() : undefined;
  return (
    (asked !== undefined && (asked.isAny() || asked.isUnknown() || asked.isNullable())) ||
    (isConstant(parent) && Node.isVariableDeclaration(parent) && !parent.getTypeNode()) ||
    Node.isTemplateSpan(parent) ||
    (isTruthTest(parent, top) && !isGivenByLogical(parent, top) && !isValueOfAnd(parent, top)) ||
    (Node.isBinaryExpression(parent) && /^[!=]==?$/.test(parent.getOperatorToken().getText()))
  );
}

const isOptionalChain = (node: Node | undefined) => Node.isPropertyAccessExpression(node) && node.hasQuestionDotToken();

const isComparedWithNothing = (node: Node | undefined) =>
  Node.isBinaryExpression(node) &&
  /^[!=]==?$/.test(node.getOperatorToken().getText()) &&
  (isAbsent(node.getLeft()) || isAbsent(node.getRight()));

const isConstant = (declaration: Node | undefined) =>
  Node.isVariableDeclaration(declaration) && declaration.getVariableStatement()?.getDeclarationKind() === "const";

const isOr = (parent: Node | undefined) =>
  Node.isBinaryExpression(parent) && /^(\|\||\?\?)$/.test(parent.getOperatorToken().getText());

/** `message && …`, where what comes of it is used as a value. */
export function isValueOfAnd(parent: Node, left: Node): boolean {
  return (
    Node.isBinaryExpression(parent) &&
    parent.getOperatorToken().getText() === "&&" &&
    parent.getLeft() === left &&
    isValueOfLogical(parent) &&
    !Node.isExpressionStatement(parent.getParent())
  );
}

/** The right side of `a || b`, of which the value is used. */
function isGivenByLogical(parent: Node, side: Node): boolean {
  return Node.isBinaryExpression(parent) && parent.getRight() === side && isValueOfLogical(parent);
}

/** Can a comparison stand in the place of `!x`? */
function endsTest(test: Node): boolean {
  const parent = test.getParent();
  return (
    standsAlone(test) ||
    (parent !== undefined &&
      !Node.isPrefixUnaryExpression(parent) &&
      (isTruthTest(parent, test) || isArrowBody(parent, test)))
  );
}

/** As the compiler that looks at the result takes it: it is strict where nothing is said. */
export function isStrict(node: Node): boolean {
  const { strict, strictNullChecks } = node.getProject().getCompilerOptions();
  return strictNullChecks ?? strict ?? true;
}

/** `m.has_x`. False where this is none. */
function testsField(p: Proving, access: PropertyAccessExpression, desc: DescMessage): boolean {
  const [, key] = /^has_(.+)$/.exec(access.getName()) ?? [];
  const field = key === undefined ? undefined : p.fieldBy(desc, key);
  if (field?.presence !== FeatureSet_FieldPresence.EXPLICIT) return false;
  const parent = access.getParent();
  const negated = Node.isPrefixUnaryExpression(parent) && parent.getText().startsWith("!") ? parent : undefined;
  const top = negated ?? access;
  const outer = top.getParent();
  const isTest = outer !== undefined && isTruthTest(outer, top) && !isValueOfLogical(outer);
  if (access.getText().includes("?.") && !isTest) {
    p.block(access, "whether a field is set of a message that may not be there");
    return true;
  }
  if (field.oneof && isKnownUnset(p, access, access.getExpression(), field.oneof, field)) {
    p.block(access, ANOTHER);
    return true;
  }
  const [yes, no] = field.oneof ? ["===", "!=="] : ["!==", "==="];
  const operand = field.oneof ? quoted(access, field.localName) : "undefined";
  const member = field.oneof ? `${field.oneof.localName}.case` : field.localName;
  const [opening, closing] = endsTest(top) ? ["", ""] : ["(", ")"];
  if (negated) p.edit(top, top.getStart(), access.getStart(), [opening]);
  else if (opening !== "") p.edit(top, top.getStart(), top.getStart(), [opening], "after");
  p.edit(access, access.getNameNode().getStart(), access.getEnd(), [
    `${member} ${negated ? no : yes} ${operand}${closing}`,
  ]);
  p.flow(access, { kind: "value", as: { kind: "same", type: "boolean" } });
  return true;
}

/** `m.the_oneof`, the name of the member that is set, or "none". False where this is none. */
function readChoice(p: Proving, access: PropertyAccessExpression, desc: DescMessage): boolean {
  const oneof: DescOneof | undefined = p.oneofBy(desc, access.getName());
  if (!oneof) return false;
  const parent = access.getParent();
  const literals = parent && comparedLiterals(parent, access);
  const members = literals?.map((literal) => {
    const text = literal.getLiteralText();
    return text === "none" ? null : oneof.fields.find((one) => p.shape.keyOf(one) === text);
  });
  if (!literals || !members || members.includes(undefined)) {
    namesMember(p, access, oneof);
    return true;
  }
  if (access.getText().includes("?.")) {
    p.block(access, "a oneof of a message that may not be there");
    return true;
  }
  if (isKnownUnset(p, access, access.getExpression(), oneof)) {
    p.block(access, ANOTHER);
    return true;
  }
  literals.forEach((literal, index) => {
    const member = members[index];
    if (!member) p.replace(literal, "undefined");
    else if (member.localName !== literal.getLiteralText()) p.replace(literal, quoted(literal, member.localName));
  });
  p.edit(access, access.getNameNode().getStart(), access.getEnd(), [`${oneof.localName}.case`]);
  return true;
}

/** The name itself goes somewhere: the .proto's, or "none". */
function namesMember(p: Proving, access: PropertyAccessExpression, oneof: DescOneof): void {
  const object = access.getExpression();
  p.later(() => {
    const chain = p.chainText(object);
    const isTested = isTruthTest(access.getParentOrThrow(), access);
    const isRenamed = oneof.fields.some((field) => p.shape.keyOf(field) !== field.name);
    if (
      chain === undefined ||
      isTested ||
      isRenamed ||
      access.getText().includes("?.") ||
      isKnownUnset(p, access, object, oneof)
    )
      return p.block(access, "the name of a oneof's member is used as a value");
    const [opening, closing] = standsAlone(access) ? ["", ""] : ["(", ")"];
    const none = quoted(access, "none");
    if (opening) p.edit(access, access.getStart(), access.getStart(), [opening], "after");
    const choice = `.${oneof.localName}.case`;
    if (oneof.fields.every((field) => p.shape.keyOf(field) === field.localName))
      return p.edit(access, object.getEnd(), access.getEnd(), [`${choice} ?? ${none}${closing}`]);
    p.edit(access, object.getEnd(), access.getEnd(), [
      `${choice} ? `,
      p.generated(oneof.parent, "descriptor", access),
      `.field[${chain}${choice}].name : ${none}${closing}`,
    ]);
  });
}

/** `m.serialize()`, `m.toObject()`. */
function calls(p: Proving, access: PropertyAccessExpression, desc: DescMessage): unknown {
  const call = access.getParent();
  const name = access.getName();
  const isCall = Node.isCallExpression(call) && call.getExpression() === access;
  if (!isCall) return p.block(access, "a method of a message that is not called here");
  if (name === "toObject") return objectOfClass(p, access, call, desc);
  if (!/^serialize(Binary)?$/.test(name) || call.getArguments().length > 0 || access.hasQuestionDotToken())
    return p.block(call, `what ${name} of a message does is not followed`);
  p.edit(
    call,
    call.getStart(),
    call.getStart(),
    [{ module: "@bufbuild/protobuf", name: "toBinary" }, "(", p.generated(desc, "descriptor", call), ", "],
    "after",
  );
  p.edit(call, access.getExpression().getEnd(), call.getEnd(), [")"]);
  p.flow(call, { kind: "value", as: { kind: "same", type: "bytes" } });
}
