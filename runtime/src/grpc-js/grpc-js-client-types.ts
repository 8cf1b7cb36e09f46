import type { EventEmitter } from "node:events";
import type { Duplex, Readable, Writable } from "node:stream";
import type { MessageCodecs } from "../message-codec.js";
import type { IsInterface, IsUntyped, Named } from "./types.js";

/** Metadata, options and callback are told apart at run time, as in grpc-js. */
// biome-ignore lint/suspicious/noExplicitAny: grpc-js's own Metadata and CallOptions fit here, of any copy
type Extra = any;

/** grpc-js's ServiceError or null. */
// biome-ignore lint/suspicious/noExplicitAny: callbacks declare ServiceError of their own copy of grpc-js
type CallbackError = any;

type Cancellable = { cancel(): void; getPeer(): string };
type Callback<Res> = (error: CallbackError, response: Res) => void;

interface UnaryMethod<Req, Res> {
  (request: Req, callback: Callback<Res>): EventEmitter & Cancellable;
  (request: Req, metadataOrOptions: Extra, callback: Callback<Res>): EventEmitter & Cancellable;
  (request: Req, metadata: Extra, options: Extra, callback: Callback<Res>): EventEmitter & Cancellable;
}
interface ClientStreamMethod<Res> {
  (callback: Callback<Res>): Writable & Cancellable;
  (metadataOrOptions: Extra, callback: Callback<Res>): Writable & Cancellable;
  (metadata: Extra, options: Extra, callback: Callback<Res>): Writable & Cancellable;
}
type ServerStreamMethod<Req> = (request: Req, metadataOrOptions?: Extra, options?: Extra) => Readable & Cancellable;
type BidiMethod = (metadataOrOptions?: Extra, options?: Extra) => Duplex & Cancellable;

// biome-ignore lint/suspicious/noExplicitAny: what a definition without literal types gives
type Untyped = (...args: any[]) => any;

type MethodOf<M> = M extends {
  requestStream: infer Q;
  responseStream: infer S;
  requestSerialize: (value: infer Req) => unknown;
  responseDeserialize: (bytes: never) => infer Res;
}
  ? boolean extends Q
    ? Untyped
    : boolean extends S
      ? Untyped
      : Q extends true
        ? S extends true
          ? BidiMethod
          : ClientStreamMethod<Res>
        : S extends true
          ? ServerStreamMethod<Req>
          : UnaryMethod<Req, Res>
  : Untyped;

interface Base {
  close(): void;
  waitForReady(deadline: Date | number, callback: (error?: Error) => void): void;
  getChannel(): { close(): void; getTarget(): string; getConnectivityState(tryToConnect?: boolean): number };
}

// biome-ignore lint/suspicious/noExplicitAny: a client whose methods are not known to the compiler
type UntypedClient = Base & Record<string, any>;

/** A grpc-js shaped client: typed by its codecs' definition, if that has literal types. */
export type GrpcJsClientOf<M> = M extends MessageCodecs & { readonly definition: infer Def }
  ? IsInterface<Def> extends true
    ? Base & Named<Def>
    : IsUntyped<Def> extends true
      ? UntypedClient
      : Base & { [K in keyof Named<Def>]: MethodOf<Named<Def>[K]> }
  : UntypedClient;
