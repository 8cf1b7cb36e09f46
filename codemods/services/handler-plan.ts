import type { RpcKind } from "../analysis/facts.js";
import {
  childrenOf,
  type File,
  type FunctionNode,
  functionOf,
  isFunction,
  isIdentifier,
  keyName,
  memberName,
  type Node,
  parentMap,
  unwrap,
  walk,
} from "../shared/ast.js";
import { type Reason, reason } from "../shared/reasons.js";
import { scopesOf } from "../shared/scope.js";
import { isTail, mayEndWithout, removableAfter } from "./control-flow.js";
import { type ErrorShape, errorShape } from "./error-shape.js";
import { type HandlerTypes, handlerTypes } from "./handler-types.js";
import { promiseChainOf } from "./promise-chain.js";

/** How a reply stands in the code. */
export type ReplyForm = "statement" | "return" | "arrow";

export interface Reply {
  /** The whole call expression: `callback(…)`, `call.end(…)`, `call.emit("error", …)`. */
  readonly node: Node;
  readonly statement: Node;
  readonly form: ReplyForm;
  /** An unreachable `return;` or `break;` behind it, which goes. */
  readonly dead: Node | null;
  /** Does the statement stand in a list, so that another may be put before it? */
  readonly inList: boolean;
}

/** One thing that becomes something else. Each rule takes its own steps. */
export type Step =
  | (Reply & { readonly kind: "value"; readonly value: Node; readonly trailers: Node | null })
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
  /** A promise chain that is returned from now on. */
  | { readonly kind: "chain"; readonly statement: Node }
  /** The callback itself as a link's function: `.catch(callback)`. */
  | { readonly kind: "chain-callback"; readonly node: Node }
  | { readonly kind: "write"; readonly node: Node; readonly value: Node }
  | { readonly kind: "request"; readonly node: Node }
  | { readonly kind: "requests"; readonly node: Node }
  | { readonly kind: "metadata-first"; readonly node: Node; readonly key: Node }
  | { readonly kind: "metadata"; readonly node: Node }
  | { readonly kind: "cancelled"; readonly node: Node }
  | { readonly kind: "on-cancelled"; readonly node: Node; readonly listener: Node }
  | { readonly kind: "path"; readonly node: Node }
  | { readonly kind: "peer"; readonly node: Node }
  | { readonly kind: "send-metadata"; readonly node: Node; readonly metadata: Node; readonly flush: boolean }
  | { readonly kind: "data-listener"; readonly statement: Node; readonly listener: FunctionNode }
  | { readonly kind: "end-listener"; readonly statement: Node; readonly listener: FunctionNode }
  | { readonly kind: "error-listener"; readonly statement: Node }
  | { readonly kind: "continue"; readonly statement: Node };

export interface HandlerPlan {
  readonly ok: true;
  readonly fn: FunctionNode;
  readonly rpcKind: RpcKind;
  /** Name of the first parameter after the rewrite; null when its pattern stays (`({ request }, callback)`). */
  readonly requestName: string | null;
  readonly requestPattern: Node | null;
  /** Name of the context parameter; null when nothing needs it. */
  readonly contextName: string | null;
  readonly becomesAsync: boolean;
  readonly becomesGenerator: boolean;
  readonly types: HandlerTypes;
  readonly steps: readonly Step[];
}

export interface HandlerRefusal {
  readonly ok: false;
  readonly reason: Reason;
}

class Refusal extends Error {
  constructor(readonly refusal: Reason) {
    super(refusal.text);
  }
}
function refuse(code: Parameters<typeof reason>[0], detail: string): never {
  throw new Refusal(reason(code, detail));
}

const cache = new WeakMap<FunctionNode, Map<RpcKind, HandlerPlan | HandlerRefusal>>();

/**
 * What each use of `call` and `callback` in a handler becomes, or why the handler has to be bridged. The preconditions are
 * those of matrix §2.2 and §2.3: a reply is the last effect on its path, every path replies, and nothing keeps the call.
 */
export function planHandler(fn: FunctionNode, rpcKind: RpcKind, file: File): HandlerPlan | HandlerRefusal {
  const known = cache.get(fn) ?? new Map<RpcKind, HandlerPlan | HandlerRefusal>();
  cache.set(fn, known);
  let plan = known.get(rpcKind);
  if (plan === undefined) {
    try {
      plan = makePlan(fn, rpcKind, file);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      plan = { ok: false, reason: error.refusal };
    }
    known.set(rpcKind, plan);
  }
  return plan;
}

function makePlan(fn: FunctionNode, rpcKind: RpcKind, file: File): HandlerPlan {
  const parents = parentMap(file);
  const scopes = scopesOf(file);
  const replies = rpcKind === "unary" || rpcKind === "client_streaming";
  const streamsIn = rpcKind === "client_streaming" || rpcKind === "bidi_streaming";
  const steps: Step[] = [];
  let needsContext = false;

  if (fn.generator) refuse("no-equivalent", "a handler that is a generator function");
  if (fn.params.length > 2) refuse("call-escapes", "the handler has more than two parameters");
  const [callParam, callbackParam] = fn.params.map((param) =>
    param.type === "AssignmentPattern" ? refuse("types-unknown", "a parameter with a default") : param,
  );
  if (!callParam) refuse("path-without-reply", "the handler takes no parameters");
  if (replies && !callbackParam) refuse("path-without-reply", "the handler takes no callback");
  if (!replies && callbackParam) {
    const used = isIdentifier(callbackParam) ? scopes.bindingOf(callbackParam)?.references.length : 1;
    if (used) refuse("no-equivalent", "a callback in a streaming handler: grpc-js passes none");
  }
  if (usesArguments(fn)) refuse("call-escapes", "arguments");
  const types = handlerTypes(fn, rpcKind, file) ?? refuse("types-unknown", "the types of the handler's parameters");

  // Regions are the function and the listeners that are inlined into it.
  const inlined = new Set<Node>();
  const own = (node: Node): boolean => {
    const around = functionOf(node, parents);
    return around === fn || (around !== undefined && inlined.has(around));
  };
  const listenerAt = (call: Node): { event: string; listener: FunctionNode; statement: Node } | undefined => {
    const statement = parents.get(call);
    if (statement?.type !== "ExpressionStatement" || parents.get(statement) !== fn.body) return undefined;
    const [event, listener, ...rest] = call.arguments as Node[];
    if (event?.type !== "StringLiteral" || !isFunction(listener) || rest.length > 0) return undefined;
    return { event: event.value, listener, statement };
  };

  const callReferences: Node[] = [];
  let requestPattern: Node | null = null;
  if (isIdentifier(callParam)) {
    const binding = scopes.bindingOf(callParam);
    if (!binding || binding.writes.length > 0) refuse("call-escapes", `${callParam.name} is assigned again`);
    callReferences.push(...(binding?.references ?? []));
  } else if (callParam.type === "ObjectPattern") {
    const [property, ...more] = callParam.properties as Node[];
    if (
      streamsIn ||
      !property ||
      more.length > 0 ||
      property.type !== "ObjectProperty" ||
      keyName(property) !== "request"
    ) {
      refuse("call-escapes", "the call is destructured");
    }
    requestPattern = (property as Node).value as Node;
    if (requestPattern.type === "AssignmentPattern") refuse("types-unknown", "a request with a default");
  } else refuse("call-escapes", "the call is not a plain parameter");

  // Listeners of an incoming stream first: what is inside them counts as the handler's own code.
  const listeners: { event: string; listener: FunctionNode; statement: Node }[] = [];
  for (const reference of callReferences) {
    const member = parents.get(reference) as Node;
    const call = parents.get(member) as Node;
    if (
      memberName(member) !== "on" ||
      member.object !== reference ||
      call.type !== "CallExpression" ||
      call.callee !== member
    )
      continue;
    const found = listenerAt(call);
    if (found && ["data", "end", "error"].includes(found.event)) listeners.push(found);
  }
  const dataListener = listeners.find((one) => one.event === "data");
  const endListener = listeners.find((one) => one.event === "end");
  if (dataListener || endListener) planListeners();

  function planListeners(): void {
    if (!streamsIn) refuse("no-equivalent", "stream events on a call without incoming messages");
    const body = fn.body.body as Node[];
    const count = (event: string) => listeners.filter((one) => one.event === event).length;
    if (!dataListener || !endListener || count("data") > 1 || count("end") > 1) {
      refuse("reply-in-nested-function", "listeners that are not one for data and one for end");
    }
    const first = body.indexOf(dataListener.statement);
    const rest = body.slice(first).filter((statement) => !isFunction(statement) && statement.type !== "EmptyStatement");
    const allowed = new Set(listeners.map((one) => one.statement));
    if (rest.some((statement) => !allowed.has(statement)) || body.indexOf(endListener.statement) < first) {
      refuse("code-after-reply", "statements behind the listeners of the incoming stream");
    }
    const { listener } = dataListener;
    if (listener.async) refuse("reply-in-nested-function", "an async data listener, whose runs overlap");
    if (listener.generator || listener.params.length > 1) refuse("no-equivalent", "the shape of the data listener");
    if (listener.type === "FunctionExpression" && usesThis(listener)) refuse("call-escapes", "this of a listener");
    if (endListener.listener.type === "FunctionExpression" && usesThis(endListener.listener))
      refuse("call-escapes", "this of a listener");
    if (endListener.listener.params.length > 0 || endListener.listener.generator)
      refuse("no-equivalent", "the shape of the end listener");
    for (const { body: expression } of [listener, endListener.listener]) {
      if (/^(Object|Function|Class)Expression$/.test(expression.type))
        refuse("no-equivalent", "a listener whose expression cannot be a statement");
    }
    if (isCaughtName(endListener.listener))
      refuse("edit-conflict", "a name of the end listener that the handler has too");
    inlined.add(listener);
    inlined.add(endListener.listener);
    steps.push({ kind: "data-listener", statement: dataListener.statement, listener });
    steps.push({ kind: "end-listener", statement: endListener.statement, listener: endListener.listener });
    for (const one of listeners.filter((other) => other.event === "error")) {
      // The server's call emits no error of its own, so such a listener never runs (matrix H-36).
      steps.push({ kind: "error-listener", statement: one.statement });
    }
    for (const statement of returnsIn(listener)) {
      if (statement.argument) refuse("reply-in-nested-function", "a return with a value in the data listener");
      if (insideLoop(statement, listener))
        refuse("reply-in-nested-function", "a return inside a loop of the data listener");
      steps.push({ kind: "continue", statement });
    }
  }

  /** Declarations of the end listener move into the handler: they must not meet any name that it uses. */
  function isCaughtName(listener: FunctionNode): boolean {
    const used = new Set(scopes.scopeOf(fn.body).bindings.keys());
    walk(fn, (node, [parent]) => {
      if (node === listener) return false;
      const isMember = parent && memberName(parent) !== undefined && parent.property === node;
      if (node.type === "Identifier" && !isMember) used.add(node.name);
      return true;
    });
    return [...scopes.scopeOf(listener.body).bindings.keys()].some((name) => used.has(name));
  }

  const replyOf = (call: Node): Reply => {
    if (!own(call)) refuse("reply-in-nested-function", "a reply in a nested function");
    if (isInFinally(call)) refuse("code-after-reply", "a reply in finally, which would swallow what was thrown");
    const parent = parents.get(call) as Node;
    if (isFunction(parent) && parent.body === call) {
      // The expression of an end listener becomes a statement of the handler.
      if (endListener && parent === endListener.listener)
        return { node: call, statement: call, form: "statement", dead: null, inList: false };
      if (parent !== fn && !chainLinks.has(parent)) refuse("reply-in-nested-function", "a reply in an arrow function");
      return { node: call, statement: call, form: "arrow", dead: null, inList: false };
    }
    const form: ReplyForm =
      parent.type === "ExpressionStatement"
        ? "statement"
        : parent.type === "ReturnStatement"
          ? "return"
          : refuse("code-after-reply", "the reply is part of an expression");
    const around = functionOf(call, parents) as FunctionNode;
    if (dataListener && around === dataListener.listener)
      refuse("reply-in-nested-function", "a reply in the data listener");
    if (form === "statement" && !isTail(parent, around, parents)) {
      refuse("code-after-reply", "statements behind the reply");
    }
    const list = parents.get(parent) as Node;
    return {
      node: call,
      statement: parent,
      form,
      dead: form === "statement" ? removableAfter(parent, parents) : null,
      inList: list.type === "BlockStatement" || list.type === "SwitchCase",
    };
  };
  const isInFinally = (node: Node): boolean => {
    for (
      let child = node, parent = parents.get(node);
      parent && !isFunction(parent);
      child = parent, parent = parents.get(parent)
    ) {
      if (parent.type === "TryStatement" && parent.finalizer === child) return true;
    }
    return false;
  };
  const isInCatchingTry = (node: Node): boolean => {
    for (
      let child = node, parent = parents.get(node);
      parent && !isFunction(parent);
      child = parent, parent = parents.get(parent)
    ) {
      if (parent.type === "TryStatement" && parent.block === child && parent.handler) return true;
    }
    return false;
  };
  const replyNodes = new Set<Node>();
  const chainCallbacks = new Set<Node>();
  /** Functions of promise chains that reply; false: what they throw would meet the `catch` behind them. */
  const chainLinks = new Map<Node, boolean>();
  /** A comment between the parts of a reply would be lost with the call around it. */
  const keepComments = (call: Node, kept: readonly (Node | null | undefined)[]) => {
    const isLost = (comment: { start: number; end: number }) =>
      call.start <= comment.start &&
      comment.end <= call.end &&
      !kept.some((node) => node && node.start <= comment.start && comment.end <= node.end);
    if ((file.comments ?? []).some(isLost)) refuse("edit-conflict", "a comment inside the reply");
  };
  const addError = (call: Node, error: Node, trailers: Node | null, via: "callback" | "emit") => {
    const reply = replyOf(call);
    if (chainLinks.get(functionOf(call, parents) as Node) === false)
      refuse("code-after-reply", "an error reply in then, which the catch behind it would see");
    const asRejection = isInCatchingTry(call);
    if (asRejection && !replies) refuse("code-after-reply", "an error reply inside a try with a catch, in a stream");
    if (reply.form === "arrow" && trailers) refuse("no-equivalent", "an arrow function that replies with trailers");
    const shape = errorShape(error, file);
    keepComments(call, [error, trailers]);
    steps.push({ ...reply, kind: "error", error: shape, trailers, asRejection, via });
    replyNodes.add(reply.statement);
  };

  // The callback: only ever called, each time as a reply.
  if (replies && callbackParam) {
    if (!isIdentifier(callbackParam)) refuse("callback-escapes", "the callback is not a plain parameter");
    const binding = scopes.bindingOf(callbackParam);
    if (!binding || binding.writes.length > 0) refuse("callback-escapes", "the callback is assigned again");
    planChains(binding.references);
    for (const reference of binding.references) {
      const call = parents.get(reference) as Node;
      if (chainCallbacks.has(reference)) continue;
      if (call.type !== "CallExpression" || call.callee !== reference) {
        refuse("callback-escapes", describeUse(call));
      }
      planCallback(call);
    }
  }

  /** Promise chains whose links reply: the chain is returned, the links return and throw. */
  function planChains(references: readonly Node[]): void {
    const isReply = (argument: Node) =>
      references.some(
        (reference) => reference === argument || (isFunction(argument) && functionOf(reference, parents) === argument),
      );
    for (const reference of references) {
      if (own(parents.get(reference) as Node) && !isChainArgument(reference)) continue;
      if (chainCallbacks.has(reference)) continue;
      const chain = promiseChainOf(reference, fn, parents, isReply);
      if (chain === undefined) continue;
      if (typeof chain === "string") refuse("reply-in-nested-function", chain);
      if (chain.form === "statement" && !isTail(chain.statement, fn, parents))
        refuse("code-after-reply", "statements behind the promise chain");
      if (isInFinally(chain.node)) refuse("code-after-reply", "a promise chain in finally");
      for (const link of chain.functions) {
        inlined.add(link.fn);
        chainLinks.set(link.fn, link.mayFail);
      }
      for (const node of chain.bare) {
        chainCallbacks.add(node);
        steps.push({ kind: "chain-callback", node });
      }
      if (chain.form === "statement") steps.push({ kind: "chain", statement: chain.statement });
      replyNodes.add(chain.statement);
    }
  }
  function isChainArgument(reference: Node): boolean {
    return /^(then|catch)$/.test(memberName((parents.get(reference) as Node).callee ?? reference) ?? "");
  }

  function planCallback(call: Node): void {
    const [error, value, trailers = null, flags] = call.arguments as Node[];
    if ((call.arguments as Node[]).some((argument) => argument.type === "SpreadElement"))
      refuse("callback-escapes", "a spread argument");
    if (flags && !isPure(flags)) refuse("code-after-reply", "a fourth argument with effects");
    if (!error) refuse("path-without-reply", "callback() without arguments");
    const metadata = trailers && isNothing(trailers) ? null : trailers;
    if (metadata && !isIdentifier(metadata)) refuse("types-unknown", "trailers that are not a plain name");
    if (isNothing(error)) {
      if (!value || isNothing(value)) refuse("path-without-reply", "callback(null) without a message");
      const reply = replyOf(call);
      if (metadata) {
        needsContext = true;
        if (!reply.inList) refuse("no-equivalent", "trailers in a reply that is not a statement of its own");
      }
      keepComments(call, [value]);
      steps.push({ ...reply, kind: "value", value, trailers: metadata });
      replyNodes.add(reply.statement);
      return;
    }
    const mayBeNull = value !== undefined && !isNothing(value) && !isErrorValue(error);
    if (!mayBeNull) {
      if (value && !isNothing(value) && !isPure(value))
        refuse("code-after-reply", "a message with effects beside an error");
      addError(call, error, metadata, "callback");
      return;
    }
    const reply = replyOf(call);
    if (chainLinks.get(functionOf(call, parents) as Node) === false)
      refuse("code-after-reply", "an error reply in then, which the catch behind it would see");
    if (!reply.inList || !isIdentifier(unwrap(error)) || metadata || isInCatchingTry(call)) {
      refuse("types-unknown", "a reply with both an error and a message");
    }
    steps.push({ ...reply, kind: "either", error, value, trailers: metadata });
    replyNodes.add(reply.statement);
  }

  // The call: request, metadata and what a stream does.
  for (const reference of callReferences) planCall(reference);

  function planCall(reference: Node): void {
    const parent = parents.get(reference) as Node;
    if (streamsIn && parent.type === "ForOfStatement" && parent.await && parent.right === reference && own(reference)) {
      steps.push({ kind: "requests", node: reference });
      return;
    }
    const name = parent.object === reference ? memberName(parent) : undefined;
    if (name === undefined || parent.type !== "MemberExpression") refuse("call-escapes", describeUse(parent));
    const whole = parents.get(parent) as Node;
    const isCalled = whole.type === "CallExpression" && whole.callee === parent;
    const isStatement = isCalled && parents.get(whole)?.type === "ExpressionStatement";
    const isWritten =
      (whole.type === "AssignmentExpression" && whole.left === parent) ||
      whole.type === "UpdateExpression" ||
      (whole.type === "UnaryExpression" && whole.operator === "delete");
    if (isWritten) refuse("call-escapes", `call.${name} is assigned`);
    switch (name) {
      case "request":
        if (streamsIn) refuse("no-equivalent", "call.request on an incoming stream");
        steps.push({ kind: "request", node: parent });
        return;
      case "metadata":
        planMetadata(parent, whole);
        return;
      case "cancelled":
        needsContext = true;
        steps.push({ kind: "cancelled", node: parent });
        return;
      case "getPath":
      case "getPeer":
        if (!isCalled) break;
        needsContext = true;
        steps.push({ kind: name === "getPath" ? "path" : "peer", node: whole });
        return;
      case "sendMetadata":
        if (!isStatement || !own(whole) || (whole.arguments as Node[]).length !== 1) break;
        if (steps.some((step) => step.kind === "send-metadata"))
          refuse("no-equivalent", "a second call.sendMetadata, which grpc-js ignores");
        needsContext = true;
        steps.push({ kind: "send-metadata", node: whole, metadata: whole.arguments[0], flush: !replies });
        return;
      case "on": {
        if (listeners.some((one) => one.statement === parents.get(whole)) && dataListener) return;
        const [event, listener] = (isCalled ? whole.arguments : []) as Node[];
        // grpc-js emits `cancelled` at the end of every call; our signal, like Connect's promise, aborts only calls that failed.
        if (isStatement && event?.type === "StringLiteral" && event.value === "cancelled" && isFunction(listener))
          refuse("no-equivalent", 'call.on("cancelled"), which grpc-js also emits when a call ends well');
        refuse("reply-in-nested-function", `call.on(${event?.type === "StringLiteral" ? `"${event.value}"` : "…"})`);
        break;
      }
      case "write":
        if (replies || !(isStatement || dataListener?.listener.body === whole)) break;
        if (!own(whole)) refuse("reply-in-nested-function", "call.write in a nested function");
        if (
          (whole.arguments as Node[]).length !== 1 ||
          isNothing(whole.arguments[0]) ||
          whole.arguments[0].type === "SpreadElement"
        ) {
          refuse("no-equivalent", "call.write with more than a message");
        }
        steps.push({ kind: "write", node: whole, value: whole.arguments[0] });
        return;
      case "end":
        if (replies || !isCalled) break;
        planEnd(whole);
        return;
      case "emit": {
        const [event, error] = (isCalled ? whole.arguments : []) as Node[];
        if (event?.type !== "StringLiteral" || event.value !== "error" || !error) break;
        addError(whole, error, null, "emit");
        return;
      }
      default:
    }
    refuse("call-escapes", `call.${name}`);
  }

  function planMetadata(member: Node, whole: Node): void {
    needsContext = true;
    const call = parents.get(whole) as Node;
    if (memberName(whole) === "get" && call.type === "CallExpression" && call.callee === whole) {
      const [key] = call.arguments as Node[];
      const index = parents.get(call) as Node;
      const isFirst =
        index.type === "MemberExpression" &&
        index.computed &&
        index.object === call &&
        index.property.type === "NumericLiteral" &&
        index.property.value === 0;
      if (isFirst && key?.type === "StringLiteral" && !/-bin$/i.test(key.value)) {
        steps.push({ kind: "metadata-first", node: index, key });
        return;
      }
    }
    steps.push({ kind: "metadata", node: member });
  }

  function planEnd(call: Node): void {
    const [trailers = null, ...more] = call.arguments as Node[];
    if (more.length > 0 || (trailers && trailers.type === "ObjectExpression")) {
      refuse("no-equivalent", "call.end() takes trailers, not a message");
    }
    const reply = replyOf(call);
    if (reply.form === "arrow") refuse("no-equivalent", "an arrow function that is only call.end()");
    const metadata = trailers && isNothing(trailers) ? null : trailers;
    if (metadata) {
      needsContext = true;
      if (!isIdentifier(metadata)) refuse("types-unknown", "trailers that are not a plain name");
      if (!reply.inList) refuse("no-equivalent", "trailers in an end that is not a statement of its own");
    }
    const around = functionOf(call, parents) as FunctionNode;
    const list = around.body.type === "BlockStatement" ? (around.body.body as Node[]) : [];
    const isLast = reply.form === "statement" && (list.at(-1) === reply.statement || around.body === reply.statement);
    steps.push({ ...reply, kind: "end", trailers: metadata, isLast });
    replyNodes.add(reply.statement);
  }

  // Every path has to reply: returning otherwise would answer an empty message, or end a stream that stays open today.
  if (fn.body.type === "BlockStatement") {
    const problem = mayEndWithout(fn.body, {
      isReply: (statement) => replyNodes.has(statement),
      replaced: (statement) =>
        statement === endListener?.statement
          ? endListener.listener.body
          : statement === dataListener?.statement
            ? null
            : undefined,
    });
    if (problem) refuse("path-without-reply", problem);
  } else if (!replyNodes.has(fn.body)) {
    refuse("path-without-reply", "an expression that does not reply");
  }
  for (const link of chainLinks.keys()) {
    const isReply = (statement: Node) => replyNodes.has(statement);
    const problem =
      link.body.type === "BlockStatement"
        ? mayEndWithout(link.body, { isReply, replaced: () => undefined })
        : isReply(link.body)
          ? undefined
          : "an expression that does not reply";
    if (problem) refuse("path-without-reply", `${problem}, in a promise chain`);
  }

  const becomesGenerator = !replies;
  if (
    becomesGenerator &&
    fn.type === "ArrowFunctionExpression" &&
    (usesThis(fn) || fn.body.type !== "BlockStatement")
  ) {
    refuse("no-equivalent", "an arrow function that uses this cannot become a generator");
  }
  const becomesAsync =
    !fn.async && (becomesGenerator || listeners.length > 0 || steps.some((step) => step.kind === "requests"));
  const taken = namesIn(fn);
  const pick = (...names: string[]) =>
    names.find((name) => !taken.has(name)) ?? refuse("edit-conflict", "no free parameter name");
  return {
    ok: true,
    fn,
    rpcKind,
    requestName: requestPattern
      ? null
      : streamsIn
        ? pick("requests", "incoming")
        : pick("req", "request", "rpcRequest"),
    requestPattern,
    contextName: needsContext ? pick("ctx", "context", "handlerContext") : null,
    becomesAsync,
    becomesGenerator,
    types,
    steps,
  };
}

function describeUse(parent: Node): string {
  if (parent.type === "CallExpression" || parent.type === "NewExpression") return "passed to a function";
  if (parent.type === "VariableDeclarator" || parent.type === "AssignmentExpression") return "kept in a variable";
  if (parent.type === "SpreadElement") return "spread";
  if (parent.type === "ObjectProperty") return "kept in an object";
  return "used as a value";
}

/** `null` and `undefined`. */
function isNothing(node: Node): boolean {
  const value = unwrap(node);
  return value.type === "NullLiteral" || isIdentifier(value, "undefined");
}

/** Is this surely an error, whatever the program does? */
function isErrorValue(node: Node): boolean {
  const value = unwrap(node);
  if (value.type === "ObjectExpression" || value.type === "NewExpression") return true;
  return value.type === "CallExpression" && memberName(value.callee) === "assign";
}

function isPure(node: Node): boolean {
  let pure = true;
  walk(node, (child) => {
    if (/^(Call|OptionalCall|New|Await|Yield|Assignment|Update|TaggedTemplate)/.test(child.type)) pure = false;
    return pure && !isFunction(child);
  });
  return pure;
}

function usesThis(fn: FunctionNode): boolean {
  let found = false;
  const visit = (node: Node): void => {
    if (found) return;
    if (node.type === "ThisExpression" || node.type === "Super") found = true;
    if (isFunction(node) && node.type !== "ArrowFunctionExpression") return;
    if (node.type === "ClassBody") return;
    childrenOf(node).forEach(visit);
  };
  childrenOf(fn).forEach(visit);
  return found;
}

function usesArguments(fn: FunctionNode): boolean {
  let found = false;
  walk(fn.body, (node) => {
    if (isIdentifier(node, "arguments")) found = true;
    return !(isFunction(node) && node.type !== "ArrowFunctionExpression");
  });
  return found;
}

/** The return statements of a function itself. */
function returnsIn(fn: FunctionNode): Node[] {
  const found: Node[] = [];
  const visit = (node: Node): void => {
    if (isFunction(node)) return;
    if (node.type === "ReturnStatement") found.push(node);
    childrenOf(node).forEach(visit);
  };
  visit(fn.body);
  return found;
}

function insideLoop(statement: Node, fn: FunctionNode): boolean {
  let found = false;
  walk(fn.body, (node) => {
    if (
      /^(For|While|DoWhile|ForIn|ForOf|Switch)Statement$/.test(node.type) &&
      node.start < statement.start &&
      statement.end <= node.end
    ) {
      found = true;
    }
  });
  return found;
}

function namesIn(fn: FunctionNode): Set<string> {
  const names = new Set<string>();
  walk(fn, (node, [parent]) => {
    const isMember = parent && memberName(parent) !== undefined && parent.property === node;
    if (node.type === "Identifier" && !isMember) names.add(node.name);
  });
  return names;
}
