import { type ClassDeclaration, Node, type ParameterDeclaration, type PropertyDeclaration } from "ts-morph";
import { isExtended } from "../analysis/own-members.js";
import { membersAsked } from "./kept-objects.js";
import { type Kind, sameKind } from "./message-kind.js";
import { isAbsent, isAlias, isAssignmentTarget, isWriteStatement, unwrapped } from "./message-syntax.js";
import type { Proving } from "./proof.js";

/** A field of a class that holds one message: `private last?: Thing`, `constructor(private readonly thing: Thing)`. */
interface Field {
  readonly declaration: PropertyDeclaration | ParameterDeclaration;
  readonly owner: ClassDeclaration;
}

/** A message goes into a field of a class, or to its constructor: true where all that is done with the field is known. */
export function holdsInField(p: Proving, message: Node, kind: Kind): boolean {
  const parent = message.getParent();
  if (kind.kind !== "message" || !p.shape.isLive || p.shape.typed) return false;
  const field = Node.isNewExpression(parent) ? parameterOf(p, parent, message) : writtenBy(p, parent, message);
  return field !== undefined && follow(p, field, kind);
}

/** A message is wanted that a field of a class holds: true where all that is done with the field is known. */
export function comesFromField(p: Proving, access: Node, wanted: Kind): boolean {
  const field = wanted.kind === "message" && p.shape.isLive && !p.shape.typed ? fieldOf(p, access) : undefined;
  return field !== undefined && follow(p, field, wanted);
}

/** What a field that is followed can hold; undefined for anything else, and where one of the values is nothing. */
export function valuesOfField(p: Proving, access: Node): readonly Node[] | "nothing" | undefined {
  const field = fieldOf(p, access);
  if (!field || !p.stores.has(field.declaration)) return undefined;
  const first = valuesFirst(p, field);
  const written = writesOf(p, field);
  return first && written ? [...first, ...written] : "nothing";
}

function writtenBy(p: Proving, change: Node | undefined, message: Node): Field | undefined {
  if (!Node.isBinaryExpression(change) || change.getRight() !== message) return undefined;
  const isStatement = change.getOperatorToken().getText() === "=" && Node.isExpressionStatement(change.getParent());
  return isStatement ? fieldOf(p, change.getLeft()) : undefined;
}

/** The parameter of a constructor that gets an argument. */
function parameterOf(p: Proving, made: Node, message: Node): Field | undefined {
  if (!Node.isNewExpression(made)) return undefined;
  const origin = p.project.originOf(made.getExpression());
  const owner = origin.kind === "class" && Node.isClassDeclaration(origin.node) ? origin.node : undefined;
  const [built, other] = owner?.getConstructors() ?? [];
  const declaration = other ? undefined : built?.getParameters()[made.getArguments().indexOf(message)];
  return declaration && ownedBy(p, declaration, owner);
}

/** The field that `this.last` or `view.last` stands for, or the parameter of a constructor. */
function fieldOf(p: Proving, given: Node): Field | undefined {
  const node = unwrapped(given);
  if (Node.isIdentifier(node)) {
    const parameter = p.project.declarationOf(node);
    const built = Node.isParameterDeclaration(parameter) ? parameter.getParent() : undefined;
    const owner = Node.isConstructorDeclaration(built) ? built.getParent() : undefined;
    return Node.isParameterDeclaration(parameter) ? ownedBy(p, parameter, owner) : undefined;
  }
  if (!Node.isPropertyAccessExpression(node)) return undefined;
  const origin = p.project.originOf(node.getExpression());
  const owner = origin.kind === "instance" && Node.isClassDeclaration(origin.class) ? origin.class : undefined;
  if (!owner || !membersAsked(p.project, owner)?.includes(node)) return undefined;
  const name = node.getName();
  const declaration =
    owner.getInstanceProperties().find((one) => one.getName() === name) ??
    owner
      .getConstructors()[0]
      ?.getParameters()
      .find((one) => one.isParameterProperty() && one.getName() === name);
  return Node.isPropertyDeclaration(declaration) || Node.isParameterDeclaration(declaration)
    ? ownedBy(p, declaration, owner)
    : undefined;
}

/** Is everything known that is done with a class? */
function ownedBy(p: Proving, declaration: Field["declaration"], owner: Node | undefined): Field | undefined {
  if (!Node.isClassDeclaration(owner) || !membersAsked(p.project, owner) || isExtended(p.project, owner))
    return undefined;
  // An interface would go on to name the old type.
  const isPromised = owner
    .getImplements()
    .some((type) => type.getType().getProperty(declaration.getName()) !== undefined);
  return isPromised ? undefined : { declaration, owner };
}

function accessesOf(p: Proving, { declaration, owner }: Field) {
  if (Node.isParameterDeclaration(declaration) && !declaration.isParameterProperty()) return [];
  return (membersAsked(p.project, owner) ?? []).filter((one) => one.getName() === declaration.getName());
}

/** What is written into a field; undefined where nothing may be, or something in another way. */
function writesOf(p: Proving, field: Field): Node[] | undefined {
  const values: Node[] = [];
  for (const access of accessesOf(p, field)) {
    if (!isAssignmentTarget(access)) continue;
    const change = access.getParent();
    if (!Node.isBinaryExpression(change)) return undefined;
    values.push(change.getRight());
  }
  return values;
}

/** What a field begins with: its initializer, or what each `new` of its class passes. */
function valuesFirst(p: Proving, { declaration, owner }: Field): Node[] | undefined {
  if (Node.isPropertyDeclaration(declaration)) {
    const made = declaration.getInitializer();
    return made && [made];
  }
  const index = owner.getConstructors()[0]?.getParameters().indexOf(declaration) ?? -1;
  const values: Node[] = [];
  for (const reference of p.project.referencesTo(owner.getNameNode() as Node)) {
    const parent = reference.getParent();
    if (parent === owner || isAlias(reference) || Node.isTypeReference(parent)) continue;
    const value = Node.isNewExpression(parent) && parent.getExpression() === reference && parent.getArguments()[index];
    if (!value || parent.getArguments().some((one) => Node.isSpreadElement(one))) return undefined;
    if (parent.getTypeArguments().length > 0) return undefined;
    values.push(value);
  }
  return values;
}

/** Follows all uses of a field; false where one is not known. */
function follow(p: Proving, field: Field, kind: Kind): boolean {
  const { declaration } = field;
  const before = p.stores.get(declaration);
  if (before) {
    if (!sameKind(before, kind)) p.block(declaration, "this keeps messages of more than one type");
    return true;
  }
  const accesses = accessesOf(p, field);
  const isParameter = Node.isParameterDeclaration(declaration);
  const first = valuesFirst(p, field);
  const names = isParameter ? namesOf(p, declaration) : [];
  const isSure = first !== undefined && !declaration.getInitializer() && !names.some(isAssignmentTarget);
  if (isParameter && (!isSure || declaration.isRestParameter())) return false;
  if (accesses.some((one) => isAssignmentTarget(one) && !isWriteStatement(one))) return false;
  p.stores.set(declaration, kind);
  const type = declaration.getTypeNode();
  if (type && !p.retype(type, declaration, "a type annotation names the old message", kind)) return true;
  for (const value of [...(first ?? []), ...(writesOf(p, field) ?? [])]) if (!isAbsent(value)) p.sink(value, kind);
  for (const use of [...names, ...accesses]) if (!isAssignmentTarget(use)) p.flow(use, kind);
  return true;
}

/** Where the parameter itself is used, and not the field. */
function namesOf(p: Proving, declaration: ParameterDeclaration): Node[] {
  const name = declaration.getNameNode();
  return p.project.referencesTo(name).filter((one) => {
    const parent = one.getParent();
    return one !== name && !(Node.isPropertyAccessExpression(parent) && parent.getNameNode() === one);
  });
}
