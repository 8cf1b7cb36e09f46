import * as http from "node:http";
import * as https from "node:https";
import type {
  Exchange,
  Fields,
  HttpClient,
  OutgoingHeaders,
  RequestHead,
  ResponseListener,
} from "../client/http-client.js";
import { Code } from "../code.js";
import { ConnectError } from "../connect-error.js";
import { connectFailure, connectionLost } from "./node-failure.js";

export type Http1RequestOptions = Omit<http.RequestOptions, "signal"> | Omit<https.RequestOptions, "signal">;

interface Http1Head extends RequestHead {
  readonly headers: OutgoingHeaders;
}

/** Exchanges over node:http and node:https, on connections of Node's own agent. */
export function createHttp1Client(origin: URL, nodeOptions: Http1RequestOptions | undefined): HttpClient {
  const secure = origin.protocol === "https:";
  const request = secure ? https.request : http.request;
  let open = true;
  return {
    prepare: (verb, path, headers): Http1Head => ({ verb, path, headers }),
    send(head, extra, body, listener) {
      if (!open) {
        return refused(listener);
      }
      const { verb, path, headers } = head as Http1Head;
      const options: http.RequestOptions = {
        ...nodeOptions,
        protocol: origin.protocol,
        host: nodeOptions?.host ?? bareHost(origin),
        port: nodeOptions?.port ?? (origin.port === "" ? undefined : origin.port),
        method: verb,
        path,
        headers: {
          host: origin.host,
          ...(body !== undefined && verb === "POST" ? { "content-length": String(body.byteLength) } : {}),
          ...headers,
          ...extra,
        },
      };
      return startHttp1Exchange(() => request(options), body, listener);
    },
    close() {
      open = false;
    },
  };
}

function bareHost(origin: URL): string {
  return origin.hostname.startsWith("[") ? origin.hostname.slice(1, -1) : origin.hostname;
}

function refused(listener: ResponseListener): Exchange {
  const error = new ConnectError("Channel has been shut down", Code.Unavailable);
  queueMicrotask(() => listener.onFailure({ error, unprocessed: undefined }));
  return { write: () => true, end() {}, cancel() {}, pause() {}, resume() {} };
}

function startHttp1Exchange(
  open: () => http.ClientRequest,
  body: Uint8Array | undefined,
  listener: ResponseListener,
): Exchange {
  let done = false;
  let paused = false;
  let response: http.IncomingMessage | undefined;
  let request: http.ClientRequest;

  function fail(error: ConnectError): void {
    if (!done) {
      done = true;
      listener.onFailure({ error, unprocessed: undefined });
    }
  }
  try {
    request = open();
  } catch (e) {
    // Invalid options or header values
    queueMicrotask(() => fail(connectFailure(e)));
    return { write: () => true, end() {}, cancel: () => (done = true), pause() {}, resume() {} };
  }
  request.on("error", (e) => {
    if (response === undefined) {
      fail(request.reusedSocket || isReset(e) ? connectionLost(e) : connectFailure(e));
    } else {
      fail(connectionLost(e));
    }
  });
  request.on("drain", () => {
    if (!done) {
      listener.onDrain();
    }
  });
  request.on("response", (res) => {
    response = res;
    if (done) {
      res.resume();
      return;
    }
    if (paused) {
      res.pause();
    }
    res.on("data", (chunk: Uint8Array) => {
      if (!done) {
        listener.onData(chunk);
      }
    });
    res.on("end", () => {
      if (!done) {
        done = true;
        listener.onEnd({ map: res.trailers as Fields["map"], lines: res.rawTrailers });
        if (!request.writableEnded) {
          // Answered before the whole request was sent: the connection cannot be used again
          request.destroy();
        }
      }
    });
    res.on("error", (e) => fail(connectionLost(e)));
    res.on("close", () => fail(connectionLost(undefined)));
    listener.onHeaders(res.statusCode ?? 0, { map: res.headers, lines: res.rawHeaders });
  });
  request.on("close", () => {
    if (response === undefined) {
      fail(connectionLost(undefined));
    }
  });
  if (body !== undefined) {
    request.end(body.byteLength > 0 ? body : undefined);
  } else {
    request.flushHeaders();
  }
  return {
    write: (bytes) => (done || request.destroyed || request.writableEnded ? true : request.write(bytes)),
    end() {
      if (!request.destroyed && !request.writableEnded) {
        request.end();
      }
    },
    cancel() {
      done = true;
      request.destroy();
    },
    pause() {
      paused = true;
      response?.pause();
    },
    resume() {
      paused = false;
      response?.resume();
    },
  };
}

function isReset(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  return code === "ECONNRESET" || code === "EPIPE";
}
