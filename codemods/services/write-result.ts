import { type FunctionNode, isFunction, isIdentifier, memberName, type Node, type Parents } from "../shared/ast.js";
import type { Scopes } from "../shared/scope.js";

/** They go by what their function returns. */
const ASKING =
  /^(every|some|find|findIndex|findLast|findLastIndex|filter|partition|takeWhile|dropWhile|reduce|reduceRight)$/;

/**
 * May something ask what `(item) => call.write(item)` returns? grpc-js says there whether to go on, and what stands for it says nothing.
 * `fn` is a function whose body is such a call.
 */
export function isResultAsked(
  around: { readonly parents: Parents; readonly scopes: Scopes },
  fn: FunctionNode,
): boolean {
  const { parents, scopes } = around;
  const isAsked = (value: Node, seen: ReadonlySet<Node>): boolean => {
    const parent = parents.get(value) as Node;
    if (/^(Optional)?CallExpression$/.test(parent.type) && parent.callee !== value)
      return ASKING.test(memberName(parent.callee) ?? (isIdentifier(parent.callee) ? parent.callee.name : ""));
    if (parent.type !== "VariableDeclarator" || !isIdentifier(parent.id) || seen.has(value)) return false;
    const references = scopes.bindingOf(parent.id)?.references ?? [];
    return references.some((use) => use !== parent.id && isUseAsking(use, new Set([...seen, value])));
  };
  const isUseAsking = (use: Node, seen: ReadonlySet<Node>): boolean => {
    const parent = parents.get(use) as Node;
    if (!/^(Optional)?CallExpression$/.test(parent.type) || parent.callee !== use) return isAsked(use, seen);
    const place = parents.get(parent) as Node;
    if (isFunction(place) && place.body === parent) return isAsked(place, seen);
    return place.type !== "ExpressionStatement";
  };
  return !fn.async && isAsked(fn, new Set());
}
