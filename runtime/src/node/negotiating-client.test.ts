import * as http2 from "node:http2";
import * as https from "node:https";
import type { AddressInfo } from "node:net";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { collect, failureOf, requests } from "../../testing/calls.js";
import { type Certificates, makeCertificates } from "../../testing/certificates.js";
import { Echo } from "../../testing/gen/echo_pb.js";
import { createClient } from "../client/create-client.js";
import { Code } from "../code.js";
import { createContextValues } from "../context-values.js";
import { createApp } from "./app.js";
import { createConnectTransport } from "./connect-transport.js";
import { createGrpcWebTransport } from "./grpc-web-transport.js";
import { serve } from "./serve.js";

const cleanups: Array<() => void> = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});
let certificates: Certificates;
beforeAll(() => {
  certificates = makeCertificates();
});

/** The version of HTTP that each call came with. */
const versions: string[] = [];
const app = createApp({
  contextValues: (request) => {
    versions.push(request.httpVersion);
    return createContextValues();
  },
  // Context values are made when somebody looks
  requestGate: (context) => void context.values,
  routes: (router) =>
    void router.service(Echo, {
      unary: (request) => ({ text: request.text }),
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
    }),
});

/** Ports of a server of ours, which speaks both, and of two that speak one version only. */
async function start(kind: "both" | "1.1" | "2"): Promise<string> {
  if (kind === "both") {
    const server = await serve(app, { address: "127.0.0.1:0", signals: false, tls: certificates.server });
    cleanups.push(() => server.destroy());
    return `https://localhost:${server.port}`;
  }
  const server =
    kind === "2"
      ? http2.createSecureServer(certificates.server, app as never)
      : https.createServer(certificates.server, app);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => server.close());
  return `https://localhost:${(server.address() as AddressInfo).port}`;
}

describe.each([
  ["both", "2.0"],
  ["1.1", "1.1"],
  ["2", "2.0"],
] as const)("a server that speaks %s", (kind, expected) => {
  it.each([
    ["Connect", createConnectTransport],
    ["gRPC-Web", createGrpcWebTransport],
  ] as const)("%s, every kind of call, the first ones all at once", async (_name, create) => {
    const baseUrl = await start(kind);
    versions.length = 0;
    const transport = create({ baseUrl, httpVersion: "auto", nodeOptions: { ca: certificates.ca } });
    cleanups.unshift(() => transport.close());
    const client = createClient(Echo, transport);
    const [one, many, up, both] = await Promise.all([
      client.unary({ text: "é" }),
      collect(client.serverStream({ count: 3 })),
      client.clientStream(requests(["a", "b", "c"])),
      collect(client.bidi(requests(["x", "y"]))),
    ]);
    expect([one.text, many.length, up.count, both.length]).toEqual(["é", 3, 3, 2]);
    expect((await client.unary({ text: "later" })).text).toBe("later");
    expect(versions).toEqual(Array.from({ length: 5 }, () => expected));
  });
});

it("fails as a connection does: nobody there, an unknown authority, a deadline, a cancelled call", async () => {
  const clientOf = (baseUrl: string, ca?: string | Buffer) =>
    createClient(
      Echo,
      createConnectTransport({ baseUrl, httpVersion: "auto", nodeOptions: ca === undefined ? {} : { ca } }),
    );
  const url = await start("both");
  expect((await failureOf(clientOf("https://127.0.0.1:1").unary({}))).code).toBe(Code.Unavailable);
  expect((await failureOf(clientOf(url).unary({}))).code).toBe(Code.Unavailable);
  const controller = new AbortController();
  const call = failureOf(clientOf(url, certificates.ca).unary({}, { signal: controller.signal }));
  controller.abort();
  expect((await call).code).toBe(Code.Canceled);
});

it("a target, and cleartext", async () => {
  const url = new URL(await start("both"));
  const transport = createConnectTransport({
    target: url.host,
    tls: { ca: certificates.ca },
    httpVersion: "auto",
  });
  cleanups.unshift(() => transport.close());
  versions.length = 0;
  expect((await createClient(Echo, transport).unary({ text: "x" })).text).toBe("x");
  const plain = await serve(app, { address: "127.0.0.1:0", signals: false });
  cleanups.push(() => plain.destroy());
  const baseUrl = `http://127.0.0.1:${plain.port}`;
  await createClient(Echo, createConnectTransport({ baseUrl, httpVersion: "auto" })).unary({});
  expect(versions).toEqual(["2.0", "1.1"]);
  const unix = { target: "unix:/tmp/x", tls: true, httpVersion: "auto" } as const;
  expect(() => createConnectTransport(unix)).toThrow("unix:");
});
