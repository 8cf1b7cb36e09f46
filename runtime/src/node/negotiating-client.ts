import * as net from "node:net";
import * as tls from "node:tls";
import type { Exchange, HttpClient, RequestHead, ResponseListener, SendOptions } from "../client/http-client.js";
import { connectFailure } from "./node-failure.js";

interface BothHeads extends RequestHead {
  readonly http1: RequestHead;
  readonly http2: RequestHead;
}

/**
 * HTTP/2 where the server speaks it under TLS, and HTTP/1.1 where it does not: ALPN of one handshake, which is made for the
 * first exchange, says which (RFC 7301). Later exchanges go straight to the client that was chosen.
 */
export function createNegotiatingClient(
  origin: URL,
  tlsOptions: tls.ConnectionOptions,
  timeoutMs: number,
  http1: HttpClient,
  http2: HttpClient,
): HttpClient {
  let chosen: "http1" | "http2" | undefined;
  let choosing: Promise<"http1" | "http2"> | undefined;
  const clients = { http1, http2 };

  const choose = (): Promise<"http1" | "http2"> => {
    choosing ??= protocolOf(origin, tlsOptions, timeoutMs).then(
      (version) => {
        chosen = version;
        return version;
      },
      (reason) => {
        // The next exchange asks again
        choosing = undefined;
        throw connectFailure(reason);
      },
    );
    return choosing;
  };

  return {
    prepare: (verb, path, headers): BothHeads => ({
      verb,
      path,
      http1: http1.prepare(verb, path, headers),
      http2: http2.prepare(verb, path, headers),
    }),
    send(head, extra, body, listener, options) {
      const both = head as BothHeads;
      const start = (version: "http1" | "http2") =>
        clients[version].send(both[version], extra, body, listener, options);
      return chosen === undefined ? new LateExchange(choose(), start, listener, options) : start(chosen);
    },
    close() {
      http1.close();
      http2.close();
    },
  };
}

function protocolOf(origin: URL, tlsOptions: tls.ConnectionOptions, timeoutMs: number): Promise<"http1" | "http2"> {
  const host = origin.hostname.replace(/^\[|\]$/g, "");
  return new Promise((resolve, reject) => {
    const socket = tls.connect({
      host,
      port: Number(origin.port || 443),
      ...(net.isIP(host) === 0 ? { servername: host } : {}),
      ...tlsOptions,
      ALPNProtocols: ["h2", "http/1.1"],
    });
    const timer = setTimeout(() => socket.destroy(new Error(`timed out after ${timeoutMs} ms`)), timeoutMs);
    timer.unref();
    socket.once("secureConnect", () => {
      resolve(socket.alpnProtocol === "h2" ? "http2" : "http1");
      socket.destroy();
    });
    // TLS 1.3: a server may refuse the client's certificate after the handshake
    socket.on("error", reject);
    socket.once("close", () => {
      clearTimeout(timer);
      reject(new Error("the connection was closed before it was established"));
    });
  });
}

/** An exchange whose client is not known yet: what is done to it meanwhile is done to the real one when it starts. */
class LateExchange implements Exchange {
  #inner: Exchange | undefined;
  #done = false;
  #written: Uint8Array[] = [];
  #ended = false;
  #paused = false;

  constructor(
    version: Promise<"http1" | "http2">,
    start: (version: "http1" | "http2") => Exchange,
    listener: ResponseListener,
    options: SendOptions,
  ) {
    version.then(
      (found) => this.#begin(start(found), listener),
      (error) => {
        if (this.#done) return;
        // HTTP/2 knows how to wait for a server
        if (options.waitForReady) this.#begin(start("http2"), listener);
        else listener.onFailure({ error, unprocessed: undefined });
      },
    );
  }

  #begin(inner: Exchange, listener: ResponseListener): void {
    if (this.#done) {
      inner.cancel();
      return;
    }
    this.#inner = inner;
    if (this.#paused) inner.pause();
    let more = true;
    for (const bytes of this.#written.splice(0)) more = inner.write(bytes);
    if (this.#ended) inner.end();
    else if (more) listener.onDrain();
  }

  write(bytes: Uint8Array): boolean {
    if (this.#inner !== undefined) return this.#inner.write(bytes);
    this.#written.push(bytes);
    return false;
  }

  end(): void {
    if (this.#inner === undefined) this.#ended = true;
    else this.#inner.end();
  }

  cancel(): void {
    this.#done = true;
    this.#inner?.cancel();
  }

  pause(): void {
    this.#paused = true;
    this.#inner?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#inner?.resume();
  }
}
