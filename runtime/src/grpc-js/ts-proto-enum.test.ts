import { create } from "@bufbuild/protobuf";
import { type Field_Cardinality, Field_CardinalitySchema, TypeSchema } from "@bufbuild/protobuf/wkt";
import { expect, expectTypeOf, it } from "vitest";
import { tsProtoEnum, tsProtoEnumName, tsProtoObject } from "./index.js";

const schema = Field_CardinalitySchema;

it("gives the name of a number, and one name for all that are not known", () => {
  expect([0, 3, 9, -1].map((value) => tsProtoEnumName(schema, value))).toEqual([
    "CARDINALITY_UNKNOWN",
    "CARDINALITY_REPEATED",
    "UNRECOGNIZED",
    "UNRECOGNIZED",
  ]);
  expect(tsProtoEnumName(schema, undefined)).toBe(undefined);
  expect(tsProtoEnumName(schema, null)).toBe(null);
});

it("gives one number for all that are not known", () => {
  expect([0, 3, 9, -1].map((value) => tsProtoEnum(schema, value))).toEqual([0, 3, -1, -1]);
  const absent = undefined as Field_Cardinality | undefined;
  expect(tsProtoEnum(schema, absent)).toBe(undefined);
  expectTypeOf(tsProtoEnum(schema, absent)).toEqualTypeOf<Field_Cardinality | undefined>();
  expectTypeOf(tsProtoEnumName(schema, absent)).toEqualTypeOf<string | undefined>();
});

it("shows values of enums as their names", () => {
  const type = create(TypeSchema, { syntax: 1, fields: [{ kind: 5, cardinality: 7 as Field_Cardinality }] });
  const shown = tsProtoObject(TypeSchema, type, { enums: String });
  expect([shown.syntax, shown.fields[0].kind, shown.fields[0].cardinality]).toEqual([
    "SYNTAX_PROTO3",
    "TYPE_INT32",
    "UNRECOGNIZED",
  ]);
  expect(tsProtoObject(TypeSchema, type).syntax).toBe(1);
});
