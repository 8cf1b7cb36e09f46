import { isFunction, isIdentifier, memberName, type Node, type Parents, unwrap } from "../shared/ast.js";
import type { Scopes } from "../shared/scope.js";
import { isPure } from "./function-shape.js";

export interface IdleQuestions {
  readonly fn: Node;
  readonly parents: Parents;
  readonly scopes: Scopes;
  /** Is it a call of the callback? A second reply does nothing where the first was an error (matrix E-25). */
  isReplyCall(node: Node): boolean;
}

/**
 * A reply without `return`, behind which nothing is left to do but to reply again, or to fail: then a throw in its place
 * leaves out nothing (`if (!user) callback(notFound); callback(null, { name: user.name });`).
 */
export function isRestIdle(statement: Node, questions: IdleQuestions): boolean {
  const { parents, fn } = questions;
  const missing = namesMissingAt(statement, questions);
  const isIdle = (node: Node) => isIdleStatement(node, questions, missing);
  for (let node = statement, parent = parents.get(node); parent; node = parent, parent = parents.get(parent)) {
    if (isFunction(parent)) return parent === fn;
    if (/^(For|ForIn|ForOf|While|DoWhile|Switch|Labeled)Statement$/.test(parent.type)) return false;
    if (parent.type === "BlockStatement") {
      const statements = parent.body as Node[];
      const rest = statements.slice(statements.indexOf(node) + 1);
      // What stands right behind a throw would be unreachable.
      if (node === statement && rest.length > 0) return false;
      if (!rest.every(isIdle)) return false;
      if (rest.some((next) => next.type === "ReturnStatement" || next.type === "ThrowStatement")) return true;
    }
    if (parent.type === "TryStatement" && node === parent.block && parent.handler && !isIdle(parent.handler.body))
      return false;
  }
  return false;
}

function isIdleStatement(
  node: Node | null | undefined,
  questions: IdleQuestions,
  missing: ReadonlySet<string>,
): boolean {
  if (!node) return true;
  const isIdle = (inner: Node | null | undefined) => isIdleStatement(inner, questions, missing);
  const isIdleValue = (value: Node | null | undefined) => !value || isIdleExpression(value, questions, missing);
  switch (node.type) {
    case "EmptyStatement":
    case "FunctionDeclaration":
      return true;
    case "ExpressionStatement":
      return isIdleValue(node.expression);
    case "ReturnStatement":
    case "ThrowStatement":
      return isIdleValue(node.argument);
    case "VariableDeclaration":
      return (node.declarations as Node[]).every((declarator) => isIdleValue(declarator.init));
    case "IfStatement":
      return isIdleValue(node.test) && isIdle(node.consequent) && isIdle(node.alternate);
    case "BlockStatement":
      return (node.body as Node[]).every(isIdle);
    default:
      return false;
  }
}

/** Functions of the language that only make a value. */
const MAKERS = /^(String|Number|Boolean|BigInt|parseInt|parseFloat|isNaN|Date|Error)$/;
const MAKER_OBJECTS = /^(Math|Number|Date|JSON|Object|String)$/;

function isIdleExpression(expression: Node, questions: IdleQuestions, missing: ReadonlySet<string>): boolean {
  const node = unwrap(expression);
  const parts = (list: readonly (Node | null)[]) =>
    list.every((part) => !part || isIdleExpression(part, questions, missing));
  switch (node.type) {
    case "CallExpression":
    case "NewExpression": {
      if (questions.isReplyCall(node)) return parts(node.arguments);
      const callee = unwrap(node.callee);
      // A member of a member of what is not there: it throws before it calls.
      if (node.type === "CallExpression" && isMemberOf(callee, missing)) return true;
      if (node.type === "CallExpression" && isMadeOf(callee, missing) && node.arguments.every(isLiteral)) return true;
      const isGlobal = (name: Node, pattern: RegExp) =>
        isIdentifier(name) && pattern.test(name.name) && questions.scopes.bindingOf(name) === undefined;
      const isMaker =
        isGlobal(callee, MAKERS) ||
        (memberName(callee) !== undefined && memberName(callee) !== "assign" && isGlobal(callee.object, MAKER_OBJECTS));
      return isMaker && parts(node.arguments);
    }
    case "ObjectExpression":
      return (node.properties as Node[]).every((property) =>
        property.type === "ObjectProperty"
          ? (!property.computed || parts([property.key])) && parts([property.value])
          : property.type === "SpreadElement" && parts([property.argument]),
      );
    case "ArrayExpression":
      return parts(node.elements);
    case "TemplateLiteral":
      return parts(node.expressions);
    case "BinaryExpression":
    case "LogicalExpression":
      return parts([node.left, node.right]);
    case "ConditionalExpression":
      return parts([node.test, node.consequent, node.alternate]);
    case "SpreadElement":
      return parts([node.argument]);
    default:
      return isPure(node);
  }
}

/** Methods that texts and numbers have, and that only make a value. */
const METHODS =
  /^(to(UpperCase|LowerCase|String|Fixed)|trim(Start|End)?|slice|substring|split|padStart|padEnd|includes|(starts|ends)With|indexOf|charAt)$/;

/** `x.trim`, with an x that is falsy: it fails, or makes something of an empty text, of a number or of false. */
function isMadeOf(callee: Node, missing: ReadonlySet<string>): boolean {
  const object = callee.type === "MemberExpression" ? unwrap(callee.object) : undefined;
  return isIdentifier(object) && missing.has(object.name) && METHODS.test(memberName(callee) ?? "");
}

function isLiteral({ type }: Node): boolean {
  return /^(String|Numeric)Literal$/.test(type);
}

/** `x.a.b` and `x.a`, with an x that is null, undefined or another falsy value. */
function isMemberOf(callee: Node, missing: ReadonlySet<string>): boolean {
  let root = callee;
  let depth = 0;
  while (root.type === "MemberExpression") {
    root = unwrap(root.object);
    depth += 1;
  }
  return depth > 1 && isIdentifier(root) && missing.has(root.name);
}

/** The names that are falsy where a statement runs: it stands in `if (!x)`, and nothing assigns x. */
function namesMissingAt(statement: Node, { parents, scopes }: IdleQuestions): Set<string> {
  const missing = new Set<string>();
  for (let node = statement, parent = parents.get(node); parent; node = parent, parent = parents.get(parent)) {
    if (isFunction(parent)) break;
    if (parent.type !== "IfStatement" || parent.consequent !== node) continue;
    const test = unwrap(parent.test);
    const name = test.type === "UnaryExpression" && test.operator === "!" ? unwrap(test.argument) : undefined;
    if (isIdentifier(name) && scopes.bindingOf(name)?.writes.length === 0) missing.add(name.name);
  }
  return missing;
}
