import * as http from "node:http";
import * as http2 from "node:http2";
import * as net from "node:net";
import * as tls from "node:tls";
import type { App, NodeServerResponse } from "./app.js";
import {
  type ConnectionLimits,
  cancelSession,
  closeGracefully,
  superviseSession,
  superviseSocket,
} from "./connection-limits.js";
import { createSessionWatch, quietMs } from "./dead-session.js";
import { resolveListenAddress } from "./listen-address.js";
import { listenAll } from "./listen-all.js";
import { handleSignals } from "./shutdown-signals.js";
import { sniff } from "./sniff.js";

/** Options of tls.createServer; `cert` and `key` at least. */
export interface TlsOptions extends tls.SecureContextOptions, tls.TlsOptions {}

/** How an app is served. */
export interface ServeOptions extends ConnectionLimits {
  /** As for grpc-js's bindAsync: `0.0.0.0:50051`, `[::]:0`, `localhost:8080`, `dns:name:1`, `unix:/run/app.sock`. */
  address: string;
  /** Serves TLS instead of cleartext: HTTP/2 and HTTP/1.1 by ALPN. */
  tls?: TlsOptions | undefined;
  /** Signals that close the server gracefully before they end the process. Default SIGTERM and SIGINT. */
  signals?: readonly NodeJS.Signals[] | false;
  /** How long a graceful close by a signal may take before calls are cancelled, in milliseconds. Default 30 seconds. */
  shutdownGraceMs?: number;
  /** Concurrent calls on one connection. Default: node's, practically unlimited. */
  maxConcurrentStreams?: number;
  /**
   * Longest header section of a request, in bytes: longer ones are answered with 431, or their stream is reset. Default:
   * node's, 16 KiB over HTTP/1.1 and 64 KiB over HTTP/2.
   */
  maxHeaderBytes?: number;
  /** Further options for node:http2; they win over the defaults here. */
  http2?: http2.ServerOptions;
}

/** A server that `serve` started. */
export interface RunningServer {
  /** The port; 1 for a unix socket, as grpc-js says. */
  readonly port: number;
  /** What the first socket is bound to, for instance `127.0.0.1:50051`. */
  readonly address: string;
  /** Graceful: no new connections and calls, running calls finish. Resolves when the last one has. */
  close(): Promise<void>;
  /** At once: running calls are cancelled (grpc-js's forceShutdown). */
  destroy(): void;
  /**
   * New certificates: later connections use them, open ones go on with theirs. What is not given stays as it is. Throws if
   * the server speaks no TLS, or if certificate and key do not fit; then nothing changes.
   */
  setSecureContext(options: tls.SecureContextOptions): void;
}

const streamWindow = 1024 * 1024;
const connectionWindow = 16 * 1024 * 1024;

/**
 * Serves an app on one address: HTTP/1.1 and HTTP/2 on one port, told apart by ALPN under TLS and by the first bytes
 * without. Rejects when no socket can be bound.
 */
export async function serve(app: App, options: ServeOptions): Promise<RunningServer> {
  const sessions = new Set<http2.ServerHttp2Session>();
  const sockets = new Set<net.Socket>();
  // Calls over HTTP/1.1 that run, by connection
  const calls = new Map<net.Socket, Set<http.ServerResponse>>();
  const listeners: net.Server[] = [];
  let closing: Promise<void> | undefined;
  let secureContext: tls.SecureContextOptions = options.tls ?? {};

  const h2Options: http2.ServerOptions = {
    maxSessionMemory: Number.MAX_SAFE_INTEGER,
    maxSendHeaderBlockLength: Number.MAX_SAFE_INTEGER,
    ...options.http2,
    settings: {
      initialWindowSize: streamWindow,
      ...(options.maxConcurrentStreams === undefined ? {} : { maxConcurrentStreams: options.maxConcurrentStreams }),
      ...(options.maxHeaderBytes === undefined ? {} : { maxHeaderListSize: options.maxHeaderBytes }),
      ...options.http2?.settings,
    },
  };

  const sessionOf = new WeakMap<net.Socket, http2.ServerHttp2Session>();
  let handedOver: net.Socket | undefined;
  const onSession = (session: http2.ServerHttp2Session): void => {
    sessions.add(session);
    // A session's own `socket` is a proxy, and gone when the session is
    if (handedOver !== undefined) sessionOf.set(handedOver, session);
    session.once("close", () => sessions.delete(session));
    session.on("error", () => {});
    // Only the stream window is a setting; the connection's is raised by a WINDOW_UPDATE (RFC 9113 §6.9.2).
    if (!session.destroyed) session.setLocalWindowSize(connectionWindow);
    superviseSession(session, options);
    if (closing !== undefined) closeGracefully(session);
  };
  const onStream = (
    stream: http2.ServerHttp2Stream,
    headers: http2.IncomingHttpHeaders,
    flags: number,
    rawHeaders: string[],
  ): void => app.internals.handleStream(stream, headers, flags, rawHeaders);

  const onRequest = (request: http.IncomingMessage, response: http.ServerResponse): void => {
    const { socket } = request;
    const running = calls.get(socket) ?? new Set();
    calls.set(socket, running.add(response));
    response.once("close", () => {
      running.delete(response);
      if (running.size > 0) return;
      calls.delete(socket);
      if (tooOld.has(socket)) socket.end();
    });
    if (tooOld.has(socket)) response.shouldKeepAlive = false;
    app(request, response as unknown as NodeServerResponse);
  };
  const tooOld = new WeakSet<net.Socket>();
  const http1 = http.createServer({
    ...(options.maxConnectionIdleMs === undefined ? {} : { keepAliveTimeout: options.maxConnectionIdleMs }),
    ...(options.maxHeaderBytes === undefined ? {} : { maxHeaderSize: options.maxHeaderBytes }),
  });
  http1.on("request", onRequest);
  // A client that waits for 100 Continue gets it when the body is wanted, which is always.
  http1.on("checkContinue", (request, response) => {
    response.writeContinue();
    onRequest(request, response);
  });

  const h2 = http2.createServer(h2Options);
  h2.on("session", onSession);
  h2.on("stream", onStream);
  h2.on("sessionError", () => {});
  // Connections are handed over, so it never listens; the event starts its timeouts and its list of connections.
  http1.emit("listening");
  const watchSessions = createSessionWatch();
  const watchClosing = createSessionWatch();
  const watch = setInterval(() => void watchSessions(sessions), quietMs);
  watch.unref();

  const onSocket = (socket: net.Socket): void => {
    sockets.add(socket);
    socket.once("close", () => {
      sockets.delete(socket);
      calls.delete(socket);
    });
    socket.on("error", () => {});
  };
  const handOver = (socket: net.Socket, isHttp2: boolean): void => {
    taken.add(socket);
    if (!isHttp2) {
      superviseSocket(socket, options, () => {
        tooOld.add(socket);
        const running = calls.get(socket);
        if (running === undefined) socket.end();
        // Those whose headers are not out yet can still say that the connection closes
        for (const response of running ?? []) response.shouldKeepAlive = false;
      });
      http1.emit("connection", socket);
      return;
    }
    handedOver = socket;
    h2.emit("connection", socket);
    handedOver = undefined;
  };
  const accept = (socket: net.Socket): void => sniff(socket, (isHttp2) => handOver(socket, isHttp2));
  const createListener = (): net.Server => {
    if (options.tls === undefined) {
      return net.createServer({ noDelay: true }, (socket) => {
        onSocket(socket);
        accept(socket);
      });
    }
    const server = tls.createServer({ noDelay: true, ALPNProtocols: ["h2", "http/1.1"], ...options.tls });
    const shaking = new Map<string, net.Socket>();
    server.on("connection", (socket) => {
      onSocket(socket);
      shaking.set(peerOf(socket), socket);
    });
    server.on("secureConnection", (socket) => {
      const raw = shaking.get(peerOf(socket));
      shaking.delete(peerOf(socket));
      if (raw !== undefined) {
        taken.add(raw);
        underTls.add(raw);
      }
      onSocket(socket);
      // A client without ALPN is told apart as it is without TLS.
      if (socket.alpnProtocol === "h2" || socket.alpnProtocol === "http/1.1") {
        handOver(socket, socket.alpnProtocol === "h2");
      } else accept(socket);
    });
    server.on("tlsClientError", (_error, socket) => shaking.delete(peerOf(socket)));
    return server;
  };

  const bound = await listenAll(await resolveListenAddress(options.address), createListener);
  listeners.push(...bound.servers);

  // Stops the timeouts; that it was not listening is no error here.
  const stopHttp1 = (): void => {
    clearInterval(watch);
    http1.close(() => {});
  };
  const closeAll = (): Promise<void> => {
    for (const callback of app.internals.drainCallbacks) callback();
    const ends: Promise<void>[] = [];
    for (const server of listeners) ends.push(new Promise((resolve) => void server.close(() => resolve())));
    for (const session of sessions) {
      ends.push(
        new Promise((resolve) => {
          if (session.destroyed) resolve();
          else {
            session.once("close", () => resolve());
            closeGracefully(session);
          }
        }),
      );
    }
    http1.closeIdleConnections();
    // A keep-alive connection that was busy goes idle later: nothing else would close it.
    const sweep = setInterval(() => http1.closeIdleConnections(), 50);
    for (const socket of sockets) if (!isTaken(socket)) socket.destroy();
    const linger = setInterval(leaveThePeers, lingerMs);
    return Promise.all(ends).then(() => {
      clearInterval(sweep);
      clearInterval(linger);
      stopHttp1();
    });
  };
  /** Nobody waits for a peer that does not close its side, sends half a request, or is past talking to. */
  const leaveThePeers = (): void => {
    for (const socket of sockets) {
      const session = sessionOf.get(socket);
      if (session === undefined) {
        if (isTaken(socket) && !underTls.has(socket) && !calls.has(socket)) socket.destroy();
      } else if (session.destroyed) {
        // All of the answers has gone out
        if (socket.writableFinished) socket.destroy();
      }
    }
    void watchClosing(sessions);
  };
  const destroyAll = (): void => {
    for (const server of listeners) server.close();
    for (const session of [...sessions]) {
      if (!session.closed) session.close();
      cancelSession(session);
    }
    http1.closeAllConnections();
    stopHttp1();
    for (const socket of [...sockets]) if (!isTaken(socket)) socket.destroy();
    removeSignals();
  };

  const removeSignals = handleSignals(options, () => running);
  const running: RunningServer = {
    port: bound.port,
    address: bound.address,
    close() {
      closing ??= closeAll().then(removeSignals);
      void closing.then(() => app.internals.running.delete(running));
      return closing;
    },
    destroy() {
      closing ??= Promise.resolve();
      app.internals.running.delete(running);
      destroyAll();
    },
    setSecureContext(secureOptions) {
      if (options.tls === undefined) throw new Error("This server speaks no TLS: `serve` was called without `tls`.");
      const renewed = { ...secureContext, ...secureOptions };
      // Fails before any listener has changed
      tls.createSecureContext(renewed);
      secureContext = renewed;
      for (const server of listeners) (server as tls.Server).setSecureContext(renewed);
    },
  };
  app.internals.running.add(running);
  return running;
}

const peerOf = (socket: net.Socket): string => `${socket.remoteAddress}:${socket.remotePort}`;

// Connections whose protocol is known; the others are only waiting and are dropped by a graceful close.
const taken = new WeakSet<net.Socket>();
const isTaken = (socket: net.Socket): boolean => taken.has(socket);
const underTls = new WeakSet<net.Socket>();

/** How long a close waits for peers without calls to close their side, in milliseconds. */
const lingerMs = 1_000;
