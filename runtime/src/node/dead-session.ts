import type { Http2Session } from "node:http2";

/**
 * When a peer breaks HTTP/2's rules, nghttp2 writes GOAWAY and from then on neither reads nor writes. Node 20 does not
 * notice with some errors (frame size, header compression, data on a stream that is not open): the session stays, its
 * streams never end, and as nothing reads the socket any more, not even the peer's leaving is seen. What is submitted
 * then is never written, which is the one thing that can be seen from outside.
 */

/** How long a connection is quiet before somebody looks whether there is life in it, in milliseconds. */
export const quietMs = 5_000;

/** True if nghttp2 has given the session up. Writes a frame. Says false when in doubt. */
export async function isDead(session: Http2Session, onAnswer = () => {}): Promise<boolean> {
  // Twice, with time between: a write of the moment may be under way
  return (await writesNothing(session, onAnswer)) && (await writesNothing(session, onAnswer));
}

async function writesNothing(session: Http2Session, onAnswer: () => void): Promise<boolean> {
  const before = written(session);
  if (before === undefined || before.queued > 0) return false;
  try {
    if (!submit(session, onAnswer)) return false;
  } catch {
    return false;
  }
  await new Promise((resolve) => setTimeout(resolve, 50));
  const after = written(session);
  return after !== undefined && after.queued === 0 && after.bytes === before.bytes;
}

/** A PING, or on a session that closes already, where node refuses one, the same GOAWAY again. False: nothing. */
function submit(session: Http2Session, onAnswer: () => void): boolean {
  if (!session.closed) return session.ping(onAnswer);
  session.goaway();
  return true;
}

/** Bytes that went out and bytes that wait in libuv; undefined when the session has no socket any more. */
function written(session: Http2Session): { bytes: number; queued: number } | undefined {
  if (session.destroyed) return undefined;
  // The queue is on the handle only: node:http2 writes past the JavaScript stream. Without it nothing can be said.
  const { _handle, bytesWritten } = session.socket as unknown as {
    _handle?: { writeQueueSize?: number } | null;
    bytesWritten: number;
  };
  const queued = _handle?.writeQueueSize;
  return typeof queued === "number" ? { bytes: bytesWritten, queued } : undefined;
}

interface Watched {
  bytesRead: number;
  asked: boolean;
}

/**
 * Looks after sessions that have gone quiet, once per quiet time: call the returned function now and then. A session that
 * nghttp2 has given up is destroyed with the error of `reason`, or without one.
 */
export function createSessionWatch(reason?: () => Error): (sessions: Iterable<Http2Session>) => Promise<void> {
  const states = new WeakMap<Http2Session, Watched>();
  const look = async (session: Http2Session): Promise<void> => {
    if (session.destroyed || session.connecting) return;
    const { bytesRead } = session.socket;
    const state = states.get(session);
    if (state === undefined || state.bytesRead !== bytesRead) {
      states.set(session, { bytesRead, asked: false });
      return;
    }
    if (state.asked) return;
    state.asked = true;
    // The answer is no sign of more to come
    const onAnswer = () => {
      if (!session.destroyed) state.bytesRead = session.socket.bytesRead;
    };
    if (await isDead(session, onAnswer)) session.destroy(reason?.());
  };
  return async (sessions) => {
    await Promise.all([...sessions].map(look));
  };
}
