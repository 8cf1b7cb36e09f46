// errors

export type { WritableIterable } from "./async-iterable.js";
// iterables
export { createAsyncIterable, createWritableIterable } from "./async-iterable.js";

// headers
export { decodeBinaryHeader, encodeBinaryHeader } from "./binary-header.js";
// calls
export type { CallOptions } from "./call-options.js";
// clients
export type { AnyClient } from "./client/any-client.js";
export { makeAnyClient } from "./client/any-client.js";
export type { CallbackClient } from "./client/callback-client.js";
export { createCallbackClient } from "./client/callback-client.js";
export type { Client, ClientOptions } from "./client/create-client.js";
export { createClient } from "./client/create-client.js";
export { createMethodUrl } from "./client/method-url.js";
export { Code } from "./code.js";
// compression
export type { Compression } from "./compression.js";
export { ConnectError } from "./connect-error.js";
export type { ContextKey, ContextValues } from "./context-values.js";
export { createContextKey, createContextValues } from "./context-values.js";
export { appendHeaders, createHeaders, headerLines, headerValues } from "./headers.js";
export type { HandlerContext, MethodImpl, MethodImplSpec, ServiceImpl, ServiceImplSpec } from "./implementation.js";
// implementations
export { createHandlerContext, createMethodImplSpec, createServiceImplSpec } from "./implementation.js";
export type {
  Interceptor,
  StreamRequest,
  StreamResponse,
  UnaryRequest,
  UnaryResponse,
} from "./interceptor.js";
// messages
export type { MessageCodec, MessageCodecs } from "./message-codec.js";
export type { Transport } from "./transport.js";
