import { functionOf, isIdentifier, isNothing, type Node, type Parents, unwrap } from "../shared/ast.js";
import type { Binding, Scopes } from "../shared/scope.js";

/** Values that an `if` takes for nothing; `empty`: 0, NaN, an empty text. */
export type Nothing = "undefined" | "null" | "false" | "empty";

export const ALL: readonly Nothing[] = ["undefined", "null", "false", "empty"];
const NONE: readonly Nothing[] = ["undefined", "null"];

/** Functions of the language whose result is a primitive. */
const PRIMITIVE = /^(Number|String|Boolean|BigInt|parseInt|parseFloat|encodeURIComponent|decodeURIComponent)$/;

interface Program {
  readonly parents: Parents;
  readonly scopes: Scopes;
}

/** What `return …;` gives, where it is written there that it is nothing. */
export function nothingOf(statement: Node): Nothing | undefined {
  return statement.argument ? nothingIn(statement.argument) : "undefined";
}

function nothingIn(expression: Node): Nothing | undefined {
  const value = unwrap(expression);
  if (isIdentifier(value, "undefined")) return "undefined";
  if (isNothing(value)) return "null";
  return value.type === "BooleanLiteral" && !value.value ? "false" : undefined;
}

/** The kinds of nothing of which a test tells that a name has one of them: `!user`, `user == null`. */
export function acceptedBy(test: Node, isMeant: (node: Node) => boolean): readonly Nothing[] {
  const { type, operator } = test;
  if (type === "ParenthesizedExpression") return acceptedBy(test.expression, isMeant);
  if (type === "UnaryExpression" && operator === "!") return isMeant(unwrap(test.argument)) ? ALL : [];
  if (type !== "BinaryExpression" || !/^===?$/.test(operator) || !isMeant(unwrap(test.left))) return [];
  const kind = nothingIn(test.right);
  if (!kind) return [];
  if (operator === "===") return [kind];
  return kind === "false" ? [] : NONE;
}

/** The same for a test that something is there: `user`, `user !== null`; these kinds do not pass it. */
export function refutedBy(test: Node, isMeant: (node: Node) => boolean): readonly Nothing[] {
  if (test.type === "ParenthesizedExpression") return refutedBy(test.expression, isMeant);
  if (isMeant(test)) return ALL;
  if (test.type !== "BinaryExpression" || !/^!==?$/.test(test.operator)) return [];
  return acceptedBy({ ...test, operator: test.operator.replace("!", "=") } as Node, isMeant);
}

/** The kinds of nothing that an expression surely is not, where it stands. */
export function excludedFrom(program: Program, expression: Node): readonly Nothing[] {
  const value = unwrap(expression);
  const each = (...parts: Node[]) =>
    ALL.filter((kind) => parts.every((part) => excludedFrom(program, part).includes(kind)));
  switch (value.type) {
    case "BooleanLiteral":
    case "NumericLiteral":
    case "StringLiteral":
      return value.value ? ALL : NONE;
    case "TemplateLiteral":
      return (value.quasis as Node[]).some(({ value: text }) => text.cooked) ? ALL : NONE;
    case "ObjectExpression":
    case "ArrayExpression":
    case "NewExpression":
    case "RegExpLiteral":
    case "FunctionExpression":
    case "ArrowFunctionExpression":
      return ALL;
    case "BinaryExpression":
    case "UpdateExpression":
      return NONE;
    case "UnaryExpression":
      return value.operator === "void" ? [] : NONE;
    case "ConditionalExpression":
      return each(value.consequent, value.alternate);
    case "LogicalExpression":
      if (value.operator === "||") return excludedFrom(program, value.right);
      return value.operator === "??" ? NONE.filter((kind) => excludedFrom(program, value.right).includes(kind)) : [];
    case "CallExpression":
      return isIdentifier(value.callee) && !program.scopes.bindingOf(value.callee) && PRIMITIVE.test(value.callee.name)
        ? NONE
        : [];
    case "Identifier":
      return excludedFromName(program, value);
    default:
      return [];
  }
}

function excludedFromName(program: Program, name: Node): readonly Nothing[] {
  const binding = program.scopes.bindingOf(name);
  if (!binding || binding.writes.length > 0) return [];
  const { declaration, identifier } = binding;
  const init =
    declaration.type === "VariableDeclarator" && declaration.id === identifier ? declaration.init : undefined;
  return [...(init ? excludedFrom(program, init) : []), ...askedBefore(program, name, binding)];
}

/** `if (!user) { … return null; }` in front of a place, or `if (user) { … }` or `user && …` around it. */
function askedBefore({ parents, scopes }: Program, place: Node, binding: Binding): readonly Nothing[] {
  const isMeant = (node: Node) => isIdentifier(node) && scopes.bindingOf(node) === binding;
  const whenFalse = (test: Node): readonly Nothing[] =>
    test.type === "LogicalExpression" && test.operator === "||"
      ? [...whenFalse(test.left), ...whenFalse(test.right)]
      : acceptedBy(test, isMeant);
  const whenTrue = (test: Node): readonly Nothing[] =>
    test.type === "LogicalExpression" && test.operator === "&&"
      ? [...whenTrue(test.left), ...whenTrue(test.right)]
      : refutedBy(test, isMeant);
  const found: Nothing[] = [];
  const fn = functionOf(place, parents);
  for (let node = place; node !== fn; node = parents.get(node) as Node) {
    const parent = parents.get(node) as Node;
    if (parent.type === "IfStatement" && parent.consequent === node) found.push(...whenTrue(parent.test));
    if (parent.type === "IfStatement" && parent.alternate === node) found.push(...whenFalse(parent.test));
    if (parent.type === "LogicalExpression" && parent.right === node && parent.operator !== "??")
      found.push(...(parent.operator === "&&" ? whenTrue : whenFalse)(parent.left));
    const list = parent.type === "BlockStatement" ? (parent.body as Node[]) : [];
    for (const before of list.slice(0, Math.max(0, list.indexOf(node))))
      if (before.type === "IfStatement" && isLeft(before.consequent)) found.push(...whenFalse(before.test));
  }
  return found;
}

function isLeft(branch: Node): boolean {
  const last = branch.type === "BlockStatement" ? (branch.body as Node[]).at(-1) : branch;
  return last !== undefined && /^(Return|Throw)Statement$/.test(last.type);
}
