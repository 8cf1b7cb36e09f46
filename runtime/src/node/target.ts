import { isIPv4, isIPv6 } from "node:net";

/**
 * gRPC names (https://github.com/grpc/grpc/blob/master/doc/naming.md) as grpc-js reads them. A migrated program whose
 * address comes from its environment keeps meaning the same address.
 */
export type Target =
  | { readonly scheme: "dns"; readonly host: string; readonly port: number; readonly authority: string }
  | { readonly scheme: "ip"; readonly addresses: readonly TcpAddress[]; readonly authority: string }
  | { readonly scheme: "unix"; readonly path: string; readonly authority: string };

export interface TcpAddress {
  readonly host: string;
  readonly port: number;
}

export type Address = TcpAddress | { readonly path: string };

/** A name without a port means 443, with and without TLS. */
export const defaultPort = 443;

const schemePattern = /^(dns|ipv4|ipv6|unix|[A-Za-z][A-Za-z0-9+.-]*):(.*)$/s;
const known = new Set(["dns", "ipv4", "ipv6", "unix"]);
const needsResolver = new Set(["xds", "google-c2p", "unix-abstract", "vsock", "grpclb"]);

/**
 * Parse a gRPC target.
 *
 * @throws Error that names the target and what was expected
 */
export function parseTarget(target: string): Target {
  const { scheme, authority, path } = splitTarget(target);
  switch (scheme) {
    case "unix":
      // unix:path, unix:/path, unix:///path; an authority other than an empty one has no meaning
      if (authority !== undefined && authority !== "") {
        throw invalidTarget(target, `a unix: name has no authority, but found "${authority}"`);
      }
      if (path === "" || path === "/") {
        throw invalidTarget(target, "expected a path after unix:");
      }
      return { scheme: "unix", path, authority: "localhost" };
    case "ipv4":
    case "ipv6":
      return parseIpList(target, scheme, path);
    default: {
      const hostPort = splitHostPort(path.startsWith("/") && authority !== undefined ? path.slice(1) : path);
      if (hostPort === undefined || hostPort.host === "") {
        throw invalidTarget(target, "expected host:port, [ipv6]:port or a host name");
      }
      const text = path.startsWith("/") && authority !== undefined ? path.slice(1) : path;
      return { scheme: "dns", host: hostPort.host, port: hostPort.port ?? defaultPort, authority: text };
    }
  }
}

/** What grpc-js's `getTarget` makes of a target. */
export function targetText(target: string): string {
  return known.has(schemePattern.exec(target)?.[1] ?? "") ? target : `dns:${target}`;
}

function splitTarget(target: string): { scheme: string; authority: string | undefined; path: string } {
  const match = schemePattern.exec(target);
  const scheme = match?.[1];
  const rest = match?.[2];
  if (scheme === undefined || rest === undefined) {
    return { scheme: "dns", authority: undefined, path: target };
  }
  if (!known.has(scheme)) {
    if (needsResolver.has(scheme)) {
      throw invalidTarget(target, `there is no resolver for ${scheme}:`);
    }
    // `localhost:50051`: what looks like a scheme is a host name
    return { scheme: "dns", authority: undefined, path: target };
  }
  if (rest.startsWith("//")) {
    const slash = rest.indexOf("/", 2);
    if (slash < 0) {
      throw invalidTarget(target, `expected ${scheme}:///name, but found no third slash`);
    }
    const authority = rest.slice(2, slash);
    // A path of unix: is absolute in this form; for the others the slash only separates
    return { scheme, authority, path: rest.slice(slash) };
  }
  return { scheme, authority: undefined, path: rest };
}

function parseIpList(target: string, scheme: "ipv4" | "ipv6", path: string): Target {
  const list = path.startsWith("/") ? path.slice(1) : path;
  const addresses: TcpAddress[] = [];
  for (const item of list.split(",")) {
    const hostPort = splitHostPort(item.trim());
    if (hostPort === undefined || !(scheme === "ipv4" ? isIPv4 : isIPv6)(hostPort.host)) {
      throw invalidTarget(target, `"${item}" is no ${scheme === "ipv4" ? "IPv4" : "IPv6"} address`);
    }
    addresses.push({ host: hostPort.host, port: hostPort.port ?? defaultPort });
  }
  return { scheme: "ip", addresses, authority: list.split(",")[0] ?? list };
}

/** `host`, `host:port`, `[ipv6]`, `[ipv6]:port` or a bare IPv6 address; undefined if it is none of them. */
export function splitHostPort(text: string): { host: string; port: number | undefined } | undefined {
  let host = text;
  let port: string | undefined;
  if (text.startsWith("[")) {
    const close = text.indexOf("]");
    if (close < 0) {
      return undefined;
    }
    host = text.slice(1, close);
    const rest = text.slice(close + 1);
    if (rest !== "") {
      if (!rest.startsWith(":")) {
        return undefined;
      }
      port = rest.slice(1);
    }
    if (!isIPv6(host)) {
      return undefined;
    }
  } else {
    const colon = text.indexOf(":");
    if (colon >= 0 && colon === text.lastIndexOf(":")) {
      host = text.slice(0, colon);
      port = text.slice(colon + 1);
    } else if (colon >= 0 && !isIPv6(text)) {
      return undefined;
    }
  }
  if (port === undefined) {
    return { host, port: undefined };
  }
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65535) {
    return undefined;
  }
  return { host, port: Number(port) };
}

function invalidTarget(target: string, why: string): Error {
  return new Error(
    `Could not parse the target "${target}": ${why}. ` +
      "Accepted are host:port, dns:host:port, dns:///host:port, ipv4:a:p,b:p, ipv6:[a]:p and unix:path.",
  );
}
