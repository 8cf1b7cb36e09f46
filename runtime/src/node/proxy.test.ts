import * as http from "node:http";
import * as net from "node:net";
import * as grpc from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { failureOf } from "../../testing/calls.js";
import { makeCertificates } from "../../testing/certificates.js";
import { Echo } from "../../testing/gen/echo_pb.js";
import { startGrpcJsServer } from "../../testing/grpc-js-server.js";
import { createClient } from "../client/create-client.js";
import { Code } from "../code.js";
import { createGrpcTransport, type GrpcTransportOptions } from "./grpc-transport.js";
import { proxyFromEnvironment } from "./proxy.js";

async function startProxy(): Promise<{ url: string; seen: string[]; stop(): void }> {
  const seen: string[] = [];
  const server = http.createServer();
  server.on("connect", (request, socket) => {
    seen.push(`${request.url} ${request.headers["proxy-authorization"] ?? ""}`);
    if (request.url?.startsWith("refused")) {
      socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
      return;
    }
    const upstream = net.connect(Number(request.url?.split(":").pop()), "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      socket.pipe(upstream).pipe(socket);
    });
    socket.on("error", () => {});
    upstream.on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as net.AddressInfo;
  return { url: `http://me:p%40ss@127.0.0.1:${port}`, seen, stop: () => server.close() };
}

async function echo(options: GrpcTransportOptions): Promise<string> {
  const transport = createGrpcTransport(options);
  try {
    return (await createClient(Echo, transport).unary({ text: "hi" })).text;
  } finally {
    transport.close();
  }
}

describe("HTTP proxy", () => {
  it("tunnels cleartext and TLS, names are resolved by the proxy", async () => {
    const proxy = await startProxy();
    const { ca, server } = makeCertificates();
    const plain = await startGrpcJsServer();
    const secure = await startGrpcJsServer(
      grpc.ServerCredentials.createSsl(null, [{ private_key: server.key, cert_chain: server.cert }]),
    );
    expect(await echo({ target: `backend.invalid:${plain.port}`, proxy: proxy.url })).toBe("hi");
    const target = `localhost:${secure.port}`;
    expect(await echo({ target, tls: { ca }, proxy: proxy.url })).toBe("hi");
    const authorization = `Basic ${Buffer.from("me:p@ss").toString("base64")}`;
    expect(proxy.seen).toEqual([`backend.invalid:${plain.port} ${authorization}`, `${target} ${authorization}`]);
    const error = await failureOf(echo({ target: "refused:1", proxy: proxy.url }));
    expect([error.code, error.rawMessage]).toEqual([
      Code.Unavailable,
      expect.stringContaining("CONNECT refused:1 was answered with 403"),
    ]);
    proxy.stop();
    expect((await failureOf(echo({ target: "x:1", proxy: "http://127.0.0.1:1" }))).code).toBe(Code.Unavailable);
    plain.stop();
    secure.stop();
  });

  it("is taken from the environment, with exceptions", async () => {
    const proxy = await startProxy();
    const plain = await startGrpcJsServer();
    process.env.grpc_proxy = proxy.url;
    try {
      expect(await echo({ target: plain.address })).toBe("hi");
      expect(await echo({ target: plain.address, proxy: false })).toBe("hi");
      process.env.no_proxy = "10.0.0.0/8,127.0.0.0/8";
      expect(await echo({ target: plain.address })).toBe("hi");
    } finally {
      delete process.env.grpc_proxy;
      delete process.env.no_proxy;
    }
    expect(proxy.seen).toHaveLength(1);
    proxy.stop();
    plain.stop();
  });

  it.each([
    ["a.example.com", { http_proxy: "http://p:1" }, "p"],
    ["a.example.com", { http_proxy: "http://p:1", https_proxy: "http://s" }, "s"],
    ["a.example.com", { http_proxy: "http://p:1", no_proxy: "example.com" }, undefined],
    ["a.example.com", { http_proxy: "http://p:1", no_proxy: "example.com", no_grpc_proxy: "other" }, "p"],
    ["10.1.2.3", { http_proxy: "http://p:1", no_proxy: "10.0.0.0/8" }, undefined],
    ["11.1.2.3", { http_proxy: "http://p:1", no_proxy: "10.0.0.0/8" }, "p"],
    ["a", { http_proxy: "https://p:1" }, undefined],
    ["a", { http_proxy: "no url" }, undefined],
    ["a", {}, undefined],
  ])("%s with %j", (host, env, proxy) => {
    expect(proxyFromEnvironment(host, env)?.host).toBe(proxy);
  });
});
