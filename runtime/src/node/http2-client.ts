import * as http2 from "node:http2";
import { isIPv6 } from "node:net";
import type {
  ConnectivityState,
  Exchange,
  Fields,
  HttpClient,
  OutgoingHeaders,
  RequestHead,
  ResponseListener,
  SendOptions,
  Unprocessed,
} from "../client/http-client.js";
import { ConnectError } from "../connect-error.js";
import type { Http2Connection } from "./http2-connection.js";
import { connectFailure, connectionLost, isSocketError, refusedStream, streamReset } from "./node-failure.js";
import { openStream } from "./open-stream.js";
import type { NodeHttp2ClientSessionManager } from "./transport-options.js";

/** Where the connections come from: one session manager, or a channel over several addresses. */
export interface ConnectionSource {
  /** Value of `:authority`. */
  readonly authority: string;
  readonly scheme: "http" | "https";
  /** A connection that takes a request now, or undefined. */
  ready(): Http2Connection | undefined;
  /** @param isWanted false when the call that waits has ended */
  acquire(waitForReady: boolean, isWanted: () => boolean): Promise<Http2Connection>;
  state(): ConnectivityState;
  /** Calls the listener at each change of state; returns what ends this. */
  watch(listener: (state: ConnectivityState) => void): () => void;
  /** A manager of another package: it opens the streams itself. */
  readonly foreign?: NodeHttp2ClientSessionManager;
  close(): void;
}

interface Http2Head extends RequestHead {
  /** With the pseudo-headers, in order: node:http2 is measurably faster when it has to add none. */
  readonly headers: OutgoingHeaders;
}

/** All fields given: node:http2 then takes its shortest way. */
const requestOptions: http2.ClientSessionRequestOptions & { silent: boolean } = {
  endStream: false,
  weight: 16,
  parent: 0,
  exclusive: false,
  silent: false,
};
const requestOptionsNoBody = { ...requestOptions, endStream: true };

export function createHttp2Client(source: ConnectionSource, target = `dns:${source.authority}`): HttpClient {
  return {
    prepare(verb, path, headers): Http2Head {
      return {
        verb,
        path,
        headers: {
          ":method": verb,
          ":scheme": source.scheme,
          ":authority": source.authority,
          ":path": path,
          ...headers,
        },
      };
    },
    send(head, extra, body, listener, options) {
      const headers = (head as Http2Head).headers;
      const exchange = new Http2Exchange(listener, extra === undefined ? headers : { ...headers, ...extra }, body);
      const connection = source.ready();
      if (connection !== undefined) {
        options.onPeer?.(peerName(connection));
        exchange.start(connection);
      } else {
        options.onPeer?.(`dns:${source.authority}`);
        exchange.wait(source, options);
      }
      return exchange;
    },
    close: () => source.close(),
    connectivity: {
      target,
      state: () => source.state(),
      watch: (listener) => source.watch(listener),
      connect: async (isWanted = () => true) => {
        if (source.ready() === undefined) {
          await source.acquire(true, isWanted);
        }
      },
    },
  };
}

function peerName({ session }: Http2Connection): string {
  const { remoteAddress: address, remotePort: port } = session.socket ?? {};
  if (address === undefined) {
    return "unknown";
  }
  return isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
}

const exchangeOf = Symbol("exchange");

interface OwnedStream extends http2.ClientHttp2Stream {
  /** Undefined once it is closed: node:http2 keeps streams until the next full collection, and calls must not stay with them. */
  [exchangeOf]: Http2Exchange | undefined;
}

/** One request and its response. A class for the sake of shared handlers: a call makes no closures. */
class Http2Exchange implements Exchange {
  #stream: OwnedStream | undefined;
  #connection: Http2Connection | undefined;
  #done = false;
  #pending: Uint8Array[] | undefined;
  #pendingEnd = false;
  #paused = false;
  #corked = false;
  #error: unknown;
  #sawHeaders = false;
  /** The server said END_STREAM: whatever it says then, this is the whole response. */
  #complete = false;
  #trailers: Fields | undefined;

  constructor(
    private readonly listener: ResponseListener,
    private readonly headers: OutgoingHeaders,
    private readonly body: Uint8Array | undefined,
  ) {}

  start(connection: Http2Connection): void {
    const { body } = this;
    let stream: OwnedStream;
    try {
      const noBody = body !== undefined && body.byteLength === 0;
      stream = openStream(
        connection.session,
        this.headers,
        noBody ? requestOptionsNoBody : requestOptions,
      ) as OwnedStream;
    } catch (e) {
      // Nothing was sent: the session closed at this moment, or has no stream ids left
      this.#done = true;
      queueMicrotask(() =>
        this.listener.onFailure({ error: connectFailure(e), unprocessed: isSessionGone(e) ? "leaving" : undefined }),
      );
      return;
    }
    connection.streamOpened();
    this.#adopt(stream, connection);
  }

  #adopt(stream: OwnedStream, connection: Http2Connection): void {
    const { body } = this;
    this.#stream = stream;
    this.#connection = connection;
    stream[exchangeOf] = this;
    stream.on("response", onResponse as never);
    stream.on("data", onData);
    stream.on("trailers", onTrailers as never);
    stream.on("end", onEnd);
    stream.on("error", onError);
    stream.on("close", onClose);
    if (body !== undefined) {
      if (body.byteLength > 0) {
        stream.end(body);
      }
      return;
    }
    stream.on("drain", onDrain);
    const pending = this.#pending;
    if (pending !== undefined) {
      this.#pending = undefined;
      for (const chunk of pending) {
        this.write(chunk);
      }
    }
    if (this.#pendingEnd) {
      this.end();
    } else if (pending !== undefined && !stream.writableNeedDrain) {
      this.listener.onDrain();
    }
    if (this.#paused) {
      stream.pause();
    }
  }

  wait(source: ConnectionSource, options: SendOptions): void {
    const { foreign } = source;
    if (foreign !== undefined) {
      const noBody = this.body !== undefined && this.body.byteLength === 0;
      const { ":method": method, ":path": path, ...headers } = this.headers;
      foreign.request(String(method), String(path), headers, noBody ? requestOptionsNoBody : requestOptions).then(
        (stream) => {
          if (this.#done) {
            stream.close(http2.constants.NGHTTP2_CANCEL);
          } else {
            this.#adopt(stream as OwnedStream, foreignConnection(foreign, stream));
          }
        },
        (reason) => this.fail(connectFailure(reason)),
      );
      return;
    }
    source
      .acquire(options.waitForReady, () => !this.#done)
      .then(
        (connection) => {
          if (!this.#done) {
            options.onPeer?.(peerName(connection));
            this.start(connection);
          }
        },
        (reason) => this.fail(connectFailure(reason)),
      );
  }

  write(bytes: Uint8Array): boolean {
    const stream = this.#stream;
    if (stream === undefined) {
      this.#pending ??= [];
      this.#pending.push(bytes);
      return false;
    }
    if (this.#done || stream.destroyed || stream.writableEnded) {
      return true;
    }
    if (!this.#corked) {
      // Messages produced in the same turn go out in one write
      this.#corked = true;
      stream.cork();
      process.nextTick(uncork, this);
    }
    return stream.write(bytes);
  }

  uncork(): void {
    this.#corked = false;
    this.#stream?.uncork();
  }

  end(): void {
    const stream = this.#stream;
    if (stream === undefined) {
      this.#pendingEnd = true;
    } else if (!stream.destroyed && !stream.writableEnded) {
      stream.end();
    }
  }

  cancel(): void {
    this.#done = true;
    const stream = this.#stream;
    if (stream !== undefined && !stream.closed) {
      stream.close(http2.constants.NGHTTP2_CANCEL);
      stream.resume();
    }
  }

  pause(): void {
    this.#paused = true;
    this.#stream?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#stream?.resume();
  }

  get requestSent(): boolean {
    return this.#stream?.writableFinished === true;
  }

  gotHeaders(status: number, headers: Fields, complete: boolean): void {
    if (this.#done) {
      return;
    }
    this.#sawHeaders = true;
    this.#complete = complete;
    this.#connection?.alive();
    this.listener.onHeaders(status, headers);
  }

  gotData(chunk: Uint8Array): void {
    if (this.#done) {
      return;
    }
    this.#connection?.alive();
    this.listener.onData(chunk);
  }

  gotTrailers(trailers: Fields): void {
    this.#complete = true;
    this.#trailers = trailers;
  }

  gotEnd(): void {
    const stream = this.#stream;
    if (this.#done || stream === undefined) {
      return;
    }
    if (stream.rstCode !== 0 && !this.#complete) {
      // A reset also ends the readable side; "close" says why
      return;
    }
    if (!this.#sawHeaders) {
      this.fail(streamReset(0, undefined));
      return;
    }
    this.#done = true;
    this.listener.onEnd(this.#trailers);
    if (!stream.writableEnded) {
      // The server answered before it read the whole request: it will not read the rest
      stream.close(http2.constants.NGHTTP2_CANCEL);
    }
  }

  gotError(error: unknown): void {
    this.#error = error;
  }

  gotDrain(): void {
    if (!this.#done) {
      this.listener.onDrain();
    }
  }

  closed(): void {
    const stream = this.#stream;
    const connection = this.#connection;
    if (stream === undefined || connection === undefined) {
      return;
    }
    connection.streamClosed();
    if (this.#done) {
      return;
    }
    const rst = stream.rstCode;
    const error = this.#error;
    const gone = connection.session.destroyed && !isSessionError(error);
    if (error instanceof ConnectError) {
      this.fail(error);
    } else if (isSocketError(error) || (gone && !hasMeaning(rst))) {
      this.fail(connectionLost(error));
    } else {
      const refused = rst === refusedStream && !this.#sawHeaders;
      this.fail(streamReset(rst, error), refused ? (connection.session.closed ? "leaving" : "refused") : undefined);
    }
  }

  fail(error: ConnectError, unprocessed?: Unprocessed): void {
    if (!this.#done) {
      this.#done = true;
      this.listener.onFailure({ error, unprocessed });
    }
  }
}

type Headers2 = http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader;

function onResponse(this: OwnedStream, map: Headers2, flags: number, lines: string[]): void {
  const complete = (flags & http2.constants.NGHTTP2_FLAG_END_STREAM) !== 0;
  this[exchangeOf]?.gotHeaders(map[":status"] ?? 0, { map: map as Fields["map"], lines }, complete);
}
function onData(this: OwnedStream, chunk: Uint8Array): void {
  this[exchangeOf]?.gotData(chunk);
}
function onTrailers(this: OwnedStream, map: http2.IncomingHttpHeaders, _flags: number, lines: string[]): void {
  this[exchangeOf]?.gotTrailers({ map: map as Fields["map"], lines });
}
function onEnd(this: OwnedStream): void {
  this[exchangeOf]?.gotEnd();
}
function onError(this: OwnedStream, error: unknown): void {
  this[exchangeOf]?.gotError(error);
}
function onDrain(this: OwnedStream): void {
  this[exchangeOf]?.gotDrain();
}
function onClose(this: OwnedStream): void {
  this[exchangeOf]?.closed();
  this[exchangeOf] = undefined;
}
function uncork(exchange: Http2Exchange): void {
  exchange.uncork();
}

function foreignConnection(manager: NodeHttp2ClientSessionManager, stream: http2.ClientHttp2Stream): Http2Connection {
  return {
    session: stream.session as http2.ClientHttp2Session,
    streamOpened() {},
    streamClosed() {},
    alive: () => manager.notifyResponseByteRead(stream),
  };
}

/** The peer ended the whole session with an error code, which stands for each of its streams. */
function isSessionError(error: unknown): boolean {
  return (error as { code?: unknown } | undefined)?.code === "ERR_HTTP2_SESSION_ERROR";
}

/** Reset codes that say more than that the connection is gone: refused, calm down, inadequate security. */
function hasMeaning(rstCode: number): boolean {
  return rstCode === refusedStream || rstCode === 11 || rstCode === 12;
}

/** node:http2 refuses to open a stream on a session that closes, is gone, or has used all stream ids. */
function isSessionGone(error: unknown): boolean {
  const code = (error as { code?: unknown } | undefined)?.code;
  return (
    code === "ERR_HTTP2_INVALID_SESSION" || code === "ERR_HTTP2_GOAWAY_SESSION" || code === "ERR_HTTP2_OUT_OF_STREAMS"
  );
}
