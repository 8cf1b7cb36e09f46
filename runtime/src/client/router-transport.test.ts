import { create } from "@bufbuild/protobuf";
import { createRouterTransport as officialRouterTransport } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { collect, failureOf, requests } from "../../testing/calls.js";
import { echoRoutes } from "../../testing/connect-node-server.js";
import { Echo, EchoResponseSchema } from "../../testing/gen/echo_pb.js";
import { createWritableIterable } from "../async-iterable.js";
import { Code } from "../code.js";
import { ConnectError } from "../connect-error.js";
import type { MessageCodecs } from "../message-codec.js";
import type { ConnectRouter } from "../server/router.js";
import type { Transport } from "../transport.js";
import { createCallbackClient } from "./callback-client.js";
import { createClient } from "./create-client.js";
import { createRouterTransport } from "./router-transport.js";

const routes = echoRoutes as unknown as (router: ConnectRouter) => void;

describe("createRouterTransport", () => {
  const client = createClient(Echo, createRouterTransport(routes));

  it("all four kinds", async () => {
    const seen: Array<string | null> = [];
    const response = await client.unary(
      { text: "u" },
      { onHeader: (h) => seen.push(h.get("x-head")), onTrailer: (t) => seen.push(t.get("x-trail")) },
    );
    expect(response.text).toBe("u");
    expect(seen).toEqual(["h", "t"]);
    expect(await collect(client.serverStream({ text: "s", count: 3 }))).toHaveLength(3);
    expect((await client.clientStream(requests(["a", "b"]))).text).toBe("a,b");
    expect((await collect(client.bidi(requests(["a", "b"])))).map((r) => r.text)).toEqual(["a", "b"]);
  });

  it("bidi, message by message", async () => {
    const input = createWritableIterable<{ text: string }>();
    const output = client.bidi(input)[Symbol.asyncIterator]();
    for (const text of ["one", "two"]) {
      await input.write({ text });
      expect((await output.next()).value.text).toBe(text);
    }
    input.close();
    expect((await output.next()).done).toBe(true);
  });

  it("errors, deadline, abort, unknown method", async () => {
    const error = await failureOf(client.unary({ text: "fail 5 gone" }));
    expect([error.code, error.rawMessage]).toEqual([Code.NotFound, "gone"]);
    expect((await failureOf(client.unary({ text: "hang" }, { timeoutMs: 20 }))).code).toBe(Code.DeadlineExceeded);
    const stream = collect(client.serverStream({ text: "hang", count: 1 }, { signal: AbortSignal.timeout(20) }));
    expect((await failureOf(stream)).code).toBe(Code.Canceled);
    const empty = createClient(
      Echo,
      createRouterTransport(() => {}),
    );
    expect((await failureOf(empty.unary({}))).code).toBe(Code.Unimplemented);
  });
});

/** Messages of another library: here JSON text in place of protobuf-es. */
const messages: MessageCodecs = {
  method: (path) => ({
    keys: [`Other${path.slice(path.lastIndexOf("/") + 1)}`],
    input: {
      serialize: (value) => Uint8Array.from([10, 1, String((value as { t: string }).t).charCodeAt(0)]),
      deserialize: () => ({}),
    },
    output: {
      serialize: () => new Uint8Array(),
      deserialize: (bytes) => ({ t: String.fromCharCode(bytes[2] ?? 0) }),
    },
  }),
};

describe("createClient with messages", () => {
  const transports: Array<[string, Transport]> = [
    ["ours", createRouterTransport(routes)],
    ["another package's", officialRouterTransport(echoRoutes) as unknown as Transport],
  ];
  it.each(transports)("on a transport that is %s", async (_name, transport) => {
    const client = createClient(Echo, transport, { messages }) as unknown as Record<
      string,
      (request: unknown) => Promise<unknown> & AsyncIterable<unknown>
    >;
    expect(await client.unary?.({ t: "a" })).toEqual({ t: "a" });
    expect(await client.OtherUnary?.({ t: "b" })).toEqual({ t: "b" });
    async function* two() {
      yield { t: "x" };
      yield { t: "y" };
    }
    expect(await collect(client.bidi?.(two()) as AsyncIterable<unknown>)).toEqual([{ t: "x" }, { t: "y" }]);
  });
});

describe("createCallbackClient", () => {
  const client = createCallbackClient(Echo, createRouterTransport(routes));

  it("unary and server streaming", async () => {
    const text = await new Promise((resolve) => client.unary({ text: "cb" }, (_e, r) => resolve(r.text)));
    expect(text).toBe("cb");
    const error = await new Promise<ConnectError | undefined>((resolve) =>
      client.unary({ text: "fail 5" }, (e) => resolve(e)),
    );
    expect(error?.code).toBe(Code.NotFound);
    const counts: number[] = [];
    const closed = await new Promise((resolve) =>
      client.serverStream({ text: "s", count: 2 }, (r) => counts.push(r.count), resolve),
    );
    expect(counts).toEqual([0, 1]);
    expect(closed).toBeUndefined();
  });

  it("a cancelled call does not call back", async () => {
    let called = 0;
    client.unary({ text: "hang" }, () => called++)();
    client.serverStream(
      { text: "hang", count: 0 },
      () => called++,
      () => called++,
    )();
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(called).toBe(0);
  });
});

it("an error of the transport is a ConnectError with create()d messages accepted", async () => {
  const client = createClient(
    Echo,
    createRouterTransport((router) => {
      router.service(Echo, { unary: () => create(EchoResponseSchema, { text: "made" }) });
    }),
  );
  expect((await client.unary({})).text).toBe("made");
  expect(await failureOf(client.clientStream(requests([])))).toBeInstanceOf(ConnectError);
});
