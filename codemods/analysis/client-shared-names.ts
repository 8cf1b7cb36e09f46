import { type CallExpression, Node, type ParameterDeclaration } from "ts-morph";
import { localDeclaration } from "./assignments.js";
import { isStateOfChannel } from "./client-channel-calls.js";
import type { ChannelCall } from "./client-services.js";
import type { AnalysisProject } from "./project.js";

export interface SharedUses {
  readonly calls: readonly ChannelCall[];
  /** Annotations that say `Client` of grpc-js. */
  readonly types: readonly Node[];
}

/**
 * What is asked of the channel of clients of several services that come under one name, a loop's variable or a parameter: `for (const client of
 * [users, orders]) client.close()`, `ready(users); ready(orders)`. Undefined where a name holds anything but clients, or is used for anything else.
 */
export function sharedUses(project: AnalysisProject, client: Node): SharedUses | undefined {
  const types: Node[] = [];
  const active = new Set<Node>();

  /** The declaration that takes a client where it stands, and all that comes under its name. */
  function takerOf(node: Node): Node | undefined {
    const parent = node.getParent();
    if (Node.isArrayLiteralExpression(parent)) return loopVariable(parent);
    if (!Node.isCallExpression(parent)) return undefined;
    const origin = project.originOf(parent.getExpression());
    const index = parent.getArguments().indexOf(node as CallExpression);
    return origin.kind === "function" && Node.isParametered(origin.node) && index >= 0
      ? origin.node.getParameters()[index]
      : undefined;
  }

  function valuesOf(taker: Node): readonly Node[] | undefined {
    if (Node.isVariableDeclaration(taker)) {
      const loop = taker.getParent().getParent();
      return Node.isForOfStatement(loop) ? elementsOf(loop.getExpression()) : undefined;
    }
    if (!Node.isParameterDeclaration(taker)) return undefined;
    const looped = loopedBy(taker);
    const values = looped ? elementsOf(looped) : project.valuesPassed(taker);
    return values?.every((each) => each !== undefined) ? (values as Node[]) : undefined;
  }

  function isClient(value: Node): boolean {
    if (project.originOf(value).kind === "client") return true;
    const declaration = Node.isIdentifier(value) ? localDeclaration(value) : undefined;
    return declaration !== undefined && isOfClients(declaration);
  }

  function isOfClients(taker: Node): boolean {
    if (active.has(taker)) return true;
    active.add(taker);
    return valuesOf(taker)?.every(isClient) ?? false;
  }

  function callsOn(taker: Node): ChannelCall[] | undefined {
    const name = (taker as ParameterDeclaration).getNameNode();
    const type = (taker as ParameterDeclaration).getTypeNode();
    if (!Node.isIdentifier(name)) return undefined;
    if (type && !/^(any|unknown|object)$/.test(type.getText())) {
      const origin = project.originOfType(type);
      if (origin.kind !== "grpc" || origin.path !== "Client") return undefined;
      types.push(type);
    }
    const calls: ChannelCall[] = [];
    for (const reference of project.referencesTo(name)) {
      if (reference === name) continue;
      const found = callOn(reference);
      if (!found) return undefined;
      calls.push(...found);
    }
    return calls;
  }

  function callOn(reference: Node): ChannelCall[] | undefined {
    const parent = reference.getParent();
    if (Node.isIfStatement(parent) || Node.isPrefixUnaryExpression(parent)) return [];
    const node = parent?.getParent();
    if (Node.isPropertyAccessExpression(parent) && Node.isCallExpression(node) && node.getExpression() === parent) {
      const name = parent.getName();
      if (name === "close") return [{ node, function: "closeClient", isMember: true, isAwaited: false }];
      if (parent.hasQuestionDotToken()) return undefined;
      if (name === "waitForReady") return [{ node, function: "waitForClientReady", isMember: true, isAwaited: false }];
      return name === "getChannel" && isStateOfChannel(node)
        ? [{ node, function: "getClientChannel", isMember: true, isAwaited: false }]
        : undefined;
    }
    return callsFor(reference);
  }

  function callsFor(node: Node): ChannelCall[] | undefined {
    const taker = takerOf(node);
    if (!taker || (Node.isParameterDeclaration(taker) && taker.isRestParameter())) return undefined;
    return isOfClients(taker) ? callsOn(taker) : undefined;
  }

  const calls = callsFor(client);
  return calls && { calls, types };
}

/** The variable of the loop over a list, which nothing else sees. */
function loopVariable(list: Node): Node | undefined {
  const parent = list.getParent();
  if (Node.isForOfStatement(parent) && parent.getExpression() === list) {
    const declared = parent.getInitializer();
    return Node.isVariableDeclarationList(declared) ? declared.getDeclarations()[0] : undefined;
  }
  const call = parent?.getParent();
  const [fn] = Node.isCallExpression(call) ? call.getArguments() : [];
  const [parameter] = fn && Node.isParametered(fn) ? fn.getParameters() : [];
  return parameter && loopedBy(parameter) === list ? parameter : undefined;
}

/** The `list` of `list.forEach((client) => …)`. */
function loopedBy(parameter: ParameterDeclaration): Node | undefined {
  const fn = parameter.getParent();
  const call = fn.getParent();
  if (!Node.isCallExpression(call) || call.getArguments()[0] !== fn || call.getArguments().length > 1) return undefined;
  const callee = call.getExpression();
  const isLoop = Node.isPropertyAccessExpression(callee) && /^(forEach|map)$/.test(callee.getName());
  return isLoop ? callee.getExpression() : undefined;
}

function elementsOf(list: Node): readonly Node[] | undefined {
  if (!Node.isArrayLiteralExpression(list)) return undefined;
  const elements = list.getElements();
  return elements.some((each) => Node.isSpreadElement(each)) ? undefined : elements;
}
