import type { DescField } from "@bufbuild/protobuf";
import { type CallExpression, Node, type SourceFile, SyntaxKind } from "ts-morph";
import { type LegacyShape, type Representation, representationOf, structOf } from "./legacy-shape.js";
import { topOf } from "./message-syntax.js";
import type { Proving } from "./proof.js";
import { shownAsJson, shownAsObject, shownWith } from "./protobufjs-conversions.js";
import { hasConstant, moduleAt, propertyOf, protobufjsStaleness, staticNameOf } from "./protobufjs-generated.js";
import { creates, madeMessage } from "./protobufjs-made.js";
import { asksPresence } from "./protobufjs-reads.js";
import { enumTypesIn, hasOnlyEnums, retypeStatic } from "./protobufjs-types.js";
import { receivedAs } from "./received-messages.js";

const shapes = new WeakMap<SourceFile, LegacyShape>();

/** Objects of the classes that `pbjs -t static-module` wrote into a file. */
export function protobufjsShape(file: SourceFile): LegacyShape {
  const known = shapes.get(file);
  if (known) return known;
  const shape: LegacyShape = {
    rule: "messages/protobufjs-native",
    id: `protobufjs ${file.getFilePath()}`,
    fractions: "wrapped",
    hasNulls: true,
    keyOf: (field) => propertyOf(file, field),
    oneofKeyOf: (oneof) => oneofKey(file, oneof.fields[0]),
    enumName: (value) => value.name,
    representation: (field) => (hasStructs(file) && structOf(field)) || representation(field),
    structs: { view: "protobufjsStruct", options: "", make: "structFromProtobufjs" },
    made: madeMessage,
    creates,
    member: (p, access, desc) => asksPresence(p, access, desc) || shownAsJson(p, access, desc, file),
    shownWith: (p, desc, isJson) => shownWith(p, desc, file, isJson),
    takenBy: (p, call, message) => encoded(p, call, message) || shownAsObject(p, call, message),
    retype: retypeStatic,
    staleness: (_, desc) => protobufjsStaleness(file, desc),
    constant,
    renameEnums: renameStatic,
    hasOnlyEnums,
  };
  shapes.set(file, shape);
  return shape;
}

/** Is what pbjs wrote for google.protobuf.Struct what the runtime makes again? */
function hasStructs(file: SourceFile): boolean {
  const text = file.getFullText();
  return [
    "Value.prototype.numberValue = null",
    'Value.prototype, "kind", {',
    "Struct.prototype.toJSON = function",
  ].every((part) => text.includes(part));
}

function representation(field: DescField): Representation {
  if ("longAsString" in field && field.longAsString)
    return { kind: "unsupported", why: `${field.name} is a Long here and a string in protobuf-es` };
  return representationOf(field, "none", "none");
}

/** The getter of a oneof has its name as fields have theirs. */
function oneofKey(file: SourceFile, member: DescField | undefined): string | undefined {
  if (!member?.oneof) return undefined;
  const text = file.getFullText();
  const { name } = member.oneof;
  const camel = name.replace(/_([a-z])(?=[a-z]|$)/g, (_, letter: string) => letter.toUpperCase());
  return [name, camel].find((key) => text.includes(`.prototype, "${key}", {`));
}

/** `T.encode(message).finish()` becomes `toBinary(TSchema, message)`, for a message that is one whatever happens. */
function encoded(p: Proving, call: CallExpression, message: Node): boolean {
  const callee = call.getExpression();
  const name = Node.isPropertyAccessExpression(callee) ? staticNameOf(p.project, callee.getExpression()) : undefined;
  const kind = p.kinds.get(message);
  if (!Node.isPropertyAccessExpression(callee) || callee.getName() !== "encode" || name?.kind !== "message")
    return false;
  const access = call.getParent();
  const finish = access?.getParent();
  const isFinished = Node.isPropertyAccessExpression(access) && access.getName() === "finish";
  const isSame = kind?.kind === "message" && kind.desc.typeName === name.desc.typeName;
  if (!isFinished || !Node.isCallExpression(finish) || call.getArguments().length !== 1 || !isSame) return false;
  p.later(() => {
    if (receivedAs(p, message) !== "always") p.block(call, "a message is encoded that may be no more than a literal");
  });
  p.edit(finish, finish.getStart(), message.getStart(), [
    { module: "@bufbuild/protobuf", name: "toBinary" },
    "(",
    p.generated(name.desc, "descriptor", call),
    ", ",
  ]);
  p.edit(finish, topOf(message).getEnd(), finish.getEnd(), [")"]);
  p.flow(finish, { kind: "value", as: { kind: "bytes" } });
  return true;
}

/** `kiln.v2.Glaze.GLAZE_CELADON`, `Glaze['GLAZE_CELADON']` becomes `Glaze.CELADON`. */
function constant(p: Proving, expression: Node): boolean {
  const isKeyed = Node.isElementAccessExpression(expression);
  if (!isKeyed && !Node.isPropertyAccessExpression(expression)) return false;
  const key = isKeyed ? expression.getArgumentExpression() : undefined;
  const name = isKeyed ? Node.isStringLiteral(key) && key.getLiteralText() : expression.getName();
  const owner = name ? staticNameOf(p.project, expression.getExpression()) : undefined;
  if (owner?.kind !== "enum") return false;
  const value = owner.desc.values.find((one) => one.name === name);
  if (!value || !hasConstant(owner.file, value.name, value.number)) return false;
  p.replace(expression, p.generated(owner.desc, "shape", expression), `.${value.localName}`);
  return true;
}

/** All constants of a file; and the module that they and the classes came from is one whose names are replaced. */
function renameStatic(p: Proving, file: SourceFile): void {
  for (const access of file.getDescendantsOfKind(SyntaxKind.PropertyAccessExpression)) constant(p, access);
  for (const { typeName, desc } of enumTypesIn(p.project, file))
    p.replace(typeName, { ...p.generated(desc, "shape", typeName), typeOnly: true });
  const specifiers = [
    ...file.getImportDeclarations().map((one) => one.getModuleSpecifier()),
    ...file.getDescendantsOfKind(SyntaxKind.CallExpression).flatMap((call) => {
      const [argument] = call.getArguments();
      return call.getExpression().getText() === "require" && Node.isStringLiteral(argument) ? [argument] : [];
    }),
  ];
  for (const specifier of specifiers) {
    const text = specifier.getLiteralText();
    if (moduleAt(p.project, file, text)) p.replacesNamesOf(text, file);
  }
}
