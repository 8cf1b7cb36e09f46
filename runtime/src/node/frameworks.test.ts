import * as http from "node:http";
import type { AddressInfo } from "node:net";
import { createConnectTransport as createTheirTransport } from "@connectrpc/connect-node";
import express from "express";
import fastify from "fastify";
import { afterEach, describe, expect, it } from "vitest";
import { collect, failureOf, requests } from "../../testing/calls.js";
import { Echo } from "../../testing/gen/echo_pb.js";
import { createClient } from "../client/create-client.js";
import { Code } from "../code.js";
import { ConnectError } from "../connect-error.js";
import type { ConnectRouter } from "../server/router.js";
import { createConnectTransport } from "./connect-transport.js";
import { expressConnectMiddleware } from "./express.js";
import { fastifyConnectPlugin } from "./fastify.js";
import { createGrpcTransport } from "./grpc-transport.js";
import { createGrpcWebTransport } from "./grpc-web-transport.js";

// The frameworks themselves, with routes and body parsers of their own around ours.

const cleanups: Array<() => unknown> = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const routes = (router: ConnectRouter) =>
  void router.service(Echo, {
    unary(request) {
      if (request.text === "fail") throw new ConnectError("no", Code.PermissionDenied);
      return { text: request.text, payload: request.payload };
    },
    get: (request) => ({ text: request.text }),
    async *serverStream(request) {
      for (let i = 0; i < request.count; i++) yield { count: i };
    },
    async clientStream(all) {
      let count = 0;
      for await (const _ of all) count++;
      return { count };
    },
    async *bidi(all) {
      for await (const request of all) yield { text: request.text };
    },
  });

async function talk(baseUrl: string): Promise<void> {
  const large = new Uint8Array(200_000).fill(7);
  const transports = [
    createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: false }),
    createConnectTransport({ baseUrl, httpVersion: "1.1", useHttpGet: true }),
    createGrpcWebTransport({ baseUrl, httpVersion: "1.1" }),
    createTheirTransport({ baseUrl, httpVersion: "1.1" }) as never,
  ];
  for (const transport of transports) {
    const client = createClient(Echo, transport);
    expect(Buffer.compare((await client.unary({ text: "é", payload: large })).payload, large)).toBe(0);
    expect((await client.get({ text: "x" })).text).toBe("x");
    expect(await collect(client.serverStream({ count: 3 }))).toHaveLength(3);
    expect((await client.clientStream(requests(["a", "b"]))).count).toBe(2);
    expect((await failureOf(client.unary({ text: "fail" }))).code).toBe(Code.PermissionDenied);
  }
}

async function listen(handler: http.RequestListener): Promise<string> {
  const server = http.createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe("express", () => {
  it("before body parsers, with routes beside it", async () => {
    const app = express();
    app.use(expressConnectMiddleware({ routes }));
    app.use(express.json());
    app.post("/own", (request, response) => void response.json(request.body));
    app.use((_request, response) => void response.status(404).send("nothing here"));
    const url = await listen(app);
    await talk(url);
    const own = await fetch(`${url}/own`, {
      method: "POST",
      body: '{"a":1}',
      headers: { "content-type": "application/json" },
    });
    expect(await own.json()).toEqual({ a: 1 });
    const other = await fetch(`${url}/connect_migrate.test.v1.Echo/Nope`, { method: "POST" });
    expect([other.status, await other.text()]).toEqual([404, "nothing here"]);
  });

  it("behind body parsers, and under a path", async () => {
    const app = express();
    app.use(express.json(), express.raw({ type: "application/proto", limit: "1mb" }), express.text());
    app.use("/api", expressConnectMiddleware({ routes }));
    const url = await listen(app);
    for (const useBinaryFormat of [true, false]) {
      const baseUrl = `${url}/api`;
      const client = createClient(Echo, createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat }));
      expect((await client.unary({ text: "parsed" })).text).toBe("parsed");
      expect(await collect(client.serverStream({ count: 2 }))).toHaveLength(2);
    }
  });
});

describe("fastify", () => {
  it("over HTTP/1.1, with routes beside it", async () => {
    const server = fastify();
    cleanups.push(() => server.close());
    await server.register(fastifyConnectPlugin, { routes });
    server.post("/own", (request) => request.body);
    const url = await server.listen({ port: 0, host: "127.0.0.1" });
    await talk(url);
    const own = await server.inject({ method: "POST", url: "/own", payload: { a: 1 } });
    expect(own.json()).toEqual({ a: 1 });
    expect((await server.inject({ method: "POST", url: "/connect_migrate.test.v1.Echo/Nope" })).statusCode).toBe(404);
  });

  it("over HTTP/2 it speaks gRPC, under a prefix too", async () => {
    const server = fastify({ http2: true });
    cleanups.push(() => server.close());
    await server.register(fastifyConnectPlugin, { routes });
    await server.register(fastifyConnectPlugin, { routes, requestPathPrefix: "/v2" });
    const url = await server.listen({ port: 0, host: "127.0.0.1" });
    for (const baseUrl of [url, `${url}/v2`]) {
      const transport = createGrpcTransport({ baseUrl });
      cleanups.unshift(() => transport.close());
      const client = createClient(Echo, transport);
      expect((await client.unary({ text: "hi" })).text).toBe("hi");
      expect(await collect(client.bidi(requests(["a", "b"])))).toHaveLength(2);
      expect((await failureOf(client.unary({ text: "fail" }))).code).toBe(Code.PermissionDenied);
    }
  });
});
