import type { DescMethod, DescService } from "@bufbuild/protobuf";
import { type CallExpression, Node, SyntaxKind } from "ts-morph";
import type { AnalysisProject } from "../analysis/project.js";
import type { Bridge } from "./find-bridges.js";
import { pushedBy } from "./later-replies.js";
import type { LegacyShape } from "./legacy-shape.js";
import type { TextPart } from "./message-facts.js";
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

/** What the proof offers to those who know where messages come in and go out. */
export interface Start {
  readonly project: AnalysisProject;
  flow(expression: Node, kind: Kind): unknown;
  bind(name: Node, kind: Kind): unknown;
  sends(expression: Node, wanted: Kind): unknown;
  block(node: Node, what: string): unknown;
  replace(node: Node, ...parts: TextPart[]): unknown;
  retype(type: Node, place: Node, what: string, kind: Kind): unknown;
  /** The type of a client. */
  retypeService(type: Node, desc: DescService): boolean;
  callsOf(owner: Node): CallExpression[];
  readonly shape: LegacyShape;
  readonly handlers: Set<Node>;
  readonly received: Set<Node>;
}

/** All handlers are known before the first message is followed, which may lead from one to another. */
export function noteHandlers(project: AnalysisProject, bridge: Bridge, handlers: Set<Node>): void {
  const given = bridge.call.getArguments()[1];
  const origin = given && project.originOf(given);
  const isOfService = (key: string) => project.protos.methodByLegacyKey(bridge.service, key) !== undefined;
  const owner = origin?.kind === "instance" ? origin.class : undefined;
  if (owner && (Node.isClassDeclaration(owner) || Node.isClassExpression(owner))) {
    for (const method of owner.getInstanceMethods()) if (isOfService(method.getName())) handlers.add(method);
    return;
  }
  const implementation = origin?.kind === "object" ? origin.node : given;
  if (!Node.isObjectLiteralExpression(implementation)) return;
  for (const property of implementation.getProperties()) {
    if (Node.isSpreadAssignment(property)) continue;
    const handler = handlerOf(project, property);
    if (handler && isOfService(unquoted(property.getName()))) handlers.add(handler);
  }
}

/** The handlers of one registration: requests come in, replies go out. */
export function startService(project: AnalysisProject, bridge: Bridge, start: Start): unknown {
  const given = bridge.call.getArguments()[1];
  const origin = given && project.originOf(given);
  const implementation =
    given && Node.isObjectLiteralExpression(given) ? given : origin?.kind === "object" ? origin.node : undefined;
  if (origin?.kind === "instance") return startClass(project, bridge, origin.class, start);
  if (!implementation || !Node.isObjectLiteralExpression(implementation)) {
    return start.block(given ?? bridge.call, "the implementation is not written out where it can be seen");
  }
  for (const property of implementation.getProperties()) {
    if (Node.isSpreadAssignment(property)) {
      start.block(property, "handlers are spread from another object");
      continue;
    }
    const nameNode = (property as unknown as { getNameNode(): Node }).getNameNode();
    const key = unquoted(nameNode.getText());
    const method = project.protos.methodByLegacyKey(bridge.service, key);
    if (!method) {
      start.block(property, `${bridge.service.typeName} has no method ${key}`);
      continue;
    }
    const handler = handlerOf(project, property);
    if (!handler) {
      const isBridged = /\bfromCallback\(/.test(property.getText());
      start.block(
        property,
        isBridged ? "this handler is on a bridge itself" : "this handler is no function that can be seen",
      );
      continue;
    }
    if (key !== method.localName) {
      if (Node.isShorthandPropertyAssignment(property)) start.replace(nameNode, `${method.localName}: ${key}`);
      else start.replace(nameNode, method.localName);
    }
    startHandler(handler, method, start);
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

/** Handlers that are the methods of a class; its other methods are its own affair. */
function startClass(project: AnalysisProject, bridge: Bridge, owner: Node, start: Start): void {
  if (!Node.isClassDeclaration(owner) && !Node.isClassExpression(owner)) {
    start.block(owner, "a class that cannot be seen");
    return;
  }
  if (owner.getExtends()) start.block(owner.getNameNode() ?? owner, "handlers may be inherited");
  const found = new Set<DescMethod>();
  for (const method of owner.getInstanceMethods()) {
    const rpc = project.protos.methodByLegacyKey(bridge.service, method.getName());
    if (!rpc) continue;
    found.add(rpc);
    const nameNode = method.getNameNode();
    if (method.getName() !== rpc.localName) start.replace(nameNode, rpc.localName);
    startHandler(method, rpc, start);
    for (const access of owner.getSourceFile().getDescendantsOfKind(SyntaxKind.PropertyAccessExpression)) {
      if (access.getName() === method.getName() && Node.isThisExpression(access.getExpression())) {
        start.block(access, "a handler is called as a method");
      }
    }
  }
  const missing = bridge.service.methods.find((method) => !found.has(method));
  if (missing) start.block(owner.getNameNode() ?? owner, `${missing.name} is not among the methods of this class`);
}

function handlerOf(project: AnalysisProject, property: Node): Node | undefined {
  if (Node.isMethodDeclaration(property)) return property;
  const value = valueOfProperty(property);
  if (!value) return undefined;
  if (isFunctionNode(value)) return value;
  const origin = project.originOf(value);
  return origin.kind === "function" && isFunctionNode(origin.node) ? origin.node : undefined;
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
