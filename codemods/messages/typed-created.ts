import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { Edition, FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import { type ClassDeclaration, Node, type SourceFile, SyntaxKind } from "ts-morph";
import { unsupportedIn } from "./message-kind.js";
import { isAssignmentTarget, topOf } from "./message-syntax.js";
import type { Proving } from "./proof.js";
import type { TypedCode } from "./typed-code.js";
import type { TypedTypes } from "./typed-types.js";

/** Functions of a message that make one, or change it. */
const MAKERS = /^(create|clone|from\w+|mergePartial|internal\w+)$/;

/**
 * The options of the runtime's `protobufTsObject`, after a comma or nothing, for messages that generated code makes as it does: undefined
 * where it makes them otherwise.
 */
export function createdOptions(
  p: Proving,
  code: TypedCode,
  descs: ReadonlySet<DescMessage>,
  longs: string | undefined,
): string | undefined {
  const isKnown = (desc: DescMessage) =>
    desc.file.edition === Edition.EDITION_PROTO3 &&
    desc.fields.every((field) => unsupportedIn(p.kindOf(field)) === undefined && hasLocalName(code, field)) &&
    makesAsKnown(code, desc);
  if (![...descs].every(isKnown) || longs === "both") return undefined;
  return longs === undefined || longs === "BigInt" ? "" : `, { longs: ${longs} }`;
}

/** Can two messages that look the same on protobuf-es look different in old code, by what was sent in which order? */
export function dependsOnSent(descs: ReadonlySet<DescMessage>): boolean {
  return [...descs].some((desc) => {
    const others = desc.fields.filter((field) => !field.oneof && isExplicit(field));
    const isBytes = ({ scalar }: DescField) => scalar === ScalarType.BYTES;
    const isWrapped = (field: DescField) => field.message?.typeName === "google.protobuf.BytesValue";
    return others.length > 1 || desc.fields.some((field) => isBytes(field) || isWrapped(field));
  });
}

function isExplicit(field: DescField): boolean {
  const isOne = field.fieldKind === "message" || field.fieldKind === "scalar" || field.fieldKind === "enum";
  return isOne && field.presence === FeatureSet_FieldPresence.EXPLICIT;
}

function hasLocalName(code: TypedCode, field: DescField): boolean {
  if (!field.oneof) return code.propertyOf(field)?.key === field.localName;
  return code.propertyOf(field.oneof)?.key === field.oneof.localName && code.memberOf(field)?.text === field.localName;
}

/** `const message = Object.create(this.messagePrototype); message.total = 0; …`, in the order of the fields. */
function makesAsKnown(code: TypedCode, desc: DescMessage): boolean {
  const declaration = code.declarationOf(desc);
  const file = declaration?.getSourceFile();
  const owner: ClassDeclaration | undefined = file?.getClass(`${declaration?.getName()}$Type`);
  const [first, ...others] = owner?.getInstanceMethod("create")?.getStatements() ?? [];
  if (!/^const message = globalThis\.Object\.create\(\(?this\.messagePrototype!?\)?\);$/.test(first?.getText() ?? ""))
    return false;
  const made = others.flatMap((one) => /^message\.([\w$]+) = /.exec(one.getText())?.[1] ?? []);
  const wanted = desc.fields.flatMap((field) => {
    if (field.oneof) return field === field.oneof.fields[0] ? [field.oneof.localName] : [];
    return isExplicit(field) ? [] : [field.localName];
  });
  return made.join() === wanted.join();
}

/** Where the program makes or changes one of these messages itself: it may have its fields in another order then. */
export function madeOrChanged(
  files: readonly SourceFile[],
  code: TypedCode,
  messageIn: TypedTypes["messageIn"],
  descs: ReadonlySet<DescMessage>,
  holdsOne: (desc: DescMessage) => boolean,
): Node | undefined {
  const isOne = (node: Node) => {
    const desc = messageIn(node.getType().getNonNullableType());
    return desc !== undefined && descs.has(desc);
  };
  const isMade = (node: Node): boolean => {
    if (Node.isPropertyAccessExpression(node) || Node.isElementAccessExpression(node)) {
      const owner = Node.isPropertyAccessExpression(node) ? code.nameOf(node.getExpression()) : undefined;
      if (owner?.kind === "message" && Node.isPropertyAccessExpression(node) && MAKERS.test(node.getName()))
        return descs.has(owner.desc) || (holdsOne(owner.desc) && !isOfLiteral(node));
      return isAssignmentTarget(topOf(node)) && isOne(node.getExpression());
    }
    const [first] = Node.isCallExpression(node) ? node.getArguments() : [];
    const isAssigned = Node.isCallExpression(node) && /^(Object|Reflect)\./.test(node.getExpression().getText());
    return isAssigned && first !== undefined && isOne(first);
  };
  for (const file of files) {
    if (code.has(file)) continue;
    for (const kind of [
      SyntaxKind.PropertyAccessExpression,
      SyntaxKind.ElementAccessExpression,
      SyntaxKind.CallExpression,
    ] as const) {
      const found = file.getDescendantsOfKind(kind).find(isMade);
      if (found) return found;
    }
  }
  return undefined;
}

/** `Thing.create()`, `Thing.create({ … })`: what is in the literal is looked at for itself. */
function isOfLiteral(callee: Node): boolean {
  const call = callee.getParent();
  if (!Node.isCallExpression(call) || call.getExpression() !== callee) return false;
  const [first] = call.getArguments();
  return first === undefined || Node.isObjectLiteralExpression(first);
}
