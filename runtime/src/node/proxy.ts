import * as http from "node:http";
import { isIPv4, type Socket } from "node:net";
import { Code } from "../code.js";
import { ConnectError } from "../connect-error.js";
import type { TcpAddress } from "./target.js";

/** An HTTP proxy that tunnels with CONNECT. */
export interface HttpProxy {
  readonly host: string;
  readonly port: number;
  readonly credentials: string | undefined;
}

/**
 * The proxy for a host by the environment, as grpc-js has it: `grpc_proxy`, `https_proxy`, `http_proxy`, except for the
 * suffixes and IPv4 ranges in `no_grpc_proxy` or `no_proxy`.
 */
export function proxyFromEnvironment(host: string, env: NodeJS.ProcessEnv = process.env): HttpProxy | undefined {
  const value = env.grpc_proxy || env.https_proxy || env.http_proxy;
  if (!value || isExempt(host, env.no_grpc_proxy || env.no_proxy || "")) {
    return undefined;
  }
  return parseProxy(value);
}

/** @returns undefined for anything but an http: URL, which is what grpc-js does with it */
export function parseProxy(value: string): HttpProxy | undefined {
  let url: URL;
  try {
    url = new URL(value);
  } catch {
    return undefined;
  }
  if (url.protocol !== "http:") {
    return undefined;
  }
  const credentials =
    url.username === "" ? undefined : percentDecoded(url.username + (url.password === "" ? "" : `:${url.password}`));
  return { host: url.hostname.replace(/^\[|\]$/g, ""), port: Number(url.port || 80), credentials };
}

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A percent sign that encodes nothing is meant as it is
    return text;
  }
}

function isExempt(host: string, list: string): boolean {
  return list.split(",").some((entry) => {
    const rule = entry.trim();
    const [ip, bits] = rule.split("/");
    if (ip !== undefined && bits !== undefined && isIPv4(ip) && isIPv4(host)) {
      const mask = bits === "0" ? 0 : -1 << (32 - Number(bits));
      return (ipNumber(ip) & mask) === (ipNumber(host) & mask);
    }
    return rule !== "" && host.endsWith(rule);
  });
}

function ipNumber(ip: string): number {
  return ip.split(".").reduce((number, octet) => (number << 8) + Number(octet), 0);
}

/** A socket through the proxy to an address. Rejects with a ConnectError. */
export function openTunnel(proxy: HttpProxy, to: TcpAddress, timeoutMs: number): Promise<Socket> {
  const hostPort = `${to.host.includes(":") ? `[${to.host}]` : to.host}:${to.port}`;
  const headers: http.OutgoingHttpHeaders = { host: hostPort };
  if (proxy.credentials !== undefined) {
    headers["proxy-authorization"] = `Basic ${Buffer.from(proxy.credentials).toString("base64")}`;
  }
  return new Promise((resolve, reject) => {
    const fail = (why: string, cause?: unknown) =>
      reject(
        new ConnectError(
          `No connection established. Last error: proxy ${proxy.host}:${proxy.port}: ${why}`,
          Code.Unavailable,
          undefined,
          undefined,
          cause,
        ),
      );
    const request = http.request({
      host: proxy.host,
      port: proxy.port,
      method: "CONNECT",
      path: hostPort,
      headers,
      agent: false,
      timeout: timeoutMs,
    });
    request.once("connect", (response, socket, head) => {
      if (response.statusCode !== 200) {
        socket.destroy();
        fail(`CONNECT ${hostPort} was answered with ${response.statusCode}`);
        return;
      }
      if (head.byteLength > 0) {
        // The server's first bytes may come with the proxy's answer
        socket.unshift(head);
      }
      resolve(socket as Socket);
    });
    request.once("timeout", () => request.destroy(new Error(`timed out after ${timeoutMs} ms`)));
    request.once("error", (e) => fail(e.message, e));
    request.end();
  });
}
