import { createHash } from "node:crypto";
import type { ConnectivityState } from "../client/http-client.js";
import { Code } from "../code.js";
import { ConnectError } from "../connect-error.js";
import { type Channel, closedBefore } from "./channel.js";
import { createStateWatch } from "./state-watch.js";

interface Shared {
  readonly channel: Channel;
  holders: number;
}

const channels = new Map<string, Shared>();

/**
 * A channel that all holders of an equal description share, as all grpc-js clients of one target and one set of options
 * share their connections. It is closed when its last holder closes it; for each of them it looks as if it were their own.
 *
 * @param description what the channel is made from; with something in it that has no value to compare (a function, say)
 *   the channel is not shared
 */
export function shareChannel(description: unknown, make: () => Channel): Channel {
  const text = textOf(description);
  if (text === undefined) {
    return make();
  }
  // Private keys are part of a description: the table has no use for them
  const key = createHash("sha256").update(text).digest("base64");
  let shared = channels.get(key);
  if (shared === undefined) {
    shared = { channel: make(), holders: 0 };
    channels.set(key, shared);
  }
  return hold(shared, () => channels.delete(key));
}

function hold(shared: Shared, last: () => void): Channel {
  const { channel } = shared;
  let open = true;
  // A channel is idle until it is used, whatever the connections of others are
  let used = false;
  let unwatch: (() => void) | undefined;
  shared.holders++;

  const state = (): ConnectivityState => (open ? (used ? channel.state() : "idle") : "shutdown");
  const watch = createStateWatch(state);
  const use = (): void => {
    if (!used) {
      used = true;
      watch.look();
    }
  };
  return {
    authority: channel.authority,
    scheme: channel.scheme,
    get managers() {
      return channel.managers;
    },
    ready() {
      if (!open) {
        return undefined;
      }
      use();
      return channel.ready();
    },
    async acquire(waitForReady, isWanted) {
      if (!open) {
        throw new ConnectError("Channel has been shut down", Code.Unavailable);
      }
      use();
      try {
        return await channel.acquire(waitForReady, () => open && isWanted());
      } catch (e) {
        throw open ? e : closedBefore();
      }
    },
    state,
    watch(listener) {
      unwatch ??= channel.watch(watch.look);
      return watch.watch(listener);
    },
    close() {
      if (!open) {
        return;
      }
      open = false;
      unwatch?.();
      watch.end();
      if (--shared.holders === 0) {
        last();
        channel.close();
      }
    },
  };
}

/** A text that is equal for equal descriptions; undefined if there is something that no text can stand for. */
function textOf(value: unknown): string | undefined {
  if (value === null || value === undefined || typeof value === "number" || typeof value === "boolean") {
    return String(value);
  }
  if (typeof value === "string") {
    return JSON.stringify(value);
  }
  if (value instanceof Uint8Array) {
    return `bytes:${Buffer.from(value).toString("base64")}`;
  }
  if (Array.isArray(value)) {
    return joined(value.map(textOf), "[", "]");
  }
  if (typeof value !== "object" || Object.getPrototypeOf(value) !== Object.prototype) {
    return undefined;
  }
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => {
      const text = textOf(member);
      return text === undefined ? undefined : `${JSON.stringify(name)}:${text}`;
    });
  return joined(members, "{", "}");
}

function joined(texts: readonly (string | undefined)[], open: string, close: string): string | undefined {
  return texts.includes(undefined) ? undefined : `${open}${texts.join()}${close}`;
}
