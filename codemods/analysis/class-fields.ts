import { type ClassDeclaration, Node } from "ts-morph";
import { requireSpecifier } from "./exports.js";
import type { AnalysisProject } from "./project.js";

/**
 * Is a method of a class the same to everybody as a field that holds a function? Nothing asks its prototype: it has no
 * subclass and no decorator, and is only constructed, asked for static members, imported, exported or named as a type.
 */
export function areFieldsAlike(project: AnalysisProject, owner: ClassDeclaration): boolean {
  const name = owner.getNameNode();
  if (!name || owner.getDecorators().length > 0) return false;
  return project.referencesTo(name).every((reference) => {
    if (reference === name) return true;
    const access = reference.getParent();
    const isMember = Node.isPropertyAccessExpression(access) && access.getNameNode() === reference;
    const parent = isMember ? access.getParent() : access;
    return (
      (Node.isPropertyAccessExpression(parent) && owner.getStaticMember(parent.getName()) !== undefined) ||
      Node.isNewExpression(parent) ||
      isRequired(parent) ||
      Node.isImportSpecifier(parent) ||
      Node.isImportClause(parent) ||
      Node.isExportSpecifier(parent) ||
      Node.isExportAssignment(parent) ||
      Node.isTypeReference(parent) ||
      Node.isBindingElement(parent) ||
      Node.isShorthandPropertyAssignment(parent) ||
      (Node.isBinaryExpression(parent) &&
        parent.getRight() === reference &&
        /\bexports\b/.test(parent.getLeft().getText()))
    );
  });
}

/** `const X = require("./x")` */
function isRequired(holder: Node | undefined): boolean {
  const made = Node.isVariableDeclaration(holder) ? holder.getInitializer() : undefined;
  return made !== undefined && requireSpecifier(made) !== undefined;
}

/** Can a member of a class be a field that holds an arrow function with the same parameters and the same body? */
export function canBeField(member: Node | null): boolean {
  if (!member) return false;
  if (!Node.isMethodDeclaration(member)) {
    const field = member.getParent();
    return Node.isPropertyDeclaration(field) && !field.getTypeNode() && field.getInitializer() === member;
  }
  const isPlain =
    Node.isIdentifier(member.getNameNode()) &&
    !member.isStatic() &&
    !member.isAbstract() &&
    !member.isGenerator() &&
    !member.hasQuestionToken() &&
    !member.hasOverrideKeyword() &&
    member.getDecorators().length === 0 &&
    member.getOverloads().length === 0 &&
    member.getTypeParameters().length === 0 &&
    member.getParameters().every((parameter) => parameter.getName() !== "this");
  return isPlain && member.getBody() !== undefined && !/\b(arguments|super|new\.target)\b/.test(member.getText());
}
