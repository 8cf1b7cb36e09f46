import { Node, type SourceFile, SyntaxKind } from "ts-morph";
import type { AnalysisProject } from "./project.js";

interface Import {
  readonly specifier: string;
  readonly file: SourceFile;
}

const imports = new WeakMap<SourceFile, readonly Import[]>();

/** The files of the project that a file imports or requires; `how`: by specifiers of that kind. */
export function importsOf(project: AnalysisProject, file: SourceFile, how?: RegExp): readonly SourceFile[] {
  const found = importedBy(project, file).filter(({ specifier }) => how === undefined || how.test(specifier));
  return found.map((each) => each.file);
}

function importedBy(project: AnalysisProject, file: SourceFile): readonly Import[] {
  const known = imports.get(file);
  if (known) return known;
  const specifiers = file.getImportStringLiterals().map((literal) => literal.getLiteralText());
  for (const call of file.getDescendantsOfKind(SyntaxKind.CallExpression)) {
    const [argument] = call.getArguments();
    if (call.getExpression().getText() === "require" && argument && Node.isStringLiteral(argument))
      specifiers.push(argument.getLiteralText());
  }
  const found = [...new Set(specifiers)].flatMap((specifier): Import[] => {
    const imported = project.resolveModule(file, specifier);
    return imported ? [{ specifier, file: imported }] : [];
  });
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
