import type { DescEnum, DescMessage } from "@bufbuild/protobuf";
import {
  type BinaryExpression,
  type CallExpression,
  type ElementAccessExpression,
  type NewExpression,
  Node,
  type ObjectLiteralExpression,
  type PropertyAccessExpression,
  type SwitchStatement,
  type Type,
} from "ts-morph";
import { isStrict } from "./class-members.js";
import {
  isAbsent,
  isAssignmentTarget,
  isTransparent,
  isTruthTest,
  isValueOfLogical,
  typeOfAssertion,
  unquoted,
  unwrapped,
} from "./message-syntax.js";
import type { Proving } from "./proof.js";
import { createTextEnumChoices, isJoined } from "./text-enum-choices.js";
import { createTextEnumEdits } from "./text-enum-edits.js";
import { createTextEnumFunctions } from "./text-enum-functions.js";
import { createTextEnumHolders } from "./text-enum-holders.js";
import {
  argumentType,
  createTextEnumPlaces,
  isConstAssertion,
  isOfLanguage,
  partsOf,
  placeTakesText,
} from "./text-enum-places.js";
import { createTextEnumTypes, takesText } from "./text-enum-types.js";
import type { TypedCode } from "./typed-code.js";
import { isAllElse, isLeftOut } from "./typed-enums.js";

interface Given {
  readonly enums: ReadonlySet<DescEnum>;
  isGeneratedCall(call: CallExpression): boolean;
  isOwnPackage(file: string): boolean;
}

/**
 * Values of enums that are names in old code (`stringEnums`), and numbers in protobuf-es. The compiler knows each expression that
 * holds one: where the enum is asked for, the number goes on; where a text or anything is, the name is looked up. Numbers that
 * the .proto does not know were all "UNRECOGNIZED": where two of them could be told apart, -1 stands for them.
 */
export function createTypedTextEnums(p: Proving, code: TypedCode, { enums, isGeneratedCall, isOwnPackage }: Given) {
  const types = createTextEnumTypes(code, enums);
  const { enumIn, elementOf, keyEnumOf, holds } = types;
  const places = createTextEnumPlaces(code, types, isGeneratedCall);
  const { placeOf } = places;
  const choices = createTextEnumChoices(p, types, places);
  const { isMixedChoice, isTextVariable, isShown } = choices;
  const edits = createTextEnumEdits(p, code);
  const { isConstantOf, isKnownConstant, isListOfKnown, hasNoOther, text, known, isText } = edits;
  const functions = createTextEnumFunctions(p, { types, places, choices, isGeneratedCall, isOwnPackage });
  const { call, callback, methodsFit, classFits, predicate, claims, untyped, isOfRuntime } = functions;
  const { holder } = createTextEnumHolders(p, {
    types,
    places,
    choices,
    edits,
    isTaken: (around) => isOfRuntime(around) || (Node.isCallExpression(around) && isGeneratedCall(around)),
  });

  const visit = (node: Node): unknown => {
    if (enums.size === 0 || !Node.isExpression(node) || Node.isSpreadElement(node)) return undefined;
    // A key in quotes has the type of what it is the key of.
    if (Node.isStringLiteral(node) || Node.isNumericLiteral(node)) return undefined;
    const type = node.getType();
    if (Node.isCallExpression(node) || Node.isNewExpression(node)) call(node);
    if (Node.isAsExpression(node)) claims(node);
    if (Node.isObjectLiteralExpression(node)) keysOfTable(node);
    if (!methodsFit(node, type)) return p.block(node, "a method that knows values of an enum");
    if (type.getCallSignatures().length > 0) callback(node, type);
    if (type.isAny() || type.isUnknown() || isOfAny(type)) return untyped(node);
    if (!holds(type) || isAssignmentTarget(node)) return changedInPlace(node, type);
    if (isTextVariable(node)) return undefined;
    const desc = enumIn(type);
    return desc && !isMixedChoice(node) ? value(node, desc) : holder(node, type);
  };

  /** `kind ||= Kind.OPEN`: a name is never empty. */
  const changedInPlace = (node: Node, type: Type): unknown => {
    const change = node.getParent();
    if (!holds(type) || !enumIn(type) || !isAssignmentTarget(node) || Node.isDeleteExpression(change)) return undefined;
    const operator = Node.isBinaryExpression(change) ? change.getOperatorToken() : undefined;
    if (operator?.getText() === "||=") return p.replace(operator, "??=");
    if (!operator || !/^(\?\?)?=$/.test(operator.getText()))
      p.block(change ?? node, "the value of an enum is changed in place");
    return undefined;
  };

  const value = (node: Node, desc: DescEnum): unknown => {
    const parent = node.getParent();
    if (!parent) return undefined;
    if (isTransparent(parent)) return asserted(node, parent, desc);
    // Without strict types, what && gives may be what stands before it.
    const isAnd = Node.isBinaryExpression(node) && node.getOperatorToken().getText() === "&&";
    if (isAnd && !isStrict(node) && isValueOfLogical(node)) return eitherOr(node);
    if (Node.isAwaitExpression(parent) || Node.isExpressionStatement(parent) || Node.isVoidExpression(parent))
      return undefined;
    if (Node.isTemplateSpan(parent) || Node.isSpreadElement(parent)) return text(node, desc);
    if (Node.isPropertyAccessExpression(parent) && parent.getExpression() === node) return text(node, desc);
    if (Node.isElementAccessExpression(parent))
      return parent.getExpression() === node ? text(node, desc) : key(node, parent, desc);
    if (Node.isSwitchStatement(parent)) return switched(node, parent, desc);
    if (Node.isCaseClause(parent)) return inCase(node, parent, desc);
    if (Node.isComputedPropertyName(parent)) return computed(node, parent, desc);
    if (Node.isBinaryExpression(parent)) return operand(node, parent, desc);
    if (isTruthTest(parent, node)) return tested(node, parent);
    return goes(node, desc);
  };

  const asserted = (node: Node, parent: Node, desc: DescEnum): unknown => {
    const type = Node.isAsExpression(parent) ? typeOfAssertion(parent)?.getType() : undefined;
    if (!type || isConstAssertion(parent) || enumIn(type) === desc) return undefined;
    if (type.isString() || partsOf(type).every((one) => one.isStringLiteral() && !one.isEnumLiteral()))
      return text(node, desc);
    return p.block(parent, "the value of an enum is said to be something else");
  };

  const operand = (node: Node, parent: BinaryExpression, desc: DescEnum): unknown => {
    const operator = parent.getOperatorToken().getText();
    const isLeft = parent.getLeft() === node;
    const other = isLeft ? parent.getRight() : parent.getLeft();
    if (/^[!=]==?$/.test(operator)) return compared(node, other, desc);
    if (operator === "??") return chosen(node, parent, desc);
    if (/^(&&|\|\|)$/.test(operator)) {
      if (!isValueOfLogical(parent)) return tested(node, parent);
      if (!isLeft) return chosen(node, parent, desc);
      if (operator === "&&")
        return isInSpread(parent) ? tested(node, parent) : p.block(parent, "what && gives where an enum is not set");
      // A name is never empty.
      if (operator === "||") p.replace(parent.getOperatorToken(), "??");
      return chosen(node, parent, desc);
    }
    if (operator === ",") return isLeft ? undefined : goes(node, desc);
    if (/^(\?\?|\|\|)?=$/.test(operator)) return goes(node, desc);
    if (/^([-+<>]|[<>]=|\+=)$/.test(operator)) return text(node, desc);
    return p.block(parent, `what ${operator} does with the value of an enum`);
  };

  /** A branch of what is the value of an enum as a whole, or of what is not. */
  const chosen = (node: Node, around: Node, desc: DescEnum): unknown => {
    if (enumIn(around.getType()) === desc && !isMixedChoice(around)) return undefined;
    return isShown(around) ? text(node, desc) : eitherOr(node);
  };

  const eitherOr = (node: Node) => p.block(node, "the value of an enum, or something else");

  const compared = (node: Node, other: Node, desc: DescEnum): unknown => {
    const type = other.getType();
    // As a text, and not as what it is.
    if (isConstantOf(node) && enumIn(type) !== desc && enumIn(unwrapped(other).getType()))
      return p.block(node, "an enum is compared as a text");
    if (isAbsent(other) || isKnownConstant(unwrapped(other))) return undefined;
    if (enumIn(type) === desc && !isTextVariable(other)) return isConstantOf(node) ? undefined : known(node, desc);
    return text(node, desc);
  };

  const switched = (node: Node, parent: SwitchStatement, desc: DescEnum): unknown => {
    const cases = parent
      .getCaseBlock()
      .getClauses()
      .flatMap((clause) => (Node.isCaseClause(clause) ? [unwrapped(clause.getExpression())] : []));
    if (!cases.every((one) => isAbsent(one) || isConstantOf(one)))
      return p.block(parent, "the value of an enum is compared with what is no constant");
    if (cases.some((one) => isConstantOf(one) && !isKnownConstant(one) && !isLeftOut(one) && !isAllElse(one)))
      known(node, desc);
    return undefined;
  };

  /** The switch looks at it, unless it is one of texts. */
  const inCase = (node: Node, clause: Node, desc: DescEnum): unknown => {
    const around = clause.getParent()?.getParent();
    const subject = Node.isSwitchStatement(around) ? around.getExpression() : undefined;
    return subject && enumIn(subject.getType()) === desc ? undefined : text(node, desc);
  };

  /** `if (kind)`: a name is true unless it is not there. */
  const tested = (node: Node, parent: Node): unknown => {
    const inner = unwrapped(node);
    if (Node.isPropertyAccessExpression(inner) && isMember(inner)) return undefined; // It says so itself.
    // Each side is tested.
    if (Node.isBinaryExpression(inner) && /^(&&|\|\|)$/.test(inner.getOperatorToken().getText())) return undefined;
    if (!Node.isPrefixUnaryExpression(parent)) return p.wrap(node, [], " != null");
    const above = parent.getParent();
    const isOperand = Node.isBinaryExpression(above)
      ? !/^(&&|\|\|)$/.test(above.getOperatorToken().getText())
      : Node.isPrefixUnaryExpression(above);
    const [opening, closing] = isOperand ? ["(", ")"] : ["", ""];
    p.edit(parent, parent.getStart(), node.getStart(), [opening]);
    return p.edit(node, node.getEnd(), node.getEnd(), [` == null${closing}`], "before");
  };

  /** `LABELS[kind]`. */
  const key = (node: Node, access: ElementAccessExpression, desc: DescEnum): unknown => {
    const table = access.getExpression();
    const type = table.getType();
    if (keyEnumOf(type) === desc) return isConstantOf(node) || hasNoOther(table) ? undefined : known(node, desc);
    if (type.isAny() || type.getNonNullableType().getStringIndexType()) return text(node, desc);
    return p.block(access, "a key that is the value of an enum");
  };

  /** `{ [Kind.OPEN]: "open" }`. */
  const computed = (node: Node, name: Node, desc: DescEnum): unknown => {
    const object = name.getParent()?.getParent();
    if (!Node.isObjectLiteralExpression(object)) return p.block(node, "a key that is the value of an enum");
    const wanted = object.getContextualType();
    const isTable = wanted ? keyEnumOf(wanted) === desc : keyEnumOf(object.getType()) === desc;
    if (!isTable) return text(node, desc);
    return isConstantOf(node) ? undefined : known(node, desc);
  };

  /** `{ OPEN: "open" }` in a table. */
  const keysOfTable = (object: ObjectLiteralExpression): void => {
    const wanted = object.getContextualType();
    const desc = wanted && keyEnumOf(wanted);
    if (!desc) return;
    for (const property of object.getProperties()) {
      const name = Node.isPropertyAssignment(property) ? property.getNameNode() : undefined;
      if (Node.isComputedPropertyName(name) || Node.isSpreadAssignment(property)) continue;
      const text = name && unquoted(name.getText());
      const value = desc.values.find((one) => one.name === text);
      if (!name || (!value && text !== "UNRECOGNIZED")) p.block(property, "a key that is no value of an enum");
      else if (value) p.replace(name, "[", p.generated(desc, "shape", name), `.${value.localName}]`);
      else p.replace(name, "[(-1 as number)]");
    }
  };

  /** A value goes to a place: on as it is where the enum is asked for, as a name where a text or anything is. */
  const goes = (node: Node, desc: DescEnum): unknown => {
    const parent = node.getParent();
    if (Node.isConditionalExpression(parent)) return chosen(node, parent, desc);
    const around = parent && (Node.isCallExpression(parent) || Node.isNewExpression(parent)) ? parent : undefined;
    if (around?.getArguments().includes(node)) return argument(node, around, desc);
    const place = placeOf(node);
    if (place === undefined) return p.block(node, "the value of an enum goes where it cannot be followed");
    if (place === "open") return Node.isArrayLiteralExpression(parent) ? element(node, parent, desc) : undefined;
    if (placeTakesText(place)) return text(node, desc);
    if (!partsOf(place).some((part) => enumIn(part) === desc))
      return p.block(node, "the value of an enum goes where something else is asked for");
    return undefined;
  };

  /** `[kind, "x"].join()`. */
  const element = (node: Node, list: Node, desc: DescEnum): unknown => {
    if (elementOf(list.getType()) === desc || list.getType().isTuple()) return undefined;
    return isJoined(list) ? text(node, desc) : eitherOr(node);
  };

  const argument = (node: Node, around: CallExpression | NewExpression, desc: DescEnum): unknown => {
    if (Node.isCallExpression(around) && around.getExpression().getText() === "Boolean")
      return p.wrap(node, [], " != null");
    const asked = argumentType(around, node);
    if (!asked) return p.block(node, "the value of an enum is handed to a function that the compiler does not know");
    if (partsOf(asked).some((part) => enumIn(part) === desc)) {
      if (partsOf(asked).some(takesText)) return p.block(node, "the value of an enum, or a text");
      const callee = around.getExpression();
      const owner = Node.isPropertyAccessExpression(callee) ? callee.getExpression() : undefined;
      const isAsked =
        owner &&
        Node.isPropertyAccessExpression(callee) &&
        /^(get|has|set|add|delete|includes|indexOf|lastIndexOf)$/.test(callee.getName());
      if (!isAsked || !isOfLanguage(around) || isConstantOf(node)) return undefined;
      return isListOfKnown(owner) ? undefined : known(node, desc);
    }
    return placeTakesText(asked)
      ? text(node, desc)
      : p.block(node, "the value of an enum goes where something else is asked for");
  };

  return {
    visit,
    isText,
    /** The same for what is no value: a class, and the type that a function tells of what it is given. */
    declared(node: Node): void {
      if (enums.size === 0) return;
      if (Node.isTypePredicate(node)) predicate(node);
      if (Node.isClassDeclaration(node)) classFits(node);
    },
  };

  /** A member of a oneof that is a property of its own: whether it is set, its oneof says. */
  function isMember(access: PropertyAccessExpression): boolean {
    const desc = code.messageOf(access.getExpression().getType());
    return desc !== undefined && p.fieldBy(desc, access.getName())?.oneof !== undefined;
  }
}

/** The enums of messages' fields whose values are names in old code. */
export function textEnumsOf(p: Proving, descs: ReadonlySet<DescMessage>): Set<DescEnum> {
  const found = new Set<DescEnum>();
  for (const desc of descs)
    for (const field of desc.fields) {
      const kind = p.kindOf(field);
      const one = kind.kind === "list" || kind.kind === "map" ? kind.of : kind;
      if (one.kind === "value" && one.as.kind === "enum-number" && one.as.isText) found.add(one.as.desc);
    }
  return found;
}

/** `any[]`, `Promise<any>`. */
function isOfAny(type: Type): boolean {
  const whole = type.getNonNullableType();
  const isHolder = whole.isArray() || /^(Promise|Map|Set)$/.test(whole.getSymbol()?.getName() ?? "");
  return isHolder && whole.getTypeArguments().some((one) => one.isAny() || one.isUnknown() || isOfAny(one));
}

/** `...(kind && { kind })`. */
function isInSpread(logical: Node): boolean {
  const above = logical.getParent();
  return Node.isParenthesizedExpression(above) ? isInSpread(above) : Node.isSpreadAssignment(above);
}
