import { expect } from "vitest";
import { ConnectError } from "../src/connect-error.js";

/** The ConnectError that a call rejects with. */
export async function failureOf(call: Promise<unknown>): Promise<ConnectError> {
  try {
    await call;
  } catch (e) {
    expect(e).toBeInstanceOf(ConnectError);
    return e as ConnectError;
  }
  throw new Error("the call succeeded");
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) {
    all.push(item);
  }
  return all;
}

/** Messages with these texts. */
export async function* requests(texts: string[]): AsyncIterable<{ text: string }> {
  for (const text of texts) {
    yield { text };
  }
}
