import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Code } from "../code.js";
import { ConnectError } from "../connect-error.js";
import { snappyCompress, snappyDecompress } from "./snappy.js";

const limit = 1 << 24;

describe("snappy", () => {
  it("gives back any bytes, also repetitive ones over several chunks", () => {
    const noise = fc.uint8Array({ maxLength: 3000 });
    const repetitive = fc
      .tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: 5000 }))
      .map(([unit, times]) => Uint8Array.from({ length: unit.length * times }, (_, i) => unit[i % unit.length] ?? 0));
    fc.assert(
      fc.property(fc.oneof(noise, repetitive), (bytes) => {
        expect(Buffer.from(snappyDecompress(snappyCompress(bytes), limit)).equals(bytes)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it("makes repetitive bytes small", () => {
    expect(snappyCompress(new Uint8Array(100_000)).length).toBeLessThan(6000);
  });

  it("any damage is invalid_argument or resource_exhausted, never a crash or a wrong length", () => {
    const original = Uint8Array.from({ length: 5000 }, (_, i) => (i % 97) & 0xff);
    const stream = snappyCompress(original);
    fc.assert(
      fc.property(
        fc.nat(stream.length - 1),
        fc.integer({ min: 1, max: 255 }),
        fc.nat(stream.length),
        (at, flip, cut) => {
          const damaged = stream.slice(0, Math.max(cut, at + 1));
          damaged[at] = (damaged[at] ?? 0) ^ flip;
          try {
            snappyDecompress(damaged, limit);
          } catch (error) {
            expect(error).toBeInstanceOf(ConnectError);
            expect([Code.InvalidArgument, Code.ResourceExhausted]).toContain((error as ConnectError).code);
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it("stops at the limit", () => {
    expect(() => snappyDecompress(snappyCompress(new Uint8Array(200_000)), 100_000)).toThrow(
      expect.objectContaining({ code: Code.ResourceExhausted }),
    );
  });
});
