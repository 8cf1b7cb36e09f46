import type { DescMessage } from "@bufbuild/protobuf";
import { Node, type PropertyAccessExpression, type VariableDeclaration } from "ts-morph";
import { isTypeScript } from "../analysis/language.js";
import { isAssignmentTarget, isPlainWrite } from "./message-syntax.js";
import type { Proving } from "./proof.js";
import { initShape } from "./retyped-messages.js";

/** The variable of a file in TypeScript that a made message stands in: the literal that it becomes needs a type there. */
export function typedVariable(made: Node): VariableDeclaration | undefined {
  const declaration = made.getParent();
  const isIn = Node.isVariableDeclaration(declaration) && Node.isIdentifier(declaration.getNameNode());
  return isIn && isTypeScript(made.getSourceFile()) ? declaration : undefined;
}

/** Gives the variable the type of what a message is made of, and says of its lists that they are there. */
export function annotate(p: Proving, declaration: VariableDeclaration, desc: DescMessage): void {
  const accesses = accessesOf(p, declaration);
  if (!declaration.getTypeNode()) {
    if (accesses.some((one) => !isPlainWrite(one) && !isListOf(p, one, desc))) return;
    const end = declaration.getNameNode().getEnd();
    p.edit(declaration, end, end, [": ", ...initShape(p, desc, declaration)], "before");
  }
  for (const access of accesses)
    if (!isAssignmentTarget(access) && isListOf(p, access, desc))
      p.edit(access, access.getEnd(), access.getEnd(), ["!"], "before");
}

/** `one.key` of a variable, wherever it stands. */
export function accessesOf(p: Proving, declaration: Node | undefined): PropertyAccessExpression[] {
  const name = Node.isVariableDeclaration(declaration) ? declaration.getNameNode() : undefined;
  return (Node.isIdentifier(name) ? p.project.referencesTo(name) : []).flatMap((reference) => {
    const access = reference.getParent();
    return Node.isPropertyAccessExpression(access) && access.getExpression() === reference ? [access] : [];
  });
}

function isListOf(p: Proving, access: PropertyAccessExpression, desc: DescMessage): boolean {
  const field = p.fieldBy(desc, access.getName());
  return field?.fieldKind === "list" || field?.fieldKind === "map";
}
