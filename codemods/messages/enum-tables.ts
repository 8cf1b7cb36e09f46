import type { DescEnum } from "@bufbuild/protobuf";
import { Node, type ObjectLiteralExpression, type VariableDeclaration } from "ts-morph";
import { isAssignmentTarget, unquoted, unwrapped } from "./message-syntax.js";
import { isOwn } from "./own-reads.js";
import type { Proving } from "./proof.js";

const tables = new WeakMap<Proving, Map<VariableDeclaration, boolean>>();

/**
 * `LABELS[order.state]`, of a table that has an entry for names of that enum and is asked for nothing else: its keys become the
 * numbers, `[State.OPEN]: "open"`, and what asks it stays. A number without a name finds nothing in it, before and after.
 */
export function readsTable(p: Proving, name: Node, desc: DescEnum): boolean {
  const access = name.getParent();
  if (!Node.isElementAccessExpression(access) || access.getArgumentExpression() !== name) return false;
  const table = p.project.declarationOf(access.getExpression());
  if (!Node.isVariableDeclaration(table)) return false;
  const known = tables.get(p) ?? new Map<VariableDeclaration, boolean>();
  tables.set(p, known);
  const before = known.get(table);
  if (before !== undefined) return before;
  const literal = literalOf(table);
  const isTable = literal !== undefined && isAskedForNames(p, table, desc) && renames(p, table, literal, desc);
  known.set(table, isTable);
  return isTable;
}

function literalOf(table: VariableDeclaration): ObjectLiteralExpression | undefined {
  const made = table.getInitializer();
  const isConst = table.getVariableStatement()?.getDeclarationKind() === "const";
  return isConst && !table.isExported() && Node.isObjectLiteralExpression(made) ? made : undefined;
}

/** Is a table only asked for the value of an enum that came? */
function isAskedForNames(p: Proving, table: VariableDeclaration, desc: DescEnum): boolean {
  const name = table.getNameNode();
  return p.project.referencesTo(name).every((use) => {
    if (use === name) return true;
    const access = use.getParent();
    if (!Node.isElementAccessExpression(access) || access.getExpression() !== use) return false;
    const kind = p.kinds.get(unwrapped(access.getArgumentExpressionOrThrow()));
    const isOfEnum = kind?.kind === "value" && kind.as.kind === "enum-name" && kind.as.desc === desc && !kind.maybe;
    return isOfEnum && !isOwn(p, kind) && !isAssignmentTarget(access);
  });
}

/** Writes the keys anew; false where one is no name of the enum, or the type of the table says otherwise. */
function renames(p: Proving, table: VariableDeclaration, literal: ObjectLiteralExpression, desc: DescEnum): boolean {
  const keys = literal.getProperties().map((property) => {
    const name = Node.isPropertyAssignment(property) ? property.getNameNode() : undefined;
    const isPlain = Node.isIdentifier(name) || Node.isStringLiteral(name);
    const value = isPlain ? desc.values.find((one) => p.shape.enumName(one) === unquoted(name.getText())) : undefined;
    return name && value ? { name, value } : undefined;
  });
  const type = table.getTypeNode();
  const [key] = Node.isTypeReference(type) ? type.getTypeArguments() : [];
  const isRecord = Node.isTypeReference(type) && type.getTypeName().getText() === "Record" && key !== undefined;
  const isNamed = isRecord && p.shape.isNameOfEnum?.(p.project, key) === true;
  if (keys.includes(undefined) || (type && !isNamed && (!isRecord || key.getText() !== "string"))) return false;
  if (isNamed) p.replace(key, { ...p.generated(desc, "shape", key), typeOnly: true });
  else if (isRecord) p.replace(key, "number");
  for (const one of keys)
    if (one) p.replace(one.name, "[", p.generated(desc, "shape", one.name), `.${one.value.localName}]`);
  return true;
}
