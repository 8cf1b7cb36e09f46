import {
  type Comment,
  type File,
  functionOf,
  isFunction,
  isIdentifier,
  isWithin,
  type Node,
  type Parents,
  walk,
} from "../shared/ast.js";
import { commentsOf } from "../shared/comments.js";
import { isBareReturn, isTail, mayEndWithout, removableAfter } from "../shared/control-flow.js";
import { scopesOf } from "../shared/scope.js";
import { type CallbackShape, leadingOf } from "./callback-shape.js";
import { errorPassedOn } from "./plan-error.js";

/** `resolve(value)` or `reject(reason)` */
export interface Settling {
  readonly call: Node;
  readonly keyword: "return" | "throw";
  /** Undefined where it is an arm of a conditional expression. */
  readonly statement: Node | undefined;
  /** A `return;` behind it. */
  readonly after: Node | null;
  /** The statement before a `resolve()` that ends the function: nothing has to say so. */
  readonly before: Node | null;
}

/** Has a callback a path for the error and one for the response, and throws nothing by itself? */
export function hasPaths({ form, callback, error, failure, fallsThrough }: CallbackShape): boolean {
  if (!/^(guard|if-else|conditional|negated|whole)$/.test(form) || !error || !failure) return false;
  if (fallsThrough && form !== "whole") return false;
  return !throws(callback);
}

function throws(callback: Node): boolean {
  let found = false;
  walk(callback.body, (node) => {
    if (node.type === "ThrowStatement") found = true;
    return isFunction(node) ? false : undefined;
  });
  return found;
}

/** All uses of `resolve` and `reject`, if each settles as the last thing on its path, or is a listener itself. */
export function settlesOf(
  file: File,
  executor: Node,
  callbacks: readonly Node[],
  parents: Parents,
): readonly Settling[] | undefined {
  const [resolve, reject] = executor.params as [Node, Node | undefined];
  const found: Settling[] = [];
  for (const [param, keyword] of [
    [resolve, "return"],
    [reject, "throw"],
  ] as const) {
    if (!param) continue;
    const binding = scopesOf(file).bindingOf(param);
    if (!binding || binding.writes.length > 0) return undefined;
    for (const use of binding.references) {
      if (callbacks.includes(use)) continue;
      const call = parents.get(use) as Node;
      const owner = functionOf(use, parents);
      if (call.type !== "CallExpression" || call.callee !== use || call.arguments.length > 1) return undefined;
      if (call.arguments[0]?.type === "SpreadElement" || !owner || ![executor, ...callbacks].includes(owner))
        return undefined;
      const settling = settlingAt(file, call, keyword, owner, parents);
      if (!settling || (keyword === "throw" && isCaught(call, owner, parents))) return undefined;
      found.push(settling);
    }
  }
  return found;
}

/** A `resolve()` on a path that others follow in the new text ends the function there, and has to say so. */
export function sayingSo(settles: readonly Settling[], paths: readonly Node[]): readonly Settling[] {
  return settles.map((each) => (paths.some((path) => isWithin(each.call, path)) ? { ...each, before: null } : each));
}

/** `resolve()`, if it is all that a success path does, `else { resolve(); }`. */
export function onlyEnding(
  file: File,
  { form, failure, success, callback }: CallbackShape,
  settles: readonly Settling[],
): Settling | undefined {
  const [arm] = success;
  if (form !== "if-else" || !arm || !failure) return undefined;
  if (commentsOf(file, { start: failure.end, end: callback.end }).length > 0) return undefined;
  const [only, ...more] = (arm.type === "BlockStatement" ? arm.body : [arm]) as Node[];
  const isEnding = ({ keyword, call, statement }: Settling) =>
    keyword === "return" && call.arguments.length === 0 && statement === only;
  return more.every(isBareReturn) ? settles.find(isEnding) : undefined;
}

function settlingAt(
  file: File,
  call: Node,
  keyword: Settling["keyword"],
  owner: Node,
  parents: Parents,
): Settling | undefined {
  const parent = parents.get(call) as Node;
  if (parent.type === "ReturnStatement") {
    const isLast = isTail(parent, owner as never, parents);
    const before = isLast ? endedBy(file, call, keyword, parent, parents) : null;
    return { call, keyword, statement: parent, after: null, before };
  }
  if (parent === owner) return { call, keyword, statement: undefined, after: null, before: null };
  if (parent.type === "ConditionalExpression" && parent.test !== call) {
    const holder = parents.get(parent) as Node;
    const isBody = holder === owner || (holder.type === "ExpressionStatement" && owner.body.body?.length === 1);
    return isBody ? { call, keyword, statement: undefined, after: null, before: null } : undefined;
  }
  if (parent.type !== "ExpressionStatement" || !isTail(parent, owner as never, parents)) return undefined;
  const after = removableAfter(parent, parents);
  return {
    call,
    keyword,
    statement: parent,
    after: after?.type === "ReturnStatement" ? after : null,
    before: endedBy(file, call, keyword, parent, parents),
  };
}

/** The statement before a `resolve()` that is the last of its list. */
function endedBy(file: File, call: Node, keyword: Settling["keyword"], statement: Node, parents: Parents): Node | null {
  const list = parents.get(statement)?.body as Node[] | undefined;
  const previous = Array.isArray(list) && list.at(-1) === statement ? list.at(-2) : undefined;
  if (keyword !== "return" || call.arguments.length > 0 || !previous) return null;
  return file.comments?.some(({ start }) => previous.end <= start && start < statement.start) ? null : previous;
}

/** Would a `catch` of the same function see what is thrown? */
function isCaught(node: Node, owner: Node, parents: Parents): boolean {
  let child = node;
  for (let at = parents.get(node); at && at !== owner; child = at, at = parents.get(at))
    if (at.type === "TryStatement" && at.handler && child === at.block) return true;
  return false;
}

/** Does a callback settle the promise on each of its paths, or make another call that does? */
export function isSettledBy(
  { form, callback, failure, success }: CallbackShape,
  calls: readonly Node[],
  settles: readonly Settling[],
): boolean {
  if (form !== "conditional") return isAlwaysSettled(callback.body, calls, settles);
  return [failure, success[0]].every((arm) => settles.some(({ call }) => call === arm));
}

/** Is the promise settled, or one of these calls made, on every path of a function? */
export function isAlwaysSettled(body: Node, calls: readonly Node[], settles: readonly Settling[]): boolean {
  if (body.type !== "BlockStatement") return calls.includes(body);
  const isReply = (node: Node) => calls.includes(node) || settles.some(({ statement }) => statement === node);
  return mayEndWithout(body, { isReply, replaced: () => undefined }) === undefined;
}

/** `if (err) return reject(err);`, without a word of comment. */
export function isThrownOnly(file: File, shape: CallbackShape, settles: readonly Settling[], relays: boolean): boolean {
  const { failure, error, success, callback } = shape;
  const [only, ...more] = settles.filter(({ call }) => failure && isWithin(call, failure));
  if (!only || more.length > 0 || !failure || !error) return false;
  const statements = failure.type === "BlockStatement" ? (failure.body as Node[]) : [failure];
  if (statements.some((each) => each !== (only.statement ?? only.call) && each !== only.after)) return false;
  const [first] = success;
  const next = first && first.start > failure.start ? first.start : callback.end;
  const isBeside = ({ start, loc }: Comment) =>
    start >= failure.start && start < next && (start < failure.end || loc?.start.line === failure.loc?.end.line);
  if (file.comments?.some(isBeside) || commentsOf(file, leadingOf(shape)).length > 0) return false;
  const [given] = only.call.arguments as Node[];
  return given !== undefined && isIdentifier(errorPassedOn(file, given, relays), error.name);
}

/** Is there a comment where no text stays? */
export function isCommentLost(
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
