import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { ContextValues } from "../context-values.js";
import { headersFromRaw } from "../headers.js";
import type { Exchange, ExchangeSink, NodeHeaders } from "../server/exchange.js";
import { valuesWithPeer } from "./peer-values.js";

/** An exchange on HTTP/1.1 (node:http, node:https, or a server framework on top of them). */
export function createHttp1Exchange(
  request: IncomingMessage,
  response: ServerResponse,
  contextValues?: () => ContextValues,
): Exchange {
  let sink: ExchangeSink | undefined;
  let requestEnded = false;
  const start = (status: number, headers: NodeHeaders) => {
    response.writeHead(status, headers as Record<string, string | string[]>);
    response.flushHeaders();
  };
  // The rest of a refused body is read and dropped. Closing instead would reset the connection while the client still
  // writes, and many clients then never see the answer.
  const leaveRequest = () => {
    if (!requestEnded) request.resume();
  };
  response.on("error", () => {});
  request.on("error", () => {});
  let closed = false;
  const onClosed = () => {
    if (closed) return;
    closed = true;
    forget();
    sink?.onClosed();
  };
  const forget = whenSocketCloses(request.socket, onClosed);
  response.on("close", onClosed);
  return {
    requestMethod: request.method ?? "GET",
    target: request.url ?? "/",
    http2: false,
    header(name) {
      const value = request.headers[name];
      return Array.isArray(value) ? value.join(", ") : value;
    },
    requestHeaders: () => headersFromRaw(request.rawHeaders),
    url() {
      const scheme = "encrypted" in request.socket ? "https" : "http";
      return `${scheme}://${request.headers.host ?? "localhost"}${request.url ?? "/"}`;
    },
    values: () => valuesWithPeer(request.socket, contextValues?.()),
    attach(to) {
      sink = to;
    },
    read() {
      const to = sink;
      if (to === undefined) return;
      const parsed = (request as { body?: unknown }).body;
      // A framework's body parser was here first: the bytes are gone, what it made of them is not.
      if (parsed !== undefined && (request.readableEnded || request.readableDidRead)) {
        requestEnded = true;
        queueMicrotask(() => {
          to.onData(bytesOf(parsed));
          to.onEnd();
        });
        return;
      }
      request.on("end", () => {
        requestEnded = true;
        to.onEnd();
      });
      request.on("data", (chunk: Uint8Array) => to.onData(chunk));
    },
    pause: () => void request.pause(),
    resume: () => void request.resume(),
    sendAll(status, headers, body, trailers) {
      if (response.destroyed || response.writableEnded) return;
      if (trailers === undefined) {
        headers["content-length"] = body.reduce((length, part) => length + part.byteLength, 0);
        response.writeHead(status, headers as Record<string, string | string[]>);
      } else {
        response.writeHead(status, headers as Record<string, string | string[]>);
        response.addTrailers(trailerLines(trailers));
      }
      response.cork();
      for (const part of body) response.write(part);
      response.end();
      response.uncork();
      leaveRequest();
    },
    sendHeaders(status, headers) {
      if (!response.destroyed && !response.writableEnded) start(status, headers);
    },
    write(chunks) {
      if (response.destroyed || response.writableEnded) return true;
      let more = true;
      for (const chunk of chunks) more = response.write(chunk);
      return more;
    },
    drained: (callback) => void response.once("drain", callback),
    end(trailers) {
      if (response.destroyed || response.writableEnded) return;
      if (trailers !== undefined) response.addTrailers(trailerLines(trailers));
      response.end();
      leaveRequest();
    },
    reset: () => void response.destroy(),
  };
}

/** A response that waits for its turn behind pipelined ones hears nothing of its connection's end: node:http only tells the first. */
const waiting = new WeakMap<Socket, Set<() => void>>();

function whenSocketCloses(socket: Socket, callback: () => void): () => void {
  let callbacks = waiting.get(socket);
  if (callbacks === undefined) {
    const all = new Set<() => void>();
    waiting.set(socket, all);
    socket.once("close", () => {
      for (const each of [...all]) each();
    });
    callbacks = all;
  }
  callbacks.add(callback);
  return () => void callbacks.delete(callback);
}

function trailerLines(trailers: NodeHeaders): ReadonlyArray<[string, string]> {
  const lines: Array<[string, string]> = [];
  for (const [key, value] of Object.entries(trailers)) {
    if (value === undefined) continue;
    for (const line of Array.isArray(value) ? value : [String(value)]) lines.push([key, line]);
  }
  return lines;
}

function bytesOf(parsed: unknown): Uint8Array {
  if (parsed instanceof Uint8Array) return parsed;
  return new TextEncoder().encode(typeof parsed === "string" ? parsed : JSON.stringify(parsed));
}
