import { Node, type ParameterDeclaration } from "ts-morph";
import type { RpcKind } from "./facts.js";
import type { AnalysisProject } from "./project.js";
import type { ServerValueFact } from "./server-facts.js";
import { valueFact } from "./server-options.js";

const HANDLERS: Record<RpcKind, readonly [handler: string, call: string]> = {
  unary: ["handleUnaryCall", "ServerUnaryCall"],
  client_streaming: ["handleClientStreamingCall", "ServerReadableStream"],
  server_streaming: ["handleServerStreamingCall", "ServerWritableStream"],
  bidi_streaming: ["handleBidiStreamingCall", "ServerDuplexStream"],
};

/**
 * What the type of a wrapper's parameter becomes: `handleUnaryCall<Q, R>`, or `(call: ServerUnaryCall<Q, R>, …) => …`, is that of a
 * Connect handler then. Null: the parameter has no type; undefined: its type has no counterpart.
 */
export function handlerTypeChange(
  project: AnalysisProject,
  parameter: ParameterDeclaration,
  kind: RpcKind,
  /** Does it reply with what it gives? */
  isReply: boolean,
): ServerValueFact | null | undefined {
  const type = parameter.getTypeNode();
  if (!type) return null;
  const [handler, call] = HANDLERS[kind];
  const argumentsOf = (node: Node | undefined, name: string): readonly string[] | undefined => {
    if (!Node.isTypeReference(node)) return undefined;
    const origin = project.originOfType(node);
    const given = node.getTypeArguments().map((argument) => argument.getText());
    return origin.kind === "grpc" && origin.path === name && given.length === 2 ? given : undefined;
  };
  const first = Node.isFunctionTypeNode(type) ? type.getParameters()[0]?.getTypeNode() : undefined;
  const [request, response] = argumentsOf(type, handler) ?? argumentsOf(first, call) ?? [];
  if (request === undefined || response === undefined) return undefined;
  const result = Node.isFunctionTypeNode(type) ? type.getReturnTypeNode()?.getText() : undefined;
  const [streamsIn, streamsOut] = [/^(client|bidi)/.test(kind), /^(server|bidi)/.test(kind)];
  const own = isReply ? result : streamsOut ? `AsyncIterable<${response}>` : `${response} | Promise<${response}>`;
  if (own === undefined) return undefined;
  const taken = streamsIn ? `reqs: AsyncIterable<${request}>` : `req: ${request}`;
  return {
    ...valueFact(type, `(${taken}, ctx: HandlerContext) => ${own}`, "type of a handler"),
    imports: [{ module: "@connect-migrate/runtime", name: "HandlerContext", typeOnly: true }],
  };
}
