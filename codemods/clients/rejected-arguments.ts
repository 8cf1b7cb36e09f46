import { functionOf, isFunction, isIdentifier, memberName, type Node, type Parents, unwrap } from "../shared/ast.js";

/**
 * What an executor throws rejects its promise, and arguments that stand in the promise's place throw there. Where that is the same,
 * they may stand there as they are; where the function gives nothing but the promise, it can be async, from `at` on; anywhere
 * else they need a function around them.
 */
export type RejectedArguments =
  | { readonly form: "plain" | "wrapped" }
  | { readonly form: "async"; readonly at: number };

export function rejectedArguments(
  promise: Node,
  parents: Parents,
  /** Where the body of a function begins whose result somebody waits for, whatever it is. */
  handler: number | null = null,
): RejectedArguments {
  const parent = parents.get(promise);
  if (parent?.type === "AwaitExpression") return { form: "plain" };
  const fn = functionOf(promise, parents);
  if (!fn || !isFunction(fn) || fn.generator || (parent?.type !== "ReturnStatement" && parent !== fn))
    return { form: "wrapped" };
  if (fn.async) return { form: isInTry(promise, fn, parents) ? "wrapped" : "plain" };
  const statements = (fn.body.type === "BlockStatement" ? fn.body.body : []) as Node[];
  const isLast = parent === fn || statements.at(-1) === parent;
  const isAll = isLast && statements.slice(0, -1).every(isHarmless);
  const isOther = fn.computed || (fn.kind !== undefined && fn.kind !== "method");
  const isAwaited = isLast && !isOther && givesPromise(fn) && unwrap(fn.body).start === handler;
  if (isAwaited) return { form: "async", at: fn.key?.start ?? fn.start };
  if (!isAll || isOther || !fn.params.every(isHarmlessParameter) || !givesPromise(fn)) return { form: "wrapped" };
  return { form: "async", at: fn.key?.start ?? fn.start };
}

/** `name`, `name = 10` */
function isHarmlessParameter(param: Node): boolean {
  return (
    isIdentifier(param) || (param.type === "AssignmentPattern" && isIdentifier(param.left) && isPlain(param.right))
  );
}

/** Declarations and messages to the console, of literals and names, metadata of literals, and points in time: nothing in them throws. */
function isHarmless(statement: Node, index: number, statements: readonly Node[]): boolean {
  if (statement.type === "VariableDeclaration")
    return (statement.declarations as Node[]).every(({ id, init }) => isIdentifier(id) && (!init || isPlain(init)));
  if (statement.type !== "ExpressionStatement" || statement.expression.type !== "CallExpression") return false;
  const { callee, arguments: given } = statement.expression as { callee: Node; arguments: Node[] };
  if (isIdentifier(callee.object, "console")) return given.every(isPlain);
  const made = statements
    .slice(0, index)
    .flatMap(({ declarations }) => (declarations ?? []) as Node[])
    .find(({ id }) => isIdentifier(callee.object, id.name))?.init;
  const name = memberName(callee) ?? "";
  if (isMetadata(made)) return /^(set|add)$/.test(name) && given.every(({ type }) => type === "StringLiteral");
  return isDate(made) && /^set\w+$/.test(name) && given.every((each) => isTime(each, callee.object.name));
}

/** `new grpc.Metadata()` */
function isMetadata(made: Node | undefined): boolean {
  if (made?.type !== "NewExpression" || made.arguments.length > 0) return false;
  return isIdentifier(made.callee, "Metadata") || memberName(made.callee) === "Metadata";
}

function isDate(made: Node | undefined): boolean {
  return made?.type === "NewExpression" && isIdentifier(made.callee, "Date");
}

/** `deadline.getSeconds() + 5`, `Date.now() + 5000` */
function isTime(value: Node, date: string): boolean {
  if (value.type === "BinaryExpression") return isTime(value.left, date) && isTime(value.right, date);
  if (value.type !== "CallExpression") return value.type === "NumericLiteral" || isIdentifier(value);
  const { object } = value.callee;
  return value.arguments.length === 0 && (isIdentifier(object, date) || isNow(value));
}

function isNow({ callee }: Node): boolean {
  return isIdentifier(callee?.object, "Date") && memberName(callee) === "now";
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
    case "BinaryExpression":
      return isTime(value, "");
    case "CallExpression":
      return isNow(value);
    case "NewExpression":
      return isMetadata(value) || (isDate(value) && (value.arguments as Node[]).every(isPlain));
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
