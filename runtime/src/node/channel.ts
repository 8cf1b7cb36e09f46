import { Code } from "../code.js";
import { ConnectError } from "../connect-error.js";
import type { ConnectionSource } from "./http2-client.js";
import type { Http2Connection } from "./http2-connection.js";
import type { Http2SessionManager } from "./http2-session-manager.js";
import { connectFailure } from "./node-failure.js";
import { createStateWatch } from "./state-watch.js";

/** A connection for each call: one manager per address, opened when calls need them. */
export interface Channel extends ConnectionSource {
  readonly managers: readonly Http2SessionManager[];
}

/** How calls are spread over the addresses of a name: all to the first that works, or to each in turn. */
export type LoadBalancing = "pick_first" | "round_robin";

/** Pauses between attempts to connect, in milliseconds (https://github.com/grpc/grpc/blob/master/doc/connection-backoff.md). */
export interface ReconnectBackoff {
  /** After the first failure. Default 1000. `grpc.initial_reconnect_backoff_ms` of grpc-js. */
  initialMs?: number;
  /** At most. Default 120000. `grpc.max_reconnect_backoff_ms`. */
  maxMs?: number;
}

export interface ChannelSettings {
  readonly authority: string;
  readonly scheme: "http" | "https";
  readonly policy: LoadBalancing;
  readonly fixed: readonly Http2SessionManager[];
  /** Finds the addresses. Called before each attempt to connect, and when an address fails. */
  readonly resolve?: (() => Promise<Http2SessionManager[]>) | undefined;
  /** With it, calls that do not wait fail at once during a pause; without, each of them tries. */
  readonly reconnectBackoff?: ReconnectBackoff | undefined;
  /** While other addresses serve, names are looked up again for a failed one at most this often, in milliseconds. */
  readonly resolveIntervalMs?: number | undefined;
}

const multiplier = 1.6;
const jitter = 0.2;

interface Pause {
  readonly delayMs: number;
  /** Milliseconds of `Date.now()`. */
  readonly until: number;
}

export function createChannel(settings: ChannelSettings): Channel {
  const { policy, resolve, authority, scheme } = settings;
  const initialMs = settings.reconnectBackoff?.initialMs ?? 1000;
  const maxMs = Math.max(settings.reconnectBackoff?.maxMs ?? 120_000, initialMs);
  let managers: readonly Http2SessionManager[] = [];
  let current: Http2SessionManager | undefined = settings.fixed[0];
  let turn = 0;
  let open = true;
  let resolving: Promise<void> | undefined;
  let resolvedAt = 0;
  let picking: Promise<Http2Connection> | undefined;
  /** The last attempt to connect failed. */
  let failure: { readonly error: unknown; readonly pause: Pause } | undefined;
  /** round_robin: some address has no connection. */
  let incomplete = false;
  const pauses = new WeakMap<Http2SessionManager, Pause>();

  const channel: Channel = {
    authority,
    scheme,
    get managers() {
      return managers;
    },
    ready() {
      if (!open) {
        return undefined;
      }
      return policy === "pick_first" ? current?.ready() : nextReady();
    },
    async acquire(waitForReady, isWanted) {
      if (!open) {
        throw new ConnectError("Channel has been shut down", Code.Unavailable);
      }
      for (let delay = initialMs; ; delay = Math.min(delay * multiplier, maxMs)) {
        assertStillOpen();
        if (!waitForReady && failure !== undefined && settings.reconnectBackoff && Date.now() < failure.pause.until) {
          throw connectFailure(failure.error);
        }
        try {
          return await pick();
        } catch (e) {
          assertStillOpen();
          if (!waitForReady || !isWanted()) {
            throw connectFailure(e);
          }
          await sleep(withJitter(delay), () => open && isWanted());
          if (!isWanted()) {
            throw connectFailure(e);
          }
        }
      }
    },
    state() {
      if (!open) {
        return "shutdown";
      }
      const states = managers.map((manager) => manager.state());
      if (states.some((state) => state === "open" || state === "idle" || state === "verifying")) {
        return "ready";
      }
      if (picking !== undefined) {
        return "connecting";
      }
      return states.includes("error") || failure !== undefined ? "transient_failure" : "idle";
    },
    watch: (listener) => watch.watch(listener),
    close() {
      open = false;
      for (const manager of managers) {
        manager.close();
      }
      watch.end();
    },
  };
  const watch = createStateWatch(channel.state);
  use(settings.fixed);
  return channel;

  function assertStillOpen(): void {
    if (!open) {
      throw closedBefore();
    }
  }

  function use(found: readonly Http2SessionManager[]): void {
    managers = found;
    incomplete = policy === "round_robin";
    for (const manager of found) {
      manager.onStateChange = () => {
        incomplete = policy === "round_robin";
        watch.look();
      };
    }
  }

  function nextReady(): Http2Connection | undefined {
    if (incomplete) {
      completeConnections();
    }
    for (let i = 0; i < managers.length; i++) {
      turn = (turn + 1) % managers.length;
      const connection = managers[turn]?.ready();
      if (connection !== undefined) {
        return connection;
      }
    }
    return undefined;
  }

  /**
   * round_robin keeps a connection to every address: those that were lost, or could not be made, come again with backoff,
   * and the name is looked up anew. Calls drive this, so that a channel without calls has no timers.
   */
  function completeConnections(): void {
    incomplete = false;
    let failed = false;
    for (const manager of managers) {
      const state = manager.state();
      if (state !== "closed" && state !== "error") {
        incomplete ||= state === "connecting";
        continue;
      }
      incomplete = true;
      failed ||= state === "error" || pauses.has(manager);
      if (Date.now() < (pauses.get(manager)?.until ?? 0)) {
        continue;
      }
      manager.acquire().then(
        () => pauses.delete(manager),
        () => pauses.set(manager, pauseAfter(pauses.get(manager))),
      );
    }
    if (failed && resolve !== undefined && Date.now() - resolvedAt > (settings.resolveIntervalMs ?? 5_000)) {
      refresh(resolve).catch(() => {});
    }
  }

  function pauseAfter(last: Pause | undefined): Pause {
    const delayMs = last === undefined ? initialMs : Math.min(last.delayMs * multiplier, maxMs);
    return { delayMs, until: Date.now() + withJitter(delayMs) };
  }

  /** Concurrent callers share one attempt. */
  function pick(): Promise<Http2Connection> {
    if (picking === undefined) {
      picking = (policy === "pick_first" ? pickFirst() : pickAny()).then(
        (connection) => {
          picking = undefined;
          failure = undefined;
          return connection;
        },
        (error) => {
          picking = undefined;
          failure = { error, pause: pauseAfter(failure?.pause) };
          watch.look();
          throw error;
        },
      );
      watch.look();
    }
    return picking;
  }

  async function pickFirst(): Promise<Http2Connection> {
    if (resolve !== undefined) {
      await refresh(resolve);
    }
    let last: unknown;
    for (const manager of managers) {
      if (!open) {
        break;
      }
      try {
        const connection = manager.ready() ?? (await manager.acquire());
        current = manager;
        return connection;
      } catch (e) {
        last = e;
      }
    }
    throw last ?? noAddresses();
  }

  /** round_robin: connect to all, the first that is there serves this call. */
  async function pickAny(): Promise<Http2Connection> {
    if (resolve !== undefined) {
      await refresh(resolve);
    }
    if (managers.length === 0) {
      throw noAddresses();
    }
    const attempts = managers.map((manager) => {
      const connection = manager.ready();
      return connection === undefined ? manager.acquire() : Promise.resolve(connection);
    });
    try {
      return await Promise.any(attempts);
    } catch (e) {
      throw e instanceof AggregateError ? e.errors[e.errors.length - 1] : e;
    }
  }

  async function refresh(resolveAgain: () => Promise<Http2SessionManager[]>): Promise<void> {
    resolving ??= resolveAgain()
      .then((found) => {
        use(found);
        if (!open) {
          for (const manager of found) {
            manager.close();
          }
        }
      })
      .finally(() => {
        resolving = undefined;
        resolvedAt = Date.now();
      });
    try {
      await resolving;
    } catch (e) {
      // Known addresses are better than none
      if (managers.length === 0) {
        throw e;
      }
    }
  }
}

function withJitter(ms: number): number {
  return ms * (1 + jitter * (2 * Math.random() - 1));
}

/** In small steps, so that a cancelled call does not keep the process waiting. */
async function sleep(ms: number, isWanted: () => boolean): Promise<void> {
  const until = Date.now() + ms;
  while (isWanted() && Date.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, Math.min(50, until - Date.now())));
  }
}

/** For a call that had no connection yet when its channel was closed. The text is that of grpc-js. */
export function closedBefore(): ConnectError {
  return new ConnectError("Channel closed before call started", Code.Unavailable);
}

function noAddresses(): ConnectError {
  return new ConnectError("No addresses", Code.Unavailable);
}
