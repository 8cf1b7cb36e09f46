import type { App } from "../node/app.js";

/**
 * grpc-js's `server.tryShutdown(callback)` for an app: all that serve it stop taking connections and calls and finish what
 * runs. Calls back when the last call has ended; at the next turn of the event loop where nothing serves it, or where there is
 * no app yet.
 */
export function tryShutdown(app: App | null | undefined, callback: (error?: Error) => void): void {
  Promise.all([...(app?.internals.running ?? [])].map((running) => running.close())).then(
    () => callback(),
    (error: Error) => callback(error),
  );
}

/** grpc-js's `server.forceShutdown()` for an app: running calls are cancelled at once. */
export function forceShutdown(app: App | null | undefined): void {
  for (const running of [...(app?.internals.running ?? [])]) running.destroy();
}
