import type { DescMessage, DescOneof } from "@bufbuild/protobuf";
import type { Type } from "ts-morph";
import type { TypedCode } from "./typed-code.js";
import { propertiesOf } from "./typed-syntax.js";

/** What types of the program have to do with the messages that are looked at. */
export interface TypedTypes {
  /** A type of the program's own through which messages are looked at. */
  addView(type: Type): void;
  /** Is a type such a one, or such a one or absence? */
  isView(type: Type): boolean;
  /** Can a value of this type have something in it that is looked at so? */
  holdsView(type: Type): boolean;
  /** Or something of the type of a type parameter that messages come to? */
  holdsParameter(type: Type): boolean;
  isOurs(desc: DescMessage | undefined): desc is DescMessage;
  messageIn(type: Type): DescMessage | undefined;
  oneofIn(type: Type): DescOneof | undefined;
  /** The message that a place asks for; an async function takes a promise of it as well. */
  messageWanted(type: Type): DescMessage | undefined;
  /** The message of which a type is `Partial<…>`, or absence besides. */
  partialOf(type: Type): DescMessage | undefined;
  /** Can a value of this type have one of the messages in it? Functions and instances of classes are no data. */
  holds(type: Type): boolean;
  /** What a function that is handed over takes and gives. */
  carries(type: Type): boolean;
  isClientType(type: Type): boolean;
}

export function createTypedTypes(code: TypedCode, descs: ReadonlySet<DescMessage>): TypedTypes {
  const views = new Set<unknown>();

  const isOurs = (desc: DescMessage | undefined): desc is DescMessage => desc !== undefined && descs.has(desc);
  const messageIn = (type: Type) => {
    const desc = code.messageOf(type.isTypeParameter() ? (type.getConstraint() ?? type) : type);
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
  const partialOf = (type: Type) => {
    const whole = type.getNonNullableType();
    const [of] = whole.getAliasSymbol()?.getName() === "Partial" ? whole.getAliasTypeArguments() : [];
    return of && messageIn(of);
  };
  const isView = (type: Type): boolean =>
    views.has(type.compilerType) || [...type.getUnionTypes(), ...type.getIntersectionTypes()].some(isView);
  const memos: Map<unknown, boolean>[] = [];
  /** Does a type have in it what the question is about? */
  const holder = (isIt: (type: Type) => boolean) => {
    const memo = new Map<unknown, boolean>();
    memos.push(memo);
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
        isIt(type) ||
        (depth < 6 &&
          (parts().some((part) => holds(part, depth + 1)) ||
            propertiesOf(type).some((part) => holds(part, depth + 1))));
      if (answer || depth === 0) memo.set(key, answer);
      else memo.delete(key);
      return answer;
    };
    return (type: Type) => holds(type);
  };
  const holds = holder((type) => messageIn(type) !== undefined || oneofIn(type) !== undefined || isView(type));
  const holdsView = holder(isView);
  const holdsParameter = holder((type) => type.isTypeParameter() && isView(type));
  const addView = (type: Type): void => {
    views.add(type.compilerType);
    for (const memo of memos) memo.clear();
  };
  const carries = (type: Type): boolean =>
    holds(type) || type.getCallSignatures().some((one) => holds(one.getReturnType()));
  const isClientType = (type: Type) =>
    code.serviceOfMember(type.getProperties()[0]?.getDeclarations()[0]) !== undefined;

  return {
    addView,
    isView,
    holdsView,
    holdsParameter,
    isOurs,
    messageIn,
    oneofIn,
    messageWanted,
    partialOf,
    holds,
    carries,
    isClientType,
  };
}
