import type { RpcKind } from "../analysis/facts.js";
import { type File, type FunctionNode, isIdentifier, type Node, parentMap } from "../shared/ast.js";

/**
 * What the type annotations of a handler say. `request` and `response` are nodes of types in the source.
 * `declared` is the annotation of the variable or property that holds the function (`handleUnaryCall<Q, R>`).
 */
export interface HandlerTypes {
  readonly request: Node | null;
  readonly response: Node | null;
  /** The annotation of the first and second parameter, and of the result, where they are written. */
  readonly call: Node | null;
  readonly callback: Node | null;
  readonly result: Node | null;
  readonly declared: Node | null;
}

const CALLS: Record<RpcKind, string> = {
  unary: "ServerUnaryCall",
  client_streaming: "ServerReadableStream",
  server_streaming: "ServerWritableStream",
  bidi_streaming: "ServerDuplexStream",
};
const HANDLERS: Record<RpcKind, string> = {
  unary: "handleUnaryCall",
  client_streaming: "handleClientStreamingCall",
  server_streaming: "handleServerStreamingCall",
  bidi_streaming: "handleBidiStreamingCall",
};

/** The types of a handler; undefined where an annotation is of a kind that has no counterpart. */
export function handlerTypes(fn: FunctionNode, rpcKind: RpcKind, file: File): HandlerTypes | undefined {
  const [call, callback] = fn.params.map((param) => (param.typeAnnotation?.typeAnnotation as Node | undefined) ?? null);
  const result = (fn.returnType?.typeAnnotation as Node | undefined) ?? null;
  const parent = parentMap(file).get(fn);
  const declared =
    parent?.type === "VariableDeclarator" || parent?.type === "ClassProperty"
      ? (((parent.type === "ClassProperty" ? parent : parent.id).typeAnnotation?.typeAnnotation as Node | undefined) ??
        null)
      : null;
  let request: Node | null = null;
  let response: Node | null = null;
  if (call) {
    if (call.type === "TSAnyKeyword") request = call;
    else {
      if (typeName(call) !== CALLS[rpcKind]) return undefined;
      const [q, r] = argumentsOf(call);
      if (!q) return undefined;
      request = q;
      response = r ?? null;
    }
  }
  if (callback) {
    if (callback.type !== "TSAnyKeyword") {
      if (typeName(callback) !== "sendUnaryData") return undefined;
      response = argumentsOf(callback)[0] ?? response;
    }
  }
  if (declared) {
    if (typeName(declared) !== HANDLERS[rpcKind]) return undefined;
    const [q, r] = argumentsOf(declared);
    request ??= q ?? null;
    response ??= r ?? null;
  }
  if (result && !isVoid(result)) return undefined;
  return { request, response, call: call ?? null, callback: callback ?? null, result, declared };
}

/** The last part of a type's name: `ServerUnaryCall` of `grpc.ServerUnaryCall<Q, R>`. */
export function typeName(type: Node): string | undefined {
  if (type.type !== "TSTypeReference") return undefined;
  const name = type.typeName as Node;
  return name.type === "TSQualifiedName" ? name.right.name : isIdentifier(name) ? name.name : undefined;
}

function argumentsOf(type: Node): Node[] {
  return (type.typeParameters?.params ?? type.typeArguments?.params ?? []) as Node[];
}

function isVoid(type: Node): boolean {
  if (type.type === "TSVoidKeyword" || type.type === "TSAnyKeyword" || type.type === "TSUnknownKeyword") return true;
  return (
    typeName(type) === "Promise" &&
    argumentsOf(type).every(
      (argument) =>
        argument.type === "TSVoidKeyword" || argument.type === "TSAnyKeyword" || argument.type === "TSUnknownKeyword",
    )
  );
}
