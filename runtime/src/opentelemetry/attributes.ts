import type { Attributes } from "@opentelemetry/api";
import { Code, codeName } from "../code.js";
import { headerValues } from "../headers.js";
import type { StreamRequest, UnaryRequest } from "../interceptor.js";
import { methodPath } from "../serialization.js";
import { kPeerAddress } from "../server/peer.js";

// Names and values of the OpenTelemetry RPC semantic conventions, version 1.45 (docs/rpc in open-telemetry/semantic-conventions).

export type AnyRequest = UnaryRequest | StreamRequest;
export type Side = "client" | "server";
export type System = "grpc" | "connectrpc";

/** gRPC-Web is gRPC's own protocol for browsers, and reports as gRPC. */
export function systemOf(request: AnyRequest): System {
  return request.header.get("content-type")?.startsWith("application/grpc") ? "grpc" : "connectrpc";
}

/** `pkg.Service/Method`: the span's name, and `rpc.method`. */
export function methodName(request: AnyRequest): string {
  return methodPath(request.method).slice(1);
}

/** What spans and metrics have in common, known when the call begins. */
export function callAttributes(request: AnyRequest): Attributes {
  return { "rpc.system.name": systemOf(request), "rpc.method": methodName(request), ...serverAttributes(request.url) };
}

function serverAttributes(url: string): Attributes {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    return {};
  }
  const port = Number(parsed.port) || (parsed.protocol === "https:" ? 443 : 80);
  return { "server.address": parsed.hostname.replace(/^\[|\]$/g, ""), "server.port": port };
}

/** What a server knows of its caller. */
export function peerAttributes(request: AnyRequest): Attributes {
  const peer = request.contextValues.get(kPeerAddress);
  if (peer === kPeerAddress.defaultValue) return {};
  // `ip:port`, an IPv6 address without brackets
  const [, address = peer, port] = /^(.*):(\d+)$/.exec(peer) ?? [];
  const attributes: Attributes = { "network.peer.address": address, "client.address": address };
  if (port !== undefined) Object.assign(attributes, { "network.peer.port": Number(port), "client.port": Number(port) });
  return attributes;
}

/** The headers that the program asked for, each an array as the conventions want. */
export function metadataAttributes(
  kind: "request" | "response",
  headers: Headers,
  names: readonly string[],
): Attributes {
  const attributes: Attributes = {};
  for (const name of names) {
    const values = headerValues(headers, name);
    if (values.length > 0) attributes[`rpc.${kind}.metadata.${name.toLowerCase()}`] = [...values];
  }
  return attributes;
}

/** gRPC prints its codes in capitals (and spells CANCELLED its own way), Connect in lower case; both say OK. */
export function statusText(system: System, code: Code | undefined): string {
  if (code === undefined) return "OK";
  if (system === "connectrpc") return codeName(code);
  return code === Code.Canceled ? "CANCELLED" : codeName(code).toUpperCase();
}

const serverErrors = new Set<Code>([
  Code.Unknown,
  Code.DeadlineExceeded,
  Code.Unimplemented,
  Code.Internal,
  Code.Unavailable,
  Code.DataLoss,
]);

/** For a client every code but OK is an error; for a server only those that speak of the server. */
export function isErrorFor(side: Side, code: Code): boolean {
  return side === "client" || serverErrors.has(code);
}
