import path from "node:path";
import { type NewExpression, type SourceFile, ts } from "ts-morph";
import { importsOf } from "./module-imports.js";
import type { AnalysisProject } from "./project.js";
import type { ServerFact } from "./server-facts.js";

/** How the module can ask whether it is the program; null if another file imports it for what it does. */
export function entryOf(project: AnalysisProject, made: NewExpression): ServerFact["entry"] {
  const file = made.getSourceFile();
  if (project.files.some((other) => other !== file && importsOf(project, other).includes(file))) return null;
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

/**
 * Whether the program decides itself what SIGTERM or SIGINT end: a file that is connected with the server's by imports listens
 * to a signal whose name is written out, or to an event whose name is not.
 */
export function hasOwnSignals(project: AnalysisProject, file: SourceFile): boolean {
  const listens = /process\s*\.\s*(?:on|once|addListener)\s*\(\s*(?:['"`]SIG(?:TERM|INT)|[^\s'"`])/;
  const listening = new Set(project.files.filter((each) => listens.test(each.getFullText())));
  if (listening.size === 0 || listening.has(file)) return listening.size > 0;
  const connected = new Set([file]);
  for (const each of connected) {
    if (listening.has(each)) return true;
    for (const other of project.files)
      if (importsOf(project, each).includes(other) || importsOf(project, other).includes(each)) connected.add(other);
  }
  return false;
}
