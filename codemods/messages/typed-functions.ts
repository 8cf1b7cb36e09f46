import { type DescMessage, ScalarType } from "@bufbuild/protobuf";
import {
  type CallExpression,
  Node,
  type ObjectLiteralExpression,
  type PropertyAccessExpression,
  type Type,
} from "ts-morph";
import type { TextPart } from "./message-facts.js";
import { isPartOfStruct } from "./message-kind.js";
import { unwrapped } from "./message-syntax.js";
import type { Proving } from "./proof.js";
import type { TypedCode } from "./typed-code.js";
import { jsonOf } from "./typed-structs.js";
import { isThereAt } from "./wrapped-values.js";

const PROTOBUF = "@bufbuild/protobuf";
const imported = (name: string) => ({ module: PROTOBUF, name });

interface Making {
  messageIn(type: Type): DescMessage | undefined;
  /** A literal of which a message is made: what is absent in it gets its default. False where it is one by itself. */
  makes(object: ObjectLiteralExpression, desc: DescMessage): boolean;
  /** `Message.toJSON(message)` becomes a function of the runtime. False where it does anything else. */
  json(call: CallExpression, argument: Node, desc: DescMessage): boolean;
  /** The same for `Message.fromJSON(object)`. */
  fromJson(call: CallExpression, desc: DescMessage): boolean;
}

/** `Message.create(…)` and its like: the functions of generated code that make, copy, write and read a message. */
export function createTypedFunctions(p: Proving, code: TypedCode, { messageIn, makes, json, fromJson }: Making) {
  const isCertain = (node: Node) => p.isStrictlyTyped(node) || !node.getType().isNullable();
  const isMessage = (node: Node | undefined, desc: DescMessage): node is Node =>
    node !== undefined && messageIn(node.getType()) === desc && isCertain(node);

  /** `Message.of(argument` becomes `name(MessageSchema, argument`. */
  const renamed = (call: CallExpression, argument: Node, desc: DescMessage, name: string): void =>
    p.edit(call, call.getStart(), argument.getStart(), [
      imported(name),
      "(",
      p.generated(desc, "descriptor", call),
      ", ",
    ]);

  const create = (call: CallExpression, of: string, desc: DescMessage): unknown => {
    const [argument, second] = call.getArguments();
    const schema = p.generated(desc, "descriptor", call);
    const empty: readonly TextPart[] = [imported("create"), "(", schema, ")"];
    if (second) return p.block(call, `${of} with other arguments than one`);
    if (!argument) return p.replace(call, ...empty);
    const given = unwrapped(argument);
    if (Node.isObjectLiteralExpression(given)) {
      if (given.getProperties().length === 0) return p.replace(call, ...empty);
      // What is spread is copied as deep as the rest was.
      return renamed(call, argument, desc, makes(given, desc) ? "create" : "clone");
    }
    if (!isMessage(argument, desc)) return p.block(call, "a message that is made of an object that is not written out");
    return renamed(call, argument, desc, "clone");
  };

  return (access: PropertyAccessExpression, desc: DescMessage): unknown => {
    const call = access.getParent();
    if (!Node.isCallExpression(call) || call.getExpression() !== access)
      return p.block(access, "a function of a message is handed on");
    const [argument, second, third] = call.getArguments();
    const of = access.getName();
    if (desc.typeName === "google.protobuf.Timestamp" && timestamp(p, call, access)) return undefined;
    const unknown = () => p.block(call, `what ${of} of a message does is not followed`);
    switch (code.flavour.functions[of]) {
      case "create":
        return create(call, of, desc);
      case "literal":
        if (!argument || second || !Node.isObjectLiteralExpression(unwrapped(argument)))
          return p.block(call, "a message that is made of an object that is not written out");
        return create(call, of, desc);
      case "clone":
        // Old code threw; clone() of protobuf-es makes an empty one.
        if (argument && isSaidToBeThere(argument) && !isThereAt(p, call, argument))
          return p.block(argument, "a message is copied that may not be there");
        return isMessage(argument, desc) && !second ? renamed(call, argument, desc, "clone") : unknown();
      case "decode":
        if (!argument || second) return unknown();
        if (!/^(Buffer|Uint8Array)(<[\w ]+>)?$/.test(argument.getType().getText()))
          return p.block(call, "nothing proves that these are bytes");
        return renamed(call, argument, desc, "fromBinary");
      case "encode":
        if (!isMessage(argument, desc) || second) return unknown();
        renamed(call, argument, desc, "toBinary");
        return p.flow(call, { kind: "value", as: { kind: "same", type: "bytes" } });
      case "encode-finish": {
        const outer = call.getParent();
        const finish =
          Node.isPropertyAccessExpression(outer) && outer.getName() === "finish" ? outer.getParent() : undefined;
        if (!argument || second || !Node.isCallExpression(finish)) return unknown();
        if (messageIn(argument.getType()) !== desc) return p.block(call, "what is encoded is no message that is known");
        p.edit(finish, finish.getStart(), argument.getStart(), [
          imported("toBinary"),
          "(",
          p.generated(desc, "descriptor", call),
          ", ",
        ]);
        p.edit(finish, argument.getEnd(), finish.getEnd(), [")"]);
        return p.flow(finish, { kind: "value", as: { kind: "same", type: "bytes" } });
      }
      case "equals": {
        if (!isMessage(argument, desc) || !isMessage(second, desc) || third) return unknown();
        const other = differingIn(desc);
        if (other) return p.block(call, `messages with ${other} are compared otherwise`);
        return renamed(call, argument, desc, "equals");
      }
      case "json":
        if (!isMessage(argument, desc) || second) return unknown();
        if (hasNullField(desc)) return p.block(call, "JSON of a NullValue in a field");
        if (!hasFieldsInOrder(desc)) return p.block(call, "JSON whose keys are in another order in protobuf-es");
        return renamed(call, argument, desc, of);
      case "from-json":
        // Where it is made for a field, it is written with the field.
        if (p.structs.made.has(call) && jsonOf(p, call))
          return p.later(() => {
            if (!p.proved.has(call)) unknown();
          });
        if (isPartOfStruct(desc) && argument && !second) return renamed(call, argument, desc, of);
        return fromJson(call, desc) ? undefined : unknown();
      case "plain-json":
        return isMessage(argument, desc) && !second && json(call, argument, desc) ? undefined : unknown();
      default:
        return unknown();
    }
  };
}

/** `Timestamp.now()`, `Timestamp.fromDate(date)`, `Timestamp.toDate(timestamp)`. False for other functions. */
function timestamp(p: Proving, call: CallExpression, access: PropertyAccessExpression): boolean {
  const [argument, second] = call.getArguments();
  const wkt = (name: string) => ({ module: "@bufbuild/protobuf/wkt", name });
  switch (access.getName()) {
    case "now":
      p.replace(access, wkt("timestampNow"));
      return true;
    case "fromDate":
      p.replace(access, wkt("timestampFromDate"));
      return true;
    case "toDate": {
      if (!argument || second) return false;
      // What is read of the argument is proved by then; timestampDate() rounds to the millisecond.
      p.later(() => {
        const chain = p.chainText(argument);
        if (chain === undefined) return p.block(call, "a timestamp that cannot be read twice");
        p.edit(call, call.getStart(), argument.getStart(), ["new Date(Number("]);
        const millis = `.seconds) * 1000 + Math.ceil(${chain}.nanos / 1e6))`;
        p.edit(call, argument.getEnd(), call.getEnd(), [millis]);
      });
      return true;
    }
    default:
      return false;
  }
}

/** `message!`, of which the compiler knows that it may be none. */
function isSaidToBeThere(given: Node): boolean {
  return Node.isNonNullExpression(given) && given.getExpression().getType().isNullable();
}

/** Every message within a message, and itself. */
function within(desc: DescMessage, seen = new Set<DescMessage>()): Set<DescMessage> {
  if (seen.has(desc)) return seen;
  seen.add(desc);
  for (const field of desc.fields) if ("message" in field && field.message) within(field.message, seen);
  return seen;
}

/** protobuf-ts compares the values of maps in the order of their keys, and takes -0 for 0. */
function differingIn(desc: DescMessage): string | undefined {
  for (const one of within(desc))
    for (const field of one.fields) {
      if (field.fieldKind === "map") return "maps";
      const scalar = "scalar" in field ? field.scalar : undefined;
      if (scalar === ScalarType.DOUBLE || scalar === ScalarType.FLOAT) return "fractions";
    }
  return undefined;
}

/** protobuf-ts writes a NullValue as a number where it is not the only one that there is. */
function hasNullField(desc: DescMessage): boolean {
  return [...within(desc)].some(
    (one) => !isPartOfStruct(one) && one.fields.some((field) => field.enum?.typeName === "google.protobuf.NullValue"),
  );
}

/** protobuf-ts writes JSON in the order in which the .proto has the fields, protobuf-es in that of their numbers. */
function hasFieldsInOrder(desc: DescMessage): boolean {
  return [...within(desc)].every(
    (one) =>
      one.typeName !== "google.protobuf.Any" &&
      one.fields.every((field, index) => index === 0 || (one.fields[index - 1]?.number ?? 0) < field.number),
  );
}
