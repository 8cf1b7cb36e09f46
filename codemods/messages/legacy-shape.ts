import {
  type DescEnum,
  type DescEnumValue,
  type DescField,
  type DescMessage,
  type DescOneof,
  type DescService,
  ScalarType,
} from "@bufbuild/protobuf";
import { Edition, isWrapperDesc } from "@bufbuild/protobuf/wkt";
import type { CallExpression, Node, PropertyAccessExpression, SourceFile, Type } from "ts-morph";
import type { AnalysisProject } from "../analysis/project.js";
import type { MessageRuleId } from "./message-facts.js";
import { type Kind, STRUCT } from "./message-kind.js";
import type { Proving } from "./proof.js";
import { isNameOfEnum, loadedConstant, retypeLoaded, wantsWhole } from "./proto-loader-types.js";
import { retypeHandlers, retypeService } from "./retyped-services.js";
import type { TypedCode } from "./typed-code.js";

/** How the value of a field, or of one element of it, looks in old code compared to protobuf-es. */
export type Representation =
  /** Identical at run time. */
  | { readonly kind: "same"; readonly type: PlainType }
  | { readonly kind: "int64-string" }
  | { readonly kind: "int64-number" }
  /** A Long, where protobuf-es has a bigint. */
  | { readonly kind: "int64-long"; readonly isUnsigned: boolean }
  | { readonly kind: "enum-name"; readonly desc: DescEnum }
  /** `isText`: an enum of TypeScript whose values are names, as with ts-proto's `stringEnums`. All uses of it are looked at. */
  | { readonly kind: "enum-number"; readonly desc: DescEnum; readonly isText?: true }
  /** Buffer or Uint8Array, where protobuf-es has a plain Uint8Array. */
  | { readonly kind: "bytes" }
  | { readonly kind: "message"; readonly desc: DescMessage }
  /** A Date, where protobuf-es has a Timestamp. */
  | { readonly kind: "date"; readonly desc: DescMessage }
  /** The paths of a google.protobuf.FieldMask, which is a message in protobuf-es. */
  | { readonly kind: "mask"; readonly desc: DescMessage }
  /** google.protobuf.Struct as the plain object that it is in protobuf-es, too: the compiler knows `any` in it, and JSON now. */
  | { readonly kind: "struct" }
  /** google.protobuf.StringValue and its like, where protobuf-es has the value alone. */
  | { readonly kind: "wrapper"; readonly desc: DescMessage }
  | { readonly kind: "unsupported"; readonly why: string };

export type PlainType = "string" | "int32" | "uint32" | "number" | "boolean" | "bytes" | "bigint";

/** The old objects of one code generator with one set of options: all that the proof knows of a flavour. */
export interface LegacyShape {
  readonly rule: MessageRuleId;
  /** Equal for equal shapes. */
  readonly id: string;
  /** The key of a field in old objects; undefined where versions of the generator disagree. */
  keyOf(field: DescField): string | undefined;
  /** Key of the discriminator of a oneof, where old objects have one. */
  oneofKeyOf(oneof: DescOneof): string | undefined;
  enumName(value: DescEnumValue): string;
  /** Of a field, or of the elements of a repeated or map field. */
  representation(field: DescField): Representation;
  /**
   * What `message.name` is, for old messages whose fields are not plain properties: follows it, edits it or blocks it, and
   * answers true. False leaves the access to be read as a plain property.
   */
  readonly member?: (proof: Proving, access: PropertyAccessExpression, desc: DescMessage) => boolean;
  /** `chainText` of what is no plain property: `a.getB()` is `a.b`. */
  readonly chain?: (proof: Proving, node: Node) => string | undefined;
  /** The same where a `?.` may be in it. */
  readonly optionalChain?: (proof: Proving, node: Node) => string | undefined;
  /** A type of old code: its names become those of protobuf-es. False where it cannot be written. */
  readonly retype?: (proof: Proving, type: Node, kind: Kind) => boolean;
  /** The message, with all its fields, that the type of a place wants a literal to be: `create` makes one of it. */
  readonly wantsWhole?: (proof: Proving, literal: Node) => DescMessage | undefined;
  /** The types of a service's handlers in old code become those of protobuf-es. */
  readonly retypeHandlers?: (proof: Proving, desc: DescService) => void;
  /** Such a type, or that of a client: rewritten, and true. */
  readonly retypeService?: (proof: Proving, type: Node, desc: DescService) => boolean;
  /** Is a type of old code that of the names of an enum? */
  readonly isNameOfEnum?: (project: AnalysisProject, type: Node | undefined) => boolean;
  /** The name of the value that a constant of old code holds, which is text there. */
  readonly constantName?: (proof: Proving, expression: Node) => string | undefined;
  /** A field that cannot be taken out of a message by a pattern: what old code has there is not what protobuf-es has. */
  readonly isReadOtherwise?: (field: DescField) => boolean;
  /** Old maps are no plain objects: proves one that leaves. */
  readonly map?: (proof: Proving, expression: Node, wanted: Kind & { kind: "map" }) => unknown;
  /** Numbers that a field of 64 bits cannot hold are refused when the message is encoded. */
  readonly refusesFractionsLate?: true;
  /** Can this part of a message not be there? */
  readonly isUnset?: (proof: Proving, part: Node) => boolean;
  /** A constant of old generated code (`messages.Kind.RED`): rewritten, and true. */
  readonly constant?: (proof: Proving, expression: Node) => boolean;
  /** The enum of generated code that a type is. */
  readonly enumOfType?: (proof: Proving, type: Type) => DescEnum | undefined;
  /** Puts new names for an enum of old code, constants and types, into a file; the numbers are the same. */
  readonly renameEnums?: (proof: Proving, file: SourceFile) => void;
  /** Does a file use nothing else of old code than enums? Then it gets the new names of those that messages were read with. */
  readonly hasOnlyEnums?: (project: AnalysisProject, file: SourceFile) => boolean;
  /** A function of old code's library that takes a message: rewritten, and true. */
  readonly takenBy?: (proof: Proving, call: CallExpression, message: Node) => boolean;
  /** The generated files that have a message: one, or nothing says which of them a value is made for. */
  readonly filesOf?: (desc: DescMessage) => readonly string[];
  /** Where old generated code and the .proto disagree about a message. */
  readonly staleness?: (near: Node, desc: DescMessage) => string | undefined;
  /** Old messages are objects with an identity that code goes on to change, as those of protobuf-es are. */
  readonly isLive?: true;
  /** Old messages are of these interfaces: the compiler knows each of them, and what leads to and from it is not followed. */
  readonly typed?: TypedCode;
  /**
   * What old code does with a number that is no whole one, or too large, in a field of 32 bits: keeps its low bits, or throws
   * when it is encoded, as protobuf-es does.
   */
  readonly fractions: "wrapped" | "refused";
  /** Bytes that are not set are a string. */
  readonly hasTextBytes?: true;
  /** Old objects are converted when they are encoded, field by field: a number becomes a string where one is asked for. */
  readonly coerces?: true;
  /** Scalars and members of a oneof that are not set are null. */
  readonly hasNulls?: true;
  /**
   * A message that the program makes reads the defaults of what was not set, and the literal that becomes of it does not: does
   * this one become a message of protobuf-es for whoever asks, and count as one that came?
   */
  readonly creates?: (proof: Proving, expression: Node) => boolean;
  /** Options of the runtime's `protoLoaderObject`, which makes the old object of a message again. */
  readonly wholeOptions?: string;
  /**
   * Old messages are objects of a class, which shows more than a plain object would: what a received one becomes where it is logged
   * or answered as JSON. Undefined where it cannot be shown as it was.
   */
  readonly shownWith?: (proof: Proving, desc: DescMessage, isJson: boolean) => Shown | undefined;
  /** Of `protoLoaderMessage` and its like, which make a message of an object: after a comma, or nothing. */
  readonly madeOptions?: string;
  /** Functions of the runtime between a google.protobuf.Struct of old code and the JSON in a field: `view` takes `options`, too. */
  readonly structs?: { readonly view: string; readonly options: string; readonly make: string };
  /**
   * What is not set is undefined, and what is set is sent, its default, too: options of the runtime's `explicitPresence`, which
   * keeps it so.
   */
  readonly explicit?: { readonly options: string; readonly hasLists: boolean };
  /** An expression that is not an object literal and makes a message (`new Feature()`, `Feature.create({ … })`): the same. */
  readonly made?: (proof: Proving, expression: Node, desc: DescMessage) => boolean;
}

/** A function of the runtime that makes something to show of a message, and its options. */
export interface Shown {
  readonly name: string;
  /** After a comma, or nothing. */
  readonly options: string;
}

/** A shape, or why old objects of these options cannot be followed. */
export type ShapeResult = { readonly shape: LegacyShape } | { readonly why: string };

const SUPPORTED = new Set([
  "keepCase",
  "longs",
  "enums",
  "defaults",
  "arrays",
  "objects",
  "oneofs",
  "includeDirs",
  "alternateCommentMode",
  "preferTrailingComment",
]);

/** The shape that proto-loader's options give. Options are as provenance evaluates them: `longs: String` is `constructor:String`. */
export function protoLoaderShape(options: Readonly<Record<string, unknown>> | null): ShapeResult {
  if (options === null) return { why: "the options of proto-loader are not constant" };
  const strange = Object.keys(options).find(
    (name) => !SUPPORTED.has(name) && options[name] !== false && options[name] !== undefined,
  );
  if (strange !== undefined) return { why: `proto-loader's option ${strange} is not followed` };
  const longs = converter(options.longs);
  const enums = converter(options.enums);
  const keepCase = options.keepCase === true;
  const hasDefaults = options.defaults === true;
  const empty = ["arrays", "objects"].filter((name) => options[name] === true).map((name) => `${name}: true`);
  return {
    shape: {
      rule: "messages/proto-loader-native",
      fractions: "wrapped",
      id: JSON.stringify([keepCase, longs, enums, options.oneofs === true, ...(hasDefaults ? [] : [empty])]),
      // protobufjs has an Any of its own, which keeps the case.
      keyOf: (field) =>
        keepCase || field.parent.typeName === "google.protobuf.Any" ? field.name : protobufjsCamelCase(field.name),
      oneofKeyOf: (oneof) =>
        options.oneofs === true ? (keepCase ? oneof.name : protobufjsCamelCase(oneof.name)) : undefined,
      enumName: (value) => value.name,
      representation: (field) => structOf(field) ?? representationOf(field, longs, enums),
      coerces: true,
      retype: retypeLoaded,
      wantsWhole,
      retypeHandlers,
      retypeService,
      constantName: loadedConstant,
      isNameOfEnum,
      wholeOptions: optionsOf([
        ...(keepCase ? ["keepCase: true"] : []),
        ...(longs === "none" ? [] : [`longs: ${longs}`]),
        ...(enums === "String" ? ["enums: String"] : []),
        ...(options.oneofs === true ? ["oneofs: true"] : []),
        ...(hasDefaults ? [] : ["defaults: false", ...empty]),
      ]),
      structs: {
        view: "protoLoaderStruct",
        options: after([
          ...(enums === "String" ? ["enums: String"] : []),
          ...(options.oneofs === true ? ["oneofs: true"] : []),
          ...(hasDefaults ? [] : ["defaults: false", ...empty]),
        ]),
        make: "structFromProtoLoader",
      },
      madeOptions: after([...(keepCase ? ["keepCase: true"] : []), ...(hasDefaults ? [] : ["defaults: false"])]),
      ...(!hasDefaults && { explicit: { options: after(empty), hasLists: options.arrays === true } }),
    },
  };
}

function optionsOf(words: readonly string[]): string {
  return words.length === 0 ? "{}" : `{ ${words.join(", ")} }`;
}

/** Options behind an argument: after a comma, or nothing. */
export function after(words: readonly string[]): string {
  return words.length === 0 ? "" : `, ${optionsOf(words)}`;
}

export type Converter = "String" | "Number" | "none" | "other";

function converter(option: unknown): Converter {
  if (option === undefined || option === null) return "none";
  if (option === "constructor:String" || option === "String") return "String";
  if (option === "constructor:Number" || option === "Number") return "Number";
  return "other";
}

/** A field that holds a google.protobuf.Struct by itself: the message of old code is JSON in protobuf-es. */
export function structOf(field: DescField): Representation | undefined {
  const isAlone = field.fieldKind === "message" && !field.oneof && field.message.typeName === STRUCT;
  return isAlone ? { kind: "wrapper", desc: field.message } : undefined;
}

export function representationOf(field: DescField, longs: Converter, enums: Converter): Representation {
  const edition = field.parent.file.edition;
  if (edition !== Edition.EDITION_PROTO3) {
    return { kind: "unsupported", why: `${field.parent.typeName} is not proto3` };
  }
  if (field.fieldKind === "map" && /64|FIXED/.test(ScalarType[field.mapKey])) {
    return { kind: "unsupported", why: `${field.name} has 64-bit keys` };
  }
  const message =
    field.fieldKind === "message" || field.fieldKind === "list" || field.fieldKind === "map"
      ? field.message
      : undefined;
  if (message && field.fieldKind === "message" && !field.oneof && isWrapperDesc(message))
    return { kind: "wrapper", desc: message };
  if (message) {
    return followed(message)
      ? { kind: "message", desc: message }
      : { kind: "unsupported", why: `${message.typeName} has another shape in protobuf-es` };
  }
  const desc =
    field.fieldKind === "enum" || field.fieldKind === "list" || field.fieldKind === "map" ? field.enum : undefined;
  if (desc) {
    const isAliased = new Set(desc.values.map((value) => value.number)).size < desc.values.length;
    if (enums === "String" && isAliased)
      return { kind: "unsupported", why: `${desc.typeName} has two names for a number` };
    if (enums === "String") return { kind: "enum-name", desc };
    return enums === "none" || enums === "Number"
      ? { kind: "enum-number", desc }
      : { kind: "unsupported", why: "the option enums is not a constructor" };
  }
  const scalar = field.fieldKind === "message" || field.fieldKind === "enum" ? undefined : field.scalar;
  switch (scalar) {
    case ScalarType.STRING:
      return { kind: "same", type: "string" };
    case ScalarType.BOOL:
      return { kind: "same", type: "boolean" };
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return { kind: "same", type: "number" };
    case ScalarType.INT32:
    case ScalarType.SINT32:
    case ScalarType.SFIXED32:
      return { kind: "same", type: "int32" };
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return { kind: "same", type: "uint32" };
    case ScalarType.BYTES:
      return { kind: "bytes" };
    case undefined:
      return { kind: "unsupported", why: `${field.toString()} has no type` };
    default: {
      const asString = "longAsString" in field && field.longAsString === true;
      if (longs === "String") return asString ? { kind: "same", type: "string" } : { kind: "int64-string" };
      if (longs === "Number" && !asString) return { kind: "int64-number" };
      if (longs === "none" && !asString)
        return { kind: "int64-long", isUnsigned: scalar === ScalarType.UINT64 || scalar === ScalarType.FIXED64 };
      return { kind: "unsupported", why: `${field.name} is a Long` };
    }
  }
}

/** Of the well-known types, those that are messages in both worlds; the others are plain values in protobuf-es. */
function followed(message: DescMessage): boolean {
  if (!message.file.proto.package.startsWith("google.protobuf")) return true;
  return (
    /^google\.protobuf\.(Timestamp|Duration|Empty|FieldMask|Any)$/.test(message.typeName) || isWrapperDesc(message)
  );
}

/** protobufjs's own camel case. Its versions disagree on names such as `a_b_c`; for those the answer is undefined. */
export function protobufjsCamelCase(name: string): string | undefined {
  const head = name.slice(0, 1);
  const tail = name.slice(1);
  const upper = (_: string, letter: string) => letter.toUpperCase();
  const one = head + tail.replace(/_([a-z])/g, upper);
  const other = head + tail.replace(/_([a-z])(?=[a-z]|$)/g, upper);
  return one === other ? one : undefined;
}
