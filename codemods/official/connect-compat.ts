// What code that came from @grpc/grpc-js needs beside @connectrpc/connect 2 and @connectrpc/connect-node 2.
// Written once by connect-migrate (--target connectrpc). It is yours: change it, and delete what nothing uses any more.

import { realpathSync } from "node:fs";
import {
  constants,
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type Http2Session,
  type Http2Stream,
  type SecureClientSessionOptions,
  type SecureServerOptions,
} from "node:http2";
import { type AddressInfo, connect } from "node:net";
import { resolve } from "node:path";
import type { SecureContextOptions } from "node:tls";
import { fileURLToPath } from "node:url";
import {
  clone,
  create,
  type DescMessage,
  type DescMethod,
  type DescService,
  fromBinary,
  type Message,
  toBinary,
} from "@bufbuild/protobuf";
import {
  type Client,
  Code,
  ConnectError,
  type ConnectRouter,
  type ContextValues,
  createClient as createConnectClient,
  type HandlerContext,
  type Interceptor,
  type Transport,
} from "@connectrpc/connect";
import {
  connectNodeAdapter,
  createGrpcTransport as createNodeGrpcTransport,
  type GrpcTransportOptions,
  Http2SessionManager,
} from "@connectrpc/connect-node";

// The types of old messages, by the definition or by the interface that generated code has for it, and their int64.
import type { ClientOf, ServiceImplOf } from "../../runtime/src/grpc-js/types.js";

export { int64FromLong, int64FromLongBits, int64FromNumber } from "../../runtime/src/grpc-js/int64-from-long.js";
export { structFromJavaScript, structToJavaScript } from "../../runtime/src/grpc-js/struct-javascript.js";
export { textFromValue } from "../../runtime/src/grpc-js/text-from-value.js";
export { tsProtoStruct } from "../../runtime/src/grpc-js/ts-proto-struct.js";
export type { ClientOf, ServiceImplOf };

// ---------------------------------------------------------------------------------------------------------------- messages

// biome-ignore lint/suspicious/noExplicitAny: what a definition's functions take and give is not known here
type Untyped = any;

interface Codec {
  serialize(value: unknown): Uint8Array;
  deserialize(bytes: Buffer): unknown;
}

/** The four functions of each method of a grpc-js ServiceDefinition. `definition` also carries its types. */
export interface GrpcJsMessages<Definition> {
  readonly definition: Definition;
  method(path: string): { readonly keys: readonly string[]; readonly input: Codec; readonly output: Codec } | undefined;
}

/**
 * Keep the messages of a grpc-js ServiceDefinition: handlers and callers see the objects that they always saw. Each message
 * goes through bytes: what the definition's own functions write is what protobuf-es reads, and the other way round. The
 * ServiceType of protobuf-ts is taken, too.
 *
 * @throws Error if `definition` is no ServiceDefinition
 */
export function grpcJsMessages<Definition extends object>(definition: Definition): GrpcJsMessages<Definition>;
export function grpcJsMessages<Interface extends object>(definition: object): GrpcJsMessages<Interface>;
export function grpcJsMessages(definition: object): GrpcJsMessages<object> {
  const methods = new Map<string, NonNullable<ReturnType<GrpcJsMessages<object>["method"]>>>();
  // protobuf-ts: `new ServiceType("pkg.Greeter", [{ name, localName, I, O }])`
  const { typeName, methods: listed } = (definition ?? {}) as { typeName?: string; methods?: Untyped[] };
  if (typeName !== undefined && Array.isArray(listed)) {
    const codec = (type: Untyped): Codec => ({
      serialize: (value) => type.toBinary(value),
      deserialize: (bytes) => type.fromBinary(bytes),
    });
    for (const { name, localName, I, O } of listed)
      methods.set(`/${typeName}/${name}`, { keys: [localName, name], input: codec(I), output: codec(O) });
    return { definition, method: (path) => methods.get(path) };
  }
  for (const [key, method] of Object.entries<Untyped>(definition ?? {})) {
    if (typeof method?.path !== "string" || typeof method.requestDeserialize !== "function")
      throw new Error(`grpcJsMessages: "${key}" is no method definition of grpc-js`);
    methods.set(method.path, {
      keys: method.originalName === undefined ? [key] : [key, method.originalName],
      input: { serialize: method.requestSerialize, deserialize: method.requestDeserialize },
      output: { serialize: method.responseSerialize, deserialize: method.responseDeserialize },
    });
  }
  if (methods.size === 0) throw new Error("grpcJsMessages: there is no definition. Is the service's full name right?");
  return { definition, method: (path) => methods.get(path) };
}

const pathOf = (method: DescMethod) => `/${method.parent.typeName}/${method.name}`;

/** A protobuf-es message as the old functions read it. */
function toOld(codec: Codec, desc: DescMessage, message: Message, fault: string): unknown {
  const bytes = toBinary(desc, message);
  return failing(fault, () => codec.deserialize(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)));
}

/** An old message as protobuf-es reads it. */
function toNew(codec: Codec, desc: DescMessage, value: unknown, fault: string): Message {
  const bytes = failing(fault, () => codec.serialize(value));
  return fromBinary(desc, bytes);
}

/** Fails as grpc-js does where a message cannot be read or written. */
function failing<T>(text: string, convert: () => T): T {
  try {
    return convert();
  } catch (error) {
    if (error instanceof ConnectError) throw error;
    const why = text.endsWith(":") ? `${text} ${error instanceof Error ? error.message : error}` : text;
    throw new ConnectError(why, Code.Internal, undefined, undefined, error);
  }
}

async function* mapped<A, B>(items: AsyncIterable<A>, change: (item: A) => B): AsyncGenerator<Awaited<B>> {
  for await (const item of items) yield await change(item);
}

// ------------------------------------------------------------------------------------------------------------------ server

type Handler = (input: unknown, context: HandlerContext) => unknown;

/** A router whose services may keep the messages of grpc-js, and answer what they do not implement as grpc-js does. */
export interface CompatRouter extends Omit<ConnectRouter, "service"> {
  service(service: DescService, implementation: Untyped, options?: { messages?: GrpcJsMessages<Untyped> }): this;
}

function compatRouter(router: ConnectRouter): CompatRouter {
  const own: CompatRouter = Object.assign(Object.create(router), {
    service(
      service: DescService,
      implementation: Record<string, unknown>,
      options?: { messages?: GrpcJsMessages<object> },
    ) {
      const handlers: Record<string, Handler> = {};
      for (const method of service.methods) {
        const codecs = options?.messages?.method(pathOf(method));
        const key = [method.localName, ...(codecs?.keys ?? [])].find(
          (name) => typeof implementation[name] === "function",
        );
        handlers[method.localName] =
          key === undefined
            ? () => {
                throw new ConnectError(
                  `The server does not implement the method ${pathOf(method)}`,
                  Code.Unimplemented,
                );
              }
            : handlerOf(method, (implementation[key] as Handler).bind(implementation), codecs);
      }
      router.service(service, handlers as never);
      return own;
    },
  });
  return own;
}

function handlerOf(method: DescMethod, handler: Handler, codecs: { input: Codec; output: Codec } | undefined): Handler {
  const read = (message: unknown) =>
    codecs ? toOld(codecs.input, method.input, message as Message, "Error deserializing request") : message;
  const write = (value: unknown) =>
    codecs ? toNew(codecs.output, method.output, value, "Error serializing response") : value;
  // Streams of grpc-js throw where null is written.
  const writeNext = (value: unknown) => {
    if (value === null) throw new ConnectError("Unknown error", Code.Unknown);
    return write(value);
  };
  const takesStream = method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming";
  const call: Handler = (input, context) =>
    handler(takesStream ? mapped(input as AsyncIterable<unknown>, read) : read(input), context);
  if (method.methodKind === "unary" || method.methodKind === "client_streaming")
    return async (input, context) => write(await call(input, context));
  return (input, context) => {
    const outer = snapshot;
    snapshot = codecs ? writeNext : (value) => clone(method.output, create(method.output, value as Message));
    try {
      const messages = call(input, context) as AsyncIterable<unknown>;
      return pushed.has(messages) ? messages : mapped(messages, writeNext);
    } finally {
      snapshot = outer;
    }
  };
}

/** Makes a message what it is now, for streams that are begun while a handler is called. */
let snapshot: (value: unknown) => unknown = (value) => value;
/** Streams whose messages are ready to be sent. */
const pushed = new WeakSet<object>();

/** The writing side of a stream whose messages come from timers, events or callbacks. */
export interface PushOutput<T> {
  /** Queues a message as it is now. Does nothing after the end, or once the reader has gone. */
  write(message: T): void;
  /** Ends the stream behind what was written. Only the first end counts. */
  end(): void;
  /** Ends the stream with an error, behind what was written. */
  fail(error: unknown): void;
}

/**
 * A stream of messages that are pushed: `start` runs at once, and what it throws, or rejects with, fails the stream. The end of
 * `start` ends nothing. A handler returns it from where it was called, not behind an `await`.
 */
export function createPushStream<T>(start: (output: PushOutput<T>) => void | Promise<void>): AsyncIterable<T> {
  const ready = snapshot;
  const waiting: unknown[] = [];
  let end: { readonly error?: unknown } | undefined;
  let wake = () => {};
  const finish = (how: { readonly error?: unknown }) => {
    end ??= how;
    wake();
  };
  const fail = (error: unknown) => finish({ error: error ?? new Error("the stream failed without a reason") });
  const write = (message: T) => {
    if (end) return;
    try {
      waiting.push(ready(message));
    } catch (error) {
      fail(error);
    }
    wake();
  };
  const stream = (async function* () {
    try {
      for (;;) {
        if (waiting.length > 0) yield waiting.shift() as T;
        else if (!end) await new Promise<void>((resume) => (wake = resume));
        else if ("error" in end) throw end.error;
        else return;
      }
    } finally {
      finish({});
    }
  })();
  pushed.add(stream);
  try {
    start({ write, end: () => finish({}), fail })?.then(undefined, fail);
  } catch (error) {
    fail(error);
  }
  return stream;
}

/** What a client sees of a handler that throws, and of a deadline that a handler does not look at. */
const asGrpcJs: Interceptor = (next) => async (request) => {
  const known = (error: unknown): unknown =>
    error instanceof ConnectError
      ? error
      : new ConnectError("Unknown error", Code.Unknown, undefined, undefined, error);
  const { signal } = request;
  const ended = new Promise<never>((_, reject) => {
    const end = () => reject(signal.reason);
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
  });
  ended.catch(() => {});
  try {
    const response = await Promise.race([next(request), ended]);
    if (!response.stream) return response;
    const { message } = response;
    return {
      ...response,
      message: (async function* () {
        const iterator = message[Symbol.asyncIterator]();
        try {
          for (;;) {
            const item = await Promise.race([iterator.next(), ended]);
            if (item.done) return;
            yield item.value;
          }
        } catch (error) {
          throw known(error);
        } finally {
          iterator.return?.()?.catch(() => {});
        }
      })(),
    };
  } catch (error) {
    throw known(error);
  }
};

/** Options of `createApp`. */
export interface AppOptions {
  routes(router: CompatRouter): void;
  readMaxBytes?: number;
  writeMaxBytes?: number;
  interceptors?: Interceptor[];
  contextValues?(request: Http2ServerRequest): ContextValues;
  /** Errors and statuses in the words of a grpc-js server. */
  compat?: "grpc-js";
}

type Listener = (request: Http2ServerRequest, response: Http2ServerResponse) => void;

/** Services as a request listener of node:http2. */
export interface App extends Listener {
  readonly running: Set<RunningServer>;
}

/** Makes an app of services; it has no side effect. */
export function createApp({ routes, compat, interceptors = [], ...options }: AppOptions): App {
  const adapter = connectNodeAdapter({
    ...(options as object),
    routes: (router) => routes(compatRouter(router)),
    interceptors: compat ? [asGrpcJs, ...interceptors] : interceptors,
    fallback: (request, response) => {
      const isGrpc = /^application\/grpc(?:$|[+;])/.test(String(request.headers["content-type"] ?? ""));
      if (!isGrpc || !compat) {
        response.writeHead(404);
        response.end();
        return;
      }
      const text = `The server does not implement the method ${request.url}`;
      response.writeHead(200, { "content-type": "application/grpc+proto" });
      (response as Http2ServerResponse).addTrailers({ "grpc-status": "12", "grpc-message": text });
      response.end();
    },
  }) as unknown as Listener;
  const listener: Listener = (request, response) => {
    if (compat) speakGrpcJs(request.url, response, options);
    adapter(request, response);
    // A request that nobody reads to its end would keep the connection open; the status goes out first.
    const { stream } = response;
    stream?.once("finish", () => setTimeout(() => stream.resume().close(constants.NGHTTP2_NO_ERROR), 100));
  };
  return Object.assign(listener, { running: new Set<RunningServer>() });
}

/**
 * connect-node percent-encodes more of a status message than gRPC asks for, which grpc-js's client does not decode, and sends no
 * message with OK.
 */
function speakGrpcJs(
  path: string,
  response: Http2ServerResponse,
  limits: { readMaxBytes?: number; writeMaxBytes?: number },
): void {
  const addTrailers = response.addTrailers.bind(response);
  response.addTrailers = (trailers) => {
    const all = { ...(trailers as Record<string, string>) };
    const message = all["grpc-message"];
    if (message !== undefined)
      all["grpc-message"] = encodeURI(inWordsOfGrpcJs(decodeURIComponent(message), path, limits));
    else if (all["grpc-status"] === "0") all["grpc-message"] = "OK";
    addTrailers(all);
  };
}

function inWordsOfGrpcJs(
  text: string,
  path: string,
  { readMaxBytes, writeMaxBytes }: { readMaxBytes?: number; writeMaxBytes?: number },
): string {
  if (text.startsWith("protocol error: missing input message"))
    return `Received no request message for server streaming method ${path}`;
  if (text.startsWith("protocol error: received extra input message"))
    return `Received a second request message for server streaming method ${path}`;
  if (text === "the operation timed out") return "Deadline exceeded";
  if (text.startsWith("parse binary: ")) return "Error deserializing request";
  const [, size, limit] = /^message size (\d+) is larger than configured (readMaxBytes|writeMaxBytes)/.exec(text) ?? [];
  if (limit === "readMaxBytes") return `Received message larger than max (${size} vs ${readMaxBytes})`;
  return limit ? `Sent message larger than max (${Number(size) + 5} vs. ${writeMaxBytes})` : text;
}

/** How an app is served. */
export interface ServeOptions {
  /** `0.0.0.0:50051`, `[::]:0`, `localhost:8080`, `unix:/run/app.sock`. */
  address: string;
  tls?: SecureServerOptions;
  /** Signals that close the server, within 30 seconds, before they end the process. Default SIGTERM and SIGINT. */
  signals?: readonly NodeJS.Signals[] | false;
}

/** A server that `serve` started. */
export interface RunningServer {
  readonly port: number;
  readonly address: string;
  /** Takes no new calls; resolves when the last one has ended. */
  close(): Promise<void>;
  /** At once: running calls are cancelled. */
  destroy(): void;
  setSecureContext(options: SecureContextOptions): void;
}

/** Serves an app over HTTP/2: in cleartext, or with `tls`, where HTTP/1.1 is served, too. */
export async function serve(app: App, { address, tls, signals }: ServeOptions): Promise<RunningServer> {
  const server = tls ? createSecureServer({ allowHTTP1: true, ...tls }, app as never) : createServer({}, app as never);
  /** Open connections, and what closes each. */
  const sessions = new Map<Http2Session, () => void>();
  let closing: Promise<void> | undefined;
  server.on("session", (session) => {
    session.once("close", () => sessions.delete(session));
    const streams = new Set<Http2Stream>();
    // A client that only waits would keep the server for as long as it likes.
    const endIdle = () =>
      setTimeout(() => {
        if ([...streams].every(({ closed }) => closed)) session.destroy();
      }, 20);
    session.on("stream", (stream) => {
      streams.add(stream);
      // What a client sent before it went away is of no use to anybody, and a stream closes when it is read.
      stream.once("aborted", () => stream.resume());
      stream.once("close", () => {
        streams.delete(stream);
        if (closing) endIdle();
      });
    });
    sessions.set(session, () => {
      session.close();
      endIdle();
    });
    if (closing) sessions.get(session)?.();
  });
  await new Promise<void>((done, failed) => {
    server.once("error", failed);
    const unix = /^unix:(?:\/\/)?(.+)$/.exec(address)?.[1];
    const [, host, port] = /^(?:dns:\/*)?(?:\[([^\]]+)\]|[^:]*):(\d+)$/.exec(address) ?? [];
    if (unix !== undefined) server.listen(unix, done);
    else server.listen(Number(port ?? 443), host ?? address.replace(/^dns:\/*|:\d+$/g, ""), done);
  });
  const bound = server.address() as AddressInfo | string;
  const running: RunningServer = {
    port: typeof bound === "string" ? 1 : bound.port,
    address: typeof bound === "string" ? bound : `${bound.address}:${bound.port}`,
    close() {
      closing ??= (async () => {
        server.close();
        await Promise.all(
          [...sessions].map(
            ([session, end]) =>
              new Promise<void>((done) => {
                session.once("close", done);
                end();
              }),
          ),
        );
        app.running.delete(running);
        stopListening();
      })();
      return closing;
    },
    destroy() {
      for (const session of sessions.keys()) session.destroy(undefined, constants.NGHTTP2_CANCEL);
      void running.close();
    },
    setSecureContext(options) {
      (server as Http2SecureServer).setSecureContext(options);
    },
  };
  const asked = signals === false ? [] : (signals ?? (["SIGTERM", "SIGINT"] as const));
  const onSignal = (signal: NodeJS.Signals) => {
    const force = setTimeout(() => running.destroy(), 30_000);
    running.close().then(() => {
      clearTimeout(force);
      process.kill(process.pid, signal);
    });
  };
  const stopListening = () => {
    for (const signal of asked) process.off(signal, onSignal);
  };
  for (const signal of asked) process.once(signal, onSignal);
  app.running.add(running);
  return running;
}

/** grpc-js's `server.tryShutdown(callback)` for an app. */
export function tryShutdown(app: App | null | undefined, callback: (error?: Error) => void): void {
  Promise.all([...(app?.running ?? [])].map((running) => running.close())).then(() => callback(), callback);
}

/** grpc-js's `server.forceShutdown()` for an app. */
export function forceShutdown(app: App | null | undefined): void {
  for (const running of [...(app?.running ?? [])]) running.destroy();
}

/** True in the module that node was started with: `if (isMain(import.meta.url)) main()`. */
export function isMain(moduleUrl: string): boolean {
  const [, started] = process.argv;
  if (started === undefined) return false;
  const real = (path: string) => {
    try {
      return realpathSync(path);
    } catch {
      return path;
    }
  };
  const own = real(fileURLToPath(moduleUrl));
  return ["", ".js", ".mjs", ".ts", "/index.js", "/index.ts"].some((end) => real(resolve(started) + end) === own);
}

// ------------------------------------------------------------------------------------------------------------------ client

/** Options of `createGrpcTransport`: those of connect-node, or grpc-js's way to name a server. */
export type CompatTransportOptions = Omit<GrpcTransportOptions, "baseUrl"> & {
  baseUrl?: string;
  /** `localhost:50051`, `dns:///shop:443`, `unix:/run/shop.sock`. */
  target?: string;
  tls?: SecureClientSessionOptions | true;
};

/**
 * A gRPC transport over HTTP/2, on one connection to one address. `close` ends it.
 *
 * @throws Error for a target that names several addresses
 */
export function createGrpcTransport(options: CompatTransportOptions): Transport & { close(): void } {
  const { target, tls, interceptors = [], pingIntervalMs, pingTimeoutMs, idleConnectionTimeoutMs, ...rest } = options;
  const unix = /^unix:(?:\/\/)?(.+)$/.exec(target ?? "")?.[1];
  const baseUrl =
    rest.baseUrl ?? `${tls ? "https" : "http"}://${unix === undefined ? authorityOf(target) : "localhost"}`;
  const connection = Object.fromEntries(
    Object.entries({ pingIntervalMs, pingTimeoutMs, idleConnectionTimeoutMs }).filter(
      ([, value]) => value !== undefined,
    ),
  );
  const sessionManager = new Http2SessionManager(baseUrl, connection, {
    ...(typeof tls === "object" ? tls : {}),
    ...(unix === undefined ? {} : { createConnection: () => connect(unix) }),
  });
  const transport = createNodeGrpcTransport({
    ...rest,
    baseUrl,
    sessionManager,
    interceptors: [inCodesOfGrpcJs, ...interceptors],
  });
  return Object.assign(transport, { close: () => sessionManager.abort() });
}

/** Host and port of a target; without a port it is 443, as for grpc-js. */
function authorityOf(target = ""): string {
  const address = target.replace(/^(?:dns|ipv4|ipv6):(?:\/\/[^/]*\/)?/, "");
  if (address.includes(",")) throw new Error(`${target}: connect-node connects to one address`);
  return /^(?:[^:]*|\[.*\])$/.test(address) ? `${address}:443` : address;
}

/** A connection that fails is `unavailable` for grpc-js, whatever connect-node calls it. */
const inCodesOfGrpcJs: Interceptor = (next) => async (request) => {
  try {
    const response = await next(request);
    if (!response.stream) return response;
    const { message } = response;
    return {
      ...response,
      message: (async function* () {
        try {
          yield* message;
        } catch (error) {
          throw coded(error, request.signal);
        }
      })(),
    };
  } catch (error) {
    throw coded(error, request.signal);
  }
};

function coded(error: unknown, signal: AbortSignal): unknown {
  if (!(error instanceof ConnectError) || error.metadata.has("grpc-status")) return error;
  const { rawMessage } = error;
  const as = (code: Code, text = rawMessage) => new ConnectError(text, code, error.metadata, undefined, error);
  const codes: string[] = [];
  for (let at: unknown = error; at instanceof Error && codes.length < 9; at = (at as { cause?: unknown }).cause)
    if ("code" in at && typeof at.code === "string") codes.push(at.code);
  const isLost = codes.some((code) =>
    /^(?:ERR_TLS|ERR_SSL|ERR_HTTP2_|EPIPE|ECONN|EHOST|ENET)|CERT|SELF_SIGNED/.test(code),
  );
  if (error.code === Code.Canceled && !signal.aborted) return as(Code.Unavailable, "Connection dropped");
  if (error.code === Code.Internal && /REFUSED_STREAM/.test(rawMessage))
    return as(Code.Unavailable, "Stream refused by server");
  if (error.code === Code.Internal && /ENHANCE_YOUR_CALM/.test(rawMessage))
    return as(Code.ResourceExhausted, "Bandwidth exhausted or memory limit exceeded");
  if ((error.code === Code.Internal || error.code === Code.Aborted) && isLost) return as(Code.Unavailable);
  if (error.code === Code.Unknown && /missing output message/.test(rawMessage))
    return as(Code.Unimplemented, "No message received");
  return error;
}

/** A client of protobuf-es messages, or with `messages` of those of a grpc-js definition. */
export function createClient<Service extends DescService>(service: Service, transport: Transport): Client<Service>;
export function createClient<Definition>(
  service: DescService,
  transport: Transport,
  options: { messages: GrpcJsMessages<Definition> },
): ClientOf<Definition>;
export function createClient(
  service: DescService,
  transport: Transport,
  options?: { messages: GrpcJsMessages<object> },
): unknown {
  const client = createConnectClient(service, transport) as Record<
    string,
    (input: unknown, options?: object) => unknown
  >;
  if (!options) return client;
  for (const method of service.methods) {
    const codecs = options.messages.method(pathOf(method));
    const call = client[method.localName];
    if (!codecs || !call) continue;
    const write = (value: unknown) =>
      toNew(codecs.input, method.input, value, "Request message serialization failure:");
    const read = (message: unknown) =>
      toOld(codecs.output, method.output, message as Message, "Response message parsing error:");
    const takesStream = method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming";
    const start = (input: unknown, more?: object) =>
      call(takesStream ? mapped(input as AsyncIterable<unknown>, write) : write(input), more);
    const own =
      method.methodKind === "unary" || method.methodKind === "client_streaming"
        ? async (input: unknown, more?: object) => read(await start(input, more))
        : (input: unknown, more?: object) => mapped(start(input, more) as AsyncIterable<unknown>, read);
    for (const key of [method.localName, ...codecs.keys]) client[key] = own;
  }
  return client;
}

// ------------------------------------------------------------------------------------------------------ metadata and errors

/**
 * `timeoutMs` for a deadline of grpc-js, a Date or milliseconds since 1970. None, `Infinity`, an invalid one and one more than a
 * day away give undefined; one in the past a millisecond, since zero means no timeout.
 */
export function timeoutFromDeadline(deadline: Date | number | null | undefined): number | undefined {
  if (deadline === null || deadline === undefined) return undefined;
  const left = Number(deadline) - Date.now();
  if (left === Number.NEGATIVE_INFINITY) return 1;
  return Number.isFinite(left) && left < 100_000_000 ? Math.max(1, Math.ceil(left)) : undefined;
}

/** grpc-js's `call.cancelled` in code that may run behind the answer: true once the call has ended, well or not. */
export function isOver(context: HandlerContext): boolean {
  return context.signal.aborted;
}

/** `grpc.status[code]`: the name of a code as grpc-js has it, for instance `NOT_FOUND`. */
export function grpcStatusName(code: number): string {
  const name = code === 0 ? "OK" : (Code[code] as string | undefined);
  const words = name === "Canceled" ? "Cancelled" : name;
  return words?.replace(/(?<=[a-z])[A-Z]/g, (letter) => `_${letter}`).toUpperCase() as string;
}

/** The values of one key as grpc-js's `metadata.get` gives them. */
export function headerValues(headers: Headers, key: string): (string | Buffer)[] {
  const value = headers.get(key);
  if (value === null) return [];
  return key.toLowerCase().endsWith("-bin")
    ? value.split(",").map((part) => Buffer.from(part.trim(), "base64"))
    : [value];
}

/** grpc-js's Metadata, as far as it is used here. */
interface Metadata {
  toJSON(): Record<string, (string | Buffer)[]>;
}

/** Headers with the entries of grpc-js's Metadata; with `into` they are added to those. */
export function headersFromMetadata(metadata: Metadata | Headers | null | undefined, into = new Headers()): Headers {
  if (metadata instanceof Headers) for (const [key, value] of metadata) into.append(key, value);
  else
    for (const [key, values] of Object.entries(metadata?.toJSON() ?? {}))
      if (!/^(?:grpc-|content-type$|user-agent$|te$)/.test(key))
        for (const value of values)
          into.append(key, typeof value === "string" ? value : value.toString("base64").replace(/=+$/, ""));
  return into;
}

/**
 * The error that a grpc-js client would see if a handler had called back with `error`: the code counts if it is an integer,
 * `details` goes before `message`, metadata becomes trailers.
 */
export function toConnectError(error: unknown, trailer?: Metadata | Headers | null): ConnectError {
  if (error instanceof ConnectError) return error;
  if (!error) return new ConnectError("Error serializing response", Code.Internal);
  if (typeof error !== "object") return new ConnectError("Unknown error", Code.Unknown, undefined, undefined, error);
  const given = error as { code?: unknown; details?: unknown; message?: unknown; metadata?: Metadata };
  const hasCode = typeof given.code === "number" && Number.isInteger(given.code);
  const text = "message" in given ? String(given.message) : "Unknown Error";
  return new ConnectError(
    hasCode && typeof given.details === "string" ? given.details : text,
    hasCode ? (given.code as Code) : Code.Unknown,
    headersFromMetadata(trailer ?? given.metadata),
    undefined,
    error,
  );
}

/** `error.details` as grpc-js has it, the text of the status; of anything but a ConnectError its own `details`. */
export function serviceErrorDetails(error: unknown): Untyped {
  return error instanceof ConnectError ? error.rawMessage : (error as { details?: unknown }).details;
}

/** `error.message` as grpc-js has it, `5 NOT_FOUND: no such item`; of anything but a ConnectError its own. */
export function serviceErrorMessage(error: unknown): string {
  if (!(error instanceof ConnectError)) return (error as Error).message;
  return `${error.code} ${grpcStatusName(error.code)}: ${error.rawMessage}`;
}
