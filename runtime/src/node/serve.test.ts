import { mkdtempSync, rmSync } from "node:fs";
import * as http from "node:http";
import * as http2 from "node:http2";
import * as net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import * as grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { afterEach, describe, expect, test } from "vitest";
import { Echo } from "../../testing/gen/echo_pb.js";
import { createApp } from "./app.js";
import { resolveListenAddress } from "./listen-address.js";
import { type RunningServer, type ServeOptions, serve } from "./serve.js";

const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Handlers that have begun. */
let begun = 0;
const begin = (count: number) => expect.poll(() => begun, { timeout: 10_000 }).toBe(count);

const app = createApp({
  routes(router) {
    router.service(Echo, {
      async unary(request) {
        begun++;
        await wait(request.count);
        return { text: request.text };
      },
      async *serverStream(request) {
        begun++;
        for (let i = 0; i < 4; i++) {
          yield { count: i };
          await wait(request.count);
        }
      },
    });
  },
});

const definition = loadSync(fileURLToPath(new URL("../../testing/echo.proto", import.meta.url)), {
  keepCase: true,
  defaults: true,
});
const EchoClient = (
  grpc.loadPackageDefinition(definition) as unknown as {
    connect_migrate: { test: { v1: { Echo: grpc.ServiceClientConstructor } } };
  }
).connect_migrate.test.v1.Echo;

const cleanups: Array<() => void> = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
  begun = 0;
});

async function start(options: Partial<ServeOptions> = {}): Promise<RunningServer> {
  const server = await serve(app, { address: "127.0.0.1:0", signals: false, ...options });
  cleanups.push(() => server.destroy());
  return server;
}

// biome-ignore lint/suspicious/noExplicitAny: proto-loader makes the client at run time
function connect(target: string): any {
  const client = new EchoClient(target, grpc.credentials.createInsecure());
  cleanups.push(() => client.close());
  return client;
}

function unary(client: ReturnType<typeof connect>, count: number): Promise<string> {
  return new Promise((resolve) =>
    client.Unary({ text: "hi", count }, (error: grpc.ServiceError | null, value: { text: string }) =>
      resolve(error ? `${error.code} ${error.details}` : value.text),
    ),
  );
}

function stream(client: ReturnType<typeof connect>, count: number): Promise<string> {
  return new Promise((resolve) => {
    let messages = 0;
    const call = client.ServerStream({ count });
    call.on("data", () => messages++);
    call.on("error", () => {});
    call.on("status", (status: grpc.StatusObject) => resolve(`${status.code} after ${messages}`));
  });
}

describe("addresses", () => {
  test.each([
    ["127.0.0.1:5000", [{ host: "127.0.0.1", port: 5000 }]],
    ["[::]:0", [{ host: "::", port: 0 }]],
    [
      "ipv4:127.0.0.1:1,127.0.0.2:2",
      [
        { host: "127.0.0.1", port: 1 },
        { host: "127.0.0.2", port: 2 },
      ],
    ],
    ["ipv6:[::1]:7", [{ host: "::1", port: 7 }]],
    ["127.0.0.1", [{ host: "127.0.0.1", port: 443 }]],
    ["unix:/tmp/a.sock", [{ path: "/tmp/a.sock" }]],
    ["unix:///tmp/a.sock", [{ path: "/tmp/a.sock" }]],
    ["unix:a.sock", [{ path: "a.sock" }]],
    ["dns:///127.0.0.1:3", [{ host: "127.0.0.1", port: 3 }]],
  ])("%s", async (address, expected) => {
    expect(await resolveListenAddress(address)).toEqual(expected);
  });

  test("a name is resolved", async () => {
    expect(await resolveListenAddress("localhost:8")).toContainEqual({ host: "127.0.0.1", port: 8 });
  });

  test.each([":5", "*:5", "http://127.0.0.1:5", "no such host:5"])("%s is refused", async (address) => {
    await expect(resolveListenAddress(address)).rejects.toThrow("Name resolution failed for target dns:");
  });

  test("a port in use is refused with grpc-js's text", async () => {
    const server = await start();
    await expect(serve(app, { address: `127.0.0.1:${server.port}`, signals: false })).rejects.toThrow(
      `No address added out of total 1 resolved errors: [listen EADDRINUSE: address already in use 127.0.0.1:${server.port}]`,
    );
  });

  test("a unix socket", async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "serve-"));
    cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
    const server = await start({ address: `unix:${folder}/s` });
    expect(server.port).toBe(1);
    expect(await unary(connect(`unix:${folder}/s`), 0)).toBe("hi");
  });
});

describe("one port", () => {
  test("gRPC over h2c and Connect over HTTP/1.1", async () => {
    const server = await start();
    expect(server.address).toBe(`127.0.0.1:${server.port}`);
    expect(await unary(connect(`127.0.0.1:${server.port}`), 0)).toBe("hi");
    const response = await fetch(`http://127.0.0.1:${server.port}/connect_migrate.test.v1.Echo/Unary`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ text: "json" }),
    });
    expect(await response.json()).toEqual({ text: "json" });
  });

  test("a first byte that comes alone", async () => {
    const server = await start();
    const socket = net.connect(server.port, "127.0.0.1");
    cleanups.push(() => socket.destroy());
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk;
    });
    for (const part of ["P", "O", "ST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n"]) {
      socket.write(part);
      await wait(20);
    }
    await wait(100);
    expect(text).toMatch(/^HTTP\/1\.1 404/);
  });

  test("garbage does no harm", async () => {
    const server = await start();
    for (const bytes of ["\0\0\0\0", "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\nnonsense nonsense nonsense"]) {
      const socket = net.connect(server.port, "127.0.0.1");
      socket.on("error", () => {});
      socket.resume();
      socket.end(bytes);
      await new Promise((resolve) => socket.once("close", resolve));
    }
    expect(await unary(connect(`127.0.0.1:${server.port}`), 0)).toBe("hi");
  });

  test("404, 405, 415 without protocol", async () => {
    const server = await start();
    const at = (target: string, init?: RequestInit) => fetch(`http://127.0.0.1:${server.port}${target}`, init);
    expect((await at("/nothing")).status).toBe(404);
    const got = await at("/connect_migrate.test.v1.Echo/Unary");
    expect([got.status, got.headers.get("allow")]).toEqual([405, "POST"]);
    const text = await at("/connect_migrate.test.v1.Echo/Unary", { method: "POST", body: "x" });
    expect(text.status).toBe(415);
    expect(text.headers.get("accept-post")).toContain("application/grpc+proto");
    const session = http2.connect(`http://127.0.0.1:${server.port}`);
    cleanups.push(() => session.destroy());
    const status = (headers: http2.OutgoingHttpHeaders) =>
      new Promise((resolve) =>
        session
          .request(headers)
          .end()
          .on("response", (h) => resolve(h[":status"])),
      );
    expect(await status({ ":path": "/nothing", ":method": "POST" })).toBe(404);
    expect(await status({ ":path": "/connect_migrate.test.v1.Echo/Unary", ":method": "POST" })).toBe(415);
  });
});

describe("a request over the limit", () => {
  test("is answered and the rest of it reset", async () => {
    const small = createApp({ readMaxBytes: 1000, routes: (router) => void router.service(Echo, {}) });
    const server = await serve(small, { address: "127.0.0.1:0", signals: false });
    cleanups.push(() => server.destroy());
    const session = http2.connect(`http://127.0.0.1:${server.port}`);
    cleanups.push(() => session.destroy());
    const request = session.request({
      ":path": "/connect_migrate.test.v1.Echo/Unary",
      ":method": "POST",
      "content-type": "application/grpc",
    });
    request.on("error", () => {});
    const headers = new Promise<http2.IncomingHttpHeaders>((resolve) => request.on("response", resolve));
    request.write(Buffer.from([0, 0, 16, 0, 0]));
    expect((await headers)["grpc-status"]).toBe("8");
    request.resume();
    await new Promise((resolve) => request.once("close", resolve));
    expect(request.rstCode).toBe(http2.constants.NGHTTP2_NO_ERROR);
  });
});

describe("closing", () => {
  test("close lets calls finish and refuses new ones", async () => {
    const server = await start();
    const client = connect(`127.0.0.1:${server.port}`);
    const running = [unary(client, 300), stream(client, 100)];
    await begin(2);
    const began = Date.now();
    const closed = server.close().then(() => Date.now() - began);
    await wait(20);
    expect(await unary(client, 0)).toMatch(/^14 /);
    expect(await Promise.all(running)).toEqual(["hi", "0 after 4"]);
    expect(await closed).toBeGreaterThan(250);
  });

  test("destroy cancels calls", async () => {
    const server = await start();
    const client = connect(`127.0.0.1:${server.port}`);
    const running = [unary(client, 2000), stream(client, 2000)];
    await begin(2);
    // The first message is on its way
    await wait(100);
    server.destroy();
    const [first, second] = await Promise.all(running);
    expect(first).toMatch(/^1 /);
    expect(second).toBe("1 after 1");
    await server.close();
  });

  test("close ends idle keep-alive connections and lets busy ones finish", async () => {
    const server = await start();
    const agent = new http.Agent({ keepAlive: true });
    cleanups.push(() => agent.destroy());
    const post = (count: number) =>
      new Promise<string>((resolve, reject) => {
        const request = http.request(
          {
            port: server.port,
            host: "127.0.0.1",
            method: "POST",
            path: "/connect_migrate.test.v1.Echo/Unary",
            headers: { "content-type": "application/json" },
            agent,
          },
          (response) => {
            let text = "";
            response.on("data", (chunk) => {
              text += chunk;
            });
            response.on("end", () => resolve(text));
          },
        );
        request.on("error", reject);
        request.end(JSON.stringify({ text: "h1", count }));
      });
    await post(0);
    const busy = post(200);
    await wait(50);
    const closed = server.close();
    expect(JSON.parse(await busy)).toEqual({ text: "h1" });
    await closed;
  });

  test("an idle HTTP/2 connection does not hold close up", async () => {
    const server = await start();
    const client = connect(`127.0.0.1:${server.port}`);
    await unary(client, 0);
    const silent = net.connect(server.port, "127.0.0.1");
    silent.on("error", () => {});
    await wait(20);
    await server.close();
  });
});
