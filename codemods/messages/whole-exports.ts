import { type CallExpression, Node, type SourceFile, SyntaxKind } from "ts-morph";
import type { AnalysisProject } from "../analysis/project.js";

/** `module.exports = …`: what other files use of it, by whatever name; a `require` that nothing holds stands for itself. */
export function usesOfWhole(project: AnalysisProject, file: SourceFile): Node[] {
  const found: Node[] = [];
  const named = (name: Node) =>
    found.push(...project.referencesTo(name).filter((use) => use !== name && !isNameOfModule(use)));
  for (const other of project.files) {
    if (other === file || !other.getFullText().includes(file.getBaseNameWithoutExtension())) continue;
    const isFile = (specifier: Node | undefined) =>
      Node.isStringLiteral(specifier) && project.resolveModule(other, specifier.getLiteralText()) === file;
    for (const one of other.getImportDeclarations()) {
      if (!isFile(one.getModuleSpecifier())) continue;
      const name = one.getDefaultImport();
      if (name) named(name);
      else found.push(one);
    }
    for (const call of other.getDescendantsOfKind(SyntaxKind.CallExpression)) {
      if (call.getExpression().getText() !== "require" || !isFile(call.getArguments()[0])) continue;
      const holder = call.getParent();
      const name = Node.isVariableDeclaration(holder) ? holder.getNameNode() : undefined;
      if (Node.isIdentifier(name)) named(name);
      else found.push(call);
    }
  }
  return [...new Set(found)];
}

/** Does a name stand for what another file exports, where it is declared? */
export function isNameOfModule(use: Node): boolean {
  const holder = use.getParent();
  if (Node.isImportClause(holder) || Node.isImportSpecifier(holder)) return true;
  const required =
    Node.isVariableDeclaration(holder) && holder.getNameNode() === use ? holder.getInitializer() : undefined;
  return Node.isCallExpression(required) && required.getExpression().getText() === "require";
}

/** `require("./client")` of a file with `module.exports = …`: what it exports. */
export function requiredBy(project: AnalysisProject, call: CallExpression): Node | undefined {
  const [specifier] = call.getArguments();
  if (call.getExpression().getText() !== "require" || !Node.isStringLiteral(specifier)) return undefined;
  const file = project.resolveModule(call.getSourceFile(), specifier.getLiteralText());
  const writes = (file?.getDescendantsOfKind(SyntaxKind.BinaryExpression) ?? []).filter(
    (one) => one.getLeft().getText() === "module.exports" && one.getOperatorToken().getText() === "=",
  );
  return writes.length === 1 ? writes[0]?.getRight() : undefined;
}
