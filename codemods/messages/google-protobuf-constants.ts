import type { DescEnum, DescOneof } from "@bufbuild/protobuf";
import { type CallExpression, Node, type PropertyAccessExpression, type SourceFile, SyntaxKind } from "ts-morph";
import { isTypeScript } from "../analysis/language.js";
import { generatedNameOf, memberOfCase } from "./google-protobuf-names.js";
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
  const parent = call.getParent();
  const tests: Node[] = [];
  if (Node.isBinaryExpression(parent) && /^[!=]==?$/.test(parent.getOperatorToken().getText())) {
    tests.push(unwrapped(parent.getLeft() === call ? parent.getRight() : parent.getLeft()));
  } else if (Node.isSwitchStatement(parent) && parent.getExpression() === call) {
    for (const clause of parent.getCaseBlock().getClauses())
      if (Node.isCaseClause(clause)) tests.push(unwrapped(clause.getExpression()));
  } else return p.block(call, "the number of a oneof's member is used as a value");
  for (const test of tests) {
    const owner = Node.isPropertyAccessExpression(test) ? generatedNameOf(p.project, test.getExpression()) : undefined;
    const field = Node.isNumericLiteral(test)
      ? test.getLiteralValue() === 0
        ? null
        : oneof.fields.find((one) => one.number === test.getLiteralValue())
      : owner?.kind === "oneof" && owner.desc === oneof && Node.isPropertyAccessExpression(test)
        ? memberOfCase(oneof, test.getName())
        : undefined;
    if (field === undefined) return p.block(test, `nothing proves which member of ${oneof.name} this is`);
    p.replace(test, field === null ? "undefined" : quoted(test, field.localName));
  }
  p.edit(call, access.getNameNode().getStart(), call.getEnd(), [`${oneof.localName}.case`]);
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

/** The enum that the compiler sees in an expression, where it comes from generated types. */
export function enumOfType(p: Proving, expression: Node): DescEnum | undefined {
  const type = expression.getType().getNonNullableType();
  const [declaration] = type.getSymbol()?.getDeclarations() ?? [];
  const owner = Node.isEnumMember(declaration) ? declaration.getParent() : declaration;
  const name = Node.isEnumDeclaration(owner) ? generatedNameOf(p.project, owner.getNameNode()) : undefined;
  return name?.kind === "enum" ? name.desc : undefined;
}

/** Every constant and type of the enums that were met. In JavaScript those of other enums, too: nothing tells them apart. */
export function renameEnums(p: Proving, file: SourceFile): void {
  const isTyped = isTypeScript(file);
  const isMet = (node: Node) => {
    const owner = generatedNameOf(p.project, node);
    return owner?.kind === "enum" && (!isTyped || p.enums.has(owner.desc)) ? owner.desc : undefined;
  };
  for (const access of file.getDescendantsOfKind(SyntaxKind.PropertyAccessExpression))
    if (isMet(access.getExpression())) constantOf(p, access);
  if (!isTyped) return;
  for (const reference of file.getDescendantsOfKind(SyntaxKind.TypeReference)) {
    const typeName = reference.getTypeName();
    const desc = isMet(typeName);
    if (!desc) continue;
    p.replace(typeName, { ...p.generated(desc, "shape", typeName), typeOnly: true });
  }
}
