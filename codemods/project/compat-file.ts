import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { ts } from "ts-morph";
import type { GenerateResult } from "../generate/index.js";
import { COMPAT, isCompat } from "../shared/official.js";
import { moduleSystemOfPackage } from "./package-json.js";
import { toolRoot } from "./tool.js";

/** Where `connect-compat` stands for the files that use one folder of generated code. */
export interface CompatPlace {
  /** Absolute. */
  readonly path: string;
  /** The module as `fromFile` imports it: `./gen/connect-compat.js`. */
  specifierFor(fromFile: string): string;
}

/** Beside the generated code; undefined where there is none, or where a project has it in both languages. */
export function compatPlace({ plan }: GenerateResult): CompatPlace | undefined {
  if (!plan || plan.options.some((option) => /^target=.*\+/.test(option) && /\bts\b/.test(option))) return undefined;
  const { outDir, importExtension } = plan.layout;
  const file = path.join(outDir, `${COMPAT}.${plan.language}`);
  return {
    path: file,
    specifierFor(fromFile) {
      const folder = path.relative(path.dirname(fromFile), outDir).split(path.sep).join("/");
      const start = folder === "" ? "." : folder.startsWith("..") ? folder : `./${folder}`;
      return `${start}/${COMPAT}${importExtension}`;
    },
  };
}

/** The files that have to be written beside new texts: each place that one of them imports and that is not there yet. */
export function compatFiles(places: readonly CompatPlace[], texts: ReadonlyMap<string, string>): Map<string, string> {
  const created = new Map<string, string>();
  for (const { path: place, specifierFor } of places) {
    const isUsed = [...texts].some(([file, text]) => isCompat(specifierFor(file)) && text.includes(specifierFor(file)));
    if (isUsed && !existsSync(place)) created.set(place, compatText(place));
  }
  return created;
}

function compatText(place: string): string {
  const folder = path.join(toolRoot(), "codemods/official");
  const own = withModules(readFileSync(path.join(folder, `${COMPAT}.ts`), "utf8"), folder);
  if (place.endsWith(".ts")) return own;
  // The compiler drops blank lines: meanwhile they stand as comments.
  const blank = "// (blank)";
  const { outputText } = ts.transpileModule(own.replace(/^$/gm, blank), {
    compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022, removeComments: false },
  });
  const script = outputText
    .replaceAll(blank, "")
    .replace(/^ +$/gm, "")
    .replace(/\n{3,}/g, "\n\n");
  return moduleSystemOfPackage(place) === "esm" ? script : asCommonJs(script);
}

/** What the source takes from modules of the runtime, which import nothing but one another, stands in the file itself. */
function withModules(source: string, folder: string): string {
  const modules = [...source.matchAll(/^(?:im|ex)port .*? from "(\.\..*?)\.js";$/gm)].map(([, module = ""]) =>
    readFileSync(path.join(folder, `${module}.ts`), "utf8")
      .replace(/^import .*? from "\.\/.*";\n+/gm, "")
      .replace(/import\("\.\..*?"\)/g, 'import("@connectrpc/connect")'),
  );
  const [head = "", tail = ""] = source.split(/(?:^import type .*? from "\.\..*\n\n(?:^export .*\n)+)/m);
  return (head + modules.join("\n") + tail)
    .replace(/^ *\/\/ biome-ignore.*\n/gm, "")
    .replace(/ *\/\/ biome-ignore.*$/gm, "");
}

/** Imports and exports as a person writes them in CommonJS. */
function asCommonJs(script: string): string {
  const names = [...script.matchAll(/^export (?:async )?function (\w+)/gm)].map(([, name]) => name);
  const body = script
    .replace(/^import \{([^}]*)\} from (".*?");/gm, (_, list: string, module: string) => {
      const taken = list.replace(/(\w+) as (\w+)/g, "$1: $2").replace(/,\s*$/, " ");
      return `const {${taken}} = require(${module});`;
    })
    .replace(/^export (?=(?:async )?function )/gm, "");
  return `"use strict";\n\n${body.trimEnd()}\n\nmodule.exports = {\n${names.map((name) => `  ${name},\n`).join("")}};\n`;
}
