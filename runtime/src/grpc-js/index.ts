// Bridges between grpc-js code and this runtime. Nothing here loads @grpc/grpc-js unless Metadata objects are needed.

export { waitForReady } from "../client/wait-for-ready.js";
export { asGrpcJsClient } from "./as-grpc-js-client.js";
export type { MetadataGenerator, RequestHeadersSource } from "./call-credentials.js";
export { callCredentials } from "./call-credentials.js";
export type { GrpcJsCallOptions, ParentCall } from "./call-options.js";
export { callOptionsFrom, parentCall } from "./call-options.js";
export type { ChannelView } from "./client-channel.js";
export { closeClient, getClientChannel, waitForClientReady } from "./client-channel.js";
export type { GrpcJsClientOptions } from "./create-grpc-js-client.js";
export { createGrpcJsClient } from "./create-grpc-js-client.js";
export { timeoutFromDeadline } from "./deadline.js";
export type { CallStatus, GrpcJsStatus } from "./errors.js";
export {
  callStatus,
  grpcJsStatusFrom,
  grpcStatusName,
  serviceErrorDetails,
  serviceErrorFrom,
  serviceErrorMessage,
  serviceErrorText,
  toConnectError,
  trailerOf,
} from "./errors.js";
export type { ExplicitPresence, ExplicitPresenceOptions } from "./explicit-presence.js";
export { explicitPresence } from "./explicit-presence.js";
export type { BridgedImpl, CallbackHandler } from "./from-callback.js";
export { awaitReply, fromCallback, fromCallbacks } from "./from-callback.js";
export { grpcJsCall } from "./grpc-js-call.js";
export type { GrpcJsClientOf } from "./grpc-js-client-types.js";
export { grpcJsFallback } from "./grpc-js-fallback.js";
export { grpcJsImpl, serviceDefinition } from "./grpc-js-impl.js";
export { grpcJsService } from "./grpc-js-service.js";
export { int64FromLong, int64FromLongBits, int64FromNumber } from "./int64-from-long.js";
export { isOver } from "./is-over.js";
export type { GrpcJsMessages } from "./messages.js";
export { grpcJsMessages } from "./messages.js";
export { headersFromMetadata, headerValues, metadataFromHeaders } from "./metadata.js";
export {
  protobufjsMessage,
  protoLoaderEnum,
  protoLoaderField,
  protoLoaderList,
  protoLoaderMessage,
} from "./proto-loader-message.js";
export type { ProtoLoaderObjectOptions } from "./proto-loader-object.js";
export { protoLoaderObject } from "./proto-loader-object.js";
export { protoLoaderStruct, structFromProtoLoader } from "./proto-loader-struct.js";
export type { ProtobufTsObjectOptions } from "./protobuf-ts-object.js";
export { protobufTsObject } from "./protobuf-ts-object.js";
export type { ProtobufjsObjectOptions } from "./protobufjs-object.js";
export { protobufjsJson, protobufjsObject, protobufjsView } from "./protobufjs-object.js";
export { protobufjsStruct, structFromProtobufjs } from "./protobufjs-struct.js";
export type { RememberedPresence } from "./remembered-presence.js";
export { rememberedPresence } from "./remembered-presence.js";
export type { GrpcJsServerInterceptor } from "./server-interceptors.js";
export { fromServerInterceptors } from "./server-interceptors.js";
export { forceShutdown, tryShutdown } from "./shutdown.js";
export { structFromJavaScript, structToJavaScript } from "./struct-javascript.js";
export { structJson, structMessage } from "./struct-message.js";
export { textFromValue } from "./text-from-value.js";
export { toCallbacks } from "./to-callbacks.js";
export type { ToObjectOptions } from "./to-object.js";
export { toObject } from "./to-object.js";
export { toPlainObject } from "./to-plain-object.js";
export { transportFromGrpcJs } from "./transport-from-grpc-js.js";
export { tsProtoEnum, tsProtoEnumName } from "./ts-proto-enum.js";
export type { TsProtoMessageOptions } from "./ts-proto-message.js";
export { tsProtoMessage } from "./ts-proto-message.js";
export type { TsProtoOptions } from "./ts-proto-object.js";
export { tsProtoJson, tsProtoObject } from "./ts-proto-object.js";
export { tsProtoStruct } from "./ts-proto-struct.js";
export type { ClientOf, MetadataLike, MethodDefinition, ServiceErrorLike, ServiceImplOf } from "./types.js";
export { watchCall } from "./watch-call.js";
