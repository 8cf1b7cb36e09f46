import { createRegistry } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { collect, failureOf, requests } from "../../testing/calls.js";
import { type ConnectNodePeer, startConnectNodeServer } from "../../testing/connect-node-server.js";
import { Echo, EchoResponseSchema } from "../../testing/gen/echo_pb.js";
import { startOurServer } from "../../testing/our-server.js";
import { type Client, createClient } from "../client/create-client.js";
import type { ClosableTransport } from "../client/protocol-transport.js";
import { Code } from "../code.js";
import type { HandlerContext } from "../implementation.js";
import type { Transport } from "../transport.js";
import { createApp } from "./app.js";
import { compressionBrotli, compressionGzip } from "./compression.js";
import { createConnectTransport } from "./connect-transport.js";
import { createGrpcTransport } from "./grpc-transport.js";
import { createGrpcWebTransport } from "./grpc-web-transport.js";
import { serve } from "./serve.js";
import type { CommonOptions } from "./transport-options.js";

type Make = (baseUrl: string, options?: CommonOptions) => ClosableTransport;

const cases: Array<[name: string, server: "1.1" | "2", make: Make]> = [
  ["Connect over HTTP/1.1", "1.1", (baseUrl, o) => createConnectTransport({ ...o, baseUrl, httpVersion: "1.1" })],
  ["Connect over HTTP/2", "2", (baseUrl, o) => createConnectTransport({ ...o, baseUrl, httpVersion: "2" })],
  ["gRPC-Web over HTTP/1.1", "1.1", (baseUrl, o) => createGrpcWebTransport({ ...o, baseUrl, httpVersion: "1.1" })],
  ["gRPC-Web over HTTP/2", "2", (baseUrl, o) => createGrpcWebTransport({ ...o, baseUrl, httpVersion: "2" })],
  ["gRPC", "2", (baseUrl, o) => createGrpcTransport({ ...o, baseUrl })],
];
const formats: Array<[name: string, options: CommonOptions]> = [
  ["proto", {}],
  ["JSON", { useBinaryFormat: false }],
  ["proto, gzip", { sendCompression: compressionGzip, compressMinBytes: 0, acceptCompression: [compressionGzip] }],
  ["JSON, br", { useBinaryFormat: false, sendCompression: compressionBrotli, compressMinBytes: 0 }],
];

const servers: Array<[name: string, start: (version: "1.1" | "2") => Promise<ConnectNodePeer>]> = [
  ["connect-node", (version) => startConnectNodeServer(version, { compressMinBytes: 0 })],
  ["our", startOurServer],
];
const pairs = servers.flatMap(([serverName, start]) => cases.map((c) => [serverName, start, ...c] as const));

for (const [serverName, start, name, version, make] of pairs) {
  describe(`${name}, ${serverName} server`, () => {
    let peer: ConnectNodePeer;
    beforeAll(async () => {
      peer = await start(version);
    });
    afterAll(() => peer.stop());

    describe.each(formats)("%s", (_format, options) => {
      let transport: ClosableTransport;
      let client: Client<typeof Echo>;
      beforeAll(() => {
        transport = make(peer.url, options);
        client = createClient(Echo, transport);
      });
      afterAll(() => transport.close());

      it("unary with headers and trailers", async () => {
        const seen: Array<string | null> = [];
        const response = await client.unary(
          { text: "hello", payload: new Uint8Array([0, 255]) },
          {
            headers: { "x-a": "1" },
            onHeader: (h) => seen.push(h.get("x-a"), h.get("x-head"), h.get("trailer-x-trail")),
            onTrailer: (t) => seen.push(t.get("x-trail")),
          },
        );
        expect(response.text).toBe("hello");
        expect([...response.payload]).toEqual([0, 255]);
        expect(seen).toEqual(["1", "h", null, "t"]);
      });

      it("unary error with metadata and details", async () => {
        const error = await failureOf(client.unary({ text: "fail 5 no: such/thing, 100%" }));
        expect(error.code).toBe(Code.NotFound);
        expect(error.rawMessage).toBe("no: such/thing, 100%");
        expect(error.metadata.get("x-error")).toBe("why");
        expect(error.metadata.get("x-trail")).toBe("t");
        expect(error.findDetails(EchoResponseSchema)[0]?.text).toBe("detail");
        expect(error.findDetails(createRegistry(EchoResponseSchema))).toHaveLength(1);
      });

      it("1 MiB both ways", async () => {
        const payload = new Uint8Array(1024 * 1024).fill(3);
        const response = await client.unary({ payload });
        expect(response.payload.byteLength).toBe(payload.byteLength);
      });

      it("server stream with trailers", async () => {
        const trailers: Array<string | null> = [];
        const responses = await collect(
          client.serverStream({ text: "s", count: 200 }, { onTrailer: (t) => trailers.push(t.get("x-trail")) }),
        );
        expect(responses.map((r) => r.count)).toEqual(Array.from({ length: 200 }, (_, i) => i));
        expect(trailers).toEqual(["t"]);
      });

      it("server stream that fails after messages", async () => {
        const seen: number[] = [];
        const error = await failureOf(
          (async () => {
            for await (const response of client.serverStream({ text: "fail 9 stop", count: 2 })) {
              seen.push(response.count);
            }
          })(),
        );
        expect(seen).toEqual([0, 1]);
        expect(error.code).toBe(Code.FailedPrecondition);
        expect(error.rawMessage).toBe("stop");
        expect(error.metadata.get("x-error")).toBe("why");
      });

      it("server stream that fails at once", async () => {
        const error = await failureOf(collect(client.serverStream({ text: "fail 7 no" })));
        expect(error.code).toBe(Code.PermissionDenied);
      });

      it("client stream", async () => {
        const response = await client.clientStream(requests(["a", "b"]));
        expect([response.text, response.count]).toEqual(["a,b", 2]);
      });

      it("deadline", async () => {
        const error = await failureOf(client.unary({ text: "hang" }, { timeoutMs: 50 }));
        expect(error.code).toBe(Code.DeadlineExceeded);
        const stream = await failureOf(collect(client.serverStream({ text: "hang", count: 1 }, { timeoutMs: 50 })));
        expect(stream.code).toBe(Code.DeadlineExceeded);
      });

      it("abort", async () => {
        const error = await failureOf(client.unary({ text: "hang" }, { signal: AbortSignal.timeout(30) }));
        expect(error.code).toBe(Code.Canceled);
      });

      if (version === "2") {
        it("bidi", async () => {
          const responses = await collect(client.bidi(requests(["a", "b"])));
          expect(responses.map((r) => r.text)).toEqual(["a", "b"]);
        });
      } else {
        it("bidi over HTTP/1.1: half-duplex with our server, refused by connect-node", async () => {
          const bidi = collect(client.bidi(requests(["a", "b"])));
          if (serverName === "our") {
            expect((await bidi).map((r) => r.text)).toEqual(["a", "b"]);
          } else {
            expect([Code.Unknown, Code.Unimplemented]).toContain((await failureOf(bidi)).code);
          }
        });
      }
    });

    it("receive limit", async () => {
      const transport = make(peer.url, { readMaxBytes: 100, acceptCompression: [] });
      const error = await failureOf(createClient(Echo, transport).unary({ payload: new Uint8Array(1000) }));
      expect(error.code).toBe(Code.ResourceExhausted);
      const bomb = make(peer.url, { readMaxBytes: 100, acceptCompression: [compressionGzip] });
      const zipped = await failureOf(createClient(Echo, bomb).unary({ payload: new Uint8Array(100_000) }));
      expect(zipped.code).toBe(Code.ResourceExhausted);
      transport.close();
      bomb.close();
    });
  });
}

describe("Connect GET", () => {
  it.each([
    ["proto", true, undefined],
    ["JSON", false, undefined],
    ["compressed", true, compressionGzip],
  ])("%s", async (_name, useBinaryFormat, sendCompression) => {
    const peer = await startConnectNodeServer("1.1");
    const transport = createConnectTransport({
      baseUrl: peer.url,
      httpVersion: "1.1",
      useHttpGet: true,
      useBinaryFormat,
      compressMinBytes: 0,
      ...(sendCompression === undefined ? {} : { sendCompression }),
    });
    const client = createClient(Echo, transport);
    expect((await client.get({ text: "größe & co" })).text).toBe("GET größe & co");
    expect(peer.requests[0]?.method).toBe("GET");
    expect((await client.unary({ text: "x" })).text).toBe("x");
    expect(peer.requests[1]?.method).toBe("POST");
    peer.stop();
  });
});

describe("metadata with the names of an object's members", () => {
  const names = ["constructor", "__proto__", "valueof", "tostring", "hasownproperty"];

  it.each<[string, (baseUrl: string) => Transport]>([
    ["Connect", (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "1.1" })],
    ["Connect over HTTP/2", (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "2" })],
    ["gRPC", (baseUrl) => createGrpcTransport({ baseUrl })],
    ["gRPC-Web", (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "1.1" })],
  ])("%s: goes and comes like any other", async (_name, create) => {
    const copy = (context: HandlerContext) => {
      for (const name of names) {
        const value = context.requestHeader.get(name);
        if (value !== null) {
          context.responseHeader.set(name, value);
          context.responseTrailer.set(name, value);
        }
      }
    };
    const app = createApp({
      routes: (router) =>
        void router.service(Echo, {
          unary(_request, context) {
            copy(context);
            return {};
          },
          async *serverStream(_request, context) {
            copy(context);
            yield {};
          },
        }),
    });
    const server = await serve(app, { address: "127.0.0.1:0", signals: false });
    const client = createClient(Echo, create(`http://127.0.0.1:${server.port}`));
    const seen: string[] = [];
    const look = (headers: Headers) => void seen.push(...names.filter((name) => headers.get(name) === `of ${name}`));
    const options = {
      headers: names.map((name): [string, string] => [name, `of ${name}`]),
      onHeader: look,
      onTrailer: look,
      timeoutMs: 5000,
    };
    await client.unary({}, options);
    await collect(client.serverStream({}, options));
    // An object's own prototype is no place for a value: that name alone does not arrive
    const expected = names.filter((name) => name !== "__proto__");
    expect(seen.filter((name) => name !== "__proto__")).toEqual([...expected, ...expected, ...expected, ...expected]);
    server.destroy();
  });
});
