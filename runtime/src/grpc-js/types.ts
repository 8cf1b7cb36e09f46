/**
 * grpc-js's types by their shape. This package must type-check and run without @grpc/grpc-js, and with any copy of it.
 */

/** One method of a grpc-js ServiceDefinition, whatever generator made it. */
// biome-ignore lint/suspicious/noExplicitAny: the messages of a method are the generator's own, of every kind
export interface MethodDefinition<Req = any, Res = any> {
  path: string;
  requestStream: boolean;
  responseStream: boolean;
  requestSerialize(value: Req): Uint8Array;
  requestDeserialize(bytes: Buffer): Req;
  responseSerialize(value: Res): Uint8Array;
  responseDeserialize(bytes: Buffer): Res;
  originalName?: string | undefined;
}

/** grpc-js's Metadata, as far as it is used here. */
export interface MetadataLike {
  set(key: string, value: string | Buffer): void;
  add(key: string, value: string | Buffer): void;
  remove(key: string): void;
  get(key: string): Array<string | Buffer>;
  getMap(): { [key: string]: string | Buffer };
  clone(): MetadataLike;
  merge(other: never): void;
  toJSON(): { [key: string]: Array<string | Buffer> };
  getOptions?(): { waitForReady?: boolean };
  setOptions?(options: { waitForReady?: boolean }): void;
}

/** grpc-js's ServiceError. */
export interface ServiceErrorLike extends Error {
  code: number;
  details: string;
  // biome-ignore lint/suspicious/noExplicitAny: it is a real Metadata where grpc-js is installed, and used as one
  metadata: any;
}

type IsAny<T> = 0 extends 1 & T ? true : false;

/**
 * Nothing is known about the methods: `any`, an index signature, or a union with one, which is what proto-loader's
 * `PackageDefinition` gives for a name.
 */
export type IsUntyped<Def> =
  IsAny<Def> extends true
    ? true
    : true extends (Def extends unknown ? (string extends keyof Def ? true : false) : never)
      ? true
      : false;

// biome-ignore lint/suspicious/noExplicitAny: what a definition without types gives
type AnyFunction = (...args: any[]) => any;

/** What a method's serializer takes. */
type Sent<F> = F extends (value: infer T) => unknown ? T : never;
type Received<F> = F extends (bytes: never) => infer T ? T : never;

/** Literal flags say the kind; a definition typed with plain booleans does not. */
type Kind<M> = M extends { requestStream: infer Q; responseStream: infer S }
  ? boolean extends Q
    ? "unknown"
    : boolean extends S
      ? "unknown"
      : Q extends true
        ? S extends true
          ? "bidi"
          : "client"
        : S extends true
          ? "server"
          : "unary"
  : "unknown";

type Requests<M> = M extends { requestSerialize: infer S; requestDeserialize: infer D }
  ? { sent: Sent<S>; received: Received<D> }
  : never;
type Responses<M> = M extends { responseSerialize: infer S; responseDeserialize: infer D }
  ? { sent: Sent<S>; received: Received<D> }
  : never;

type MethodImplOf<M, Ctx> =
  Kind<M> extends "unary"
    ? (request: Requests<M>["received"], context: Ctx) => Promise<Responses<M>["sent"]> | Responses<M>["sent"]
    : Kind<M> extends "client"
      ? (requests: AsyncIterable<Requests<M>["received"]>, context: Ctx) => Promise<Responses<M>["sent"]>
      : Kind<M> extends "server"
        ? (request: Requests<M>["received"], context: Ctx) => AsyncIterable<Responses<M>["sent"]>
        : Kind<M> extends "bidi"
          ? (requests: AsyncIterable<Requests<M>["received"]>, context: Ctx) => AsyncIterable<Responses<M>["sent"]>
          : AnyFunction;

/** The implementation of a service whose messages are those of a grpc-js ServiceDefinition. */
export type ServiceImplOf<Def, Ctx = import("../implementation.js").HandlerContext> =
  IsUntyped<Def> extends true ? Record<string, AnyFunction> : { [K in keyof Def]: MethodImplOf<Def[K], Ctx> };

type Options = import("../call-options.js").CallOptions;

type ClientMethodOf<M> =
  Kind<M> extends "unary"
    ? (request: Requests<M>["sent"], options?: Options) => Promise<Responses<M>["received"]>
    : Kind<M> extends "client"
      ? (requests: AsyncIterable<Requests<M>["sent"]>, options?: Options) => Promise<Responses<M>["received"]>
      : Kind<M> extends "server"
        ? (request: Requests<M>["sent"], options?: Options) => AsyncIterable<Responses<M>["received"]>
        : Kind<M> extends "bidi"
          ? (requests: AsyncIterable<Requests<M>["sent"]>, options?: Options) => AsyncIterable<Responses<M>["received"]>
          : AnyFunction;

/** The client of a service whose messages are those of a grpc-js ServiceDefinition. */
export type ClientOf<Def> =
  IsUntyped<Def> extends true ? Record<string, AnyFunction> : { [K in keyof Def]: ClientMethodOf<Def[K]> };
