import type { RpcKind } from "../analysis/facts.js";
import {
  type File,
  functionOf,
  isFunction,
  isIdentifier,
  memberName,
  type Node,
  type Parents,
  parentMap,
  statementOf,
  unwrap,
} from "../shared/ast.js";
import { isNewPromise, scopesOf } from "../shared/scope.js";
import { type HeaderListener, type StatusListener, type StatusReads, splitEvents } from "./call-events.js";
import { type CallbackShape, callbackShape, leadingOf, mentions, namesOfFunction } from "./callback-shape.js";
import { type DrainedWrite, drainedWrite, isOfDrained } from "./drained-write.js";
import { callRisk } from "./early-arguments.js";
import type { StreamField } from "./field-stream.js";
import { type InPlace, promiseBody } from "./plan-body.js";
import { errorPassedOn } from "./plan-error.js";
import { type ListenersPlan, planReader } from "./plan-stream.js";
import { streamInBody } from "./plan-stream-body.js";
import { type RejectedArguments, rejectedArguments } from "./rejected-arguments.js";

/** What a call of an RPC becomes, by the syntax around it alone. */
export type CallPlan =
  /** Only the arguments change: the value is a promise or an async iterable already. */
  | {
      readonly kind: "plain";
      /** The declaration of the variable that holds a stream. */
      readonly statement: Node | null;
      readonly header: HeaderListener | null;
      readonly cancel: Cancel | null;
      readonly writer: Writer | null;
      /** Where the loop names the variable. */
      readonly loop: Node | null;
    }
  /** `client.m(req, () => {})` */
  | { readonly kind: "forget"; readonly callback: Node }
  /** `new Promise((resolve, reject) => client.m(req, …))` is the call itself. */
  | {
      readonly kind: "executor";
      readonly promise: Node;
      readonly shape: CallbackShape;
      readonly value: Node | null;
      readonly rejected: RejectedArguments;
    }
  /** `client.m(req, (err, res) => {…})`, whose result nothing waits for: an async function called at once. */
  | {
      readonly kind: "block";
      readonly statement: Node;
      readonly shape: CallbackShape;
      /** The variable that messages are written to, for a call that sends a stream. */
      readonly writer: Writer | null;
      readonly cancel: Cancel | null;
      readonly header: HeaderListener | null;
      readonly status: StatusListener | null;
      /** Where it is awaited, if that is no function of its own. */
      readonly place: InPlace | null;
      /** The call is made before the async function: its arguments do more than give values, or its status is asked for, too. */
      readonly isEarly: boolean;
    }
  /** `client.m(req, (err, res) => …)` that does nothing but settle a promise -> `client.m(req).then((res) => resolve(res), reject)` */
  | {
      readonly kind: "settled";
      readonly shape: CallbackShape;
      readonly resolving: Node;
      readonly reject: string;
    }
  /** `client.m(req, callback)` -> `client.m(req).then((response) => callback(null, response), callback)` */
  | {
      readonly kind: "handed";
      readonly statement: Node;
      readonly callback: Node;
      readonly writer: Writer | null;
      readonly cancel: Cancel | null;
      readonly header: HeaderListener | null;
    }
  | ListenersPlan
  | { readonly kind: "refused"; readonly reason: string };

/** `call.write(message)` and `call.end()`: the calls, each a statement of its own. */
export interface Writer {
  readonly name: string;
  readonly writes: readonly Node[];
  readonly ends: readonly Node[];
  /** The writes behind which the program waits; they are none of `writes`. */
  readonly drained: readonly DrainedWrite[];
}

/** `call.cancel()`, wherever the call's variable is known. */
export interface Cancel {
  /** The declaration of the variable. */
  readonly statement: Node;
  readonly variable: string;
  readonly calls: readonly Node[];
  /** The field of a class that holds the call, and then what cancels it. */
  readonly field: StreamField | null;
}

export function cancelOf(plan: CallPlan): Cancel | null {
  return "cancel" in plan ? plan.cancel : null;
}

/** Does a call get options that its old arguments do not have? */
export function hasAddedOptions(plan: CallPlan): boolean {
  return cancelOf(plan) !== null || headerOf(plan) !== null || needsTrailer(plan);
}

/** Is of a status read what only the trailers of a call have? */
export function needsTrailer(plan: CallPlan): boolean {
  return statusReadsOf(plan)?.more === true;
}

function statusReadsOf(plan: CallPlan): StatusReads | null {
  if (plan.kind === "block") return plan.status?.reads ?? null;
  return plan.kind === "listeners" ? plan.reads : null;
}

export function headerOf(plan: CallPlan): HeaderListener | null {
  return "header" in plan ? plan.header : null;
}

/** References that are `call.cancel()`, which gives nothing, and the others. */
export function splitCancels(
  references: readonly Node[],
  parents: Parents,
): { readonly calls: readonly Node[]; readonly others: readonly Node[] } {
  const calls: Node[] = [];
  const others: Node[] = [];
  for (const reference of references) {
    const member = parents.get(reference) as Node;
    const use = parents.get(member) as Node;
    const isCancel =
      memberName(member) === "cancel" &&
      member.object === reference &&
      use.type === "CallExpression" &&
      use.callee === member &&
      use.arguments.length === 0;
    if (isCancel) calls.push(use);
    else others.push(reference);
  }
  return { calls, others };
}

/** What a call's messages are written to, if it sends a stream. */
export function writerOfPlan(plan: CallPlan): Writer | null {
  return "writer" in plan ? plan.writer : null;
}

export const BARE: CallPlan = {
  kind: "plain",
  statement: null,
  header: null,
  cancel: null,
  writer: null,
  loop: null,
};

export const refused = (reason: string): CallPlan => ({ kind: "refused", reason });

/** What is known of where a call stands. */
export interface CallSurroundings {
  /** Does nobody look at what the function around it returns, or all of it go into one loop? */
  readonly isUnseen: boolean;
  /** May a handler throw the error of a call as it is? */
  readonly relays: boolean;
  /** Where the body of the handler around it begins, if a router waits for what that gives. */
  readonly handler: number | null;
}

const NOTHING_KNOWN: CallSurroundings = { isUnseen: false, relays: false, handler: null };

/** What a call that was made from promisify returns is a promise already. */
export function planCall(
  file: File,
  call: Node,
  kind: RpcKind,
  form: "client" | "promisified",
  around: CallSurroundings = NOTHING_KNOWN,
): CallPlan {
  const parents = parentMap(file);
  const args = call.arguments as Node[];
  if (args.some((arg) => arg.type === "SpreadElement")) return refused("its arguments are spread");
  if (call.type === "OptionalCallExpression" || call.callee.type === "OptionalMemberExpression")
    return refused("it is called with `?.`");
  if (form === "promisified") {
    return kind === "unary" ? BARE : refused("a streaming method was promisified");
  }
  switch (kind) {
    case "unary":
      return planUnary(file, call, parents, around);
    case "server_streaming": {
      const plan = planReader(file, call, parents);
      if (plan.kind === "listeners") return streamInBody(file, plan, parents, around);
      return plan.kind === "refused" && around.isUnseen ? BARE : plan;
    }
    case "client_streaming":
      return planWriter(file, call, parents, around);
    default: {
      const plan = planReader(file, call, parents, true);
      return plan.kind === "listeners" ? streamInBody(file, plan, parents, around) : plan;
    }
  }
}

/** Is the first argument of a call its request? Otherwise messages are written to the call. */
export function takesRequest(kind: RpcKind): boolean {
  return kind === "unary" || kind === "server_streaming";
}

/**
 * `client.waitForReady(deadline, (err) => …)`, whose function of the runtime gives a promise; undefined where the callback has to stay. Its
 * error is no ServiceError, and none is undefined.
 */
export function planReady(file: File, call: Node): CallPlan | undefined {
  const plan = planCall(file, call, "unary", "client");
  if (plan.kind === "block")
    return plan.statement.type === "VariableDeclaration" || (plan.shape.form === "whole" && plan.shape.failure)
      ? undefined
      : plan;
  return /^(forget|executor|settled|handed)$/.test(plan.kind) ? plan : undefined;
}

/** The arguments between the request and the callback. */
export function middleArguments(call: Node, kind: RpcKind, form: "client" | "promisified"): readonly Node[] {
  const args = call.arguments as Node[];
  const hasCallback = form === "client" && (kind === "unary" || kind === "client_streaming");
  return args.slice(takesRequest(kind) ? 1 : 0, hasCallback ? -1 : undefined);
}

function planUnary(file: File, call: Node, parents: Parents, around: CallSurroundings): CallPlan {
  const { isUnseen, relays } = around;
  const args = call.arguments as Node[];
  const callback = args.at(-1);
  if (args.length < 2 || !callback) return refused("it has no callback");
  const place = placeOfCall(file, call, parents, isUnseen);
  if (isIdentifier(callback))
    return typeof place === "string" ? refused(place) : planHanded(file, call, { ...place, writer: null });
  const shape = callbackShape(callback);
  if (typeof shape === "string") return refused(shape);
  const promise = executorAround(call, parents);
  if (promise) {
    const settled = settlement(file, shape, promise.executor, relays);
    if (settled && !hasCommentOutside(file, promise.node, call, callback, settled.value))
      return {
        kind: "executor",
        promise: promise.node,
        shape,
        value: settled.value,
        rejected:
          callRisk(call, args.slice(0, -1)) === "none"
            ? { form: "plain" }
            : rejectedArguments(promise.node, parents, around.handler),
      };
  }
  if (typeof place === "string") return refused(place);
  const { statement } = place;
  const isHeld = statement.type === "VariableDeclaration";
  if (shape.form === "empty" && !isHeld) {
    if (hasLostComment(file, call, statement, shape)) return refused(LOST_COMMENT);
    return { kind: "forget", callback };
  }
  const body = isHeld ? undefined : promiseBody(file, call, shape, around);
  if (body) return inPlace(planBlock(file, call, shape, parents, { ...place, writer: null }), body);
  const settling = isHeld ? undefined : settlerCalls(file, shape, relays);
  const kept = { start: call.start, end: args.at(-2)?.end ?? call.callee.end };
  if (settling && !isCommentLost(file, statement, [kept, ...settling.resolving.arguments]))
    return { kind: "settled", shape, ...settling };
  return planBlock(file, call, shape, parents, { ...place, writer: null });
}

/** A call that is awaited where it stands. Where that is a promise's executor, all its paths end there. */
export function inPlace(plan: CallPlan, place: InPlace): CallPlan {
  if (plan.kind !== "block") return plan;
  const own = place.shape ?? plan.shape;
  const shape = place.isThrownOnly === null ? own : { ...own, failureReturns: false };
  // The call begins before its messages are written.
  const isEarly = place.moved !== null || (plan.isEarly && !place.isThrownOnly);
  return { ...plan, shape, place, isEarly };
}

/** What holds a call that has one reply, and what is done with its object. */
interface Place {
  /** The statement that is the call, or the declaration of the variable that holds the call object. */
  readonly statement: Node;
  readonly cancel: Cancel | null;
  readonly header: HeaderListener | null;
  readonly status: StatusListener | null;
  readonly writer: Writer | null;
}

/** Is the response read where there may be none? A variable of TypeScript has to say its type then. */
export function needsResponseType({ response, success, form, fallsThrough }: CallbackShape): boolean {
  if (!fallsThrough || form === "success" || !isIdentifier(response)) return false;
  return success.some((node) => mentions(node, response.name));
}

/** Where a call with a request stands, or why its object may be used in a way that is not known. */
function placeOfCall(file: File, call: Node, parents: Parents, isUnseen: boolean): Omit<Place, "writer"> | string {
  const parent = parents.get(call) as Node;
  const bare = { cancel: null, header: null, status: null };
  // `if (x) client.m(…)`: without a semicolon, the new statement would need one before it.
  if (parent.type === "ExpressionStatement")
    return statementOf(call, parents) === parent || parent.end > call.end
      ? { statement: parent, ...bare }
      : usedObject(call, parents);
  // What a promise's executor returns, nobody sees.
  if (isUnseen || isReturnedByExecutor(call, parents) || isValueIgnored(call, parents))
    return { statement: call, ...bare };
  const held = heldBy(file, call, parents);
  if (typeof held === "string") return held;
  const { others, ...place } = held;
  return others.length > 0 ? "the call object is used" : place;
}

/** The variable that holds a call, what cancels it and listens to it, and all other uses. */
function heldBy(
  file: File,
  call: Node,
  parents: Parents,
): (Omit<Place, "writer"> & { readonly others: readonly Node[]; readonly name: string }) | string {
  const parent = parents.get(call) as Node;
  if (parent.type !== "VariableDeclarator" || !isIdentifier(parent.id)) return usedObject(call, parents);
  const statement = parents.get(parent) as Node;
  if (statement.declarations.length !== 1) return "the call is declared with others";
  if (statementOf(call, parents) !== statement) return "it stands in no block";
  const binding = scopesOf(file).bindingOf(parent.id);
  if (!binding || binding.writes.length > 0) return "the call's variable is assigned again";
  const { calls, others } = splitCancels(binding.references, parents);
  const cancel = cancelIn(statement, binding.name, calls);
  const events = splitEvents(file, statement, others, parents);
  return { name: binding.name, statement, cancel, ...events };
}

function isReturnedByExecutor(call: Node, parents: Parents): boolean {
  const parent = parents.get(call) as Node;
  const isReturned = parent.type === "ReturnStatement" || (isFunction(parent) && parent.body === call);
  const executor = isReturned ? (isFunction(parent) ? parent : functionOf(call, parents)) : undefined;
  const promise = executor && parents.get(executor);
  return isNewPromise(promise, parents) && !executor?.async;
}

/** What cancels a call that a variable holds, if anything does. */
export function cancelIn(statement: Node, variable: string, calls: readonly Node[]): Cancel | null {
  return calls.length > 0 ? { statement, variable, calls, field: null } : null;
}

function usedObject(call: Node, parents: Parents): string {
  const parent = parents.get(call) as Node;
  if (parent.type === "ExpressionStatement") return "it stands in no block";
  const isWholeArrow = parent.type === "ArrowFunctionExpression" && parent.body === call;
  return isWholeArrow || parents.get(parent)?.type === "ReturnStatement" || parent.type === "ReturnStatement"
    ? "the call object is returned"
    : "the call object is used";
}

/** A callback that has a name: a function that nothing replaces. */
function planHanded(file: File, call: Node, { statement, status, ...place }: Place): CallPlan {
  const callback = (call.arguments as Node[]).at(-1) as Node;
  const binding = scopesOf(file).bindingOf(callback);
  if (!binding || binding.writes.length > 0 || binding.kind === "import")
    return refused("the callback is not written at the call");
  const kept = [{ start: call.start, end: callback.start }];
  if (isCommentLost(file, statement, kept)) return refused(LOST_COMMENT);
  if (status) return refused("its status is listened to beside a callback with a name");
  return { kind: "handed", statement, callback, ...place };
}

/** Both paths in an async function around the call, whose names must not hide those that the call uses. */
function planBlock(file: File, call: Node, shape: CallbackShape, parents: Parents, place: Place): CallPlan {
  const { statement, status } = place;
  if (isOptionalPattern(shape.response) && shape.fallsThrough)
    return refused("the response parameter is a pattern that is read beside an error");
  const { callback } = shape;
  const used = [call.callee, ...(call.arguments as Node[]).filter((argument) => argument !== callback)];
  const names = shape.form === "negated" ? [] : [...namesOfFunction(callback)];
  const hidden = names.find((name) => used.some((node) => mentions(node, name)));
  if (hidden !== undefined) return refused(`the callback has another ${hidden} than the call`);
  if (hasLostComment(file, call, statement, shape)) return refused(LOST_COMMENT);
  const risk = callRisk(
    call,
    (call.arguments as Node[]).filter((argument) => argument !== callback),
  );
  const isInBlock = Array.isArray((parents.get(statement) as Node).body);
  if (risk === "runs" && !isInBlock && !/^(negated|empty)$/.test(shape.form))
    return refused("its arguments run other code, and it stands in no block");
  // What answers `await reply.catch(…)` comes behind what answers the reply itself.
  if (status && shape.form === "whole" && !shape.failure) return refused("its status comes before its callback");
  if (status && callback.async) return refused("its status comes before its callback has ended");
  const isEarly = status !== null || (risk !== "none" && isInBlock && !/^(negated|empty)$/.test(shape.form));
  return { kind: "block", shape, isEarly, place: null, ...place };
}

/** `{ items } = {}` */
function isOptionalPattern(response: Node | null): boolean {
  return response?.type === "AssignmentPattern" && !isIdentifier(response.left);
}

/** Is there a comment where nothing of the text stays: between the parts of a callback? */
function hasLostComment(file: File, call: Node, statement: Node, shape: CallbackShape): boolean {
  const { callback, failure, success, form } = shape;
  const body = callback.body as Node;
  const isBlock = body.type === "BlockStatement";
  const kept =
    form === "whole" || form === "success" || form === "empty"
      ? [isBlock ? { start: body.start + 1, end: body.end - 1 } : body]
      : form === "if-else"
        ? [failure as Node, ...keptOfElse(success[0] as Node)]
        : form === "guard" && isBlock
          ? [failure as Node, { start: (failure as Node).end, end: body.end - 1 }]
          : [failure, ...success].filter((node) => node !== null);
  const given = (call.arguments as Node[]).filter((argument) => argument !== callback);
  const request = { start: call.start, end: given.at(-1)?.end ?? call.callee.end };
  return isCommentLost(file, statement, [request, leadingOf(shape), ...kept]);
}

/** An else block loses its braces, and what stands beside them. */
function keptOfElse(block: Node): { start: number; end: number }[] {
  if (block.type !== "BlockStatement") return [block];
  const [first] = block.body as Node[];
  const last = (block.body as Node[]).at(-1);
  if (!first || !last) return [];
  const beside = ((first.leadingComments as Node[] | undefined) ?? []).filter(
    (comment) => comment.loc?.start.line === block.loc?.start.line,
  );
  return [{ start: beside.at(-1)?.end ?? block.start + 1, end: last.end }];
}

const LOST_COMMENT = "a comment stands between the call and its callback";

function isCommentLost(file: File, statement: Node, kept: readonly { start: number; end: number }[]): boolean {
  return (file.comments ?? []).some(
    (comment) =>
      comment.start >= statement.start &&
      comment.end <= statement.end &&
      !kept.some((part) => part.start <= comment.start && comment.end <= part.end),
  );
}

/** `new Promise((resolve, reject) => call)`, or with a block that holds nothing else. */
function executorAround(call: Node, parents: Parents): { node: Node; executor: Node } | undefined {
  let inner = parents.get(call) as Node;
  if (inner.type === "ExpressionStatement" || inner.type === "ReturnStatement") {
    const block = parents.get(inner) as Node;
    if (block.type !== "BlockStatement" || (block.body as Node[]).length !== 1) return undefined;
    inner = parents.get(block) as Node;
  }
  if (!isFunction(inner)) return undefined;
  const node = parents.get(inner);
  if (!isNewPromise(node, parents)) return undefined;
  if ((node.arguments as Node[])[0] !== inner) return undefined;
  return { node, executor: inner };
}

/** `reject(err)` on one path and `resolve(value)` on the other, and nothing else. */
function settlement(
  file: File,
  shape: CallbackShape,
  executor: Node,
  relays: boolean,
): { value: Node | null } | undefined {
  const [resolve, reject] = executor.params as Node[];
  if (!isIdentifier(resolve) || !isIdentifier(reject)) return undefined;
  const settling = settlingCalls(file, shape, relays);
  if (settling?.resolving.callee.name !== resolve.name || settling.rejecting.callee.name !== reject.name)
    return undefined;
  const value = settling.resolving.arguments[0] ?? null;
  // What is settled twice stays what it was first; but the value is made on both paths.
  if (shape.fallsThrough && value && !isIdentifier(unwrap(value))) return undefined;
  return { value };
}

/** `resolve(value)` and `reject(err)`, by whatever names, if each is all of its path. */
function settlingCalls(
  file: File,
  { failure, error, success }: CallbackShape,
  relays: boolean,
): { resolving: Node; rejecting: Node } | undefined {
  const rejecting = failure && onlyCall(failure);
  const resolving = success.length === 1 ? onlyCall(success[0] as Node) : undefined;
  if (!error || rejecting?.arguments.length !== 1 || !resolving || resolving.arguments.length > 1) return undefined;
  const [thrown] = rejecting.arguments as [Node];
  return isIdentifier(errorPassedOn(file, thrown, relays), error.name) ? { resolving, rejecting } : undefined;
}

/** The same, of a promise that other code settles, too. */
function settlerCalls(
  file: File,
  shape: CallbackShape,
  relays: boolean,
): { resolving: Node; reject: string } | undefined {
  const calls = shape.fallsThrough ? undefined : settlingCalls(file, shape, relays);
  const isSettler = (call: Node, index: number) => {
    const parents = parentMap(file);
    const fn = scopesOf(file).bindingOf(call.callee)?.declaration;
    const executor = fn && parents.get(fn);
    const promise = executor && parents.get(executor);
    return isFunction(executor) && executor.params[index] === fn && isNewPromise(promise, parents);
  };
  if (!calls || !isSettler(calls.resolving, 0) || !isSettler(calls.rejecting, 1)) return undefined;
  return { resolving: calls.resolving, reject: calls.rejecting.callee.name };
}

/** `name(…)`, if a path is that call and nothing else. */
function onlyCall(node: Node): Node | undefined {
  let current = node;
  if (current.type === "BlockStatement") {
    const body = current.body as Node[];
    const isBareReturn = body.length === 2 && body[1]?.type === "ReturnStatement" && !body[1].argument;
    if (body.length !== 1 && !isBareReturn) return undefined;
    current = body[0] as Node;
  }
  if (current.type === "ExpressionStatement") current = current.expression;
  else if (current.type === "ReturnStatement") {
    if (!current.argument) return undefined;
    current = current.argument;
  }
  return current.type === "CallExpression" && isIdentifier(current.callee) ? current : undefined;
}

/** Is there a comment in what an executor loses? */
function hasCommentOutside(file: File, promise: Node, call: Node, callback: Node, value: Node | null): boolean {
  return (file.comments ?? []).some((comment) => {
    if (comment.start < promise.start || comment.end > promise.end) return false;
    const inCall = comment.start >= call.start && comment.end <= callback.start;
    const inValue = value !== null && comment.start >= value.start && comment.end <= value.end;
    return !inCall && !inValue;
  });
}

/** `const call = client.m(callback); call.write(x); call.end();` */
function planWriter(file: File, call: Node, parents: Parents, around: CallSurroundings): CallPlan {
  const callback = (call.arguments as Node[]).at(-1);
  if (!callback) return refused("it has no callback");
  const shape = isIdentifier(callback) ? null : callbackShape(callback);
  if (typeof shape === "string") return refused(shape);
  const held = heldBy(file, call, parents);
  if (typeof held === "string") return refused(held);
  const { others, name, ...place } = held;
  const writer = writerOf(file, name, others, parents, true);
  if (typeof writer === "string") return refused(writer);
  if (!shape) return planHanded(file, call, { ...place, writer });
  // The reply's code would see another thing under the name.
  if (mentions(callback, name)) return refused("the callback uses the call");
  const plan = planBlock(file, call, shape, parents, { ...place, writer });
  const body = place.header || place.status ? undefined : promiseBody(file, call, shape, around);
  return body ? inPlace(plan, body) : plan;
}

export function writerOf(
  file: File,
  name: string,
  references: readonly Node[],
  parents: Parents,
  isOnlyWritten: boolean,
): Writer | string {
  const writes: Node[] = [];
  const ends: Node[] = [];
  const drained = drainedWrites(references, parents, isOnlyWritten);
  for (const reference of references) {
    if (isOfDrained(reference, drained)) continue;
    const member = parents.get(reference) as Node;
    const used = memberName(member);
    if (member.object !== reference || used === undefined) return "the call is handed on";
    const use = parents.get(member) as Node;
    const isCall = use.type === "CallExpression" && use.callee === member;
    if (!isCall || !(isValueIgnored(use, parents) || isGivenToNobody(file, use, parents)))
      return `${name}.${used} is used`;
    if (used === "write" && use.arguments.length === 1) writes.push(use);
    else if (used === "end" && use.arguments.length <= 1) ends.push(use);
    else return `${name}.${used} is used`;
  }
  return { name, writes, ends, drained };
}

/** Of the references of a call, those that write and wait. */
export function drainedWrites(
  references: readonly Node[],
  parents: Parents,
  isOnlyWritten: boolean,
): readonly DrainedWrite[] {
  const writing = references.filter((reference) => memberName(parents.get(reference) as Node) === "write");
  return writing
    .map((reference) => drainedWrite(reference, parents, isOnlyWritten))
    .filter((found) => found !== undefined);
}

/** A statement, or what an arrow function returns to somebody who does not look: `forEach`, a timer, an emitter, a promise that nobody holds. */
function isValueIgnored(call: Node, parents: Parents): boolean {
  const parent = parents.get(call) as Node;
  if (parent.type === "ExpressionStatement") return true;
  const isWhole = parent.type === "ArrowFunctionExpression" && parent.body === call;
  const fn = isWhole ? parent : parent.type === "ReturnStatement" ? functionOf(call, parents) : undefined;
  const user = fn && parents.get(fn);
  if (user?.type !== "CallExpression") return false;
  const name = memberName(user.callee);
  if (user.arguments[1] === fn) return /^(on|once|addListener)$/.test(name ?? "");
  if (user.arguments[0] !== fn) return false;
  if (name === "then" || name === "finally") return parents.get(user)?.type === "ExpressionStatement";
  return name === "forEach" || /^(setTimeout|setImmediate|setInterval)$/.test(user.callee.name ?? "");
}

/** `const send = (text) => call.write({ text })`, whose calls are all statements. */
function isGivenToNobody(file: File, call: Node, parents: Parents): boolean {
  const fn = parents.get(call) as Node;
  const holder = parents.get(fn) as Node;
  if (fn.type !== "ArrowFunctionExpression" || fn.body !== call || holder.type !== "VariableDeclarator") return false;
  const binding = isIdentifier(holder.id) ? scopesOf(file).bindingOf(holder.id) : undefined;
  if (
    !binding ||
    binding.writes.length > 0 ||
    parents.get(parents.get(holder) as Node)?.type === "ExportNamedDeclaration"
  )
    return false;
  return binding.references.every((reference) => {
    const use = parents.get(reference) as Node;
    return use.type === "CallExpression" && use.callee === reference && isValueIgnored(use, parents);
  });
}
