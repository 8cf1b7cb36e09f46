import type { DescMethod } from "@bufbuild/protobuf";
import { type CallExpression, Node } from "ts-morph";
import type { AnalysisProject } from "../analysis/project.js";
import type { Kind } from "./message-kind.js";
import { type Start, yieldsOf } from "./message-roots.js";
import { isArrowBody, isFunctionNode, isGenerator, parametersOf, unwrapped } from "./message-syntax.js";

/** One call of a client: what it sends, and what becomes of the reply. */
export function startCall(project: AnalysisProject, call: CallExpression, method: DescMethod, start: Start): unknown {
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
  const then = awaited && thenOf(awaited);
  if (then) {
    const [parameter] = parametersOf(then);
    if (parameter) start.received.add(parameter.getNameNode());
    if (parameter) start.bind(parameter.getNameNode(), reply);
    return;
  }
  const orNothing = awaited && rescuedAwait(awaited);
  if (orNothing) return start.flow(orNothing, reply);
  const held = awaited && heldAwaits(project, awaited);
  if (!held) return start.flow(call, reply);
  for (const each of held) {
    if (Node.isAwaitExpression(each)) start.flow(each, reply);
    else {
      start.received.add(each);
      start.bind(each, reply);
    }
  }
}

/** `client.m(…).then((reply) => …)`: the function that gets the reply. What it gives is followed by itself, and holds no reply. */
function thenOf(access: Node): Node | undefined {
  const call = access.getParent();
  if (!Node.isPropertyAccessExpression(access) || access.getName() !== "then") return undefined;
  if (!Node.isCallExpression(call) || call.getExpression() !== access) return undefined;
  const [callback] = call.getArguments();
  return callback && isFunctionNode(callback) ? callback : undefined;
}

/** `const reply = client.m(…)`, if the promise is only awaited, or has its reply taken by functions that are written out. */
function heldAwaits(project: AnalysisProject, declaration: Node): Node[] | undefined {
  if (!Node.isVariableDeclaration(declaration)) return undefined;
  const name = declaration.getNameNode();
  if (!Node.isIdentifier(name) || declaration.getVariableStatement()?.getDeclarationKind() !== "const")
    return undefined;
  const uses = project.referencesTo(name).filter((reference) => reference !== name);
  const found: Node[] = [];
  for (const use of uses) {
    const parent = use.getParent();
    const then = parent && thenOf(parent);
    if (Node.isAwaitExpression(parent)) found.push(parent);
    else if (then)
      found.push(
        ...parametersOf(then)
          .slice(0, 1)
          .map((parameter) => parameter.getNameNode()),
      );
    else return undefined;
  }
  return found;
}

/** `await client.m(…).catch(() => undefined)`: the reply, or nothing. */
function rescuedAwait(access: Node): Node | undefined {
  const call = access.getParent();
  if (!Node.isPropertyAccessExpression(access) || access.getName() !== "catch") return undefined;
  const awaited = Node.isCallExpression(call) && call.getExpression() === access ? call.getParent() : undefined;
  const [callback] = Node.isCallExpression(call) ? call.getArguments() : [];
  const isNothing = Node.isArrowFunction(callback) && /^(undefined|null|\{\s*\})$/.test(callback.getBody().getText());
  return isNothing && Node.isAwaitExpression(awaited) ? awaited : undefined;
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
        if (start.shape.retype) start.retype(type, made, "a type argument names the old message", request);
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
