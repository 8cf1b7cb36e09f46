import type { RpcKind } from "../analysis/facts.js";
import { type File, type FunctionNode, isIdentifier, memberName, type Node, parentMap } from "../shared/ast.js";
import { deadReturns, isBareReturn } from "../shared/control-flow.js";
import type { Reason } from "../shared/reasons.js";
import { scopesOf } from "../shared/scope.js";
import { callParameter } from "./call-parameter.js";
import type { ErrorShape } from "./error-shape.js";
import { fieldOf, namesIn, usesArguments, usesThis } from "./function-shape.js";
import { isOfPackage, isOnlyCalledBy } from "./handed-callback.js";
import {
  type Guard,
  type HandlerDraft,
  isInRegion,
  type ListenerPart,
  type PromiseRegion,
  type PushRegion,
  Refusal,
  refuse,
  type Surroundings,
} from "./handler-draft.js";
import { type HandlerTypes, handlerTypes } from "./handler-types.js";
import { keptCalls } from "./kept-calls.js";
import { describeUse, planCall, planTakenPart } from "./plan-call.js";
import { checkPaths, planChains } from "./plan-chains.js";
import { type Choice, isInKindTest, kindTests, planChoices, stepsBeside } from "./plan-choices.js";
import { planGuarded } from "./plan-guarded.js";
import { planGuardsOut } from "./plan-guards-out.js";
import { findListeners, isInDeadListener, planListeners } from "./plan-listeners.js";
import { planConversation, planPush, planRegion } from "./plan-regions.js";
import { planCallback, planHanded, planHelped, replyCallOf } from "./plan-replies.js";
import { checkSeveral, planWrapped } from "./plan-wrapped.js";
import type { PromiseChain } from "./promise-chain.js";
import type { ReplyBranches } from "./reply-branches.js";

/** How a reply stands in the code. */
export type ReplyForm = "statement" | "return" | "arrow" | "expression";

export interface Reply {
  /** The whole call expression: `callback(…)`, `call.end(…)`, `call.emit("error", …)`. */
  readonly node: Node;
  readonly statement: Node;
  readonly form: ReplyForm;
  /** It settles the promise around it, and what follows still runs. */
  readonly settles: boolean;
  /** An unreachable `return;` or `break;` behind it, which goes. */
  readonly dead: Node | null;
  /** Does the statement stand in a list, so that another may be put before it? */
  readonly inList: boolean;
  /** It is one branch of a conditional expression, which becomes an `if`. */
  readonly branches: ReplyBranches | null;
}

/** One thing that becomes something else. Each rule takes its own steps. */
export type Step =
  | (Reply & {
      readonly kind: "value";
      readonly value: Node;
      readonly trailers: Node | null;
      /** It is kept under a name and returned behind what runs behind the reply without a pause, or behind its trailers. */
      readonly kept: { readonly name: string; readonly last: Node } | null;
    })
  | (Reply & {
      readonly kind: "error";
      readonly error: ErrorShape;
      readonly trailers: Node | null;
      /** Inside a `try` whose `catch` would take a throw. */
      readonly asRejection: boolean;
      readonly via: "callback" | "emit";
    })
  | (Reply & { readonly kind: "either"; readonly error: Node; readonly value: Node; readonly trailers: Node | null })
  | (Reply & { readonly kind: "end"; readonly trailers: Node | null; readonly isLast: boolean })
  /** Statements (of `block`, or an arrow function's expression) that go into a promise, which the replies settle. */
  | (PromiseRegion & { readonly kind: "promise"; readonly block: Node | null })
  /** Statements of `block` that push their messages. */
  | (PushRegion & { readonly kind: "push"; readonly block: Node })
  /** A call that takes the callback, as the last thing to do: whoever gets it makes the reply. */
  | (Reply & { readonly kind: "handed"; readonly callback: string })
  /** `handler(call, callback)` of a wrapper, as the last thing to do. */
  | (Reply & { readonly kind: "passed-on"; readonly call: Node })
  /** `handler(call)` of a wrapper, which replies with the result. */
  | { readonly kind: "asked"; readonly node: Node }
  /** The callback as an argument of what will call it. */
  | { readonly kind: "settler"; readonly node: Node; readonly onlyFails: boolean }
  /** A promise chain that is returned from now on, without the `void` in front of it. */
  | { readonly kind: "chain"; readonly statement: Node; readonly chain: PromiseChain }
  /** The callback itself as a link's function: `.catch(callback)`. */
  | { readonly kind: "chain-callback"; readonly node: Node }
  /**
   * `if (!isAllowed(call, callback)) return;` of a guard that throws from now on; `check`: what goes around or behind it. `block`: what
   * stands in `if (isAllowed(call, callback)) { … }`, and stays.
   */
  | {
      readonly kind: "guarded";
      readonly node: Node;
      readonly asked: Node;
      readonly check: Node;
      readonly leave: Node | null;
      readonly block: Node | null;
      readonly dropped: readonly number[];
      /** A `try` that begins with it, and whose `catch` is not for what it throws: the `try` begins behind it. */
      readonly leaves: Node | null;
    }
  /** Guards at the beginning of a `try`, which come to stand before it. */
  | {
      readonly kind: "guards-out";
      readonly statement: Node;
      readonly begin: number;
      readonly end: number;
      readonly next: number;
    }
  /** The call, given to a function that only reads it. */
  | { readonly kind: "read-call"; readonly node: Node; readonly readsRequest: boolean }
  /** The call, given to a guard that takes the request, the context or both. */
  | { readonly kind: "given-on"; readonly node: Node; readonly takes: NonNullable<Guard["takes"]> }
  /** `{ parent: call }` of another call. */
  | { readonly kind: "parent"; readonly node: Node }
  /** The call as a value. */
  | { readonly kind: "kept"; readonly node: Node }
  | { readonly kind: "write"; readonly node: Node; readonly value: Node; readonly isPushed: boolean }
  | { readonly kind: "request"; readonly node: Node }
  /** `call.user`, which a handler or a wrapper put there. */
  | { readonly kind: "property"; readonly node: Node; readonly name: string }
  /** `call.user = value`, as a statement. */
  | { readonly kind: "set-property"; readonly node: Node; readonly name: string; readonly value: Node }
  /** `{ request, metadata } = call` of a declaration; `statement` where that is all of it, and the parameter can have the name. */
  | {
      readonly kind: "taken-apart";
      readonly node: Node;
      readonly parts: readonly TakenPart[];
      readonly statement: Node | null;
    }
  | { readonly kind: "requests"; readonly node: Node }
  | { readonly kind: "metadata-first"; readonly node: Node; readonly key: Node }
  | { readonly kind: "metadata-values"; readonly node: Node; readonly key: Node }
  | { readonly kind: "metadata"; readonly node: Node }
  | { readonly kind: "cancelled"; readonly node: Node; readonly mayBeLate: boolean }
  | {
      readonly kind: "on-cancelled";
      readonly node: Node;
      readonly event: "cancelled" | "close";
      readonly listener: Node;
    }
  | { readonly kind: "path"; readonly node: Node }
  | { readonly kind: "peer"; readonly node: Node }
  | { readonly kind: "host"; readonly node: Node }
  /** Milliseconds since the epoch, or Infinity. */
  | { readonly kind: "deadline"; readonly node: Node }
  | { readonly kind: "send-metadata"; readonly node: Node; readonly metadata: Node; readonly flush: boolean }
  | {
      readonly kind: "data-listener";
      readonly statement: Node;
      readonly part: ListenerPart;
      readonly listener: FunctionNode;
    }
  | {
      readonly kind: "end-listener";
      readonly statement: Node;
      readonly part: ListenerPart;
      readonly listener: FunctionNode;
    }
  | { readonly kind: "error-listener"; readonly statement: Node; readonly part: ListenerPart }
  | { readonly kind: "continue"; readonly statement: Node }
  /** A `var` of the data listener, which would be one for all messages in a loop. */
  | { readonly kind: "let"; readonly statement: Node }
  /** A statement behind the listeners, which stands before the loop. */
  | { readonly kind: "moved"; readonly statement: Node; readonly before: Node }
  /** A statement that nothing needs any more. */
  | { readonly kind: "gone"; readonly statement: Node };

/** A part of `const { request, metadata, user } = call`; `property`: what handlers and wrappers put on the call. */
export type TakenPart =
  | { readonly member: "request" | "metadata"; readonly value: Node }
  | { readonly member: "property"; readonly name: string; readonly value: Node };

export interface HandlerPlan {
  readonly ok: true;
  readonly fn: FunctionNode;
  readonly rpcKind: RpcKind;
  /** Name of the first parameter after the rewrite; null when its pattern stays (`({ request }, callback)`). */
  readonly requestName: string | null;
  /** Is the request, or a stream of them, read at all? */
  readonly usesRequest: boolean;
  readonly requestPattern: Node | null;
  /** Name of the context parameter; null when nothing needs it. */
  readonly contextName: string | null;
  readonly becomesAsync: boolean;
  readonly becomesGenerator: boolean;
  /** The field of a class that becomes a method: a generator that uses `this` can be no arrow function. */
  readonly field: Node | null;
  readonly types: HandlerTypes;
  /** The part that is in a promise. */
  readonly region: PromiseRegion | null;
  /** The part that pushes its messages. */
  readonly push: PushRegion | null;
  /** Of a wrapper that asks which kind of call it is. */
  readonly choices: readonly Choice[];
  readonly steps: readonly Step[];
}

export interface HandlerRefusal {
  readonly ok: false;
  readonly reason: Reason;
}

/** What a function has to do with another one that stands between it and its registration. */
export type Wrapping =
  /** It is given a handler under this name, and passes it the call. `isOfSeveral`: handlers of several kinds of methods. */
  | { readonly role: "wrapper"; readonly handler: string; readonly isOfSeveral: boolean }
  /** It is given to a wrapper, which replies with its result: there is no callback. */
  | { readonly role: "wrapped" };

const cache = new WeakMap<FunctionNode, Map<string, HandlerPlan | HandlerRefusal>>();

/**
 * What each use of `call` and `callback` in a handler becomes, or why the handler has to be bridged. The preconditions are
 * those of matrix §2.2 and §2.3: a reply is the last effect on its path, every path replies, and nothing keeps the call.
 */
export function planHandler(
  fn: FunctionNode,
  rpcKind: RpcKind,
  file: File,
  wrapping: Wrapping | null = null,
  around: Surroundings = {},
): HandlerPlan | HandlerRefusal {
  const known = cache.get(fn) ?? new Map<string, HandlerPlan | HandlerRefusal>();
  cache.set(fn, known);
  const key = JSON.stringify([
    rpcKind,
    wrapping,
    around.helped,
    around.properties,
    around.read,
    around.asked,
    around.upstream,
  ]);
  const made = known.get(key);
  if (made) return made;
  let plan = attempt(() => makePlan(fn, rpcKind, file, "direct", wrapping, around));
  for (const mode of ["later", "conversation", "handed"] as const) {
    if (plan.ok) break;
    if (mode === "conversation" && rpcKind !== "bidi_streaming") continue;
    const other = attempt(() => makePlan(fn, rpcKind, file, mode, wrapping, around));
    if (other.ok) plan = other;
  }
  known.set(key, plan);
  return plan;
}

/** What `make` gives, or why it refused. */
export function attempt<T>(make: () => T): T | HandlerRefusal {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { ok: false, reason: error.refusal };
  }
}

/**
 * `direct`: every reply is made in place. `later`: what is not settles a promise, or is pushed. `conversation`: all messages are
 * pushed, and the loop over the requests stands in what pushes them. `handed`: in place, but a function of a package may get the
 * callback.
 */
export type Mode = "direct" | "later" | "conversation" | "handed";

function makePlan(
  fn: FunctionNode,
  rpcKind: RpcKind,
  file: File,
  mode: Mode,
  wrapping: Wrapping | null,
  { helped = [], properties = [], read = [], asked = [], upstream = [] }: Surroundings,
): HandlerPlan {
  const scopes = scopesOf(file);
  const answersOnce = rpcKind === "unary" || rpcKind === "client_streaming";
  const streamsIn = rpcKind === "client_streaming" || rpcKind === "bidi_streaming";

  if (fn.generator) refuse("no-equivalent", "a handler that is a generator function");
  if (fn.params.length > 2) refuse("call-escapes", "the handler has more than two parameters");
  const [callParam, callbackParam] = fn.params.map((param) =>
    param.type === "AssignmentPattern" ? refuse("types-unknown", "a parameter with a default") : param,
  );
  if (!callParam) refuse("path-without-reply", "the handler takes no parameters");
  const isWrapped = wrapping?.role === "wrapped";
  if (isWrapped && (!answersOnce || callbackParam))
    refuse("no-equivalent", "a wrapped function that is given no call alone");
  if (answersOnce && !callbackParam && !isWrapped) refuse("path-without-reply", "the handler takes no callback");
  if (usesArguments(fn)) refuse("call-escapes", "arguments");
  const types =
    handlerTypes(fn, rpcKind, file, isWrapped) ?? refuse("types-unknown", "the types of the handler's parameters");
  const { references, requestPattern, taken: parts } = callParameter(callParam, streamsIn, scopes, properties);
  const draft: HandlerDraft = {
    fn,
    rpcKind,
    file,
    parents: parentMap(file),
    scopes,
    answersOnce,
    mayReject: answersOnce,
    streamsIn,
    types,
    callReferences: references,
    callback: callbackParam,
    kindTests: [],
    helped: new Map(helped.map((call) => [call.start, call])),
    properties: new Set(properties),
    read: new Map(read.map((each) => [each.start, each])),
    asked: new Set(asked),
    upstream: new Set(upstream),
    steps: [],
    replyNodes: new Set(),
    isLeave: isBareReturn,
    inlined: new Set(),
    listeners: [],
    dataListener: undefined,
    endListener: undefined,
    chainLinks: new Map(),
    chainCallbacks: new Set(),
    dropped: new Set(),
    passedOn: new Set(),
    kept: new Set(),
    region: undefined,
    push: undefined,
    needsContext: false,
  };

  if (wrapping?.role === "wrapper") {
    draft.kindTests.push(...kindTests(draft));
    planWrapped(draft, wrapping.handler);
  }
  if (!answersOnce && callbackParam) {
    const uses = isIdentifier(callbackParam) ? scopes.bindingOf(callbackParam)?.references : undefined;
    const isOfWrapper = (use: Node) => draft.passedOn.has(use) || isInKindTest(draft, use) || isOfAllKinds(draft, use);
    if (!uses?.every(isOfWrapper)) refuse("no-equivalent", "a callback in a streaming handler: grpc-js passes none");
  }
  // Listeners of an incoming stream first: what is inside them counts as the handler's own code.
  findListeners(draft);
  if (draft.dataListener || draft.endListener) planListeners(draft, mode);
  if (callbackParam && (answersOnce || mode === "direct")) planCallbackUses(draft, callbackParam, mode);
  else if (mode !== "direct") {
    const { kept, mayBeEnded } = keptCalls(draft);
    for (const reference of kept) draft.kept.add(reference);
    if (mode === "conversation") planConversation(draft, mayBeEnded);
    else if (mode === "later") planPush(draft);
  }
  for (const reference of references)
    if (!draft.dropped.has(reference) && !draft.passedOn.has(reference) && !isInDeadListener(draft, reference))
      planCall(draft, reference);
  for (const part of parts) planTakenPart(draft, part);
  const choices = planChoices(draft);
  draft.steps.splice(0, draft.steps.length, ...stepsBeside(draft.steps, choices));
  if (draft.steps.some((step) => step.kind === "passed-on" && isInRegion(draft, step.call)))
    refuse("reply-in-nested-function", "a handler that is called later");
  if (!isWrapped) checkPaths(draft, choices);
  if (wrapping?.role === "wrapper" && wrapping.isOfSeveral) checkSeveral(draft, choices);

  for (const { statement } of deadReturns(fn, leavesAt(draft.steps))) draft.steps.push({ kind: "gone", statement });

  const becomesGenerator = !answersOnce && !isOnlyPushed(draft);
  const isArrow = becomesGenerator && fn.type === "ArrowFunctionExpression";
  const field = isArrow && usesThis(fn) ? fieldOf(fn, draft.parents) : undefined;
  if (isArrow && (fn.body.type !== "BlockStatement" || (usesThis(fn) && !field)))
    refuse("no-equivalent", "an arrow function as a generator");
  const becomesAsync =
    !fn.async &&
    (becomesGenerator ||
      (draft.listeners.length > 0 && !draft.push?.holdsLoop) ||
      draft.steps.some((step) => step.kind === "requests"));
  const taken = namesIn(fn);
  const pick = (...names: string[]) =>
    names.find((name) => !taken.has(name)) ?? refuse("edit-conflict", "no free parameter name");
  const ownName = nameOfRequest(draft);
  return {
    ok: true,
    fn,
    rpcKind,
    requestName: requestPattern
      ? null
      : streamsIn
        ? pick("requests", "incoming")
        : (ownName ?? pick("req", "request", "rpcRequest")),
    usesRequest: streamsIn || ownName !== undefined || draft.passedOn.size > 0 || draft.steps.some(usesRequest),
    requestPattern,
    contextName: draft.needsContext ? pick("ctx", "context", "handlerContext") : null,
    becomesAsync,
    becomesGenerator,
    field: field ?? null,
    types,
    region: draft.region ?? null,
    push: draft.push ?? null,
    choices,
    steps: draft.steps.filter((step) => !draft.steps.some((other) => dropsValue(other, step))),
  };
}

/** Is a statement a reply that becomes a return or a throw? */
function leavesAt(steps: readonly Step[]): (statement: Node) => boolean {
  const leaving = new Set(
    steps.flatMap((step) =>
      (step.kind === "value" || step.kind === "error") && !step.settles && !step.branches ? [step.statement] : [],
    ),
  );
  return (statement) => leaving.has(statement);
}

function readsRequest(step: Step): boolean {
  return (
    step.kind === "request" || (step.kind === "taken-apart" && step.parts.some(({ member }) => member === "request"))
  );
}

function usesRequest(step: Step): boolean {
  if (step.kind === "given-on") return step.takes.request;
  return readsRequest(step) || (step.kind === "read-call" && step.readsRequest);
}

/** The name that the handler itself gives the request, `const { request } = call`: the parameter takes it, and the statement goes. */
export function nameOfRequest({ steps }: HandlerDraft): string | undefined {
  const [step, ...more] = steps.filter(readsRequest);
  const [part] = step?.kind === "taken-apart" ? step.parts : [];
  if (step?.kind !== "taken-apart" || !step.statement || !part || more.length > 0) return undefined;
  steps.splice(steps.indexOf(step), 1, { kind: "gone", statement: step.statement });
  return part.value.name;
}

/** `callback(err, value)`: the value goes with the reply, and so does what it reads of the call. */
function dropsValue(reply: Step, inner: Step): boolean {
  const [, value] = (reply.kind === "error" && reply.via === "callback" ? reply.node.arguments : []) as Node[];
  if (value === undefined || !("node" in inner)) return false;
  return value.start <= inner.node.start && inner.node.end <= value.end;
}

/** Is the pushed stream all that a streaming handler has to return? Then it need not be a generator. */
function isOnlyPushed({ push, fn, steps }: HandlerDraft): boolean {
  const isElsewhere = (step: Step) =>
    (step.kind === "write" && !step.isPushed) || (step.kind === "end" && !step.settles) || step.kind === "requests";
  const isLoop = (step: Step) => step.kind === "data-listener" && !push?.holdsLoop;
  return push !== undefined && !fn.async && !steps.some((step) => isElsewhere(step) || isLoop(step));
}

/** Is the callback given to a function that makes error replies of all kinds? */
function isOfAllKinds({ parents, helped }: HandlerDraft, use: Node): boolean {
  return helped.get((parents.get(use) as Node).start)?.isOfSeveral === true;
}

/** The callback is only ever called, each time as a reply; inside a promise it may also be handed to what calls it. */
function planCallbackUses(draft: HandlerDraft, param: Node, mode: Mode): void {
  if (!isIdentifier(param)) refuse("callback-escapes", "the callback is not a plain parameter");
  const binding = draft.scopes.bindingOf(param);
  if (!binding || binding.writes.length > 0) refuse("callback-escapes", "the callback is assigned again");
  const references = binding.references.filter(
    (reference) =>
      !draft.passedOn.has(reference) &&
      !isInDeadListener(draft, reference) &&
      !draft.kindTests.includes(draft.parents.get(reference) as Node),
  );
  if (mode === "later") planRegion(draft, references);
  planChains(draft, references);
  for (const reference of references) {
    const call = draft.parents.get(reference) as Node;
    if (draft.chainCallbacks.has(reference)) continue;
    const own = draft.helped.get(call.start);
    if (own?.guard && call.callee !== reference) planGuarded(draft, call, own, own.guard);
    else if (own && replyCallOf(draft, reference)) planHelped(draft, call, own);
    else if (call.type === "CallExpression" && call.callee === reference) planCallback(draft, call);
    else if (isInRegion(draft, reference) && isOnlyCalledBy(draft, reference, call))
      draft.steps.push({ kind: "settler", node: reference, onlyFails: memberName(call.callee) === "catch" });
    else if (
      call.type === "CallExpression" &&
      (mode === "handed" || (mode === "direct" && !isOfPackage(draft, call.callee) && !draft.asked.has(call.start)))
    )
      planHanded(draft, call, reference);
    else refuse("callback-escapes", describeUse(call));
  }
  planGuardsOut(draft);
}
