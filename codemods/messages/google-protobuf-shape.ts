import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { Edition } from "@bufbuild/protobuf/wkt";
import { type CallExpression, Node, type PropertyAccessExpression } from "ts-morph";
import {
  constantOf,
  enumOfType,
  equalsCall,
  followConstants,
  hasOnlyEnums,
  renameEnums,
} from "./google-protobuf-constants.js";
import { followMap } from "./google-protobuf-maps.js";
import { type Accessor, accessorsOf, isOptionalScalar } from "./google-protobuf-names.js";
import { followObject } from "./google-protobuf-objects.js";
import { isGuardedMember, readField, testField } from "./google-protobuf-reads.js";
import { staleness } from "./google-protobuf-staleness.js";
import { madeMessage, retypeGenerated } from "./google-protobuf-values.js";
import { followWellKnown, isPacked, optionalText } from "./google-protobuf-well-known.js";
import { addToList, clearField, isUnset, writeChain } from "./google-protobuf-writes.js";
import { type LegacyShape, type Representation, representationOf } from "./legacy-shape.js";
import { type Kind, STRUCT, unsupportedIn } from "./message-kind.js";
import type { Proving } from "./proof.js";
import { retypeHandlers, retypeService } from "./retyped-services.js";

/** The classes of google-protobuf: fields behind `getX`, `setX`, `hasX`, `clearX`, `addX`, `getXList`, `getXMap`, `getXCase`. */
export const googleProtobufShape: LegacyShape = {
  rule: "messages/google-protobuf-native",
  id: "google-protobuf",
  isLive: true,
  fractions: "refused",
  refusesFractionsLate: true,
  hasTextBytes: true,
  keyOf: () => undefined,
  oneofKeyOf: () => undefined,
  enumName: (value) => value.name,
  representation,
  member,
  made: madeMessage,
  retype: retypeGenerated,
  retypeHandlers,
  retypeService,
  isUnset,
  staleness,
  constant: constantOf,
  enumOfType,
  renameEnums,
  hasOnlyEnums,
  takenBy: equalsCall,
  chain(p, node) {
    const key = Node.isCallExpression(node) ? keyOfGetter(p, node) : undefined;
    const access = Node.isCallExpression(node) ? node.getExpression() : undefined;
    if (key === undefined || !Node.isPropertyAccessExpression(access) || access.hasQuestionDotToken()) return undefined;
    const object = p.chainText(access.getExpression());
    return object === undefined ? undefined : `${object}.${key}`;
  },
  optionalChain: optionalText,
};

function representation(field: DescField): Representation {
  // Declared as a string with jstype: a string in both worlds.
  if ("longAsString" in field && field.longAsString) return { kind: "same", type: "string" };
  const message = field.fieldKind === "message" && !field.oneof ? field.message : undefined;
  if (message?.typeName === STRUCT && field.parent.file.edition === Edition.EDITION_PROTO3)
    return { kind: "wrapper", desc: message };
  return representationOf(field, "Number", "Number");
}

/** The property that `message.getX()` becomes, where reading it is no more than that. */
function keyOfGetter(p: Proving, call: CallExpression): string | undefined {
  const access = call.getExpression();
  if (!Node.isPropertyAccessExpression(access) || call.getArguments().length > 0) return undefined;
  const kind = p.kinds.get(access.getExpression());
  const accessor = kind?.kind === "message" ? accessorsOf(kind.desc).get(access.getName()) : undefined;
  if (accessor?.does !== "get") return undefined;
  const { oneof } = accessor.field;
  if (oneof)
    return isGuardedMember(call, access.getExpression(), accessor.field, oneof)
      ? `${oneof.localName}.value`
      : undefined;
  return isOptionalScalar(accessor.field) || accessor.field.fieldKind === "map" ? undefined : accessor.field.localName;
}

function member(p: Proving, access: PropertyAccessExpression, desc: DescMessage): boolean {
  const call = access.getParent();
  if (!Node.isCallExpression(call) || call.getExpression() !== access) {
    p.block(access, "a method of a message that is not called here");
    return true;
  }
  const accessor = accessorsOf(desc).get(access.getName());
  if (accessor) use(p, access, call, accessor, desc);
  else whole(p, access, call, desc);
  return true;
}

function use(
  p: Proving,
  access: PropertyAccessExpression,
  call: CallExpression,
  accessor: Accessor,
  desc: DescMessage,
): unknown {
  const kind: Kind | undefined = accessor.does === "case" ? undefined : p.kindOf(accessor.field);
  const why = kind && unsupportedIn(kind);
  if (why !== undefined) return p.block(call, why);
  const isWrite = /^(set|add|clear)$/.test(accessor.does);
  if (isWrite && access.hasQuestionDotToken())
    return p.block(call, "a write that depends on whether a message is there");
  if (!isWrite && call.getArguments().length > 0) return p.block(call, "an accessor with an argument");
  switch (accessor.does) {
    case "get":
    case "bytes":
    case "base64":
      if (accessor.field.fieldKind === "map") return followMap(p, access, call, accessor.field);
      return readField(p, access, call, accessor.field, accessor.does);
    case "has":
      return testField(p, access, call, accessor.field);
    case "case":
      return followConstants(p, access, call, accessor.oneof);
    case "set":
      return writeChain(p, access, desc);
    case "add":
      return addToList(p, access, call, accessor.field, desc);
    case "clear":
      return clearField(p, access, call, accessor.field);
  }
}

/** Methods of the message as a whole. */
function whole(p: Proving, access: PropertyAccessExpression, call: CallExpression, desc: DescMessage): unknown {
  const name = access.getName();
  if (name === "toObject") return followObject(p, access, call, desc);
  const object = access.getExpression();
  const schema = p.generated(desc, "descriptor", call);
  const isPlainCall = call.getArguments().length === 0 && !access.hasQuestionDotToken();
  const asFunction = (module: string, imported: string) => {
    p.edit(call, call.getStart(), call.getStart(), [{ module, name: imported }, "(", schema, ", "], "after");
    p.edit(call, object.getEnd(), call.getEnd(), [")"]);
  };
  if (isPlainCall && name === "serializeBinary") {
    // It goes with the call around it, if that is followed.
    if (isPacked(call))
      return p.later(() => {
        if (!p.packed.has(call)) p.block(call, "a message that is packed where it cannot be followed");
      });
    asFunction("@bufbuild/protobuf", "toBinary");
    return p.flow(call, { kind: "value", as: { kind: "same", type: "bytes" } });
  }
  if (isPlainCall && /^clone(Message)?$/.test(name)) {
    asFunction("@bufbuild/protobuf", "clone");
    return p.flow(call, { kind: "message", desc });
  }
  if (followWellKnown(p, access, call, desc)) return undefined;
  p.block(call, `what ${name} of a message does is not followed`);
}
