import {
  type File,
  functionOf,
  isFunction,
  isIdentifier,
  isWithin,
  memberName,
  type Node,
  type Parents,
  walk,
} from "../shared/ast.js";
import { commentsOf } from "../shared/comments.js";
import { scopesOf } from "../shared/scope.js";
import { isNamed, leaves } from "./call-events.js";
import { namesBehindLoop } from "./listener-names.js";
import {
  bodyOf,
  type Declaring,
  executorOf,
  type InPlace,
  leavesEarly,
  type PromiseBody,
  statementsBehind,
} from "./plan-body.js";
import type { CallSurroundings } from "./plan-call.js";
import { isAlwaysSettled, isThrownOnly, type Settling, sayingSo, settlesOf } from "./plan-settles.js";
import type { Listener, ListenersPlan } from "./plan-stream.js";

/** A loop that stands in the function around a promise whose executor ends with the listeners of a stream. */
export interface StreamPlace extends InPlace {
  readonly promise: PromiseBody;
  /** Where the last of the listeners' statements ends. */
  readonly end: number;
  /** Does the listener of `end` do something behind an error that rejects, too? */
  readonly isFinal: boolean;
  /** What settles the promise behind a `finally`, in which the listener of `end` does the rest. */
  readonly behindFinally: Node | null;
  /** Listeners that only pass on what the function does by itself: `reject`, and `resolve` without a value. */
  readonly gone: readonly Listener[];
}

/** The listeners of error and end that are still written. */
export function keptOf({ error, end, place }: ListenersPlan): Pick<ListenersPlan, "error" | "end"> {
  const kept = (listener: Listener | null) => (listener && place?.gone.includes(listener) ? null : listener);
  return { error: kept(error), end: kept(end) };
}

/**
 * Listeners that end the executor of a promise and settle it: the loop is awaited by the function around. Behind an error that rejects, the
 * listeners of `status` and `end` must do nothing that anybody sees: the function has ended then.
 */
export function streamInBody(
  file: File,
  plan: ListenersPlan,
  parents: Parents,
  around: CallSurroundings,
): ListenersPlan {
  const place = placeOfStream(file, plan, parents, around);
  if (!place) return plan;
  const { statement } = plan;
  // The call begins before what stands behind its listeners.
  const variable =
    place.moved && statement.type === "VariableDeclaration" ? statement.declarations[0].id : plan.variable;
  return { ...plan, place, variable, isFinal: place.isFinal };
}

function placeOfStream(
  file: File,
  plan: ListenersPlan,
  parents: Parents,
  { relays, handler }: CallSurroundings,
): StreamPlace | undefined {
  const { statement, data, error, status, end, header, cancel } = plan;
  const last = end ?? status;
  if (!error || !last || cancel?.field) return undefined;
  const listeners = [data, error, status, end].filter((each) => each !== null);
  const block = parents.get(plan.loop) as Node;
  const own = listeners.map(({ call }) => statementAround(call, block, parents));
  const statements = block.body as Node[];
  const final = statements.at(-1) as Node;
  const executor = executorOf(final, parents);
  const promise = executor && (parents.get(executor) as Node);
  if (!executor || !promise) return undefined;
  // Between the listeners stands nothing else.
  const isOwn = (node: Node) => own.includes(node) || node === header?.statement;
  const [first, ending] = [statements.findIndex(isOwn), statements.findLastIndex(isOwn)];
  if (!statements.slice(first, ending).every(isOwn)) return undefined;
  const behind = statementsBehind(file, statements[ending] as Node, parents);

  const callbacks = [error, status, end].flatMap((listener) => (listener ? [listener.callback] : []));
  const settles = settlesOf(file, executor, callbacks, parents);
  if (!behind || !settles || !isAlwaysSettled(executor.body, [statement, ...own], settles)) return undefined;
  const { moved } = behind;
  if (moved && statement.type !== "VariableDeclaration") return undefined;
  if (moved && settles.some(({ call }) => isWithin(call, moved))) return undefined;
  const settledBy = ({ callback }: Listener) =>
    isNamed(callback)
      ? isSettler(callback, executor)
      : isAlwaysSettled(callback.body, [], settles) || isLone(callback, settles);
  const settlesIn = (listener: Listener | null) =>
    listener !== null &&
    (isSettler(listener.callback, executor) ||
      settles.some(({ call }) => functionOf(call, parents) === listener.callback));
  if (!settledBy(last) || (status !== last && settlesIn(status))) return undefined;
  const isFailing = settlesIn(error);
  if (isFailing && !settledBy(error)) return undefined;
  const isSeen = (listener: Listener | null) => isFailing && !isSilent(file, listener, error, executor, settles);
  const isFinal = isSeen(end);
  const tail = isFinal ? tailOf(file, end as Listener, settles) : null;
  if (isSeen(status) || tail === undefined || (isFinal && status)) return undefined;
  if (!isFailing && (plan.isFinal || isNamed(error.callback))) return undefined;

  const shapes = listeners.flatMap((listener): Declaring[] => {
    const { callback } = listener;
    // What a loop and a catch clause declare is their own, but for what is hoisted.
    const isInBlock = listener === data || listener === error;
    const isApart = !isFunction(callback) || (isInBlock && namesBehindLoop("error", callback).length === 0);
    return isApart ? [] : [{ callback, error: null }];
  });
  const isThrown = isRethrown(file, error, executor, settles, relays);
  const gone = [isThrown ? error : null, end && isBare(end.callback, executor, settles) ? end : null].filter(
    (listener) => listener !== null && commentsOf(file, { start: listener.before, end: listener.end }).length === 0,
  ) as Listener[];
  const isGone = ({ call }: Settling) => gone.some(({ start, end }) => start <= call.start && call.end <= end);
  const written = sayingSo(settles, [error.callback]).filter((settling) => !isGone(settling));
  const left = listeners.filter((each) => each !== data && !gone.includes(each)).map(({ callback }) => callback);
  const isStep = !leavesEarly([executor, ...left.filter(isFunction)], written);
  // A loop over the call itself has no variable.
  const isNameless = plan.variable === null && statement.type === "VariableDeclaration" && !plan.writer && !moved;
  const names = isNameless ? [statement.declarations[0].id as Node] : [];
  const body = bodyOf({ file, promise, executor, shapes, names, handler }, isStep, final.end, settles, written);
  return (
    body && {
      statement: plan.loop,
      isThrownOnly: gone.includes(error),
      promise: body,
      moved,
      end: (statements[ending] as Node).end,
      isFinal,
      behindFinally: tail?.before ? null : (tail?.statement ?? null),
      gone,
    }
  );
}

function statementAround(node: Node, block: Node, parents: Parents): Node {
  let at = node;
  for (let up = parents.get(at); up && up !== block; up = parents.get(at)) at = up;
  return at;
}

/** `resolve` or `reject` as a listener. */
function isSettler(callback: Node, executor: Node): boolean {
  return isIdentifier(callback) && (executor.params as Node[]).some(({ name }) => name === callback.name);
}

/** `() => resolve(value)` */
function isLone(callback: Node, settles: readonly Settling[]): boolean {
  return settles.some(({ call }) => callback.body === call);
}

/** Does a listener nothing that anybody sees behind the one of an error: settle the promise, make values, stop a timer once more? */
function isSilent(
  file: File,
  listener: Listener | null,
  error: Listener,
  executor: Node,
  settles: readonly Settling[],
): boolean {
  if (!listener) return true;
  const { callback } = listener;
  if (!isFunction(callback)) return isSettler(callback, executor);
  const stopped = statementsOf(error.callback).map(timerStopped);
  return statementsOf(callback).every(isSilentStatement);

  function isSilentStatement(each: Node): boolean {
    const settling = settles.find(({ call, statement }) => each === call || each === statement);
    if (settling) return (settling.call.arguments as Node[]).every((argument) => isQuiet(file, argument));
    if (each.type === "ReturnStatement") return !each.argument;
    if (each.type === "BlockStatement") return (each.body as Node[]).every(isSilentStatement);
    if (each.type === "IfStatement")
      return (
        isQuiet(file, each.test) && [each.consequent, each.alternate].every((path) => !path || isSilentStatement(path))
      );
    const timer = timerStopped(each);
    return timer === undefined ? isQuietDeclaration(file, each) : stopped.includes(timer);
  }
}

/** `clearTimeout(timer)` */
function timerStopped(statement: Node): string | undefined {
  const call = statement.type === "ExpressionStatement" ? statement.expression : statement;
  if (call.type !== "CallExpression" || !/^clear(Timeout|Interval)$/.test(call.callee.name ?? "")) return undefined;
  return isIdentifier(call.arguments[0]) ? call.arguments[0].name : undefined;
}

function isQuietDeclaration(file: File, { type, declarations }: Node): boolean {
  return (
    type === "VariableDeclaration" &&
    (declarations as Node[]).every(({ id, init }) => isIdentifier(id) && (!init || isQuiet(file, init)))
  );
}

/** The last statement of a listener, if it settles the promise and what stands before can be parted from it. */
function tailOf(file: File, { callback }: Listener, settles: readonly Settling[]): Settling | undefined {
  const statements = isFunction(callback) ? statementsOf(callback) : [];
  const [last, ...before] = [...statements].reverse();
  const inside = settles.filter(({ call }) => callback.start <= call.start && call.end <= callback.end);
  const [settling] = inside;
  const previous = before[0];
  if (!last || !previous || inside.length !== 1 || settling?.statement !== last) return undefined;
  if (before.some(({ type }) => /Declaration$/.test(type)) || before.some(leaves)) return undefined;
  return commentsOf(file, { start: previous.end, end: last.start }).length > 0 ? undefined : settling;
}

/** The statements, or the one expression, of a function. */
function statementsOf(callback: Node): readonly Node[] {
  if (!isFunction(callback)) return [];
  return callback.body.type === "BlockStatement" ? (callback.body.body as Node[]) : [callback.body];
}

const CALLING = /^(map|filter|flatMap|sort|find|reduce)$/;
const QUIET_METHODS =
  /^(map|filter|flat|flatMap|slice|concat|join|reverse|sort|find|reduce|values|keys|entries|from|fromEntries|stringify|toString|trim|get|has|size)$/;

/** An expression of values, members and methods of lists and texts, which call functions of this file at most that do no more either. */
function isQuiet(file: File, value: Node, depth = 0): boolean {
  const isQuietFunction = (node: Node) => {
    if (!isIdentifier(node) || /^(Number|String|Boolean)$/.test(node.name)) return true;
    const binding = scopesOf(file).bindingOf(node);
    const declared = isFunction(binding?.declaration) ? binding.declaration : binding?.declaration.init;
    return isFunction(declared) && binding?.writes.length === 0 && depth < 3 && isQuiet(file, declared.body, depth + 1);
  };
  let isSo = true;
  walk(value, (node) => {
    if (node.type === "CallExpression") {
      const name = memberName(node.callee) ?? "";
      isSo &&= QUIET_METHODS.test(name);
      if (CALLING.test(name)) isSo &&= (node.arguments as Node[]).slice(0, 1).every(isQuietFunction);
    } else if (/^(Await|Yield|Assignment|Update|TaggedTemplate|Import)Expression$/.test(node.type)) isSo = false;
    else if (node.type === "NewExpression") isSo &&= /^(Map|Set|Array|Error|Date)$/.test(node.callee.name ?? "");
    return isSo;
  });
  return isSo;
}

/** Is the error only passed on, so that the function throws it by itself? */
function isRethrown(
  file: File,
  { callback }: Listener,
  executor: Node,
  settles: readonly Settling[],
  relays: boolean,
): boolean {
  const [, reject] = executor.params as [Node, Node | undefined];
  if (!isFunction(callback)) return reject !== undefined && isIdentifier(callback, reject.name);
  const [error = null] = callback.params as Node[];
  const nothing = { response: null, success: [], form: "guard", failureReturns: false, fallsThrough: false } as const;
  return isThrownOnly(file, { callback, error, failure: callback.body, ...nothing }, settles, relays);
}

/** `resolve`, or `() => resolve()`: the function ends there anyway. */
function isBare(callback: Node, executor: Node, settles: readonly Settling[]): boolean {
  const [resolve] = executor.params as [Node];
  if (!isFunction(callback)) return isIdentifier(callback, resolve.name);
  const [only, more] = statementsOf(callback);
  const settling = only && !more && settles.find(({ call, statement }) => only === call || only === statement);
  return settling ? settling.keyword === "return" && settling.call.arguments.length === 0 : false;
}
