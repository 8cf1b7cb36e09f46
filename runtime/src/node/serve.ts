import * as http from "node:http";
import * as http2 from "node:http2";
import * as net from "node:net";
import * as tls from "node:tls";
import type { App, NodeServerResponse } from "./app.js";
import { createSessionWatch, quietMs } from "./dead-session.js";
import { type ListenAddress, resolveListenAddress } from "./listen-address.js";

export interface TlsOptions extends tls.SecureContextOptions, tls.TlsOptions {}

export interface ServeOptions {
  /** As for grpc-js's bindAsync: `0.0.0.0:50051`, `[::]:0`, `localhost:8080`, `dns:name:1`, `unix:/run/app.sock`. */
  address: string;
  /** Serves TLS instead of cleartext: HTTP/2 and HTTP/1.1 by ALPN. */
  tls?: TlsOptions | undefined;
  /** Signals that close the server gracefully before they end the process. Default SIGTERM and SIGINT. */
  signals?: readonly NodeJS.Signals[] | false;
  /** How long a graceful close by a signal may take before calls are cancelled, in milliseconds. Default 30 seconds. */
  shutdownGraceMs?: number;
  /** Ping an idle connection after this time, in milliseconds. Default: never. */
  keepaliveTimeMs?: number;
  /** Close a connection that does not answer a ping for this time, in milliseconds. Default 20 seconds. */
  keepaliveTimeoutMs?: number;
  /** Close a connection gracefully at this age, in milliseconds, with 10 % jitter. Default: never. */
  maxConnectionAgeMs?: number;
  /** Cancel what still runs on an aged connection after this time, in milliseconds. Default: never. */
  maxConnectionAgeGraceMs?: number;
  /** Close a connection without calls gracefully after this time, in milliseconds. Default: never. */
  maxConnectionIdleMs?: number;
  /** Concurrent calls on one connection. Default: node's, practically unlimited. */
  maxConcurrentStreams?: number;
  /** Further options for node:http2; they win over the defaults here. */
  http2?: http2.ServerOptions;
}

export interface RunningServer {
  /** The port; 1 for a unix socket, as grpc-js says. */
  readonly port: number;
  /** What the first socket is bound to, for instance `127.0.0.1:50051`. */
  readonly address: string;
  /** Graceful: no new connections and calls, running calls finish. Resolves when the last one has. */
  close(): Promise<void>;
  /** At once: running calls are cancelled (grpc-js's forceShutdown). */
  destroy(): void;
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
  const calls = new Map<net.Socket, number>();
  const listeners: net.Server[] = [];
  let closing: Promise<void> | undefined;

  const h2Options: http2.ServerOptions = {
    maxSessionMemory: Number.MAX_SAFE_INTEGER,
    maxSendHeaderBlockLength: Number.MAX_SAFE_INTEGER,
    ...options.http2,
    settings: {
      initialWindowSize: streamWindow,
      ...(options.maxConcurrentStreams === undefined ? {} : { maxConcurrentStreams: options.maxConcurrentStreams }),
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
    if (closing !== undefined) session.close();
  };
  const onStream = (
    stream: http2.ServerHttp2Stream,
    headers: http2.IncomingHttpHeaders,
    flags: number,
    rawHeaders: string[],
  ): void => app.internals.handleStream(stream, headers, flags, rawHeaders);

  const onRequest = (request: http.IncomingMessage, response: http.ServerResponse): void => {
    const { socket } = request;
    calls.set(socket, (calls.get(socket) ?? 0) + 1);
    response.once("close", () => {
      const left = (calls.get(socket) ?? 0) - 1;
      if (left > 0) calls.set(socket, left);
      else calls.delete(socket);
    });
    app(request, response as unknown as NodeServerResponse);
  };
  const http1 = http.createServer();
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
    socket.once("close", () => sockets.delete(socket));
    socket.on("error", () => {});
  };
  const handOver = (socket: net.Socket, isHttp2: boolean): void => {
    taken.add(socket);
    if (!isHttp2) {
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
            if (!session.closed) session.close();
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
  };
  app.internals.running.add(running);
  return running;
}

async function listenAll(
  addresses: ListenAddress[],
  createListener: () => net.Server,
): Promise<{ servers: net.Server[]; port: number; address: string }> {
  const servers: net.Server[] = [];
  const errors: string[] = [];
  let port = 0;
  let text = "";
  for (const address of addresses) {
    const server = createListener();
    // With port 0 the first socket picks, and the others share its port.
    const target = "path" in address ? address : { host: address.host, port: address.port === 0 ? port : address.port };
    const error = await new Promise<Error | undefined>((resolve) => {
      server.once("error", resolve);
      server.listen(target, () => resolve(undefined));
    });
    if (error !== undefined) {
      errors.push(error.message);
      continue;
    }
    server.on("error", () => {});
    servers.push(server);
    if (servers.length > 1) continue;
    const info = server.address();
    port = typeof info === "object" && info !== null ? info.port : 1;
    if (typeof info === "object" && info !== null) {
      text = `${info.family === "IPv6" ? `[${info.address}]` : info.address}:${info.port}`;
    } else text = `unix:${"path" in address ? address.path : ""}`;
  }
  if (servers.length === 0) {
    throw new Error(`No address added out of total ${addresses.length} resolved errors: [${errors.join(",")}]`);
  }
  return { servers, port, address: text };
}

const peerOf = (socket: net.Socket): string => `${socket.remoteAddress}:${socket.remotePort}`;

// Connections whose protocol is known; the others are only waiting and are dropped by a graceful close.
const taken = new WeakSet<net.Socket>();
const isTaken = (socket: net.Socket): boolean => taken.has(socket);
const underTls = new WeakSet<net.Socket>();
const preface = Buffer.from("PRI * HTTP/2.0");

/** A connection that says nothing is closed after this time, in milliseconds: node:http's limit for headers. */
const silenceMs = 60_000;

/** How long a close waits for peers without calls to close their side, in milliseconds. */
const lingerMs = 1_000;

/** Reads the first bytes of a connection, puts them back and says whether they are HTTP/2's preface. */
function sniff(socket: net.Socket, decide: (isHttp2: boolean) => void): void {
  let seen: Buffer = Buffer.alloc(0);
  const onReadable = (): void => {
    const chunk: Buffer | null = socket.read();
    if (chunk === null) return;
    seen = seen.byteLength === 0 ? chunk : Buffer.concat([seen, chunk]);
    const length = Math.min(seen.byteLength, preface.byteLength);
    const isHttp2 = seen.compare(preface, 0, length, 0, length) === 0;
    // `P` alone could still become POST.
    if (isHttp2 && length < 3) return;
    socket.removeListener("readable", onReadable);
    socket.setTimeout(0);
    socket.removeListener("timeout", onTimeout);
    socket.unshift(seen);
    decide(isHttp2);
  };
  const onTimeout = () => void socket.destroy();
  socket.on("readable", onReadable);
  socket.setTimeout(silenceMs, onTimeout);
  socket.once("end", () => {
    if (!isTaken(socket)) socket.destroy();
  });
}

// The code alone, as grpc-js does it: with `undefined` as the error node would send NO_ERROR, and callers would see INTERNAL.
function cancelSession(session: http2.ServerHttp2Session): void {
  session.destroy(http2.constants.NGHTTP2_CANCEL as unknown as Error);
}

/** Keepalive, age and idleness of one connection. */
function superviseSession(session: http2.ServerHttp2Session, options: ServeOptions): void {
  const timers = new Set<NodeJS.Timeout>();
  const later = (ms: number, run: () => void): NodeJS.Timeout => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      run();
    }, ms);
    timer.unref();
    timers.add(timer);
    return timer;
  };
  session.once("close", () => {
    for (const timer of timers) clearTimeout(timer);
  });
  const { keepaliveTimeMs, maxConnectionAgeMs, maxConnectionAgeGraceMs, maxConnectionIdleMs } = options;
  if (keepaliveTimeMs !== undefined) {
    const ping = (): void => {
      if (session.destroyed || session.closed) return;
      const timeout = later(options.keepaliveTimeoutMs ?? 20_000, () => session.destroy());
      session.ping(() => {
        clearTimeout(timeout);
        timers.delete(timeout);
        later(keepaliveTimeMs, ping);
      });
    };
    later(keepaliveTimeMs, ping);
  }
  if (maxConnectionAgeMs !== undefined) {
    later(maxConnectionAgeMs * (0.9 + Math.random() * 0.2), () => {
      session.close();
      if (maxConnectionAgeGraceMs !== undefined) {
        later(maxConnectionAgeGraceMs, () => cancelSession(session));
      }
    });
  }
  if (maxConnectionIdleMs !== undefined) {
    let running = 0;
    let idle: NodeJS.Timeout | undefined = later(maxConnectionIdleMs, () => session.close());
    session.on("stream", (stream) => {
      running++;
      if (idle !== undefined) {
        clearTimeout(idle);
        timers.delete(idle);
        idle = undefined;
      }
      stream.once("close", () => {
        if (--running === 0 && !session.destroyed) idle = later(maxConnectionIdleMs, () => session.close());
      });
    });
  }
}

/** Closes gracefully on a signal and lets the signal end the process afterwards. */
function handleSignals(options: ServeOptions, running: () => RunningServer): () => void {
  const { signals = ["SIGTERM", "SIGINT"] } = options;
  if (signals === false) return () => {};
  const handlers = new Map<NodeJS.Signals, () => void>();
  const remove = (): void => {
    for (const [signal, handler] of handlers) process.removeListener(signal, handler);
    handlers.clear();
  };
  for (const signal of signals) {
    const handler = (): void => {
      remove();
      const server = running();
      const force = setTimeout(() => server.destroy(), options.shutdownGraceMs ?? 30_000);
      server.close().then(() => {
        clearTimeout(force);
        process.kill(process.pid, signal);
      });
    };
    handlers.set(signal, handler);
    process.on(signal, handler);
  }
  return remove;
}
