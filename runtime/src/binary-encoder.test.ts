import { create, fromBinary, type Message, setExtension, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { arbitraryMessage } from "../testing/arbitrary-message.js";
import { EveryFeatureSchema, extra_children, extra_string } from "../testing/gen/every_edition_pb.js";
import { EveryTypeSchema, UnusualSchema } from "../testing/gen/every_type_pb.js";
import { createBinaryEncoder } from "./binary-encoder.js";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

describe.each([
  { desc: EveryTypeSchema, runs: 400 },
  { desc: EveryFeatureSchema, runs: 400 },
  { desc: UnusualSchema, runs: 100 },
])("$desc.typeName", ({ desc, runs }) => {
  const encode = createBinaryEncoder(desc);

  // Some of these messages are large: on a busy machine that takes its time
  const patient = { timeout: 120_000 };

  test(`${runs} arbitrary messages: the bytes of protobuf-es, behind what is reserved`, patient, () => {
    fc.assert(
      fc.property(arbitraryMessage(desc), fc.constantFrom(0, 5), (message, reserve) => {
        const bytes = encode(message, reserve);
        expect(hex(bytes.subarray(reserve))).toBe(hex(toBinary(desc, message as never)));
        expect(bytes.byteLength).toBeGreaterThanOrEqual(reserve);
      }),
      { numRuns: runs },
    );
  });

  test("unknown fields are written again, in place", patient, () => {
    fc.assert(
      fc.property(arbitraryMessage(EveryTypeSchema), (other) => {
        let message: Message;
        try {
          message = fromBinary(desc, toBinary(EveryTypeSchema, other as never));
        } catch {
          return; // The same number, another type
        }
        let expected: Uint8Array;
        try {
          expected = toBinary(desc, message as never);
        } catch (reason) {
          expect(() => encode(message, 0)).toThrow((reason as Error).message);
          return;
        }
        expect(hex(encode(message, 0))).toBe(hex(expected));
      }),
      { numRuns: 100 },
    );
  });
});

test("extensions", () => {
  const message = create(EveryFeatureSchema, { requiredString: "r" });
  setExtension(message, extra_string, "é");
  setExtension(message, extra_children, [message, message]);
  expect(hex(createBinaryEncoder(EveryFeatureSchema)(message, 0))).toBe(hex(toBinary(EveryFeatureSchema, message)));
});

describe("irregular values: what protobuf-es does, text for text", () => {
  const encode = createBinaryEncoder(EveryTypeSchema);
  test.each([
    { anInt32: 1.5 },
    { anInt32: "7" },
    { anInt32: 2 ** 40 },
    { aUint32: -1 },
    { aFloat: 1e300 },
    { aFloat: "1" },
    { aDouble: "1.5" },
    { aDouble: null },
    { anInt64: 2n ** 63n },
    { anInt64: "12" },
    { anInt64: 12 },
    { aUint64: -1n },
    { aBool: 1 },
    { aString: 5 },
    { aString: undefined },
    { someBytes: [1, 2] },
    { someBytes: null },
    { colour: "COLOUR_RED" },
    { child: {} },
    { child: null },
    { child: create(UnusualSchema) },
    { manyInt32: [1, "x"] },
    { manyString: null },
    { manyChildren: [undefined] },
    { byInt32: { x: create(EveryTypeSchema) } },
    { byString: { a: 1 } },
    { byUint32: { a: 1 } },
    { choice: undefined },
    { choice: { case: "chosenInt64", value: "x" } },
    { stringWrapper: 5 },
    { $unknown: [{ no: 1000, wireType: 2, data: new Uint8Array([1, 120]) }] },
    { $typeName: "another.Type" },
  ])("%o", (values) => {
    const message = Object.assign(create(EveryTypeSchema, { aString: "before" }), values) as Message;
    const outcome = (run: () => Uint8Array) => {
      try {
        return hex(run());
      } catch (reason) {
        return `${(reason as Error).name}: ${(reason as Error).message}`;
      }
    };
    expect(outcome(() => encode(message, 0))).toBe(outcome(() => toBinary(EveryTypeSchema, message as never)));
    // And nothing of it is left for the next message
    const next = create(EveryTypeSchema, { aString: "after" });
    expect(hex(encode(next, 0))).toBe(hex(toBinary(EveryTypeSchema, next)));
  });

  test("a message whose getter encodes another one", () => {
    const inner = create(EveryTypeSchema, { aString: "inner" });
    const message = create(EveryTypeSchema, { aString: "outer" });
    let seen = "";
    Object.defineProperty(message, "anInt32", {
      get() {
        seen = hex(encode(inner, 0));
        return 7;
      },
      enumerable: true,
    });
    expect(hex(encode(message, 0))).toBe(hex(toBinary(EveryTypeSchema, message)));
    expect(seen).toBe(hex(toBinary(EveryTypeSchema, inner)));
  });
});

test("large fields at every depth, and a scratch that grew is given back", () => {
  const encode = createBinaryEncoder(EveryTypeSchema);
  const big = new Uint8Array(1 << 20).map((_, i) => i);
  const leaf = create(EveryTypeSchema, { someBytes: big, aString: "x".repeat(100_000), anInt32: -1 });
  const message = create(EveryTypeSchema, {
    aString: "é".repeat(3000),
    child: leaf,
    manyBytes: [big, new Uint8Array(10), big.subarray(0, 5000)],
    manyChildren: [leaf, { child: { child: leaf } }],
    manyInt32: Array.from({ length: 100_000 }, (_, i) => i),
    byInt32: { 3: leaf },
  });
  for (let i = 0; i < 2; i++) expect(hex(encode(message, 5).subarray(5))).toBe(hex(toBinary(EveryTypeSchema, message)));
});

test("a message without fields, and one that is not there", () => {
  const encode = createBinaryEncoder(EveryTypeSchema);
  expect(encode(create(EveryTypeSchema), 0).byteLength).toBe(0);
  expect(() => encode(undefined as never, 0)).toThrow();
  expect(hex(encode(create(EveryTypeSchema, { aBool: true }), 0))).toBe("4001");
});
