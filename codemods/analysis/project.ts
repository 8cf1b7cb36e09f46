import { existsSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { type Node, type ParameterDeclaration, type SourceFile, ts } from "ts-morph";
import type { ProtoRegistry } from "../generate/proto-registry.js";
import { createAliases } from "./aliases.js";
import type { HandedOn } from "./handed-on.js";
import type { Origin } from "./origin.js";
import { createProvenance } from "./provenance.js";
import { createSources, type Sources } from "./sources.js";

/** What analysis gives to collectors: the candidate files of a project and what is known of any expression in them. */
export interface AnalysisProject {
  readonly root: string;
  /** Candidate files: those that may change. Others are loaded only to follow names into them. */
  readonly files: readonly SourceFile[];
  readonly protos: ProtoRegistry;
  originOf(node: Node): Origin;
  /** What a type annotation names. Members of grpc-js are `{ kind: "grpc", path: "ServerUnaryCall" }`. */
  originOfType(type: Node): Origin;
  /** Every identifier that refers to the same declaration, across files and aliases; the declaring ones included. */
  referencesTo(identifier: Node): Node[];
  /** Every identifier with this text in the project's own files, whatever it means. */
  identifiersNamed(text: string): readonly Node[];
  /** Declarations of an identifier after all import, export and require aliases. */
  declarationOf(identifier: Node): Node | undefined;
  /** The value of a constant expression (strings, numbers, arrays, objects; `path.join(__dirname, …)`); undefined if it is not constant. */
  constantOf(node: Node): unknown;
  /** The client that every element of a list, a Map or a record is, where all that is done with it is known. */
  elementOf(holder: Node): Origin;
  /** What a function returns, if all its returns agree. */
  resultOf(fn: Node): Origin;
  /** What each call of a function passes for a parameter, undefined for nothing; or undefined, if not all calls are known. */
  valuesPassed(parameter: ParameterDeclaration): (Node | undefined)[] | undefined;
  /** The expressions that stand for what a file exports, as a whole: `require("./x")` and names for it. */
  mentionsOf(file: SourceFile): readonly Node[];
  /** Is what a file exports given, as a whole, to code that cannot be followed? */
  readonly isHandedOn: HandedOn["isHandedOn"];
  /** The project file that a specifier means in a file, if it is one. */
  resolveModule(fromFile: SourceFile, specifier: string): SourceFile | undefined;
  /** A project file by absolute path. */
  fileAt(path: string): SourceFile | undefined;
  /** True if @grpc/grpc-js itself could not be resolved from some candidate: types prove nothing there. */
  readonly dependenciesMissing: boolean;
  /** Problems with compiler configurations, for the user. */
  readonly problems: readonly ConfigProblem[];
  isTestFile(path: string): boolean;
  /** May this run change the file? Others are part of the project and stay as they are. */
  isSelected(path: string): boolean;
  /** Does a file of TypeScript keep grpc-js's enum of codes, and do its errors keep a code of that type? */
  keptStatus(path: string): StatusKept;
  /** Why a handler of a file stays in its old shape, by one of its names: what the compiler says of the new one. */
  keptHandler(path: string, name: string): string | undefined;
  /** Why calls of clients in a file keep their shape, by the name of a function around them: what the compiler says of the new one. */
  keptCall(path: string, name: string): string | undefined;
  /** May a bridge be put into the file, or taken out of it, although it is not selected? */
  mayBridge(path: string): boolean;
}

/** What stays of `grpc.status` in a file because `Code` did not pass the gate there: nothing, the enum, or also the errors that have it. */
export type StatusKept = "no" | "enum" | "errors";

export interface ConfigProblem {
  readonly file: string;
  readonly message: string;
}

export interface AnalysisInput {
  readonly root: string;
  /** Absolute paths of the files that may change. */
  readonly candidates: readonly string[];
  /** Those of the candidates that this run may change. Default: all. */
  readonly selected?: ReadonlySet<string>;
  /** Files that must stay as they are, whatever happens around them. */
  readonly untouchable?: ReadonlySet<string>;
  readonly keptStatus?: ReadonlyMap<string, StatusKept>;
  readonly keptHandlers?: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly keptCalls?: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** Files that are only looked into: generated code, and what candidates import. */
  readonly context: readonly string[];
  readonly protos: ProtoRegistry;
  /** Texts that stand for those on disk. */
  readonly texts?: ReadonlyMap<string, string>;
  /** What an earlier analysis of the same run read already. */
  readonly configs?: ConfigFinder;
  readonly sources?: Sources;
}

const TEST_FILE = /(^|\/)(__tests__|__mocks__|tests?|spec|e2e)\/|\.(test|spec|e2e)\.[cm]?[jt]sx?$/;

export interface CompilerConfig {
  /** The tsconfig's path; null for the synthetic project. */
  readonly path: string | null;
  readonly options: ts.CompilerOptions;
  readonly files: ReadonlySet<string>;
  /** Absolute folders that the compiler writes into. */
  readonly outputs: readonly string[];
}

const SYNTHETIC: ts.CompilerOptions = {
  allowJs: true,
  checkJs: false,
  noEmit: true,
  skipLibCheck: true,
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  esModuleInterop: true,
  resolveJsonModule: true,
  // Neither the browser's types nor every @types package that lies about: they cost seconds and say nothing of a call.
  lib: ["lib.es2022.d.ts"],
  noResolve: true,
  types: [],
};

export interface ConfigFinder {
  configOf(file: string): CompilerConfig;
  readonly problems: ConfigProblem[];
  /** The packages of the project's workspace. */
  workspace(): WorkspacePackages;
  /** The file that a name of the project's own settings stands for: `#src/client`, `@/client`. */
  aliased(from: string, specifier: string, exists: (file: string) => boolean): string | undefined;
}

/** Finds the compiler configuration of each file; each file belongs to exactly one, or to a synthetic one that allows JavaScript. */
export function createConfigFinder(root: string): ConfigFinder {
  const problems: ConfigProblem[] = [];
  const parsed = new Map<string, CompilerConfig | null>();
  const synthetic: CompilerConfig = { path: null, options: SYNTHETIC, files: new Set(), outputs: [] };

  const read = (file: string): CompilerConfig | null => {
    const known = parsed.get(file);
    if (known !== undefined) return known;
    parsed.set(file, null);
    const config = readConfig(file, problems);
    parsed.set(file, config?.config ?? null);
    for (const reference of config?.references ?? []) read(reference);
    return config?.config ?? null;
  };

  const byDirectory = new Map<string, CompilerConfig[]>();
  const configsFor = (directory: string): CompilerConfig[] => {
    const known = byDirectory.get(directory);
    if (known) return known;
    const found: CompilerConfig[] = [];
    for (let current = directory; ; current = path.dirname(current)) {
      const names = [
        "tsconfig.json",
        "tsconfig.build.json",
        "tsconfig.test.json",
        "tsconfig.app.json",
        "jsconfig.json",
      ];
      for (const name of names) {
        const file = path.join(current, name);
        if (!existsSync(file)) continue;
        const config = read(file);
        if (config) found.push(config);
      }
      if (found.length > 0 || current === path.dirname(current)) break;
      // Above the project only its repository is looked at.
      if (!isInside(current, root) && existsSync(path.join(current, ".git"))) break;
    }
    byDirectory.set(directory, found);
    return found;
  };

  let workspace: WorkspacePackages | undefined;
  const aliases = createAliases(root);
  return {
    problems,
    aliased(from, specifier, exists) {
      for (const target of aliases(from, specifier)) {
        const file = localModulePath(target, exists);
        if (file !== undefined) return file;
      }
      return undefined;
    },
    workspace() {
      workspace ??= workspacePackages(root);
      return workspace;
    },
    configOf(file) {
      const configs = configsFor(path.dirname(file));
      const [nearest] = configs;
      const listed = [...configs, ...[...parsed.values()].filter((config) => config !== null)].find((config) =>
        config.files.has(file),
      );
      if (listed) return listed;
      const isScript = /\.[cm]?jsx?$/.test(file);
      if (nearest && (!isScript || nearest.options.allowJs || nearest.options.checkJs)) return nearest;
      return synthetic;
    },
  };
}

function readConfig(
  file: string,
  problems: ConfigProblem[],
): { config: CompilerConfig; references: string[] } | undefined {
  const text = readFileSync(file, "utf8");
  const { config, error } = ts.parseConfigFileTextToJson(file, text);
  if (error || config === undefined) {
    const where = error?.start === undefined ? "" : ` at line ${text.slice(0, error.start).split("\n").length}`;
    problems.push({
      file,
      message: `${error ? ts.flattenDiagnosticMessageText(error.messageText, " ") : "not a JSON object"}${where}`,
    });
    return undefined;
  }
  const parsed = ts.parseJsonConfigFileContent(config, ts.sys, path.dirname(file), undefined, file);
  for (const diagnostic of parsed.errors) {
    // "No inputs were found" is normal for a configuration that only refers to others.
    if (diagnostic.code === 18003 || diagnostic.code === 18002) continue;
    problems.push({ file, message: ts.flattenDiagnosticMessageText(diagnostic.messageText, " ") });
  }
  const references = (parsed.projectReferences ?? []).flatMap((reference) => {
    const target = reference.path.endsWith(".json") ? reference.path : path.join(reference.path, "tsconfig.json");
    return existsSync(target) && statSync(target).isFile() ? [target] : [];
  });
  const options: ts.CompilerOptions = {
    ...parsed.options,
    noEmit: true,
    skipLibCheck: true,
    incremental: false,
    composite: false,
    declaration: false,
    declarationMap: false,
    emitDeclarationOnly: false,
  };
  const outputs = [parsed.options.outDir, parsed.options.declarationDir].filter((one) => one !== undefined);
  delete options.outDir;
  delete options.declarationDir;
  delete options.rootDir;
  delete options.tsBuildInfoFile;
  return {
    config: {
      path: file,
      options,
      files: new Set(parsed.fileNames.map((name) => path.resolve(name))),
      outputs: outputs.map((folder) => path.resolve(folder)),
    },
    references,
  };
}

function isInside(directory: string, root: string): boolean {
  const relative = path.relative(root, directory);
  return relative === "" || (!relative.startsWith("..") && !path.isAbsolute(relative));
}

/** Read-only: nothing in here ever changes a syntax tree. */
export function createAnalysisProject(input: AnalysisInput): AnalysisProject {
  const { root, protos, texts } = input;
  const finder = input.configs ?? createConfigFinder(root);
  const sources = input.sources ?? createSources(finder.configOf);
  const files = new Map<string, SourceFile>();
  const candidates: SourceFile[] = [];

  const load = (file: string): SourceFile | undefined => {
    const known = files.get(file);
    if (known) return known;
    const source = sources.load(file, texts?.get(file));
    if (source) files.set(file, source);
    return source;
  };
  for (const file of input.candidates) {
    const source = load(file);
    if (source) candidates.push(source);
  }
  for (const file of input.context) load(file);

  const workspace = finder.workspace();
  const resolved = new Map<string, SourceFile | null>();
  const resolveModule = (fromFile: SourceFile, specifier: string): SourceFile | undefined => {
    const from = fromFile.getFilePath() as string;
    const key = `${path.dirname(from)}\0${specifier}`;
    const known = resolved.get(key);
    if (known !== undefined) return known ?? undefined;
    const found = resolveLocal(from, specifier);
    resolved.set(key, found ?? null);
    return found;
  };
  const resolveLocal = (from: string, specifier: string): SourceFile | undefined => {
    if (specifier.startsWith(".") || path.isAbsolute(specifier)) {
      const target = localModulePath(path.resolve(path.dirname(from), specifier), (candidate) => files.has(candidate));
      return target === undefined ? undefined : files.get(target);
    }
    const exists = (candidate: string) => files.has(candidate);
    const packageFile = resolveInWorkspace(specifier, workspace, exists) ?? finder.aliased(from, specifier, exists);
    if (packageFile) return files.get(packageFile);
    const { options } = finder.configOf(from);
    if (!options.paths && !options.baseUrl) return undefined;
    const result = ts.resolveModuleName(specifier, from, options, ts.sys).resolvedModule?.resolvedFileName;
    return result === undefined ? undefined : files.get(path.resolve(result));
  };

  const missing = new Map<string, boolean>();
  const isGrpcMissing = (directory: string): boolean => {
    const known = missing.get(directory);
    if (known !== undefined) return known;
    const parent = path.dirname(directory);
    const answer = existsSync(path.join(directory, "node_modules", "@grpc", "grpc-js", "package.json"))
      ? false
      : parent === directory
        ? true
        : isGrpcMissing(parent);
    missing.set(directory, answer);
    return answer;
  };

  const base = {
    root,
    files: candidates,
    protos,
    resolveModule,
    fileAt: (file: string) => files.get(path.resolve(file)),
    dependenciesMissing: candidates.some((file) => isGrpcMissing(path.dirname(file.getFilePath()))),
    problems: finder.problems,
    isSelected: (file: string) => input.selected?.has(file) ?? input.candidates.includes(file),
    keptStatus: (file: string) => input.keptStatus?.get(file) ?? "no",
    keptHandler: (file: string, name: string) => input.keptHandlers?.get(file)?.get(name),
    keptCall: (file: string, name: string) => input.keptCalls?.get(file)?.get(name),
    mayBridge: (file: string) => input.untouchable?.has(file) !== true,
    isTestFile: (file: string) => TEST_FILE.test(path.relative(root, file).split(path.sep).join("/")),
  };
  return { ...base, ...createProvenance({ ...base, allFiles: () => files.values() }) };
}

const EXTENSIONS = [".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs", ".d.ts"];

/** The file that a path without (or with a compiled) extension stands for. */
export function localModulePath(target: string, exists: (file: string) => boolean): string | undefined {
  if (/\.(d\.)?[cm]?[jt]sx?$/.test(target) && exists(target)) return target;
  const compiled = /\.([cm]?)js(x?)$/.exec(target);
  if (compiled) {
    const stem = target.slice(0, compiled.index);
    for (const extension of [`.${compiled[1]}ts${compiled[2]}`, ".ts", ".tsx", `.d.${compiled[1]}ts`])
      if (exists(stem + extension)) return stem + extension;
  }
  for (const extension of EXTENSIONS) if (exists(target + extension)) return target + extension;
  for (const extension of EXTENSIONS) {
    const index = path.join(target, `index${extension}`);
    if (exists(index)) return index;
  }
  return undefined;
}

/** Names of the packages of an npm, pnpm or yarn workspace -> their folders. */
export type WorkspacePackages = ReadonlyMap<string, string>;

function workspacePackages(root: string): WorkspacePackages {
  const found = new Map<string, string>();
  const visit = (directory: string, depth: number) => {
    const manifest = path.join(directory, "package.json");
    if (existsSync(manifest)) {
      try {
        const { name } = JSON.parse(readFileSync(manifest, "utf8")) as { name?: unknown };
        if (typeof name === "string") found.set(name, directory);
      } catch {
        // A package.json that does not parse names no package.
      }
    }
    if (depth === 0) return;
    for (const entry of ts.sys.getDirectories(directory)) {
      if (entry === "node_modules" || entry.startsWith(".") || entry === "dist") continue;
      visit(path.join(directory, entry), depth - 1);
    }
  };
  visit(root, 3);
  return found;
}

export function resolveInWorkspace(
  specifier: string,
  packages: WorkspacePackages,
  exists: (file: string) => boolean,
): string | undefined {
  const parts = specifier.split("/");
  const name = specifier.startsWith("@") ? parts.slice(0, 2).join("/") : (parts[0] ?? "");
  const directory = packages.get(name);
  if (directory === undefined) return undefined;
  const rest = specifier.slice(name.length + 1);
  if (rest !== "") return localModulePath(path.join(directory, rest), exists);
  for (const entry of ["src/index", "index", "src", "lib/index"]) {
    const found = localModulePath(path.join(directory, entry), exists);
    if (found) return found;
  }
  try {
    const { main } = JSON.parse(readFileSync(path.join(directory, "package.json"), "utf8")) as { main?: unknown };
    if (typeof main === "string") return localModulePath(path.join(directory, main), exists);
  } catch {
    return undefined;
  }
  return undefined;
}

/** True for a node of a project file (not of a declaration file in node_modules). */
export function isProjectNode(node: Node): boolean {
  return !node.getSourceFile().getFilePath().includes("/node_modules/");
}
