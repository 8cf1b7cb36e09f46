import * as http2 from "node:http2";
import type { AddressInfo } from "node:net";
import * as grpc from "@grpc/grpc-js";
import { afterEach, describe, expect, it } from "vitest";
import { collect, failureOf, requests } from "../../testing/calls.js";
import { Echo } from "../../testing/gen/echo_pb.js";
import { echoDefinition } from "../../testing/grpc-js-server.js";
import { createClient } from "../client/create-client.js";
import type { ServiceConfig } from "../client/service-config.js";
import { Code } from "../code.js";
import { createGrpcTransport } from "./grpc-transport.js";

const cleanups: Array<() => void> = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) {
    cleanup();
  }
});

interface Attempt {
  previous: string | undefined;
  at: number;
}

/** Fails (Trailers-Only) as often as told, then answers with the request's own bytes. */
async function startFlaky(
  failures: number,
  trailers: http2.OutgoingHttpHeaders = { "grpc-status": "14", "grpc-message": "later" },
): Promise<{ address: string; attempts: Attempt[] }> {
  const attempts: Attempt[] = [];
  const server = http2.createServer();
  const sessions: http2.ServerHttp2Session[] = [];
  server.on("session", (session) => sessions.push(session));
  server.on("stream", (stream, headers) => {
    stream.on("error", () => {});
    attempts.push({ previous: headers["grpc-previous-rpc-attempts"] as string | undefined, at: Date.now() });
    const head = { ":status": 200, "content-type": "application/grpc" };
    if (attempts.length <= failures) {
      stream.respond({ ...head, ...trailers }, { endStream: true });
      return;
    }
    const chunks: Uint8Array[] = [];
    stream.on("data", (chunk: Uint8Array) => chunks.push(chunk));
    stream.on("end", () => {
      stream.respond(head, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      stream.end(Buffer.concat(chunks).subarray(0, 8));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => {
    server.close();
    for (const session of sessions) {
      session.destroy();
    }
  });
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, attempts };
}

const retryPolicy = {
  maxAttempts: 3,
  initialBackoff: "0.01s",
  maxBackoff: "0.1s",
  backoffMultiplier: 2,
  retryableStatusCodes: ["UNAVAILABLE"],
};
const config: ServiceConfig = {
  methodConfig: [{ name: [{ service: "connect_migrate.test.v1.Echo" }], retryPolicy }],
};

function clientOf(target: string, serviceConfig: ServiceConfig | string = config) {
  const transport = createGrpcTransport({ target, serviceConfig });
  cleanups.push(() => transport.close());
  return createClient(Echo, transport);
}

describe("retry policy of a service config", () => {
  it("unary and streams are repeated, with the number of attempts in a header", async () => {
    for (const call of [
      (c: ReturnType<typeof clientOf>) => c.unary({ text: "a" }).then((r) => r.text),
      (c: ReturnType<typeof clientOf>) => collect(c.serverStream({ text: "a" })).then((all) => all[0]?.text),
      (c: ReturnType<typeof clientOf>) => c.clientStream(requests(["a", "b"])).then((r) => r.text),
      (c: ReturnType<typeof clientOf>) => collect(c.bidi(requests(["a"]))).then((all) => all[0]?.text),
    ]) {
      const { address, attempts } = await startFlaky(2);
      expect(await call(clientOf(address, JSON.stringify(config)))).toBe("a");
      expect(attempts.map((attempt) => attempt.previous)).toEqual([undefined, "1", "2"]);
    }
  });

  it("as many attempts as grpc-js makes", async () => {
    const ours = await startFlaky(10);
    const error = await failureOf(clientOf(ours.address).unary({}));
    expect([error.code, error.rawMessage]).toEqual([Code.Unavailable, "later"]);

    const theirs = await startFlaky(10);
    const Service = grpc.makeGenericClientConstructor(echoDefinition, "Echo");
    const client = new Service(theirs.address, grpc.credentials.createInsecure(), {
      "grpc.service_config": JSON.stringify(config),
      "grpc.use_local_subchannel_pool": 1,
    });
    cleanups.push(() => client.close());
    await new Promise((resolve) => (client as unknown as { Unary: (...a: unknown[]) => void }).Unary({}, resolve));
    expect(ours.attempts.map((a) => a.previous)).toEqual(theirs.attempts.map((a) => a.previous));
  });

  it("not for other codes, other methods or without a policy", async () => {
    const other = await startFlaky(1, { "grpc-status": "5" });
    expect((await failureOf(clientOf(other.address).unary({}))).code).toBe(Code.NotFound);
    expect(other.attempts).toHaveLength(1);
    const elsewhere = await startFlaky(1);
    const serviceConfig: ServiceConfig = {
      methodConfig: [{ name: [{ service: "connect_migrate.test.v1.Echo", method: "Bidi" }], retryPolicy }],
    };
    await failureOf(clientOf(elsewhere.address, serviceConfig).unary({}));
    expect(elsewhere.attempts).toHaveLength(1);
  });

  it("the server's pushback", async () => {
    const wait = await startFlaky(1, { "grpc-status": "14", "grpc-retry-pushback-ms": "120" });
    await clientOf(wait.address).unary({ text: "a" });
    expect((wait.attempts[1]?.at ?? 0) - (wait.attempts[0]?.at ?? 0)).toBeGreaterThanOrEqual(115);
    const never = await startFlaky(1, { "grpc-status": "14", "grpc-retry-pushback-ms": "-1" });
    await failureOf(clientOf(never.address).unary({}));
    expect(never.attempts).toHaveLength(1);
  });

  it("throttling", async () => {
    const { address, attempts } = await startFlaky(100);
    const client = clientOf(address, { ...config, retryThrottling: { maxTokens: 4, tokenRatio: 0.1 } });
    await failureOf(client.unary({}));
    await failureOf(client.unary({}));
    await failureOf(client.unary({}));
    expect(attempts).toHaveLength(4);
  });

  it("ends with the deadline and with abort", async () => {
    const slow: ServiceConfig = {
      methodConfig: [{ name: [{}], retryPolicy: { ...retryPolicy, initialBackoff: "100s", maxBackoff: "100s" } }],
    };
    const { address } = await startFlaky(100);
    const client = clientOf(address, slow);
    expect((await failureOf(client.unary({}, { timeoutMs: 60 }))).code).toBe(Code.DeadlineExceeded);
    const stream = collect(client.serverStream({}, { signal: AbortSignal.timeout(60) }));
    expect((await failureOf(stream)).code).toBe(Code.Canceled);
  });

  it("timeout and waitForReady of a method", async () => {
    const serviceConfig: ServiceConfig = {
      methodConfig: [
        { name: [{ service: "connect_migrate.test.v1.Echo", method: "Unary" }], timeout: "0.05s", waitForReady: true },
      ],
    };
    const client = clientOf("127.0.0.1:1", serviceConfig);
    expect((await failureOf(client.unary({}))).code).toBe(Code.DeadlineExceeded);
    expect((await failureOf(client.get({}))).code).toBe(Code.Unavailable);
  });

  it.each([
    [{ maxAttempts: 1 }, "maxAttempts is 1"],
    [{ initialBackoff: "100ms" }, '"100ms" is no duration'],
    [{ retryableStatusCodes: ["LATER"] }, '"LATER" is no status code'],
  ])("a config that says nonsense is refused: %j", (wrong, text) => {
    const serviceConfig: ServiceConfig = { methodConfig: [{ name: [{}], retryPolicy: { ...retryPolicy, ...wrong } }] };
    expect(() => createGrpcTransport({ target: "localhost:1", serviceConfig })).toThrow(text);
  });
});
