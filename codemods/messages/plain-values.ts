import { type CallExpression, type ElementAccessExpression, Node } from "ts-morph";
import { valuesOfField } from "./held-messages.js";
import { isKeptThere } from "./kept-keys.js";
import { valuesByKey } from "./keyed-values.js";
import { valuesOfPromise } from "./later-replies.js";
import type { PlainType } from "./legacy-shape.js";
import { isUnsignedField } from "./message-kind.js";
import {
  hasType,
  isAbsent,
  isAssignmentTarget,
  isAsync,
  isChecked,
  isConstant,
  isFunctionNode,
  isGenerator,
  isMapCall,
  isStep,
  mayGiveNothing,
  numberOf,
  ownReturns,
  typeText,
  unwrapped,
} from "./message-syntax.js";
import { isOwn } from "./own-reads.js";
import type { Proving } from "./proof.js";
import { receivedAs, takenOf } from "./received-messages.js";
import { isPickedFromStore } from "./stores.js";
import { isUncheckedElement } from "./unchecked-elements.js";
import { isThereAt } from "./wrapped-values.js";

/** Methods that give a string, whatever has them. */
const STRING_MAKERS = new Set(
  "toString toFixed toISOString toLowerCase toUpperCase trim padStart padEnd join charAt substring toLocaleString".split(
    " ",
  ),
);

/** Methods of a list that give another list, or the list itself. */
const LIST_MAKERS = /^(map|filter|slice|concat|sort|reverse|flat|flatMap|splice|toSorted|toReversed|toSpliced|with)$/;

/** What is known of plain values: that they are strings, whole numbers, booleans, whatever they are made of. */
export function createPlainValues(p: Proving) {
  const { project, shape, blockers, kinds, handlers } = p;

  const asking = new Set<string>();
  /** A question that meets itself (recursion, loops) has the answer that decides nothing. */
  const ask = (node: Node, question: string, neutral: boolean, answer: () => boolean): boolean => {
    const key = `${question} ${node.getSourceFile().getFilePath()} ${node.getPos()} ${node.getEnd()}`;
    if (asking.has(key)) return neutral;
    asking.add(key);
    try {
      return answer();
    } finally {
      asking.delete(key);
    }
  };
  /** Does everything that an expression is made of pass a test? */
  const ofParts = (node: Node, question: string, test: (part: Node) => boolean): boolean =>
    ask(node, question, true, () => partsOf(node)?.every((part) => test(unwrapped(part))) ?? false);
  /** Can a part of an expression's value, as far as it can be seen, be what the test asks for? */
  const canBe = (node: Node, question: string, test: (part: Node) => boolean): boolean => {
    const expression = unwrapped(node);
    if (isChecked(expression)) return question === "absent" && isOtherNothing(expression);
    if (test(expression)) return true;
    const parts = () => (question === "absent" ? partsIfAbsent(expression) : (partsOf(expression) ?? []));
    return ask(expression, question, false, () => parts().some((part) => canBe(part, question, test)));
  };

  /** Where a value comes from that may not be there: what stands behind `||` does where the other one is not. */
  const partsIfAbsent = (node: Node): Node[] => {
    const isOr = Node.isBinaryExpression(node) && /^(\|\||\?\?)$/.test(node.getOperatorToken().getText());
    if (isOr) return [node.getRight()];
    const held = Node.isAwaitExpression(node) ? unwrapped(node.getExpression()) : node;
    const inField = valuesOfField(p, node);
    if (inField !== undefined && inField !== "nothing") return [...inField];
    // A promise is what it is awaited for.
    return partsOf(node, !shape.typed) ?? valuesOfPromise(project, held) ?? [];
  };

  /** What is compared with null alone may still be undefined, as what a store has not is, and the other way round. */
  const isOtherNothing = (checked: Node): boolean => {
    const isExcluded = (nothing: "null" | "undefined") => isChecked(checked, nothing);
    const other = !isExcluded("undefined") ? "undefined" : !isExcluded("null") ? "null" : undefined;
    const isOther = (part: Node): boolean => {
      if (part.getText() === other) return true;
      if (other === "undefined" && isUndefinedIfMissing(part)) return true;
      return ask(part, "other", false, () => partsIfAbsent(part).some((one) => isOther(unwrapped(one))));
    };
    return other !== undefined && isOther(checked);
  };

  /** An optional field, what a search has not found, a call without a value. */
  const isUndefinedIfMissing = (part: Node): boolean => {
    const kind = kinds.get(part);
    if (shape.coerces && kind?.kind === "value" && kind.maybe) return true;
    return isPickedFromStore(p, part) || receivedAs(p, part) === "same" || isOfNoReturn(part);
  };

  const canBeMissing = (node: Node): boolean =>
    canBe(
      node,
      "absent",
      (part) =>
        isAbsent(part) ||
        isOfNoReturn(part) ||
        shape.isUnset?.(p, part) === true ||
        isPartlyThere(p, part) ||
        valuesOfField(p, part) === "nothing",
    );

  /** A call of a function that can end without a value. */
  const isOfNoReturn = (part: Node): boolean => {
    const call = Node.isAwaitExpression(part) ? unwrapped(part.getExpression()) : part;
    if (!Node.isCallExpression(call) || p.isStrictlyTyped(part)) return false;
    const origin = project.originOf(call.getExpression());
    return origin.kind === "function" && !isGenerator(origin.node) && mayGiveNothing(origin.node);
  };

  /** The expressions that an expression takes its value from: branches, a variable's values, a parameter's arguments. */
  const partsOf = (node: Node, isSettled = false): Node[] | undefined => {
    if (Node.isConditionalExpression(node)) return [node.getWhenTrue(), node.getWhenFalse()];
    if (Node.isBinaryExpression(node) && /^(\|\||\?\?)$/.test(node.getOperatorToken().getText()))
      return [...(valuesByKey(project, unwrapped(node.getLeft())) ?? [node.getLeft()]), node.getRight()];
    const isAwaited = Node.isAwaitExpression(node);
    const call = isAwaited ? unwrapped(node.getExpression()) : node;
    if (Node.isCallExpression(call)) return resultsOf(call, isAwaited || isSettled);
    if (!Node.isIdentifier(node)) return undefined;
    const declaration = project.declarationOf(node);
    if (Node.isVariableDeclaration(declaration)) {
      const name = declaration.getNameNode();
      const initializer = declaration.getInitializer();
      if (!initializer || !Node.isIdentifier(name)) return undefined;
      const parts: Node[] = [initializer];
      for (const reference of project.referencesTo(name)) {
        if (reference === name || !isAssignmentTarget(reference)) continue;
        const change = reference.getParent();
        if (Node.isBinaryExpression(change) && change.getOperatorToken().getText() === "=")
          parts.push(change.getRight());
        else if (!change) return undefined;
        else parts.push(change);
      }
      return parts;
    }
    if (Node.isParameterDeclaration(declaration)) {
      const owner = declaration.getParent();
      if (
        !owner ||
        !isFunctionNode(owner) ||
        handlers.has(owner) ||
        declaration.isRestParameter() ||
        !Node.isIdentifier(declaration.getNameNode())
      )
        return undefined;
      if (project.referencesTo(declaration.getNameNode()).some(isAssignmentTarget)) return undefined;
      const index = owner.getParameters().indexOf(declaration);
      const calls = quietCallsOf(owner);
      if (!calls || calls.length === 0) return undefined;
      const parts: Node[] = [];
      for (const call of calls) {
        const given = call.getArguments()[index];
        if (!given || call.getArguments().some((one) => Node.isSpreadElement(one)) || isMapCall(call)) return undefined;
        parts.push(given);
      }
      return parts;
    }
    return undefined;
  };

  /** What a project function returns. */
  const resultsOf = (call: CallExpression, isAwaited: boolean): Node[] | undefined => {
    const origin = project.originOf(call.getExpression());
    if (origin.kind !== "function" || !isFunctionNode(origin.node) || isGenerator(origin.node)) return undefined;
    if (isAsync(origin.node) && !isAwaited) return undefined;
    const body = origin.node.getBody();
    if (!body) return undefined;
    if (!Node.isBlock(body)) return [body];
    const returns = ownReturns(origin.node).flatMap((statement) => statement.getExpression() ?? []);
    return returns.length > 0 && !mayGiveNothing(origin.node) ? returns : undefined;
  };

  const quietCallsOf = (owner: Node): CallExpression[] | undefined => {
    const count = blockers.length;
    const calls = p.callsOf(owner);
    if (blockers.length === count) return calls;
    blockers.length = count;
    return undefined;
  };

  const plainKnown = (expression: Node): PlainType | undefined => {
    const known = kinds.get(expression);
    return known?.kind === "value" && known.as.kind === "same" ? known.as.type : undefined;
  };

  const isMaybe = (expression: Node) => {
    const known = kinds.get(expression);
    return known?.kind === "value" && known.maybe === true;
  };

  const isWithinRange = (node: Node, type: "int32" | "uint32"): boolean => {
    const expression = unwrapped(node);
    if (kinds.has(expression)) return plainKnown(expression) === type;
    const constant = numberOf(expression);
    if (constant !== undefined) {
      return (
        Number.isInteger(constant) &&
        (type === "int32" ? Math.abs(constant) < 2 ** 31 : constant >= 0 && constant < 2 ** 32)
      );
    }
    if (isLength(expression)) return true;
    if (Node.isBinaryExpression(expression)) {
      const operator = expression.getOperatorToken().getText();
      if (type === "int32" && /^([|&^]|<<|>>)$/.test(operator))
        return isNumber(expression.getLeft()) && isNumber(expression.getRight());
      if (type === "uint32" && operator === ">>>") return isNumber(expression.getLeft());
    }
    // A counter that goes up by one does not get out of range, nor does it with a small constant added.
    if (isStep(expression)) return true;
    if (Node.isBinaryExpression(expression) && expression.getOperatorToken().getText() === "+") {
      const sides = [unwrapped(expression.getLeft()), unwrapped(expression.getRight())];
      const constants = sides.map(numberOf);
      const isSmall = constants.some((one) => one !== undefined && Number.isInteger(one) && one >= 0 && one < 65536);
      const counter = sides[constants[0] === undefined ? 0 : 1];
      return isSmall && counter !== undefined && !kinds.has(counter) && isWithinRange(counter, type);
    }
    return ofParts(expression, type, (part) => isWithinRange(part, type));
  };

  /** A whole, finite number. */
  const isInteger = (node: Node): boolean => {
    const expression = unwrapped(node);
    const known = kinds.get(expression);
    if (known?.kind === "value" && known.as.kind === "int64-number") return known.maybe !== true;
    if (known) return /int32/.test(plainKnown(expression) ?? "") && !isMaybe(expression);
    const constant = numberOf(expression);
    if (constant !== undefined) return Number.isSafeInteger(constant);
    if (isLength(expression) || isStep(expression)) return true;
    if (Node.isBinaryExpression(expression)) {
      const operator = expression.getOperatorToken().getText();
      if (/^[-+*]$/.test(operator)) return isInteger(expression.getLeft()) && isInteger(expression.getRight());
      if (/^([|&^]|<<|>>>?)$/.test(operator)) return isNumber(expression.getLeft()) && isNumber(expression.getRight());
      if (/^[-+*]=$/.test(operator)) return isInteger(expression.getRight());
    }
    if (Node.isCallExpression(expression)) {
      const callee = expression.getExpression().getText();
      if (callee === "Date.now") return true;
      const [first] = expression.getArguments();
      return /^Math\.(floor|ceil|round|trunc)$/.test(callee) && first !== undefined && isFiniteNumber(first);
    }
    // What stands behind `||` is there where the other one is not.
    if (Node.isBinaryExpression(expression) && /^(\|\||\?\?)$/.test(expression.getOperatorToken().getText())) {
      const left = unwrapped(expression.getLeft());
      if (!isInteger(expression.getRight())) return false;
      return /int32/.test(plainKnown(left) ?? "") || ofParts(expression, "integer", isInteger) || isInteger(left);
    }
    return ofParts(expression, "integer", isInteger);
  };

  /** A number that is certainly not negative: an unsigned field takes it as it is. */
  const isNatural = (node: Node): boolean => {
    const expression = unwrapped(node);
    const known = kinds.get(expression);
    if (known?.kind === "value" && /^int64-/.test(known.as.kind)) return isUnsignedField(known.field);
    if (known) return plainKnown(expression) === "uint32" && !isMaybe(expression);
    const constant = numberOf(expression);
    if (constant !== undefined) return constant >= 0;
    if (isLength(expression) || isStep(expression) || isWithinRange(expression, "uint32")) return true;
    if (Node.isBinaryExpression(expression) && /^[+*/]$/.test(expression.getOperatorToken().getText()))
      return isNatural(expression.getLeft()) && isNatural(expression.getRight());
    if (Node.isCallExpression(expression)) {
      const callee = expression.getExpression().getText();
      const [first] = expression.getArguments();
      if (callee === "Date.now") return true;
      return /^(Number|Math\.(floor|ceil|round|trunc|abs))$/.test(callee) && first !== undefined && isNatural(first);
    }
    return ofParts(expression, "natural", isNatural);
  };

  const isFiniteNumber = (node: Node): boolean => {
    const expression = unwrapped(node);
    if (isInteger(expression)) return true;
    if (Node.isNumericLiteral(expression)) return true;
    if (Node.isIdentifier(expression)) return ofParts(expression, "finite", isFiniteNumber);
    if (Node.isCallExpression(expression) && expression.getExpression().getText() === "Number") {
      const [first] = expression.getArguments();
      const of = first && kinds.get(unwrapped(first));
      if (of?.kind === "value" && /^int64-/.test(of.as.kind)) return !of.maybe;
      return first !== undefined && isFiniteNumber(first);
    }
    if (!Node.isBinaryExpression(expression)) return false;
    const operator = expression.getOperatorToken().getText();
    if (operator === "/")
      return isFiniteNumber(expression.getLeft()) && (numberOf(unwrapped(expression.getRight())) ?? 0) !== 0;
    return /^[-+*]$/.test(operator) && isFiniteNumber(expression.getLeft()) && isFiniteNumber(expression.getRight());
  };

  const isNumber = (node: Node): boolean => {
    const expression = unwrapped(node);
    const known = plainKnown(expression);
    if (known !== undefined) return known !== "string" && known !== "boolean" && known !== "bytes";
    if (kinds.has(expression)) return false;
    if (hasType(typeText(expression), "number")) return true;
    return isInteger(expression) || ofParts(expression, "number", isNumber);
  };

  const isBoolean = (node: Node): boolean => {
    const expression = unwrapped(node);
    if (kinds.has(expression)) return plainKnown(expression) === "boolean";
    return hasType(typeText(expression), "boolean") || ofParts(expression, "boolean", isBoolean);
  };

  const isString = (node: Node): boolean => {
    const expression = unwrapped(node);
    const known = kinds.get(expression);
    if (known)
      return plainKnown(expression) === "string" || (known.kind === "value" && known.as.kind === "int64-string");
    if (hasType(typeText(expression), "string") || Node.isTemplateExpression(expression)) return true;
    if (Node.isCallExpression(expression)) {
      const callee = expression.getExpression();
      if (callee.getText() === "String") return true;
      if (Node.isPropertyAccessExpression(callee) && STRING_MAKERS.has(callee.getName())) return true;
      // What is no string may have these, too.
      if (
        Node.isPropertyAccessExpression(callee) &&
        /^(slice|concat|replace|replaceAll|repeat|substr|trimStart|trimEnd|normalize)$/.test(callee.getName()) &&
        !isMaybe(callee.getExpression())
      )
        return isString(callee.getExpression());
      if (isNewId(p, expression)) return true;
    }
    if (Node.isBinaryExpression(expression) && expression.getOperatorToken().getText() === "+") {
      // Undefined and undefined is a number.
      return [expression.getLeft(), expression.getRight()].some((side) => isString(side) && !isMaybe(unwrapped(side)));
    }
    return ofParts(expression, "string", isString);
  };

  const isLength = (expression: Node): boolean => {
    if (!Node.isPropertyAccessExpression(expression) || expression.getText().includes("?.")) return false;
    const of = unwrapped(expression.getExpression());
    const kind = kinds.get(of);
    if (expression.getName() === "size") return kind?.kind === "map";
    if (expression.getName() !== "length") return false;
    if (kind)
      return (
        kind.kind === "list" ||
        /^(string|bytes)$/.test(plainKnown(of) ?? "") ||
        (kind.kind === "value" && kind.as.kind === "bytes")
      );
    return of.getType().isArray() || hasType(typeText(of), "string") || isMadeList(of);
  };
  /** A list, whatever is in it: written out, or what its methods make of a known one. */
  const isMadeList = (expression: Node): boolean => {
    if (Node.isArrayLiteralExpression(expression) || kinds.get(expression)?.kind === "list") return true;
    if (Node.isIdentifier(expression)) {
      const declaration = project.declarationOf(expression);
      const made = isConstant(declaration) ? declaration.getInitializer() : undefined;
      return made !== undefined && isMadeList(unwrapped(made));
    }
    const callee = Node.isCallExpression(expression) ? expression.getExpression() : undefined;
    if (!Node.isPropertyAccessExpression(callee) || callee.hasQuestionDotToken()) return false;
    if (/^(Object\.(keys|values|entries)|Array\.(from|of))$/.test(callee.getText())) return true;
    return LIST_MAKERS.test(callee.getName()) && isMadeList(unwrapped(callee.getExpression()));
  };

  /** Can a value come from a place of a list or an object that may have nothing there, whatever its type says? */
  const isUnchecked = (node: Node): boolean => canBe(node, "absent", (part) => isUncheckedElement(p, part));

  /** Is a plain value certainly neither undefined nor null? */
  const isPresent = (given: Node): boolean => {
    const value = unwrapped(given);
    const kind = kinds.get(value);
    if (kind?.kind === "value" && kind.maybe && shape.coerces && !isOwn(p, kind) && isThereAt(p, value, value))
      return true;
    if (kind) return kind.kind !== "value" || (kind.maybe !== true && !isOwn(p, kind));
    if (isLength(value)) return true;
    if (Node.isLiteralExpression(value) || Node.isTemplateExpression(value)) return true;
    if (value.getText() === "true" || value.getText() === "false") return true;
    if (Node.isObjectLiteralExpression(value) || Node.isArrayLiteralExpression(value) || Node.isNewExpression(value))
      return true;
    if (Node.isPrefixUnaryExpression(value) || Node.isPostfixUnaryExpression(value)) return true;
    if (Node.isConditionalExpression(value)) return isPresent(value.getWhenTrue()) && isPresent(value.getWhenFalse());
    if (Node.isBinaryExpression(value)) {
      const operator = value.getOperatorToken().getText();
      if (/^(\|\||\?\?)$/.test(operator)) return isPresent(value.getRight());
      if (operator === "&&") return isPresent(value.getLeft()) && isPresent(value.getRight());
      return operator !== "=" || isPresent(value.getRight());
    }
    if (Node.isCallExpression(value) && isNewId(p, value)) return true;
    if (Node.isCallExpression(value) && !value.getText().includes("?.")) {
      const callee = value.getExpression();
      if (
        /^(String|Number|Boolean|BigInt|parseInt|parseFloat|Number\.parse(Int|Float)|Date\.now|Math\.\w+|Buffer\.\w+|JSON\.stringify)$/.test(
          callee.getText(),
        )
      )
        return true;
      if (
        Node.isPropertyAccessExpression(callee) &&
        /^(to\w*String|trim\w*|to(Lower|Upper)Case|padStart|padEnd|join|toFixed|slice|map|filter|concat|getTime)$/.test(
          callee.getName(),
        )
      )
        return true;
    }
    if (p.isStrictlyTyped(value)) return !isUnchecked(value);
    return ofParts(value, "present", (part) => isPresent(part));
  };

  return {
    isPresent,
    isUnchecked,
    canBe,
    canBeMissing,
    isMadeOf: ofParts,
    isWithinRange,
    isInteger,
    isNatural,
    isNumber,
    isBoolean,
    isString,
  };
}

/** `randomUUID()` of Node's crypto, `v4()` of uuid, `nanoid()`: a text, though no types of the package may say so. */
function isNewId(p: Proving, call: CallExpression): boolean {
  if (call.getArguments().length > 0) return false;
  const origin = p.project.originOf(call.getExpression());
  return (
    origin.kind === "external" &&
    /^((node:)?crypto\.randomUUID|uuid\.v[1-7]|nanoid\.nanoid)$/.test(`${origin.module}.${origin.path}`)
  );
}

/** A part of a message, or a message that old code has as a plain object, which some peer or some index may leave out. */
function isPartlyThere(p: Proving, part: Node): boolean {
  const kind = p.kinds.get(part);
  if (kind?.kind === "message" && isPickedFromStore(p, part))
    return !isThereAt(p, part, part) && !isKeptThere(p.project, part);
  if (p.shape.isLive || !kind) return false;
  if (kind.kind === "value") return (kind.maybe === true || isOwn(p, kind)) && !isThereAt(p, part, part);
  if (kind.kind !== "message") return false;
  const isTaken = Node.isIdentifier(part) && takenOf(p.project.declarationOf(part)) !== undefined;
  const isElement = Node.isElementAccessExpression(part) || isTaken;
  if (Node.isElementAccessExpression(part) && isWithinLength(part)) return false;
  const presence = receivedAs(p, part);
  return (isElement || (presence !== undefined && presence !== "always")) && !isThereAt(p, part, part);
}

/** `list[i]` in `for (…; i < list.length; …)`. */
function isWithinLength(access: ElementAccessExpression): boolean {
  const list = access.getExpression().getText();
  const index = access.getArgumentExpression()?.getText();
  return access
    .getAncestors()
    .some((node) => Node.isForStatement(node) && node.getCondition()?.getText() === `${index} < ${list}.length`);
}
