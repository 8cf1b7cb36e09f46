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
  const statements = (fn.body.type === "BlockStatement" ? fn.body.body : []) as Node[];
  const isAll = parent === fn || (statements.at(-1) === parent && statements.slice(0, -1).every(isHarmless));
  const isOther = fn.computed || (fn.kind !== undefined && fn.kind !== "method");
  if (!isAll || isOther || !fn.params.every((param) => isIdentifier(param)) || !givesPromise(fn))
    return { form: "wrapped" };
  return { form: "async", at: fn.key?.start ?? fn.start };
}

/** Declarations and messages to the console, of literals and names: nothing in them throws. */
function isHarmless(statement: Node): boolean {
  if (statement.type === "VariableDeclaration")
    return (statement.declarations as Node[]).every(({ id, init }) => isIdentifier(id) && (!init || isPlain(init)));
  if (statement.type !== "ExpressionStatement" || statement.expression.type !== "CallExpression") return false;
  const { callee, arguments: given } = statement.expression as { callee: Node; arguments: Node[] };
  return isIdentifier(callee.object, "console") && given.every(isPlain);
}

function isPlain(value: Node): boolean {
  switch (value.type) {
    case "TemplateLiteral":
      return (value.expressions as Node[]).every((each) => /Literal$/.test(each.type));
    case "ObjectExpression":
      return (value.properties as Node[]).every(
        (each) => each.type === "ObjectProperty" && !each.computed && isPlain(each.value),
      );
    case "ArrayExpression":
      return (value.elements as (Node | null)[]).every((each) => !each || isPlain(each));
    default:
      return /Literal$/.test(value.type) || isIdentifier(value) || isFunction(value);
  }
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
