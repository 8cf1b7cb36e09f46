import { lookup } from "node:dns/promises";
import { readFileSync } from "node:fs";
import * as net from "node:net";
import * as tls from "node:tls";
import { Code } from "../code.js";
import { ConnectError } from "../connect-error.js";
import { type Channel, createChannel, type LoadBalancing, type ReconnectBackoff } from "./channel.js";
import type { Http2SessionOptions } from "./http2-connection.js";
import { type Http2ClientOptions, Http2SessionManager } from "./http2-session-manager.js";
import { type HttpProxy, openTunnel } from "./proxy.js";
import { type Address, splitHostPort, type Target } from "./target.js";

export interface ChannelOptions {
  readonly session: Http2SessionOptions;
  readonly nodeOptions: Http2ClientOptions | undefined;
  /** How calls are spread over the addresses of a target. Default pick_first, as in gRPC. */
  readonly loadBalancing?: LoadBalancing | undefined;
  readonly reconnectBackoff?: ReconnectBackoff | undefined;
  /** Value of `:authority`, and the name that the server's certificate must have, in place of the target's. */
  readonly authority?: string | undefined;
  /** Reach the target through this HTTP proxy, which then resolves the name. */
  readonly proxy?: HttpProxy | undefined;
}

/** One fixed authority; node:http2 resolves its name. */
export function createSingleChannel(
  manager: Http2SessionManager,
  authority: string,
  reconnectBackoff?: ReconnectBackoff,
): Channel {
  const scheme = manager.authority.startsWith("https:") ? "https" : "http";
  return createChannel({ authority, scheme, policy: "pick_first", fixed: [manager], reconnectBackoff });
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
  return createChannel({
    authority: options.authority ?? target.authority,
    scheme,
    policy: options.loadBalancing ?? "pick_first",
    fixed: [],
    resolve,
    reconnectBackoff: options.reconnectBackoff,
  });
}

function managerFor(
  address: Address,
  target: Target,
  scheme: "http" | "https",
  tlsOptions: tls.ConnectionOptions | undefined,
  options: ChannelOptions,
): Http2SessionManager {
  const named =
    options.authority === undefined ? undefined : (splitHostPort(options.authority)?.host ?? options.authority);
  const host = named ?? (target.scheme === "dns" ? target.host : "localhost");
  const secure = (over: tls.ConnectionOptions) =>
    tls.connect({
      ...(net.isIP(host) === 0 ? { servername: host } : {}),
      ...withEnvironment(tlsOptions),
      ...over,
      ALPNProtocols: ["h2"],
    });
  const createConnection = () => (tlsOptions === undefined ? net.connect({ ...address }) : secure(address));
  const manager = new Http2SessionManager(
    `${scheme}://${urlHost(options.authority ?? target.authority)}`,
    options.session,
    {
      ...options.nodeOptions,
      createConnection,
    },
  );
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
