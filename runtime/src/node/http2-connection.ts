import type * as http2 from "node:http2";
import { Code } from "../code.js";
import { ConnectError } from "../connect-error.js";
import { createSessionWatch, quietMs } from "./dead-session.js";

/** Keepalive and idleness of client connections. All times are in milliseconds. */
export interface Http2SessionOptions {
  /**
   * Milliseconds without received data after which a PING is sent, on connections with open streams. By default there
   * are no PINGs. `grpc.keepalive_time_ms` of grpc-js.
   */
  pingIntervalMs?: number;
  /** Also send PINGs on connections without open streams. Default false. `grpc.keepalive_permit_without_calls`. */
  pingIdleConnection?: boolean;
  /** Milliseconds after which an unanswered PING means that the connection is dead. Default 15 seconds. */
  pingTimeoutMs?: number;
  /** Close a connection after this many milliseconds without a stream. Default 15 minutes. */
  idleConnectionTimeoutMs?: number;
  /** Give up an attempt to connect (TCP, TLS and the peer's SETTINGS) after this many milliseconds. Default 20 seconds. */
  connectTimeoutMs?: number;
}

/** A usable connection, as the HTTP/2 client sees it. */
export interface Http2Connection {
  readonly session: http2.ClientHttp2Session;
  streamOpened(): void;
  streamClosed(): void;
  /** Data was received: the connection is alive. */
  alive(): void;
}

/** A connection, as its manager sees it. */
export interface LiveConnection extends Http2Connection {
  streams: number;
  verifying: Promise<boolean> | undefined;
  destroy(reason: Error): void;
  close(): void;
  isStale(): boolean;
  verify(): Promise<boolean>;
}

/** Session options with their defaults. */
export interface Settings {
  pingIntervalMs: number;
  readonly pingIdleConnection: boolean;
  readonly pingTimeoutMs: number;
  readonly idleConnectionTimeoutMs: number;
  readonly connectTimeoutMs: number;
}

export function settingsOf(options: Http2SessionOptions | undefined): Settings {
  return {
    pingIntervalMs: options?.pingIntervalMs ?? Number.POSITIVE_INFINITY,
    pingIdleConnection: options?.pingIdleConnection ?? false,
    pingTimeoutMs: options?.pingTimeoutMs ?? 15_000,
    idleConnectionTimeoutMs: options?.idleConnectionTimeoutMs ?? 15 * 60_000,
    connectTimeoutMs: options?.connectTimeoutMs ?? 20_000,
  };
}

/** setTimeout fires at once for larger values. */
const maxTimer = 2 ** 31 - 1;

const watchSessions = createSessionWatch(
  () => new ConnectError("the connection was given up after a protocol error of the server", Code.Unavailable),
);

/** Watches one connection: keepalive (gRPC A8), idleness, and sessions that nghttp2 has given up. */
export function createConnection(session: http2.ClientHttp2Session, settings: Settings): LiveConnection {
  const pings = Number.isFinite(settings.pingIntervalMs);
  let lastAlive = Date.now();
  let idleSince = lastAlive;
  let pingTimer: NodeJS.Timeout | undefined;
  let idleTimer: NodeJS.Timeout | undefined;

  const connection: LiveConnection = {
    session,
    streams: 0,
    verifying: undefined,
    streamOpened() {
      if (connection.streams++ === 0) {
        session.ref();
        if (pings) {
          lastAlive = Date.now();
          armPing();
        }
      }
    },
    streamClosed() {
      if (--connection.streams === 0) {
        idleSince = Date.now();
        session.unref();
        armIdle();
      }
    },
    alive() {
      if (pings) {
        lastAlive = Date.now();
      }
    },
    destroy(reason) {
      session.destroy(reason);
    },
    close() {
      if (!session.closed && !session.destroyed) {
        session.close();
      }
    },
    isStale: () => pings && Date.now() - lastAlive > settings.pingIntervalMs,
    verify() {
      connection.verifying ??= ping().finally(() => {
        connection.verifying = undefined;
      });
      return connection.verifying;
    },
  };

  /** Resolves to false if the peer does not answer in time. */
  function ping(): Promise<boolean> {
    return new Promise((resolve) => {
      if (session.destroyed) {
        resolve(false);
        return;
      }
      // Somebody may wait for the answer, and on an unref'd connection nothing else keeps the process waiting
      const timer = setTimeout(() => resolve(false), Math.min(settings.pingTimeoutMs, maxTimer));
      try {
        session.ping((error) => {
          clearTimeout(timer);
          lastAlive = Date.now();
          resolve(error === null);
        });
      } catch {
        clearTimeout(timer);
        resolve(false);
      }
    });
  }

  function armPing(): void {
    if (pingTimer !== undefined || session.destroyed) {
      return;
    }
    const due = lastAlive + settings.pingIntervalMs - Date.now();
    pingTimer = setTimeout(
      () => {
        pingTimer = undefined;
        if (connection.streams === 0 && !settings.pingIdleConnection) {
          return;
        }
        if (Date.now() - lastAlive < settings.pingIntervalMs) {
          armPing();
          return;
        }
        void ping().then((alive) => {
          if (alive) {
            armPing();
          } else if (!session.destroyed) {
            session.destroy(new ConnectError("Keepalive timeout", Code.Unavailable));
          }
        });
      },
      Math.min(Math.max(due, 1), maxTimer),
    );
    pingTimer.unref();
  }

  function armIdle(): void {
    if (idleTimer !== undefined || settings.idleConnectionTimeoutMs > maxTimer || session.destroyed) {
      return;
    }
    const due = idleSince + settings.idleConnectionTimeoutMs - Date.now();
    idleTimer = setTimeout(
      () => {
        idleTimer = undefined;
        if (connection.streams > 0) {
          return;
        }
        if (Date.now() - idleSince >= settings.idleConnectionTimeoutMs) {
          connection.close();
        } else {
          armIdle();
        }
      },
      Math.max(due, 1),
    );
    idleTimer.unref();
  }

  // Calls must not hang on a session that nghttp2 has given up
  const look = setInterval(() => {
    if (connection.streams > 0) void watchSessions([session]);
  }, quietMs);
  look.unref();

  session.once("close", () => {
    clearTimeout(pingTimer);
    clearTimeout(idleTimer);
    clearInterval(look);
  });
  armIdle();
  if (pings && settings.pingIdleConnection) {
    armPing();
  }
  return connection;
}
