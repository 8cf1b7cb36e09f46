import type { DescMessage, DescMethod, DescService } from "@bufbuild/protobuf";
import { type CallExpression, Node, SyntaxKind } from "ts-morph";
import type { AnalysisProject } from "../analysis/project.js";
import { callbackHandler, startCallbackHandler } from "./callback-handlers.js";
import { functionBehind } from "./called-functions.js";
import type { Bridge } from "./find-bridges.js";
import type { Outputs } from "./kept-outputs.js";
import { pushedBy } from "./later-replies.js";
import type { LegacyShape } from "./legacy-shape.js";
import type { ImportedName, TextPart } from "./message-facts.js";
import type { Kind } from "./message-kind.js";
import {
  endsWithoutValue,
  functionAround,
  isFunctionNode,
  isGenerator,
  nameOfFunction,
  ownReturns,
  parametersOf,
  resultType,
  unquoted,
  valueOfProperty,
} from "./message-syntax.js";
import { otherUseOf, otherUseOfClass, otherUseOfObject } from "./other-registrations.js";

/** What the proof offers to those who know where messages come in and go out. */
export interface Start {
  readonly project: AnalysisProject;
  flow(expression: Node, kind: Kind): unknown;
  bind(name: Node, kind: Kind): unknown;
  sends(expression: Node, wanted: Kind): unknown;
  sink(expression: Node, wanted: Kind): unknown;
  block(node: Node, what: string): unknown;
  replace(node: Node, ...parts: TextPart[]): unknown;
  generated(desc: DescMessage, which: "descriptor" | "shape", at: Node): ImportedName;
  retype(type: Node, place: Node, what: string, kind: Kind): unknown;
  /** The type of a client. */
  retypeService(type: Node, desc: DescService): boolean;
  callsOf(owner: Node): CallExpression[];
  readonly shape: LegacyShape;
  readonly handlers: Set<Node>;
  readonly received: Set<Node>;
  readonly callbacks: Set<Node>;
  readonly outputs: Outputs;
  later(decide: () => void): void;
  canBeMissing(node: Node): boolean;
}

/** What is registered, and which of its members are handlers that grpc-js's calls stay for: those of `fromCallbacks(…)`. */
interface Registered {
  readonly given: Node | undefined;
  isBridged(key: string): boolean;
  /** Some are, or all; and these are named there. */
  readonly isWrapped: boolean;
  readonly isListed: boolean;
}

function registeredBy(bridge: Bridge): Registered {
  const given = bridge.call.getArguments()[1];
  if (!Node.isCallExpression(given) || given.getExpression().getText() !== "fromCallbacks")
    return { given, isBridged: () => false, isWrapped: false, isListed: false };
  const [implementation, only] = given.getArguments();
  if (!only) return { given: implementation, isBridged: () => true, isWrapped: true, isListed: false };
  const keys = Node.isArrayLiteralExpression(only)
    ? only.getElements().map((one) => unquoted(one.getText()))
    : undefined;
  const isBridged = (key: string) => keys?.includes(key) ?? false;
  return { given: keys && implementation, isBridged, isWrapped: true, isListed: true };
}

/** The members of an object literal, and of what is spread into it; undefined where that cannot be seen. */
function membersOf(project: AnalysisProject, literal: Node): Map<string, Node> | undefined {
  const members = new Map<string, Node>();
  if (!Node.isObjectLiteralExpression(literal)) return undefined;
  for (const property of literal.getProperties()) {
    const origin = Node.isSpreadAssignment(property) ? project.originOf(property.getExpression()) : undefined;
    if (origin) {
      const spread = origin.kind === "object" ? membersOf(project, origin.node) : undefined;
      if (!spread) return undefined;
      for (const [key, member] of spread) members.set(key, member);
    } else members.set(unquoted(nameNodeOf(property).getText()), property);
  }
  return members;
}

const OTHERS = "a handler with its call and its callback is used elsewhere";

const nameNodeOf = (property: Node) => (property as unknown as { getNameNode(): Node }).getNameNode();

function literalOf(project: AnalysisProject, given: Node | undefined): Node | undefined {
  if (!given || Node.isObjectLiteralExpression(given)) return given;
  const origin = project.originOf(given);
  return origin.kind === "object" ? origin.node : undefined;
}

/** All handlers are known before the first message is followed, which may lead from one to another. */
export function noteHandlers(project: AnalysisProject, bridge: Bridge, handlers: Set<Node>): void {
  const { given, isBridged } = registeredBy(bridge);
  const origin = given && project.originOf(given);
  const isHandler = (key: string) =>
    !isBridged(key) && project.protos.methodByLegacyKey(bridge.service, key) !== undefined;
  const owner = origin?.kind === "instance" ? origin.class : undefined;
  if (owner && (Node.isClassDeclaration(owner) || Node.isClassExpression(owner))) {
    for (const method of owner.getInstanceMembers()) {
      const value = Node.isPropertyDeclaration(method) ? method.getInitializer() : method;
      if (value && isFunctionNode(value) && isHandler(method.getName())) handlers.add(value);
    }
    return;
  }
  const implementation = literalOf(project, given);
  for (const [key, property] of (implementation && membersOf(project, implementation)) ?? []) {
    const handler = isHandler(key) ? handlerOf(project, property) : undefined;
    if (handler) handlers.add(handler);
  }
}

/** The handlers of one registration: requests come in, replies go out. */
export function startService(project: AnalysisProject, bridge: Bridge, start: Start): unknown {
  const registered = registeredBy(bridge);
  const { given, isBridged } = registered;
  const origin = given && project.originOf(given);
  if (origin?.kind === "instance") return startClass(project, bridge, origin.class, registered, start);
  const implementation = literalOf(project, given);
  const members = implementation && membersOf(project, implementation);
  if (!members) {
    const whole = implementation ?? given ?? bridge.call;
    return start.block(whole, "the implementation is not written out where it can be seen");
  }
  const other = registered.isWrapped ? otherUseOfObject(project, implementation, [bridge.call]) : undefined;
  if (other) start.block(other, OTHERS);
  for (const [key, property] of members) {
    const method = project.protos.methodByLegacyKey(bridge.service, key);
    if (!method) {
      start.block(property, `${bridge.service.typeName} has no method ${key}`);
      continue;
    }
    const bridged = callbackHandler(project, valueOfProperty(property));
    const handler = bridged ?? handlerOf(project, property);
    if (!handler) {
      start.block(property, "this handler is no function that can be seen");
      continue;
    }
    if (key !== method.localName && registered.isListed) start.block(property, "a handler under its old name");
    if (key !== method.localName) renames(project, property, method.localName, implementation, start);
    if (bridged || isBridged(key)) {
      const other = otherUseOf(project, handler, [bridge.call, property]);
      if (other) start.block(other, OTHERS);
      startCallbackHandler(handler, method, start);
    } else startHandler(handler, method, start);
    const name = nameOfFunction(handler);
    if (name && property !== handler) {
      for (const reference of project.referencesTo(name)) {
        const parent = reference.getParent();
        if (Node.isCallExpression(parent) && parent.getExpression() === reference)
          start.block(parent, "a handler is called as a function");
      }
    }
  }
}

/** `GetItem` becomes `getItem`, as the router asks for it. */
function renames(
  project: AnalysisProject,
  property: Node,
  name: string,
  literal: Node | undefined,
  start: Start,
): void {
  const key = nameNodeOf(property);
  if (Node.isShorthandPropertyAssignment(property)) return void start.replace(key, `${name}: ${key.getText()}`);
  // What is spread may be asked for its members as well.
  if (property.getParent() !== literal && project.referencesTo(key).length > 1)
    start.block(property, "a handler under its old name");
  start.replace(key, name);
}

/** Handlers that are the methods of a class; its other methods are its own affair. */
function startClass(
  project: AnalysisProject,
  bridge: Bridge,
  owner: Node,
  { isBridged, isWrapped, isListed }: Registered,
  start: Start,
): void {
  if (!Node.isClassDeclaration(owner) && !Node.isClassExpression(owner)) {
    start.block(owner, "a class that cannot be seen");
    return;
  }
  if (owner.getExtends()) start.block(owner.getNameNode() ?? owner, "handlers may be inherited");
  const found = new Set<DescMethod>();
  for (const method of owner.getInstanceMembers()) {
    const key = method.getName();
    const rpc = project.protos.methodByLegacyKey(bridge.service, key);
    const value = Node.isPropertyDeclaration(method) && !method.getTypeNode() ? method.getInitializer() : undefined;
    const bridged = callbackHandler(project, value);
    const handler = Node.isMethodDeclaration(method) ? method : (bridged ?? value);
    if (!rpc || !handler || !isFunctionNode(handler)) continue;
    found.add(rpc);
    const nameNode = method.getNameNode();
    if (isListed && key !== rpc.localName) start.block(method, "a handler under its old name");
    if (nameNode && key !== rpc.localName) start.replace(nameNode, rpc.localName);
    if (bridged || isBridged(key)) startCallbackHandler(handler, rpc, start);
    else startHandler(handler, rpc, start);
    for (const access of owner.getSourceFile().getDescendantsOfKind(SyntaxKind.PropertyAccessExpression)) {
      if (access.getName() === key && Node.isThisExpression(access.getExpression())) {
        start.block(access, "a handler is called as a method");
      }
    }
  }
  const other = found.size > 0 && isWrapped ? otherUseOfClass(project, owner, [bridge.call]) : undefined;
  if (other) start.block(other, OTHERS);
  const missing = bridge.service.methods.find((method) => !found.has(method));
  if (missing) start.block(owner.getNameNode() ?? owner, `${missing.name} is not among the methods of this class`);
}

function handlerOf(project: AnalysisProject, property: Node): Node | undefined {
  if (Node.isMethodDeclaration(property)) return property;
  const value = valueOfProperty(property);
  return value && functionBehind(project, value);
}

function startHandler(handler: Node, method: DescMethod, start: Start): unknown {
  if (!isFunctionNode(handler)) return;
  start.handlers.add(handler);
  const request: Kind = { kind: "message", desc: method.input };
  const isInputStream = method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming";
  const isOutputStream = method.methodKind === "server_streaming" || method.methodKind === "bidi_streaming";
  const [parameter] = parametersOf(handler);
  if (parameter) start.received.add(parameter.getNameNode());
  if (parameter) start.bind(parameter.getNameNode(), isInputStream ? { kind: "stream", of: request } : request);
  if (/\barguments\b/.test(handler.getText())) start.block(handler, "the handler reads arguments");
  const reply: Kind = { kind: "message", desc: method.output };
  const type = resultType(handler);
  if (type) start.retype(type, handler, "the type of a result names the old message", reply);
  if (isOutputStream) return streamOf(handler, reply, start);
  const body = handler.getBody();
  if (body && !Node.isBlock(body)) return start.sends(body, reply);
  const returns = ownReturns(handler);
  if (returns.length === 0 && !/\bthrow\b/.test(handler.getText()))
    start.block(handler, "this handler returns nothing");
  else if (returns.length > 0 && endsWithoutValue(handler))
    start.block(handler, "this handler can end without a reply");
  for (const statement of returns) {
    const expression = statement.getExpression();
    if (!expression) start.block(statement, "a return without a reply");
    else if (!/^Promise\.reject\(/.test(expression.getText())) start.sends(expression, reply);
  }
}

/** What a handler streams: yielded, or pushed. */
function streamOf(handler: Node, reply: Kind, start: Start): void {
  if (isGenerator(handler)) {
    yieldsOf(handler, reply, start);
    return;
  }
  const body = isFunctionNode(handler) ? handler.getBody() : undefined;
  const streams =
    !body || !Node.isBlock(body) ? [body] : ownReturns(handler).map((statement) => statement.getExpression());
  if (streams.length === 0 && !/\bthrow\b/.test(handler.getText()))
    start.block(handler, "this handler returns nothing");
  for (const stream of streams) {
    if (stream && pushedBy(start, stream, reply)) continue;
    const generator = stream && generatorCalled(start, stream);
    if (generator) yieldsOf(generator, reply, start);
    else start.block(stream ?? handler, "a stream that is made elsewhere");
  }
}

/** The generator that is called here and nowhere else. */
function generatorCalled(start: Start, stream: Node): Node | undefined {
  if (!Node.isCallExpression(stream)) return undefined;
  const origin = start.project.originOf(stream.getExpression());
  if (origin.kind !== "function" || !isGenerator(origin.node)) return undefined;
  const calls = start.callsOf(origin.node);
  return calls.length === 1 && calls[0] === stream ? origin.node : undefined;
}

/** What a generator yields is sent. */
export function yieldsOf(generator: Node, reply: Kind, start: Start): void {
  for (const one of generator.getDescendantsOfKind(SyntaxKind.YieldExpression)) {
    if (functionAround(one) !== generator) continue;
    const expression = one.getExpression();
    if (!expression) start.block(one, "nothing is yielded here");
    else if (!one.getText().startsWith("yield*")) start.sends(expression, reply);
    else if (!pushedBy(start, expression, reply)) start.block(one, "what is yielded here is not followed");
  }
}
