import type { DescMessage, DescMethod } from "@bufbuild/protobuf";
import { type CallExpression, Node } from "ts-morph";
import { declarationsBehind } from "../analysis/assignments.js";
import type { AnalysisProject } from "../analysis/project.js";
import { functionBehind, parameterTaking } from "./called-functions.js";
import { followUse } from "./kept-outputs.js";
import type { TextPart } from "./message-facts.js";
import type { Kind } from "./message-kind.js";
import type { Start } from "./message-roots.js";
import {
  isAbsent,
  isAlias,
  isConstant,
  isTruthTest,
  isValueOfLogical,
  nameOfFunction,
  parametersOf,
  unquoted,
} from "./message-syntax.js";

/** Members of a call that no message goes through. */
const NO_MESSAGES =
  /^(metadata|cancelled|getPeer|getDeadline|getPath|getHost|getAuthContext|sendMetadata|end|pause|resume|isPaused|destroy|destroyed|off|removeListener|removeAllListeners|listenerCount|setMaxListeners|(writable|readable)\w*)$/;
const LISTENS = /^(on|once|addListener|prependListener|prependOnceListener)$/;

/** What a handler of grpc-js is for: its call, and its callback. */
interface Method {
  readonly request: Kind;
  readonly reply: Kind;
  readonly takesStream: boolean;
  readonly givesStream: boolean;
}

/** The function of `fromCallback(getItem)`, or of a constant that holds this. */
export function callbackHandler(project: AnalysisProject, value: Node | undefined): Node | undefined {
  const declaration = Node.isIdentifier(value) ? project.declarationOf(value) : undefined;
  if (isConstant(declaration)) return callbackHandler(project, declaration.getInitializer());
  if (!Node.isCallExpression(value) || value.getExpression().getText() !== "fromCallback") return undefined;
  const [given] = value.getArguments();
  return given && functionBehind(project, given);
}

/**
 * A handler that stays as grpc-js calls it, `getItem: fromCallback(getItem)`: requests are those of its call, replies what the
 * callback and `call.write` get. A reply that is not there is refused in the same way, whatever messages are.
 */
export function startCallbackHandler(handler: Node, method: DescMethod, start: Start): void {
  const of: Method = {
    request: { kind: "message", desc: method.input },
    reply: { kind: "message", desc: method.output },
    takesStream: /client|bidi/.test(method.methodKind),
    givesStream: /server|bidi/.test(method.methodKind),
  };
  const [call, callback, more] = parametersOf(handler);
  if (more || call?.isRestParameter() || callback?.isRestParameter() || /\barguments\b/.test(handler.getText()))
    return void start.block(handler, "this handler takes more than its call and its callback");
  const holder = handler.getParent();
  if (Node.isVariableDeclaration(holder)) retypeArguments(holder.getTypeNode(), [of.request, of.reply], start);
  const [type] = Node.isCallExpression(holder) ? holder.getTypeArguments() : [];
  if (type) namesTypes(type, method, start);
  start.outputs.requests.add(method.input);
  if (call) followCall(call.getNameNode(), of, start, true);
  if (callback) followCallback(callback.getNameNode(), of, start);
}

const TYPES = {
  unary: "handleUnaryCall",
  client_streaming: "handleClientStreamingCall",
  server_streaming: "handleServerStreamingCall",
  bidi_streaming: "handleBidiStreamingCall",
} as const;

/** `fromCallback<BakeryServer["chat"]>(…)` becomes `fromCallback<handleBidiStreamingCall<Bread, Bread>>(…)`. */
function namesTypes(type: Node, { input, output, methodKind }: DescMethod, start: Start): void {
  if (!Node.isIndexedAccessTypeNode(type)) return void start.block(type, "a type argument names the old message");
  start.callbacks.add(type);
  const named = (desc: DescMessage): TextPart => ({ ...start.generated(desc, "shape", type), typeOnly: true });
  // Only a compiler that knows of messages takes no less for a reply.
  const reply = start.shape.typed
    ? [named(output)]
    : [
        { module: "@bufbuild/protobuf", name: "MessageInitShape", typeOnly: true },
        "<typeof ",
        { ...start.generated(output, "descriptor", type), typeOnly: true },
        ">",
      ];
  const handler = { module: "@grpc/grpc-js", name: TYPES[methodKind], typeOnly: true };
  start.replace(type, handler, "<", named(input), ", ", ...reply, ">");
}

/** The type of a parameter. */
function typeOf(name: Node): Node | undefined {
  const parameter = name.getParent();
  return Node.isParameterDeclaration(parameter) ? parameter.getTypeNode() : undefined;
}

/** `ServerUnaryCall<Key, Item>`, `sendUnaryData<Item>`. */
function retypeArguments(type: Node | undefined, kinds: readonly Kind[], start: Start): void {
  if (!type || /^(any|unknown)$/.test(type.getText())) return;
  start.callbacks.add(type);
  const given = Node.isTypeReference(type) ? type.getTypeArguments() : [];
  // `type Watcher = ServerWritableStream<Key, Item>`
  const [alias] = Node.isTypeReference(type) && given.length === 0 ? declarationsBehind(type.getTypeName()) : [];
  if (Node.isTypeAliasDeclaration(alias) && start.project.files.includes(alias.getSourceFile()))
    retypeArguments(alias.getTypeNode(), kinds, start);
  else if (given.length !== kinds.length) start.block(type, "a type annotation names the old message");
  else
    given.forEach((argument, index) => {
      start.retype(argument, type, "a type argument names the old message", kinds[index] as Kind);
    });
}

/** `isOnly`: the name holds the call of this handler, and no other. */
function followCall(name: Node, of: Method, start: Start, isOnly: boolean): unknown {
  retypeArguments(typeOf(name), [of.request, of.reply], start);
  if (Node.isObjectBindingPattern(name)) return takenApart(name, of, start, isOnly);
  if (!Node.isIdentifier(name)) return start.block(name, "a call is taken apart");
  const reads: Node[] = [];
  for (const use of start.project.referencesTo(name)) {
    if (use === name) continue;
    const parent = use.getParent();
    if (Node.isPropertyAccessExpression(parent) && parent.getExpression() === use) {
      if (parent.getName() === "request") reads.push(parent);
      else member(parent.getName(), parent, of, start, isOnly);
    } else if (Node.isForOfStatement(parent) && parent.getExpression() === use && isOnly) requests(parent, of, start);
    else if (Node.isVariableDeclaration(parent) && Node.isObjectBindingPattern(parent.getNameNode()))
      takenApart(parent.getNameNode(), of, start, isOnly);
    else if (Node.isCallExpression(parent) && parent.getArguments().includes(use) && !isKept(parent, start))
      handedOn(parent, use, start, (inner, isAlone) => followCall(inner, of, start, isOnly && isAlone));
    else if (isParent(parent) || isOnlyTested(use)) continue;
    else if (of.givesStream && isOnly) followUse(start, use, of.reply);
    else start.block(use, "the call of a handler is handed on");
  }
  for (const access of reads) {
    if (!isOnly || of.takesStream) start.block(access, "a request is read where several calls come");
    else {
      start.received.add(access);
      start.flow(access, of.request);
    }
  }
}

/** `users.push(call)`: no function of the project. */
function isKept(call: CallExpression, start: Start): boolean {
  return (
    Node.isPropertyAccessExpression(call.getExpression()) &&
    start.project.originOf(call.getExpression()).kind !== "function"
  );
}

/** `if (callback)`, `callback && callback(…)`. */
function isOnlyTested(use: Node): boolean {
  const parent = use.getParent();
  return parent !== undefined && isTruthTest(parent, use) && !isValueOfLogical(parent);
}

/** `{ parent: call }`. */
function isParent(property: Node | undefined): boolean {
  return Node.isPropertyAssignment(property) && property.getName() === "parent";
}

/** `{ request }` of a call. */
function takenApart(pattern: Node, of: Method, start: Start, isOnly: boolean): void {
  if (!Node.isObjectBindingPattern(pattern)) return;
  for (const part of pattern.getElements()) {
    const key = unquoted((part.getPropertyNameNode() ?? part.getNameNode()).getText());
    const name = part.getNameNode();
    if (key === "request" && isOnly && !of.takesStream && !part.getInitializer()) {
      start.received.add(name);
      start.bind(name, of.request);
    } else if (part.getDotDotDotToken() || !/^(metadata|cancelled)$/.test(key))
      start.block(part, "a call is taken apart");
  }
}

function member(name: string, access: Node, of: Method, start: Start, isOnly: boolean): unknown {
  const call = access.getParent();
  const isCalled = Node.isCallExpression(call) && call.getExpression() === access;
  if (NO_MESSAGES.test(name)) return undefined;
  // What wrappers and interceptors put on it.
  if (!isCalled)
    return /^(write|read|on)$/.test(name) ? start.block(access, "a method of a call is handed on") : undefined;
  const [first, second] = call.getArguments();
  const event = Node.isStringLiteral(first) ? first.getLiteralText() : undefined;
  if (name === "emit" && event === "error") return undefined;
  if (LISTENS.test(name) && event !== undefined && event !== "readable") {
    if (event === "data")
      return isOnly && second ? listens(second, of, start) : start.block(call, "a call is handed on");
    return undefined;
  }
  if (name === "write" && first && of.givesStream && isOnly) return sends(call, first, of, start);
  return start.block(call, "what is done with a call is not followed");
}

/** `call.on("data", (request) => …)`. */
function listens(listener: Node, of: Method, start: Start): unknown {
  const owner = functionBehind(start.project, listener);
  const name = owner && (Node.isMethodDeclaration(owner) ? owner.getNameNode() : nameOfFunction(owner));
  const uses = name ? start.project.referencesTo(name).filter((use) => use !== name && !isAlias(use)) : [];
  const isOther = (use: Node) => use !== listener && use.getParent() !== listener;
  if (!owner || uses.some(isOther))
    return start.block(listener, "a listener that cannot be seen, or is used elsewhere");
  const [request] = parametersOf(owner);
  if (!request) return undefined;
  start.received.add(request.getNameNode());
  return start.bind(request.getNameNode(), of.request);
}

/** `for await (const request of call)`. */
function requests(loop: Node, of: Method, start: Start): unknown {
  const left = Node.isForOfStatement(loop) ? loop.getInitializer() : undefined;
  const [declaration] = Node.isVariableDeclarationList(left) ? left.getDeclarations() : [];
  if (!declaration || !of.takesStream) return start.block(left ?? loop, "requests are put into another variable");
  start.received.add(declaration.getNameNode());
  return start.bind(declaration.getNameNode(), of.request);
}

function followCallback(name: Node, of: Method, start: Start): void {
  retypeArguments(typeOf(name), [of.reply], start);
  for (const use of start.project.referencesTo(name)) {
    if (use === name) continue;
    const parent = use.getParent();
    if (Node.isCallExpression(parent) && parent.getExpression() === use) {
      const [error, value] = parent.getArguments();
      if ([error, value].some((one) => Node.isSpreadElement(one)))
        start.block(parent, "what a callback gets cannot be seen");
      else if (value && !isAbsent(value)) sends(parent, value, of, start);
    } else if (Node.isCallExpression(parent) && isRejection(parent, use)) continue;
    else if (Node.isCallExpression(parent) && parent.getArguments().includes(use))
      handedOn(parent, use, start, (inner, isAlone) =>
        isAlone
          ? followCallback(inner, of, start)
          : start.block(use, "a function gets the callbacks of several handlers"),
      );
    else if (!isOnlyTested(use)) start.block(use, "the callback of a handler is handed on");
  }
}

function sends(call: CallExpression, reply: Node, of: Method, start: Start): void {
  start.callbacks.add(call);
  start.sink(reply, of.reply);
}

/** `.catch(callback)`, `.then(…, callback)`: it gets an error. */
function isRejection(call: CallExpression, use: Node): boolean {
  const callee = call.getExpression();
  const index = call.getArguments().indexOf(use as never);
  if (!Node.isPropertyAccessExpression(callee)) return false;
  return (callee.getName() === "catch" && index === 0) || (callee.getName() === "then" && index === 1);
}

/** A function of the project gets it: `then` is told the parameter, and whether nothing else ever comes there. */
function handedOn(call: CallExpression, given: Node, start: Start, then: (name: Node, isAlone: boolean) => void): void {
  const taken = parameterTaking(start.project, call, given);
  if (!taken) return void start.block(given, "the call or the callback of a handler is handed on");
  // Without a type here, it has that of the parameter.
  start.callbacks.add(given);
  then(taken.parameter.getNameNode(), new Set(taken.values).size === 1);
}
