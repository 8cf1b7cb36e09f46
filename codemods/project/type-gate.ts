import path from "node:path";
import { Project, ts } from "ts-morph";
import { type CompilerConfig, type ConfigFinder, createConfigFinder } from "../analysis/project.js";
import type { Sources } from "../analysis/sources.js";
import { runtimeTypes, toolRoot } from "./tool.js";

/** A type or syntax error that the new texts have and the old ones had not. */
export interface NewError {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** `TS2345 Argument of type …`, and on further lines why. */
  readonly message: string;
}

export interface TypeGateInput {
  readonly root: string;
  /** Files whose errors count: the project's own sources, absolute. */
  readonly files: readonly string[];
  readonly before: ReadonlyMap<string, string>;
  /** Changed and newly generated files. */
  readonly after: ReadonlyMap<string, string>;
  /** file -> files that it imports, before. */
  readonly imports: ReadonlyMap<string, ReadonlySet<string>>;
  /** What the analysis of the same run read already. */
  readonly configs?: ConfigFinder;
  readonly sources?: Sources;
}

/**
 * Compares what the compiler says about a project before and after. Nothing needs to be written or installed: changed and
 * generated files are laid over the disk, and the runtime's types are this tool's own where the project has none.
 */
export function newTypeErrors(input: TypeGateInput): NewError[] {
  const finder = input.configs ?? createConfigFinder(input.root);
  const concerned = concernedFiles(input);
  const groups = new Map<CompilerConfig, string[]>();
  for (const file of input.files) {
    const config = finder.configOf(file);
    groups.set(config, [...(groups.get(config) ?? []), file]);
  }
  const errors: NewError[] = [];
  for (const [config, files] of groups) {
    const checked = files.filter((file) => concerned.has(file));
    if (checked.length === 0) continue;
    const isTyped = files.some((file) => /\.[cm]?tsx?$/.test(file)) || config.options.checkJs === true;
    if (!isTyped && !files.some((file) => hasCheckComment(input.after.get(file)))) {
      errors.push(...syntaxErrors(files, input.after));
      continue;
    }
    errors.push(...compare(config, files, checked, input));
  }
  return errors;
}

/** Files in which something else may be wrong than before: those that change, and those that import such files, at any distance. */
function concernedFiles({ files, before, after, imports }: TypeGateInput): ReadonlySet<string> {
  const isScript = (text: string | undefined) => text !== undefined && !/\b(import|export|require)\b/.test(text);
  // What a script declares, every file can see.
  if ([...after].some(([file, text]) => isScript(text) || isScript(before.get(file)))) return new Set(files);
  const importers = new Map<string, string[]>();
  for (const [file, targets] of imports)
    for (const target of targets) {
      const known = importers.get(target);
      if (known) known.push(file);
      else importers.set(target, [file]);
    }
  const concerned = new Set(after.keys());
  for (const file of concerned) for (const importer of importers.get(file) ?? []) concerned.add(importer);
  return concerned;
}

function hasCheckComment(text: string | undefined): boolean {
  return text !== undefined && /^\s*\/\/\s*@ts-check/m.test(text.slice(0, 500));
}

function syntaxErrors(files: readonly string[], after: ReadonlyMap<string, string>): NewError[] {
  return files.flatMap((file) => {
    const text = after.get(file);
    if (text === undefined) return [];
    const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
    return (parserErrors(source) ?? []).map((diagnostic) => described(file, text, diagnostic));
  });
}

/** The parser's own errors of one file: not part of the public interface, but there since TypeScript 1. */
export function parserErrors(source: ts.SourceFile): readonly ts.Diagnostic[] | undefined {
  return (source as unknown as { parseDiagnostics?: readonly ts.Diagnostic[] }).parseDiagnostics;
}

function compare(
  config: CompilerConfig,
  files: readonly string[],
  checked: readonly string[],
  input: TypeGateInput,
): NewError[] {
  const options: ts.CompilerOptions = { ...config.options, noEmit: true, skipLibCheck: true, allowJs: true };
  if (config.options.checkJs !== true) options.checkJs = false;
  // Analysis may do without the packages' types; a check may not.
  options.noResolve = false;
  // Before TypeScript 6 the types of Node were there unasked; what imported grpc-js had them from there.
  options.types ??= ["node"];
  const parsed = new Map<string, ts.SourceFile>();
  // Declaration files may say something of any other; modules are read when one of the others imports them.
  const roots = [...checked, ...files.filter((file) => file.endsWith(".d.ts"))];
  const inAnalysis: InAnalysis = (file, text) => input.sources?.parsed(config, file, text);
  const texts = new Map([...input.before, ...input.after]);
  const after = diagnosticsOf(roots, checked, options, texts, parsed, inAnalysis);
  if (after.length === 0) return [];
  // Only where something is wrong now is it asked what was wrong before.
  const wrong = [...new Set(after.map((error) => error.file))].filter((file) => input.before.has(file));
  const old = roots.filter((file) => input.before.has(file));
  const before = diagnosticsOf(old, wrong, options, input.before, parsed, inAnalysis);
  const known = new Map<string, number>();
  for (const error of before)
    known.set(`${error.file}: ${error.message}`, (known.get(`${error.file}: ${error.message}`) ?? 0) + 1);
  // Without @types/node the compiler knew nothing of Node before either: one more name of it is nothing new.
  const isWithoutNode = before.some((error) => NODE_NAME.test(error.message));
  return after.filter((error) => {
    if (isWithoutNode && NODE_NAME.test(error.message)) return false;
    const key = `${error.file}: ${error.message}`;
    const left = known.get(key) ?? 0;
    // Another import of a module that was not there before either: code that a build makes.
    if (known.has(key) && error.message.startsWith("TS2307 ")) return false;
    known.set(key, left - 1);
    return left <= 0;
  });
}

/** "Cannot find name 'require'. Do you need to install type definitions for node?" */
const NODE_NAME = /^TS(2580|2591) /;

/** The tree of a file with this text, where analysis parsed it. */
type InAnalysis = (file: string, text: string | undefined) => ts.SourceFile | undefined;

/** What the compiler says of some files of a program. */
function diagnosticsOf(
  roots: readonly string[],
  checked: readonly string[],
  options: ts.CompilerOptions,
  texts: ReadonlyMap<string, string>,
  parsed: Map<string, ts.SourceFile>,
  inAnalysis: InAnalysis,
): NewError[] {
  const host = overlayHost(options, texts, parsed, inAnalysis);
  const program = ts.createProgram([...roots], options, host);
  return checked.flatMap((file) => {
    const source = program.getSourceFile(file);
    if (!source) return [];
    const isChecked = !/\.[cm]?jsx?$/.test(file) || options.checkJs === true || hasCheckComment(source.text);
    const found = [
      ...program.getSyntacticDiagnostics(source),
      ...(isChecked ? program.getSemanticDiagnostics(source) : []),
    ];
    return found.map((diagnostic) => described(file, source.text, diagnostic));
  });
}

function described(file: string, text: string, diagnostic: ts.Diagnostic): NewError {
  const before = text.slice(0, diagnostic.start ?? 0);
  return {
    file,
    line: before.split("\n").length,
    column: before.length - before.lastIndexOf("\n"),
    message: `TS${diagnostic.code} ${ts.flattenDiagnosticMessageText(diagnostic.messageText, "\n")}`,
  };
}

function overlayHost(
  options: ts.CompilerOptions,
  texts: ReadonlyMap<string, string>,
  parsed: Map<string, ts.SourceFile>,
  inAnalysis: InAnalysis,
): ts.CompilerHost {
  const host = ts.createCompilerHost(options, true);
  const folders = new Set<string>();
  for (const file of texts.keys())
    for (let folder = path.dirname(file); !folders.has(folder); folder = path.dirname(folder)) folders.add(folder);
  const { fileExists, readFile, directoryExists, getSourceFile } = host;
  const shared: (
    ...args: [...Parameters<InAnalysis>, ts.ScriptTarget | ts.CreateSourceFileOptions]
  ) => ReturnType<InAnalysis> = (file, text, wanted) => {
    const found = inAnalysis(file, text);
    return found && fits(found, wanted) ? found : undefined;
  };
  host.getDefaultLibLocation = () => LIBRARY_FOLDER;
  host.getDefaultLibFileName = (given) => `${LIBRARY_FOLDER}/${ts.getDefaultLibFileName(given)}`;
  host.fileExists = (file) =>
    texts.has(path.resolve(file)) || file.startsWith(`${LIBRARY_FOLDER}/`) || fileExists.call(host, file);
  host.readFile = (file) => texts.get(path.resolve(file)) ?? readFile.call(host, file);
  host.directoryExists = (folder) =>
    folders.has(path.resolve(folder)) || (directoryExists?.call(host, folder) ?? false);
  host.getSourceFile = (file, languageVersion, onError) => {
    const text = texts.get(path.resolve(file));
    if (text !== undefined)
      return (
        shared(path.resolve(file), text, languageVersion) ?? ts.createSourceFile(file, text, languageVersion, true)
      );
    // Files that no run changes are parsed once for both programs.
    const known = parsed.get(file);
    if (known) return known;
    const source =
      shared(file, undefined, languageVersion) ??
      (file.startsWith(`${LIBRARY_FOLDER}/`)
        ? libraryFiles(options).get(file)
        : getSourceFile.call(host, file, languageVersion, onError));
    if (source) parsed.set(file, source);
    return source;
  };
  const cache = ts.createModuleResolutionCache(host.getCurrentDirectory(), (name) => name, options);
  const tool = path.join(toolRoot(), "connect-migrate.ts");
  host.resolveModuleNameLiterals = (literals, containing, redirected, compilerOptions, source) =>
    literals.map((literal) => {
      const mode = ts.getModeForUsageLocation(source, literal, compilerOptions);
      const found = ts.resolveModuleName(literal.text, containing, compilerOptions, host, cache, redirected, mode);
      if (found.resolvedModule) return found;
      const own = runtimeTypes(mode === ts.ModuleKind.ESNext ? "esm" : "cjs").get(literal.text);
      if (own !== undefined)
        return {
          resolvedModule: { resolvedFileName: own, extension: ts.Extension.Dts, isExternalLibraryImport: true },
        };
      if (!literal.text.startsWith("@bufbuild/protobuf")) return found;
      const modern = {
        ...compilerOptions,
        module: ts.ModuleKind.NodeNext,
        moduleResolution: ts.ModuleResolutionKind.NodeNext,
      };
      return ts.resolveModuleName(
        literal.text,
        tool,
        modern,
        host,
        undefined,
        undefined,
        mode ?? ts.ModuleKind.CommonJS,
      );
    });
  return host;
}

/**
 * May a program have a tree that analysis parsed? It may if it would parse the same; what kind of module package.json makes of
 * the file, which analysis does not ask, is put in.
 */
function fits(source: ts.SourceFile, wanted: ts.ScriptTarget | ts.CreateSourceFileOptions): boolean {
  if (typeof wanted !== "object") return true;
  const inner = source as ts.SourceFile & { externalModuleIndicator?: unknown };
  const { impliedNodeFormat } = inner;
  const indicator = inner.externalModuleIndicator;
  inner.impliedNodeFormat = wanted.impliedNodeFormat;
  wanted.setExternalModuleIndicator?.(source);
  const isModule = (value: unknown) => value !== undefined && value !== false;
  if (isModule(inner.externalModuleIndicator) === isModule(indicator)) return true;
  inner.externalModuleIndicator = indicator;
  inner.impliedNodeFormat = impliedNodeFormat;
  return false;
}

const LIBRARY_FOLDER = "/node_modules/typescript/lib";
const libraryCache = new Map<string, ReadonlyMap<string, ts.SourceFile>>();

/** TypeScript's own declarations (`Array`, `Promise`): ts-morph carries them in itself and not as files. */
function libraryFiles(options: ts.CompilerOptions): ReadonlyMap<string, ts.SourceFile> {
  const { lib, target } = options;
  const key = JSON.stringify([lib, target]);
  let files = libraryCache.get(key);
  if (!files) {
    const project = new Project({ useInMemoryFileSystem: true, compilerOptions: { lib, target } });
    project.createSourceFile("/empty.ts", "");
    const found = project.getProgram().compilerObject.getSourceFiles();
    files = new Map(
      found.filter((file) => file.fileName.startsWith(LIBRARY_FOLDER)).map((file) => [file.fileName, file]),
    );
    libraryCache.set(key, files);
  }
  return files;
}
