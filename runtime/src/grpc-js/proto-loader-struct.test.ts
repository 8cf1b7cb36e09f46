import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { UnusualSchema } from "../../testing/gen/every_type_pb.js";
import { protoLoaderStruct, structFromProtoLoader } from "./proto-loader-struct.js";

/** What the peer reads of a Struct. */
const sent = (object: unknown) =>
  fromBinary(UnusualSchema, toBinary(UnusualSchema, create(UnusualSchema, { struct: structFromProtoLoader(object) })))
    .struct;

describe("protoLoaderStruct", () => {
  it("gives the object of proto-loader's options", () => {
    const struct = { a: null, b: [Number.NaN, {}], ["__proto__"]: "x" };
    expect(Object.entries(protoLoaderStruct(struct, { enums: String, oneofs: true }).fields)).toEqual([
      ["a", { nullValue: "NULL_VALUE", kind: "nullValue" }],
      [
        "b",
        {
          listValue: {
            values: [
              { numberValue: Number.NaN, kind: "numberValue" },
              { structValue: { fields: {} }, kind: "structValue" },
            ],
          },
          kind: "listValue",
        },
      ],
      ["__proto__", { stringValue: "x", kind: "stringValue" }],
    ]);
  });

  it("leaves out what is empty without defaults", () => {
    expect(protoLoaderStruct({ a: {} }, { defaults: false })).toEqual({ fields: { a: { structValue: {} } } });
    expect(protoLoaderStruct({}, { defaults: false })).toEqual({});
    expect([protoLoaderStruct(undefined, { defaults: false }), protoLoaderStruct(undefined)]).toEqual([
      undefined,
      null,
    ]);
  });
});

describe("structFromProtoLoader", () => {
  it("takes what protobufjs converts, the member with the highest number, and a value without a kind", () => {
    const fields = {
      a: { numberValue: "7" },
      b: { stringValue: 5, boolValue: 0 },
      c: {},
      d: { listValue: {} },
      e: { nullValue: 0 },
    };
    expect(sent({ fields })).toEqual({ a: 7, b: false, c: null, d: [], e: null });
    expect(structFromProtoLoader({ fields: { c: {} } })).toStrictEqual({ c: undefined });
    expect([sent(undefined), sent(null), sent({})]).toEqual([undefined, undefined, {}]);
  });

  it.each([5, { fields: "x" }, { fields: { a: 1 } }, { fields: { a: { structValue: 1 } } }])(
    "refuses %j where the message is encoded, not before",
    (object) => {
      const message = create(UnusualSchema, { struct: structFromProtoLoader(object) });
      expect(() => toBinary(UnusualSchema, message)).toThrow("object expected");
    },
  );
});
