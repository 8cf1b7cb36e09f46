import {
  type File,
  isFunction,
  isIdentifier,
  isWithin,
  memberName,
  type Node,
  type Parents,
  parentMap,
  walk,
} from "../shared/ast.js";
import { isTail, mayEndWithout, removableAfter } from "../shared/control-flow.js";
import { scopesOf } from "../shared/scope.js";
import { type CallbackShape, isPropertyName, namesOf } from "./callback-shape.js";
import { isRelayed } from "./plan-error.js";
import { rejectedArguments } from "./rejected-arguments.js";

/** The promise whose executor becomes the body of an async function, `return new Promise((resolve, reject) => { …; client.m(req, …); })`. */
export interface PromiseBody {
  readonly promise: Node;
  /** The `return` of the promise, or the arrow function that is nothing else. */
  readonly holder: Node;
  /** What the promise is made with. */
  readonly executor: Node;
  /** The call, with its semicolon. */
  readonly statement: Node;
  /** Where `async` goes; null where the function is that already. */
  readonly asyncAt: number | null;
  /** `: Promise<T>`, which the function has to say now: the range of `<T>`, and the function. */
  readonly type: { readonly argument: Node; readonly fn: Node } | null;
  readonly settles: readonly Settling[];
  /** Is the error of the call only passed on? Then the function throws it by itself. */
  readonly isThrownOnly: boolean;
}

/** `resolve(value)` or `reject(reason)` */
export interface Settling {
  readonly call: Node;
  readonly keyword: "return" | "throw";
  /** Undefined where it is an arm of a conditional expression. */
  readonly statement: Node | undefined;
  /** A `return;` behind it. */
  readonly after: Node | null;
}

/**
 * What an executor becomes that ends with a call and settles its promise on every path as the last thing there. What the callback
 * throws rejects the promise then, where it ended the process before.
 */
export function promiseBody(file: File, call: Node, shape: CallbackShape, relays: boolean): PromiseBody | undefined {
  const parents = parentMap(file);
  const around = parents.get(call) as Node;
  const statement = /^(Expression|Return)Statement$/.test(around.type) ? around : call;
  const executor = executorOf(statement, parents);
  const promise = executor && (parents.get(executor) as Node);
  const holder = promise && (parents.get(promise) as Node);
  if (!executor || !promise || !holder || !/^(guard|if-else|conditional)$/.test(shape.form)) return undefined;
  const { callback, error, failure } = shape;
  if (!error || !failure || shape.fallsThrough || callback.async || throws(callback)) return undefined;
  const fn = holder.type === "ReturnStatement" ? functionAround(holder, parents) : holder;
  if (!fn || !isFunction(fn) || fn.generator) return undefined;
  const asyncAt = asyncPlace(file, promise, holder, fn, parents);
  if (asyncAt === undefined) return undefined;
  const type = typeOf(promise, executor, fn);
  if (type === undefined || hidesNames(fn, executor, callback)) return undefined;
  const settles = settlesOf(file, executor, callback, parents);
  if (!settles || !isAlwaysSettled(executor, statement, settles) || !isAlwaysSettled(callback, undefined, settles))
    return undefined;
  if (isCommentLost(file, [promise.start, executor.body.start], [statement.end, holder.end], settles)) return undefined;
  const thrown = isThrownOnly(file, shape, settles, relays);
  return { promise, holder, executor, statement, asyncAt, type, settles, isThrownOnly: thrown };
}

/** The function that a promise is made with, if a statement is the last of its own. */
function executorOf(statement: Node, parents: Parents): Node | undefined {
  const block = parents.get(statement);
  const fn = isFunction(block) ? block : block && parents.get(block);
  if (!isFunction(fn) || (fn.body !== statement && fn.body.body?.at(-1) !== statement)) return undefined;
  const promise = parents.get(fn);
  if (promise?.type !== "NewExpression" || !isIdentifier(promise.callee, "Promise") || promise.arguments[0] !== fn)
    return undefined;
  return !fn.async && !fn.generator && fn.params.length === 2 && !usesOwn(fn) ? fn : undefined;
}

/** `this` and `arguments` of a function that is no arrow function. */
function usesOwn(fn: Node): boolean {
  let found = false;
  walk(fn.body, (node) => {
    if (node.type === "ThisExpression" || isIdentifier(node, "arguments")) found = true;
    return undefined;
  });
  return found && fn.type !== "ArrowFunctionExpression";
}

function throws(callback: Node): boolean {
  let found = false;
  walk(callback.body, (node) => {
    if (node.type === "ThrowStatement") found = true;
    return isFunction(node) ? false : undefined;
  });
  return found;
}

function functionAround(node: Node, parents: Parents): Node | undefined {
  for (let at = parents.get(node); at; at = parents.get(at)) if (isFunction(at)) return at;
  return undefined;
}

/** Where `async` goes; undefined where the function cannot be async. */
function asyncPlace(file: File, promise: Node, holder: Node, fn: Node, parents: Parents): number | null | undefined {
  const given = rejectedArguments(promise, parents);
  if (given.form === "plain") return null;
  if (given.form === "async") return given.at;
  const isLast = holder.type === "ReturnStatement" && fn.body.body?.at(-1) === holder;
  return !fn.async && isLast && isHandler(file, fn, parents) ? (fn.key?.start ?? fn.start) : undefined;
}

/** Is a function one of an implementation that a router gets, `router.service(Store, handlers)`? Its result is awaited, whatever it is. */
function isHandler(file: File, fn: Node, parents: Parents): boolean {
  const member = fn.type === "ObjectMethod" ? fn : parents.get(fn);
  if (fn.type === "FunctionDeclaration" || member?.type === "VariableDeclarator") {
    const name = member?.type === "VariableDeclarator" ? member.id : fn.id;
    const uses = isIdentifier(name) ? (scopesOf(file).bindingOf(name)?.references ?? []) : [];
    return uses.some((use) => {
      const property = parents.get(use);
      return property?.type === "ObjectProperty" && property.value === use && isImplementation(parents.get(property));
    });
  }
  return fn.type === "ObjectMethod" || member?.type === "ObjectProperty"
    ? isImplementation(parents.get(member as Node))
    : false;

  function isImplementation(object: Node | undefined): boolean {
    if (object?.type !== "ObjectExpression") return false;
    const holder = parents.get(object);
    if (holder?.type !== "VariableDeclarator") return isGiven(object);
    return isIdentifier(holder.id) && (scopesOf(file).bindingOf(holder.id)?.references ?? []).some(isGiven);
  }

  function isGiven(value: Node): boolean {
    const call = parents.get(value);
    return call?.type === "CallExpression" && memberName(call.callee) === "service" && call.arguments[1] === value;
  }
}

/** What a function of TypeScript has to say of its result; undefined where the types may not fit. */
function typeOf(promise: Node, executor: Node, fn: Node): PromiseBody["type"] | undefined {
  if ((executor.params as Node[]).some((param) => !isIdentifier(param) || param.typeAnnotation)) return undefined;
  const argument = promise.typeParameters ?? promise.typeArguments;
  if (!argument) return null;
  const said = fn.returnType?.typeAnnotation;
  if (!said) return { argument, fn };
  const same = said.typeParameters ?? said.typeArguments;
  return same && sameText(same, argument) ? null : undefined;
}

/** Do two types say the same? By what they are made of. */
function sameText(one: Node, other: Node): boolean {
  const partsOf = (root: Node) => {
    const parts: string[] = [];
    walk(root, (node) => {
      parts.push(`${node.type} ${isIdentifier(node) ? node.name : (node.value ?? "")}`);
      return undefined;
    });
    return parts.join();
  };
  return partsOf(one) === partsOf(other);
}

/** Would a name of the executor or of the callback be another one's in the function? */
function hidesNames(fn: Node, executor: Node, callback: Node): boolean {
  const settlers = (executor.params as Node[]).map(({ name }) => name as string);
  const own = new Set([...declaredIn(executor)].filter((name) => !settlers.includes(name)));
  const inner = declaredIn(callback);
  let found = false;
  walk(fn, (node, [parent]) => {
    if (found) return false;
    if (!isIdentifier(node) || isPropertyName(node, parent)) return undefined;
    if (inner.has(node.name) && !isWithin(node, callback)) found = true;
    if (own.has(node.name) && !isWithin(node, executor)) found = true;
    return undefined;
  });
  return found;
}

/** What a function declares for itself, parameters among it. */
function declaredIn(fn: Node): Set<string> {
  const names = new Set((fn.params as Node[]).flatMap(namesOf));
  walk(fn.body, (node) => {
    if (node.type === "VariableDeclarator") for (const name of namesOf(node.id)) names.add(name);
    if (/^(Function|Class)Declaration$/.test(node.type) && node.id) names.add(node.id.name);
    return isFunction(node) ? false : undefined;
  });
  return names;
}

/** All uses of `resolve` and `reject`, if each settles as the last thing on its path. */
function settlesOf(file: File, executor: Node, callback: Node, parents: Parents): readonly Settling[] | undefined {
  const [resolve, reject] = executor.params as [Node, Node];
  const found: Settling[] = [];
  for (const [param, keyword] of [
    [resolve, "return"],
    [reject, "throw"],
  ] as const) {
    const binding = scopesOf(file).bindingOf(param);
    if (!binding || binding.writes.length > 0) return undefined;
    for (const use of binding.references) {
      const call = parents.get(use) as Node;
      const owner = functionAround(use, parents);
      if (call.type !== "CallExpression" || call.callee !== use || call.arguments.length > 1) return undefined;
      if (call.arguments[0]?.type === "SpreadElement" || (owner !== executor && owner !== callback)) return undefined;
      const settling = settlingAt(call, keyword, owner as Node, parents);
      if (!settling || (keyword === "throw" && isCaught(call, owner as Node, parents))) return undefined;
      found.push(settling);
    }
  }
  return found;
}

function settlingAt(call: Node, keyword: Settling["keyword"], owner: Node, parents: Parents): Settling | undefined {
  const parent = parents.get(call) as Node;
  if (parent.type === "ReturnStatement") return { call, keyword, statement: parent, after: null };
  if (parent.type === "ConditionalExpression" && parent.test !== call) {
    const holder = parents.get(parent) as Node;
    const isBody = holder === owner || (holder.type === "ExpressionStatement" && owner.body.body?.length === 1);
    return isBody ? { call, keyword, statement: undefined, after: null } : undefined;
  }
  if (parent.type !== "ExpressionStatement" || !isTail(parent, owner as never, parents)) return undefined;
  const after = removableAfter(parent, parents);
  return { call, keyword, statement: parent, after: after?.type === "ReturnStatement" ? after : null };
}

/** Would a `catch` of the same function see what is thrown? */
function isCaught(node: Node, owner: Node, parents: Parents): boolean {
  let child = node;
  for (let at = parents.get(node); at && at !== owner; child = at, at = parents.get(at))
    if (at.type === "TryStatement" && at.handler && child === at.block) return true;
  return false;
}

/** Is the promise settled, or the call made, on every path of a function? */
function isAlwaysSettled(fn: Node, call: Node | undefined, settles: readonly Settling[]): boolean {
  // `err ? reject(err) : resolve(res)`
  if (settles.some(({ statement, call: { start } }) => !statement && fn.start < start && start < fn.end) && !call)
    return true;
  if (fn.body.type !== "BlockStatement") return fn.body === call;
  const isReply = (node: Node) => node === call || settles.some(({ statement }) => statement === node);
  return mayEndWithout(fn.body, { isReply, replaced: () => undefined }) === undefined;
}

/** `if (err) return reject(err);`, without a word of comment. */
function isThrownOnly(
  file: File,
  { failure, error, form, success, callback }: CallbackShape,
  settles: readonly Settling[],
  relays: boolean,
): boolean {
  const [only, ...more] = settles.filter(({ call }) => failure && isWithin(call, failure));
  if (form !== "guard" || !only?.statement || more.length > 0 || !failure || !error) return false;
  const statements = failure.type === "BlockStatement" ? (failure.body as Node[]) : [failure];
  if (statements.some((each) => each !== only.statement && each !== only.after)) return false;
  const end = (success[0] ?? callback).start;
  if (file.comments?.some(({ start }) => start >= failure.start && start < end)) return false;
  const [given] = only.call.arguments as Node[];
  return (
    isIdentifier(given, error.name) ||
    (relays &&
      given?.arguments &&
      isIdentifier(given.arguments[0], error.name) &&
      isRelayed(file, given, given.arguments[0]))
  );
}

/** Is there a comment where no text stays? */
function isCommentLost(
  file: File,
  head: readonly [number, number],
  tail: readonly [number, number],
  settles: readonly Settling[],
): boolean {
  const gone = settles.flatMap(({ call, statement, after }): (readonly [number, number])[] => {
    const [given] = call.arguments as Node[];
    const start = statement?.start ?? call.start;
    const parts: (readonly [number, number])[] = given
      ? [
          [start, given.start],
          [given.end, call.end],
        ]
      : [[start, call.end]];
    return after ? [...parts, [call.end, after.end]] : parts;
  });
  return (file.comments ?? []).some(({ start, end }) =>
    [head, tail, ...gone].some(([from, to]) => from <= start && end <= to),
  );
}
