// errors

export { Code } from "./code.js";
export { ConnectError } from "./connect-error.js";

// headers

export { decodeBinaryHeader, encodeBinaryHeader } from "./binary-header.js";
export { appendHeaders, createHeaders, headerLines, headerValues } from "./headers.js";

// calls

export type { CallOptions } from "./call-options.js";
export type { ContextKey, ContextValues } from "./context-values.js";
export { createContextKey, createContextValues } from "./context-values.js";
export type {
  Interceptor,
  StreamRequest,
  StreamResponse,
  UnaryRequest,
  UnaryResponse,
} from "./interceptor.js";
export type { Transport } from "./transport.js";

// server

export type { HandlerContext, MethodImpl, MethodImplSpec, ServiceImpl, ServiceImplSpec } from "./implementation.js";
export { createHandlerContext, createMethodImplSpec, createServiceImplSpec } from "./implementation.js";
export { cors } from "./server/cors.js";
export { fetchHandlerFromUniversal as createFetchHandler } from "./server/fetch-handler.js";
export type { ConnectRouter, ConnectRouterOptions, ServiceOptions } from "./server/router.js";
export { createConnectRouter } from "./server/router.js";
export type {
  UniversalHandler,
  UniversalHandlerFn,
  UniversalServerRequest,
  UniversalServerResponse,
} from "./server/universal-handler.js";

// clients

export type { AnyClient } from "./client/any-client.js";
export { makeAnyClient } from "./client/any-client.js";
export type { CallbackClient } from "./client/callback-client.js";
export { createCallbackClient } from "./client/callback-client.js";
export type { Client, ClientOptions } from "./client/create-client.js";
export { createClient } from "./client/create-client.js";
export { createMethodUrl } from "./client/method-url.js";
export { waitUntilReady } from "./client/wait-until-ready.js";

// messages

export type { MessageCodec, MessageCodecs } from "./message-codec.js";

// compression

export type { Compression } from "./compression.js";

// iterables

export type { WritableIterable } from "./async-iterable.js";
export { createAsyncIterable, createWritableIterable } from "./async-iterable.js";
export type { RouterTransportOptions } from "./client/router-transport.js";
export { createRouterTransport } from "./client/router-transport.js";
export type { UniversalClientFn, UniversalClientRequest, UniversalClientResponse } from "./client/universal-client.js";
export { createUniversalHandlerClient } from "./client/universal-client.js";
export type { PushOutput } from "./push-stream.js";
export { createPushStream } from "./push-stream.js";
