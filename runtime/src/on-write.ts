/** A hook that sees each message at the moment it is written, before anything waits for it. */
export const onWrite: unique symbol = Symbol.for("connect-migrate/on-write");

/** Says what is made of each message when it is written, behind all hooks: what that returns is iterated. */
export const asWritten: unique symbol = Symbol.for("connect-migrate/as-written");

/** Messages that are written, and that tell a hook of it. What the hook returns is sent. */
export interface WrittenMessages<T> extends AsyncIterable<T> {
  [onWrite](hook: (message: T) => T): void;
  [asWritten](prepare: (message: T) => unknown): void;
}

export function isWritten<T>(messages: AsyncIterable<T>): messages is WrittenMessages<T> {
  return onWrite in messages && asWritten in messages;
}

/** Behind the promises and ticks that are under way, which is where grpc-js takes the next message of a stream. */
export function afterThisTurn(action: () => void): void {
  const { process } = globalThis as { process?: { nextTick?: (action: () => void) => void } };
  queueMicrotask(() => (process?.nextTick ? process.nextTick(action) : action()));
}
