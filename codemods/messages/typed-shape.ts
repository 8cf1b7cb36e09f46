import { type DescField, ScalarType } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence, isWrapperDesc } from "@bufbuild/protobuf/wkt";
import type { Type } from "ts-morph";
import type { AnalysisProject } from "../analysis/project.js";
import { proveMap } from "./class-maps.js";
import { chainOfClass, isReadOtherwise, isUnsetOfClass, readOfClass } from "./class-members.js";
import { type LegacyShape, type Representation, representationOf } from "./legacy-shape.js";
import { isPartOfStruct, STRUCT } from "./message-kind.js";
import { optionalChainText } from "./typed-chains.js";
import { type TypedCode, typedCode } from "./typed-code.js";
import type { TypedFlavour } from "./typed-flavour.js";
import { readMember } from "./typed-members.js";
import { chainOfUnion, readUnion } from "./typed-oneofs.js";

const shapes = new WeakMap<TypedCode, LegacyShape>();

/**
 * Objects of generated interfaces. What a field holds depends on a dozen options of the generator; the interfaces that it
 * wrote say it, so they are asked, and not the options.
 */
export function typedShape(project: AnalysisProject, flavour: TypedFlavour): LegacyShape {
  const code = typedCode(project, flavour);
  const known = shapes.get(code);
  if (known) return known;
  const representations = new Map<DescField, Representation>();
  const shape: LegacyShape = {
    rule: flavour.rule,
    id: flavour.id,
    isLive: true,
    typed: code,
    fractions: code.usesProtobufjs ? "wrapped" : "refused",
    keyOf: (field) => code.propertyOf(field)?.key ?? code.memberOf(field)?.text,
    oneofKeyOf: (oneof) => code.propertyOf(oneof)?.key,
    enumName: (value) => value.name,
    representation(field) {
      let found = representations.get(field);
      if (!found) {
        found = representation(code, field);
        representations.set(field, found);
      }
      return found;
    },
    ...(flavour.hasClasses
      ? {
          member: (p, access, desc) => readOfClass(p, access, desc),
          chain: (p, node) => chainOfClass(p, node),
          isUnset: (p, part) => isUnsetOfClass(p, part),
          isReadOtherwise: (field) => isReadOtherwise(field),
          map: (p, expression, wanted) => proveMap(p, expression, wanted),
          refusesFractionsLate: true,
        }
      : {
          // protobufjs writes the whole part of a number; the others' writers throw.
          ...(code.usesProtobufjs ? {} : { refusesFractionsLate: true as const }),
          member: (p, access, desc) => readUnion(p, code, access, desc) || readMember(p, access, desc),
          chain: (p, node) => chainOfUnion(p, code, node),
          optionalChain: (p, node) => optionalChainText(p, node),
        }),
    // The types of old code are all found where they stand.
    retype: () => true,
    ...(flavour.structs && { structs: flavour.structs }),
    filesOf: (desc) => code.filesOf(desc),
    staleness: (_, desc) => flavour.staleness(code.declarationOf(desc), desc),
    constant: (p, expression) => code.constantOf(p, expression),
    enumOfType: (_, type) => code.enumOf(type) ?? code.textEnumOf(type),
  };
  shapes.set(code, shape);
  return shape;
}

function representation(code: TypedCode, field: DescField): Representation {
  const property = code.propertyOf(field) ?? code.memberOf(field);
  const unsupported = (why: string): Representation => ({ kind: "unsupported", why });
  if (!property) return unsupported(`${field.parent.typeName} has no property for ${field.name}`);
  const type = elementOf(code, field, property.type.getNonNullableType());
  if (!type) return unsupported(`${field.name} is a ${property.type.getText()}`);
  const isImplicit =
    field.fieldKind === "list" || field.fieldKind === "map" || field.presence === FeatureSet_FieldPresence.IMPLICIT;
  if (isImplicit && property.isOptional) return unsupported(`${field.name} may be missing in old objects`);
  const text = type.getNonNullableType().getText();
  const strange = unsupported(`${field.name} is a ${text}`);
  const message = "message" in field ? field.message : undefined;
  if (message?.typeName === "google.protobuf.Timestamp" && text === "Date") return { kind: "date", desc: message };
  // Other options give other types, and other objects.
  if (message?.typeName === "google.protobuf.Struct" && text === "{ [key: string]: any; }") return { kind: "struct" };
  if (message?.typeName === "google.protobuf.FieldMask" && field.fieldKind === "message" && text === "string[]")
    return { kind: "mask", desc: message };
  if (code.flavour.structs && message && isPartOfStruct(message)) {
    if (code.messageOf(type)?.typeName !== message.typeName) return strange;
    if (message.typeName !== STRUCT || isPartOfStruct(field.parent)) return { kind: "message", desc: message };
    // The value of a union is read as that of a field is.
    if (field.fieldKind === "message" && (!field.oneof || code.memberOf(field)))
      return { kind: "wrapper", desc: message };
    return unsupported(`${field.name} is a ${STRUCT} in a list, a map or a oneof`);
  }
  const wrapped = field.fieldKind === "message" && !field.oneof && isWrapperDesc(field.message);
  if (wrapped && code.messageOf(type)?.typeName === field.message.typeName)
    return { kind: "wrapper", desc: field.message };
  const longs = text === "string" ? "String" : "Number";
  const as = representationOf(wrapped ? (field.message.fields[0] as DescField) : field, longs, "Number");
  switch (as.kind) {
    case "same":
      return text === (/32$/.test(as.type) ? "number" : as.type) ? as : strange;
    case "int64-number":
      if (text === "bigint") return { kind: "same", type: "bigint" };
      return text === "number" ? as : strange;
    case "int64-string":
      return as;
    case "enum-number": {
      const values = [type, ...type.getUnionTypes()].map((one) => one.getLiteralValue());
      if (values.some((value) => typeof value === "string"))
        return code.textEnumOf(type)?.typeName === as.desc.typeName
          ? { ...as, isText: true }
          : unsupported(`${field.name} is an enum of strings`);
      return code.enumOf(type)?.typeName === as.desc.typeName ? as : strange;
    }
    case "bytes":
      if (!/^(Buffer|Uint8Array)(<[\w ]+>)?$/.test(text)) return strange;
      // A runtime of google-protobuf gives a Uint8Array, as protobuf-es does.
      return code.flavour.hasClasses ? { kind: "same", type: "bytes" } : as;
    case "message":
      return code.messageOf(type)?.typeName === as.desc.typeName ? as : strange;
    case "unsupported":
      return as;
    default:
      return strange;
  }
}

/** The type of a field, or of the elements of a list or map; undefined where it is no list or map as it should be. */
function elementOf(code: TypedCode, field: DescField, type: Type): Type | undefined {
  if (field.fieldKind === "list") return type.getArrayElementType();
  if (field.fieldKind !== "map") return type;
  if (code.flavour.hasClasses)
    return type.getSymbol()?.getName() === "Map" && field.mapKey !== ScalarType.BOOL
      ? type.getTypeArguments()[1]
      : undefined;
  const isNumber = field.mapKey !== ScalarType.STRING;
  return field.mapKey === ScalarType.BOOL
    ? undefined
    : isNumber
      ? type.getNumberIndexType()
      : type.getStringIndexType();
}
