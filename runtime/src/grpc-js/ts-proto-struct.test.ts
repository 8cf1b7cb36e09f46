import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { UnusualSchema } from "../../testing/gen/every_type_pb.js";
import { tsProtoStruct } from "./ts-proto-struct.js";

/** What the peer reads of a Struct. */
const sent = (object: unknown) =>
  fromBinary(UnusualSchema, toBinary(UnusualSchema, create(UnusualSchema, { struct: tsProtoStruct(object) }))).struct;

describe("tsProtoStruct", () => {
  it("gives the very object where all of it is JSON", () => {
    const object = { a: 1, b: [true, null, "x", { c: {} }], "": -0 };
    expect(tsProtoStruct(object)).toBe(object);
  });

  it("leaves out what is undefined, at any depth, and keeps the given object as it was", () => {
    const object = { a: undefined, b: { c: undefined, d: [{ e: undefined }] } };
    expect(sent(object)).toEqual({ b: { d: [{}] } });
    expect("a" in object && "c" in object.b).toBe(true);
  });

  it.each([
    [
      "an instance",
      new (class {
        x = 1;
        y = undefined;
      })(),
      { x: 1 },
    ],
    ["a date, which has nothing of its own", { at: new Date(0) }, { at: {} }],
    ["bytes", { raw: Buffer.from("ab") }, { raw: { 0: 97, 1: 98 } }],
    ["a list in place of an object", ["x"], { 0: "x" }],
    ["a text in place of an object", "ab", { 0: "a", 1: "b" }],
    ["a number in place of an object", 5, {}],
    ["nothing", undefined, undefined],
    ["null", null, undefined],
  ])("%s", (_, given, expected) => {
    expect(sent(given)).toEqual(expected);
  });

  it.each([1n, () => 1, Symbol("x")])("refuses a %s where the message is encoded, not before", (value) => {
    const message = create(UnusualSchema, { struct: tsProtoStruct({ deep: [value] }) });
    expect(() => toBinary(UnusualSchema, message)).toThrow(`Unsupported any value type: ${typeof value}`);
  });
});
