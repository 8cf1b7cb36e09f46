import type * as http2 from "node:http2";
import type * as tls from "node:tls";
import type { HttpClient } from "../client/http-client.js";
import { createCallPolicies, loadBalancingOf, type ServiceConfig } from "../client/service-config.js";
import type { TransportSettings } from "../client/transport-core.js";
import { type Compression, validateReadWriteMaxBytes } from "../compression.js";
import type { Interceptor } from "../interceptor.js";
import type { BinaryOptions, JsonOptions } from "../serialization.js";
import type { Channel, LoadBalancing, ReconnectBackoff } from "./channel.js";
import { compressionBrotli, compressionGzip } from "./compression.js";
import { createForeignClient } from "./foreign-session.js";
import { createHttp1Client, type Http1RequestOptions } from "./http1-client.js";
import { createHttp2Client } from "./http2-client.js";
import type { Http2SessionOptions } from "./http2-connection.js";
import { type Http2ClientOptions, Http2SessionManager } from "./http2-session-manager.js";
import { createNegotiatingClient } from "./negotiating-client.js";
import { type HttpProxy, parseProxy, proxyFromEnvironment } from "./proxy.js";
import { shareChannel } from "./shared-channel.js";
import { parseTarget, type Target, targetText } from "./target.js";
import { createSingleChannel, createTargetChannel } from "./target-channel.js";

/** What all transports share. Names and defaults are those of @connectrpc/connect-node. */
export interface CommonOptions {
  /** Messages in protobuf's binary format (default) or, with false, in JSON. */
  useBinaryFormat?: boolean;
  /** The first is the outermost layer. */
  interceptors?: Interceptor[];
  jsonOptions?: JsonOptions;
  binaryOptions?: BinaryOptions;
  /** Compressions that responses may use, the most preferred first. Default gzip and br; `[]` for none. */
  acceptCompression?: Compression[];
  /** Compress request messages. Default: not. */
  sendCompression?: Compression;
  /** Messages with fewer bytes are not compressed. Default 1024. */
  compressMinBytes?: number;
  /** Longest message to receive, in bytes. Default 2^32-1. */
  readMaxBytes?: number;
  /** Longest message to send, in bytes. Default 2^32-1. */
  writeMaxBytes?: number;
  /** Timeout of calls that give none. */
  defaultTimeoutMs?: number;
  /** Addition: calls wait for a connection instead of failing when the server cannot be reached. */
  waitForReady?: boolean;
  /** Addition: retries, timeouts and wait-for-ready per method, as a gRPC service config or its JSON. */
  serviceConfig?: ServiceConfig | string;
}

/**
 * Where the calls go: a URL, or (an addition to connect-node) a gRPC name such as `localhost:50051`,
 * `dns:///host:port`, `ipv4:10.0.0.1:80,10.0.0.2:80` or `unix:/run/app.sock`. A name without a port means 443.
 */
export type Destination =
  | {
      baseUrl: string;
      target?: undefined;
      tls?: undefined;
      loadBalancing?: undefined;
      proxy?: undefined;
      authority?: undefined;
      shareConnections?: undefined;
    }
  | {
      target: string;
      /** Use TLS: true, or options of tls.connect such as `ca`, `key` and `cert`. Default: cleartext. */
      tls?: boolean | tls.ConnectionOptions | undefined;
      /** How calls are spread over several addresses. Default: the service config's choice, or `pick_first`. */
      loadBalancing?: LoadBalancing;
      /**
       * Value of `:authority`, and the name that the server's certificate must have (unless `tls.servername` says another),
       * in place of the target's. `grpc.default_authority` of grpc-js.
       */
      authority?: string;
      /**
       * Share connections with other transports of the same target and options, as grpc-js clients do. Default true;
       * false is `grpc.use_local_subchannel_pool`.
       */
      shareConnections?: boolean;
      /**
       * HTTP proxy: true (default) for `grpc_proxy`, `https_proxy`, `http_proxy` and their exceptions in the
       * environment, as grpc-js does; false for none; or an `http:` URL.
       */
      proxy?: boolean | string;
      baseUrl?: undefined;
    };

/** The part of a session manager that a transport needs; connect-node's own fits. */
export interface NodeHttp2ClientSessionManager {
  authority: string;
  request(
    method: string,
    path: string,
    headers: http2.OutgoingHttpHeaders,
    options: Omit<http2.ClientSessionRequestOptions, "signal">,
  ): Promise<http2.ClientHttp2Stream>;
  notifyResponseByteRead(stream: http2.ClientHttp2Stream): void;
}

export interface NodeHttp2TransportOptions extends Http2SessionOptions {
  /**
   * Addition: after a failed attempt to connect, calls that do not wait fail at once for a time that grows with each
   * failure, as in grpc-js. Default: each call tries to connect, and `waitForReady` has gRPC's usual pauses.
   */
  reconnectBackoff?: ReconnectBackoff;
  /** With a manager, `nodeOptions` and the session options have no effect. */
  sessionManager?: NodeHttp2ClientSessionManager;
  /** Options of http2.connect(). */
  nodeOptions?: Http2ClientOptions;
}

export interface NodeHttp1TransportOptions {
  /** Options of http.request() or https.request(). */
  nodeOptions?: Http1RequestOptions;
}

export type NodeTransportOptions =
  | (NodeHttp1TransportOptions & { httpVersion: "1.1" })
  | (NodeHttp2TransportOptions & { httpVersion: "2" })
  | (NegotiatedTransportOptions & { httpVersion: "auto" });

/**
 * Addition: HTTP/2 or HTTP/1.1, by ALPN under TLS. The first call makes one handshake more for it. Without TLS there is
 * nothing to negotiate with, and it is HTTP/1.1, which has no full-duplex streams.
 */
export interface NegotiatedTransportOptions extends Http2SessionOptions {
  /** Options of tls.connect() for connections of both versions, for instance `ca`. */
  nodeOptions?: tls.ConnectionOptions;
  reconnectBackoff?: ReconnectBackoff;
  sessionManager?: undefined;
}

export type AnyTransportOptions = CommonOptions & Destination & NodeTransportOptions & { useHttpGet?: boolean };

/** Options merged with their defaults, once. */
export function settingsFrom(options: AnyTransportOptions): TransportSettings {
  const baseUrl = options.baseUrl ?? baseUrlOf(options);
  return {
    ...validateReadWriteMaxBytes(options.readMaxBytes, options.writeMaxBytes, options.compressMinBytes),
    http: httpClientFor(options, baseUrl),
    baseUrl,
    format: options.useBinaryFormat === false ? "json" : "proto",
    interceptors: [...(options.interceptors ?? [])],
    jsonOptions: options.jsonOptions,
    binaryOptions: options.binaryOptions,
    sendCompression: options.sendCompression ?? null,
    acceptCompression: options.acceptCompression ?? [compressionGzip, compressionBrotli],
    useHttpGet: options.useHttpGet ?? false,
    defaultTimeoutMs: options.defaultTimeoutMs,
    waitForReady: options.waitForReady ?? false,
    policyOf: createCallPolicies(options.serviceConfig),
  };
}

function baseUrlOf(options: AnyTransportOptions): string {
  if (options.target === undefined) {
    throw new Error("A transport needs `baseUrl` (a URL) or `target` (a gRPC name such as localhost:50051).");
  }
  const scheme = options.tls ? "https" : "http";
  try {
    return new URL(`${scheme}://${options.authority ?? parseTarget(options.target).authority}`).origin;
  } catch (e) {
    if (e instanceof TypeError) {
      return `${scheme}://localhost`;
    }
    throw e;
  }
}

function httpClientFor(options: AnyTransportOptions, baseUrl: string): HttpClient {
  if (options.httpVersion === "auto") {
    return negotiatingClientFor(options, baseUrl);
  }
  if (options.httpVersion === "1.1") {
    return createHttp1Client(new URL(baseUrl), http1Options(options));
  }
  const { sessionManager } = options;
  if (sessionManager !== undefined && !(sessionManager instanceof Http2SessionManager)) {
    return createForeignClient(sessionManager, new URL(baseUrl).host);
  }
  const channel = channelFor(options, sessionManager, baseUrl);
  return createHttp2Client(channel, options.target === undefined ? undefined : targetText(options.target));
}

function negotiatingClientFor(options: AnyTransportOptions & { httpVersion: "auto" }, baseUrl: string): HttpClient {
  const { nodeOptions, ...common } = options;
  const versioned = (httpVersion: "1.1" | "2") =>
    httpClientFor({ ...common, ...(nodeOptions && { nodeOptions }), httpVersion } as AnyTransportOptions, baseUrl);
  const origin = new URL(baseUrl);
  if (origin.protocol !== "https:") {
    return versioned("1.1");
  }
  if (options.target !== undefined && parseTarget(options.target).scheme === "unix") {
    throw new Error('httpVersion "auto" cannot be used with a unix: target; name the version.');
  }
  const tlsOptions = { ...(typeof options.tls === "object" ? options.tls : {}), ...nodeOptions };
  const timeoutMs = options.connectTimeoutMs ?? 20_000;
  return createNegotiatingClient(origin, tlsOptions, timeoutMs, versioned("1.1"), versioned("2"));
}

function channelFor(
  options: NodeHttp2TransportOptions & Destination & Pick<CommonOptions, "serviceConfig">,
  manager: Http2SessionManager | undefined,
  baseUrl: string,
): Channel {
  if (manager !== undefined) {
    return createSingleChannel(manager, new URL(baseUrl).host);
  }
  if (options.target !== undefined) {
    const target = parseTarget(options.target);
    const tlsOptions = options.tls === true ? {} : options.tls === false ? undefined : options.tls;
    const channelOptions = {
      session: sessionOptionsOf(options),
      proxy: proxyFor(target, options.proxy ?? true),
      nodeOptions: options.nodeOptions,
      loadBalancing: options.loadBalancing ?? loadBalancingOf(options.serviceConfig),
      authority: options.authority,
      reconnectBackoff: options.reconnectBackoff,
    };
    const make = () => createTargetChannel(target, tlsOptions, channelOptions);
    return options.shareConnections === false ? make() : shareChannel([target, tlsOptions, channelOptions], make);
  }
  const own = new Http2SessionManager(baseUrl, options, options.nodeOptions);
  return createSingleChannel(own, new URL(baseUrl).host, options.reconnectBackoff);
}

function sessionOptionsOf(options: Http2SessionOptions): Http2SessionOptions {
  const { pingIntervalMs, pingIdleConnection, pingTimeoutMs, idleConnectionTimeoutMs, connectTimeoutMs } = options;
  const given = { pingIntervalMs, pingIdleConnection, pingTimeoutMs, idleConnectionTimeoutMs, connectTimeoutMs };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function proxyFor(target: Target, proxy: boolean | string): HttpProxy | undefined {
  if (proxy === false || target.scheme === "unix") {
    return undefined;
  }
  if (typeof proxy === "string") {
    const parsed = parseProxy(proxy);
    if (parsed === undefined) {
      throw new Error(`"${proxy}" is no proxy; expected a URL such as http://proxy.example:3128.`);
    }
    return parsed;
  }
  // An address list has no one host to compare with the exceptions
  return proxyFromEnvironment(target.scheme === "dns" ? target.host : (target.addresses[0]?.host ?? ""));
}

/** A target over HTTP/1.1 is one address: Node's agent resolves and connects. */
function http1Options(options: AnyTransportOptions & { httpVersion: "1.1" }): Http1RequestOptions | undefined {
  if (options.target === undefined) {
    return options.nodeOptions;
  }
  const target = parseTarget(options.target);
  const tlsOptions = typeof options.tls === "object" ? options.tls : {};
  switch (target.scheme) {
    case "unix":
      return { ...tlsOptions, ...options.nodeOptions, socketPath: target.path };
    case "ip":
      return { ...tlsOptions, ...target.addresses[0], ...options.nodeOptions };
    case "dns":
      return { ...tlsOptions, host: target.host, port: target.port, ...options.nodeOptions };
  }
}
