import type { DescEnum } from "@bufbuild/protobuf";
import {
  type CallExpression,
  type ElementAccessExpression,
  type Expression,
  Node,
  type QualifiedName,
  SyntaxKind,
} from "ts-morph";
import type { TextPart } from "./message-facts.js";
import { isAssignmentTarget, standsAlone } from "./message-syntax.js";
import type { Proving } from "./proof.js";
import type { TypedCode } from "./typed-code.js";

/** `Kind[value]`, the name of a number: `KindSchema.value[value]?.name`. False where it is no such thing. */
export function namesValue(
  p: Proving,
  code: TypedCode,
  access: ElementAccessExpression,
  desc: DescEnum,
  name: Node,
): boolean {
  const value = access.getArgumentExpression();
  if (!value || !isNumberOf(code, value, desc) || isAssignmentTarget(access) || !code.hasNamesOfProto(desc, name))
    return false;
  const isNamed = code.hasUnrecognized(name);
  const again = isNamed ? repeated(p, code, value) : "";
  if (again === undefined) return false;
  const around = access.getParent();
  const asked = access.getContextualType();
  const isLoose =
    (asked && (asked.isAny() || asked.isUnknown() || asked.isNullable())) ||
    Node.isTemplateSpan(around) ||
    (Node.isBinaryExpression(around) && /^(\|\||\?\?|[!=]==?)$/.test(around.getOperatorToken().getText()));
  const { strict, strictNullChecks } = access.getProject().getCompilerOptions();
  // The type of an enum says that each number has a name.
  const claim = isLoose || !(strictNullChecks ?? strict) ? "" : " as string";
  const [opening, closing] = (claim === "" && !isNamed) || standsAlone(access) ? ["", ""] : ["(", ")"];
  // The interface's own name for what the .proto does not know.
  const test = isNamed
    ? `${value.getType().isNumber() ? again : `(${again} as number)`} === -1 ? "UNRECOGNIZED" : `
    : "";
  lookUp(p, access, value, desc, [opening, test], `${claim}${closing}`);
  return true;
}

/** `Kind.UNRECOGNIZED`, which no .proto has: `(-1 as number)`; `case Kind.UNRECOGNIZED:` before `default:` goes. */
export function unrecognized(p: Proving, code: TypedCode, constant: Node, desc: DescEnum, name: Node): boolean {
  if (!Node.isPropertyAccessExpression(constant) || constant.getName() !== "UNRECOGNIZED") return false;
  if (!code.hasUnrecognized(name)) return false;
  const clause = constant.getParent();
  const next = Node.isCaseClause(clause) ? clause.getNextSibling() : undefined;
  const isText = code.textEnumOf(constant.getType()) !== undefined;
  if (clause && next && isLeftOut(constant)) {
    p.edit(clause, clause.getStart(), next.getStart(), []);
    return true;
  }
  const other = otherwiseOf(constant);
  if (clause && isAllElse(constant)) {
    p.edit(clause, clause.getStart(), constant.getEnd(), ["default"]);
    if (other) p.edit(other, other.getStart(), other.getEnd(), []);
  } else if (isText && Node.isElementAccessExpression(constant.getParent()))
    p.replace(constant, "(-1 as number) as ", { ...p.generated(desc, "shape", constant), typeOnly: true });
  else p.replace(constant, "(-1 as number)");
  return true;
}

/**
 * `case Kind.UNRECOGNIZED:` of a switch that has all names besides: whatever else there is, it was that. A default that nothing
 * comes to, as the compiler knew, goes.
 */
export function isAllElse(constant: Node): boolean {
  const clause = constant.getParent();
  const block = Node.isCaseClause(clause) ? clause.getParent() : undefined;
  const member = constant.getSymbol()?.getValueDeclaration();
  if (!Node.isCaseBlock(block) || !Node.isEnumMember(member) || member.getValue() !== "UNRECOGNIZED") return false;
  const clauses = block.getClauses();
  const cases = clauses.map((one) =>
    Node.isCaseClause(one) ? one.getExpression().getSymbol()?.getValueDeclaration() : one,
  );
  const other = clauses.findIndex(Node.isDefaultClause);
  const before = clauses[other - 1];
  const isFallenInto =
    before !== undefined && !/^(break|return|throw|continue)\b/.test(before.getStatements().at(-1)?.getText() ?? "");
  return (
    !isFallenInto &&
    member
      .getParent()
      .getMembers()
      .every((one) => cases.includes(one))
  );
}

/** The default of such a switch. */
function otherwiseOf(constant: Node): Node | undefined {
  const block = constant.getParent()?.getParent();
  return Node.isCaseBlock(block) ? block.getClauses().find(Node.isDefaultClause) : undefined;
}

/** `Kind.KIND_RED` as a type; `Kind.UNRECOGNIZED` is none. */
export function typeOfConstant(p: Proving, code: TypedCode, type: QualifiedName, desc: DescEnum, name: Node): boolean {
  const of = type.getRight().getText();
  if (of === "UNRECOGNIZED" && code.hasUnrecognized(name)) {
    p.replace(type, "never");
    return true;
  }
  const value = desc.values.find((one) => one.name === of) ?? desc.values.find((one) => one.localName === of);
  if (!value) return false;
  p.replace(type, { ...p.generated(desc, "shape", type), typeOnly: true }, `.${value.localName}`);
  return true;
}

/** `case Kind.UNRECOGNIZED:`, right before `default:`. */
export function isLeftOut(constant: Node): boolean {
  const clause = constant.getParent();
  const next = Node.isCaseClause(clause) ? clause.getNextSibling() : undefined;
  if (!Node.isCaseClause(clause) || !Node.isDefaultClause(next) || clause.getStatements().length > 0) return false;
  return clause.getSourceFile().getFullText().slice(clause.getEnd(), next.getStart()).trim() === "";
}

/** `kindToJSON(value)`, `kindToNumber(value)` and `kindFromJSON("KIND_RED")` of ts-proto. False for other functions, and where a value is not proved. */
export function convertsEnum(p: Proving, code: TypedCode, name: Node): boolean {
  const found = code.enumFunction(name);
  if (!found) return false;
  const call = name.getParent();
  const schema = p.generated(found.desc, "descriptor", name);
  const argument = Node.isCallExpression(call) ? call.getArguments()[0] : undefined;
  if (!Node.isCallExpression(call) || call.getArguments().length !== 1 || !Node.isExpression(argument)) return false;
  if (argument === name) return mapsEnum(p, call, name, found.direction, schema);
  if (call.getExpression() !== name) return false;
  const [opening, closing] = standsAlone(call) ? ["", ""] : ["(", ")"];
  if (found.direction === "to") {
    if (!isNumberOf(code, argument, found.desc)) return false;
    lookUp(p, call, argument, found.desc, [opening], ` ?? "UNRECOGNIZED"${closing}`);
    return true;
  }
  if (found.direction === "number" || argument.getType().isNumber()) {
    // Where the names are values, numbers are not.
    if (found.direction === "from" ? !found.isText : !isNumberOf(code, argument, found.desc)) return false;
    const known = { module: "@connect-migrate/runtime/grpc-js", name: "tsProtoEnum" };
    p.edit(call, call.getStart(), argument.getStart(), [known, "(", schema, ", "]);
    return true;
  }
  const again = repeated(p, code, argument);
  if (again === undefined || !isText(argument)) return false;
  const one = /\bone\b/.test(again) ? "each" : "one";
  if (/\beach\b/.test(again) && one === "each") return false;
  p.replace(call, opening, schema, `.values.find((${one}) => ${one}.name === ${again})?.number ?? -1${closing}`);
  return true;
}

/** `kinds.map(kindToJSON)`. */
function mapsEnum(
  p: Proving,
  call: CallExpression,
  name: Node,
  direction: "to" | "from" | "number",
  schema: ReturnType<Proving["generated"]>,
): boolean {
  const list = call.getExpression();
  if (direction !== "to" || !Node.isPropertyAccessExpression(list) || list.getName() !== "map") return false;
  if (!list.getExpression().getType().getArrayElementType()) return false;
  p.replace(name, "(kind) => ", schema, `.value[kind]?.name ?? "UNRECOGNIZED"`);
  return true;
}

/** Everything around a number becomes `KindSchema.value[number]?.name`. */
function lookUp(
  p: Proving,
  around: Node,
  value: Expression,
  desc: DescEnum,
  before: readonly TextPart[],
  after: string,
): void {
  const isAlone = Node.isIdentifier(value) || Node.isPropertyAccessExpression(value) || Node.isCallExpression(value);
  // Its keys are of the type of the enum.
  const [opening, claim] = value.getType().isNumber()
    ? [isAlone ? "" : "(", [isAlone ? " as " : ") as ", { ...p.generated(desc, "shape", around), typeOnly: true }]]
    : ["", []];
  p.edit(around, around.getStart(), value.getStart(), [
    ...before,
    p.generated(desc, "descriptor", around),
    `.value[${opening}`,
  ]);
  p.edit(around, value.getEnd(), around.getEnd(), [...claim, `]?.name${after}`]);
}

const isNumberOf = (code: TypedCode, value: Expression, desc: DescEnum) =>
  value.getType().isNumber() || code.enumOf(value.getType()) === desc || code.textEnumOf(value.getType()) === desc;

/** Is it a string, and neither a number nor absent? */
const isText = (value: Expression) => value.getType().isString() || value.getType().isStringLiteral();

/** The text of an expression that gives the same when it is asked again, with the names that it will have. */
function repeated(p: Proving, code: TypedCode, value: Node): string | undefined {
  if (Node.isIdentifier(value) || Node.isStringLiteral(value) || value.getKind() === SyntaxKind.ThisKeyword)
    return value.getText();
  if (!Node.isPropertyAccessExpression(value) || value.hasQuestionDotToken()) return undefined;
  const object = repeated(p, code, value.getExpression());
  if (object === undefined) return undefined;
  const desc = code.messageOf(value.getExpression().getType());
  const field = desc && p.fieldBy(desc, value.getName());
  if (desc && (!field || field.oneof)) return undefined;
  return `${object}.${field?.localName ?? value.getName()}`;
}
