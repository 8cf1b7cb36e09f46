import { lookup } from "node:dns/promises";
import { isIP } from "node:net";

/** One socket to listen on. */
export type ListenAddress = { path: string } | { host: string; port: number };

const schemes = new Set(["dns", "unix", "ipv4", "ipv6"]);
const uri = /^(?:([A-Za-z0-9+.-]+):)?(?:\/\/([^/]*)\/)?(.+)$/;
const defaultPort = 443;

/**
 * The sockets that an address of grpc-js's `bindAsync` names: `host:port`, `[::]:port`, `dns:`, `ipv4:a:1,b:2`, `ipv6:`,
 * `unix:path`. A name listens on every address that it resolves to; without a port it is 443, as there.
 * Rejects with grpc-js's text for an address that is none.
 */
export async function resolveListenAddress(address: string): Promise<ListenAddress[]> {
  const match = uri.exec(address);
  if (match === null) throw new Error(`Could not parse port "${address}"`);
  let [, scheme, authority, path = ""] = match;
  if (scheme === undefined || !schemes.has(scheme)) {
    // `localhost:50051` looks like scheme:path; grpc-js then takes the whole as a dns name.
    scheme = "dns";
    authority = undefined;
    path = address;
  }
  if (scheme === "unix") return [{ path: authority === "" ? `/${path}` : path }];
  const resolved: ListenAddress[] = [];
  for (const part of scheme === "dns" ? [path] : path.split(",")) {
    const { host, port } = splitHostPort(part);
    if (isIP(host) !== 0) resolved.push({ host, port });
    else for (const found of await resolveName(host, address)) resolved.push({ host: found, port });
  }
  return resolved;
}

async function resolveName(host: string, address: string): Promise<string[]> {
  const failed = () => new Error(`Name resolution failed for target dns:${address.replace(/^dns:(\/\/\/)?/, "")}`);
  if (!/^[A-Za-z0-9._-]+$/.test(host)) throw failed();
  try {
    return (await lookup(host, { all: true })).map((found) => found.address);
  } catch {
    throw failed();
  }
}

function splitHostPort(text: string): { host: string; port: number } {
  const bracketed = /^\[([^\]]+)\](?::(\d+))?$/.exec(text);
  if (bracketed !== null) return { host: bracketed[1] as string, port: Number(bracketed[2] ?? defaultPort) };
  const parts = text.split(":");
  if (parts.length === 2 && /^\d+$/.test(parts[1] as string))
    return { host: parts[0] as string, port: Number(parts[1]) };
  return { host: text, port: defaultPort };
}
