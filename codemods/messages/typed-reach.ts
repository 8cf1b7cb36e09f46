import type { DescMessage, DescService } from "@bufbuild/protobuf";
import { type SourceFile, SyntaxKind } from "ts-morph";
import { requireSpecifier } from "../analysis/exports.js";
import type { AnalysisProject } from "../analysis/project.js";
import type { Bridge } from "./find-bridges.js";
import type { TypedCode } from "./typed-code.js";

/** Every message that the methods of some services can carry. */
export function messagesOf(services: readonly DescService[]): Set<DescMessage> {
  const found = new Set<DescMessage>();
  const visit = (desc: DescMessage) => {
    if (found.has(desc)) return;
    found.add(desc);
    for (const field of desc.fields) if ("message" in field && field.message) visit(field.message);
  };
  for (const service of services)
    for (const method of service.methods) {
      visit(method.input);
      visit(method.output);
    }
  return found;
}

/** What each file of the program's own imports. */
export function importsOf(project: AnalysisProject, code: TypedCode): Map<SourceFile, SourceFile[]> {
  const imports = new Map<SourceFile, SourceFile[]>();
  for (const file of project.files.filter((one) => !code.has(one))) {
    const specifiers = [...file.getImportDeclarations(), ...file.getExportDeclarations()].map((one) =>
      one.getModuleSpecifierValue(),
    );
    if (file.getFullText().includes("require("))
      for (const call of file.getDescendantsOfKind(SyntaxKind.CallExpression)) specifiers.push(requireSpecifier(call));
    const targets = specifiers.flatMap((specifier) =>
      specifier === undefined ? [] : (project.resolveModule(file, specifier) ?? []),
    );
    imports.set(file, targets);
  }
  return imports;
}

/** The files that messages of a bridge can come to: those that import generated code, at any distance, and hang together. */
export function filesWithin(project: AnalysisProject, code: TypedCode, bridges: readonly Bridge[]): Set<SourceFile> {
  const imports = importsOf(project, code);
  const own = [...imports.keys()];
  const touching = new Set(own.filter((file) => imports.get(file)?.some((target) => code.has(target))));
  for (let size = -1; size !== touching.size; ) {
    size = touching.size;
    for (const file of own) if (imports.get(file)?.some((target) => touching.has(target))) touching.add(file);
  }
  const found = new Set(bridges.map((bridge) => bridge.call.getSourceFile()));
  for (let size = -1; size !== found.size; ) {
    size = found.size;
    for (const file of touching) {
      const targets = imports.get(file) ?? [];
      if (found.has(file)) for (const target of targets) if (touching.has(target)) found.add(target);
      if (targets.some((target) => found.has(target))) found.add(file);
    }
  }
  return found;
}
