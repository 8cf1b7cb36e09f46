import { type File, isFunction, isIdentifier, memberName, type Node as TreeNode } from "../shared/ast.js";
import { scopesOf } from "../shared/scope.js";

/** A promise whose failure a test looks at, and with what. */
export interface Rejection {
  /** The promise, or the function that gives it. */
  readonly promise: TreeNode;
  /** A function that gets the error; null: the error as a whole is compared. */
  readonly predicate: TreeNode | null;
}

/** `assert.rejects(promise, matcher)`, `expect(promise).rejects.toThrow("…")`; undefined where the code of the error is all that is looked at. */
export function rejectionOf(call: TreeNode): Rejection | undefined {
  const name = memberName(call.callee);
  const args = call.arguments as TreeNode[];
  if (name === "rejects" || name === "throwsAsync") {
    const [promise, matcher] = args;
    return promise && matcher && !seesCodeOnly(matcher) ? { promise, predicate: predicateOf(matcher) } : undefined;
  }
  if (name === undefined) return undefined;
  const promise = expectedIn(call.callee.object, name === "rejectedWith");
  return promise && !asksForCodeOnly(name, args) ? { promise, predicate: null } : undefined;
}

function predicateOf(matcher: TreeNode): TreeNode | null {
  return isFunction(matcher) && matcher.params.length > 0 ? matcher : null;
}

/** The `promise` of `expect(promise).rejects` and of `expect(promise).to.be`. */
function expectedIn(start: TreeNode, isRejection: boolean): TreeNode | undefined {
  let isOfRejection = isRejection;
  for (let node = start; node; node = node.object) {
    if (node.type === "CallExpression")
      return isOfRejection && isIdentifier(node.callee, "expect") ? (node.arguments as TreeNode[])[0] : undefined;
    if (memberName(node) === "rejects") isOfRejection = true;
  }
  return undefined;
}

function asksForCodeOnly(name: string, args: readonly TreeNode[]): boolean {
  const [first] = args;
  if (/^(?:toBeDefined|toBeTruthy)$/.test(name)) return true;
  if (/^(?:toThrow|toThrowError|toBeInstanceOf)$/.test(name)) return !first || isIdentifier(first, "Error");
  if (name === "toHaveProperty") return first?.type === "StringLiteral" && first.value === "code";
  return name === "toMatchObject" && !!first && seesCodeOnly(first);
}

function seesCodeOnly(matcher: TreeNode): boolean {
  if (isIdentifier(matcher, "Error") || matcher.type === "StringLiteral") return true;
  const properties = matcher.type === "ObjectExpression" ? (matcher.properties as TreeNode[]) : undefined;
  return !!properties?.every((each) => each.key && !each.computed && isIdentifier(each.key, "code"));
}

/** What a variable holds that is tested later. */
export function heldBy(tree: File, node: TreeNode): TreeNode {
  const declaration = isIdentifier(node) ? scopesOf(tree).bindingOf(node)?.declaration : undefined;
  return declaration?.type === "VariableDeclarator" && declaration.init ? declaration.init : node;
}
