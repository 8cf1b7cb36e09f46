import * as grpc from "@grpc/grpc-js";
import { afterEach, describe, expect, it } from "vitest";
import { collect, failureOf, requests } from "../../testing/calls.js";
import { Echo } from "../../testing/gen/echo_pb.js";
import { echoDefinition } from "../../testing/grpc-js-server.js";
import { createClient } from "../client/create-client.js";
import type { HedgingPolicy, ServiceConfig } from "../client/service-config.js";
import { Code } from "../code.js";
import { ConnectError } from "../connect-error.js";
import type { HandlerContext } from "../implementation.js";
import { createApp } from "./app.js";
import { createConnectTransport } from "./connect-transport.js";
import { createGrpcTransport } from "./grpc-transport.js";
import { serve } from "./serve.js";

const cleanups: Array<() => void> = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

interface Attempt {
  previous: string | null;
  at: number;
  received: string[];
  aborted: boolean;
}

/** What each attempt does, by its number: take its time, fail, or both. The last one's way is that of all that follow. */
type Script = { ms?: number; code?: Code; pushback?: string }[];

async function startScripted(script: Script) {
  const attempts: Attempt[] = [];
  const run = async (context: HandlerContext, text?: string): Promise<number> => {
    const index = attempts.length;
    const attempt: Attempt = {
      previous: context.requestHeader.get("grpc-previous-rpc-attempts"),
      at: Date.now(),
      received: text === undefined ? [] : [text],
      aborted: false,
    };
    attempts.push(attempt);
    context.signal.addEventListener("abort", () => {
      attempt.aborted = true;
    });
    const { ms = 0, code, pushback } = script[Math.min(index, script.length - 1)] ?? {};
    await wait(ms);
    if (code !== undefined) {
      throw new ConnectError(
        `attempt ${index}`,
        code,
        pushback === undefined ? {} : { "grpc-retry-pushback-ms": pushback },
      );
    }
    return index;
  };
  const app = createApp({
    routes: (router) =>
      void router.service(Echo, {
        unary: async (request, context) => ({ text: request.text, count: await run(context, request.text) }),
        async *serverStream(request, context) {
          const index = await run(context, request.text);
          for (let i = 0; i < 3; i++) yield { text: request.text, count: index };
        },
        async clientStream(all, context) {
          const mine = attempts.length;
          const done = run(context);
          for await (const request of all) attempts[mine]?.received.push(request.text);
          return { text: attempts[mine]?.received.join(""), count: await done };
        },
        async *bidi(all, context) {
          const index = await run(context);
          for await (const request of all) {
            attempts[index]?.received.push(request.text);
            yield { text: request.text, count: index };
          }
        },
      }),
  });
  const server = await serve(app, { address: "127.0.0.1:0", signals: false });
  cleanups.push(() => server.destroy());
  return { port: server.port, attempts };
}

const config = (hedgingPolicy: HedgingPolicy, more: Partial<ServiceConfig> = {}): ServiceConfig => ({
  methodConfig: [{ name: [{}], hedgingPolicy }],
  ...more,
});
const policy: HedgingPolicy = { maxAttempts: 3, hedgingDelay: "0.1s", nonFatalStatusCodes: ["UNAVAILABLE"] };

function clientOf(port: number, serviceConfig: ServiceConfig = config(policy)) {
  const transport = createGrpcTransport({ target: `127.0.0.1:${port}`, serviceConfig });
  cleanups.push(() => transport.close());
  return createClient(Echo, transport);
}
type EchoClient = ReturnType<typeof clientOf>;

const calls: [string, (client: EchoClient) => Promise<{ text: string; count: number }>][] = [
  ["unary", (client) => client.unary({ text: "ab" })],
  ["server streaming", async (client) => (await collect(client.serverStream({ text: "ab" })))[2] as never],
  ["client streaming", (client) => client.clientStream(requests(["a", "b"]))],
  [
    "bidi",
    async (client) => {
      const all = await collect(client.bidi(requests(["a", "b"])));
      return { text: all.map((one) => one.text).join(""), count: all[1]?.count ?? -1 };
    },
  ],
];

describe.each(calls)("hedging: %s", (_kind, call) => {
  it("the first answer counts, and the other attempts are cancelled", async () => {
    const { port, attempts } = await startScripted([{ ms: 5000 }, { ms: 1 }]);
    const began = Date.now();
    expect(await call(clientOf(port))).toMatchObject({ text: "ab", count: 1 });
    expect(Date.now() - began).toBeLessThan(4000);
    expect(attempts.map((attempt) => attempt.previous)).toEqual([null, "1"]);
    await expect.poll(() => attempts[0]?.aborted).toBe(true);
    expect(attempts[1]?.aborted).toBe(false);
  });

  it("a quick answer needs one attempt", async () => {
    const { port, attempts } = await startScripted([{}]);
    expect(await call(clientOf(port, config({ ...policy, hedgingDelay: "5s" })))).toMatchObject({ text: "ab" });
    await wait(50);
    expect(attempts).toHaveLength(1);
  });

  it("a non-fatal code brings the next attempt forward; the last one's is the call's", async () => {
    const slow = config({ ...policy, hedgingDelay: "60s" });
    const first = await startScripted([{ code: Code.Unavailable }, {}]);
    expect(await call(clientOf(first.port, slow))).toMatchObject({ text: "ab", count: 1 });
    const all = await startScripted([{ code: Code.Unavailable }]);
    const error = await failureOf(call(clientOf(all.port, slow)));
    expect([error.code, error.rawMessage]).toEqual([Code.Unavailable, "attempt 2"]);
    expect(all.attempts).toHaveLength(3);
  });

  it("a fatal code ends the call and its other attempts", async () => {
    const { port, attempts } = await startScripted([{ ms: 5000 }, { code: Code.NotFound }]);
    expect((await failureOf(call(clientOf(port)))).code).toBe(Code.NotFound);
    expect(attempts).toHaveLength(2);
    await expect.poll(() => attempts[0]?.aborted).toBe(true);
  });

  it("deadline and abort end every attempt", async () => {
    const { port, attempts } = await startScripted([{ ms: 5000 }]);
    const client = clientOf(port);
    await client.unary({}, { timeoutMs: 20_000 }).catch(() => {});
    const opened = attempts.length;
    const late = collect(client.serverStream({}, { timeoutMs: 250 }));
    expect((await failureOf(late)).code).toBe(Code.DeadlineExceeded);
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 250);
    expect((await failureOf(client.unary({}, { signal: controller.signal }))).code).toBe(Code.Canceled);
    await expect.poll(() => attempts.slice(opened).every((attempt) => attempt.aborted)).toBe(true);
  });
});

describe("hedging", () => {
  it("the server's pushback: later, or never", async () => {
    const slow = config({ ...policy, hedgingDelay: "60s" });
    const later = await startScripted([{ code: Code.Unavailable, pushback: "120" }, {}]);
    await clientOf(later.port, slow).unary({});
    expect((later.attempts[1]?.at ?? 0) - (later.attempts[0]?.at ?? 0)).toBeGreaterThanOrEqual(115);
    const never = await startScripted([{ code: Code.Unavailable, pushback: "-1" }, {}]);
    expect((await failureOf(clientOf(never.port, slow).unary({}))).rawMessage).toBe("attempt 0");
    expect(never.attempts).toHaveLength(1);
  });

  it("throttling", async () => {
    const { port, attempts } = await startScripted([{ code: Code.Unavailable }]);
    const client = clientOf(port, config(policy, { retryThrottling: { maxTokens: 4, tokenRatio: 0.1 } }));
    for (let i = 0; i < 3; i++) await failureOf(client.unary({}));
    // Two tokens are half of four: then each call has its first attempt only
    expect(attempts).toHaveLength(4);
  });

  it("over Connect and without a delay: all attempts at once", async () => {
    const { port, attempts } = await startScripted([{ ms: 3000 }, { ms: 3000 }, {}]);
    const transport = createConnectTransport({
      baseUrl: `http://127.0.0.1:${port}`,
      httpVersion: "1.1",
      serviceConfig: config({ maxAttempts: 3 }),
    });
    expect(await createClient(Echo, transport).unary({ text: "x" })).toMatchObject({ text: "x", count: 2 });
    expect(attempts).toHaveLength(3);
  });

  it("an upload that is too large to keep stays with one attempt", async () => {
    const { port, attempts } = await startScripted([{ ms: 300 }]);
    const large = "x".repeat(40_000);
    const sent = Array.from({ length: 20 }, () => large);
    const answer = await clientOf(port, config({ ...policy, hedgingDelay: "0.02s" })).clientStream(requests(sent));
    expect(answer.text.length).toBe(20 * large.length);
    expect(attempts.filter((attempt) => !attempt.aborted)).toHaveLength(1);
  });

  it("a source of requests that fails fails every attempt: none ends its request as if it were whole", async () => {
    const { port, attempts } = await startScripted([{ ms: 5000 }]);
    async function* broken() {
      yield { text: "a" };
      await wait(50);
      throw new ConnectError("the source broke", Code.Unavailable);
    }
    const error = await failureOf(clientOf(port, config({ ...policy, hedgingDelay: "0.2s" })).clientStream(broken()));
    expect(error.rawMessage).toBe("the source broke");
    await expect.poll(() => attempts.every((attempt) => attempt.aborted)).toBe(true);
  });

  it("as many attempts as grpc-js makes", async () => {
    const script: Script = [{ code: Code.Unavailable }];
    const ours = await startScripted(script);
    await failureOf(clientOf(ours.port).unary({}));
    const theirs = await startScripted(script);
    const Service = grpc.makeGenericClientConstructor(echoDefinition, "Echo");
    const client = new Service(`127.0.0.1:${theirs.port}`, grpc.credentials.createInsecure(), {
      "grpc.service_config": JSON.stringify(config(policy)),
      "grpc.use_local_subchannel_pool": 1,
    });
    cleanups.push(() => client.close());
    await new Promise((resolve) => (client as unknown as { Unary: (...a: unknown[]) => void }).Unary({}, resolve));
    expect(ours.attempts.map((attempt) => attempt.previous)).toEqual(
      theirs.attempts.map((attempt) => attempt.previous),
    );
  });

  it.each([
    [{ hedgingPolicy: { maxAttempts: 1 } }, "maxAttempts is 1"],
    [{ hedgingPolicy: { maxAttempts: 2, hedgingDelay: "soon" } }, '"soon" is no duration'],
    [
      {
        hedgingPolicy: policy,
        retryPolicy: {
          maxAttempts: 2,
          initialBackoff: "1s",
          maxBackoff: "1s",
          backoffMultiplier: 1,
          retryableStatusCodes: [14],
        },
      },
      "expected one of them",
    ],
  ])("a config that says nonsense is refused: %j", (wrong, text) => {
    const serviceConfig: ServiceConfig = { methodConfig: [{ name: [{}], ...wrong }] };
    expect(() => createGrpcTransport({ target: "localhost:1", serviceConfig })).toThrow(text);
  });
});
