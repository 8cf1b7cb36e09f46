import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { type BinaryExpression, type CallExpression, Node, type PropertyAccessExpression } from "ts-morph";
import { reachable, showsDefaults, showsNothingUnset } from "./google-protobuf-generated.js";
import {
  accessorsOf,
  chainRoot,
  fieldOfObject,
  isOptionalScalar,
  isScalar,
  packageOf,
} from "./google-protobuf-names.js";
import { readField } from "./google-protobuf-reads.js";
import { unsupportedIn } from "./message-kind.js";
import { functionAround, isAssignmentTarget, isFunctionNode, isTruthTest, isValueOfLogical } from "./message-syntax.js";
import type { Proving } from "./proof.js";

/**
 * `message.toObject()`: where only fields are read of the object, they are read of the message; elsewhere the same plain object
 * is made of the new message.
 */
export function followObject(
  p: Proving,
  access: PropertyAccessExpression,
  call: CallExpression,
  desc: DescMessage,
): unknown {
  const object = access.getExpression();
  const [instance] = call.getArguments();
  if (instance && instance.getText() !== "false") return p.block(call, "an object that holds its message, too");
  if (!access.hasQuestionDotToken()) {
    const steps = readsOf({ p, root: rootOf(object) }, call, desc);
    if (steps) {
      p.edit(call, object.getEnd(), call.getEnd(), []);
      for (const step of steps) step();
      return undefined;
    }
  }
  const odd = reachable(desc).find((one) => unlike(call, one) !== undefined);
  if (odd) return p.block(call, `the object of a ${odd.typeName}, ${unlike(call, odd)}`);
  const defaults = showsDefaults(call, desc);
  if (defaults === undefined)
    return p.block(call, "an object whose unset members depend on the version of the generator, which is not known");
  const chain = access.hasQuestionDotToken() ? p.chainText(object) : "";
  if (chain === undefined) return p.block(call, "a message that may not be there and cannot be read twice");
  const opening = chain === "" ? "" : `(${chain} === undefined ? undefined : `;
  const make = { module: "@connect-migrate/runtime/grpc-js", name: "toObject" };
  p.edit(
    call,
    call.getStart(),
    call.getStart(),
    [opening, make, "(", p.generated(desc, "descriptor", call), ", "],
    "after",
  );
  const options = defaults ? "" : ", { defaults: false }";
  p.edit(call, object.getEnd(), call.getEnd(), [`${options})${chain === "" ? "" : ")"}`]);
}

/** What the object of a message has that nothing makes anew. */
function unlike(near: Node, desc: DescMessage): string | undefined {
  if (desc.typeName === "google.protobuf.Value" && !showsNothingUnset(near))
    return "which versions of the package show differently";
  if (desc.proto.extensionRange.length > 0) return "which can have extensions";
  const group = desc.fields.find((field) => "delimitedEncoding" in field && field.delimitedEncoding);
  return group && "which has a group";
}

type Steps = (() => void)[];

interface Reading {
  readonly p: Proving;
  /** `req` of `req.getChild().toObject()`. */
  readonly root: Node | undefined;
  /** The object has a name: nothing may write to the message as long as it is read. */
  readonly isKept?: true;
}

/** Reads each use of an object as one of the message; undefined where a use is no read of a field. */
function readsOf(reading: Reading, use: Node, desc: DescMessage): Steps | undefined {
  const { p } = reading;
  const parent = use.getParent();
  if (Node.isPropertyAccessExpression(parent) && parent.getExpression() === use) return memberOf(reading, parent, desc);
  if (!Node.isVariableDeclaration(parent) || parent.getInitializer() !== use || parent.getTypeNode()) return undefined;
  const name = parent.getNameNode();
  if (Node.isObjectBindingPattern(name)) {
    const steps: Steps = [];
    for (const part of name.getElements()) {
      const key = part.getPropertyNameNode() ?? part.getNameNode();
      const field = Node.isIdentifier(key) ? fieldOfObject(desc, key.getText()) : undefined;
      const isTaken = !part.getDotDotDotToken() && !part.getInitializer() && Node.isIdentifier(part.getNameNode());
      if (!field || !isTaken || field.oneof || isOptionalScalar(field) || !isReadAsIs(p, field)) return undefined;
      if (p.project.referencesTo(part.getNameNode()).some(isAssignmentTarget)) return undefined;
      steps.push(() => {
        if (part.getPropertyNameNode()) p.replace(key, field.localName);
        else if (key.getText() !== field.localName)
          p.edit(part, key.getStart(), key.getStart(), [`${field.localName}: `], "after");
        p.bind(part.getNameNode(), p.kindOf(field));
      });
    }
    return steps;
  }
  return Node.isIdentifier(name) ? ofVariable(reading, name, desc) : undefined;
}

/** An object with a name: it is a copy. */
function ofVariable(reading: Reading, name: Node, desc: DescMessage): Steps | undefined {
  const steps: Steps = [];
  for (const reference of reading.p.project.referencesTo(name)) {
    if (reference === name) continue;
    const access = reference.getParent();
    if (!Node.isPropertyAccessExpression(access) || access.getExpression() !== reference) return undefined;
    const one = memberOf({ ...reading, isKept: true }, access, desc);
    if (!one) return undefined;
    steps.push(...one);
  }
  return steps;
}

/** `object.key`, a field of the message or of one within it. */
function memberOf(reading: Reading, access: PropertyAccessExpression, desc: DescMessage): Steps | undefined {
  const { p, root, isKept } = reading;
  const field = fieldOfObject(desc, access.getName());
  const parent = access.getParent();
  if (!field || isAssignmentTarget(access) || (isKept && mayBeWritten(p, field, root))) return undefined;
  if (Node.isCallExpression(parent) && parent.getExpression() === access) return undefined;
  const rename = () => p.edit(access, access.getNameNode().getStart(), access.getEnd(), [field.localName]);
  if (field.fieldKind === "message" && !field.oneof && p.kindOf(field).kind === "message") {
    const isTest =
      parent !== undefined &&
      isTruthTest(parent, access) &&
      (!isValueOfLogical(parent) || (isAnd(parent) && parent.getLeft() === access));
    if (isTest) return [rename];
    if (!Node.isPropertyAccessExpression(parent) || parent.getExpression() !== access) return undefined;
    const inner = memberOf(reading, parent, field.message);
    return inner && [rename, ...inner];
  }
  if (field.fieldKind === "list" && field.message && unsupportedIn(p.kindOf(field)) === undefined) {
    if (!Node.isPropertyAccessExpression(parent) || parent.getExpression() !== access) return undefined;
    if (parent.getName() === "length") return [rename, () => p.kinds.set(access, p.kindOf(field))];
    const call = parent.getParent();
    const [callback] = Node.isCallExpression(call) && call.getExpression() === parent ? call.getArguments() : [];
    if (!/^(map|forEach|some|every)$/.test(parent.getName()) || !callback || !isFunctionNode(callback))
      return undefined;
    const [item, , more] = callback.getParameters();
    const name = item?.getNameNode();
    if (!item || more || item.getTypeNode() || !Node.isIdentifier(name)) return undefined;
    const inner = ofVariable(reading, name, field.message);
    return inner && [rename, ...inner];
  }
  if (!isReadAsIs(p, field)) return undefined;
  // Read twice, where its default stands for it: of a name only, and not through one that may not be there.
  const isTwice = field.oneof !== undefined || isOptionalScalar(field);
  const isName = Node.isIdentifier(access.getExpression()) && !access.hasQuestionDotToken();
  if (isTwice && (!isName || showsDefaults(access, field.parent) !== true)) return undefined;
  return [() => readField(p, access, access, field, "get")];
}

function isAnd(node: Node): node is BinaryExpression {
  return Node.isBinaryExpression(node) && node.getOperatorToken().getText() === "&&";
}

/** A scalar, an enum or a list of them that the object holds in the form that a getter gives. */
function isReadAsIs(p: Proving, field: DescField): boolean {
  if (!isScalar(field) && !(field.fieldKind === "list" && !field.message)) return false;
  const isBytes = "scalar" in field && field.scalar === ScalarType.BYTES;
  const proto2 = field.parent.file.proto.syntax !== "proto3";
  return !isBytes && !proto2 && unsupportedIn(p.kindOf(field)) === undefined;
}

/** Is there a call in the project that could write a field of the message, by the names of its accessors? */
function mayBeWritten(p: Proving, field: DescField, root: Node | undefined): boolean {
  const declaration = root && p.project.declarationOf(root);
  const owner = declaration && functionAround(declaration);
  const isRequest = Node.isParameterDeclaration(declaration) && owner !== undefined && p.handlers.has(owner);
  const names = [...accessorsOf(field.parent)].flatMap(([name, one]) =>
    "field" in one && one.field === field && (/^(set|add|clear)$/.test(one.does) || field.fieldKind === "list")
      ? [name]
      : [],
  );
  return names.some((name) =>
    p.project.identifiersNamed(name).some((identifier) => {
      const access = identifier.getParent();
      if (!Node.isPropertyAccessExpression(access) || packageOf(access.getSourceFile()) !== undefined) return false;
      if (name.startsWith("get")) return !isReadOnly(access);
      // A message that is made here is no request.
      const of = chainRoot(access.getExpression());
      const made = Node.isIdentifier(of) ? p.project.declarationOf(of) : undefined;
      const first = Node.isVariableDeclaration(made) ? made.getInitializer() : of;
      const isNamedOnce = !Node.isIdentifier(of) || !p.project.referencesTo(of).some(isAssignmentTarget);
      const isOwn = isRequest && Node.isNewExpression(first && chainRoot(first)) && isNamedOnce;
      return !isOwn;
    }),
  );
}

/** `message.getXList()` that is only looked at on the spot. */
function isReadOnly(getter: Node): boolean {
  const use = getter.getParent()?.getParent();
  return (
    Node.isPropertyAccessExpression(use) && /^(length|map|join|some|every|includes|find|indexOf)$/.test(use.getName())
  );
}

/** `a` of `a.getB().getC()`. */
function rootOf(node: Node): Node | undefined {
  let current = node;
  while (Node.isCallExpression(current) || Node.isPropertyAccessExpression(current)) current = current.getExpression();
  return Node.isIdentifier(current) ? current : undefined;
}
