import type { RunningServer, ServeOptions } from "./serve.js";

/** Closes gracefully on a signal and lets the signal end the process afterwards. */
export function handleSignals(options: ServeOptions, running: () => RunningServer): () => void {
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
