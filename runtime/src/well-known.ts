import type { DescMessage, DescMethod } from "@bufbuild/protobuf";

// Facts of descriptor.proto and wrappers.proto. `@bufbuild/protobuf/wkt` has them, too, and loads the code of all well-known
// types: a fortieth of what a program does until its first call is over.

/** Has a method the option `idempotency_level = NO_SIDE_EFFECTS` (google.protobuf.MethodOptions.IdempotencyLevel)? */
export function hasNoSideEffects(method: DescMethod): boolean {
  return method.idempotency === 1;
}

/** Is it one of google.protobuf's wrappers, `Int32Value` and its like, which protobuf-es unwraps in singular fields? */
export function isWrapperDesc(desc: DescMessage): boolean {
  const [field] = desc.fields;
  const hasValue = field?.fieldKind === "scalar" && field.name === "value" && field.number === 1;
  return hasValue && /^google\.protobuf\.(Double|Float|U?Int(32|64)|Bool|String|Bytes)Value$/.test(desc.typeName);
}
