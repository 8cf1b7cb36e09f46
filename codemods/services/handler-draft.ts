import type { RpcKind } from "../analysis/facts.js";
import {
  type File,
  type FunctionNode,
  functionOf,
  isFunction,
  isWithin,
  type Node,
  type Parents,
} from "../shared/ast.js";
import { type Reason, type ReasonCode, reason } from "../shared/reasons.js";
import type { Scopes } from "../shared/scope.js";
import type { Nothing } from "./guard-values.js";
import type { Step } from "./handler-plan.js";
import type { HandlerTypes } from "./handler-types.js";

export class Refusal extends Error {
  constructor(readonly refusal: Reason) {
    super(refusal.text);
  }
}
export function refuse(code: ReasonCode, detail: string): never {
  throw new Refusal(reason(code, detail));
}

/** `call.on(event, listener)` as a statement of the handler's body, or a link of `call.on(…).on(…)`. */
export interface CallListener {
  readonly event: string;
  readonly listener: FunctionNode;
  readonly statement: Node;
  /** The part of the statement that is this listener's; the parts of a chain lie next to each other. */
  readonly part: ListenerPart;
}

export interface ListenerPart {
  readonly start: number;
  readonly end: number;
  /** Not the first link of a chain. */
  readonly isLater: boolean;
}

/**
 * The end of a statement list that goes into `new Promise((resolve, reject) => { … })`; of an arrow function without a block
 * the expression.
 */
export interface PromiseRegion {
  readonly first: Node;
  readonly last: Node;
  readonly resolve: string;
  readonly reject: string;
  /** Does something wait in it? Then an async function settles the promise. */
  readonly isAsync: boolean;
}

/** The end of a statement list that goes into `createPushStream((output) => { … })`. */
export interface PushRegion {
  readonly first: Node;
  readonly last: Node;
  readonly output: string;
  /** Does something wait in it? Then an async function pushes. */
  readonly isAsync: boolean;
  /** Does the loop over the requests stand in it? */
  readonly holdsLoop: boolean;
  /** Statements from behind the listeners, which stand in it before the loop. */
  readonly leads: readonly Node[];
}

/** A call of a function that makes error replies, and that returns the error from now on (rule reply-helper). */
export interface HelpedCall {
  readonly start: number;
  /** The arguments that go: the callback, and the call where the function is given it. */
  readonly dropped: readonly number[];
  /** Does the function ask which kind of call it is, so that it answers all of them? */
  readonly isOfSeveral: boolean;
  /** It does not return the error but throws it, and else gives something. */
  readonly guard: Guard | null;
}

/** A function that replies with an error and gives nothing, or gives something: `if (!isAllowed(call, callback)) return;`. */
export interface Guard {
  readonly isAsync: boolean;
  /** Does it say what it gives in such a way that nothing stays part of it? A question behind it takes that away. */
  readonly isTyped: boolean;
  /** The kinds of nothing that it gives behind an error reply. */
  readonly refused: readonly Nothing[];
  /** Those that it never gives else. */
  readonly excluded: readonly Nothing[];
  /** May it throw anything but its error replies? */
  readonly mayThrowMore: boolean;
  /** What it takes in the place of the call; null where it is given a view of it. */
  readonly takes: { readonly request: boolean; readonly context: boolean } | null;
}

/** A place where the call goes to something that only reads it: a function of the project (`isAuthorized(call)`), or another call. */
export interface ReadCall {
  readonly start: number;
  readonly readsRequest: boolean;
  /** Is it the parent of another call, `{ parent: call }`? */
  readonly isParent: boolean;
}

/** What the project says of a handler's call and callback, beside what stands in the handler. */
export interface Surroundings {
  /** Calls in it of functions that make its error replies, and change with it. */
  readonly helped?: readonly HelpedCall[];
  /** What handlers and wrappers put on calls, and what becomes context values. */
  readonly properties?: readonly string[];
  /** Where it gives its call to something that only reads it. */
  readonly read?: readonly ReadCall[];
  /** Where calls of clients begin that get its callback. */
  readonly asked?: readonly number[];
  /** Where calls of clients begin that it keeps. */
  readonly upstream?: readonly number[];
}

/** The arguments and parameters that go, in their order. */
export function droppedOf(callback: number | null, call: number | null): readonly number[] {
  return [callback, call].filter((index) => index !== null).sort((a, b) => a - b);
}

/** What is known of a handler while its plan is made. */
export interface HandlerDraft {
  readonly fn: FunctionNode;
  readonly rpcKind: RpcKind;
  readonly file: File;
  readonly parents: Parents;
  readonly scopes: Scopes;
  /** Does it answer with one message, by its callback? */
  readonly answersOnce: boolean;
  /** May it return a rejection, which its own `catch` does not see? */
  readonly mayReject: boolean;
  readonly streamsIn: boolean;
  readonly types: HandlerTypes;
  readonly callReferences: readonly Node[];
  /** The parameter that stands for the callback. */
  readonly callback: Node | undefined;
  /** `if (callback) …` in what handles several kinds of calls. */
  readonly kindTests: Node[];
  /** Calls of functions that make the error replies of handlers, by where they start. */
  readonly helped: ReadonlyMap<number, HelpedCall>;
  /** What handlers and wrappers put on calls, and what becomes context values. */
  readonly properties: ReadonlySet<string>;
  /** Where the call goes to something that only reads it, by the place. */
  readonly read: ReadonlyMap<number, ReadCall>;
  /** Calls of clients that get the callback, by their place. */
  readonly asked: ReadonlySet<number>;
  /** Calls of clients that the handler keeps, by their place. */
  readonly upstream: ReadonlySet<number>;
  readonly steps: Step[];
  /** Statements, or expressions of arrow functions, that reply. */
  readonly replyNodes: Set<Node>;
  /** Does a statement leave the function behind a reply, and nothing else? */
  readonly isLeave: (statement: Node) => boolean;
  /** Listeners that become the handler's own code. */
  readonly inlined: Set<Node>;
  readonly listeners: CallListener[];
  dataListener: CallListener | undefined;
  endListener: CallListener | undefined;
  /** Functions of promise chains that reply; false: what they throw would meet the `catch` behind them. */
  readonly chainLinks: Map<Node, boolean>;
  readonly chainCallbacks: Set<Node>;
  /** Uses of the call that go with a reply before them. */
  readonly dropped: Set<Node>;
  /** Uses of the call and the callback as arguments of a wrapped handler. */
  readonly passedOn: Set<Node>;
  /** Uses of the call as a value, which the writing side of the pushed stream takes over. */
  readonly kept: Set<Node>;
  region: PromiseRegion | undefined;
  push: PushRegion | undefined;
  needsContext: boolean;
}

/** Does a node run when the handler runs: in its own body, or in a listener that becomes part of it? */
export function isOwn(draft: HandlerDraft, node: Node): boolean {
  const around = functionOf(node, draft.parents);
  return around !== undefined && (around === draft.fn || draft.inlined.has(around));
}

/** Does it stand in the part of a handler where replies settle a promise, or go into a pushed stream? */
export function isInRegion({ region, push }: HandlerDraft, node: Node): boolean {
  const around = region ?? push;
  if (push?.leads.some((lead) => isWithin(node, lead))) return true;
  return around !== undefined && around.first.start <= node.start && node.end <= around.last.end;
}

export function isInFinally(node: Node, parents: Parents): boolean {
  return partsOfTries(node, parents).some(({ part, statement }) => part === statement.finalizer);
}

/** Would a throw at this place meet a `catch` of the same function? */
export function isInCatchingTry(node: Node, parents: Parents): boolean {
  return partsOfTries(node, parents).some(({ part, statement }) => part === statement.block && statement.handler);
}

/** The `try` statements of the same function around a node, from the inside, and the part of each in which it stands. */
export function partsOfTries(node: Node, parents: Parents): { part: Node; statement: Node }[] {
  const found: { part: Node; statement: Node }[] = [];
  for (
    let child = node, parent = parents.get(node);
    parent && !isFunction(parent);
    child = parent, parent = parents.get(parent)
  ) {
    if (parent.type === "TryStatement") found.push({ part: child, statement: parent });
  }
  return found;
}
