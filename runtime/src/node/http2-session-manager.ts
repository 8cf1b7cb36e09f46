import * as http2 from "node:http2";
import type { Duplex } from "node:stream";
import { Code } from "../code.js";
import { ConnectError } from "../connect-error.js";
import {
  createConnection,
  type Http2Connection,
  type Http2SessionOptions,
  type LiveConnection,
  type Settings,
  settingsOf,
} from "./http2-connection.js";
import { connectFailure } from "./node-failure.js";

export type Http2ClientOptions = http2.ClientSessionOptions | http2.SecureClientSessionOptions;

type State =
  | { readonly name: "closed" }
  | { readonly name: "connecting"; readonly ready: Promise<Http2Connection>; readonly abort: (reason: Error) => void }
  | { readonly name: "ready"; readonly connection: LiveConnection }
  | { readonly name: "error"; readonly reason: unknown };

const closed: State = { name: "closed" };

/**
 * Keeps one HTTP/2 connection to one authority: opens it when it is needed, checks it with PINGs, closes it when idle,
 * and opens another when the peer says GOAWAY, while the streams of the old one finish. A connection without streams
 * does not keep the process alive.
 *
 * Keepalive follows gRPC A8 (client-side keepalive).
 */
export class Http2SessionManager {
  readonly authority: string;
  readonly #settings: Settings;
  readonly #nodeOptions: Http2ClientOptions;
  #state: State = closed;
  /** All connections with life in them, also those that only drain. */
  readonly #connections = new Set<LiveConnection>();
  /** Opens the socket when that takes more than a connect: a proxy's tunnel. Set by the channel. */
  openSocket: (() => Promise<Duplex>) | undefined;
  /** Called at every change of state; set by the channel. */
  onStateChange: (() => void) | undefined;

  constructor(url: URL | string, pingOptions?: Http2SessionOptions, http2SessionOptions?: Http2ClientOptions) {
    this.authority = new URL(url).origin;
    if (this.authority === "null") {
      throw new Error(`Cannot connect to "${String(url)}": expected an http: or https: URL.`);
    }
    this.#settings = settingsOf(pingOptions);
    this.#nodeOptions = sessionOptions(http2SessionOptions);
  }

  /** The state of the connection; `verifying` while a PING decides whether it is alive. */
  state(): "closed" | "connecting" | "open" | "idle" | "verifying" | "error" {
    const state = this.#state;
    if (state.name !== "ready") {
      return state.name;
    }
    if (state.connection.verifying !== undefined) {
      return "verifying";
    }
    return state.connection.streams > 0 ? "open" : "idle";
  }

  /** Why the last attempt failed, or the connection was lost. */
  error(): unknown {
    return this.#state.name === "error" ? this.#state.reason : undefined;
  }

  /** Open a connection if there is none, verify one that was idle for long. Resolves to "error" instead of rejecting. */
  async connect(): Promise<"open" | "idle" | "error"> {
    try {
      const connection = this.ready() ?? (await this.acquire());
      return (connection as LiveConnection).streams > 0 ? "open" : "idle";
    } catch {
      return "error";
    }
  }

  /** Open a stream, on a new connection if necessary. */
  async request(
    method: string,
    path: string,
    headers: http2.OutgoingHttpHeaders,
    options: Omit<http2.ClientSessionRequestOptions, "signal">,
  ): Promise<http2.ClientHttp2Stream> {
    const connection = this.ready() ?? (await this.acquire());
    const stream = connection.session.request({ ...headers, ":method": method, ":path": path }, options);
    connection.streamOpened();
    stream.once("close", () => connection.streamClosed());
    streamConnection.set(stream, connection);
    return stream;
  }

  /** Tell the keepalive that data arrived. */
  notifyResponseByteRead(stream: http2.ClientHttp2Stream): void {
    streamConnection.get(stream)?.alive();
  }

  /** Close the connection and all streams on it. */
  abort(reason?: Error): void {
    const error = reason ?? new ConnectError("connection aborted", Code.Canceled);
    const state = this.#state;
    this.#setState({ name: "error", reason: error });
    if (state.name === "connecting") {
      state.abort(error);
    }
    for (const connection of [...this.#connections]) {
      connection.destroy(error);
    }
  }

  /** Finish the open streams and close. A later request opens a new connection. */
  close(): void {
    const state = this.#state;
    this.#setState(closed);
    if (state.name === "connecting") {
      state.ready.then(
        () => this.#closeConnections(),
        () => {},
      );
    }
    this.#closeConnections();
  }

  #closeConnections(): void {
    for (const connection of [...this.#connections]) {
      connection.close();
    }
    if (this.#state.name === "ready") {
      this.#setState(closed);
    }
  }

  /** The connection, if a request can go out at this moment without waiting. */
  ready(): Http2Connection | undefined {
    const state = this.#state;
    if (state.name !== "ready") {
      return undefined;
    }
    const { connection } = state;
    const { session } = connection;
    if (session.closed || session.destroyed) {
      this.#setState(closed);
      return undefined;
    }
    if (connection.verifying !== undefined || (connection.streams === 0 && connection.isStale())) {
      return undefined;
    }
    return connection;
  }

  /** A connection to send a request on; concurrent callers share one attempt. Rejects with a ConnectError. */
  acquire(): Promise<Http2Connection> {
    const state = this.#state;
    if (state.name === "connecting") {
      return state.ready;
    }
    if (state.name === "ready") {
      const { connection } = state;
      return connection.verify().then((alive) => {
        if (alive) {
          return connection;
        }
        if (this.#state === state) {
          this.#setState(closed);
        }
        connection.destroy(new ConnectError("connection timed out", Code.Unavailable));
        return this.acquire();
      });
    }
    return this.#connect();
  }

  #connect(): Promise<Http2Connection> {
    let abort: (reason: Error) => void = () => {};
    const ready = new Promise<Http2Connection>((resolve, reject) => {
      const { openSocket } = this;
      if (openSocket === undefined) {
        abort = this.#open(this.#nodeOptions, resolve, reject);
        return;
      }
      let aborted: Error | undefined;
      abort = (reason) => {
        aborted = reason;
        reject(connectFailure(reason));
      };
      openSocket().then((socket) => {
        if (aborted !== undefined) {
          socket.destroy();
          return;
        }
        abort = this.#open({ ...this.#nodeOptions, createConnection: () => socket }, resolve, reject);
      }, reject);
    });
    // Rejections reach those who wait; nobody waiting is no error
    ready.catch(() => {});
    const state: State = { name: "connecting", ready, abort: (reason) => abort(reason) };
    this.#setState(state);
    const settle = (next: State) => {
      if (this.#state === state) {
        this.#setState(next);
      }
    };
    ready.then(
      (connection) => settle({ name: "ready", connection: connection as LiveConnection }),
      (reason) => settle({ name: "error", reason }),
    );
    return ready;
  }

  /** Returns a function that aborts the attempt. */
  #open(
    nodeOptions: Http2ClientOptions,
    resolve: (connection: Http2Connection) => void,
    reject: (reason: unknown) => void,
  ): (reason: Error) => void {
    let session: http2.ClientHttp2Session;
    try {
      session = http2.connect(this.authority, nodeOptions);
    } catch (e) {
      reject(connectFailure(e));
      return () => {};
    }
    let lastError: unknown;
    let connection: LiveConnection | undefined;
    const timer = setTimeout(() => {
      lastError = new Error(`timed out after ${this.#settings.connectTimeoutMs} ms`);
      session.destroy();
    }, this.#settings.connectTimeoutMs);
    timer.unref();
    // Always a listener: an error on an idle connection must not end the process
    session.on("error", (e) => {
      lastError = e;
    });
    session.on("connect", () => {
      session.setLocalWindowSize(connectionWindowSize);
    });
    session.once("remoteSettings", () => {
      clearTimeout(timer);
      connection = createConnection(session, this.#settings);
      this.#connections.add(connection);
      session.unref();
      resolve(connection);
    });
    session.on("goaway", (code, _lastStreamId, opaque) => {
      if (code === http2.constants.NGHTTP2_ENHANCE_YOUR_CALM && opaque?.toString() === "too_many_pings") {
        // gRPC A8: the peer asks for fewer PINGs
        this.#settings.pingIntervalMs *= 2;
      }
      if (connection !== undefined) {
        this.#forget(connection, undefined);
      }
    });
    const ended = () => {
      clearTimeout(timer);
      if (connection === undefined) {
        reject(connectFailure(lastError ?? new Error("the connection was closed before it was established")));
      } else {
        this.#connections.delete(connection);
        this.#forget(connection, lastError);
      }
    };
    session.on("close", ended);
    // After a TLS alert (a missing client certificate, for instance) Node 20 destroys the session and emits nothing
    session.socket.on("error", (e: unknown) => {
      lastError ??= e;
      setImmediate(() => {
        if (session.destroyed) {
          ended();
        }
      });
    });
    return (reason) => {
      lastError = reason;
      session.destroy();
    };
  }

  #forget(connection: LiveConnection, error: unknown): void {
    if (this.#state.name === "ready" && this.#state.connection === connection) {
      this.#setState(error === undefined ? closed : { name: "error", reason: error });
    }
  }

  #setState(state: State): void {
    this.#state = state;
    this.onStateChange?.();
  }
}

const streamConnection = new WeakMap<http2.ClientHttp2Stream, Http2Connection>();

/** Flow control windows: a 1 MiB message must not wait for WINDOW_UPDATEs (reference/performance.md §4). */
const streamWindowSize = 1024 * 1024;
const connectionWindowSize = 16 * 1024 * 1024;

function sessionOptions(options: Http2ClientOptions | undefined): Http2ClientOptions {
  return {
    // grpc-js's own: Node's defaults reset streams with large headers or many messages in flight
    maxSessionMemory: Number.MAX_SAFE_INTEGER,
    maxSendHeaderBlockLength: Number.MAX_SAFE_INTEGER,
    ...options,
    settings: { enablePush: false, initialWindowSize: streamWindowSize, ...options?.settings },
  };
}
