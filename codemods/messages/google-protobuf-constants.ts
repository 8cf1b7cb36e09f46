import type { DescEnum, DescOneof } from "@bufbuild/protobuf";
import {
  type CallExpression,
  Node,
  type PropertyAccessExpression,
  type SourceFile,
  SyntaxKind,
  type Type,
} from "ts-morph";
import { isTypeScript } from "../analysis/language.js";
import type { AnalysisProject } from "../analysis/project.js";
import { generatedNameOf, memberOfCase, packageOf } from "./google-protobuf-names.js";
import { quoted, unwrapped } from "./message-syntax.js";
import type { Proving } from "./proof.js";

/** `messages.Kind.KIND_RED` becomes `Kind.RED`. False for anything else. */
export function constantOf(p: Proving, expression: Node): boolean {
  if (!Node.isPropertyAccessExpression(expression)) return false;
  const owner = generatedNameOf(p.project, expression.getExpression());
  if (owner?.kind !== "enum") return false;
  const value = owner.desc.values.find((one) => one.name === expression.getName());
  if (!value) return false;
  p.replace(expression, p.generated(owner.desc, "shape", expression), `.${value.localName}`);
  return true;
}

/** `message.getXCase()`, compared with constants: the name of the member that is set. */
export function followConstants(
  p: Proving,
  access: PropertyAccessExpression,
  call: CallExpression,
  oneof: DescOneof,
): unknown {
  const tests = usesOfCase(p, call).map(testsOf);
  if (tests.includes(undefined)) return p.block(call, "the number of a oneof's member is used as a value");
  for (const test of tests.flatMap((some) => some ?? [])) {
    const owner = Node.isPropertyAccessExpression(test) ? generatedNameOf(p.project, test.getExpression()) : undefined;
    const field = Node.isNumericLiteral(test)
      ? test.getLiteralValue() === 0
        ? null
        : oneof.fields.find((one) => one.number === test.getLiteralValue())
      : owner?.kind === "oneof" && owner.desc === oneof && Node.isPropertyAccessExpression(test)
        ? memberOfCase(oneof, test.getName())
        : undefined;
    if (field === null && access.getText().includes("?."))
      return p.block(test, "whether a member is set of a message that may not be there");
    if (field === undefined) return p.block(test, `nothing proves which member of ${oneof.name} this is`);
    p.replace(test, field === null ? "undefined" : quoted(test, field.localName));
  }
  p.edit(call, access.getNameNode().getStart(), call.getEnd(), [`${oneof.localName}.case`]);
}

/** `message.getXCase()` itself, or where the constant is used that it stands in. */
function usesOfCase(p: Proving, call: Node): Node[] {
  const declaration = call.getParent();
  if (!Node.isVariableDeclaration(declaration) || declaration.getTypeNode()) return [call];
  const name = declaration.getNameNode();
  const isConstant = declaration.getVariableStatement()?.getDeclarationKind() === "const";
  if (!isConstant || !Node.isIdentifier(name)) return [call];
  return p.project.referencesTo(name).filter((one) => one !== name);
}

/** What the number of a member is compared with; undefined where it is used otherwise. */
function testsOf(use: Node): Node[] | undefined {
  const parent = use.getParent();
  if (Node.isBinaryExpression(parent) && /^[!=]==?$/.test(parent.getOperatorToken().getText()))
    return [unwrapped(parent.getLeft() === use ? parent.getRight() : parent.getLeft())];
  if (!Node.isSwitchStatement(parent) || parent.getExpression() !== use) return undefined;
  return parent
    .getClauses()
    .flatMap((clause) => (Node.isCaseClause(clause) ? [unwrapped(clause.getExpression())] : []));
}

/** `jspb.Message.equals(a, b)` becomes `equals(Schema, a, b)`. */
export function equalsCall(p: Proving, call: CallExpression, expression: Node): boolean {
  const name = generatedNameOf(p.project, call.getExpression());
  if (name?.kind !== "library" || name.path !== "Message.equals") return false;
  const [left, right] = call.getArguments();
  const kind = p.kinds.get(expression);
  if (!left || !right || call.getArguments().length !== 2 || kind?.kind !== "message") return false;
  p.edit(call, call.getStart(), left.getStart(), [
    { module: "@bufbuild/protobuf", name: "equals" },
    "(",
    p.generated(kind.desc, "descriptor", call),
    ", ",
  ]);
  p.sink(left === expression ? right : left, kind);
  // The old function takes undefined; this one does not.
  p.later(() => {
    if (p.canBeMissing(left) || p.canBeMissing(right)) p.block(call, "messages are compared that may not be there");
  });
  p.flow(call, { kind: "value", as: { kind: "same", type: "boolean" } });
  return true;
}

/** The enum that a type is, where it comes from generated types. */
export function enumOfType(p: Proving, type: Type): DescEnum | undefined {
  const [declaration] = type.getNonNullableType().getSymbol()?.getDeclarations() ?? [];
  const owner = Node.isEnumMember(declaration) ? declaration.getParent() : declaration;
  const name = Node.isEnumDeclaration(owner) ? generatedNameOf(p.project, owner.getNameNode()) : undefined;
  return name?.kind === "enum" ? name.desc : undefined;
}

/** A file in TypeScript that has nothing of generated code but enums: what it is given are their numbers. */
export function hasOnlyEnums(project: AnalysisProject, file: SourceFile): boolean {
  if (!isTypeScript(file) || packageOf(file) !== undefined) return false;
  const imported = file.getImportDeclarations().filter((one) => /_pb$/.test(one.getModuleSpecifierValue()));
  const names = imported.flatMap((one) => one.getNamedImports().map((each) => each.getNameNode()));
  const isWhole = imported.some((one) => one.getNamespaceImport() || one.getDefaultImport());
  return names.length > 0 && !isWhole && names.every((name) => generatedNameOf(project, name)?.kind === "enum");
}

/** Every constant and type of the enums that were met. In JavaScript those of other enums, too: nothing tells them apart. */
export function renameEnums(p: Proving, file: SourceFile): void {
  const isTyped = isTypeScript(file);
  const isMet = (node: Node) => {
    const owner = generatedNameOf(p.project, node);
    return owner?.kind === "enum" && (!isTyped || p.enums.has(owner.desc)) ? owner.desc : undefined;
  };
  const gone = p.edits.filter((edit) => edit.file === file.getFilePath() && edit.parts.length === 0);
  const isGone = (node: Node) => gone.some(({ start, end }) => start <= node.getStart() && node.getEnd() <= end);
  for (const access of file.getDescendantsOfKind(SyntaxKind.PropertyAccessExpression))
    if (!isGone(access) && isMet(access.getExpression())) constantOf(p, access);
  if (!isTyped) return;
  for (const reference of file.getDescendantsOfKind(SyntaxKind.TypeReference)) {
    const typeName = reference.getTypeName();
    const desc = isMet(typeName);
    if (!desc) continue;
    p.replace(typeName, { ...p.generated(desc, "shape", typeName), typeOnly: true });
  }
}
