import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeBinaryHeader, encodeBinaryHeader } from "./binary-header.js";
import { Code } from "./code.js";
import { appendHeaders, createHeaders, headerLines, headersFromRaw, headerValues } from "./headers.js";

test("repeated values stay apart and still read as Headers do", () => {
  const headers = createHeaders([["X-A", "1"]]);
  headers.append("x-a", " 2 ");
  expect(headers.get("x-a")).toBe("1, 2");
  expect(headerValues(headers, "X-A")).toEqual(["1", "2"]);
  expect(headerLines(appendHeaders(headers, new Headers({ "x-a": "3" })))).toEqual([
    ["x-a", "1"],
    ["x-a", "2"],
    ["x-a", "3"],
  ]);
  headers.set("x-a", "4");
  expect(headerValues(headers, "x-a")).toEqual(["4"]);
  headers.delete("x-a");
  expect(headerLines(headers)).toEqual([]);
  expect(new Headers(createHeaders({ a: "b" })).get("a")).toBe("b");
});

test("raw headers without pseudo-headers and without what Headers refuses", () => {
  const headers = headersFromRaw([":path", "/x", "A", "1", "a", "2", "b", "\u0000"]);
  expect(headerLines(headers)).toEqual([
    ["a", "1"],
    ["a", "2"],
  ]);
});

test("binary values survive, padded or not", () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      expect([...decodeBinaryHeader(encodeBinaryHeader(bytes))]).toEqual([...bytes]);
      expect([...decodeBinaryHeader(Buffer.from(bytes).toString("base64"))]).toEqual([...bytes]);
    }),
  );
  expect(() => decodeBinaryHeader("a*b")).toThrow(expect.objectContaining({ code: Code.DataLoss }));
});
