import type { ConnectivityState } from "../client/http-client.js";

/** Listeners of a state that changes. */
export interface StateWatch {
  watch(listener: (state: ConnectivityState) => void): () => void;
  /** Looks at the state, and tells the listeners if it is another one than before. */
  look(): void;
  /** Looks for the last time. */
  end(): void;
}

export function createStateWatch(state: () => ConnectivityState): StateWatch {
  const listeners = new Set<(state: ConnectivityState) => void>();
  let told: ConnectivityState;
  const look = (): void => {
    if (listeners.size === 0) {
      return;
    }
    const now = state();
    if (now !== told) {
      told = now;
      for (const listener of [...listeners]) {
        listener(now);
      }
    }
  };
  return {
    watch(listener) {
      // Nobody looked while nobody listened
      if (listeners.size === 0) {
        told = state();
      }
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    look,
    end() {
      look();
      listeners.clear();
    },
  };
}
