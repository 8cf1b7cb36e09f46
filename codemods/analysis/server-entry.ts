import path from "node:path";
import { type NewExpression, Node, SyntaxKind, ts } from "ts-morph";
import type { AnalysisProject } from "./project.js";
import type { ServerFact } from "./server-facts.js";

/** How the module can ask whether it is the program; null if another file imports it for what it does. */
export function entryOf(project: AnalysisProject, made: NewExpression): ServerFact["entry"] {
  const file = made.getSourceFile();
  for (const other of project.files) {
    if (other === file) continue;
    for (const literal of other.getImportStringLiterals())
      if (project.resolveModule(other, literal.getLiteralText()) === file) return null;
    for (const call of other.getDescendantsOfKind(SyntaxKind.CallExpression)) {
      const [argument] = call.getArguments();
      if (call.getExpression().getText() === "require" && argument && Node.isStringLiteral(argument))
        if (project.resolveModule(other, argument.getLiteralText()) === file) return null;
    }
  }
  const name = file.getFilePath();
  if (/\.mjs$|\.mts$/.test(name)) return "import.meta";
  if (/\.cjs$|\.cts$/.test(name)) return "require";
  const isTyped = /\.tsx?$/.test(name);
  const { module } = file.getProject().getCompilerOptions();
  if (isTyped && (module === undefined || module === ts.ModuleKind.CommonJS)) return "require";
  if (!isTyped || module === ts.ModuleKind.NodeNext || module === ts.ModuleKind.Node16)
    return packageIsModule(name) || (!isTyped && file.getImportDeclarations().length > 0) ? "import.meta" : "require";
  return "import.meta";
}

function packageIsModule(file: string): boolean {
  for (let folder = path.dirname(file); ; folder = path.dirname(folder)) {
    const manifest = ts.sys.readFile(path.join(folder, "package.json"));
    if (manifest !== undefined) return /"type"\s*:\s*"module"/.test(manifest);
    if (folder === path.dirname(folder)) return false;
  }
}
