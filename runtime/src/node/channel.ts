import { lookup } from "node:dns/promises";
import { readFileSync } from "node:fs";
import * as net from "node:net";
import * as tls from "node:tls";
import { Code } from "../code.js";
import { ConnectError } from "../connect-error.js";
import type { ConnectionSource } from "./http2-client.js";
import {
  type Http2ClientOptions,
  type Http2Connection,
  Http2SessionManager,
  type Http2SessionOptions,
} from "./http2-session-manager.js";
import { connectFailure } from "./node-failure.js";
import { type HttpProxy, openTunnel } from "./proxy.js";
import type { Address, Target } from "./target.js";

export interface ChannelOptions {
  readonly session: Http2SessionOptions;
  readonly nodeOptions: Http2ClientOptions | undefined;
  /** How calls are spread over the addresses of a target. Default pick_first, as in gRPC. */
  readonly loadBalancing?: "pick_first" | "round_robin" | undefined;
  /** Reach the target through this HTTP proxy, which then resolves the name. */
  readonly proxy?: HttpProxy | undefined;
}

/** A connection for each call: one manager per address, opened when calls need them. */
export interface Channel extends ConnectionSource {
  readonly managers: readonly Http2SessionManager[];
}

/** One fixed authority; node:http2 resolves its name. */
export function createSingleChannel(manager: Http2SessionManager, authority: string): Channel {
  const scheme = manager.authority.startsWith("https:") ? "https" : "http";
  return createChannel(authority, scheme, "pick_first", [manager], undefined);
}

/** A gRPC target: names are resolved here, and resolved again when connections fail. */
export function createTargetChannel(
  target: Target,
  tlsOptions: tls.ConnectionOptions | undefined,
  options: ChannelOptions,
): Channel {
  const scheme = tlsOptions === undefined ? "http" : "https";
  const managers = new Map<string, Http2SessionManager>();
  const resolve = async (): Promise<Http2SessionManager[]> => {
    const addresses =
      options.proxy !== undefined && target.scheme === "dns"
        ? [{ host: target.host, port: target.port }]
        : await resolveTarget(target);
    const wanted = new Map(addresses.map((address) => [JSON.stringify(address), address]));
    for (const [key, manager] of managers) {
      if (!wanted.has(key)) {
        managers.delete(key);
        manager.close();
      }
    }
    for (const [key, address] of wanted) {
      if (!managers.has(key)) {
        managers.set(key, managerFor(address, target, scheme, tlsOptions, options));
      }
    }
    return [...wanted.keys()].map((key) => managers.get(key) as Http2SessionManager);
  };
  return createChannel(target.authority, scheme, options.loadBalancing ?? "pick_first", [], resolve);
}

function managerFor(
  address: Address,
  target: Target,
  scheme: "http" | "https",
  tlsOptions: tls.ConnectionOptions | undefined,
  options: ChannelOptions,
): Http2SessionManager {
  const host = target.scheme === "dns" ? target.host : "localhost";
  const secure = (over: tls.ConnectionOptions) =>
    tls.connect({
      ...(net.isIP(host) === 0 ? { servername: host } : {}),
      ...withEnvironment(tlsOptions),
      ...over,
      ALPNProtocols: ["h2"],
    });
  const createConnection = () => (tlsOptions === undefined ? net.connect({ ...address }) : secure(address));
  const manager = new Http2SessionManager(`${scheme}://${urlHost(target.authority)}`, options.session, {
    ...options.nodeOptions,
    createConnection,
  });
  const { proxy } = options;
  if (proxy !== undefined && "host" in address) {
    manager.openSocket = async () => {
      const socket = await openTunnel(proxy, address, options.session.connectTimeoutMs ?? 20_000);
      return tlsOptions === undefined ? socket : secure({ socket });
    };
  }
  return manager;
}

/** With the roots and ciphers that grpc-js takes from the environment where a program names none. */
function withEnvironment(options: tls.ConnectionOptions | undefined): tls.ConnectionOptions {
  const roots = process.env.GRPC_DEFAULT_SSL_ROOTS_FILE_PATH;
  const ciphers = options?.ciphers ?? process.env.GRPC_SSL_CIPHER_SUITES;
  return {
    ...options,
    ...(options?.ca === undefined && roots ? { ca: readFileSync(roots) } : {}),
    ...(ciphers ? { ciphers } : {}),
  };
}

/** The URL only labels the session: an authority that no URL can hold must not prevent the call. */
function urlHost(authority: string): string {
  try {
    return new URL(`http://${authority}`).host;
  } catch {
    return "localhost";
  }
}

async function resolveTarget(target: Target): Promise<Address[]> {
  switch (target.scheme) {
    case "unix":
      return [{ path: target.path }];
    case "ip":
      return [...target.addresses];
    case "dns": {
      if (net.isIP(target.host) !== 0) {
        return [{ host: target.host, port: target.port }];
      }
      try {
        const found = await lookup(target.host, { all: true });
        return found.map(({ address }) => ({ host: address, port: target.port }));
      } catch (e) {
        throw new ConnectError(
          `Name resolution failed for target dns:${target.authority}`,
          Code.Unavailable,
          undefined,
          undefined,
          e,
        );
      }
    }
  }
}

/** gRPC connection backoff (https://github.com/grpc/grpc/blob/master/doc/connection-backoff.md), for calls that wait. */
const backoff = { initialMs: 1000, maxMs: 120_000, multiplier: 1.6, jitter: 0.2 };

function createChannel(
  authority: string,
  scheme: "http" | "https",
  policy: "pick_first" | "round_robin",
  fixed: Http2SessionManager[],
  resolve: (() => Promise<Http2SessionManager[]>) | undefined,
): Channel {
  let managers = fixed;
  let current: Http2SessionManager | undefined = fixed[0];
  let turn = 0;
  let open = true;
  let resolving: Promise<void> | undefined;
  let picking: Promise<Http2Connection> | undefined;

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
      for (let delay = backoff.initialMs; ; delay = Math.min(delay * backoff.multiplier, backoff.maxMs)) {
        if (!open) {
          throw new ConnectError("Channel has been shut down", Code.Unavailable);
        }
        try {
          return await pick();
        } catch (e) {
          if (!waitForReady || !open || !isWanted()) {
            throw open ? connectFailure(e) : new ConnectError("Channel has been shut down", Code.Unavailable);
          }
          await sleep(delay * (1 + backoff.jitter * (2 * Math.random() - 1)), isWanted);
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
      return states.includes("error") ? "transient_failure" : "idle";
    },
    close() {
      open = false;
      for (const manager of managers) {
        manager.close();
      }
    },
  };

  function nextReady(): Http2Connection | undefined {
    for (let i = 0; i < managers.length; i++) {
      turn = (turn + 1) % managers.length;
      const connection = managers[turn]?.ready();
      if (connection !== undefined) {
        return connection;
      }
    }
    return undefined;
  }

  /** Concurrent callers share one attempt. */
  function pick(): Promise<Http2Connection> {
    picking ??= (policy === "pick_first" ? pickFirst() : pickAny()).finally(() => {
      picking = undefined;
    });
    return picking;
  }

  async function pickFirst(): Promise<Http2Connection> {
    if (resolve !== undefined) {
      await refresh(resolve);
    }
    let failure: unknown = new ConnectError("No addresses", Code.Unavailable);
    for (const manager of managers) {
      if (!open) {
        break;
      }
      try {
        const connection = manager.ready() ?? (await manager.acquire());
        current = manager;
        return connection;
      } catch (e) {
        failure = e;
      }
    }
    throw failure;
  }

  /** round_robin: connect to all, the first that is there serves this call. */
  async function pickAny(): Promise<Http2Connection> {
    if (resolve !== undefined) {
      await refresh(resolve);
    }
    if (managers.length === 0) {
      throw new ConnectError("No addresses", Code.Unavailable);
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
        managers = found;
        if (!open) {
          for (const manager of found) {
            manager.close();
          }
        }
      })
      .finally(() => {
        resolving = undefined;
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

  return channel;
}

/** In small steps, so that a cancelled call does not keep the process waiting. */
async function sleep(ms: number, isWanted: () => boolean): Promise<void> {
  const until = Date.now() + ms;
  while (isWanted() && Date.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, Math.min(50, until - Date.now())));
  }
}
