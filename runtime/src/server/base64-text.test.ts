import fc from "fast-check";
import { expect, test } from "vitest";
import { createBase64Decoder } from "./base64-text.js";

test("padded pieces in any split", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array()), fc.integer({ min: 1, max: 7 }), (pieces, size) => {
      const text = Buffer.from(pieces.map((piece) => Buffer.from(piece).toString("base64")).join(""));
      const decoder = createBase64Decoder();
      const bytes: number[] = [];
      for (let i = 0; i < text.length; i += size) bytes.push(...decoder.push(text.subarray(i, i + size)));
      expect(bytes).toEqual(pieces.flatMap((piece) => [...piece]));
      expect(decoder.pending).toBe(0);
    }),
  );
});

test("what is not base64 is refused", () => {
  expect(() => createBase64Decoder().push(Buffer.from("a*"))).toThrow(SyntaxError);
  expect(() => createBase64Decoder().push(Buffer.from("a="))).toThrow(SyntaxError);
});
