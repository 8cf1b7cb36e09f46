import { validateReadWriteMaxBytes } from "../compression.js";
import type { Interceptor } from "../interceptor.js";
import type { BinaryOptions, JsonOptions } from "../serialization.js";
import { type ConnectRouter, type ConnectRouterOptions, createConnectRouter } from "../server/router.js";
import { connectProtocol } from "./connect-protocol.js";
import { type ClosableTransport, createProtocolTransport } from "./protocol-transport.js";
import { createCallPolicies } from "./service-config.js";
import { createUniversalHandlerClient, createUniversalHttpClient } from "./universal-client.js";

/** Options of both sides of `createRouterTransport`. */
export interface RouterTransportOptions {
  transport?: {
    baseUrl?: string;
    useBinaryFormat?: boolean;
    interceptors?: Interceptor[];
    jsonOptions?: JsonOptions;
    binaryOptions?: BinaryOptions;
    readMaxBytes?: number;
    writeMaxBytes?: number;
    useHttpGet?: boolean;
    defaultTimeoutMs?: number;
  };
  router?: ConnectRouterOptions;
}

/** A transport whose server is a router in the same process. For tests, and for services that call each other. */
export function createRouterTransport(
  routes: (router: ConnectRouter) => void,
  options?: RouterTransportOptions,
): ClosableTransport {
  const router = createConnectRouter({ ...options?.router, connect: true });
  routes(router);
  const own = options?.transport ?? {};
  const baseUrl = own.baseUrl ?? "https://in-memory";
  const client = createUniversalHandlerClient(router.handlers);
  return createProtocolTransport(connectProtocol, {
    ...validateReadWriteMaxBytes(own.readMaxBytes, own.writeMaxBytes, undefined),
    http: createUniversalHttpClient(client, new URL(baseUrl).origin),
    baseUrl: new URL(baseUrl).origin,
    format: own.useBinaryFormat === false ? "json" : "proto",
    interceptors: [...(own.interceptors ?? [])],
    jsonOptions: own.jsonOptions,
    binaryOptions: own.binaryOptions,
    // Nothing is gained by compressing within a process
    sendCompression: null,
    acceptCompression: [],
    useHttpGet: own.useHttpGet ?? false,
    defaultTimeoutMs: own.defaultTimeoutMs,
    waitForReady: false,
    policyOf: createCallPolicies(undefined),
  });
}
