import type { DescMessage, DescOneof } from "@bufbuild/protobuf";
import type { Type } from "ts-morph";
import type { TypedCode } from "./typed-code.js";
import { propertiesOf } from "./typed-syntax.js";

/** What types of the program have to do with the messages that are looked at. */
export interface TypedTypes {
  isOurs(desc: DescMessage | undefined): desc is DescMessage;
  messageIn(type: Type): DescMessage | undefined;
  oneofIn(type: Type): DescOneof | undefined;
  /** The message that a place asks for; an async function takes a promise of it as well. */
  messageWanted(type: Type): DescMessage | undefined;
  /** Can a value of this type have one of the messages in it? Functions and instances of classes are no data. */
  holds(type: Type): boolean;
  /** What a function that is handed over takes and gives. */
  carries(type: Type): boolean;
  isClientType(type: Type): boolean;
}

export function createTypedTypes(code: TypedCode, descs: ReadonlySet<DescMessage>): TypedTypes {
  const memo = new Map<unknown, boolean>();

  const isOurs = (desc: DescMessage | undefined): desc is DescMessage => desc !== undefined && descs.has(desc);
  const messageIn = (type: Type) => {
    const desc = code.messageOf(type);
    return isOurs(desc) ? desc : undefined;
  };
  const oneofIn = (type: Type) => {
    const oneof = code.oneofOf(type);
    return oneof && descs.has(oneof.parent) ? oneof : undefined;
  };
  const messageWanted = (type: Type) => {
    const wanted = type.getNonNullableType();
    if (!wanted.isUnion()) return messageIn(wanted);
    const parts = wanted.getUnionTypes().filter((part) => !/^Promise(Like)?$/.test(part.getSymbol()?.getName() ?? ""));
    return parts.length === 1 && parts[0] ? messageIn(parts[0]) : undefined;
  };
  const holds = (type: Type, depth = 0): boolean => {
    const key = type.compilerType;
    const known = memo.get(key);
    if (known !== undefined) return known;
    memo.set(key, false);
    const index = type.getStringIndexType();
    const parts = () => [
      ...(index ? [index] : []),
      ...type.getUnionTypes(),
      ...type.getIntersectionTypes(),
      ...type.getTypeArguments(),
      ...type.getAliasTypeArguments(),
    ];
    const answer =
      messageIn(type) !== undefined ||
      oneofIn(type) !== undefined ||
      (depth < 6 &&
        (parts().some((part) => holds(part, depth + 1)) || propertiesOf(type).some((part) => holds(part, depth + 1))));
    if (answer || depth === 0) memo.set(key, answer);
    else memo.delete(key);
    return answer;
  };
  const carries = (type: Type): boolean =>
    holds(type) || type.getCallSignatures().some((one) => holds(one.getReturnType()));
  const isClientType = (type: Type) =>
    code.serviceOfMember(type.getProperties()[0]?.getDeclarations()[0]) !== undefined;

  return { isOurs, messageIn, oneofIn, messageWanted, holds, carries, isClientType };
}
