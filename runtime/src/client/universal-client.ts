import { createWritableIterable, type WritableIterable } from "../async-iterable.js";
import { Code } from "../code.js";
import { ConnectError } from "../connect-error.js";
import type { ContextValues } from "../context-values.js";
import { createHeaders, headerLines } from "../headers.js";
import type { UniversalHandlerFn } from "../server/universal-handler.js";
import type { Exchange, Fields, HttpClient, OutgoingHeaders, RequestHead, ResponseListener } from "./http-client.js";

/** A request of a client in its plainest form. */
export interface UniversalClientRequest {
  url: string;
  method: string;
  header: Headers;
  body?: AsyncIterable<Uint8Array>;
  signal?: AbortSignal;
  contextValues?: ContextValues;
}

/** A response of any HTTP stack. */
export interface UniversalClientResponse {
  status: number;
  header: Headers;
  body: AsyncIterable<Uint8Array>;
  /** Complete when the body is read. */
  trailer: Headers;
}

/** Anything that can answer a request: fetch, a router in the same process, a test. */
export type UniversalClientFn = (request: UniversalClientRequest) => Promise<UniversalClientResponse>;

interface Head extends RequestHead {
  readonly headers: OutgoingHeaders;
}

/** Exchanges over a function. */
export function createUniversalHttpClient(fn: UniversalClientFn, origin: string): HttpClient {
  let open = true;
  return {
    prepare: (verb, path, headers): Head => ({ verb, path, headers }),
    send(head, extra, body, listener) {
      const { verb, path, headers } = head as Head;
      if (!open) {
        const error = new ConnectError("Channel has been shut down", Code.Unavailable);
        queueMicrotask(() => listener.onFailure({ error, unprocessed: undefined }));
        return { write: () => true, end() {}, cancel() {}, pause() {}, resume() {} };
      }
      const header = createHeaders();
      for (const [name, value] of Object.entries({ ...headers, ...extra })) {
        for (const line of typeof value === "string" ? [value] : value) {
          header.append(name, line);
        }
      }
      return startExchange(fn, { url: origin + path, method: verb, header }, body, listener);
    },
    close() {
      open = false;
    },
  };
}

function startExchange(
  fn: UniversalClientFn,
  request: UniversalClientRequest,
  body: Uint8Array | undefined,
  listener: ResponseListener,
): Exchange {
  let done = false;
  let unpaused: Promise<void> | undefined;
  let unpause: (() => void) | undefined;
  let writer: WritableIterable<Uint8Array> | undefined;
  const controller = new AbortController();

  async function run(): Promise<void> {
    try {
      const response = await fn({ ...request, signal: controller.signal, body: writer ?? oneChunk(body) });
      if (done) {
        return;
      }
      listener.onHeaders(response.status, fieldsOf(response.header));
      for await (const chunk of response.body) {
        if (unpaused !== undefined) {
          await unpaused;
        }
        if (done) {
          return;
        }
        listener.onData(chunk);
      }
      if (!done) {
        done = true;
        listener.onEnd(fieldsOf(response.trailer));
      }
    } catch (e) {
      if (!done) {
        done = true;
        listener.onFailure({ error: ConnectError.from(e, Code.Unavailable), unprocessed: undefined });
      }
    }
  }

  if (body === undefined) {
    writer = createWritableIterable<Uint8Array>();
  }
  // The listener must know the exchange before it hears of it
  queueMicrotask(() => void run());
  return {
    write(bytes) {
      writer?.write(bytes).then(
        () => {
          if (!done) {
            listener.onDrain();
          }
        },
        () => {},
      );
      return false;
    },
    end: () => writer?.close(),
    cancel() {
      done = true;
      unpause?.();
      controller.abort(new ConnectError("This operation was aborted", Code.Canceled));
    },
    pause() {
      unpaused ??= new Promise((resolve) => {
        unpause = resolve;
      });
    },
    resume() {
      unpaused = undefined;
      unpause?.();
    },
  };
}

async function* oneChunk(bytes: Uint8Array | undefined): AsyncIterable<Uint8Array> {
  if (bytes !== undefined && bytes.byteLength > 0) {
    yield bytes;
  }
}

function fieldsOf(headers: Headers): Fields {
  const map: Record<string, string> = Object.create(null);
  headers.forEach((value, name) => {
    map[name] = value;
  });
  return { map, lines: headerLines(headers).flat() };
}

/** A handler as the thing that answers requests. */
export type Handler = UniversalHandlerFn & { requestPath: string };

/** A client of handlers in the same process. */
export function createUniversalHandlerClient(handlers: readonly Handler[]): UniversalClientFn {
  const byPath = new Map(handlers.map((handler) => [handler.requestPath, handler]));
  return async (request) => {
    const handler = byPath.get(new URL(request.url).pathname);
    if (handler === undefined) {
      throw new ConnectError(`RouterHttpClient: no handler registered for ${request.url}`, Code.Unimplemented);
    }
    const response = await handler({
      httpVersion: "2",
      url: request.url,
      method: request.method,
      header: request.header,
      body: request.body ?? oneChunk(undefined),
      signal: request.signal ?? new AbortController().signal,
      ...(request.contextValues === undefined ? {} : { contextValues: request.contextValues }),
    });
    return {
      status: response.status,
      header: response.header ?? createHeaders(),
      body: response.body ?? oneChunk(undefined),
      trailer: response.trailer ?? createHeaders(),
    };
  };
}
