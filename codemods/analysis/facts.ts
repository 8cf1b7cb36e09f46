/** How a fact was established. */
export type Via = "types" | "provenance" | "syntax";

export type RpcKind = "unary" | "client_streaming" | "server_streaming" | "bidi_streaming";

/** One RPC, by its descriptor. `localName` is protobuf-es's name of the method, never derived from a string rule. */
export interface RpcRef {
  readonly service: string;
  readonly method: string;
  readonly localName: string;
  readonly kind: RpcKind;
  readonly input: string;
  readonly output: string;
}

/**
 * What analysis found out about a range of a file. Plain, serialisable data. `start` and `end` are offsets of a call or
 * identifier (or of a function *body*), never of a function node: `export` and decorators shift those.
 */
export interface FactBase {
  readonly kind: string;
  /** Absolute path. */
  readonly file: string;
  readonly start: number;
  readonly end: number;
  readonly via: Via;
}
