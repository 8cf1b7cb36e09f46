import {
  type DescField,
  type DescMessage,
  fromJson,
  type JsonObject,
  type JsonValue,
  ScalarType,
} from "@bufbuild/protobuf";
import { isWrapperDesc, ListValueSchema, ValueSchema } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";

const names = fc.constantFrom("a", "b", "name", "10", "9", "");
const { json, jsonObject } = fc.letrec<{ json: JsonValue; jsonObject: JsonObject }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 2 },
    fc.oneof(fc.string({ maxLength: 5 }), fc.integer(), fc.boolean(), fc.constant(null), fc.constant(0.5)),
    fc.array(tie("json"), { maxLength: 3 }),
    tie("jsonObject"),
  ),
  jsonObject: fc.dictionary(names, tie("json"), { maxKeys: 3, noNullPrototype: true }),
}));

/** Values for `create()`: every field set, unset or empty, to a depth. `bits` is the size of 64-bit integers. */
export function initOf(desc: DescMessage, depth: number, bits = 64n): fc.Arbitrary<Record<string, unknown>> {
  const one = (field: DescField): fc.Arbitrary<unknown> => {
    if ("message" in field && field.message) {
      if (field.message.typeName === "google.protobuf.Timestamp")
        return fc.record({ seconds: fc.bigInt(0n, 9999999999n), nanos: fc.nat(999999999) });
      if (field.message.typeName === "google.protobuf.Struct") return jsonObject;
      if (field.message.typeName === "google.protobuf.Value") return json.map((one) => fromJson(ValueSchema, one));
      if (field.message.typeName === "google.protobuf.ListValue")
        return fc.array(json, { maxLength: 3 }).map((list) => fromJson(ListValueSchema, list));
      if (field.message.typeName === "google.protobuf.FieldMask")
        return fc.record({ paths: fc.array(fc.constantFrom("ab", "item_name", "a.b_c"), { maxLength: 3 }) });
      const [wrapped] = field.message.fields;
      if (field.fieldKind === "message" && !field.oneof && wrapped && isWrapperDesc(field.message)) return one(wrapped);
      return depth === 0 ? fc.constant(undefined) : initOf(field.message, depth - 1, bits);
    }
    if ("enum" in field && field.enum) return fc.constantFrom(0, 1, 5, 77, 78);
    switch ("scalar" in field ? field.scalar : undefined) {
      case ScalarType.STRING:
        return fc.string({ maxLength: 5 });
      case ScalarType.BOOL:
        return fc.boolean();
      case ScalarType.BYTES:
        return fc.uint8Array({ maxLength: 4 });
      case ScalarType.DOUBLE:
        return fc.oneof(
          fc.double({ noNaN: true }).map((one) => one + 0),
          fc.integer(),
        );
      case ScalarType.INT64: {
        const big = fc.bigInt(-(2n ** (bits - 1n)), 2n ** (bits - 1n) - 1n);
        return "longAsString" in field && field.longAsString ? big.map(String) : big;
      }
      case ScalarType.UINT64:
        return fc.bigInt(0n, 2n ** bits - 1n);
      case ScalarType.UINT32:
        return fc.nat(2 ** 31 - 1).map((n) => n * 2);
      default:
        return fc.integer();
    }
  };
  const withoutAbsent = (items: readonly unknown[]) => items.filter((item) => item !== undefined);
  const members = desc.members.map((member): readonly [string, fc.Arbitrary<unknown>] => {
    if (member.kind === "oneof") {
      const cases = member.fields.map((field) =>
        one(field).map((value) => (value === undefined ? { case: undefined } : { case: field.localName, value })),
      );
      return [member.localName, fc.oneof(fc.constant({ case: undefined }), ...cases)];
    }
    if (member.fieldKind === "list")
      return [member.localName, fc.array(one(member), { maxLength: 3 }).map(withoutAbsent)];
    if (member.fieldKind === "map") {
      const keys = member.mapKey === ScalarType.STRING ? ["a", "10", "b", "", "9"] : ["7", "10", "9"];
      const entries = fc.array(fc.tuple(fc.constantFrom(...keys), one(member)), { maxLength: 3 });
      return [
        member.localName,
        entries.map((pairs) => Object.fromEntries(pairs.filter(([, value]) => value !== undefined))),
      ];
    }
    return [member.localName, fc.option(one(member), { nil: undefined })];
  });
  return fc.record(Object.fromEntries(members));
}
