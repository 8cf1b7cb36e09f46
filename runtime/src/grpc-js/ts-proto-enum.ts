import type { DescEnum, EnumShape } from "@bufbuild/protobuf";

type Absent<Value> = Exclude<Value, number>;

/**
 * The name of an enum's value as ts-proto's code has it with `stringEnums`: that of the .proto, "UNRECOGNIZED" for a number that the
 * .proto does not know. Undefined and null stay what they are.
 */
export function tsProtoEnumName<Desc extends DescEnum, Value extends EnumShape<Desc> | undefined | null>(
  schema: Desc,
  value: Value,
): string | Absent<Value> {
  if (typeof value !== "number") return value as Absent<Value>;
  return schema.value[value]?.name ?? "UNRECOGNIZED";
}

/**
 * An enum's value where all numbers that the .proto does not know are one, as with `stringEnums` of ts-proto: -1 stands for them.
 * Undefined and null stay what they are.
 */
export function tsProtoEnum<Desc extends DescEnum, Value extends EnumShape<Desc> | undefined | null>(
  schema: Desc,
  value: Value,
): EnumShape<Desc> | Absent<Value> {
  if (typeof value !== "number") return value as Absent<Value>;
  return (schema.value[value] ? value : -1) as EnumShape<Desc>;
}
