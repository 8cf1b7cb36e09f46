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
    : true extends (Def extends unknown ? (string extends keyof Def ? IsNameless<Def> : false) : never)
      ? true
      : false;

/** grpc_tools_node_protoc_ts declares its methods beside the index signature that it inherits. */
type IsNameless<Def> = keyof Named<Def> extends never ? true : false;

// biome-ignore lint/suspicious/noExplicitAny: what a definition without types gives
type AnyFunction = (...args: any[]) => any;
// biome-ignore lint/suspicious/noExplicitAny: as above; a function that is given to `then` is told that its parameter is one
type AnyCall = (...args: any[]) => Promise<any> & AsyncIterable<any>;

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

/** The members that have a name. Generated server interfaces have an index signature beside them. */
export type Named<T> = {
  [K in keyof T as string extends K ? never : number extends K ? never : symbol extends K ? never : K]: T[K];
};

/**
 * Is it a generated server or client interface, whose members are functions? Then those say what the messages are; a
 * definition's members are objects.
 */
export type IsInterface<T> =
  IsAny<T> extends true
    ? false
    : keyof Named<T> extends never
      ? false
      : Named<T>[keyof Named<T>] extends AnyFunction
        ? true
        : false;

/** Handlers of grpc-js: `(call, callback)` or `(call)`, where `call` has a request or is a stream of them. */
type ImplOfHandler<F, Ctx> = F extends (...args: infer Args) => unknown
  ? Args extends [infer Call, infer Callback]
    ? Call extends { request: infer Req }
      ? (request: Req, context: Ctx) => Promise<ReplyIn<Callback>> | ReplyIn<Callback>
      : (requests: AsyncIterable<ReadFrom<Call>>, context: Ctx) => Promise<ReplyIn<Callback>>
    : Args extends [infer Call]
      ? Call extends { request: infer Req }
        ? (request: Req, context: Ctx) => AsyncIterable<WrittenTo<Call>>
        : (requests: AsyncIterable<ReadFrom<Call>>, context: Ctx) => AsyncIterable<WrittenTo<Call>>
      : AnyFunction
  : AnyFunction;

type ReplyIn<Callback> = Callback extends (error: never, value?: infer Res, ...rest: never[]) => unknown
  ? NonNullable<Res>
  : never;
// grpc-js declares `read` twice: what it gives, and then any
type Readable<T> = { read: { (size?: number): T; (size?: number): unknown } };
type ReadFrom<Stream> = Stream extends Readable<infer T> ? T : never;
type WrittenTo<Stream> = Stream extends { write(chunk: infer T, ...rest: never[]): unknown } ? T : never;

/** The implementation of a service whose messages are those of a grpc-js ServiceDefinition or of a generated server interface. */
export type ServiceImplOf<Def, Ctx = import("../implementation.js").HandlerContext> =
  IsInterface<Def> extends true
    ? { [K in keyof Named<Def>]: ImplOfHandler<Named<Def>[K], Ctx> }
    : IsUntyped<Def> extends true
      ? Record<string, AnyFunction>
      : { [K in keyof Named<Def>]: MethodImplOf<Named<Def>[K], Ctx> };

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

/** Methods of generated clients, by their last overload: what they return says which kind of call they make. */
type PromiseMethodOf<F> = F extends (...args: infer Args) => infer Call
  ? Call extends Readable<infer Res> & { write(chunk: infer Req, ...rest: never[]): unknown }
    ? (requests: AsyncIterable<Req>, options?: Options) => AsyncIterable<Res>
    : Call extends Readable<infer Res>
      ? (request: Args[0], options?: Options) => AsyncIterable<Res>
      : // An interface written by hand, which has this shape already.
        Call extends Promise<unknown> | AsyncIterable<unknown>
        ? F
        : Call extends { write(chunk: infer Req, ...rest: never[]): unknown }
          ? (requests: AsyncIterable<Req>, options?: Options) => Promise<ReplyOfCallback<Args[number]>>
          : (request: Args[0], options?: Options) => Promise<ReplyOfCallback<Args[number]>>
  : AnyFunction;

type ReplyOfCallback<Arg> = Arg extends AnyFunction ? ReplyIn<Arg> : never;

/** Members that a generated client has of grpc-js's Client: functions that give nothing, and these. */
type OfChannel<K, F> = K extends
  | "getChannel"
  | "waitForReady"
  | "makeUnaryRequest"
  | "makeClientStreamRequest"
  | "makeServerStreamRequest"
  | "makeBidiStreamRequest"
  ? true
  : F extends () => infer R
    ? // biome-ignore lint/suspicious/noConfusingVoidType: `close` is declared to give void
      [R] extends [void]
      ? true
      : false
    : false;

/** The client of a service whose messages are those of a grpc-js ServiceDefinition or of a generated client interface. */
export type ClientOf<Def> =
  IsInterface<Def> extends true
    ? {
        [K in keyof Named<Def> as OfChannel<K, Named<Def>[K]> extends true ? never : K]: PromiseMethodOf<Named<Def>[K]>;
      }
    : IsUntyped<Def> extends true
      ? Record<string, AnyCall>
      : { [K in keyof Named<Def>]: ClientMethodOf<Named<Def>[K]> };
