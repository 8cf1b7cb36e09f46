import { Node, type SourceFile, SyntaxKind } from "ts-morph";
import type { AnalysisProject } from "./project.js";

const imports = new WeakMap<SourceFile, readonly SourceFile[]>();

/** The files of the project that a file imports or requires. */
export function importsOf(project: AnalysisProject, file: SourceFile): readonly SourceFile[] {
  const known = imports.get(file);
  if (known) return known;
  const specifiers = file.getImportStringLiterals().map((literal) => literal.getLiteralText());
  for (const call of file.getDescendantsOfKind(SyntaxKind.CallExpression)) {
    const [argument] = call.getArguments();
    if (call.getExpression().getText() === "require" && argument && Node.isStringLiteral(argument))
      specifiers.push(argument.getLiteralText());
  }
  const found = [...new Set(specifiers)].flatMap((specifier) => project.resolveModule(file, specifier) ?? []);
  imports.set(file, found);
  return found;
}

const closures = new WeakMap<SourceFile, ReadonlySet<SourceFile>>();

/** Whether a file is another one or imports it, by way of others or not. */
export function reaches(project: AnalysisProject, from: SourceFile, to: SourceFile): boolean {
  const known = closures.get(from);
  if (known) return known.has(to);
  const reached = new Set([from]);
  for (const file of reached) for (const imported of importsOf(project, file)) reached.add(imported);
  closures.set(from, reached);
  return reached.has(to);
}
