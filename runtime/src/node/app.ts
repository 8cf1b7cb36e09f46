import { IncomingMessage, type ServerResponse } from "node:http";
import { Http2ServerRequest, Http2ServerResponse, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import type { DescService } from "@bufbuild/protobuf";
import type { ContextValues } from "../context-values.js";
import { type CorsOptions, checkCors, withCors } from "../server/cors-policy.js";
import { answerUnknownPath, dispatch, pathOf } from "../server/dispatch.js";
import type { Exchange } from "../server/exchange.js";
import { createFetchHandler } from "../server/fetch-handler.js";
import type { RouteTable } from "../server/route.js";
import { type ConnectRouter, type ConnectRouterOptions, createRoutingRouter } from "../server/router.js";
import { compressionBrotli, compressionDeflate, compressionGzip } from "./compression.js";
import { createHttp1Exchange } from "./http1-exchange.js";
import { Http2Exchange } from "./http2-exchange.js";
import type { RunningServer } from "./serve.js";

/** A request of node:http or of node:http2's compatibility API. */
export type NodeServerRequest = IncomingMessage | Http2ServerRequest;
/** A response of either. (`write` of the two disagrees on its encoding parameter; nothing here uses it.) */
export type NodeServerResponse = (Omit<ServerResponse, "write"> | Omit<Http2ServerResponse, "write">) & {
  write(chunk: string | Uint8Array, callback?: (err: Error | null | undefined) => void): boolean;
  write(
    chunk: string | Uint8Array,
    encoding: BufferEncoding,
    callback?: (err: Error | null | undefined) => void,
  ): boolean;
  writeHead(status: number, headers?: NodeJS.Dict<number | string | string[]>): unknown;
};
/** A request listener of node:http, node:https and node:http2. */
export type NodeHandlerFn = (request: NodeServerRequest, response: NodeServerResponse) => void;

/** Options of `connectNodeAdapter`, with the names and defaults of @connectrpc/connect-node. */
export interface ConnectNodeAdapterOptions extends ConnectRouterOptions {
  /** Registers services. */
  routes: (router: ConnectRouter) => void;
  /** Takes requests whose path is no method's. Default: 404. */
  fallback?: NodeHandlerFn;
  /** Serves everything under this prefix, for instance `/api`. Many gRPC clients cannot use one. */
  requestPathPrefix?: string;
  /** Context values of a call, from its request. */
  contextValues?: (req: NodeServerRequest) => ContextValues;
}

/** Options of `createApp`: those of connectNodeAdapter, and what a server without a framework around it needs. */
export interface AppOptions extends ConnectNodeAdapterOptions {
  /** Which web pages may call the app. Default: none, browsers then refuse them. */
  cors?: CorsOptions;
}

/** What `serve` and adapters need to run an app without going through a request listener. */
export interface AppInternals {
  readonly routes: RouteTable;
  readonly options: AppOptions;
  /** Takes a stream of node:http2 as it comes from the core API. */
  handleStream(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    flags: number,
    rawHeaders: readonly string[],
  ): void;
  /** Run when a server begins to close gracefully; health uses it. */
  readonly drainCallbacks: ReadonlySet<() => void>;
  /** What serves the app now. */
  readonly running: Set<RunningServer>;
}

/**
 * Services as a value: a request listener for node:http and node:http2, `.fetch` for other servers, and what `serve` runs.
 * Making one has no side effects.
 */
export interface App extends NodeHandlerFn {
  /** Serves one request of the Fetch API. Connect and gRPC-Web; gRPC needs trailers, which a Response cannot have. */
  fetch(request: Request): Promise<Response>;
  /** What the app serves, for reflection. */
  readonly services: readonly DescService[];
  /** For `serve` and adapters. */
  readonly internals: AppInternals;
}

const endStreamFlag = 0x1;

/**
 * Makes an app of services.
 *
 * @throws ConnectError for options that contradict each other, Error for a `cors` that browsers would refuse
 */
export function createApp(options: AppOptions): App {
  const merged: AppOptions = {
    ...options,
    acceptCompression: options.acceptCompression ?? [compressionGzip, compressionBrotli, compressionDeflate],
  };
  const router = createRoutingRouter(merged);
  options.routes(router);
  const { routes } = router;
  const prefix = normalPrefix(options.requestPathPrefix);

  const { cors } = options;
  if (cors !== undefined) checkCors(cors);

  const run = (asked: Exchange, fallback: (() => void) | undefined): void => {
    let exchange = asked;
    if (cors !== undefined && routes.has(pathOf(asked.target, prefix))) {
      const answering = withCors(cors, asked);
      if (answering === undefined) return;
      exchange = answering;
    }
    if (dispatch(routes, exchange, prefix)) return;
    if (fallback !== undefined) fallback();
    else answerUnknownPath(exchange, options.compat);
  };

  const listener: NodeHandlerFn = (request, response) => {
    const contextValues = options.contextValues && (() => options.contextValues?.(request) as ContextValues);
    const fallback = options.fallback && (() => options.fallback?.(request, response));
    if (!("stream" in request)) {
      run(createHttp1Exchange(request, response as ServerResponse, contextValues), fallback);
      return;
    }
    const path = request.url;
    if (fallback !== undefined && !routes.has(pathOf(path, prefix))) {
      fallback();
      return;
    }
    const { stream } = request;
    // The compatibility API answers `wantTrailers` itself, with its own, empty, trailers.
    stream.removeAllListeners("wantTrailers");
    run(
      new Http2Exchange(stream as ServerHttp2Stream, request.headers, request.rawHeaders, false, contextValues),
      undefined,
    );
  };

  const handleStream: AppInternals["handleStream"] = (stream, headers, flags, rawHeaders) => {
    const needsRequest = options.contextValues !== undefined || options.fallback !== undefined;
    if (needsRequest) {
      // What the application's functions expect is a request of the compatibility API.
      const request = new Http2ServerRequest(stream, headers, { highWaterMark: 0 }, rawHeaders);
      const response = new Http2ServerResponse(stream);
      listener(request, response as unknown as NodeServerResponse);
      return;
    }
    run(new Http2Exchange(stream, headers, rawHeaders, (flags & endStreamFlag) !== 0), undefined);
  };

  return Object.assign(listener, {
    fetch: createFetchHandler((exchange) => run(exchange, undefined)),
    services: [...new Set([...routes.values()].map((route) => route.service))],
    internals: {
      routes,
      options: merged,
      handleStream,
      drainCallbacks: router.drainCallbacks,
      running: new Set<RunningServer>(),
    },
  });
}

function normalPrefix(prefix: string | undefined): string | undefined {
  if (!prefix || prefix === "/") return undefined;
  return `/${prefix.replace(/^\/+|\/+$/g, "")}`;
}

/** A request listener for node:http and node:http2, with the options of @connectrpc/connect-node. */
export function connectNodeAdapter(options: ConnectNodeAdapterOptions): NodeHandlerFn {
  return createApp(options);
}

/** True for a request of node:http, false for one of node:http2. */
export function isHttp1Request(request: NodeServerRequest): request is IncomingMessage {
  return request instanceof IncomingMessage;
}
