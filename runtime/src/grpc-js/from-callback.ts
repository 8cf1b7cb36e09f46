import { EventEmitter } from "node:events";
import { nextTick } from "node:process";
import { Duplex, Readable, Writable } from "node:stream";
import { Code } from "../code.js";
import { ConnectError } from "../connect-error.js";
import type { ContextKey } from "../context-values.js";
import type { HandlerContext } from "../implementation.js";
import { OutputQueue } from "../output-queue.js";
import { toConnectError } from "./errors.js";
import { type CallReads, readsOf } from "./grpc-js-call.js";
import { addMetadata } from "./metadata.js";
import type { MetadataLike } from "./types.js";

/** A grpc-js handler of any kind: `(call, callback)` or `(call)`. */
// biome-ignore lint/suspicious/noExplicitAny: the four kinds of calls have no common type in grpc-js either
export type CallbackHandler = (call: any, callback: any) => unknown;

/** An implementation for `router.service`; its kind is that of the method it serves. */
// biome-ignore lint/suspicious/noExplicitAny: a promise or an AsyncIterable, as the method is unary or streaming
export type BridgedImpl = (this: unknown, request: any, context: HandlerContext) => any;

/** A grpc-js callback with one response. */
export type Callback = (error: unknown, value?: unknown, trailer?: MetadataLike | null, flags?: number) => void;

/**
 * Serve a method with a grpc-js handler as it is: callbacks, `call.write`, events, metadata and errors mean what they
 * meant. `this` is kept.
 *
 * Better than before: an async handler that rejects answers UNKNOWN instead of ending the process, and `sendMetadata`
 * still sends the headers at once.
 *
 * `properties`: what the handler finds on its call that interceptors and wrappers put into the context's values, by name.
 */
export function fromCallback<Handler extends CallbackHandler = CallbackHandler>(
  handler: Handler,
  // biome-ignore lint/suspicious/noExplicitAny: values of any type
  properties: Readonly<Record<string, ContextKey<any>>> = {},
): BridgedImpl {
  const named = Object.entries(properties);
  return function (this: unknown, request, context) {
    const bound = (call: unknown, callback?: Callback) => {
      for (const [name, key] of named) {
        const value = context.values.get(key);
        if (value !== undefined) Object.assign(call as object, { [name]: value });
      }
      return handler.call(this, call, callback);
    };
    switch (context.method.methodKind) {
      case "unary":
        return runUnary(bound, request, context);
      case "client_streaming":
        return runClientStreaming(bound, request, context);
      case "server_streaming":
        return runServerStreaming(bound, request, context);
      case "bidi_streaming":
        return runBidi(bound, request, context);
    }
  };
}

/**
 * `fromCallback` for a whole implementation, an object or an instance of a class with its inherited methods, or for the methods of it
 * that are named: the others answer as they are. `this` is the implementation.
 */
export function fromCallbacks(implementation: object, only?: readonly string[]): Record<string, BridgedImpl> {
  const bridged: Record<string, BridgedImpl> = {};
  for (let level: object | null = implementation; level !== null && level !== Object.prototype; ) {
    for (const key of Object.getOwnPropertyNames(level)) {
      const value = key === "constructor" || key in bridged ? undefined : Reflect.get(level, key, implementation);
      if (typeof value !== "function") continue;
      const bound = value.bind(implementation);
      bridged[key] = only === undefined || only.includes(key) ? fromCallback(bound) : bound;
    }
    level = Object.getPrototypeOf(level);
  }
  return bridged;
}

type Bound = (call: unknown, callback?: Callback) => unknown;

/** What all four kinds of calls have. */
interface CallParts extends CallReads {
  cancelled: boolean;
  sendMetadata(metadata: MetadataLike): void;
}

/** Whether the response headers are on their way. */
interface HeaderState {
  sent: boolean;
}

function addCallParts<T extends EventEmitter>(call: T, context: HandlerContext, headers: HeaderState): T & CallParts {
  Object.defineProperties(call, Object.getOwnPropertyDescriptors(readsOf(context)));
  return Object.assign(call as T & CallReads, {
    cancelled: false,
    sendMetadata(given: MetadataLike) {
      // Only the first one counts, and none after a message or the status
      if (headers.sent) {
        return;
      }
      headers.sent = true;
      addMetadata(context.responseHeader, given);
      context.sendHeaders?.();
    },
  });
}

/**
 * grpc-js emits `cancelled` when the caller goes away, when the deadline passes, and also after every call that ended
 * normally: handlers clean up there.
 */
function watchEnd(call: EventEmitter & CallParts, context: HandlerContext, onCancel: (error: ConnectError) => void) {
  let over = false;
  let answered = false;
  const emit = () => {
    call.cancelled = true;
    call.emit("cancelled", "cancelled");
    if (call instanceof Readable || call instanceof Writable) {
      call.destroy();
    }
  };
  const { signal } = context;
  const onAbort = () => {
    if (!over) {
      over = true;
      onCancel(ConnectError.from(signal.reason, Code.Canceled));
      // The end of the requests, which a cancelled call has too, is told before
      setImmediate(emit);
    }
  };
  if (signal.aborted) {
    queueMicrotask(onAbort);
  } else {
    signal.addEventListener("abort", onAbort, { once: true });
  }
  return {
    get isOver() {
      return over;
    },
    /** The status is on its way: grpc-js then tells of no more requests, nor of their end. */
    get isAnswered() {
      return answered;
    },
    finished() {
      answered = true;
      if (!over) {
        over = true;
        signal.removeEventListener("abort", onAbort);
        setImmediate(emit);
      }
    },
  };
}

function thrown(error: unknown): ConnectError {
  return new ConnectError("Unknown error", Code.Unknown, undefined, undefined, error);
}

/** The error of an event, into which grpc-js looks, whatever it is. */
function emitted(error: unknown): ConnectError {
  return error ? toConnectError(error) : thrown(error);
}

/** What a handler throws, or rejects with, says nothing to the caller. */
function invoke(
  handler: Bound,
  call: unknown,
  callback: Callback | undefined,
  fail: (error: ConnectError) => void,
): void {
  try {
    const result = handler(call, callback);
    if (result instanceof Promise) {
      result.catch((e) => fail(thrown(e)));
    }
  } catch (e) {
    fail(thrown(e));
  }
}

/**
 * The callback of a handler with one response. As in grpc-js the message goes into bytes at once, and the status is made later: an
 * error right behind a message is the answer, and trailers are those that the metadata has by then.
 */
function createCallback(
  context: HandlerContext,
  headers: HeaderState,
  resolve: (value: unknown) => void,
  reject: (error: ConnectError) => void,
  hasFailed: () => boolean,
): Callback {
  return (error, value, trailer) => {
    headers.sent = true;
    if (error) {
      try {
        reject(toConnectError(error, trailer));
      } catch (e) {
        reject(thrown(e));
      }
      return;
    }
    if (value === null || value === undefined) {
      reject(new ConnectError("Error serializing response", Code.Internal));
      return;
    }
    context.serializeReply?.(value);
    nextTick(() => {
      if (hasFailed()) return;
      addMetadata(context.responseTrailer, trailer);
      resolve(value);
    });
  };
}

function runUnary(handler: Bound, request: unknown, context: HandlerContext): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const headers = { sent: false };
    const call = addCallParts(Object.assign(new EventEmitter(), { request }), context, headers);
    const end = watchEnd(call, context, reject);
    let failed = false;
    const fail = (error: ConnectError) => {
      failed = true;
      reject(error);
      end.finished();
    };
    const succeed = (value: unknown) => {
      resolve(value);
      end.finished();
    };
    call.on("error", (e) => fail(emitted(e)));
    const callback = createCallback(context, headers, succeed, fail, () => failed);
    invoke(handler, call, callback, fail);
  });
}

function runClientStreaming(
  handler: Bound,
  requests: AsyncIterable<unknown>,
  context: HandlerContext,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const headers = { sent: false };
    const readable = new Readable({
      objectMode: true,
      read: readFrom(
        requests,
        (e) => fail(e),
        () => end.isAnswered,
      ),
    });
    const call = addCallParts(readable, context, headers);
    const end = watchEnd(call, context, reject);
    let failed = false;
    function fail(error: ConnectError) {
      failed = true;
      reject(error);
      end.finished();
    }
    const succeed = (value: unknown) => {
      resolve(value);
      end.finished();
    };
    call.on("error", (e) => fail(emitted(e)));
    const callback = createCallback(context, headers, succeed, fail, () => failed);
    invoke(handler, call, callback, fail);
  });
}

/** A Readable's `read` over an iterable. A failure of the iterable is the call's, not an event: as in grpc-js. */
function readFrom(requests: AsyncIterable<unknown>, fail: (error: ConnectError) => void, isAnswered: () => boolean) {
  const iterator = requests[Symbol.asyncIterator]();
  return function (this: Readable) {
    iterator.next().then(
      (result) => {
        if (!isAnswered()) this.push(result.done === true ? null : result.value);
      },
      (e) => fail(ConnectError.from(e)),
    );
  };
}

function runServerStreaming(handler: Bound, request: unknown, context: HandlerContext): AsyncIterable<unknown> {
  const output = new OutputQueue();
  const headers = { sent: false };
  const call = new Writable({ objectMode: true, ...writeTo(output, context, headers, () => status()) });
  const status = runResponseStream(handler, Object.assign(call, { request }), output, context, headers);
  return output;
}

function runBidi(handler: Bound, requests: AsyncIterable<unknown>, context: HandlerContext): AsyncIterable<unknown> {
  const output = new OutputQueue();
  const headers = { sent: false };
  const call = new Duplex({
    objectMode: true,
    read: readFrom(
      requests,
      (e) => output.end(e),
      () => status().isAnswered,
    ),
    ...writeTo(output, context, headers, () => status()),
  });
  const status = runResponseStream(handler, call, output, context, headers);
  return output;
}

interface StreamStatus {
  readonly error: ConnectError | undefined;
  readonly trailer: MetadataLike | undefined;
  readonly isAnswered: boolean;
  finished(): void;
}

function writeTo(output: OutputQueue, context: HandlerContext, headers: HeaderState, status: () => StreamStatus) {
  let hasWritten = false;
  return {
    write(value: unknown, _encoding: unknown, done: (error?: Error | null) => void) {
      headers.sent = true;
      hasWritten = true;
      if (value === null || value === undefined) {
        output.end(new ConnectError("Error serializing response", Code.Internal));
        done();
        return;
      }
      output.push(value, done);
    },
    // Runs when everything that was written is on its way
    final(done: (error?: Error | null) => void) {
      const finish = () => {
        const { error, trailer } = status();
        if (error === undefined) {
          addMetadata(context.responseTrailer, trailer);
        }
        output.end(error);
        done();
        status().finished();
      };
      // Behind messages grpc-js makes the status when they are written: an error right behind end() is still told.
      if (hasWritten) {
        nextTick(finish);
      } else {
        finish();
      }
    },
  };
}

function runResponseStream(
  handler: Bound,
  stream: Writable,
  output: OutputQueue,
  context: HandlerContext,
  headers: HeaderState,
): () => StreamStatus {
  const call = addCallParts(stream, context, headers);
  let error: ConnectError | undefined;
  let trailer: MetadataLike | undefined;
  const end = watchEnd(call, context, (reason) => output.end(reason));
  const status: StreamStatus = {
    get error() {
      return error;
    },
    get trailer() {
      return trailer;
    },
    get isAnswered() {
      return end.isAnswered;
    },
    finished: () => end.finished(),
  };
  // The argument of end() is the trailers; the stream's own end() would write it
  const endStream: (this: Writable) => Writable = call.end;
  call.end = function (this: Writable, metadata?: MetadataLike) {
    if (metadata !== undefined && metadata !== null) {
      trailer = metadata;
    }
    return endStream.call(this);
  } as typeof call.end;
  call.on("error", (e) => {
    if (end.isOver) {
      return;
    }
    error = emitted(e);
    if (call.destroyed) {
      output.end(error);
      end.finished();
    } else {
      call.end();
    }
  });
  call.on("close", () => {
    // destroy() without a status
    if (!call.writableFinished && !end.isOver) {
      output.end(error ?? thrown(undefined));
      end.finished();
    }
  });
  // The queue's reader has gone: the call is over
  output.onReturn = () => {
    setImmediate(() => {
      call.cancelled = true;
    });
  };
  const fail = (e: ConnectError) => {
    error = e;
    output.end(e);
    end.finished();
  };
  // A handler may use what this function returns as soon as it writes
  queueMicrotask(() => invoke(handler, call, undefined, fail));
  return () => status;
}

/**
 * The reply that code with a callback makes, for a handler that hands its callback on: `run` is called at once, and what it
 * throws is thrown here. Errors, trailers and a missing message mean what they mean to grpc-js.
 */
export function awaitReply<T>(context: HandlerContext, run: (callback: Callback) => unknown): Promise<T> {
  let settle: Callback = () => {};
  let fail: (error: ConnectError) => void = () => {};
  let failed = false;
  const reply = new Promise<T>((resolve, reject) => {
    fail = (error) => {
      failed = true;
      reject(error);
    };
    settle = createCallback(context, { sent: false }, resolve as (value: unknown) => void, fail, () => failed);
  });
  let result: unknown;
  try {
    result = run(settle);
  } catch (e) {
    // Nobody waits for a reply that was made before.
    failed = true;
    reply.catch(() => {});
    throw e;
  }
  if (result instanceof Promise) {
    result.catch((e) => fail(thrown(e)));
  }
  return reply;
}
