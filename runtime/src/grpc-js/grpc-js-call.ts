import type { HandlerContext } from "../implementation.js";
import { kPeerAddress, kPeerCertificate } from "../server/peer.js";
import { isOver } from "./is-over.js";
import { metadataFromHeaders } from "./metadata.js";
import type { MetadataLike } from "./types.js";

/** What a handler can ask a call of grpc-js, of any kind. */
export interface CallReads {
  readonly metadata: MetadataLike;
  getPeer(): string;
  /** Milliseconds since the epoch, or Infinity. */
  getDeadline(): number;
  getPath(): string;
  getHost(): string;
  getAuthContext(): object;
}

export function readsOf(context: HandlerContext): CallReads {
  let metadata: MetadataLike | undefined;
  return {
    get metadata() {
      metadata ??= metadataFromHeaders<MetadataLike>(context.requestHeader);
      return metadata;
    },
    getPeer: () => context.values.get(kPeerAddress),
    getDeadline() {
      const left = context.timeoutMs();
      return left === undefined ? Number.POSITIVE_INFINITY : Date.now() + left;
    },
    getPath: () => `/${context.service.typeName}/${context.method.name}`,
    // Not URL.host, which leaves out the default ports
    getHost: () => /^[a-z]+:\/\/([^/]*)/.exec(context.url)?.[1] ?? "",
    getAuthContext() {
      const certificate = context.values.get(kPeerCertificate);
      return certificate === undefined ? {} : { transportSecurityType: "ssl", sslPeerCertificate: certificate };
    },
  };
}

/**
 * The call of a handler in the shape that it has in grpc-js, for functions that read it: `metadata`, `cancelled`, `getPeer()`,
 * `getDeadline()`, `getPath()`, `getHost()`, `getAuthContext()`, and `request` if it is given. It sends nothing and emits nothing.
 * The type is the one that is asked for.
 */
// biome-ignore lint/suspicious/noExplicitAny: grpc-js's four call types have no common one
export function grpcJsCall<Call = any>(context: HandlerContext, request?: unknown): Call {
  return Object.defineProperties(readsOf(context), {
    cancelled: { get: () => isOver(context), enumerable: true },
    request: { value: request, enumerable: true },
  }) as Call;
}
