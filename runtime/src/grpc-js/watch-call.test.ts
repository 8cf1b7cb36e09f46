import type { DescMethod } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { createWritableIterable } from "../async-iterable.js";
import { OneMessage } from "../client/one-message.js";
import { Code } from "../code.js";
import { ConnectError } from "../connect-error.js";
import type { AnyFn } from "../interceptor.js";
import { watchCall } from "./watch-call.js";

// What interceptors see on real calls is compared with grpc-js in codemods/clients/interceptors.same-answers.test.ts.

const tick = () => new Promise((resolve) => setImmediate(resolve));

/** A call that is answered by what it is sent, and a log of what its hooks see. */
function call(methodKind: DescMethod["methodKind"], message: unknown, failure?: ConnectError) {
  const seen: string[] = [];
  const answer = async function* (messages: AsyncIterable<string>) {
    for await (const each of messages) yield each.toUpperCase();
    if (failure) throw failure;
  };
  const next = (async (req: { message: AsyncIterable<string> }) => ({
    stream: true,
    header: new Headers(),
    trailer: new Headers(),
    message: answer(req.message),
  })) as unknown as AnyFn;
  const req = { stream: true, method: { methodKind }, message } as unknown as Parameters<AnyFn>[0];
  const res = watchCall(next, req, {
    sent: (text: string) => {
      seen.push(`sent ${text}`);
      return `${text}!`;
    },
    received: (text: string | null) => {
      seen.push(`received ${text}`);
      return text;
    },
    ended: ({ code }) => void seen.push(`ended ${code}`),
  });
  const read = async () => {
    for await (const each of (await res).message as AsyncIterable<string>) seen.push(`read ${each}`);
  };
  return { seen, read, res };
}

describe("watchCall", () => {
  it("sees the one message of a call at once", async () => {
    const { seen, read } = call("server_streaming", new OneMessage("a"));
    expect(seen).toEqual(["sent a"]);
    await read();
    expect(seen).toEqual(["sent a", "received A!", "read A!", "ended 0"]);
  });

  it("sees the first message when it is written, and others of the same turn in order, before the end", async () => {
    const messages = createWritableIterable<string>();
    const { seen, read } = call("bidi_streaming", messages);
    const all = read();
    for (const text of ["a", "b", "c"]) void messages.write(text);
    messages.close();
    expect(messages.isClosed()).toBe(true);
    expect(seen).toEqual(["sent a"]);
    await all;
    expect(seen.filter((line) => line.startsWith("sent"))).toEqual(["sent a", "sent b", "sent c"]);
    expect(seen.at(-1)).toBe("ended 0");
    await expect(messages.write("d")).rejects.toThrow("closed");
    expect(seen).not.toContain("sent d");
  });

  it("sees what is written to a call that is over", async () => {
    const messages = createWritableIterable<string>();
    const { seen } = call("bidi_streaming", messages);
    await messages[Symbol.asyncIterator]().return?.();
    await expect(messages.write("late")).rejects.toThrow("closed");
    expect(seen).toEqual(["sent late"]);
  });

  it("sees messages of any iterable", async () => {
    const { seen, read } = call(
      "client_streaming",
      (async function* () {
        yield "a";
      })(),
    );
    await read();
    expect(seen).toEqual(["sent a", "received A!", "read A!", "ended 0"]);
  });

  it("hands on that the reader stops, and sees the call cancelled", async () => {
    const messages = createWritableIterable<string>();
    const { seen, res } = call("bidi_streaming", messages);
    void messages.write("a");
    for await (const each of (await res).message as AsyncIterable<string>) {
      seen.push(`read ${each}`);
      break;
    }
    expect(messages.isClosed()).toBe(true);
    expect(seen).toEqual(["sent a", "received A!", "read A!", "ended 1"]);
  });

  it("sees no answer, and the code, where a call with one answer fails", async () => {
    const failure = new ConnectError("no", Code.NotFound);
    const messages = createWritableIterable<string>();
    const { seen, read } = call("client_streaming", messages, failure);
    messages.close();
    await expect(read()).rejects.toBe(failure);
    expect(seen).toEqual(["received null", "ended 5"]);
    await tick();
    expect(seen).toHaveLength(2);
  });
});
