import { functionOf, isFunction, isIdentifier, type Node, type Parents } from "../shared/ast.js";

/**
 * What an executor throws rejects its promise, and arguments that stand in the promise's place throw there. Where that is the same,
 * they may stand there as they are; where the function gives nothing but the promise, it can be async, from `at` on; anywhere
 * else they need a function around them.
 */
export type RejectedArguments =
  | { readonly form: "plain" | "wrapped" }
  | { readonly form: "async"; readonly at: number };

export function rejectedArguments(promise: Node, parents: Parents): RejectedArguments {
  const parent = parents.get(promise);
  if (parent?.type === "AwaitExpression") return { form: "plain" };
  const fn = functionOf(promise, parents);
  if (!fn || !isFunction(fn) || fn.generator || (parent?.type !== "ReturnStatement" && parent !== fn))
    return { form: "wrapped" };
  if (fn.async) return { form: isInTry(promise, fn, parents) ? "wrapped" : "plain" };
  const isAll =
    parent === fn || (fn.body.type === "BlockStatement" && fn.body.body.length === 1 && fn.body.body[0] === parent);
  const isOther = fn.computed || (fn.kind !== undefined && fn.kind !== "method");
  if (!isAll || isOther || !fn.params.every((param) => isIdentifier(param)) || !givesPromise(fn))
    return { form: "wrapped" };
  return { form: "async", at: fn.key?.start ?? fn.start };
}

/** Would a `catch` of the function see what is thrown, and not what rejects? */
function isInTry(node: Node, fn: Node, parents: Parents): boolean {
  for (let at = parents.get(node); at && at !== fn; at = parents.get(at)) if (at.type === "TryStatement") return true;
  return false;
}

/** No declared result, or `Promise<…>`. */
function givesPromise(fn: Node): boolean {
  const type = fn.returnType?.typeAnnotation;
  return !type || (type.type === "TSTypeReference" && isIdentifier(type.typeName, "Promise"));
}
