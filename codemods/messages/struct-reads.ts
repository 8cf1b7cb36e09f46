import { Node, SyntaxKind } from "ts-morph";
import { functionBehind } from "./called-functions.js";
import type { Kind } from "./message-kind.js";
import {
  functionAround,
  isAbsent,
  isArrowBody,
  isAssertion,
  isAssignmentTarget,
  isConstant,
  isFunctionNode,
  isTransparent,
  isTruthTest,
  isValueOfLogical,
  resultType,
  topOf,
  typeOfAssertion,
  unwrapped,
} from "./message-syntax.js";
import type { Proving } from "./proof.js";
import { ifLeaked, isCertainlyJson } from "./struct-values.js";

/** Types that take a JsonObject for what they took `{ [key: string]: any }` for. */
const TAKES_OBJECT = new RegExp(
  `^(${[
    "any",
    "unknown",
    "object",
    "\\{ \\[\\w+: string\\]: (any|unknown);? \\}",
    "Record<string, (any|unknown)>",
    "JsonObject",
  ].join("|")})$`,
);

/** Functions that look at what they are given, and keep or change none of it. */
export const LOOKING =
  /^(String|Number|Boolean|isNaN|parseInt|parseFloat|Array\.isArray|Number\.\w+|JSON\.stringify|Object\.(keys|hasOwn|is|freeze)|[\s\S]*\b(console|log|logger)\.(log|trace|debug|info|warn|error))$/;

/** Methods of any object, of text and of lists that do the same. */
const LOOKING_METHODS =
  /^(hasOwnProperty|to(String|Fixed|UpperCase|LowerCase)|trim|split|(starts|ends)With|includes|indexOf|join|localeCompare)$/;

/** What is done with an object that was read of a field of type google.protobuf.Struct, or with a part of it. */
interface Uses {
  /** Does the compiler take a JsonValue wherever it took `any`? */
  isTyped: boolean;
  /** Places where it goes out of sight: somebody may put anything into it. */
  readonly leaks: Node[];
  readonly seen: Set<Node>;
}

/**
 * google.protobuf.Struct in a field: a plain object in ts-proto's code, and the very same in protobuf-es, but `any` is a
 * JsonValue there. Where the compiler needs more than that, it is told that it is `any`, as it was.
 */
export function followStruct(p: Proving, given: Node, kind: Kind): void {
  const uses: Uses = { isTyped: true, leaks: [], seen: new Set() };
  use(p, given, uses, false);
  p.finals.push(() => {
    const leaks = uses.leaks.filter((leak) => !p.consumed.has(leak));
    for (const leak of leaks) p.structs.leaks.add(leak);
    const { field, readOf } = kind.kind === "value" ? kind : {};
    if (!field || !readOf || !isMadeHere(p, readOf)) return;
    if (leaks.length > 0) p.block(given, "an object of a Struct goes out of sight once it is in a message");
    if (p.structs.remade.has(field) && !isAssignmentTarget(whole(given)))
      p.block(given, "an object of a Struct is read again that may have had undefined in it");
  });
  if (uses.isTyped) return;
  if (goesOnOptionally(given)) return void p.block(given, "a part of a Struct that may not be there");
  if (p.memberValues.has(given)) return void p.memberValues.set(given, (value) => `${value} as Record<string, any>`);
  const isNullable = given.getType().isNullable();
  const [opening, closing] = standsAsOne(given) ? ["", ""] : ["(", ")"];
  const prefix = p.keyPrefix(given);
  p.wrap(given, [`${prefix}${opening}`], ` as Record<string, any>${isNullable ? " | undefined" : ""}${closing}`);
}

/** A list or map of such objects goes out of sight, unless it goes into a message. */
export function structsLeave(p: Proving, expression: Node): void {
  p.finals.push(() => {
    if (!p.consumed.has(expression)) p.structs.leaks.add(expression);
  });
}

/** `JSON.stringify(rows)`, `Object.keys(byName)`. */
export function isLookedAt(parent: Node, expression: Node): boolean {
  return (
    Node.isCallExpression(parent) &&
    parent.getExpression() !== expression &&
    LOOKING.test(parent.getExpression().getText())
  );
}

/** A message that was made a few lines before. */
function isMadeHere(p: Proving, message: Node): boolean {
  const declaration = Node.isIdentifier(message) ? p.project.declarationOf(message) : undefined;
  const first = Node.isVariableDeclaration(declaration) ? declaration.getInitializer() : undefined;
  const made = first && unwrapped(first);
  if (Node.isObjectLiteralExpression(made)) return true;
  return Node.isCallExpression(made) && /\.(create|fromPartial)$/.test(made.getExpression().getText());
}

/** `attrs.a.b` around `attrs`. */
function whole(given: Node): Node {
  const top = topOf(given);
  const parent = top.getParent();
  const isRead = Node.isPropertyAccessExpression(parent) || Node.isElementAccessExpression(parent);
  return isRead && parent.getExpression() === top ? whole(parent) : top;
}

/** `a?.attrs!.b`, which ends where `a` is not there. */
function goesOnOptionally(given: Node): boolean {
  const top = topOf(given);
  const parent = top.getParent();
  if (!/\?\./.test(given.getText())) return false;
  if (Node.isPropertyAccessExpression(parent) || Node.isElementAccessExpression(parent))
    return parent.getExpression() === top && !parent.hasQuestionDotToken();
  return Node.isCallExpression(parent) && parent.getExpression() === top;
}

/** Can `x as T` stand here without parentheses? */
function standsAsOne(node: Node): boolean {
  const parent = node.getParent();
  if (Node.isCallExpression(parent)) return parent.getArguments().includes(node);
  if (Node.isPropertyAssignment(parent) || Node.isVariableDeclaration(parent)) return parent.getInitializer() === node;
  return (
    Node.isReturnStatement(parent) ||
    Node.isParenthesizedExpression(parent) ||
    Node.isShorthandPropertyAssignment(parent) ||
    Node.isSpreadAssignment(parent) ||
    (parent !== undefined && isArrowBody(parent, node))
  );
}

/** `isPart`: a value in it, or what is left where there is no object. */
function use(p: Proving, node: Node, uses: Uses, isPart: boolean): unknown {
  if (uses.seen.has(node)) return;
  uses.seen.add(node);
  const parent = node.getParent();
  if (!parent) return;
  if (isTransparent(parent)) return assertion(p, parent, uses, isPart);
  const leaks = () => void uses.leaks.push(node);
  const untyped = () => {
    uses.isTyped = false;
  };
  if (isAssignmentTarget(node)) return writes(p, node, uses);
  if (
    Node.isExpressionStatement(parent) ||
    Node.isVoidExpression(parent) ||
    Node.isTypeOfExpression(parent) ||
    Node.isTemplateSpan(parent) ||
    Node.isForInStatement(parent) ||
    Node.isSwitchStatement(parent)
  )
    return;
  if (Node.isPropertyAccessExpression(parent) && parent.getExpression() === node) {
    if (isPart) untyped();
    const call = parent.getParent();
    if (!Node.isCallExpression(call) || call.getExpression() !== parent) return use(p, parent, uses, true);
    // A method of what the peer sent: of text, of a list.
    untyped();
    if (LOOKING_METHODS.test(parent.getName())) return;
    const item = callbackParameter(parent);
    return item ? bound(p, item.getNameNode(), uses, true, false) : leaks();
  }
  if (Node.isElementAccessExpression(parent)) {
    if (isPart) untyped();
    return parent.getExpression() === node ? use(p, parent, uses, true) : undefined;
  }
  if (Node.isBinaryExpression(parent)) return binary(p, parent, node, uses, isPart);
  if (isTruthTest(parent, node)) return;
  if (Node.isConditionalExpression(parent)) return use(p, parent, uses, isPart);
  if (Node.isVariableDeclaration(parent) && parent.getInitializer() === node) {
    const type = parent.getTypeNode();
    if (type && !takes(type, isPart)) untyped();
    if (!isConstant(parent)) {
      untyped();
      leaks();
    }
    return bound(p, parent.getNameNode(), uses, isPart, type !== undefined);
  }
  if (Node.isSpreadAssignment(parent) || Node.isSpreadElement(parent)) {
    // Another object: what is put into it is not in this one, but what is in this one may be.
    leaks();
    return isPart || !isTyped(parent.getParent()) ? untyped() : undefined;
  }
  if (Node.isCallExpression(parent) && parent.getArguments().includes(node)) return argument(p, node, uses, isPart);
  const contextual = Node.isExpression(node) ? node.getContextualType()?.getNonNullableType().getText() : undefined;
  const result = isResult(parent, node) ? resultType(functionAround(node) ?? parent) : undefined;
  const isTaken = result ? takes(result, isPart) : contextual !== undefined && isTypeTaking(contextual, isPart);
  if (!isTaken) untyped();
  // Nothing can be put into a text.
  if (!isPart || !/^(string|number|boolean)$/.test(result?.getText() ?? contextual ?? "")) leaks();
}

/** Parts may be anything; an object is one. */
function isTypeTaking(text: string, isPart: boolean): boolean {
  return isPart ? /^(any|unknown)$/.test(text) : TAKES_OBJECT.test(text.replace(/;(?= \}$)/, ""));
}

function takes(type: Node, isPart: boolean): boolean {
  const text = type.getText().replace(/\s+/g, " ");
  return text.split(" | ").every((one) => /^(undefined|null)$/.test(one) || isTypeTaking(one, isPart));
}

function isResult(parent: Node, node: Node): boolean {
  return Node.isReturnStatement(parent) || isArrowBody(parent, node);
}

/** Is an object literal one for a place that has a type? */
function isTyped(literal: Node | undefined): boolean {
  const contextual = literal && Node.isExpression(literal) ? literal.getContextualType() : undefined;
  return contextual !== undefined && isTypeTaking(contextual.getNonNullableType().getText(), false);
}

function assertion(p: Proving, parent: Node, uses: Uses, isPart: boolean): unknown {
  const type = isAssertion(parent) ? typeOfAssertion(parent) : undefined;
  if (!type) return use(p, parent, uses, isPart);
  const isTaken = takes(type, isPart) || (isPart && /^(string|number|boolean)( \| undefined)?$/.test(type.getText()));
  const outer: Uses = { ...uses, isTyped: true };
  use(p, parent, outer, isPart);
  if (!isTaken) uses.isTyped = false;
}

function binary(p: Proving, parent: Node, node: Node, uses: Uses, isPart: boolean): unknown {
  if (!Node.isBinaryExpression(parent)) return;
  const operator = parent.getOperatorToken().getText();
  const other = parent.getLeft() === node ? parent.getRight() : parent.getLeft();
  if (/^[!=]==?$/.test(operator)) {
    const isPlain = /^(string|number|boolean|undefined|null)$/.test(
      other.getType().getBaseTypeOfLiteralType().getText(),
    );
    if (!isAbsent(other) && !isPlain) uses.isTyped = false;
    return;
  }
  if (operator === "in" && parent.getRight() === node && !isPart) return;
  if (/^(\?\?|\|\||&&)$/.test(operator)) {
    if (!isValueOfLogical(parent)) return;
    if (operator === "&&" && parent.getLeft() === node && !isPart) return;
    return use(p, parent, uses, isPart);
  }
  uses.isTyped = false;
  if (operator === "=" && parent.getRight() === node) {
    uses.leaks.push(node);
    const target = parent.getLeft().getType().getText();
    if (isTypeTaking(target, isPart)) uses.isTyped = true;
  }
}

/** `attrs.seen = true`: what no peer could have sent may not be put into it. */
function writes(p: Proving, target: Node, uses: Uses): unknown {
  const change = target.getParent();
  if (Node.isIdentifier(target) || Node.isDeleteExpression(change)) return;
  if (!Node.isBinaryExpression(change)) {
    uses.isTyped = false;
    return;
  }
  const operator = change.getOperatorToken().getText();
  const value = change.getRight();
  if (operator !== "=") uses.isTyped = false;
  if (/^(\?\?|\|\||&&)?=$/.test(operator))
    p.later(() => {
      const refuse = () => p.block(value, "a value in a Struct that may be no JSON");
      if (isCertainlyJson(p, value)) ifLeaked(p, value, refuse);
      else refuse();
    });
  const type = value.getType();
  if (!/^(string|number|boolean)$/.test(type.getBaseTypeOfLiteralType().getText())) uses.isTyped = false;
}

function bound(p: Proving, name: Node, uses: Uses, isPart: boolean, hasType: boolean): unknown {
  if (Node.isIdentifier(name)) {
    const inner: Uses = hasType ? { ...uses, isTyped: true } : uses;
    for (const reference of p.project.referencesTo(name)) if (reference !== name) use(p, reference, inner, isPart);
    return;
  }
  if (Node.isArrayBindingPattern(name)) uses.isTyped = false;
  for (const element of name.getDescendantsOfKind(SyntaxKind.BindingElement)) {
    if (element.getDotDotDotToken() || element.getInitializer()) uses.isTyped = false;
    if (element.getDotDotDotToken()) uses.leaks.push(name);
    const inner = element.getNameNode();
    if (Node.isIdentifier(inner)) bound(p, inner, uses, true, false);
    else uses.isTyped = false;
  }
}

function argument(p: Proving, node: Node, uses: Uses, isPart: boolean): unknown {
  const call = node.getParent();
  if (!Node.isCallExpression(call)) return;
  const callee = call.getExpression();
  const text = callee.getText();
  if (isLookedAt(call, node)) return;
  if (/^Object\.(entries|values)$/.test(text) && !isPart) return ofEntries(p, call, text === "Object.entries", uses);
  const index = call.getArguments().indexOf(node as never);
  const owner = functionBehind(p.project, callee);
  const isSeen = owner?.getBody() && !owner.getDescendantsOfKind(SyntaxKind.Identifier).some(isArguments);
  const parameter = isSeen ? owner?.getParameters()[index] : undefined;
  if (parameter && !parameter.isRestParameter() && Node.isIdentifier(parameter.getNameNode())) {
    const type = parameter.getTypeNode();
    if (!type || !takes(type, isPart)) uses.isTyped = false;
    return bound(p, parameter.getNameNode(), uses, isPart, true);
  }
  uses.leaks.push(node);
  const contextual = Node.isExpression(node) ? node.getContextualType()?.getNonNullableType().getText() : undefined;
  if (contextual === undefined || !isTypeTaking(contextual, isPart)) uses.isTyped = false;
}

const isArguments = (node: Node) => node.getText() === "arguments";

/** `for (const [key, value] of Object.entries(attrs))`, `Object.entries(attrs).map(([key, value]) => …)`. */
function ofEntries(p: Proving, call: Node, isPair: boolean, uses: Uses): unknown {
  const parent = call.getParent();
  const taken = Node.isForOfStatement(parent)
    ? parent.getInitializer().getDescendantsOfKind(SyntaxKind.VariableDeclaration)[0]
    : callbackParameter(parent);
  const name = taken?.getNameNode();
  const value = isPair && Node.isArrayBindingPattern(name) ? name.getElements()[1] : isPair ? undefined : taken;
  const inner = Node.isBindingElement(value) ? value.getNameNode() : value === taken ? name : undefined;
  if (isPair && Node.isArrayBindingPattern(name) && !value) return;
  if (inner && Node.isIdentifier(inner)) return bound(p, inner, uses, true, false);
  uses.isTyped = false;
  uses.leaks.push(call);
}

function callbackParameter(access: Node | undefined) {
  if (!Node.isPropertyAccessExpression(access) || !/^(map|forEach|some|every|flatMap)$/.test(access.getName()))
    return undefined;
  const call = access.getParent();
  const [callback, more] = Node.isCallExpression(call) ? call.getArguments() : [];
  const parameters = callback && !more && isFunctionNode(callback) ? callback.getParameters() : [];
  return parameters.length === 1 && !parameters[0]?.getTypeNode() ? parameters[0] : undefined;
}
