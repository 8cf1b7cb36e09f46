/// <reference types="node" preserve="true" />
// compression

export {
  compressionBrotli,
  compressionDeflate,
  compressionGzip,
  compressionSnappy,
  compressionZstd,
} from "./compression.js";

// server

export type { CorsOptions } from "../server/cors-policy.js";
export { kPeerAddress, kPeerCertificate } from "../server/peer.js";
export type {
  App,
  AppOptions,
  ConnectNodeAdapterOptions,
  NodeHandlerFn,
  NodeServerRequest,
  NodeServerResponse,
} from "./app.js";
export { connectNodeAdapter, createApp } from "./app.js";
export type { ConnectMiddleware, ExpressConnectMiddlewareOptions } from "./express.js";
export { expressConnectMiddleware } from "./express.js";
export type { FastifyConnectPluginOptions } from "./fastify.js";
export { fastifyConnectPlugin } from "./fastify.js";
export { isMain } from "./is-main.js";
export type { RunningServer, ServeOptions, TlsOptions } from "./serve.js";
export { serve } from "./serve.js";
export { universalRequestFromNodeRequest, universalResponseToNodeResponse } from "./universal-node.js";

// transports

export type { Connectivity, ConnectivityState } from "../client/http-client.js";
export type { ClosableTransport } from "../client/protocol-transport.js";
export type { HedgingPolicy, MethodConfig, RetryPolicy, ServiceConfig } from "../client/service-config.js";
export type { LoadBalancing, ReconnectBackoff } from "./channel.js";
export type { ConnectTransportOptions } from "./connect-transport.js";
export { createConnectTransport } from "./connect-transport.js";
export type { GrpcTransportOptions } from "./grpc-transport.js";
export { createGrpcTransport } from "./grpc-transport.js";
export type { GrpcWebTransportOptions } from "./grpc-web-transport.js";
export { createGrpcWebTransport } from "./grpc-web-transport.js";
export type { Http2SessionOptions } from "./http2-connection.js";
export { Http2SessionManager } from "./http2-session-manager.js";
export type { NodeHttp2ClientSessionManager } from "./transport-options.js";
