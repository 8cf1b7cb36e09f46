import { type DescField, type DescMessage, type DescOneof, ScalarType } from "@bufbuild/protobuf";
import type { Node } from "ts-morph";
import type { PlainType, Representation } from "./legacy-shape.js";

/** What an expression is known to hold, as protobuf-es will hold it. */
export type Kind =
  | { readonly kind: "message"; readonly desc: DescMessage }
  /** `maybe`: it can be undefined, and a conversion must let that through. */
  | {
      readonly kind: "value";
      readonly as: Representation;
      readonly maybe?: boolean;
      /** The field that such a value is of, or an element of it. */
      readonly field?: DescField;
      /** The message that it was read of. */
      readonly readOf?: Node;
    }
  | { readonly kind: "list"; readonly of: Kind }
  /** A message around one value, or around an object, which protobuf-es has without it. */
  | { readonly kind: "wrapper"; readonly desc: DescMessage; readonly of: Kind }
  | { readonly kind: "map"; readonly of: Kind }
  /** A oneof that is an object of its own, with a discriminator and a value. */
  | { readonly kind: "oneof"; readonly oneof: DescOneof }
  /** The discriminator of a oneof: a string of old keys. */
  | { readonly kind: "case"; readonly oneof: DescOneof }
  /** An async iterable, as streaming handlers take and streaming calls give it. */
  | { readonly kind: "stream"; readonly of: Kind };

export const SAME: Kind = { kind: "value", as: { kind: "same", type: "string" } };

export const STRUCT = "google.protobuf.Struct";

/** google.protobuf.Struct as a message of old code, `{ fields: { name: { stringValue: "…" } } }`: JSON in a field of protobuf-es. */
export function isStructMessage(kind: Kind | undefined): kind is Kind & { readonly kind: "wrapper" } {
  return kind?.kind === "wrapper" && kind.desc.typeName === STRUCT;
}

/** A message that a google.protobuf.Struct is made of: nothing is read of it where a field holds one. */
export function isPartOfStruct({ file }: DescMessage): boolean {
  return file.proto.name === "google/protobuf/struct.proto";
}

export function isAssignableScalar(from: PlainType, to: PlainType): boolean {
  return from === to || (to === "number" && (from === "int32" || from === "uint32"));
}

export function isStringValue(kind: Kind): boolean {
  return kind.kind === "value" && kind.as.kind === "same" && kind.as.type === "string";
}

/** No conversion is ever written around such a value. */
export function neverWrapped(kind: Kind): boolean {
  if (isStruct(kind)) return false;
  return isPlain(kind) && !(kind.kind === "value" && kind.as.kind === "same" && /int32/.test(kind.as.type));
}

export function maybe(kind: Kind): Kind {
  return kind.kind === "value" ? { ...kind, maybe: true } : kind;
}

export function unsupportedIn(kind: Kind): string | undefined {
  if (kind.kind === "list" || kind.kind === "map" || kind.kind === "stream" || kind.kind === "wrapper")
    return unsupportedIn(kind.of);
  return kind.kind === "value" && kind.as.kind === "unsupported" ? kind.as.why : undefined;
}

/** A message, or a part of one that is an object, or a list, map or stream of them. */
export function holdsMessages(kind: Kind): boolean {
  return kind.kind === "list" || kind.kind === "map" || kind.kind === "stream"
    ? holdsMessages(kind.of)
    : kind.kind === "message" || kind.kind === "oneof";
}

/** Identical at run time in both worlds, whatever is done with it. */
export function isPlain(kind: Kind): boolean {
  if (kind.kind === "list" || kind.kind === "map") return isPlain(kind.of);
  return kind.kind === "value" && /^(same|enum-number|struct)$/.test(kind.as.kind);
}

/** An enum's value that is a name in old code, or a list or map of them. */
export function isTextEnum(kind: Kind): boolean {
  if ("of" in kind) return isTextEnum(kind.of);
  return kind.kind === "value" && kind.as.kind === "enum-number" && kind.as.isText === true;
}

/** The object of a google.protobuf.Struct. */
export function isStruct(kind: Kind | undefined): boolean {
  return kind?.kind === "value" && kind.as.kind === "struct";
}

/** Such an object, or a list or map of them. */
export function holdsStructs(kind: Kind): boolean {
  return "of" in kind ? holdsStructs(kind.of) : isStruct(kind);
}

/** A list of 64 bits that old code has as numbers. */
export function isListOfNumbers(kind: Kind): boolean {
  return kind.kind === "list" && kind.of.kind === "value" && kind.of.as.kind === "int64-number";
}

/** A field of 64 bits without a sign. */
export function isUnsignedField(field: DescField | undefined): boolean {
  return (
    field !== undefined &&
    "scalar" in field &&
    (field.scalar === ScalarType.UINT64 || field.scalar === ScalarType.FIXED64)
  );
}

/** 64 bits of one sign for a field of the other, alone or in a list or map: protobufjs cuts them, protobuf-es refuses them. */
export function crossesSign(from: Kind, to: Kind): boolean {
  if (from.kind === "value" && to.kind === "value")
    return /^int64-/.test(from.as.kind) && isUnsignedField(from.field) !== isUnsignedField(to.field);
  return "of" in from && "of" in to && crossesSign(from.of, to.of);
}

export function sameKind(a: Kind, b: Kind): boolean {
  if (a.kind === "message" || a.kind === "wrapper") return b.kind === a.kind && a.desc.typeName === b.desc.typeName;
  if (a.kind === "case" || a.kind === "oneof") return b.kind === a.kind && a.oneof === b.oneof;
  if (a.kind === "value") {
    if (b.kind !== "value" || a.as.kind !== b.as.kind) return false;
    if (a.as.kind === "int64-long") return b.as.kind === "int64-long" && a.as.isUnsigned === b.as.isUnsigned;
    if (a.as.kind === "same") return b.as.kind === "same" && isAssignableScalar(a.as.type, b.as.type);
    if (a.as.kind === "enum-name" || a.as.kind === "enum-number")
      return "desc" in b.as && a.as.desc.typeName === b.as.desc.typeName;
    return true;
  }
  return a.kind === b.kind && sameKind(a.of, (b as typeof a).of);
}

export function kindName(kind: Kind): string {
  return kind.kind === "message" || kind.kind === "wrapper" ? kind.desc.typeName : kind.kind;
}
