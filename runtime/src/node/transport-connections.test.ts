import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import * as http2 from "node:http2";
import * as net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Http2SessionManager as OfficialSessionManager } from "@connectrpc/connect-node";
import * as grpc from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { failureOf } from "../../testing/calls.js";
import { type Certificates, makeCertificates } from "../../testing/certificates.js";
import { Echo } from "../../testing/gen/echo_pb.js";
import { type GrpcJsPeer, startGrpcJsServer } from "../../testing/grpc-js-server.js";
import { createClient } from "../client/create-client.js";
import { Code } from "../code.js";
import { createGrpcTransport, type GrpcTransportOptions } from "./grpc-transport.js";
import { Http2SessionManager } from "./http2-session-manager.js";

async function echo(options: GrpcTransportOptions, text = "hi"): Promise<string> {
  const transport = createGrpcTransport(options);
  try {
    return (await createClient(Echo, transport).unary({ text })).text;
  } finally {
    transport.close();
  }
}

describe("TLS", () => {
  let certificates: Certificates;
  let peer: GrpcJsPeer;
  let mutual: GrpcJsPeer;
  beforeAll(async () => {
    certificates = makeCertificates();
    const { ca, server } = certificates;
    const pair = { private_key: server.key, cert_chain: server.cert };
    peer = await startGrpcJsServer(grpc.ServerCredentials.createSsl(null, [pair]));
    mutual = await startGrpcJsServer(grpc.ServerCredentials.createSsl(ca, [pair], true));
  });
  afterAll(() => {
    peer.stop();
    mutual.stop();
  });

  it("with a target", async () => {
    expect(await echo({ target: `localhost:${peer.port}`, tls: { ca: certificates.ca } })).toBe("hi");
  });

  it("with a URL", async () => {
    const options = { baseUrl: `https://localhost:${peer.port}`, nodeOptions: { ca: certificates.ca } };
    expect(await echo(options)).toBe("hi");
  });

  it("client certificates", async () => {
    const { ca, client } = certificates;
    expect(await echo({ target: `localhost:${mutual.port}`, tls: { ca, ...client } })).toBe("hi");
    const nodeOptions = { ca, ...client };
    expect(await echo({ baseUrl: `https://localhost:${mutual.port}`, nodeOptions })).toBe("hi");
  });

  it.each<[string, () => GrpcTransportOptions]>([
    ["an unknown authority", () => ({ target: `localhost:${peer.port}`, tls: true })],
    ["an unknown authority, by URL", () => ({ baseUrl: `https://localhost:${peer.port}` })],
    [
      "a certificate for another name",
      () => ({
        target: `127.0.0.1:${peer.port}`,
        tls: { ca: certificates.ca, servername: "elsewhere.example" },
      }),
    ],
    ["no client certificate", () => ({ target: `localhost:${mutual.port}`, tls: { ca: certificates.ca } })],
    ["cleartext to a TLS port", () => ({ target: `localhost:${peer.port}` })],
    ["cleartext to a TLS port, by URL", () => ({ baseUrl: `http://localhost:${peer.port}` })],
  ])("unavailable: %s", async (_name, options) => {
    const error = await failureOf(echo(options()));
    expect(error.code).toBe(Code.Unavailable);
  });

  it("unavailable: TLS to a cleartext port", async () => {
    const plain = await startGrpcJsServer();
    expect((await failureOf(echo({ target: plain.address, tls: true }))).code).toBe(Code.Unavailable);
    plain.stop();
  });
});

describe("targets", () => {
  let peer: GrpcJsPeer;
  beforeAll(async () => {
    peer = await startGrpcJsServer();
  });
  afterAll(() => peer.stop());

  it.each([
    ["localhost:PORT"],
    ["dns:localhost:PORT"],
    ["dns:///127.0.0.1:PORT"],
    ["ipv4:127.0.0.1:PORT"],
    ["ipv4:127.0.0.1:1,127.0.0.1:PORT"],
  ])("%s", async (target) => {
    expect(await echo({ target: target.replace("PORT", String(peer.port)) })).toBe("hi");
  });

  it.each(["unix:", "unix://"])("%s", async (scheme) => {
    const folder = mkdtempSync(join(tmpdir(), "connect-migrate-unix-"));
    const path = join(folder, "a.sock");
    const unix = await startGrpcJsServer(undefined, {}, `unix:${path}`);
    expect(await echo({ target: `${scheme}${path}` })).toBe("hi");
    unix.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("a second address takes over when the first goes away, and round_robin uses both", async () => {
    const seen = [0, 0];
    const servers = [0, 1].map((index) => {
      const server = http2.createServer();
      const sessions: http2.ServerHttp2Session[] = [];
      server.on("session", (session) => sessions.push(session));
      server.on("stream", (stream) => {
        seen[index] = (seen[index] ?? 0) + 1;
        stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
        stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
        stream.end(Buffer.from([0, 0, 0, 0, 0]));
      });
      return { server, sessions };
    });
    for (const { server } of servers) {
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    }
    const ports = servers.map(({ server }) => (server.address() as net.AddressInfo).port);
    const target = `ipv4:127.0.0.1:${ports[0]},127.0.0.1:${ports[1]}`;

    const first = createGrpcTransport({ target });
    const client = createClient(Echo, first);
    for (let i = 0; i < 4; i++) {
      await client.unary({});
    }
    expect(seen).toEqual([4, 0]);

    const robin = createGrpcTransport({ target, loadBalancing: "round_robin" });
    const robinClient = createClient(Echo, robin);
    await robinClient.unary({});
    await new Promise((resolve) => setTimeout(resolve, 50));
    seen.fill(0);
    for (let i = 0; i < 10; i++) {
      await robinClient.unary({});
    }
    expect(seen).toEqual([5, 5]);
    robin.close();

    seen.fill(0);
    servers[0]?.server.close();
    for (const session of servers[0]?.sessions ?? []) {
      session.destroy();
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
    await client.unary({});
    expect(seen).toEqual([0, 1]);
    first.close();
    servers[1]?.server.close();
    for (const session of servers[1]?.sessions ?? []) {
      session.destroy();
    }
  });
});

describe("Http2SessionManager", () => {
  let peer: GrpcJsPeer;
  beforeAll(async () => {
    peer = await startGrpcJsServer();
  });
  afterAll(() => peer.stop());

  it("goes through its states", async () => {
    const baseUrl = `http://${peer.address}`;
    const manager = new Http2SessionManager(baseUrl, { pingIntervalMs: 50, idleConnectionTimeoutMs: 200 });
    expect(manager.authority).toBe(baseUrl);
    expect(manager.state()).toBe("closed");
    const connecting = manager.connect();
    expect(manager.state()).toBe("connecting");
    expect(await connecting).toBe("idle");
    const client = createClient(Echo, createGrpcTransport({ baseUrl, sessionManager: manager }));
    const call = client.unary({ text: "hang" }, { timeoutMs: 150 });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(manager.state()).toBe("open");
    expect((await failureOf(call)).code).toBe(Code.DeadlineExceeded);
    await expect.poll(() => manager.state()).toBe("idle");
    // longer than a ping interval: the connection is verified first
    await new Promise((resolve) => setTimeout(resolve, 80));
    const verified = client.unary({ text: "v" });
    expect(manager.state()).toBe("verifying");
    expect((await verified).text).toBe("v");
    await expect.poll(() => manager.state(), { timeout: 2000 }).toBe("closed");
    expect((await client.unary({ text: "again" })).text).toBe("again");
    manager.abort();
    expect(manager.state()).toBe("error");
    expect(manager.error()).toBeInstanceOf(Error);
    expect((await client.unary({ text: "once more" })).text).toBe("once more");
    manager.abort();
  });

  it("a connection that does not answer PINGs fails its calls", async () => {
    // A proxy that stops forwarding, as a network partition does
    const cuts: Array<() => void> = [];
    const proxy = net.createServer((socket) => {
      const upstream = net.connect(peer.port, "127.0.0.1");
      socket.on("error", () => {}).on("close", () => upstream.destroy());
      upstream.on("error", () => {});
      socket.pipe(upstream).pipe(socket);
      cuts.push(() => {
        socket.unpipe(upstream);
        upstream.unpipe(socket);
      });
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    const target = `127.0.0.1:${(proxy.address() as net.AddressInfo).port}`;
    const transport = createGrpcTransport({ target, pingIntervalMs: 50, pingTimeoutMs: 100 });
    const client = createClient(Echo, transport);
    await client.unary({ text: "connected" });
    const hanging = failureOf(client.unary({ text: "hang" }));
    for (const cut of cuts.splice(0)) cut();
    const error = await hanging;
    expect([error.code, error.rawMessage]).toEqual([Code.Unavailable, "Keepalive timeout"]);
    expect((await client.unary({ text: "new connection" })).text).toBe("new connection");
    transport.close();
    proxy.close();
  });

  it("connect-node's own manager fits", async () => {
    const baseUrl = `http://${peer.address}`;
    const manager = new OfficialSessionManager(baseUrl);
    const client = createClient(Echo, createGrpcTransport({ baseUrl, sessionManager: manager }));
    expect((await client.unary({ text: "theirs" })).text).toBe("theirs");
    await expect.poll(() => manager.state()).toBe("idle");
    manager.abort();
  });
});

describe("a program that only calls", () => {
  it("ends by itself, without close()", async () => {
    const peer = await startGrpcJsServer();
    const program = `
      import { createClient } from "./runtime/src/client/create-client.ts";
      import { createGrpcTransport } from "./runtime/src/node/grpc-transport.ts";
      import { Echo } from "./runtime/testing/gen/echo_pb.ts";
      const client = createClient(Echo, createGrpcTransport({ target: "${peer.address}" }));
      console.log((await client.unary({ text: "bye" })).text);
      for await (const r of client.serverStream({ text: "s", count: 2 })) console.log(r.text);
    `;
    const run = promisify(execFile)(process.execPath, ["--import", "tsx", "--input-type=module", "-e", program], {
      timeout: 20_000,
    });
    const { stdout } = await run;
    expect(stdout).toBe("bye\ns 0\ns 1\n");
    peer.stop();
  });
});
