import { existsSync } from "node:fs";
import path from "node:path";
import type { Node, SourceFile } from "ts-morph";
import { manifestOf, moduleSystemOfPackage } from "../project/package-json.js";
import { lineEndingOf } from "../shared/ast.js";
import { type ModuleSystem, moduleSystemOf } from "../shared/imports.js";
import { languageOf, parse } from "../shared/parse.js";
import { carriedIn, isSet, nodesOf, type PropertyUsers } from "./call-properties.js";
import { importsOf } from "./module-imports.js";
import { placeOf } from "./places.js";
import type { AnalysisProject } from "./project.js";
import type { ContextKeyFact, ContextKeysFact } from "./server-facts.js";

/** The keys of context values: each in the one file that uses it, or in a new file beside the first that sets it. */
export function keyFacts(project: AnalysisProject, users: PropertyUsers): (ContextKeyFact | ContextKeysFact)[] {
  const facts: ContextKeyFact[] = [];
  const shared = new Map<string, ContextKeysFact>();
  const properties = carriedIn(project);
  for (const name of new Set(properties.map((property) => property.name))) {
    const nodes = properties.flatMap((property) => (property.name === name ? nodesOf(project, property, users) : []));
    const home = nodes.find(isSet)?.getSourceFile();
    if (!home) continue;
    const firsts = new Map(nodes.toReversed().map((node) => [node.getSourceFile(), node]));
    const key = freshKey(project, name);
    const own = firsts.size > 1 ? keysFileOf(home) : undefined;
    if (own) shared.set(own.file, { ...own, keys: [...(shared.get(own.file)?.keys ?? []), key] });
    for (const [file, node] of firsts)
      facts.push({
        kind: "context-key",
        ...placeOf(node),
        name,
        key,
        module: own ? specifierOf(project, file, own) : null,
      });
  }
  return [...facts, ...shared.values()];
}

/**
 * May the files that use a property import its key from one new file, beside one that sets it? They are of one language and one kind
 * of module, and of one package, or of others that take files of that one by their paths already.
 */
export function canShareKey(project: AnalysisProject, nodes: readonly Node[]): boolean {
  const files = [...new Set(nodes.map((node) => node.getSourceFile()))];
  const home = nodes.find(isSet)?.getSourceFile();
  const kinds = new Set(files.map((file) => [path.extname(file.getFilePath()), systemOf(file)].join()));
  if (!home || kinds.size !== 1) return kinds.size <= 1;
  const packageOf = (file: SourceFile) => manifestOf(file.getFilePath(), project.root);
  const others = new Set(files.map(packageOf).filter((each) => each !== packageOf(home)));
  return [...others].every((other) =>
    project.files.some(
      (file) =>
        packageOf(file) === other &&
        importsOf(project, file, /^\./).some((each) => packageOf(each) === packageOf(home)),
    ),
  );
}

function systemOf(file: SourceFile): ModuleSystem {
  const at = file.getFilePath() as string;
  return moduleSystemOf(parse(file.getFullText(), at), at, moduleSystemOfPackage(at));
}

function keysFileOf(home: SourceFile): ContextKeysFact {
  const at = home.getFilePath() as string;
  const text = home.getFullText();
  const base = path.join(path.dirname(at), "context-keys");
  const extension = path.extname(at).replace(/x$/, "");
  let file = base + extension;
  for (let index = 2; existsSync(file); index++) file = `${base}${index}${extension}`;
  return {
    kind: "context-keys",
    file,
    start: 0,
    end: 0,
    via: "provenance",
    keys: [],
    moduleSystem: systemOf(home),
    isTyped: languageOf(at) === "ts",
    quote: /(?:\bfrom\s*|\brequire\()(['"])/.exec(text)?.[1] === '"' ? '"' : "'",
    semicolon: /;[ \t]*\r?$/m.test(text) ? ";" : "",
    eol: lineEndingOf(text),
  };
}

/** How a file imports the new one: as it imports others of the project, with their ending or without. */
function specifierOf(
  project: AnalysisProject,
  from: SourceFile,
  { file, moduleSystem, isTyped }: ContextKeysFact,
): string {
  const imported = from
    .getFullText()
    .matchAll(/(?:\bfrom|\brequire\(|\bimport)\s*['"]\.{1,2}\/[^'"\n]*?(\.[cm]?[jt]sx?)?['"]/g);
  const endings = [...imported].map(([, ending]) => ending ?? "");
  const known = endings.find((ending) => ending !== "") ?? endings[0];
  const usual = moduleSystem === "cjs" ? "" : isTyped ? project.protos.layout.importExtension : ".js";
  const own = path.extname(file);
  const isCompiled = known === undefined ? usual !== ".ts" : !/ts/.test(known);
  const ending = (known ?? usual) === "" ? "" : isCompiled ? own.replace("ts", "js") : own;
  const relative = path.relative(path.dirname(from.getFilePath()), file).split(path.sep).join("/");
  const name = relative.slice(0, -own.length) + ending;
  return name.startsWith(".") ? name : `./${name}`;
}

/** `kUser` for `user`, which nothing in the project is called. */
function freshKey(project: AnalysisProject, name: string): string {
  const words = name.split(/[_$]+/).filter((word) => word !== "");
  const base = `k${words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("")}`;
  for (let index = 1; ; index++) {
    const key = index === 1 ? base : `${base}${index}`;
    if (project.identifiersNamed(key).length === 0) return key;
  }
}
