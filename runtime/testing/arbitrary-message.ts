import { create, type DescEnum, type DescField, type DescMessage, type Message, ScalarType } from "@bufbuild/protobuf";
import { isWrapperDesc } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";

/** Any message of a type, its fields set or not, for property tests of codecs. */
export function arbitraryMessage(desc: DescMessage, depth = 2): fc.Arbitrary<Message> {
  const members = new Map<string, fc.Arbitrary<unknown>>();
  for (const oneof of desc.oneofs) {
    const cases = oneof.fields
      .filter((field) => field.message === undefined || depth > 0)
      .map((field) => fieldValue(field, depth).map((value) => ({ case: field.localName, value })));
    members.set(oneof.localName, fc.oneof(fc.constant({ case: undefined }), ...cases));
  }
  for (const field of desc.fields) {
    if (field.oneof !== undefined || (field.message !== undefined && depth === 0)) continue;
    members.set(field.localName, fieldValue(field, depth));
  }
  const required = desc.fields.filter((field) => field.presence === 3).map((field) => field.localName);
  return fc
    .record(Object.fromEntries(members), { requiredKeys: required })
    .map((init) => create(desc, init as Record<string, never>));
}

function fieldValue(field: DescField, depth: number): fc.Arbitrary<unknown> {
  switch (field.fieldKind) {
    case "message":
      return singleMessage(field.message, field.oneof === undefined, depth);
    case "enum":
      return enumValue(field.enum);
    case "scalar":
      return scalarValue(field.scalar, field.longAsString);
    case "list": {
      const item =
        field.listKind === "message"
          ? singleMessage(field.message, false, depth)
          : field.listKind === "enum"
            ? enumValue(field.enum)
            : scalarValue(field.scalar, field.longAsString);
      return fc.array(item, { maxLength: 5 });
    }
    case "map": {
      const value =
        field.mapKind === "message"
          ? singleMessage(field.message, false, depth)
          : field.mapKind === "enum"
            ? enumValue(field.enum)
            : scalarValue(field.scalar, false);
      return fc.dictionary(scalarValue(field.mapKey, false).map(String), value, { maxKeys: 3 });
    }
  }
}

function singleMessage(desc: DescMessage, bare: boolean, depth: number): fc.Arbitrary<unknown> {
  if (bare && desc.typeName === "google.protobuf.Struct")
    return fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 3 });
  const wrapped = desc.fields[0];
  if (bare && isWrapperDesc(desc) && wrapped?.fieldKind === "scalar") return scalarValue(wrapped.scalar, false);
  return arbitraryMessage(desc, depth - 1);
}

const enumValue = (desc: DescEnum) =>
  fc.oneof(
    fc.constantFrom(...desc.values.map(({ number }) => number)),
    desc.open ? fc.integer() : fc.constant(desc.values[0]?.number),
  );

const texts = fc.oneof(
  fc.string(),
  fc.string({ unit: "binary" }),
  fc.string({ unit: "grapheme", maxLength: 300, minLength: 100 }),
);
const blobs = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc.integer({ min: 3_000, max: 9_000 }).map((length) => new Uint8Array(length).fill(length)),
);

function scalarValue(type: ScalarType, longAsString: boolean): fc.Arbitrary<unknown> {
  const long = (values: fc.Arbitrary<bigint>) => (longAsString ? values.map(String) : values);
  const signed = fc.oneof(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), fc.bigInt(-300n, 300n));
  const unsigned = fc.oneof(fc.bigInt(0n, 2n ** 64n - 1n), fc.bigInt(0n, 300n));
  switch (type) {
    case ScalarType.DOUBLE:
      return fc.double();
    case ScalarType.FLOAT:
      return fc.float();
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return long(signed);
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return long(unsigned);
    case ScalarType.BOOL:
      return fc.boolean();
    case ScalarType.STRING:
      return texts;
    case ScalarType.BYTES:
      return blobs;
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return fc.oneof(fc.nat({ max: 300 }), fc.integer({ min: 0, max: 0xffffffff }));
    default:
      return fc.oneof(fc.integer({ min: -300, max: 300 }), fc.integer());
  }
}
