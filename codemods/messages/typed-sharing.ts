import { type DescField, type DescMessage, type DescOneof, ScalarType } from "@bufbuild/protobuf";
import { Node, SyntaxKind, type Type } from "ts-morph";
import { functionAround, isAssignmentTarget, unwrapped } from "./message-syntax.js";
import type { Proving } from "./proof.js";

/** Methods that change a list in place. */
const MUTATORS = /^(push|pop|shift|unshift|splice|sort|reverse|fill|copyWithin)$/;

function isOfBytes(field: DescField): boolean {
  return "scalar" in field && field.scalar === ScalarType.BYTES;
}

/** Methods that give a list of their own. */
const MAKERS = /^(map|filter|slice|concat|flatMap|split|toSorted|toReversed|from|entries|keys|values|fromEntries)$/;

/** `list.push(…)`, `list[0] = …`, `delete map[key]`. */
export function isChangedInside(list: Node): boolean {
  const parent = list.getParent();
  if (Node.isPropertyAccessExpression(parent))
    return parent.getExpression() === list && MUTATORS.test(parent.getName());
  return Node.isElementAccessExpression(parent) && parent.getExpression() === list && isAssignmentTarget(parent);
}

/** `map.key = …`, `delete map.key`, `list.length = 0`. */
export function isEntrySet(holder: Node): boolean {
  const parent = holder.getParent();
  if (!Node.isPropertyAccessExpression(parent) || parent.getExpression() !== holder || !isAssignmentTarget(parent))
    return false;
  const type = holder.getType().getNonNullableType();
  return type.getStringIndexType() !== undefined || (type.isArray() && parent.getName() === "length");
}

export type Sharing = ReturnType<typeof createSharing>;

/**
 * A literal of old code holds the very list that it is given, and fromPartial() copies everything; create() copies a list of
 * messages and keeps all else. Nobody can tell them apart, unless what is shared in one of them and not in the other changes.
 */
export function createSharing(p: Proving, isMessage: (type: Type) => boolean) {
  const changed = new Set<DescField>();
  const written = new Set<DescMessage>();
  const writtenInside = new Set<DescOneof>();
  let isAnyListChanged = false;
  let isOtherListChanged = false;

  const isChangedBelow = (desc: DescMessage, seen = new Set<DescMessage>()): boolean => {
    if (seen.has(desc)) return false;
    seen.add(desc);
    if (written.has(desc)) return true;
    return desc.fields.some(
      (field) => changed.has(field) || ("message" in field && field.message && isChangedBelow(field.message, seen)),
    );
  };

  return {
    /** A list or map of messages' field changes in place. */
    changes(field: DescField, message: Node): void {
      const first = firstOf(message);
      const isGiven = first?.getDescendantsOfKind(SyntaxKind.ObjectLiteralExpression)[0] ?? first;
      const isFresh =
        Node.isCallExpression(first) || Node.isNewExpression(first) || Node.isObjectLiteralExpression(first)
          ? !isGiven?.getText().includes(p.shape.keyOf(field) ?? field.name)
          : false;
      if (!isFresh || !isOnlyReturned(message)) changed.add(field);
    },
    /** A field of a message gets another value. */
    writes(member: DescField | DescOneof, message: Node): void {
      if (!isOnlyReturned(message)) written.add(member.parent);
    },
    /** The value of a oneof changes, and not the oneof. */
    writesInside: (oneof: DescOneof) => {
      writtenInside.add(oneof);
      written.add(oneof.parent);
    },
    isWrittenInside: (oneof: DescOneof) => writtenInside.has(oneof),
    /** A list in a variable changes: it may be one that a message has. */
    changesList(list: Node): void {
      const declaration = Node.isIdentifier(list) ? p.project.declarationOf(list) : undefined;
      const made = Node.isVariableDeclaration(declaration) ? declaration.getInitializer() : undefined;
      const first = Node.isIdentifier(list) ? made : unwrapped(list);
      if (!first || !isOwn(first)) isAnyListChanged = true;
    },
    /** The same for a list of bytes, or of the objects of a google.protobuf.Struct. */
    changesOther(list: Node): void {
      const declaration = Node.isIdentifier(list) ? p.project.declarationOf(list) : undefined;
      const first = Node.isVariableDeclaration(declaration) ? declaration.getInitializer() : undefined;
      const type = list.getType().getNonNullableType();
      const item = (type.getArrayElementType() ?? type.getStringIndexType())?.getText() ?? "string";
      if (!/^(string|number|boolean|bigint)$/.test(item) && !(first && isOwn(unwrapped(first))))
        isOtherListChanged = true;
    },
    /** Does something change that a message of this type has, or may have? */
    isChangedIn: (desc: DescMessage) => isAnyListChanged || isChangedBelow(desc),
    /** Can someone see that a value which a message is made with is shared with it, or is not? */
    isSeen(given: Node, field: DescField, isCopied: boolean): boolean {
      const value = unwrapped(given);
      const isStruct = "message" in field && field.message?.typeName === "google.protobuf.Struct";
      const desc = "message" in field && !isStruct ? field.message : undefined;
      if (isOwn(value)) return isCopied && desc !== undefined && hasOthers(value) && isChangedBelow(desc);
      if (isCopied && desc && isChangedBelow(desc)) return true;
      if (field.fieldKind !== "list" && field.fieldKind !== "map") return false;
      // A list of scalars is the same one before and after, but for one of bytes; of a Struct, create() makes another list.
      if (!isCopied && !("message" in field && field.message) && !isOfBytes(field)) return false;
      if (Node.isIdentifier(value) && isLocal(value)) return hasLaterUses(value);
      if (changed.has(field) || (desc ? isAnyListChanged : isOtherListChanged)) return true;
      const source = (desc ? undefined : firstOf(value)) ?? value;
      if (!Node.isPropertyAccessExpression(source) || !isMessage(source.getExpression().getType())) return true;
      return [...changed].some((one) => one.localName === source.getName() || p.shape.keyOf(one) === source.getName());
    },
  };

  function isOwn(value: Node): boolean {
    if (Node.isAwaitExpression(value)) return /^Promise\.all(Settled)?\(/.test(value.getExpression().getText());
    if (Node.isArrayLiteralExpression(value) || Node.isObjectLiteralExpression(value) || Node.isNewExpression(value))
      return true;
    const callee = Node.isCallExpression(value) ? value.getExpression() : undefined;
    if (!Node.isPropertyAccessExpression(callee)) return false;
    // The list itself, in another order.
    if (/^(sort|reverse)$/.test(callee.getName())) return isOwn(unwrapped(callee.getExpression()));
    return (
      MAKERS.test(callee.getName()) ||
      /^(create|fromPartial|fromObject|decode|deserialize|deserializeBinary|clone|fromBinary)$/.test(callee.getName())
    );
  }

  /** What a constant is made with. */
  function firstOf(message: Node): Node | undefined {
    const declaration = Node.isIdentifier(message) ? p.project.declarationOf(message) : undefined;
    const isConstant =
      Node.isVariableDeclaration(declaration) && declaration.getVariableStatement()?.getDeclarationKind() === "const";
    return isConstant ? unwrapped(declaration.getInitializerOrThrow()) : undefined;
  }

  /** A message that this function makes, and that nobody else has before it is returned. */
  function isOnlyReturned(message: Node): boolean {
    const first = firstOf(message);
    if (!first || !Node.isIdentifier(message) || !isOwn(first)) return false;
    return p.project.referencesTo(message).every((one) => {
      const parent = one.getParent();
      if (Node.isVariableDeclaration(parent) && parent.getNameNode() === one) return true;
      if (functionAround(one) !== functionAround(first)) return false;
      return (
        Node.isReturnStatement(parent) || (Node.isPropertyAccessExpression(parent) && parent.getExpression() === one)
      );
    });
  }

  /** Does a value that is made here have parts that are not? */
  function hasOthers(value: Node): boolean {
    return [value, ...value.getDescendants()].some(
      (node) => (Node.isIdentifier(node) || Node.isPropertyAccessExpression(node)) && isMessage(node.getType()),
    );
  }

  /** A list that this function made. */
  function isLocal(value: Node): boolean {
    const declaration = p.project.declarationOf(value);
    const first = Node.isVariableDeclaration(declaration) ? declaration.getInitializer() : undefined;
    return first !== undefined && isOwn(first) && functionAround(first) === functionAround(value);
  }

  /** Is a variable used once the statement is done in which a message gets its value? */
  function hasLaterUses(value: Node): boolean {
    const loop = value.getAncestors().find((node) => Node.isIterationStatement(node));
    const declaration = p.project.declarationOf(value);
    if (loop && !declaration?.getAncestors().includes(loop)) return true;
    const end = value.getFirstAncestor((node) => Node.isStatement(node))?.getEnd() ?? value.getEnd();
    return p.project
      .referencesTo(value)
      .some((one) => one.getStart() >= end || (one.getPos() > value.getPos() && isChangedInside(one)));
  }
}
