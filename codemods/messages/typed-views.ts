import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { type CallExpression, type NewExpression, Node, type Signature, type SourceFile, type Type } from "ts-morph";
import { isTypeScript } from "../analysis/language.js";
import { holdsMessages, isPlain, isTextEnum, type Kind } from "./message-kind.js";
import { isAssignmentTarget, unquoted } from "./message-syntax.js";
import type { Proving } from "./proof.js";
import type { TypedCode } from "./typed-code.js";
import { parameterAt, placeOf } from "./typed-places.js";
import { importsOf } from "./typed-reach.js";
import { isChangedInside } from "./typed-sharing.js";
import { holderOf } from "./typed-syntax.js";
import type { TypedTypes } from "./typed-types.js";

/** Functions of the language that look at nothing of what they are given. */
const BLIND = /^(Boolean|String|Number)$/;

const ELSEWHERE = "a message goes where something else is asked for";

export type TypedViews = ReturnType<typeof createTypedViews>;

/**
 * Types of the program's own that messages go to because they have what these ask for: `interface Named { name: string }`, the T
 * of a generic function. Where all that such a type has is the same in protobuf-es, nothing changes for who has one, unless it
 * looks at all that is there: so its values are looked at like messages, in every file that can have one.
 */
export function createTypedViews(p: Proving, code: TypedCode, types: TypedTypes) {
  const { messageIn, holds, isView, holdsView, holdsParameter } = types;
  const entered = new Map<unknown, Set<DescMessage>>();
  /** Types that are being looked at, which may have themselves in them. */
  const entering = new Map<unknown, Set<DescMessage>>();
  const scope = new Set<SourceFile>();
  let isChanged = false;
  let imports: Map<SourceFile, SourceFile[]> | undefined;

  /** Is what a type has of a message the same in protobuf-es? */
  const fits = (desc: DescMessage, type: Type, at: Node): boolean => {
    if (type.isTypeParameter()) {
      const constraint = type.getConstraint();
      return (
        !constraint ||
        constraint.isUnknown() ||
        constraint.getText() === "object" ||
        messageIn(constraint) === desc ||
        fits(desc, constraint, at)
      );
    }
    if (code.flavour.hasClasses && type.getProperties().length > 0) return false;
    if (!isOwnObject(type) || type.getStringIndexType() || type.getNumberIndexType()) return false;
    if (type.getCallSignatures().length > 0 || type.getConstructSignatures().length > 0) return false;
    return type.getProperties().every((property) => {
      const name = property.getName();
      if (!p.fieldBy(desc, name)) return !isNamed(desc, name);
      const kind = sameIn(desc, name);
      // A type with a text, or anything, for the name of an enum's value.
      if (kind && isTextEnum(kind) && !isSameText(desc, name, property.getTypeAtLocation(at))) return false;
      if (!kind || isPlain(kind)) return kind !== undefined;
      const asked = property.getTypeAtLocation(at);
      const given = code.propertyOf(p.fieldBy(desc, name) as DescField)?.type;
      return given !== undefined && (holds(asked) && !holdsView(asked) ? true : goesTo(given, asked, at));
    });
  };

  const isSameText = (desc: DescMessage, name: string, asked: Type): boolean => {
    const given = code.propertyOf(p.fieldBy(desc, name) as DescField)?.type;
    return given?.getNonNullableType().compilerType === asked.getNonNullableType().compilerType;
  };

  /** What a field holds that has the same name and type in protobuf-es. */
  const sameIn = (desc: DescMessage, name: string): Kind | undefined => {
    const field = p.fieldBy(desc, name);
    if (code.flavour.hasClasses) return undefined;
    const kind = field && !field.oneof && field.localName === name ? p.kindOf(field) : undefined;
    return kind && (isPlain(kind) || holdsMessages(kind)) ? kind : undefined;
  };

  /** `Readonly<Thing>`, `T & { id: string }`: is what is read of a type that is made of a message's the same in protobuf-es? */
  const isSameRead = (type: Type, name: string): boolean => {
    const declared = type.getNonNullableType().getProperty(name)?.getDeclarations() ?? [];
    return declared.every((one) => {
      const owner = one.getParent();
      const desc =
        Node.isInterfaceDeclaration(owner) || Node.isClassDeclaration(owner) ? messageIn(owner.getType()) : undefined;
      return !desc || sameIn(desc, name) !== undefined;
    });
  };

  /** Is there something of this name in protobuf-es, whatever old code has? */
  const isNamed = (desc: DescMessage, name: string) =>
    name.startsWith("$") || [...desc.fields, ...desc.oneofs].some((one) => one.localName === name);

  /** Messages come to a type. False where that is to be seen. */
  const enter = (type: Type, given: ReadonlySet<DescMessage>, at: Node): boolean => {
    const known = entered.get(type.compilerType);
    const now = entering.get(type.compilerType) ?? new Set();
    const fresh = [...given].filter((desc) => !known?.has(desc) && !now.has(desc));
    if ((known || now.size > 0) && fresh.length === 0) return true;
    const declared = [type.getAliasSymbol(), type.getSymbol()]
      .flatMap((one) => one?.getDeclarations() ?? [])
      .filter(isOwn);
    const places = new Set([at, ...declared].map((one) => one.getSourceFile()));
    entering.set(type.compilerType, new Set([...now, ...fresh]));
    const isSame = fresh.every((desc) => fits(desc, type, at));
    entering.set(type.compilerType, now);
    if (!isSame || ![...places].every(reaches)) return false;
    entered.set(type.compilerType, new Set([...(entered.get(type.compilerType) ?? []), ...fresh]));
    types.addView(type);
    isChanged = true;
    return true;
  };

  /** All files that can have a value of a type which is declared in this one. */
  const reaches = (file: SourceFile): boolean => {
    imports ??= importsOf(p.project, code);
    const found = new Set([file]);
    for (const one of found) for (const [importer, targets] of imports) if (targets.includes(one)) found.add(importer);
    if (![...found].every(isTypeScript)) return false;
    for (const one of found) scope.add(one);
    return true;
  };

  const descsOf = (type: Type): ReadonlySet<DescMessage> | undefined => {
    const desc = messageIn(type);
    if (desc) return new Set([desc]);
    const found = [type, ...type.getIntersectionTypes()].flatMap((one) => [...(entered.get(one.compilerType) ?? [])]);
    return isView(type) ? new Set(found) : undefined;
  };

  /** What is in a type, whatever it stands in. */
  const descsIn = (type: Type, depth = 0): DescMessage[] => {
    if (depth > 6 || !holds(type)) return [];
    const own = type.isUnion() ? undefined : descsOf(type);
    if (own) return [...own];
    const index = type.getStringIndexType();
    return [
      ...type.getUnionTypes(),
      ...type.getTypeArguments(),
      ...type.getAliasTypeArguments(),
      ...(index ? [index] : []),
    ].flatMap((one) => descsIn(one, depth + 1));
  };

  /** May what is of one type go where another one is asked for, as far as the messages in it are concerned? */
  const goesTo = (from: Type, to: Type, at: Node, depth = 0): boolean => {
    const [given, wanted] = [awaited(from), awaited(to)];
    if (given.compilerType === wanted.compilerType || !holds(given)) return true;
    if (depth > 6 || wanted.isAny() || wanted.isUnknown()) return false;
    if (given.isUnion()) return given.getUnionTypes().every((one) => goesTo(one, wanted, at, depth + 1));
    const parts = (wanted.isUnion() ? wanted.getUnionTypes() : [wanted]).filter(
      (one) => one.isObject() || one.isTypeParameter() || one.isIntersection(),
    );
    const descs = descsOf(given);
    if (descs)
      return (
        parts.length > 0 &&
        parts.every((part) => {
          const same = messageIn(part);
          // What an async function gives is in a promise.
          const [held] = /^Promise(Like)?$/.test(part.getSymbol()?.getName() ?? "") ? part.getTypeArguments() : [];
          if (held) return goesTo(given, held, at, depth + 1);
          return same ? messageIn(given) === same : enter(part, descs, at);
        })
      );
    const alike = parts.filter((part) => parts.length === 1 || part.getSymbol() === given.getSymbol());
    return alike.length > 0 && alike.every((part) => isHeldAs(given, part, at, depth));
  };

  /** `Thing[]` for `Named[]`, `Map<string, Thing>` for `Map<string, Named>`. */
  const isHeldAs = (given: Type, wanted: Type, at: Node, depth: number): boolean => {
    const [from, to] = [given.getTypeArguments(), wanted.getTypeArguments()];
    // An Iterable has what it ends with besides.
    if (from.length > 0 && from.length <= to.length)
      return from.every((one, index) => goesTo(one, to[index] as Type, at, depth + 1));
    const [index, other] = [given.getStringIndexType(), wanted.getStringIndexType()];
    if (index && other) return goesTo(index, other, at, depth + 1);
    if (!isOwnObject(wanted) || wanted.getCallSignatures().length > 0) return false;
    return wanted.getProperties().every((one) => {
      const property = given.getProperty(one.getName());
      return !property || goesTo(property.getTypeAtLocation(at), one.getTypeAtLocation(at), at, depth + 1);
    });
  };

  /** The type parameters of a function or class of the program's own, which messages come to. False for any other. */
  const toGeneric = (declared: Node, given: readonly Type[], at: Node): boolean => {
    if (!Node.isTypeParametered(declared) || !isOwn(declared)) return false;
    // A guard that makes anything a T.
    const result = Node.isReturnTyped(declared) ? declared.getReturnTypeNode() : undefined;
    if (
      Node.isTypePredicate(result) &&
      Node.isParametered(declared) &&
      declared.getParameters().some((one) => one.getType().isAny() || one.getType().isUnknown())
    )
      return false;
    const results = given.flatMap((one) => one.getCallSignatures().map((signature) => signature.getReturnType()));
    const descs = new Set([...given, ...results].flatMap((one) => descsIn(one)));
    if (descs.size === 0) return false;
    return declared.getTypeParameters().every((one) => {
      const type = one.getType();
      const constraint = one.getConstraint();
      if (constraint && /\bkeyof\b/.test(constraint.getText())) return false;
      if (constraint && isPrimitive(constraint.getType())) return true;
      const message = constraint && messageIn(constraint.getType());
      return message ? [...descs].every((desc) => desc === message) : enter(type, descs, at);
    });
  };

  /** The parts of what is no message itself, and is made of the type of one. */
  const readsPart = (node: Node, type: Type): void => {
    if (Node.isObjectBindingPattern(node)) {
      for (const part of node.getElements()) {
        const name = unquoted(part.getPropertyNameNode()?.getText() ?? part.getName());
        if (part.getDotDotDotToken()) p.block(part, "the rest of a message is collected");
        else if (!isSameRead(type, name)) p.block(part, "a part of a type that is made of a message's");
      }
      return;
    }
    const parent = node.getParent();
    if (Node.isPropertyAccessExpression(parent) && parent.getExpression() === node) {
      if (!isSameRead(type, parent.getName())) p.block(parent, "a part of a type that is made of a message's");
      if (isMadeOfMessage(type, parent.getName()) && (isAssignmentTarget(parent) || isChangedInside(parent)))
        p.block(parent, "what may be a message is changed where only a part of it is known");
    }
    if (!Node.isElementAccessExpression(parent) || parent.getExpression() !== node) return;
    if (isMadeOf(type) && (isAssignmentTarget(parent) || !isKnownKey(type, parent.getArgumentExpression())))
      p.block(parent, "a key that is computed");
  };
  /** Is it an object with fields of a message? */
  const isMadeOf = (type: Type) =>
    type
      .getNonNullableType()
      .getProperties()
      .some((one) => isMadeOfMessage(type, one.getName()));
  const isMadeOfMessage = (type: Type, name: string) =>
    (type.getNonNullableType().getProperty(name)?.getDeclarations() ?? []).some((one) => code.has(one.getSourceFile()));

  const handsOver = (node: Node): boolean => {
    if (Node.isClassDeclaration(node) || Node.isClassExpression(node))
      return [...node.getImplements().map((one) => one.getType()), ...node.getType().getBaseTypes()].every((one) =>
        areMethodsGiven(node.getType(), one, node),
      );
    if (!Node.isExpression(node) || BLIND.test(node.getText())) return true;
    const type = node.getType();
    const isFunction = type.getCallSignatures().length > 0;
    if (!isFunction && !type.isClass() && !Node.isObjectLiteralExpression(node)) return true;
    const wanted = node.getContextualType()?.getNonNullableType();
    if (!wanted || wanted.compilerType === type.compilerType) return true;
    return isFunction ? isFunctionGiven(type, wanted, node) : areMethodsGiven(type, wanted, node);
  };

  const areMethodsGiven = (given: Type, wanted: Type, at: Node): boolean =>
    !isOwnType(wanted) ||
    wanted.getProperties().every((one) => {
      const asked = one.getTypeAtLocation(at).getNonNullableType();
      const own = asked.getCallSignatures().length > 0 ? given.getProperty(one.getName()) : undefined;
      return !own || isFunctionGiven(own.getTypeAtLocation(at).getNonNullableType(), asked, at);
    });

  const isFunctionGiven = (given: Type, wanted: Type, at: Node): boolean => {
    const [signature] = wanted.getCallSignatures();
    if (!signature) return true;
    return given.getCallSignatures().every((own) => {
      const takes = signature.getParameters().every((_, index) => {
        const type = parameterType(signature, index, at);
        if (!type || !holds(type)) return true;
        const asked = parameterType(own, index, at);
        if (!asked || (holds(asked) && !holdsView(asked))) return true;
        return own.getTypeParameters().length > 0
          ? toGeneric(own.getDeclaration(), [type], at)
          : goesTo(type, asked, at);
      });
      const [gives, asked] = [own.getReturnType(), signature.getReturnType()];
      const isLooked =
        !isOwn(signature.getDeclaration()) || asked.isVoid() || !holds(gives) || (holds(asked) && !holdsView(asked));
      return takes && (isLooked || goesTo(gives, asked, at));
    });
  };

  return {
    goesTo,
    toGeneric,
    readsPart,
    isGeneric: (declared: Node): boolean =>
      isOwn(declared) && Node.isTypeParametered(declared) && declared.getTypeParameters().length > 0,
    /** Has an instance of a class a message in it? */
    isInstance: (type: Type): boolean =>
      (type.getSymbol()?.getDeclarations() ?? []).some((one) => Node.isClassDeclaration(one) && isOwn(one)) &&
      type.getProperties().some((one) => {
        const [declared] = one.getDeclarations();
        return declared !== undefined && !Node.isMethodDeclaration(declared) && holds(one.getTypeAtLocation(declared));
      }),
    isPartOfMessage: (type: Type) => isView(type) || isMadeOf(type),
    /** `message["name"]`, of what has the same name and type in protobuf-es. */
    isKnownRead(type: Type, key: Node | undefined): boolean {
      const desc = messageIn(type);
      return (
        desc !== undefined &&
        keysOf(key).length > 0 &&
        keysOf(key).every((one) => one !== undefined && sameIn(desc, one) !== undefined)
      );
    },
    /** `Pick<Thing, "name" | "kind">`, of what is the same in protobuf-es. */
    isPick(reference: Node, desc: DescMessage): boolean {
      const pick = reference.getParent();
      if (!Node.isTypeReference(pick) || pick.getTypeName().getText() !== "Pick") return false;
      const keys = keysOf(pick.getTypeArguments()[1]);
      return keys.length > 0 && keys.every((one) => one !== undefined && sameIn(desc, one) !== undefined);
    },
    /** What is of a type goes where another one is asked for: is that one to be looked at? */
    isAsked: (wanted: Type) => !holds(wanted) || holdsView(wanted),

    /** A function, or an object with methods, where one is asked for that is given messages: does it take them? */
    handsOver,

    /** `Page<Thing>`, `new Store<Thing>()`, `first<Thing>(…)`: is the type that holds a message one of the program's own, and no more than that? */
    isHolder(around: Node, reference: Node): boolean {
      if (Node.isCallExpression(around) || Node.isNewExpression(around))
        return toGeneric(declarationOf(around) ?? around, [reference.getType()], around);
      const name = Node.isTypeReference(around)
        ? around.getTypeName()
        : Node.isExpressionWithTypeArguments(around)
          ? around.getExpression()
          : undefined;
      const symbol = name?.getSymbol();
      const declared = (symbol?.getAliasedSymbol() ?? symbol)?.getDeclarations()[0];
      if (!declared || !isOwn(declared)) return false;
      if (Node.isClassDeclaration(declared)) return toGeneric(declared, [reference.getType()], around);
      if (!Node.isInterfaceDeclaration(declared) && !Node.isTypeAliasDeclaration(declared)) return false;
      const names = declared.getTypeParameters().map((one) => one.getNameNode());
      return names.every((one) =>
        p.project
          .referencesTo(one)
          .every(
            (use) =>
              use === one || (Node.isTypeReference(use.getParent()) && holderOf(use.getParentOrThrow()) === undefined),
          ),
      );
    },

    /** Looks at every value of such a type, until there are no more of them. */
    look(goes: (node: Node, type: Type) => unknown, isValue: (node: Node) => boolean): void {
      for (let rounds = 0; isChanged && rounds < 12; rounds++) {
        isChanged = false;
        for (const file of scope) file.forEachDescendant((node) => void lookAt(node, goes, isValue));
      }
      if (isChanged)
        p.block([...scope][0] ?? (p.project.files[0] as Node), "types that messages come to, one of the other");
    },
  };

  function lookAt(node: Node, goes: (node: Node, type: Type) => unknown, isValue: (node: Node) => boolean): unknown {
    if (Node.isObjectBindingPattern(node) && isView(node.getType())) {
      const rest = node.getElements().find((one) => one.getDotDotDotToken());
      return rest && p.block(rest, "the rest of a message is collected");
    }
    if (Node.isClassDeclaration(node) && !handsOver(node)) p.block(node.getNameNode() ?? node, ELSEWHERE);
    if (!isValue(node)) return undefined;
    if (!handsOver(node)) p.block(node, ELSEWHERE);
    const type = node.getType();
    const place =
      type.isAny() || type.isUnknown() || Node.isAsExpression(node.getParent())
        ? placeOf(node, () => false)
        : undefined;
    const isEmpty = Node.isObjectLiteralExpression(node) && node.getProperties().length === 0;
    const isHeld = place?.kind === "typed" && holdsParameter(place.type) && !(isEmpty && !isView(place.type));
    if (isHeld && !holdsParameter(type)) return p.block(node, "nothing proves that this is a message");
    if (!holdsView(type)) return undefined;
    const parent = node.getParent();
    if (isView(type) && Node.isPropertyAccessExpression(parent) && parent.getExpression() === node)
      return isAssignmentTarget(parent) || isChangedInside(parent)
        ? p.block(parent, "what may be a message is changed where only a part of it is known")
        : undefined;
    if (isView(type) && Node.isElementAccessExpression(parent) && parent.getExpression() === node)
      return isAssignmentTarget(parent) || !isKnownKey(type, parent.getArgumentExpression())
        ? p.block(parent, "a key that is computed")
        : undefined;
    return goes(node, type);
  }

  function isKnownKey(type: Type, key: Node | undefined): boolean {
    const keys = keysOf(key);
    return (
      keys.length > 0 &&
      keys.every((one) => one !== undefined && isSameRead(type, one) && type.getNonNullableType().getProperty(one))
    );
  }

  /** Is a type declared by the program? */
  function isOwnType(type: Type): boolean {
    return (type.getSymbol()?.getDeclarations() ?? []).some(isOwn);
  }

  function isOwn(declared: Node): boolean {
    const file = declared.getSourceFile();
    return !file.isDeclarationFile() && !code.has(file) && !file.getFilePath().includes("/node_modules/");
  }

  /** An object that is data: no class, and nothing of a library. */
  function isOwnObject(type: Type): boolean {
    const declared = type.getSymbol()?.getDeclarations() ?? [];
    return (
      declared.length > 0 &&
      declared.every(
        (one) =>
          Node.isMappedTypeNode(one) ||
          (isOwn(one) &&
            (Node.isInterfaceDeclaration(one) || Node.isTypeLiteral(one) || Node.isObjectLiteralExpression(one))),
      )
    );
  }
}

function parameterType(signature: Signature, index: number, at: Node): Type | undefined {
  const parameter = parameterAt(signature, index);
  const type = parameter?.symbol.getTypeAtLocation(at);
  return parameter?.isRest ? type?.getArrayElementType() : type;
}

/** T of `Awaited<T>`. */
function awaited(type: Type): Type {
  const [inner] = type.getAliasSymbol()?.getName() === "Awaited" ? type.getAliasTypeArguments() : [];
  return inner ?? type;
}

function isPrimitive(type: Type): boolean {
  if (type.isUnion()) return type.getUnionTypes().every(isPrimitive);
  return type.isString() || type.isNumber() || type.isBoolean() || type.isLiteral() || type.getText() === "symbol";
}

/** The texts that a key may be; undefined for one that is no text that is written out. */
function keysOf(key: Node | undefined): (string | undefined)[] {
  const asked = key?.getType();
  const all = asked?.isUnion() ? asked.getUnionTypes() : asked ? [asked] : [];
  return all.map((one) => (one.isStringLiteral() ? `${one.getLiteralValue()}` : undefined));
}

/** The function that is called, or the class of which an instance is made. */
export function declarationOf(call: CallExpression | NewExpression): Node | undefined {
  const declared = call
    .getProject()
    .getTypeChecker()
    .getResolvedSignature(call as never)
    ?.getDeclaration();
  if (Node.isNewExpression(call)) {
    const made = call.getType().getSymbol()?.getDeclarations()[0];
    return Node.isClassDeclaration(made) ? made : undefined;
  }
  return declared;
}
