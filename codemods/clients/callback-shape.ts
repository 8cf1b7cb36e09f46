import { isFunction, isIdentifier, type Node, unwrap, walk } from "../shared/ast.js";

/** A node callback `(err, res) => …`, and what its body makes of the two. */
export interface CallbackShape {
  readonly callback: Node;
  readonly error: Node | null;
  readonly response: Node | null;
  /** What runs on an error: a block, a statement, an expression or a {@link FAILURE_LIST}; null if nothing does. */
  readonly failure: Node | null;
  /** The statements (or the one expression) of the success path. */
  readonly success: readonly Node[];
  /**
   * How the body is written; says what stands between the parts.
   * `guard`: `if (err) …` first, `if-else` and `conditional`: one path each, `negated`: the same with the success path first.
   * `success`: nothing tests the error, and the response is read before anything else is done, which throws on an error.
   * `whole`: anything else; the body stays as it is and both values are made before it.
   */
  readonly form: "guard" | "if-else" | "conditional" | "negated" | "success" | "whole" | "empty";
  /** Does the failure path need a `return` behind it, so that the success path is not reached? */
  readonly failureReturns: boolean;
  /** Does the success path run after the failure path, too? */
  readonly fallsThrough: boolean;
}

/**
 * The statements of a failing path without a block, as a node: what stands behind `if (!err) return …`, or `if (err && err.code === 5) …` with
 * what `if (err) …` does behind it, which begins at `last`.
 */
export const FAILURE_LIST = "FailureList";

export type ShapeResult = CallbackShape | string;

/** Tells what a callback makes of the error and the response, or says why it cannot. */
export function callbackShape(callback: Node): ShapeResult {
  if (callback.type !== "ArrowFunctionExpression" && callback.type !== "FunctionExpression")
    return "the callback is not written at the call";
  if (callback.generator) return "the callback is a generator";
  if (usesOwnThis(callback)) return "the callback uses `this` or `arguments`";
  if (callback.id && mentions(callback.body, callback.id.name)) return "the callback calls itself";
  const [error, response, more] = callback.params as Node[];
  if (more) return "the callback has more than two parameters";
  if (error && !isIdentifier(error)) return "the error parameter is a pattern";
  const isPattern = response !== undefined && !isIdentifier(response);
  const isOptional = isPattern && response.type === "AssignmentPattern";
  if (isPattern && (isOptional ? response.left : response).type !== "ObjectPattern")
    return "the response parameter is a list";
  const { body } = callback;
  const statements: readonly Node[] = body.type === "BlockStatement" ? body.body : [body];
  const base = { callback, error: error ?? null, response: response ?? null };
  if (statements.length === 0 && !hasComment(body))
    return { ...base, failure: null, success: [], form: "empty", failureReturns: false, fallsThrough: false };
  if (isPattern && !isOptional && error && mentions(body, error.name))
    return "the pattern of its response throws where there is none, before the error is looked at";
  const parts = error && partsOf(error, body, statements);
  if (parts) {
    const { failure, success } = parts;
    const isApart =
      !success.some((node) => mentions(node, error.name)) &&
      !(response && failure && namesOf(response).some((name) => mentions(failure, name)));
    if (isApart) return { ...base, ...parts };
  }
  const isTold = error !== undefined && statements.some((node) => mentions(node, error.name));
  // Without a response, a pattern of its members throws before anything else is done.
  const isRead = response !== undefined && ((isPattern && !isOptional) || readsFirst(statements, response));
  return {
    ...base,
    failure: isTold ? body : null,
    success: statements,
    form: !isTold && isRead ? "success" : "whole",
    failureReturns: false,
    fallsThrough: true,
  };
}

type Parts = Pick<CallbackShape, "failure" | "success" | "form" | "failureReturns" | "fallsThrough">;

/** The paths of a body that begins with a test of the error, and of the error alone. */
function partsOf(error: Node, body: Node, statements: readonly Node[]): Parts | undefined {
  const count = statements.findIndex((statement) => !testsMore(statement, error.name));
  const tests = statements.slice(0, Math.max(0, count));
  const [first, ...rest] = statements.slice(tests.length);
  const expression = first?.type === "ExpressionStatement" ? first.expression : first === body ? body : undefined;
  if (expression) {
    if (expression.type !== "ConditionalExpression" || rest.length > 0) return undefined;
    const tested = testOf(expression.test, error.name);
    const [failure, success] =
      tested === "error"
        ? [expression.consequent, expression.alternate]
        : [expression.alternate, expression.consequent];
    const form = tested === "error" ? "conditional" : "negated";
    return tested && { form, failure, success: [success], failureReturns: false, fallsThrough: false };
  }
  if (first?.type !== "IfStatement") return undefined;
  const { consequent, alternate } = first;
  const tested = testOf(first.test, error.name);
  if (!tested || (alternate && rest.length > 0)) return undefined;
  const failure = tests.length === 0 ? consequent : failureList(tests, first);
  if (tests.length > 0 && (tested === "success" || !failure || !endsPath(consequent))) return undefined;
  if (tested === "success") {
    if (rest.length > 0 && !endsPath(consequent)) return undefined;
    const failed = rest.length > 1 ? listOf(rest) : (rest[0] ?? alternate);
    return { form: "negated", failure: failed, success: [consequent], failureReturns: false, fallsThrough: false };
  }
  if (alternate) {
    const failureReturns = !endsPath(consequent);
    return { form: "if-else", failure, success: [alternate], failureReturns, fallsThrough: false };
  }
  const fallsThrough = rest.length > 0 && !endsPath(consequent);
  return { form: "guard", failure, success: rest, failureReturns: false, fallsThrough };
}

/** `if (err && …) …`, without an else: what only a path with an error runs. */
function testsMore(statement: Node, name: string): boolean {
  if (statement.type !== "IfStatement" || statement.alternate || statement.test.extra?.parenthesized) return false;
  let left = statement.test as Node;
  if (left.type !== "LogicalExpression") return false;
  while (left.type === "LogicalExpression" && left.operator === "&&" && !left.extra?.parenthesized) left = left.left;
  return isIdentifier(left, name);
}

/** Undefined where a comment stands in what goes. */
function failureList(tests: readonly Node[], last: Node): Node | undefined {
  const { consequent } = last;
  const first = consequent.type === "BlockStatement" ? consequent.body[0] : consequent;
  if (!first || (first.leadingComments ?? []).length > 0) return undefined;
  return { ...listOf([...tests, consequent]), last: last.start };
}

function listOf(statements: readonly Node[]): Node {
  const [first, last] = [statements[0], statements.at(-1)] as [Node, Node];
  return { type: FAILURE_LIST, start: first.start, end: last.end, loc: first.loc, body: statements };
}

/** Is a member of the response read before anything is done that can be seen? Without a response, that throws. */
function readsFirst(statements: readonly Node[], response: Node): boolean {
  for (const statement of statements) {
    const found = firstEffect(statement, response);
    if (found !== "none") return found === "read";
  }
  return false;
}

function firstEffect(node: Node | null | undefined, response: Node): "read" | "none" | "effect" {
  const each = (nodes: readonly (Node | null | undefined)[]): "read" | "none" | "effect" => {
    for (const one of nodes) {
      const found = firstEffect(one, response);
      if (found !== "none") return found;
    }
    return "none";
  };
  if (!node || isFunction(node) || /Literal$/.test(node.type) || isIdentifier(node))
    return node?.type === "TemplateLiteral" ? each(node.expressions) : "none";
  switch (node.type) {
    case "ThisExpression":
      return "none";
    case "MemberExpression":
      if (isIdentifier(response) && isIdentifier(node.object, response.name)) return "read";
      return each([node.object, node.computed ? node.property : null]);
    case "CallExpression":
    case "NewExpression": {
      const found = each([node.callee, ...node.arguments]);
      return found === "none" ? "effect" : found;
    }
    case "ExpressionStatement":
      return firstEffect(node.expression, response);
    case "ReturnStatement":
    case "SpreadElement":
    case "UnaryExpression":
    case "AwaitExpression":
    case "ThrowStatement": {
      const found = firstEffect(node.argument, response);
      const isSilent = node.type === "SpreadElement" || (node.type === "UnaryExpression" && node.operator !== "delete");
      return found === "none" && !isSilent ? "effect" : found;
    }
    case "VariableDeclaration":
      return each(node.declarations);
    case "VariableDeclarator":
      if (node.id.type === "ObjectPattern" && isIdentifier(response) && isIdentifier(node.init, response.name))
        return "read";
      return isIdentifier(node.id) ? firstEffect(node.init, response) : "effect";
    case "AssignmentExpression": {
      const found = isIdentifier(node.left) ? firstEffect(node.right, response) : "effect";
      return found === "none" ? "effect" : found;
    }
    case "BinaryExpression":
      return each([node.left, node.right]);
    case "LogicalExpression": {
      const found = firstEffect(node.left, response);
      return found === "none" ? "effect" : found;
    }
    case "IfStatement":
    case "ConditionalExpression": {
      const found = firstEffect(node.test, response);
      return found === "none" ? "effect" : found;
    }
    case "ForOfStatement": {
      const found = firstEffect(node.right, response);
      return found === "none" ? "effect" : found;
    }
    case "ArrayExpression":
      return each(node.elements);
    case "ObjectExpression":
      return each((node.properties as Node[]).map((property) => property.value ?? property));
    default:
      return "effect";
  }
}

/** What an `if` on the error says: that there is one, that there is none, or something else. */
function testOf(test: Node, name: string): "error" | "success" | undefined {
  const node = unwrap(test);
  if (isIdentifier(node, name)) return "error";
  if (node.type === "UnaryExpression" && node.operator === "!") {
    const inner = testOf(node.argument, name);
    return inner === "error" ? "success" : inner === "success" ? "error" : undefined;
  }
  if (node.type === "BinaryExpression" && isIdentifier(node.left, name) && isNothing(node.right)) {
    // grpc-js passes null: both spellings of "there is one" hold.
    if (node.operator === "!=" || (node.operator === "!==" && node.right.type === "NullLiteral")) return "error";
    if (node.operator === "==" || (node.operator === "===" && node.right.type === "NullLiteral")) return "success";
  }
  return undefined;
}

function isNothing(node: Node): boolean {
  return node.type === "NullLiteral" || isIdentifier(node, "undefined");
}

/** Does control never leave the end of this statement? */
function endsPath(node: Node): boolean {
  if (node.type === "ReturnStatement" || node.type === "ThrowStatement") return true;
  if (node.type === "ExpressionStatement") {
    const { expression } = node;
    return (
      expression.type === "CallExpression" &&
      expression.callee.type === "MemberExpression" &&
      isIdentifier(expression.callee.object, "process") &&
      isIdentifier(expression.callee.property, "exit")
    );
  }
  if (node.type === "BlockStatement") {
    const last = (node.body as Node[]).at(-1);
    return last !== undefined && endsPath(last);
  }
  if (node.type === "IfStatement")
    return node.alternate != null && endsPath(node.consequent) && endsPath(node.alternate);
  return false;
}

/** Does an identifier of this name stand below `node` as a value? Property names do not count, nor functions with a parameter of the name. */
export function mentions(node: Node, name: string): boolean {
  let found = false;
  walk(node, (inner, [parent]) => {
    if (found) return false;
    if (isFunction(inner) && (inner.params as Node[]).some((param) => isIdentifier(param, name))) return false;
    if (!isIdentifier(inner, name)) return undefined;
    if (isPropertyName(inner, parent)) return undefined;
    found = true;
    return false;
  });
  return found;
}

export function isPropertyName(identifier: Node, parent: Node | undefined): boolean {
  if (!parent) return false;
  if ((parent.type === "MemberExpression" || parent.type === "OptionalMemberExpression") && !parent.computed)
    return parent.property === identifier && parent.object !== identifier;
  if (parent.type === "ObjectProperty" && !parent.shorthand) return parent.key === identifier && !parent.computed;
  return (
    (parent.type === "ObjectMethod" || parent.type === "ClassMethod" || parent.type === "ClassProperty") &&
    parent.key === identifier
  );
}

/** Names that a parameter or pattern binds. */
export function namesOf(pattern: Node): string[] {
  const names: string[] = [];
  walk(pattern, (node, [parent]) => {
    if (/^TSTypeAnnotation$/.test(node.type)) return false;
    if (isIdentifier(node) && !(parent?.type === "ObjectProperty" && !parent.shorthand && parent.key === node))
      names.push(node.name);
    return undefined;
  });
  return names;
}

/** What a function declares in its own scope. */
export function namesOfFunction(fn: Node): Set<string> {
  const names = new Set((fn.params as Node[]).flatMap(namesOf));
  walk(fn.body, (node) => {
    if (node.type === "VariableDeclarator") for (const name of namesOf(node.id)) names.add(name);
    if (/^(Function|Class)Declaration$/.test(node.type) && node.id) names.add(node.id.name);
    return isFunction(node) ? false : undefined;
  });
  return names;
}

/** `this`, `arguments` of the function itself (arrow functions have those around them: also refused when it is no arrow). */
function usesOwnThis(callback: Node): boolean {
  if (callback.type === "ArrowFunctionExpression") return false;
  let found = false;
  walk(callback.body, (node) => {
    if (node.type === "FunctionExpression" || node.type === "FunctionDeclaration" || node.type === "ClassBody")
      return false;
    if (node.type === "ThisExpression" || isIdentifier(node, "arguments")) found = true;
    return undefined;
  });
  return found;
}

/** Where the paths of a callback begin that has a block: what is said before them goes into a catch clause. */
export function leadingOf({ callback, form }: CallbackShape): { readonly start: number; readonly end: number } {
  const { start, type, body } = callback.body as Node;
  const [first] = (type === "BlockStatement" ? body : []) as Node[];
  return { start, end: first && /^(guard|if-else)$/.test(form) ? first.start : start };
}

function hasComment(node: Node): boolean {
  return ((node.innerComments as unknown[] | undefined) ?? []).length > 0;
}
