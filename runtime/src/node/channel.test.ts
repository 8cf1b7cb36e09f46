import * as http2 from "node:http2";
import * as net from "node:net";
import { createConnectTransport as createTheirTransport } from "@connectrpc/connect-node";
import { afterEach, describe, expect, it } from "vitest";
import { collect, failureOf, requests } from "../../testing/calls.js";
import { makeCertificates } from "../../testing/certificates.js";
import { Echo } from "../../testing/gen/echo_pb.js";
import { startGrpcJsServer } from "../../testing/grpc-js-server.js";
import { createClient } from "../client/create-client.js";
import { waitUntilReady } from "../client/wait-until-ready.js";
import { Code } from "../code.js";
import type { Interceptor } from "../interceptor.js";
import type { Transport } from "../transport.js";
import { type Channel, createChannel } from "./channel.js";
import { createGrpcTransport } from "./grpc-transport.js";
import { Http2SessionManager } from "./http2-session-manager.js";

const cleanups: Array<() => void> = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

interface Counted {
  readonly port: number;
  calls: number;
  authorities: string[];
  readonly sessions: Set<http2.ServerHttp2Session>;
  stop(): Promise<void>;
}

/** Answers every gRPC call with an empty message. */
async function startCounting(port = 0, tls?: { key: string | Buffer; cert: string | Buffer }): Promise<Counted> {
  const server = tls === undefined ? http2.createServer() : http2.createSecureServer(tls);
  const sessions = new Set<http2.ServerHttp2Session>();
  const counted = { calls: 0, authorities: [] as string[], sessions };
  server.on("session", (session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
  });
  server.on("stream", (stream, headers) => {
    counted.calls++;
    counted.authorities.push(String(headers[":authority"]));
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.end(Buffer.from([0, 0, 0, 0, 0]));
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      for (const session of sessions) session.destroy();
    });
  cleanups.push(() => void stop());
  return Object.assign(counted, { port: (server.address() as net.AddressInfo).port, stop });
}

type Options = Parameters<typeof createGrpcTransport>[0];
function connect(options: Options) {
  const transport = createGrpcTransport(options);
  cleanups.push(() => transport.close());
  return Object.assign(createClient(Echo, transport), { transport });
}

describe("round_robin", () => {
  it("an address that comes back gets calls again, though another served all the time", async () => {
    const [a, b] = [await startCounting(), await startCounting()];
    const client = connect({
      target: `ipv4:127.0.0.1:${a.port},127.0.0.1:${b.port}`,
      serviceConfig: { loadBalancingConfig: [{ unheard_of: {} }, { round_robin: {} }] },
      reconnectBackoff: { initialMs: 20, maxMs: 50 },
    });
    const both = async () => {
      [a.calls, b.calls] = [0, 0];
      for (let i = 0; i < 10; i++) await client.unary({});
      return [a.calls, b.calls];
    };
    await expect.poll(both).toEqual([5, 5]);
    await b.stop();
    await expect.poll(both).toEqual([10, 0]);
    const again = await startCounting(b.port);
    await expect
      .poll(async () => {
        await client.unary({});
        return again.calls;
      })
      .toBeGreaterThan(0);
  });

  it("an option goes before the service config", async () => {
    const [a, b] = [await startCounting(), await startCounting()];
    const client = connect({
      target: `ipv4:127.0.0.1:${a.port},127.0.0.1:${b.port}`,
      loadBalancing: "pick_first",
      serviceConfig: '{"loadBalancingConfig":[{"round_robin":{}}]}',
    });
    for (let i = 0; i < 6; i++) await client.unary({});
    expect([a.calls, b.calls]).toEqual([6, 0]);
  });
});

describe("names are resolved again", () => {
  const managerOf = (server: Counted) => new Http2SessionManager(`http://127.0.0.1:${server.port}`);
  const portOf = async (channel: Channel) => {
    const connection = channel.ready() ?? (await channel.acquire(false, () => true));
    return connection.session.socket.remotePort;
  };

  it("pick_first: when its address fails", async () => {
    const [a, b] = [await startCounting(), await startCounting()];
    let found = [managerOf(a)];
    const channel = createChannel({
      authority: "x",
      scheme: "http",
      policy: "pick_first",
      fixed: [],
      resolve: async () => found,
    });
    cleanups.push(() => channel.close());
    expect(await portOf(channel)).toBe(a.port);
    found = [managerOf(b)];
    // As long as it works nothing is looked up
    expect(await portOf(channel)).toBe(a.port);
    await a.stop();
    await expect.poll(() => portOf(channel)).toBe(b.port);
  });

  it("round_robin: when one of its addresses fails, while another serves", async () => {
    const [a, b, c] = [await startCounting(), await startCounting(), await startCounting()];
    const stays = managerOf(a);
    let found = [stays, managerOf(b)];
    const channel = createChannel({
      authority: "x",
      scheme: "http",
      policy: "round_robin",
      fixed: [],
      resolve: async () => found,
      reconnectBackoff: { initialMs: 20, maxMs: 20 },
      resolveIntervalMs: 50,
    });
    cleanups.push(() => channel.close());
    const ports = async () => [...new Set([await portOf(channel), await portOf(channel)])].sort();
    await expect.poll(ports).toEqual([a.port, b.port].sort());
    found = [stays, managerOf(c)];
    await b.stop();
    await expect.poll(ports).toEqual([a.port, c.port].sort());
  });

  it("a lookup that fails leaves the known addresses", async () => {
    const a = await startCounting();
    let fails = false;
    const known = [managerOf(a)];
    const channel = createChannel({
      authority: "x",
      scheme: "http",
      policy: "pick_first",
      fixed: [],
      resolve: () => (fails ? Promise.reject(new Error("no name server")) : Promise.resolve(known)),
    });
    cleanups.push(() => channel.close());
    expect(await portOf(channel)).toBe(a.port);
    fails = true;
    for (const session of a.sessions) session.destroy();
    await expect.poll(() => channel.ready()).toBeUndefined();
    expect(await portOf(channel)).toBe(a.port);
  });
});

describe("backoff", () => {
  it("with it, calls fail at once between attempts; without, each call tries; waiting calls get through", async () => {
    let attempts = 0;
    const port = await new Promise<number>((resolve) => {
      const server = net.createServer((socket) => {
        attempts++;
        socket.destroy();
      });
      cleanups.push(() => server.close());
      server.listen(0, "127.0.0.1", () => resolve((server.address() as net.AddressInfo).port));
    });
    const target = `127.0.0.1:${port}`;
    const patient = connect({ target, reconnectBackoff: { initialMs: 60_000 } });
    const first = await failureOf(patient.unary({}));
    expect(attempts).toBe(1);
    const second = await failureOf(patient.unary({}));
    expect([second.code, second.rawMessage]).toEqual([Code.Unavailable, first.rawMessage]);
    expect(attempts).toBe(1);
    const eager = connect({ target });
    await failureOf(eager.unary({}));
    await failureOf(eager.unary({}));
    expect(attempts).toBe(3);
  });

  it("ends with the first connection", async () => {
    const server = await startCounting();
    await server.stop();
    const client = connect({ target: `127.0.0.1:${server.port}`, reconnectBackoff: { initialMs: 100, maxMs: 100 } });
    await failureOf(client.unary({}));
    await startCounting(server.port);
    await expect
      .poll(() =>
        client.unary({}).then(
          () => "served",
          () => "refused",
        ),
      )
      .toBe("served");
  });
});

describe("authority", () => {
  it("takes the place of the target's, in :authority and in the name of the certificate", async () => {
    const plain = await startCounting();
    await connect({ target: `127.0.0.1:${plain.port}`, authority: "shop.example:80" }).unary({});
    await connect({ target: `127.0.0.1:${plain.port}` }).unary({});
    expect(plain.authorities).toEqual(["shop.example:80", `127.0.0.1:${plain.port}`]);

    const certificates = makeCertificates();
    const secure = await startCounting(0, certificates.server);
    const tls = { ca: certificates.ca };
    const target = `127.0.0.1:${secure.port}`;
    await connect({ target, tls, authority: "localhost" }).unary({});
    expect(secure.authorities).toEqual(["localhost"]);
    expect((await failureOf(connect({ target, tls, authority: "other.example" }).unary({}))).code).toBe(
      Code.Unavailable,
    );
    // A name of its own for the certificate
    await connect({ target, tls: { ...tls, servername: "localhost" }, authority: "other.example" }).unary({});
  });
});

describe("shared connections", () => {
  it("transports of one target and equal options have one connection, and each ends on its own", async () => {
    const server = await startCounting();
    const target = `127.0.0.1:${server.port}`;
    const clients = Array.from({ length: 20 }, () => connect({ target, pingIntervalMs: 60_000 }));
    await Promise.all(clients.map((client) => client.unary({})));
    expect(server.sessions.size).toBe(1);
    const [first, ...others] = clients;
    first?.transport.close();
    expect((await failureOf(first?.unary({}) as Promise<unknown>)).rawMessage).toBe("Channel has been shut down");
    expect(first?.transport.connectivity?.state()).toBe("shutdown");
    expect(others[0]?.transport.connectivity?.state()).toBe("ready");
    expect(connect({ target, pingIntervalMs: 60_000 }).transport.connectivity?.state()).toBe("idle");
    await others[0]?.unary({});
    expect(server.sessions.size).toBe(1);
    for (const cleanup of cleanups.splice(1)) cleanup();
    await expect.poll(() => server.sessions.size).toBe(0);
  });

  it("not with other options, with options that cannot be compared, or when it is not wanted", async () => {
    const server = await startCounting();
    const target = `127.0.0.1:${server.port}`;
    await connect({ target }).unary({});
    await connect({ target, pingIntervalMs: 1000 }).unary({});
    await connect({ target, shareConnections: false }).unary({});
    await connect({ target, nodeOptions: { createConnection: () => net.connect(server.port, "127.0.0.1") } }).unary({});
    expect(server.sessions.size).toBe(4);
    await connect({ target, interceptors: [(next) => next], readMaxBytes: 100 }).unary({});
    expect(server.sessions.size).toBe(4);
  });
});

describe("connectivity", () => {
  it("tells each change", async () => {
    const server = await startCounting();
    const client = connect({ target: `127.0.0.1:${server.port}` });
    const { connectivity } = client.transport;
    const seen: string[] = [];
    connectivity?.watch?.((state) => seen.push(state));
    expect(connectivity?.state()).toBe("idle");
    await connectivity?.connect();
    await expect.poll(() => seen).toEqual(["connecting", "ready"]);
    await server.stop();
    await expect.poll(() => seen.length).toBeGreaterThan(2);
    await failureOf(client.unary({}));
    await expect.poll(() => connectivity?.state()).toBe("transient_failure");
    let wanted = true;
    const connecting = connectivity?.connect(() => wanted);
    wanted = false;
    expect((await failureOf(connecting as Promise<void>)).code).toBe(Code.Unavailable);
    client.transport.close();
    expect(seen.at(-1)).toBe("shutdown");
    expect(seen).toContain("transient_failure");
  });

  it.each([true, false])(
    "tells a loss to who listens only since it is ready (shared: %s)",
    async (shareConnections) => {
      const server = await startCounting();
      const { connectivity } = connect({ target: `127.0.0.1:${server.port}`, shareConnections }).transport;
      await connectivity?.connect();
      const seen: string[] = [];
      connectivity?.watch?.((state) => seen.push(state));
      await server.stop();
      await expect.poll(() => seen).toEqual(["idle"]);
    },
  );
});

describe("options of one call", () => {
  const mark =
    (name: string): Interceptor =>
    (next) =>
    (request) => {
      request.header.append("x-order", name);
      return next(request);
    };

  it("its interceptors run inside the transport's, for every kind of call", async () => {
    const peer = await startGrpcJsServer();
    cleanups.push(() => peer.stop());
    const client = connect({ target: peer.address, interceptors: [mark("transport")] });
    const orders: (string | null)[] = [];
    const options = { interceptors: [mark("call")], onHeader: (h: Headers) => orders.push(h.get("x-order")) };
    await client.unary({}, options);
    await collect(client.serverStream({ count: 1 }, options));
    await client.clientStream(requests(["a"]), options);
    await collect(client.bidi(requests(["a"]), options));
    expect(orders).toEqual(Array.from({ length: 4 }, () => "transport, call"));
    orders.length = 0;
    await client.unary({}, { onHeader: options.onHeader });
    expect(orders).toEqual(["transport"]);
  });

  it("waitForReady", async () => {
    const server = await startCounting();
    await server.stop();
    const client = connect({ target: `127.0.0.1:${server.port}` });
    expect((await failureOf(client.unary({}))).code).toBe(Code.Unavailable);
    const waiting = client.unary({}, { waitForReady: true, timeoutMs: 20_000 });
    await startCounting(server.port);
    await waiting;
    const never = connect({ target: "127.0.0.1:1", waitForReady: true });
    expect((await failureOf(never.unary({}, { waitForReady: false }))).code).toBe(Code.Unavailable);
  });

  it("waitUntilReady", async () => {
    const server = await startCounting();
    await server.stop();
    const client = connect({ target: `127.0.0.1:${server.port}` });
    await expect(waitUntilReady(client, { timeoutMs: 50 })).rejects.toEqual(
      new Error("Failed to connect before the deadline"),
    );
    const waiting = waitUntilReady(client, { timeoutMs: 20_000 });
    const { sessions } = await startCounting(server.port);
    await waiting;
    expect([client.transport.connectivity?.state(), sessions.size]).toEqual(["ready", 1]);
    const never = connect({ target: "127.0.0.1:1" });
    const closed = waitUntilReady(never);
    never.transport.close();
    await expect(closed).rejects.toEqual(new Error("The channel has been closed"));
    await expect(waitUntilReady({})).rejects.toThrow("Expected a client made by createClient");
  });

  it("are refused on a transport that would ignore them", async () => {
    const theirs = createTheirTransport({ baseUrl: "http://127.0.0.1:1", httpVersion: "2" }) as unknown as Transport;
    const client = createClient(Echo, theirs);
    expect((await failureOf(client.unary({}, { interceptors: [] }))).rawMessage).toContain("need a transport of");
    expect((await failureOf(collect(client.serverStream({}, { waitForReady: true })))).rawMessage).toContain("need a");
  });
});
