import type { RpcKind } from "../analysis/facts.js";
import {
  ancestorOf,
  type File,
  type FunctionNode,
  isFunction,
  isIdentifier,
  type Node,
  parentMap,
} from "../shared/ast.js";
import { meantType } from "./named-types.js";

/**
 * What the type annotations of a handler say. `request` and `response` are nodes of types in the source.
 * `declared` is the type (`handleUnaryCall<Q, R>`) of the variable or property that holds the function, or of what a function gives
 * that returns nothing else; `annotation` is all of it, colon included. It is `fn as handleUnaryCall<Q, R>` where that is written.
 */
export interface HandlerTypes {
  readonly request: Node | null;
  readonly response: Node | null;
  /** The annotation of the first and second parameter, and of the result, where they are written. */
  readonly call: Node | null;
  readonly callback: Node | null;
  readonly result: Node | null;
  readonly declared: Node | null;
  readonly annotation: Node | null;
  /** Types of the file that stand for grpc-js's in these annotations. */
  readonly through: readonly Node[];
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

/** The types of a handler; undefined where an annotation is of a kind that has no counterpart. `isAsked`: what it gives is its reply. */
export function handlerTypes(
  fn: FunctionNode,
  rpcKind: RpcKind,
  file: File,
  isAsked = false,
): HandlerTypes | undefined {
  const [call, callback] = fn.params.map((param) => (param.typeAnnotation?.typeAnnotation as Node | undefined) ?? null);
  const result = isAsked ? null : ((fn.returnType?.typeAnnotation as Node | undefined) ?? null);
  const annotation = annotationOf(fn, file);
  const declared = (annotation?.typeAnnotation as Node | undefined) ?? null;
  let request: Node | null = null;
  let response: Node | null = null;
  const through: Node[] = [];
  const parametersOf = (type: Node, name: string): readonly Node[] | undefined => {
    const meant = meantType(type, file);
    if (meant?.name !== name) return undefined;
    through.push(...meant.through);
    return meant.parameters;
  };
  if (call) {
    if (call.type === "TSAnyKeyword") request = call;
    else {
      const [q, r] = parametersOf(call, CALLS[rpcKind]) ?? [];
      if (!q) return undefined;
      request = q;
      response = r ?? null;
    }
  }
  if (callback) {
    if (callback.type !== "TSAnyKeyword") {
      const given = parametersOf(callback, "sendUnaryData");
      if (!given) return undefined;
      response = given[0] ?? response;
    }
  }
  if (declared) {
    const given = parametersOf(declared, HANDLERS[rpcKind]);
    if (!given || !isOnlyReturn(fn, file)) return undefined;
    request ??= given[0] ?? null;
    response ??= given[1] ?? null;
  }
  if (result && !isVoid(result)) return undefined;
  return { request, response, call: call ?? null, callback: callback ?? null, result, declared, annotation, through };
}

/** The annotation of what a function is held by: a variable, a property, or a function that returns it; `fn as T` itself. */
function annotationOf(fn: FunctionNode, file: File): Node | null {
  const parents = parentMap(file);
  const parent = parents.get(fn);
  if (parent && isAsserted(parent)) return /^TS(Any|Unknown)Keyword$/.test(parent.typeAnnotation.type) ? null : parent;
  if (parent?.type === "ClassProperty") return parent.typeAnnotation ?? null;
  if (parent?.type === "VariableDeclarator") return parent.id.typeAnnotation ?? null;
  const isReturned =
    parent?.type === "ReturnStatement" || (parent?.type === "ArrowFunctionExpression" && parent.body === fn);
  const owner = isReturned ? ancestorOf(fn, parents, isFunction) : undefined;
  const given = owner?.returnType as Node | undefined;
  return given && !/^TS(Any|Unknown)Keyword$/.test(given.typeAnnotation.type) ? given : null;
}

/** `x as T` and `x satisfies T`. */
export function isAsserted(node: Node): boolean {
  return node.type === "TSAsExpression" || node.type === "TSSatisfiesExpression";
}

/** Where a function is returned: is it all that the one around it returns? */
function isOnlyReturn(fn: FunctionNode, file: File): boolean {
  const parents = parentMap(file);
  const parent = parents.get(fn);
  if (parent?.type !== "ReturnStatement") return true;
  const owner = ancestorOf(fn, parents, isFunction);
  return [...parents.keys()].every(
    (node) => node.type !== "ReturnStatement" || node === parent || ancestorOf(node, parents, isFunction) !== owner,
  );
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
