import type { DescMethod } from "@bufbuild/protobuf";
import { type CallExpression, Node, SyntaxKind } from "ts-morph";
import type { AnalysisProject } from "../analysis/project.js";
import type { Bridge } from "./find-bridges.js";
import { pushedBy } from "./later-replies.js";
import type { LegacyShape } from "./legacy-shape.js";
import type { TextPart } from "./message-facts.js";
import type { Kind } from "./message-kind.js";
import {
  functionAround,
  isAlias,
  isArrowBody,
  isExportsTarget,
  isFunctionNode,
  isGenerator,
  nameOfFunction,
  ownReturns,
  parametersOf,
  resultType,
  unwrapped,
} from "./message-syntax.js";

/** What the proof offers to those who know where messages come in and go out. */
export interface Start {
  readonly project: AnalysisProject;
  flow(expression: Node, kind: Kind): unknown;
  bind(name: Node, kind: Kind): unknown;
  sends(expression: Node, wanted: Kind): unknown;
  block(node: Node, what: string): unknown;
  replace(node: Node, ...parts: TextPart[]): unknown;
  retype(type: Node, place: Node, what: string): unknown;
  callsOf(owner: Node): CallExpression[];
  readonly shape: LegacyShape;
  readonly handlers: Set<Node>;
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
    const key = nameNode.getText().replace(/^["']|["']$/g, "");
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
      if (Node.isShorthandPropertyAssignment(property)) start.block(property, "a handler under its old name");
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
  const value = Node.isPropertyAssignment(property)
    ? property.getInitializer()
    : Node.isShorthandPropertyAssignment(property)
      ? property.getNameNode()
      : undefined;
  if (!value) return undefined;
  if (isFunctionNode(value)) return value;
  const origin = project.originOf(value);
  return origin.kind === "function" && isFunctionNode(origin.node) ? origin.node : undefined;
}

function startHandler(handler: Node, method: DescMethod, start: Start): unknown {
  if (!isFunctionNode(handler)) return;
  start.handlers.add(handler);
  const type = resultType(handler);
  if (type) start.retype(type, handler, "the type of a result names the old message");
  const request: Kind = { kind: "message", desc: method.input };
  const isInputStream = method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming";
  const isOutputStream = method.methodKind === "server_streaming" || method.methodKind === "bidi_streaming";
  const [parameter] = parametersOf(handler);
  if (parameter) start.bind(parameter.getNameNode(), isInputStream ? { kind: "stream", of: request } : request);
  if (/\barguments\b/.test(handler.getText())) start.block(handler, "the handler reads arguments");
  const reply: Kind = { kind: "message", desc: method.output };
  if (isOutputStream) return streamOf(handler, reply, start);
  const body = handler.getBody();
  if (body && !Node.isBlock(body)) return start.sends(body, reply);
  const returns = ownReturns(handler);
  if (returns.length === 0 && !/\bthrow\b/.test(handler.getText()))
    start.block(handler, "this handler returns nothing");
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
  for (const stream of streams)
    if (!stream || !pushedBy(start, stream, reply)) start.block(stream ?? handler, "a stream that is made elsewhere");
}

function yieldsOf(generator: Node, reply: Kind, start: Start): void {
  for (const one of generator.getDescendantsOfKind(SyntaxKind.YieldExpression)) {
    if (functionAround(one) !== generator) continue;
    const expression = one.getExpression();
    if (!expression) start.block(one, "nothing is yielded here");
    else if (!one.getText().startsWith("yield*")) start.sends(expression, reply);
    else if (!pushedBy(start, expression, reply)) start.block(one, "what is yielded here is not followed");
  }
}

/** All calls of one client: requests go out, replies come in. */
export function startClient(project: AnalysisProject, bridge: Bridge, start: Start): unknown {
  const declaration = bridge.call.getParent();
  const name = Node.isVariableDeclaration(declaration) ? declaration.getNameNode() : undefined;
  if (!name || !Node.isIdentifier(name)) return start.block(bridge.call, "the client is not held by a variable");
  for (const reference of project.referencesTo(name)) {
    if (reference === name || isAlias(reference)) continue;
    const inner = reference.getParent();
    const access =
      Node.isPropertyAccessExpression(inner) && inner.getNameNode() === reference ? inner.getParent() : inner;
    const call = access?.getParent();
    if (Node.isPropertyAccessExpression(inner) && isExportsTarget(inner)) continue;
    if (!Node.isPropertyAccessExpression(access) || !Node.isCallExpression(call) || call.getExpression() !== access) {
      start.block(reference, "the client is handed on");
      continue;
    }
    const method = project.protos.methodByLegacyKey(bridge.service, access.getName());
    if (!method) {
      start.block(access, `${bridge.service.typeName} has no method ${access.getName()}`);
      continue;
    }
    if (access.getName() !== method.localName) start.replace(access.getNameNode(), method.localName);
    startCall(project, call, method, start);
  }
}

function startCall(project: AnalysisProject, call: CallExpression, method: DescMethod, start: Start): unknown {
  const request: Kind = { kind: "message", desc: method.input };
  const reply: Kind = { kind: "message", desc: method.output };
  const isInputStream = method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming";
  const isOutputStream = method.methodKind === "server_streaming" || method.methodKind === "bidi_streaming";
  const [input] = call.getArguments();
  if (input && !isInputStream) start.sends(input, request);
  if (input && isInputStream) requestStream(project, input, request, start);
  if (!input) start.block(call, "a call without a request");
  if (isOutputStream) return start.flow(call, { kind: "stream", of: reply });
  const awaited = call.getParent();
  if (Node.isAwaitExpression(awaited)) return start.flow(awaited, reply);
  if (Node.isExpressionStatement(awaited)) return;
  // A function that gives the promise on: its callers await it.
  if (awaited && (Node.isReturnStatement(awaited) || isArrowBody(awaited, call))) {
    start.flow(call, reply);
    return;
  }
  const held = awaited && heldAwaits(project, awaited);
  if (!held) start.block(call, "the promise of a reply is handed on");
  for (const each of held ?? []) start.flow(each, reply);
}

/** `const reply = client.m(…)`, if nothing happens to the promise but that it is awaited. */
function heldAwaits(project: AnalysisProject, declaration: Node): Node[] | undefined {
  if (!Node.isVariableDeclaration(declaration)) return undefined;
  const name = declaration.getNameNode();
  if (!Node.isIdentifier(name) || declaration.getVariableStatement()?.getDeclarationKind() !== "const")
    return undefined;
  const uses = project.referencesTo(name).filter((reference) => reference !== name);
  const awaits = uses.map((use) => use.getParent()).filter((each) => Node.isAwaitExpression(each));
  return awaits.length === uses.length ? awaits : undefined;
}

/** What a client sends: a generator that is called here, or a writable iterable that is written to. */
function requestStream(project: AnalysisProject, input: Node, request: Kind, start: Start): unknown {
  if (Node.isCallExpression(input)) {
    const callee = unwrapped(input.getExpression());
    const origin = isFunctionNode(callee) ? undefined : project.originOf(callee);
    const generator = isFunctionNode(callee) ? callee : origin?.kind === "function" ? origin.node : undefined;
    if (generator && isFunctionNode(generator) && isGenerator(generator)) {
      if (generator !== callee && start.callsOf(generator).length > 1)
        start.block(input, "this generator is called from several places");
      return yieldsOf(generator, request, start);
    }
  }
  if (Node.isIdentifier(input)) {
    const declaration = project.declarationOf(input);
    const made = declaration && Node.isVariableDeclaration(declaration) ? declaration.getInitializer() : undefined;
    if (
      made &&
      Node.isCallExpression(made) &&
      made.getExpression().getText() === "createWritableIterable" &&
      Node.isVariableDeclaration(declaration)
    ) {
      // `createWritableIterable<Passenger>()`
      for (const type of made.getTypeArguments())
        if (start.shape.retype) start.retype(type, made, "a type argument names the old message");
      const name = declaration.getNameNode();
      for (const reference of project.referencesTo(name)) {
        if (reference === name || reference === input) continue;
        const access = reference.getParent();
        const call = access?.getParent();
        if (Node.isPropertyAccessExpression(access) && Node.isCallExpression(call) && call.getExpression() === access) {
          if (access.getName() === "close") continue;
          const [message] = call.getArguments();
          if (access.getName() === "write" && message) {
            start.sends(message, request);
            continue;
          }
        }
        start.block(reference, "the stream of requests is handed on");
      }
      return;
    }
  }
  start.block(input, "a stream of requests that cannot be seen");
}
