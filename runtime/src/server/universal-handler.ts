import type { DescMethod, DescService, JsonValue } from "@bufbuild/protobuf";
import { type ContextValues, createContextValues } from "../context-values.js";
import { createHeaders, headerLines } from "../headers.js";
import { allowsGet, runRoute } from "./dispatch.js";
import type { Exchange, ExchangeSink, NodeHeaders } from "./exchange.js";
import type { Route } from "./route.js";

/** A request as a handler sees it, whatever server received it. */
export interface UniversalServerRequest {
  /** For instance `1.1` or `2`. */
  httpVersion: string;
  url: string;
  method: string;
  header: Headers;
  /** A JSON value when a server framework has parsed the body already. */
  body: AsyncIterable<Uint8Array> | JsonValue;
  signal: AbortSignal;
  contextValues?: ContextValues;
}

/** A response of any HTTP stack: body in chunks, trailers when it has ended. */
export interface UniversalServerResponse {
  status: number;
  header?: Headers;
  body?: AsyncIterable<Uint8Array>;
  /** Complete when the body is read. */
  trailer?: Headers;
}

/** Runs one call of a method, in whatever protocol the request has. */
export type UniversalHandlerFn = (request: UniversalServerRequest) => Promise<UniversalServerResponse>;

/** Whether a content type is supported, and the patterns that say so: frameworks register body parsers with them. */
export interface ContentTypeMatcher {
  (contentType: string | null): boolean;
  supported: RegExp[];
}

/** A handler for one method, for any server framework. */
export interface UniversalHandler extends UniversalHandlerFn {
  protocolNames: string[];
  service: DescService;
  method: DescMethod;
  /** `/pkg.Service/Method` */
  requestPath: string;
  allowedMethods: string[];
  supportedContentType: ContentTypeMatcher;
}

export function createUniversalHandler(route: Route): UniversalHandler {
  const { options, method } = route;
  const handle: UniversalHandlerFn = (request) => runUniversal(request, (exchange) => runRoute(route, exchange));
  const get = allowsGet(route);
  return Object.assign(handle, {
    protocolNames: [
      ...(options.connect ? ["connect"] : []),
      ...(options.grpc ? ["grpc"] : []),
      ...(options.grpcWeb ? ["grpc-web"] : []),
    ],
    service: route.service,
    method,
    requestPath: route.path,
    allowedMethods: get ? ["POST", "GET"] : ["POST"],
    supportedContentType: contentTypeMatcher(route),
  });
}

function contentTypeMatcher({ options, kind }: Route): ContentTypeMatcher {
  const types = [
    ...(options.connect ? [kind === "unary" ? "(?:json|proto)" : "connect\\+(?:json|proto)"] : []),
    ...(options.grpc ? ["grpc(?:\\+(?:json|proto))?"] : []),
    ...(options.grpcWeb ? ["grpc-web(?:-text)?(?:\\+(?:json|proto))?"] : []),
  ];
  const supported = types.map((type) => new RegExp(`^application/${type}\\s*(?:;.*)?$`, "i"));
  const matches = (contentType: string | null) =>
    contentType !== null && supported.some((pattern) => pattern.test(contentType));
  return Object.assign(matches, { supported });
}

/** Runs an exchange on a universal request. Resolves when the response's headers are known. */
export function runUniversal(
  request: UniversalServerRequest,
  run: (exchange: Exchange) => void,
): Promise<UniversalServerResponse> {
  return new Promise((resolve) => run(createUniversalExchange(request, resolve)));
}

function createUniversalExchange(
  request: UniversalServerRequest,
  respond: (response: UniversalServerResponse) => void,
): Exchange {
  const url = new URL(request.url, "http://localhost");
  const body = createBodyQueue();
  const trailer = createHeaders();
  let sink: ExchangeSink | undefined;
  let over = false;
  let paused: Promise<void> | undefined;
  let resumeReading: (() => void) | undefined;
  const close = () => {
    if (over) return;
    over = true;
    request.signal.removeEventListener("abort", abort);
    resumeReading?.();
    sink?.onClosed();
  };
  const abort = () => {
    body.fail(request.signal.reason);
    close();
  };
  if (request.signal.aborted) queueMicrotask(abort);
  else request.signal.addEventListener("abort", abort);
  const readBody = async (to: ExchangeSink): Promise<void> => {
    try {
      if (!isByteStream(request.body)) to.onData(new TextEncoder().encode(JSON.stringify(request.body)));
      else {
        for await (const chunk of request.body) {
          if (over) return;
          to.onData(chunk);
          if (paused !== undefined) await paused;
        }
      }
      to.onEnd();
    } catch {
      close();
    }
  };
  const start = (status: number, headers: NodeHeaders) => {
    respond({ status, header: webHeaders(headers), body, trailer });
  };
  const finish = (trailers: NodeHeaders | undefined) => {
    for (const [key, value] of headerLines(webHeaders(trailers ?? {}))) trailer.append(key, value);
    body.end(close);
  };
  return {
    requestMethod: request.method,
    target: url.pathname + url.search,
    http2: request.httpVersion.startsWith("2"),
    header: (name) => request.header.get(name) ?? undefined,
    requestHeaders: () => request.header,
    url: () => request.url,
    values: () => request.contextValues ?? createContextValues(),
    attach(to) {
      sink = to;
    },
    read() {
      if (sink !== undefined) void readBody(sink);
    },
    pause() {
      paused ??= new Promise((resolve) => {
        resumeReading = resolve;
      });
    },
    resume() {
      paused = undefined;
      resumeReading?.();
    },
    sendAll(status, headers, parts, trailers) {
      start(status, headers);
      for (const part of parts) body.write(part);
      finish(trailers);
    },
    sendHeaders: start,
    write(chunks) {
      let more = true;
      for (const chunk of chunks) more = body.write(chunk);
      return more;
    },
    drained: (callback) => body.drained(callback),
    end: finish,
    reset() {
      body.fail(new Error("the response was given up"));
      close();
    },
  };
}

function isByteStream(body: UniversalServerRequest["body"]): body is AsyncIterable<Uint8Array> {
  return typeof body === "object" && body !== null && Symbol.asyncIterator in body;
}

function webHeaders(headers: NodeHeaders): Headers {
  const web = createHeaders();
  for (const [key, value] of Object.entries(headers)) {
    if (value === undefined) continue;
    for (const line of Array.isArray(value) ? value : [String(value)]) web.append(key, line);
  }
  return web;
}

interface BodyQueue extends AsyncIterable<Uint8Array> {
  write(chunk: Uint8Array): boolean;
  drained(callback: () => void): void;
  end(read: () => void): void;
  fail(reason: unknown): void;
}

/** The response body: written by the call, read by whoever sends it. */
function createBodyQueue(): BodyQueue {
  const chunks: Uint8Array[] = [];
  let state: "open" | "ended" | "failed" = "open";
  let error: unknown;
  let wake: (() => void) | undefined;
  let drain: (() => void) | undefined;
  let done: (() => void) | undefined;
  const signal = () => {
    wake?.();
    wake = undefined;
  };
  async function* read(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        const chunk = chunks.shift();
        if (chunk !== undefined) {
          yield chunk;
          continue;
        }
        if (state === "failed") throw error;
        if (state === "ended") return;
        drain?.();
        drain = undefined;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    } finally {
      done?.();
      drain?.();
    }
  }
  const iterator = read();
  return {
    write(chunk) {
      chunks.push(chunk);
      signal();
      return chunks.length < 16;
    },
    drained(callback) {
      drain = callback;
    },
    end(readToEnd) {
      if (state === "open") state = "ended";
      done = readToEnd;
      signal();
    },
    fail(reason) {
      if (state === "failed") return;
      state = "failed";
      error = reason;
      signal();
    },
    [Symbol.asyncIterator]: () => iterator,
  };
}
