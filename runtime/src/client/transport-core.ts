import type { DescMethod } from "@bufbuild/protobuf";
import { Code } from "../code.js";
import type { Compression } from "../compression.js";
import { ConnectError } from "../connect-error.js";
import { headerLines } from "../headers.js";
import type { Interceptor } from "../interceptor.js";
import type { MessageCodecs } from "../message-codec.js";
import {
  type BinaryOptions,
  createMethodCodecs,
  type FormatCodec,
  guardCodec,
  type JsonOptions,
  methodPath,
} from "../serialization.js";
import { hasNoSideEffects } from "../well-known.js";
import type { HttpClient, OutgoingHeaders, RequestHead, SendOptions } from "./http-client.js";
import type { CallPolicy } from "./service-config.js";
import type { WireProtocol, WireSettings } from "./wire-protocol.js";

/** A transport's options, merged once. */
export interface TransportSettings extends WireSettings {
  readonly http: HttpClient;
  /** What interceptors see in front of the method's path. */
  readonly baseUrl: string;
  readonly interceptors: readonly Interceptor[];
  readonly binaryOptions: BinaryOptions | undefined;
  readonly jsonOptions: JsonOptions | undefined;
  readonly sendCompression: Compression | null;
  readonly acceptCompression: readonly Compression[];
  readonly compressMinBytes: number;
  readonly readMaxBytes: number;
  readonly writeMaxBytes: number;
  readonly useHttpGet: boolean;
  readonly defaultTimeoutMs: number | undefined;
  readonly waitForReady: boolean;
  /** Of a gRPC service config. */
  readonly policyOf: (path: string) => CallPolicy;
}

/** Everything of a method that is the same for each call. */
export interface MethodPlan {
  readonly method: DescMethod;
  readonly path: string;
  readonly url: string;
  readonly stream: boolean;
  readonly head: RequestHead;
  readonly fixedHeaders: OutgoingHeaders;
  readonly input: FormatCodec;
  readonly output: FormatCodec;
  readonly useGet: boolean;
  readonly policy: CallPolicy;
  readonly sendOptions: SendOptions;
}

/** Protocol and settings of one transport, as calls see them. */
export interface TransportCore {
  readonly protocol: WireProtocol;
  readonly settings: TransportSettings;
}

export function createPlan(core: TransportCore, method: DescMethod, messages: MessageCodecs | undefined): MethodPlan {
  const { protocol, settings } = core;
  const stream = method.methodKind !== "unary";
  const path = new URL(settings.baseUrl).pathname.replace(/\/$/, "") + methodPath(method);
  const fixedHeaders = protocol.headers(settings, stream);
  const policy = settings.policyOf(methodPath(method));
  const codecs = createMethodCodecs(method, { ...settings, messages });
  return {
    method,
    path,
    url: settings.baseUrl.replace(/\/$/, "") + methodPath(method),
    stream,
    head: settings.http.prepare("POST", path, fixedHeaders),
    fixedHeaders,
    input: guardCodec(codecs.input[settings.format], Code.Internal),
    output: guardCodec(codecs.output[settings.format], Code.Internal),
    policy,
    sendOptions: { waitForReady: policy.waitForReady ?? settings.waitForReady },
    useGet: settings.useHttpGet && !stream && protocol.name === "connect" && hasNoSideEffects(method),
  };
}

/**
 * Headers that belong to the protocol or the connection: a caller's value is left out. Forwarding all headers of a
 * received request is common, and an HTTP/2 stack refuses connection headers.
 */
const reserved = new Set([
  "content-type",
  "content-length",
  "content-encoding",
  "accept-encoding",
  "te",
  "host",
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
  "grpc-timeout",
  "grpc-encoding",
  "grpc-accept-encoding",
  "connect-timeout-ms",
  "connect-content-encoding",
  "connect-accept-encoding",
  "connect-protocol-version",
]);

/** Headers of one call; undefined if there are none. */
export function callHeaders(header: HeadersInit | undefined, protocol: WireProtocol): OutgoingHeaders | undefined {
  if (header === undefined) {
    return undefined;
  }
  let headers: OutgoingHeaders | undefined;
  // Headers validates names: node:http2 would destroy the connection for a bad one
  const isNamed = header instanceof Headers;
  const validValue = protocol.name === "grpc" ? asciiValue : latinValue;
  for (const [name, value] of headerLines(header)) {
    if (reserved.has(name) || name.startsWith(":")) {
      continue;
    }
    if (!validValue.test(value) || !(isNamed || validName.test(name))) {
      throw new ConnectError(`invalid header "${name}": "${value}"`, Code.Internal);
    }
    headers ??= {};
    // `constructor` is a name, too
    const present = Object.hasOwn(headers, name) ? headers[name] : undefined;
    if (present === undefined) {
      headers[name] = value;
    } else if (Array.isArray(present)) {
      present.push(value);
    } else {
      headers[name] = [present, value];
    }
  }
  return headers;
}

const validName = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
/** gRPC PROTOCOL-HTTP2 §Requests, ASCII-Value: servers drop a field that has more, or fail the call. */
const asciiValue = /^[\x20-\x7e]*$/;
/** Visible Latin-1, spaces and tabs. */
const latinValue = /^[\t\x20-\x7e\x80-\xff]*$/;
