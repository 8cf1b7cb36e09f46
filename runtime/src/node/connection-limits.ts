import * as http2 from "node:http2";
import type { Socket } from "node:net";

/** When connections are checked and closed. All times are in milliseconds. */
export interface ConnectionLimits {
  /** Send a PING on each HTTP/2 connection at this interval. Default: never. grpc-js's `grpc.keepalive_time_ms`. */
  keepaliveTimeMs?: number;
  /** Drop a connection that does not answer a PING for this time; its calls are cancelled. Default 20 seconds. */
  keepaliveTimeoutMs?: number;
  /** Close a connection gracefully at this age, with 10 % jitter: a GOAWAY, or `Connection: close`. Default: never. */
  maxConnectionAgeMs?: number;
  /** Cancel what still runs on an aged connection after this time. Default: never. */
  maxConnectionAgeGraceMs?: number;
  /** Close a connection without calls gracefully after this time. Default: never over HTTP/2; 5 seconds over HTTP/1.1. */
  maxConnectionIdleMs?: number;
}

/** Timers that end with their connection. */
function connectionTimers(onClose: (callback: () => void) => void) {
  const timers = new Set<NodeJS.Timeout>();
  onClose(() => {
    for (const timer of timers) clearTimeout(timer);
  });
  return {
    later(ms: number, run: () => void): NodeJS.Timeout {
      const timer = setTimeout(() => {
        timers.delete(timer);
        run();
      }, ms);
      timer.unref();
      timers.add(timer);
      return timer;
    },
    cancel(timer: NodeJS.Timeout): void {
      clearTimeout(timer);
      timers.delete(timer);
    },
  };
}

/** Many connections of one moment must not come again in one moment. */
const withJitter = (ageMs: number): number => ageMs * (0.9 + Math.random() * 0.2);

/** How long a peer that answers no PING is waited for before the last GOAWAY, in milliseconds. */
const noticeMs = 1_000;
/** How long the first GOAWAY waits for the answer to a PING, in milliseconds. */
const answerMs = 100;
/** What a peer may need beside the way there and back until it has read a GOAWAY, in milliseconds. */
const readingMs = 10;

/**
 * RFC 9113 §6.8: first a GOAWAY that refuses nothing, and the last one when the peer has seen it. A single GOAWAY would
 * refuse the calls that are on their way at this moment. A PING behind the first one would tell when it was seen; but clients
 * on node:http2 that have no call neither answer nor leave once they have a GOAWAY. Therefore a PING goes ahead and measures the way.
 */
export function closeGracefully(session: http2.ServerHttp2Session): void {
  if (session.closed || session.destroyed || leaving.has(session)) return;
  leaving.add(session);
  const begun = performance.now();
  const close = () => {
    if (!session.closed && !session.destroyed) session.close();
  };
  let isTold = false;
  const tell = () => {
    if (isTold || session.closed || session.destroyed) return;
    isTold = true;
    session.goaway(http2.constants.NGHTTP2_NO_ERROR, 2 ** 31 - 1);
    session.ping(close);
  };
  const late = setTimeout(tell, answerMs);
  let last = setTimeout(close, noticeMs);
  session.once("close", () => {
    clearTimeout(late);
    clearTimeout(last);
  });
  session.ping((error) => {
    if (error !== null || session.closed || session.destroyed) return;
    tell();
    clearTimeout(last);
    last = setTimeout(close, readingMs + 2 * (performance.now() - begun));
  });
}

const leaving = new WeakSet<http2.ServerHttp2Session>();

// The code alone, as grpc-js does it: with `undefined` as the error node would send NO_ERROR, and callers would see INTERNAL.
export function cancelSession(session: http2.ServerHttp2Session): void {
  session.destroy(http2.constants.NGHTTP2_CANCEL as unknown as Error);
}

/** Keepalive, age and idleness of one HTTP/2 connection. */
export function superviseSession(session: http2.ServerHttp2Session, limits: ConnectionLimits): void {
  const { later, cancel } = connectionTimers((callback) => session.once("close", callback));
  const { keepaliveTimeMs, maxConnectionAgeMs, maxConnectionAgeGraceMs, maxConnectionIdleMs } = limits;
  if (keepaliveTimeMs !== undefined) {
    const ping = (): void => {
      if (session.destroyed || session.closed) return;
      const timeout = later(limits.keepaliveTimeoutMs ?? 20_000, () => session.destroy());
      session.ping(() => {
        cancel(timeout);
        later(keepaliveTimeMs, ping);
      });
    };
    later(keepaliveTimeMs, ping);
  }
  if (maxConnectionAgeMs !== undefined) {
    later(withJitter(maxConnectionAgeMs), () => {
      closeGracefully(session);
      if (maxConnectionAgeGraceMs !== undefined) later(maxConnectionAgeGraceMs, () => cancelSession(session));
    });
  }
  if (maxConnectionIdleMs !== undefined) {
    let running = 0;
    let idle: NodeJS.Timeout | undefined = later(maxConnectionIdleMs, () => closeGracefully(session));
    session.on("stream", (stream) => {
      running++;
      if (idle !== undefined) {
        cancel(idle);
        idle = undefined;
      }
      stream.once("close", () => {
        if (--running === 0 && !session.destroyed) idle = later(maxConnectionIdleMs, () => closeGracefully(session));
      });
    });
  }
}

/**
 * Age of one HTTP/1.1 connection. Its idleness is node:http's own business (`keepAliveTimeout`).
 *
 * @param onOld the connection should take no further call; past its grace it is destroyed
 */
export function superviseSocket(socket: Socket, limits: ConnectionLimits, onOld: () => void): void {
  const { maxConnectionAgeMs, maxConnectionAgeGraceMs } = limits;
  if (maxConnectionAgeMs === undefined) return;
  const { later } = connectionTimers((callback) => socket.once("close", callback));
  later(withJitter(maxConnectionAgeMs), () => {
    onOld();
    if (maxConnectionAgeGraceMs !== undefined) later(maxConnectionAgeGraceMs, () => socket.destroy());
  });
}
