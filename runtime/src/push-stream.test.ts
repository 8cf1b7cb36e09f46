import { describe, expect, it } from "vitest";
import { createPushStream, type PushOutput } from "./push-stream.js";

async function read<T>(stream: AsyncIterable<T>): Promise<unknown[]> {
  const seen: unknown[] = [];
  try {
    for await (const message of stream) seen.push(message);
    seen.push("end");
  } catch (error) {
    seen.push(error);
  }
  return seen;
}

describe("a stream that is pushed", () => {
  it("delivers what is written at once and later, then ends", async () => {
    const stream = createPushStream<number>((output) => {
      output.write(1);
      setTimeout(() => {
        output.write(2);
        output.end();
        output.write(3);
        output.fail(new Error("too late"));
      }, 1);
    });
    expect(await read(stream)).toEqual([1, 2, "end"]);
  });

  it.each([
    ["fails", (output: PushOutput<number>, error: unknown) => output.fail(error)],
    [
      "throws",
      (_: PushOutput<number>, error: unknown) => {
        throw error;
      },
    ],
  ])("delivers what was written before it %s", async (_name, fail) => {
    const error = new Error("full");
    const stream = createPushStream<number>((output) => {
      output.write(1);
      fail(output, error);
      output.end();
    });
    expect(await read(stream)).toEqual([1, error]);
  });

  it("fails without a reason, too", async () => {
    expect(await read(createPushStream((output) => output.fail(undefined)))).toEqual([expect.any(Error)]);
  });

  it("takes nothing once its reader has gone", async () => {
    let late: PushOutput<number> | undefined;
    const stream = createPushStream<number>((output) => {
      late = output;
      output.write(1);
      output.write(2);
    });
    for await (const message of stream) {
      expect(message).toBe(1);
      break;
    }
    late?.write(3);
    expect(await read(stream)).toEqual(["end"]);
  });
});
