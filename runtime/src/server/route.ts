import type { DescMethod, DescService } from "@bufbuild/protobuf";
import type { Compression } from "../compression.js";
import type { HandlerContext } from "../implementation.js";
import type { Interceptor } from "../interceptor.js";
import type { BinaryOptions, JsonOptions, MethodCodecs } from "../serialization.js";

/** Options of a handler with every default filled in. */
export interface HandlerOptions {
  acceptCompression: Compression[];
  /** Compress responses with what the caller accepts. Off by default: it costs more than it saves inside a data centre. */
  sendCompression: boolean;
  compressMinBytes: number;
  readMaxBytes: number;
  writeMaxBytes: number;
  jsonOptions: JsonOptions | undefined;
  binaryOptions: BinaryOptions | undefined;
  maxTimeoutMs: number;
  shutdownSignal: AbortSignal | undefined;
  requireConnectProtocolHeader: boolean;
  interceptors: Interceptor[];
  requestGate: ((context: HandlerContext) => void | Promise<void>) | undefined;
  grpc: boolean;
  grpcWeb: boolean;
  connect: boolean;
  /** `grpc-js`: codes and texts of protocol errors are those of a grpc-js server. */
  compat: "grpc-js" | undefined;
}

/** One method that can be called. Everything that does not change from call to call is here. */
export interface Route {
  /** `/pkg.Service/Method` */
  path: string;
  service: DescService;
  method: DescMethod;
  kind: DescMethod["methodKind"];
  // biome-ignore lint/suspicious/noExplicitAny: four signatures, told apart by `kind`
  impl: (request: any, context: HandlerContext) => any;
  codecs: MethodCodecs;
  /** Messages are not protobuf-es messages. */
  ownMessages: boolean;
  options: HandlerOptions;
}

export type RouteTable = ReadonlyMap<string, Route>;
