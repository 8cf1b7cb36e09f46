import { create, isMessage, type MessageInitShape } from "@bufbuild/protobuf";
import type { ContextValues } from "../context-values.js";
import type { HandlerContext } from "../implementation.js";
import {
  applyInterceptors,
  type StreamRequest,
  type StreamResponse,
  type UnaryRequest,
  type UnaryResponse,
} from "../interceptor.js";
import { extraMessage, missingMessage } from "./request-message.js";
import type { Route } from "./route.js";

/** What interceptors change of a call: its handler and its answer then see the new parts. */
export interface InterceptedCall extends HandlerContext {
  adoptRequest(header: Headers, values: ContextValues, signal: AbortSignal): void;
  adoptResponse(header: Headers, trailer: Headers): void;
}

/** Runs a unary handler inside the route's interceptors. */
export function interceptUnary(route: Route, call: InterceptedCall, message: unknown): Promise<UnaryResponse> {
  const innermost = async (request: UnaryRequest): Promise<UnaryResponse> => {
    call.adoptRequest(request.header, request.contextValues, request.signal);
    const value = asMessage(route, await route.impl(request.message, call));
    return { ...responseCommon(route, call), stream: false, message: value } as UnaryResponse;
  };
  return intercept(route, call, innermost, { ...requestCommon(route, call), stream: false, message } as UnaryRequest);
}

/** Runs a handler of another kind inside the route's interceptors: all of them see streams. */
export function interceptStream(
  route: Route,
  call: InterceptedCall,
  requests: AsyncIterable<unknown>,
): Promise<StreamResponse> {
  const innermost = async (request: StreamRequest): Promise<StreamResponse> => {
    call.adoptRequest(request.header, request.contextValues, request.signal);
    let responses: AsyncIterable<unknown>;
    if (route.kind === "client_streaming") responses = oneLater(() => route.impl(request.message, call));
    else if (route.kind === "bidi_streaming") responses = await route.impl(request.message, call);
    else responses = await route.impl(await only(route, request.message), call);
    return { ...responseCommon(route, call), stream: true, message: asMessages(route, responses) } as StreamResponse;
  };
  const request = { ...requestCommon(route, call), stream: true, message: requests } as StreamRequest;
  return intercept(route, call, innermost, request);
}

async function intercept<Request, Response extends UnaryResponse | StreamResponse>(
  route: Route,
  call: InterceptedCall,
  innermost: (request: Request) => Promise<Response>,
  request: Request,
): Promise<Response> {
  // In an async function, because an interceptor may throw before it returns a promise
  const response = await applyInterceptors(innermost, route.options.interceptors)(request);
  call.adoptResponse(response.header, response.trailer);
  return response;
}

// Interceptors are allowed to spread the request, so it is a plain object and its parts are made now.
function requestCommon(route: Route, call: InterceptedCall) {
  return {
    service: route.service,
    method: route.method,
    requestMethod: call.requestMethod,
    url: call.url,
    signal: call.signal,
    header: call.requestHeader,
    contextValues: call.values,
  };
}

function responseCommon(route: Route, call: InterceptedCall) {
  return { service: route.service, method: route.method, header: call.responseHeader, trailer: call.responseTrailer };
}

async function only(route: Route, requests: AsyncIterable<unknown>): Promise<unknown> {
  let count = 0;
  let message: unknown;
  for await (const request of requests) {
    if (count++ > 0) throw extraMessage(route);
    message = request;
  }
  if (count === 0) throw missingMessage(route);
  return message;
}

function asMessage(route: Route, value: unknown): unknown {
  const desc = route.method.output;
  if (route.ownMessages || isMessage(value, desc)) return value;
  return create(desc, value as MessageInitShape<typeof desc>);
}

async function* asMessages(route: Route, values: AsyncIterable<unknown>): AsyncIterable<unknown> {
  for await (const value of values) yield asMessage(route, value);
}

/** The request of a call that has only one, for interceptors of streams. */
export async function* one(message: unknown): AsyncIterable<unknown> {
  yield message;
}

async function* oneLater(message: () => unknown): AsyncIterable<unknown> {
  yield await message();
}
