import type { DescMethod, DescService } from "@bufbuild/protobuf";
import { Code } from "../code.js";
import { type Compression, validateReadWriteMaxBytes } from "../compression.js";
import { ConnectError } from "../connect-error.js";
import type { ServiceImplOf } from "../grpc-js/types.js";
import { type HandlerContext, type MethodImpl, type ServiceImpl, unimplementedImpl } from "../implementation.js";
import type { Interceptor } from "../interceptor.js";
import type { MessageCodecs } from "../message-codec.js";
import { type BinaryOptions, createMethodCodecs, type JsonOptions, methodPath } from "../serialization.js";
import type { HandlerOptions, Route, RouteTable } from "./route.js";
import { createUniversalHandler, type UniversalHandler } from "./universal-handler.js";

/** Options of handlers, for a router or for one of its services. */
export interface UniversalHandlerOptions {
  /** Compressions that requests may use. Default on Node: gzip, br, deflate. */
  acceptCompression: Compression[];
  /** Addition to @connectrpc/connect: compress responses with what the caller accepts. Default false. */
  sendCompression: boolean;
  /** Smaller messages are never compressed. Default 1024 bytes. */
  compressMinBytes: number;
  /** Limit of one received message in bytes. Default 2^32-1; grpc-js's default is 4 MiB. */
  readMaxBytes: number;
  /** Limit of one sent message in bytes. Default 2^32-1. */
  writeMaxBytes: number;
  /** Unknown fields are ignored by default. */
  jsonOptions?: JsonOptions;
  binaryOptions?: BinaryOptions;
  /** Longest timeout that a caller may ask for; a longer one is invalid_argument. */
  maxTimeoutMs: number;
  /** Aborting it aborts the signal of every running handler. */
  shutdownSignal?: AbortSignal;
  /** Refuse Connect calls without the header Connect-Protocol-Version. */
  requireConnectProtocolHeader: boolean;
  interceptors: Interceptor[];
  /** Runs when headers are there and before a body is read: the place to refuse callers cheaply. */
  requestGate?: (context: HandlerContext) => void | Promise<void>;
  /** Addition to @connectrpc/connect: `grpc-js` gives protocol errors the codes and texts of a grpc-js server, and relays errors of other calls with their trailers. */
  compat?: "grpc-js";
}

/** Options of one service. */
export type ServiceOptions = Partial<UniversalHandlerOptions> & {
  /** Addition to @connectrpc/connect: codecs in place of protobuf-es (see `grpcJsMessages`, `explicitPresence`). */
  messages?: MessageCodecs;
};

/** Options of a router. All three protocols are on by default. */
export interface ConnectRouterOptions extends Partial<UniversalHandlerOptions> {
  /** Speak gRPC. Default true. */
  grpc?: boolean;
  /** Speak gRPC-Web. Default true. */
  grpcWeb?: boolean;
  /** Speak Connect. Default true. */
  connect?: boolean;
}

/** Handlers that are written in place get the types of the codecs' messages; any object is taken, as by grpc-js. */
type ImplementationFor<M> = M extends { readonly definition: infer Def }
  ? Partial<ServiceImplOf<Def>> | object
  : M extends { readonly service: infer Service extends DescService }
    ? Partial<ServiceImpl<Service>>
    : object;

/** Where services and methods are registered. */
export interface ConnectRouter {
  /** One for each method that was registered, in order. */
  readonly handlers: UniversalHandler[];
  /** With codecs an implementation has the codecs' message types, and may use their keys for methods. */
  service<T extends DescService, M extends MessageCodecs>(
    service: T,
    implementation: ImplementationFor<M>,
    options: ServiceOptions & { messages: M },
  ): this;
  /** Methods that the implementation lacks answer unimplemented. */
  service<T extends DescService>(service: T, implementation: Partial<ServiceImpl<T>>, options?: ServiceOptions): this;
  /** Registers one method alone. */
  rpc<M extends DescMethod>(method: M, impl: MethodImpl<M>, options?: ServiceOptions): this;
  /** Addition to @connectrpc/connect: runs when a server that `serve` started begins to close gracefully. */
  onDrain?(callback: () => void): void;
}

/** A router with its table, for the servers of this package. */
export interface RoutingRouter extends ConnectRouter {
  readonly routes: RouteTable;
  readonly drainCallbacks: ReadonlySet<() => void>;
}

/**
 * A router without a server, for adapters: its `handlers` run the calls.
 *
 * @throws ConnectError (invalid_argument) if every protocol is switched off
 */
export function createConnectRouter(options?: ConnectRouterOptions): ConnectRouter {
  return createRoutingRouter(options);
}

export function createRoutingRouter(routerOptions: ConnectRouterOptions = {}): RoutingRouter {
  const base = handlerOptions(routerOptions, undefined);
  if (!base.grpc && !base.grpcWeb && !base.connect) {
    throw new ConnectError(
      "cannot create a router without a protocol: enable one of grpc, grpcWeb, connect",
      Code.InvalidArgument,
    );
  }
  const routes = new Map<string, Route>();
  const handlers: UniversalHandler[] = [];
  const add = (method: DescMethod, impl: Route["impl"], options: HandlerOptions, messages?: MessageCodecs): void => {
    const path = methodPath(method);
    const codecs = createMethodCodecs(method, {
      binaryOptions: options.binaryOptions,
      jsonOptions: options.jsonOptions,
      messages,
    });
    const route: Route = {
      path,
      service: method.parent,
      method,
      kind: method.methodKind,
      impl,
      codecs,
      ownMessages: messages?.method(path) !== undefined,
      options,
    };
    routes.set(path, route);
    handlers.push(createUniversalHandler(route));
  };
  const drainCallbacks = new Set<() => void>();
  const router: RoutingRouter = {
    routes,
    handlers,
    drainCallbacks,
    onDrain: (callback) => void drainCallbacks.add(callback),
    service(service: DescService, implementation: object, serviceOptions?: ServiceOptions) {
      const options = serviceOptions === undefined ? base : handlerOptions(routerOptions, serviceOptions);
      for (const method of service.methods) {
        const keys = serviceOptions?.messages?.method(methodPath(method))?.keys ?? [];
        const impl = implOf(implementation as Record<string, unknown>, [...keys, method.localName]);
        const text =
          options.compat === "grpc-js"
            ? `The server does not implement the method ${keys[0] ?? method.name}`
            : undefined;
        add(method, impl ?? unimplementedImpl(method, text), options, serviceOptions?.messages);
      }
      return router;
    },
    rpc(method, impl, serviceOptions) {
      const options = serviceOptions === undefined ? base : handlerOptions(routerOptions, serviceOptions);
      add(method, impl as Route["impl"], options, serviceOptions?.messages);
      return router;
    },
  };
  return router;
}

// The first key wins, as in grpc-js, where a definition's key goes before its camelCase alias. `this` stays the object.
function implOf(implementation: Record<string, unknown>, keys: readonly string[]): Route["impl"] | undefined {
  for (const key of keys) {
    const own = implementation[key];
    if (typeof own === "function") return own.bind(implementation);
  }
  return undefined;
}

/** Merged once per service. A service's options never switch a protocol on that the router switched off. */
function handlerOptions(
  router: ConnectRouterOptions,
  service: Partial<UniversalHandlerOptions> | undefined,
): HandlerOptions {
  const merged = { ...router, ...withoutUndefined(service) };
  return {
    ...validateReadWriteMaxBytes(merged.readMaxBytes, merged.writeMaxBytes, merged.compressMinBytes),
    acceptCompression: merged.acceptCompression ?? [],
    sendCompression: merged.sendCompression ?? false,
    jsonOptions: merged.jsonOptions,
    binaryOptions: merged.binaryOptions,
    maxTimeoutMs: merged.maxTimeoutMs ?? Number.MAX_SAFE_INTEGER,
    shutdownSignal: merged.shutdownSignal,
    requireConnectProtocolHeader: merged.requireConnectProtocolHeader ?? false,
    interceptors: [...(router.interceptors ?? []), ...(service?.interceptors ?? [])],
    requestGate: merged.requestGate,
    grpc: router.grpc ?? true,
    grpcWeb: router.grpcWeb ?? true,
    connect: router.connect ?? true,
    compat: merged.compat,
  };
}

function withoutUndefined<T extends object>(options: T | undefined): Partial<T> {
  const given: Partial<T> = {};
  for (const [key, value] of Object.entries(options ?? {})) {
    if (value !== undefined) given[key as keyof T] = value as T[keyof T];
  }
  return given;
}
