import type { DescEnum } from "@bufbuild/protobuf";
import { Node, type Type } from "ts-morph";
import type { TypedCode } from "./typed-code.js";

export type TextEnumTypes = ReturnType<typeof createTextEnumTypes>;

/** What types have to do with enums whose values are names in old code, and numbers in protobuf-es. Messages are looked at elsewhere. */
export function createTextEnumTypes(code: TypedCode, enums: ReadonlySet<DescEnum>) {
  const memo = new Map<unknown, boolean>();

  const enumIn = (type: Type): DescEnum | undefined => {
    const desc = code.textEnumOf(type);
    return desc && enums.has(desc) ? desc : undefined;
  };

  /** `Record<Kind, string>`, `{ [Kind.OPEN]: string }`: is it an object whose keys are an enum's values? */
  const keyEnumOf = (type: Type): DescEnum | undefined => {
    const whole = type.getNonNullableType();
    if (!whole.isObject() || whole.getCallSignatures().length > 0) return undefined;
    const [key] = whole.getAliasTypeArguments();
    if (key && /^(Record|Partial|Required|Readonly)$/.test(whole.getAliasSymbol()?.getName() ?? ""))
      return enumIn(key) ?? keyEnumOf(key);
    const [mapped] = whole.getSymbol()?.getDeclarations() ?? [];
    const constraint = Node.isMappedTypeNode(mapped) ? mapped.getTypeParameter().getConstraint() : undefined;
    if (constraint) return enumIn(constraint.getType());
    for (const property of whole.getProperties())
      for (const declared of property.getDeclarations()) {
        const name =
          Node.isPropertyAssignment(declared) || Node.isPropertySignature(declared)
            ? declared.getNameNode()
            : undefined;
        const found = Node.isComputedPropertyName(name) ? enumIn(name.getExpression().getType()) : undefined;
        if (found) return found;
      }
    return undefined;
  };

  /** Can a value of this type have an enum's value in it, outside messages? */
  const holds = (type: Type, depth = 0): boolean => {
    const key = type.compilerType;
    const known = memo.get(key);
    if (known !== undefined) return known;
    if (enumIn(type)) return true;
    if (code.messageOf(type) || code.oneofOf(type) || depth > 6) return false;
    memo.set(key, false);
    const answer = keyEnumOf(type) !== undefined || partsOf(type).some((part) => holds(part, depth + 1));
    if (answer || depth === 0) memo.set(key, answer);
    else memo.delete(key);
    return answer;
  };

  /** May what is of one type go where another one is asked for, as far as an enum's values in it are concerned? */
  const fits = (given: Type, wanted: Type, at: Node, depth = 0): boolean => {
    if (given.compilerType === wanted.compilerType || !holds(given)) return true;
    if (depth > 6 || wanted.isAny() || wanted.isUnknown()) return false;
    const parts = wanted.isUnion() ? wanted.getUnionTypes() : [wanted];
    const desc = enumIn(given);
    if (desc) return parts.some((part) => enumIn(part) === desc) && !parts.some((part) => takesText(part));
    if (given.isUnion()) return given.getUnionTypes().every((part) => fits(part, wanted, at, depth + 1));
    return parts.some((part) => fitsIn(given, part, at, depth));
  };

  const fitsIn = (given: Type, wanted: Type, at: Node, depth: number): boolean => {
    if (given.compilerType === wanted.compilerType) return true;
    if (wanted.isTypeParameter() || enumIn(wanted)) return false;
    // What else an instance has in it, its own methods look at.
    if (isOwnClass(given) && wanted.getProperties().length > 0)
      return wanted.getProperties().every((one) => {
        const own = given.getProperty(one.getName())?.getTypeAtLocation(at);
        return !own || fits(own, one.getTypeAtLocation(at), at, depth + 1);
      });
    if (!holds(wanted)) return false;
    if (keyEnumOf(given) || keyEnumOf(wanted)) {
      if (keyEnumOf(given) !== keyEnumOf(wanted)) return false;
      return given.getProperties().every((one) => {
        const asked = wanted.getProperty(one.getName());
        return !asked || fits(one.getTypeAtLocation(at), asked.getTypeAtLocation(at), at, depth + 1);
      });
    }
    const [from, to] = [given.getTypeArguments(), wanted.getTypeArguments()];
    if (from.length > 0 && from.length <= to.length)
      return from.every((one, index) => fits(one, to[index] as Type, at, depth + 1));
    const [index, other] = [given.getStringIndexType(), wanted.getStringIndexType()];
    if (index) return other !== undefined && fits(index, other, at, depth + 1);
    return given.getProperties().every((one) => {
      const own = one.getTypeAtLocation(at);
      const asked = wanted.getProperty(one.getName())?.getTypeAtLocation(at) ?? other;
      return !holds(own) || (asked !== undefined && fits(own, asked, at, depth + 1));
    });
  };

  /** The enum whose values are in a list. */
  const elementOf = (type: Type): DescEnum | undefined => {
    const item = type.getNonNullableType().getArrayElementType();
    return item && enumIn(item);
  };

  return { enumIn, elementOf, keyEnumOf, holds, fits, isOwnType };
}

/** A type of which a text can be a value. */
export function takesText(type: Type): boolean {
  return type.isAny() || type.isUnknown() || type.isString() || (type.isStringLiteral() && !type.isEnumLiteral());
}

/** Is a type declared by the program? */
function isOwnType(type: Type): boolean {
  return (type.getSymbol()?.getDeclarations() ?? []).some(isOwn);
}

function isOwnClass(type: Type): boolean {
  const [declaration] = type.getSymbol()?.getDeclarations() ?? [];
  return Node.isClassDeclaration(declaration) && isOwn(declaration);
}

function isOwn(declaration: Node): boolean {
  const file = declaration.getSourceFile();
  return !file.isDeclarationFile() && !file.getFilePath().includes("/node_modules/");
}

/** The types of what a value has in it. */
function partsOf(type: Type): Type[] {
  const [declaration] = type.getSymbol()?.getDeclarations() ?? [];
  const index = [type.getStringIndexType(), type.getNumberIndexType()].filter((one) => one !== undefined);
  // What is left over of an object is declared nowhere.
  const isData =
    type.isObject() &&
    !type.isArray() &&
    !type.isTuple() &&
    (declaration === undefined ||
      Node.isMappedTypeNode(declaration) ||
      (isOwn(declaration) &&
        (Node.isInterfaceDeclaration(declaration) ||
          Node.isTypeLiteral(declaration) ||
          Node.isClassDeclaration(declaration) ||
          Node.isObjectLiteralExpression(declaration) ||
          Node.isBindingElement(declaration))));
  const properties = isData ? type.getProperties() : [];
  return [
    ...index,
    ...type.getUnionTypes(),
    ...type.getIntersectionTypes(),
    ...type.getTypeArguments(),
    ...type.getAliasTypeArguments(),
    ...properties.flatMap((one) => {
      const at = declaration ?? one.getDeclarations()[0];
      return at ? [one.getTypeAtLocation(at)] : [];
    }),
  ];
}
