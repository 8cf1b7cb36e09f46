import {
  type File,
  type FunctionNode,
  functionOf,
  isFunction,
  isIdentifier,
  isWithin,
  type Node,
  type Parents,
  parentMap,
  statementOf,
  walk,
} from "../shared/ast.js";
import { commentsOf } from "../shared/comments.js";
import { deadReturns } from "../shared/control-flow.js";
import { isNewPromise } from "../shared/scope.js";
import { leaves } from "./call-events.js";
import { type CallbackShape, isPropertyName, mentions, namesOf, namesOfFunction } from "./callback-shape.js";
import type { CallSurroundings } from "./plan-call.js";
import {
  hasPaths,
  isAlwaysSettled,
  isCommentLost,
  isSettledBy,
  isThrownOnly,
  onlyEnding,
  type Settling,
  sayingSo,
  settlesOf,
} from "./plan-settles.js";
import { rejectedArguments } from "./rejected-arguments.js";

/** A call that is awaited where it stands, because all that is around it is an async function then. */
export interface InPlace {
  /** The call, with its semicolon. */
  readonly statement: Node;
  /** Is the error of the call only passed on? Then the function throws it by itself. Null: as the callback's own words say. */
  readonly isThrownOnly: boolean | null;
  /** The promise that is a function's body then; null where the call stands behind another one, in what awaits that. */
  readonly promise: PromiseBody | null;
  /** The callback without a success path that is only `resolve()`: the function ends there. */
  readonly shape?: CallbackShape;
  /** The statements behind the call, which write its messages: they come to stand before what awaits it. */
  readonly moved: { readonly start: number; readonly end: number } | null;
}

/** The promise whose executor becomes the body of an async function, `return new Promise((resolve, reject) => { …; client.m(req, …); })`. */
export interface PromiseBody {
  readonly promise: Node;
  /**
   * The statement of the promise (`return`, or one that awaits it), or the arrow function that is nothing else; the promise itself where it
   * becomes a function that is called at once.
   */
  readonly holder: Node;
  /** What the promise is made with. */
  readonly executor: Node;
  /** Where `async` goes; null where the function is that already. */
  readonly asyncAt: number | null;
  /** `<T>` of `: Promise<T>`, which the function has to say now. */
  readonly type: Node | null;
  /** The function around, if its body is the executor's now. */
  readonly fn: Node | null;
  /** What settles it, but for what an error does that is only passed on. */
  readonly settles: readonly Settling[];
  /** Each `return;` that nothing reaches any more. */
  readonly dead: readonly { readonly start: number; readonly end: number }[];
}

/** A call with its callback, whose statement is the last thing on a path of another one's callback. */
export interface NestedCall {
  readonly shape: CallbackShape;
  readonly statement: Node;
}

/**
 * What an executor becomes that ends with a call and settles its promise on every path as the last thing there. What the callback
 * throws rejects the promise then, where it ended the process before.
 */
export function promiseBody(
  file: File,
  call: Node,
  shape: CallbackShape,
  { relays, handler }: Pick<CallSurroundings, "relays" | "handler">,
  nested: readonly NestedCall[] = [],
): (InPlace & { readonly promise: PromiseBody; readonly nested: readonly InPlace[] }) | undefined {
  const parents = parentMap(file);
  const around = parents.get(call) as Node;
  const isHeld = around.type === "VariableDeclarator";
  const statement = isHeld
    ? (parents.get(around) as Node)
    : /^(Expression|Return)Statement$/.test(around.type)
      ? around
      : call;
  const calls = [{ shape, statement }, ...nested];
  const behind = isHeld ? statementsBehind(file, statement, parents) : { final: statement, moved: null };
  const executor = behind && executorOf(behind.final, parents);
  const promise = executor && (parents.get(executor) as Node);
  if (!executor || !promise || !calls.every((each) => hasPaths(each.shape))) return undefined;
  // Its paths are functions, which wait for nothing.
  if (nested.length > 0 && calls.some((each) => each.shape.form === "negated")) return undefined;
  const shapes = calls.map((each) => each.shape);
  const callbacks = calls.map((each) => each.shape.callback);
  const settles = settlesOf(file, executor, callbacks, parents);
  const statements = calls.map((each) => each.statement);
  if (!settles || !isAlwaysSettled(executor.body, statements, settles)) return undefined;
  const { final, moved } = behind;
  if (moved && settles.some(({ call }) => isWithin(call, moved))) return undefined;
  if (!calls.every((each) => isSettledBy(each.shape, statements, settles))) return undefined;
  const thrown = calls.map((each) => isThrownOnly(file, each.shape, settles, relays));
  const isGone = ({ call: { start } }: Settling) =>
    calls.some(
      ({ shape: { failure } }, index) => thrown[index] && failure && failure.start <= start && start < failure.end,
    );
  const failures = shapes.flatMap(({ form, failure }) => (failure && form !== "whole" ? [failure] : []));
  const ending = nested.length === 0 ? onlyEnding(file, shape, settles) : undefined;
  const written = sayingSo(settles, failures).filter((settling) => !isGone(settling) && settling !== ending);
  const leaving = [executor, ...callbacks];
  const isStep = shapes.every(({ form }) => form !== "negated") && !leavesEarly(leaving, written);
  // Where the body stays whole, the error is a variable of the function, too.
  const declaring = shapes.map((each) => (each.form === "whole" ? { ...each, error: null } : each));
  const body = bodyOf(
    { file, promise, executor, shapes: declaring, names: [], handler },
    isStep,
    final.end,
    settles,
    written,
  );
  return (
    body && {
      statement,
      isThrownOnly: thrown[0] === true,
      promise: body,
      ...(ending ? { shape: { ...shape, form: "guard", success: [] } as const } : {}),
      moved,
      nested: nested.map((each, index) => ({
        statement: each.statement,
        isThrownOnly: thrown[index + 1] === true,
        promise: null,
        moved: null,
      })),
    }
  );
}

/** What stands behind a statement, to be moved before what awaits; undefined where it cannot. `final`: the last statement of the block. */
export function statementsBehind(
  file: File,
  statement: Node,
  parents: Parents,
): { readonly final: Node; readonly moved: InPlace["moved"] } | undefined {
  const statements = (parents.get(statement)?.body ?? []) as Node[];
  const behind = Array.isArray(statements) ? statements.filter(({ start }) => start > statement.start) : [];
  const [next] = behind;
  const final = behind.at(-1);
  if (!next || !final) return { final: statement, moved: null };
  const said = commentsOf(file, { start: statement.end, end: next.start });
  // What is said on the line where the call ends would come to stand elsewhere.
  if (behind.some(leaves) || said.some(({ loc }) => loc?.start.line === statement.loc?.end.line)) return undefined;
  return { final, moved: { start: (said[0] ?? next).start, end: final.end } };
}

/** A function whose names come to stand in another one; its error is that of a catch clause. */
export type Declaring = Pick<CallbackShape, "callback" | "error">;

/** A promise, what it is made with, and what that declares. */
export interface Executed {
  readonly file: File;
  readonly promise: Node;
  readonly executor: Node;
  readonly shapes: readonly Declaring[];
  /** Names that it declares and the new text does not. */
  readonly names: readonly Node[];
  /** Where the body of the handler around it begins, if a router waits for what that gives. */
  readonly handler: number | null;
}

/** What an executor becomes whose statements end at `end`: a part of the function around, or a function that is called at once. */
export function bodyOf(
  executed: Executed,
  /** Can other statements follow what it does? */
  isStep: boolean,
  end: number,
  settles: readonly Settling[],
  written: readonly Settling[],
): PromiseBody | undefined {
  const place = inFunction(executed) ?? (isStep ? inStatement(executed) : undefined) ?? calledAtOnce(executed);
  if (!place) return undefined;
  const { file, promise, executor } = executed;
  const { holder } = place;
  const start = isStatement(holder) ? holder.start : promise.start;
  if (isCommentLost(file, [start, executor.body.start], [end, holder.end], settles)) return undefined;
  return { promise, executor, ...place, settles: written, dead: deadIn(executed, written) };
}

/** What comes behind statements that all settle, up to a `return;`. */
function deadIn({ file, executor, shapes }: Executed, settles: readonly Settling[]): PromiseBody["dead"] {
  const isReply = (statement: Node) => settles.some((each) => each.statement === statement && !each.before);
  const functions = [executor, ...shapes.map(({ callback }) => callback)] as FunctionNode[];
  return functions
    .flatMap((fn) => deadReturns(fn, isReply))
    .map(({ previous, statement }) => ({ start: previous.end, end: statement.end }))
    .filter((range) => commentsOf(file, range).length === 0);
}

/** Is it a statement that held a promise, whose place the executor's own take? */
export function isStatement(holder: Node): boolean {
  return /^(Return|Expression)Statement$/.test(holder.type);
}

/** Do functions end anywhere but at their last statement, other than by an error? */
export function leavesEarly(functions: readonly Node[], settles: readonly Settling[]): boolean {
  const isThrown = (statement: Node) =>
    settles.some((settling) => settling.statement === statement && settling.keyword === "throw");
  const returns = (fn: Node) => {
    let found = false;
    walk(fn.body, (node) => {
      if (node.type === "ReturnStatement" && !isThrown(node)) found = true;
      return isFunction(node) ? false : undefined;
    });
    return found;
  };
  return settles.some(({ keyword, before }) => keyword === "return" && !before) || functions.some(returns);
}

/** `await new Promise((resolve, reject) => { … });` is the statements themselves. */
function inStatement(executed: Executed): Place | undefined {
  const { file, promise, executor } = executed;
  const parents = parentMap(file);
  const wait = parents.get(promise) as Node;
  const holder = parents.get(wait) as Node;
  const block = parents.get(holder);
  const fn = functionOf(holder, parents);
  if (wait.type !== "AwaitExpression" || holder.type !== "ExpressionStatement" || !fn) return undefined;
  if (block?.type !== "BlockStatement" || executor.body.type !== "BlockStatement") return undefined;
  return isShadowing(fn, executed) ? undefined : { holder, asyncAt: null, type: null, fn: null };
}

/** Would a name of an executor, or of its callbacks, be another one's in the function around? */
function isShadowing(fn: Node, { executor, shapes, names }: Executed): boolean {
  const gone = [...(executor.params as Node[]), ...names];
  return hidesNames(fn, executor, gone, ownNames(executor)) || shapes.some((each) => isHidingIn(fn, each));
}

type Place = Pick<PromiseBody, "holder" | "asyncAt" | "type" | "fn">;

/** The promise is all that a function gives, at least here: the executor's statements can be the function's own. */
function inFunction(executed: Executed): Place | undefined {
  const { file, promise, handler } = executed;
  const parents = parentMap(file);
  const holder = parents.get(promise) as Node;
  // `=> ({ … })` would be an object.
  if (promise.extra?.parenthesized) return undefined;
  const fn = holder.type === "ReturnStatement" ? functionOf(holder, parents) : holder;
  if (!fn || !isFunction(fn) || fn.generator) return undefined;
  const asyncAt = asyncPlace(promise, parents, handler);
  const type = typeOf(promise, fn);
  if (asyncAt === undefined || type === undefined) return undefined;
  return isShadowing(fn, executed) ? undefined : { holder, asyncAt, type, fn };
}

/** `new Promise((resolve, reject) => { … })` -> `(async () => { … })()`, wherever it stands. */
function calledAtOnce({ file, promise, executor, shapes }: Executed): Place | undefined {
  // Without a semicolon, a statement that begins with a parenthesis would go on the one before it.
  if (statementOf(promise, parentMap(file))?.start === promise.start) return undefined;
  if (shapes.some((each) => isHidingIn(executor, each))) return undefined;
  return {
    holder: promise,
    asyncAt: null,
    type: promise.typeParameters ?? promise.typeArguments ?? null,
    fn: null,
  };
}

/** The function that a promise is made with, if a statement is the last of its own. */
export function executorOf(statement: Node, parents: Parents): Node | undefined {
  const block = parents.get(statement);
  const fn = isFunction(block) ? block : block && parents.get(block);
  if (!isFunction(fn) || (fn.body !== statement && fn.body.body?.at(-1) !== statement)) return undefined;
  const promise = parents.get(fn);
  if (!isNewPromise(promise, parents) || promise.arguments[0] !== fn) return undefined;
  const callsItself = isIdentifier(fn.id) && mentions(fn.body, fn.id.name);
  const isPlain = (fn.params as Node[]).every((param) => isIdentifier(param) && !param.typeAnnotation);
  const isSettler = !fn.async && !fn.generator && /^[12]$/.test(String(fn.params.length)) && isPlain;
  return isSettler && !usesOwn(fn) && !callsItself ? fn : undefined;
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

/** Where `async` goes; undefined where the function cannot be async. */
function asyncPlace(promise: Node, parents: Parents, handler: number | null): number | null | undefined {
  const given = rejectedArguments(promise, parents, handler);
  if (given.form === "plain") return null;
  return given.form === "async" ? given.at : undefined;
}

/** What a function of TypeScript has to say of its result; undefined where the types may not fit. */
function typeOf(promise: Node, fn: Node): PromiseBody["type"] | undefined {
  const argument = promise.typeParameters ?? promise.typeArguments;
  if (!argument) return null;
  const said = fn.returnType?.typeAnnotation;
  if (!said) return argument;
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

/** Would a name that an inner function declares be another one's in the function around? `gone` are those that it will not have any more. */
function hidesNames(fn: Node, inner: Node, gone: readonly Node[], names = namesOfFunction(inner)): boolean {
  for (const { name } of gone) names.delete(name);
  let found = false;
  walk(fn, (node, [parent]) => {
    if (!isIdentifier(node) || isPropertyName(node, parent)) return !found;
    if (names.has(node.name) && !isWithin(node, inner)) found = true;
    return !found;
  });
  return found;
}

/** What the statements of a function declare for all of it. What is declared in a block below them stays there. */
function ownNames(fn: Node): Set<string> {
  const statements = (fn.body.type === "BlockStatement" ? fn.body.body : []) as Node[];
  const isOfBlock = (names: Node) =>
    names.type === "VariableDeclaration" && names.kind !== "var" && !statements.includes(names);
  const inner = new Set<string>();
  walk(fn.body, (node, [parent]) => {
    if (node.type === "VariableDeclarator" && !isOfBlock(parent as Node))
      for (const name of namesOf(node.id)) inner.add(name);
    if (/^(Function|Class)Declaration$/.test(node.type) && node.id) inner.add(node.id.name);
    return isFunction(node) ? false : undefined;
  });
  for (const param of fn.params as Node[]) for (const name of namesOf(param)) inner.add(name);
  return inner;
}

/** Would what a callback declares be another one's in a function? */
export function isHidingIn(fn: Node, { callback, error }: Declaring): boolean {
  return hidesNames(fn, callback, error ? [error] : []);
}
