import { expect, it } from "vitest";
import { RequestStream } from "./request-stream.js";

const still = { pause() {}, resume() {} };
const stream = () => new RequestStream<{ data: Uint8Array }, number>((item) => item.data.byteLength, still);
const message = (length: number) => ({ data: new Uint8Array(length) });

it("a call that is over does not fail a stream that has ended and whose messages are all taken", async () => {
  const requests = stream();
  requests.push(message(1));
  requests.end();
  expect(await requests.next()).toEqual({ done: false, value: 1 });
  requests.fail(new Error("gone"), true);
  expect(await requests.next()).toEqual({ done: true, value: undefined });
});

it("messages that nobody has taken are lost with the call", async () => {
  const requests = stream();
  requests.push(message(1));
  requests.push(message(2));
  requests.end();
  await requests.next();
  requests.fail(new Error("gone"), true);
  await expect(requests.next()).rejects.toThrow("gone");
});

it("a call that is over before its stream has ended fails it", async () => {
  const requests = stream();
  const next = requests.next();
  requests.fail(new Error("gone"), true);
  await expect(next).rejects.toThrow("gone");
});
