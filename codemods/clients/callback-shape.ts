import { isIdentifier, keyName, type Node, unwrap, walk } from "../shared/ast.js";

/** A node callback `(err, res) => …` whose error and success paths are told apart. */
export interface CallbackShape {
  readonly callback: Node;
  readonly error: Node | null;
  readonly response: Node | null;
  /** What runs on an error: a block, a statement or an expression; null if nothing does. */
  readonly failure: Node | null;
  /** The statements (or the one expression) of the success path. */
  readonly success: readonly Node[];
  /** How the body is written; says what stands between the parts. */
  readonly form: "guard" | "if-else" | "conditional" | "empty";
  /** Does the failure path need a `return` behind it, so that the success path is not reached? */
  readonly failureReturns: boolean;
  readonly test: Node | null;
}

export type ShapeResult = CallbackShape | string;

/** Tells the two paths of a callback apart, or says why it cannot. */
export function callbackShape(callback: Node): ShapeResult {
  if (callback.type !== "ArrowFunctionExpression" && callback.type !== "FunctionExpression")
    return "the callback is not written at the call";
  if (callback.async || callback.generator) return "the callback is async";
  if (usesOwnThis(callback)) return "the callback uses `this` or `arguments`";
  const [error, response, more] = callback.params as Node[];
  if (more) return "the callback has more than two parameters";
  if (error && !isIdentifier(error)) return "the error parameter is a pattern";
  const shape = (
    form: CallbackShape["form"],
    failure: Node | null,
    success: readonly Node[],
    failureReturns: boolean,
    test: Node | null,
  ): ShapeResult => {
    if (error && success.some((node) => mentions(node, error.name))) return "the success path uses the error";
    if (response && failure && namesOf(response).some((name) => mentions(failure, name)))
      return "the error path uses the response";
    return {
      callback,
      error: error ?? null,
      response: response ?? null,
      failure,
      success,
      form,
      failureReturns,
      test,
    };
  };

  const { body } = callback;
  if (body.type !== "BlockStatement") return conditional(body);
  const statements = body.body as Node[];
  if (statements.length === 0 && !hasComment(body)) return shape("empty", null, [], false, null);
  const [first, ...rest] = statements;
  if (!first || !error) return "nothing tests the error";
  if (statements.length === 1 && first.type === "ExpressionStatement") return conditional(first.expression);
  if (first.type !== "IfStatement") return "the first statement does not test the error";
  const tested = testOf(first.test, error.name);
  if (tested !== "error") return tested === "success" ? "the test is negated" : "the test is not of the error alone";
  if (first.alternate) {
    if (rest.length > 0) return "statements follow both paths";
    if (first.alternate.type === "IfStatement") return "the else path tests more";
    return shape("if-else", first.consequent, [first.alternate, ...rest], !endsPath(first.consequent), first.test);
  }
  if (rest.length > 0 && !endsPath(first.consequent)) return "the error path falls through to the success path";
  return shape("guard", first.consequent, rest, rest.length > 0, first.test);

  function conditional(expression: Node): ShapeResult {
    if (expression.type !== "ConditionalExpression" || !error) return "nothing tests the error";
    const tested = testOf(expression.test, error.name);
    if (tested === "error")
      return shape("conditional", expression.consequent, [expression.alternate], false, expression.test);
    return "the test is not of the error alone";
  }
}

/** What an `if` on the error says: that there is one, that there is none, or something else. */
export function testOf(test: Node, name: string): "error" | "success" | undefined {
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
export function endsPath(node: Node): boolean {
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

/** Does an identifier of this name stand below `node` as a value? Property names do not count; shadowing does. */
export function mentions(node: Node, name: string): boolean {
  let found = false;
  walk(node, (inner, [parent]) => {
    if (found) return false;
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

function hasComment(node: Node): boolean {
  return ((node.innerComments as unknown[] | undefined) ?? []).length > 0;
}

export { keyName };
