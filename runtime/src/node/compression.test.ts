import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Code } from "../code.js";
import type { Compression } from "../compression.js";
import {
  compressionBrotli,
  compressionDeflate,
  compressionGzip,
  compressionSnappy,
  compressionZstd,
} from "./compression.js";

const all = [compressionGzip, compressionBrotli, compressionDeflate, compressionSnappy, compressionZstd].filter(
  (compression): compression is Compression => compression !== undefined,
);

describe.each(all.map((compression) => [compression.name, compression] as const))("%s", (_name, compression) => {
  test("gives back what it got", async () => {
    const repetitive = fc
      .tuple(fc.uint8Array({ minLength: 1, maxLength: 30 }), fc.nat(200))
      .map(([piece, times]) =>
        Uint8Array.from({ length: piece.length * times }, (_, i) => piece[i % piece.length] as number),
      );
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.uint8Array({ maxLength: 500 }), repetitive), async (bytes) => {
        const compressed = await compression.compress(bytes);
        expect([...(await compression.decompress(compressed, 0xffffffff))]).toEqual([...bytes]);
      }),
      { numRuns: 50 },
    );
    const large = Uint8Array.from({ length: 300_000 }, (_, i) => (i * i) >> 7);
    expect(Buffer.from(await compression.decompress(await compression.compress(large), 300_000)).equals(large)).toBe(
      true,
    );
  });

  test("stops at the limit, and knows garbage", async () => {
    const bomb = await compression.compress(new Uint8Array(1_000_000));
    await expect(compression.decompress(bomb, 1000)).rejects.toMatchObject({ code: Code.ResourceExhausted });
    await expect(compression.decompress(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), 1000)).rejects.toMatchObject({
      code: Code.InvalidArgument,
    });
    expect((await compression.decompress(new Uint8Array(0), 10)).byteLength).toBe(0);
  });
});

test("snappy: any bytes are refused or read, in bounds", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), async (bytes) => {
      const chunk = Uint8Array.of(0, bytes.length, 0, 0, ...bytes);
      await compressionSnappy.decompress(chunk, 1000).catch((error) => expect(error.code).toBeDefined());
    }),
  );
});
