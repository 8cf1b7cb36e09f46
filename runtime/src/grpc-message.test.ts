import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeGrpcMessage, encodeGrpcMessage } from "./grpc-message.js";

test("any text survives, also grpc-js's decodeURI", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      const encoded = encodeGrpcMessage(text);
      expect(encoded).toMatch(/^[\x20-\x7e]*$/);
      expect(decodeGrpcMessage(encoded)).toBe(text);
      expect(decodeURI(encoded)).toBe(text);
    }),
  );
});

test("only percent signs and bytes outside 0x20-0x7E are encoded", () => {
  const reserved = "x !\"#$&'()*+,-./0:;<=>?@A[\\]^_`a{|}~";
  expect(encodeGrpcMessage(reserved)).toBe(reserved);
  expect(encodeGrpcMessage("100% ☺")).toBe("100%25 %E2%98%BA");
  // Without this the whole text is lost on the way
  expect(encodeGrpcMessage("  in between ")).toBe("%20 in between%20");
});

test("decoding never throws", () => {
  fc.assert(fc.property(fc.string(), (text) => void decodeGrpcMessage(text)));
  expect(decodeGrpcMessage("%zz %E2%98%BA %ff")).toBe("%zz ☺ %ff");
});

test("a lone surrogate becomes a replacement character", () => {
  expect(decodeGrpcMessage(encodeGrpcMessage("a\ud800b"))).toBe("a\ufffdb");
});
