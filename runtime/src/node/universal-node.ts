import type { IncomingHttpHeaders } from "node:http";
import type { JsonValue } from "@bufbuild/protobuf";
import type { ContextValues } from "../context-values.js";
import { addToNodeHeaders, headersFromRaw } from "../headers.js";
import type { NodeHeaders } from "../server/exchange.js";
import type { UniversalServerRequest, UniversalServerResponse } from "../server/universal-handler.js";
import { isHttp1Request, type NodeServerRequest, type NodeServerResponse } from "./app.js";
import { drainedOrClosed } from "./drained.js";

/** A universal request from a Node request, for adapters of server frameworks. The signal aborts when the caller goes. */
export function universalRequestFromNodeRequest(
  request: NodeServerRequest,
  response: NodeServerResponse,
  parsedJsonBody: JsonValue | undefined,
  contextValues: ContextValues | undefined,
): UniversalServerRequest;
/** @deprecated Without the response, a caller who goes away after its request is complete goes unnoticed. */
export function universalRequestFromNodeRequest(
  request: NodeServerRequest,
  parsedJsonBody: JsonValue | undefined,
  contextValues: ContextValues | undefined,
): UniversalServerRequest;
export function universalRequestFromNodeRequest(
  request: NodeServerRequest,
  ...rest:
    | [NodeServerResponse, JsonValue | undefined, ContextValues | undefined]
    | [JsonValue | undefined, ContextValues | undefined]
): UniversalServerRequest {
  const [response, parsedJsonBody, contextValues] = rest.length === 3 ? rest : ([undefined, ...rest] as const);
  const controller = new AbortController();
  if (response === undefined) request.once("aborted", () => controller.abort());
  response?.once("close", () => {
    if (!response.writableFinished) controller.abort();
  });
  const headers: IncomingHttpHeaders = request.headers;
  const encrypted = isHttp1Request(request) ? "encrypted" in request.socket : request.scheme === "https";
  const authority = headers.host ?? (isHttp1Request(request) ? undefined : request.authority) ?? "localhost";
  const universal: UniversalServerRequest = {
    httpVersion: request.httpVersion,
    method: request.method ?? "",
    url: new URL(request.url ?? "/", `${encrypted ? "https" : "http"}://${authority}`).href,
    header: headersFromRaw(request.rawHeaders),
    body: parsedJsonBody === undefined ? request : parsedJsonBody,
    signal: controller.signal,
  };
  return contextValues === undefined ? universal : { ...universal, contextValues };
}

/** Writes a universal response. Resolves when all of it is written, or the caller is gone. */
export async function universalResponseToNodeResponse(
  universal: UniversalServerResponse,
  response: NodeServerResponse,
): Promise<void> {
  const headers: NodeHeaders = {};
  if (universal.header !== undefined) addToNodeHeaders(headers, universal.header);
  response.writeHead(universal.status, headers as NodeJS.Dict<string | string[]>);
  if (universal.body !== undefined) {
    for await (const chunk of universal.body) {
      if (response.destroyed) return;
      if (!response.write(chunk)) await drainedOrClosed(response);
    }
  }
  if (universal.trailer !== undefined) {
    const trailers: NodeHeaders = {};
    addToNodeHeaders(trailers, universal.trailer);
    if (Object.keys(trailers).length > 0) response.addTrailers(trailers as NodeJS.Dict<string>);
  }
  await new Promise<void>((resolve) => {
    response.once("close", () => resolve());
    response.end(() => resolve());
  });
}
