import * as http2 from "node:http2";
import * as https from "node:https";
import * as grpc from "@grpc/grpc-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Certificates, makeCertificates } from "../../testing/certificates.js";
import { Echo } from "../../testing/gen/echo_pb.js";
import { kPeerCertificate } from "../server/peer.js";
import { createApp } from "./app.js";
import { type RunningServer, serve } from "./serve.js";

const path = "/connect_migrate.test.v1.Echo/Unary";
let certificates: Certificates;
let server: RunningServer;
const app = createApp({
  routes(router) {
    router.service(Echo, {
      unary: (_request, context) => ({ text: String(context.values.get(kPeerCertificate)?.subject.CN) }),
    });
  },
});

beforeAll(async () => {
  certificates = makeCertificates();
  const { ca, server: own } = certificates;
  server = await serve(app, {
    address: "127.0.0.1:0",
    signals: false,
    tls: { ...own, ca, requestCert: true, rejectUnauthorized: false },
  });
});
afterAll(() => server.destroy());

function grpcUnary(withCertificate: boolean): Promise<string> {
  const { ca, client: own } = certificates;
  const client = new grpc.Client(
    `localhost:${server.port}`,
    withCertificate ? grpc.credentials.createSsl(ca, own.key, own.cert) : grpc.credentials.createSsl(ca),
  );
  return new Promise((resolve, reject) =>
    client.makeUnaryRequest(
      path,
      (bytes: Buffer) => bytes,
      (bytes) => bytes.subarray(2).toString(),
      Buffer.alloc(0),
      (error, text) => {
        client.close();
        if (error) reject(error);
        else resolve(text as string);
      },
    ),
  );
}

test("gRPC with and without a client certificate", async () => {
  expect(await grpcUnary(true)).toBe("client");
  expect(await grpcUnary(false)).toBe("undefined");
});

test("HTTP/1.1 on the same port", async () => {
  const text = await new Promise<string>((resolve, reject) => {
    const request = https.request(
      {
        host: "localhost",
        port: server.port,
        path,
        method: "POST",
        ca: certificates.ca,
        headers: { "content-type": "application/json" },
      },
      (response) => {
        let body = "";
        response.on("data", (chunk) => {
          body += chunk;
        });
        response.on("end", () => resolve(body));
      },
    );
    request.on("error", reject);
    request.end("{}");
  });
  expect(JSON.parse(text)).toEqual({ text: "undefined" });
});

test("a graceful close under TLS", async () => {
  const own = await serve(app, { address: "127.0.0.1:0", signals: false, tls: certificates.server });
  const session = http2.connect(`https://localhost:${own.port}`, { ca: certificates.ca });
  session.on("error", () => {});
  await new Promise((resolve) => session.once("connect", resolve));
  await own.close();
});

test("new certificates: for later connections, while open ones go on", async () => {
  const own = await serve(app, { address: "127.0.0.1:0", signals: false, tls: certificates.server });
  const connect = async (ca: string | Buffer) => {
    const session = http2.connect(`https://localhost:${own.port}`, { ca });
    await new Promise((resolve, reject) => session.once("connect", resolve).once("error", reject));
    return session;
  };
  const before = await connect(certificates.ca);
  const renewed = makeCertificates();
  own.setSecureContext(renewed.server);
  const after = await connect(renewed.ca);
  await expect(connect(certificates.ca)).rejects.toThrow(/certificate/);
  // What does not fit together changes nothing
  expect(() => own.setSecureContext({ cert: certificates.server.cert, key: renewed.server.key })).toThrow(/key/);
  (await connect(renewed.ca)).destroy();
  await new Promise((resolve, reject) => before.ping((error) => (error === null ? resolve(null) : reject(error))));
  before.destroy();
  after.destroy();
  await own.close();
  const plain = await serve(app, { address: "127.0.0.1:0", signals: false });
  expect(() => plain.setSecureContext(renewed.server)).toThrow("speaks no TLS");
  plain.destroy();
});
