import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parse as parseJsonc } from "jsonc-parser";
import { globSync } from "tinyglobby";
import { existingPlugin, plannedConfig } from "./buf-config.js";
import { ancestors } from "./find-import.js";
import type { GeneratePlan, Language, ModuleSystem, ProtoDiscovery } from "./generate-types.js";
import type { GeneratedLayout } from "./proto-registry.js";

export interface PlanOptions {
  readonly root: string;
  readonly out?: string | undefined;
  readonly language?: Language | undefined;
  readonly moduleSystem?: ModuleSystem | undefined;
}

/** Decides where protobuf-es code goes and in which form, and what buf.gen.yaml and buf.yaml must say. Reads only. */
export function planGenerate(discovery: ProtoDiscovery, options: PlanOptions): GeneratePlan {
  const root = resolve(options.root);
  const notes: string[] = [];
  const existing = existingPlugin(root);
  if (existing?.isVersion1) {
    notes.push(
      `${existing.path} has protoc-gen-es 1, whose code needs @bufbuild/protobuf 1. Code of version 2 goes to a folder of its own; before you run buf, install version 2 of @bufbuild/protoc-gen-es and @bufbuild/protobuf and remove the old entry.`,
    );
  } else if (existing && options.out === undefined) {
    const layout = { outDir: resolve(root, existing.out), importExtension: extensionOf(existing.options) };
    const language: Language = existing.options.some((option) => /^target=.*\bts\b/.test(option)) ? "ts" : "js";
    const moduleSystem: ModuleSystem = existing.options.includes("js_import_style=legacy_commonjs") ? "cjs" : "esm";
    notes.push(`${existing.path} already has protoc-gen-es; its output folder and options are used as they are.`);
    return { root, language, moduleSystem, layout, options: existing.options, configFiles: [], isForBuf: true, notes };
  }
  const language = options.language ?? languageOf(root);
  const moduleSystem = options.moduleSystem ?? moduleSystemOf(root);
  const written = language === "js" ? ".js" : typeScriptExtension(root, moduleSystem);
  // Compiled sources load the code that is compiled with them; programs that node runs as they are need JavaScript beside it.
  const isMixed = language === "ts" && options.language === undefined && written !== ".ts" && hasPrograms(root);
  const importExtension = isMixed && moduleSystem === "esm" ? ".js" : written;
  const pluginOptions =
    language === "ts"
      ? [
          isMixed ? "target=js+ts" : "target=ts",
          ...(importExtension === "" ? [] : [`import_extension=${importExtension.slice(1)}`]),
          ...(isMixed && moduleSystem === "cjs" ? ["js_import_style=legacy_commonjs"] : []),
        ]
      : [
          "target=js+dts",
          "import_extension=js",
          ...(moduleSystem === "cjs" ? ["js_import_style=legacy_commonjs"] : []),
        ];
  const outDir = options.out === undefined ? defaultOut(root, discovery, existing?.out) : resolve(root, options.out);
  const layout: GeneratedLayout = { outDir, importExtension };
  const configNotes: string[] = [];
  const configFiles = plannedConfig(root, discovery, outDir, pluginOptions, configNotes);
  notes.push(...configNotes);
  const isForBuf = configNotes.length === 0;
  return { root, language, moduleSystem, layout, options: pluginOptions, configFiles, isForBuf, notes };
}

function languageOf(root: string): Language {
  if (compilerConfig(root) !== undefined) {
    const own = ["**/*.{ts,cts,mts,tsx}", "!**/*.d.ts"];
    if (globSync(own, { cwd: root, ignore: ["**/node_modules/**", "**/.*/**"] }).length > 0) return "ts";
    return "js";
  }
  const count = (extensions: string) =>
    globSync([`**/*.{${extensions}}`, "!**/*.d.ts"], {
      cwd: root,
      ignore: ["**/node_modules/**", "**/.*/**", "**/{dist,build,out}/**"],
    }).length;
  return count("ts,mts,cts,tsx") > count("js,mjs,cjs,jsx") ? "ts" : "js";
}

/** Are there JavaScript files that use gRPC, which plain node runs? A compiler that takes JavaScript, too, compiles them as well. */
function hasPrograms(root: string): boolean {
  if (compilerOptions(root).allowJs === true) return false;
  const files = globSync("**/*.{js,mjs,cjs}", {
    cwd: root,
    absolute: true,
    ignore: ["**/node_modules/**", "**/.*/**", "**/{dist,build,out,gen,generated}/**", "**/*_pb.js"],
  });
  return files.some((path) => /["']@grpc\/(grpc-js|proto-loader)["']/.test(readFileSync(path, "utf8")));
}

/** A generated .js file is what the nearest package.json says, whatever the files that import it are. */
function moduleSystemOf(root: string): ModuleSystem {
  return packageType(root) === "module" ? "esm" : "cjs";
}

function packageType(from: string): string | undefined {
  for (let at = from; ; at = resolve(at, "..")) {
    const path = join(at, "package.json");
    if (existsSync(path)) {
      const value = parseJsonc(readFileSync(path, "utf8")) as { type?: string } | undefined;
      return value?.type ?? "commonjs";
    }
    if (at === resolve(at, "..")) return undefined;
  }
}

/**
 * How the project itself writes relative imports decides, of those that its compiler setting takes; imports of types count where there are
 * no others: they go away with the types, so that generated types may well have another way.
 */
function typeScriptExtension(root: string, moduleSystem: ModuleSystem): "" | ".js" | ".ts" {
  const { module, moduleResolution } = compilerOptions(root);
  const node = /^(node16|node18|node20|nodenext)$/i;
  const needsExtension = moduleSystem === "esm" && (node.test(module ?? "") || node.test(moduleResolution ?? ""));
  const counts = { "": 0, ".js": 0, ".ts": 0 };
  const ofTypes = { ...counts };
  const files = globSync(["**/*.{ts,mts,cts,tsx}", "!**/*.d.ts"], {
    cwd: root,
    absolute: true,
    ignore: ["**/node_modules/**", "**/.*/**", "**/{dist,build,out}/**"],
  });
  for (const path of files.slice(0, 500)) {
    const imports = /(\bimport\s+type\b[^;"']*)?\bfrom\s+["'](\.{1,2}\/[^"'\n]+)["']/g;
    for (const [, type, specifier = ""] of readFileSync(path, "utf8").matchAll(imports)) {
      const count = type === undefined ? counts : ofTypes;
      if (/\.[cm]?js$/.test(specifier)) count[".js"]++;
      else if (/\.[cm]?tsx?$/.test(specifier)) count[".ts"]++;
      else if (!/\.json$/.test(specifier)) count[""]++;
    }
  }
  const ways = needsExtension ? ([".js", ".ts"] as const) : (["", ".js", ".ts"] as const);
  for (const count of [counts, ofTypes]) {
    const most = ways.toSorted((a, b) => count[b] - count[a])[0];
    if (most !== undefined && count[most] > 0) return most;
  }
  return needsExtension ? ".js" : "";
}

interface CompilerOptions {
  readonly module?: string;
  readonly moduleResolution?: string;
  readonly allowJs?: boolean;
}

/** The tsconfig.json of a folder, or of the package that it is a part of. */
function compilerConfig(folder: string): string | undefined {
  for (const at of ancestors(folder)) {
    const path = join(at, "tsconfig.json");
    if (existsSync(path)) return path;
    if (["package.json", ".git"].some((name) => existsSync(join(at, name)))) return undefined;
  }
  return undefined;
}

function compilerOptions(root: string): CompilerOptions {
  const path = compilerConfig(root);
  if (path === undefined) return {};
  const config = parseJsonc(readFileSync(path, "utf8")) as { compilerOptions?: CompilerOptions } | undefined;
  return config?.compilerOptions ?? {};
}

/**
 * src/gen or gen; beside it, when other generated code stands, or is made by version 1 (in `old`), where ours would be. A file of another
 * language counts, too: `import "./a_pb"` finds the .ts of ours before the .js or the .d.ts of theirs.
 */
function defaultOut(root: string, discovery: ProtoDiscovery, old: string | undefined): string {
  const base = existsSync(join(root, "src")) ? join(root, "src", "gen") : join(root, "gen");
  for (const directory of [base, `${base}-es`, join(base, "es")]) {
    if (old !== undefined && resolve(root, old) === directory) continue;
    const taken = discovery.files.some((file) =>
      ["ts", "js", "d.ts"].some((extension) => {
        const path = join(directory, `${file.name.replace(/\.proto$/, "")}_pb.${extension}`);
        return existsSync(path) && !isOurs(readFileSync(path, "utf8"));
      }),
    );
    if (!taken) return directory;
  }
  return `${base}-protobuf-es`;
}

/** Whether a file is protoc-gen-es's, of a version whose code works with the runtime. */
function isOurs(text: string): boolean {
  return /\/\/ @generated by protoc-gen-es(?! v[01]\.)/.test(text.slice(0, 4000));
}

function extensionOf(options: readonly string[]): "" | ".js" | ".ts" {
  const value = options.find((option) => option.startsWith("import_extension="))?.slice("import_extension=".length);
  return value === "js" || value === ".js" ? ".js" : value === "ts" || value === ".ts" ? ".ts" : "";
}
