import type { Compression } from "../compression.js";
import type { ConnectError } from "../connect-error.js";
import type { JsonOptions } from "../serialization.js";
import type { Fields, OutgoingHeaders } from "./http-client.js";
import type { ReceiveFailures } from "./receive-failures.js";

/** What a protocol must know of a transport. */
export interface WireSettings {
  readonly format: "proto" | "json";
  readonly sendCompression: Compression | null;
  readonly acceptCompression: readonly Compression[];
  readonly jsonOptions: JsonOptions | undefined;
}

/** The head of a response, judged. */
export interface ResponseHead {
  readonly fields: Fields;
  /** The call failed, and the body (if any) has no more to say. */
  readonly error?: ConnectError | undefined;
  /** The body is a JSON error (unary Connect); the error that stands if it is not one. */
  readonly errorBody?: ConnectError | undefined;
  /**
   * The head carries a gRPC status: it is the whole response (Trailers-Only) unless a body or trailers follow, which
   * then decide.
   */
  readonly maybeOnly?: boolean;
  /** How messages are compressed, if they are. */
  readonly compression: Compression | null;
}

export interface ResponseEnd {
  readonly error: ConnectError | undefined;
  readonly trailer: () => Headers;
}

/** One protocol, client side. Everything that Connect, gRPC and gRPC-Web do differently is here. */
export interface WireProtocol {
  readonly name: "connect" | "grpc" | "grpc-web";
  readonly timeoutHeader: "grpc-timeout" | "connect-timeout-ms";
  formatTimeout(timeoutMs: number): string;
  /** True if a unary call's body is the bare message. */
  readonly bareUnary: boolean;
  /** Flag of the envelope that ends a response body; 0 if HTTP trailers do. */
  readonly endFlag: number;
  readonly failures: ReceiveFailures;
  /** Request headers that are the same for each call. */
  headers(settings: WireSettings, stream: boolean): OutgoingHeaders;
  openResponse(settings: WireSettings, stream: boolean, status: number, fields: Fields): ResponseHead;
  /**
   * @param end data of the envelope with `endFlag`
   * @param trailers HTTP trailers
   * @param sawBody any bytes of a body
   */
  closeResponse(
    head: ResponseHead,
    end: Uint8Array | undefined,
    trailers: Fields | undefined,
    sawBody: boolean,
  ): ResponseEnd;
}
