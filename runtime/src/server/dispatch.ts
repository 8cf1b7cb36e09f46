import { base64Decode } from "@bufbuild/protobuf/wire";
import { Code } from "../code.js";
import { readLimitError } from "../compression.js";
import { ConnectError } from "../connect-error.js";
import { encodeGrpcMessage } from "../grpc-message.js";
import { hasNoSideEffects } from "../well-known.js";
import { type GetRequest, ServerCall } from "./call.js";
import type { Exchange, NodeHeaders } from "./exchange.js";
import type { Route, RouteTable } from "./route.js";
import { connectGetWires, type Wire, wireFromContentType } from "./wire.js";

/**
 * Runs the call that an exchange asks for. False when there is no such path: the caller answers.
 *
 * @param prefix removed from the front of every path
 */
export function dispatch(routes: RouteTable, exchange: Exchange, prefix?: string): boolean {
  const route = routes.get(pathOf(exchange.target, prefix));
  if (route === undefined) return false;
  runRoute(route, exchange);
  return true;
}

/** The path that routes are known by: without query and prefix. Empty when the prefix is missing. */
export function pathOf(target: string, prefix: string | undefined): string {
  const query = target.indexOf("?");
  const path = query === -1 ? target : target.slice(0, query);
  if (!prefix) return path;
  return path.startsWith(`${prefix}/`) ? path.slice(prefix.length) : "";
}

/** Answers a request whose path is not known. */
export function answerUnknownPath(exchange: Exchange, compat: "grpc-js" | undefined): void {
  const contentType = exchange.header("content-type");
  if (
    compat === "grpc-js" &&
    contentType?.startsWith("application/grpc") &&
    !contentType.startsWith("application/grpc-web")
  ) {
    const text = encodeGrpcMessage(`The server does not implement the method ${exchange.target}`);
    const headers = { "content-type": "application/grpc+proto", "grpc-status": "12", "grpc-message": text };
    exchange.sendAll(200, headers, [], undefined);
  } else answerStatus(exchange, 404);
}

function answerStatus(exchange: Exchange, status: number, headers: NodeHeaders = {}): void {
  exchange.sendAll(status, headers, [], undefined);
}

/** Runs one method's call, or answers 405, 415 or 505 before there is one. */
export function runRoute(route: Route, exchange: Exchange): void {
  const { options } = route;
  if (exchange.requestMethod !== "POST") {
    if (exchange.requestMethod === "GET" && allowsGet(route)) runGet(route, exchange);
    else answerStatus(exchange, 405, { allow: allowsGet(route) ? "GET, POST" : "POST" });
    return;
  }
  const wire = wireFromContentType(exchange.header("content-type"));
  if (wire === undefined || !speaks(route, wire)) {
    answerStatus(exchange, 415, { "accept-post": acceptPost(route) });
    return;
  }
  const call = new ServerCall(route, exchange, wire);
  if (wire.protocolName === "connect") {
    const version = exchange.header("connect-protocol-version");
    if (version === undefined ? options.requireConnectProtocolHeader : version !== "1") {
      call.fail(
        version === undefined
          ? new ConnectError('missing required header: set Connect-Protocol-Version to "1"', Code.InvalidArgument)
          : new ConnectError(`Connect-Protocol-Version must be "1": got "${version}"`, Code.InvalidArgument),
      );
      return;
    }
  }
  call.start();
}

function speaks(route: Route, wire: Wire): boolean {
  const { options, kind } = route;
  if (wire.kind === "grpc") return options.grpc;
  if (wire.kind === "grpc-web") return options.grpcWeb;
  return options.connect && (kind === "unary") === (wire.kind === "connect-unary");
}

function acceptPost(route: Route): string {
  const { options, kind } = route;
  const types: string[] = [];
  if (options.grpc) types.push("application/grpc", "application/grpc+proto", "application/grpc+json");
  if (options.grpcWeb) types.push("application/grpc-web", "application/grpc-web+proto", "application/grpc-web+json");
  if (options.connect && kind === "unary") types.push("application/json", "application/proto");
  else if (options.connect) types.push("application/connect+json", "application/connect+proto");
  return types.join(", ");
}

export function allowsGet(route: Route): boolean {
  return route.options.connect && route.kind === "unary" && hasNoSideEffects(route.method);
}

// Connect: Unary-Get-Request
function runGet(route: Route, exchange: Exchange): void {
  const { target } = exchange;
  const queryStart = target.indexOf("?");
  const query = new URLSearchParams(queryStart === -1 ? "" : target.slice(queryStart + 1));
  const encoding = query.get("encoding");
  if (encoding !== "proto" && encoding !== "json") {
    answerStatus(exchange, 415);
    return;
  }
  const call = new ServerCall(route, exchange, connectGetWires[encoding]);
  const get = getRequest(route, query);
  if (get instanceof Error) call.fail(get);
  else call.start(get);
}

function getRequest(route: Route, query: URLSearchParams): GetRequest | ConnectError {
  const version = query.get("connect");
  if (version === null ? route.options.requireConnectProtocolHeader : version !== "v1") {
    return new ConnectError(
      version === null
        ? 'missing required query parameter: set connect to "v1"'
        : `connect must be "v1": got "${version}"`,
      Code.InvalidArgument,
    );
  }
  const text = query.get("message");
  if (text === null) return new ConnectError("missing query parameter: message", Code.InvalidArgument);
  let message: Uint8Array;
  try {
    message = query.get("base64") === "1" ? base64Decode(text) : new TextEncoder().encode(text);
  } catch {
    return new ConnectError("query parameter message is not base64", Code.InvalidArgument);
  }
  const { readMaxBytes } = route.options;
  if (message.byteLength > readMaxBytes) return readLimitError(message.byteLength, readMaxBytes);
  return { message, encoding: query.get("compression") ?? undefined };
}
