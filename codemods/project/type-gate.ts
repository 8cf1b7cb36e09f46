import path from "node:path";
import { Project, ts } from "ts-morph";
import { type CompilerConfig, createConfigFinder } from "../analysis/project.js";
import { runtimePackage, toolRoot } from "./tool.js";

/** A type or syntax error that the new texts have and the old ones had not. */
export interface NewError {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** `TS2345 Argument of type …`. */
  readonly message: string;
}

export interface TypeGateInput {
  readonly root: string;
  /** Files whose errors count: the project's own sources, absolute. */
  readonly files: readonly string[];
  readonly before: ReadonlyMap<string, string>;
  /** Changed and newly generated files. */
  readonly after: ReadonlyMap<string, string>;
}

/**
 * Compares what the compiler says about a project before and after. Nothing needs to be written or installed: changed and
 * generated files are laid over the disk, and the runtime's types are this tool's own where the project has none.
 */
export function newTypeErrors(input: TypeGateInput): NewError[] {
  const finder = createConfigFinder(input.root);
  const groups = new Map<CompilerConfig, string[]>();
  for (const file of input.files) {
    const config = finder.configOf(file);
    groups.set(config, [...(groups.get(config) ?? []), file]);
  }
  const errors: NewError[] = [];
  for (const [config, files] of groups) {
    if (!files.some((file) => input.after.has(file))) continue;
    const isTyped = files.some((file) => /\.[cm]?tsx?$/.test(file)) || config.options.checkJs === true;
    if (!isTyped && !files.some((file) => hasCheckComment(input.after.get(file)))) {
      errors.push(...syntaxErrors(files, input.after));
      continue;
    }
    errors.push(...compare(config, files, input));
  }
  return errors;
}

function hasCheckComment(text: string | undefined): boolean {
  return text !== undefined && /^\s*\/\/\s*@ts-check/m.test(text.slice(0, 500));
}

function syntaxErrors(files: readonly string[], after: ReadonlyMap<string, string>): NewError[] {
  return files.flatMap((file) => {
    const text = after.get(file);
    if (text === undefined) return [];
    const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
    // Not part of the public interface, but there since TypeScript 1: the parser's own errors of one file.
    const found = (source as unknown as { parseDiagnostics?: readonly ts.Diagnostic[] }).parseDiagnostics ?? [];
    return found.map((diagnostic) => described(file, text, diagnostic));
  });
}

function compare(config: CompilerConfig, files: readonly string[], input: TypeGateInput): NewError[] {
  const options: ts.CompilerOptions = { ...config.options, noEmit: true, skipLibCheck: true, allowJs: true };
  if (config.options.checkJs !== true) options.checkJs = false;
  // Analysis may do without the packages' types; a check may not.
  options.noResolve = false;
  const parsed = new Map<string, ts.SourceFile>();
  const before = diagnosticsOf(
    files.filter((file) => input.before.has(file)),
    options,
    input.before,
    parsed,
  );
  const after = diagnosticsOf(files, options, new Map([...input.before, ...input.after]), parsed);
  const known = new Map<string, number>();
  for (const error of before)
    known.set(`${error.file}: ${error.message}`, (known.get(`${error.file}: ${error.message}`) ?? 0) + 1);
  return after.filter((error) => {
    const key = `${error.file}: ${error.message}`;
    const left = known.get(key) ?? 0;
    known.set(key, left - 1);
    return left <= 0;
  });
}

function diagnosticsOf(
  files: readonly string[],
  options: ts.CompilerOptions,
  texts: ReadonlyMap<string, string>,
  parsed: Map<string, ts.SourceFile>,
): NewError[] {
  const host = overlayHost(options, texts, parsed);
  const program = ts.createProgram([...files], options, host);
  return files.flatMap((file) => {
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
    message: `TS${diagnostic.code} ${ts.flattenDiagnosticMessageText(diagnostic.messageText, " ")}`,
  };
}

function overlayHost(
  options: ts.CompilerOptions,
  texts: ReadonlyMap<string, string>,
  parsed: Map<string, ts.SourceFile>,
): ts.CompilerHost {
  const host = ts.createCompilerHost(options, true);
  const folders = new Set<string>();
  for (const file of texts.keys())
    for (let folder = path.dirname(file); !folders.has(folder); folder = path.dirname(folder)) folders.add(folder);
  const { fileExists, readFile, directoryExists, getSourceFile } = host;
  const libraries = libraryFiles(options);
  host.getDefaultLibLocation = () => LIBRARY_FOLDER;
  host.getDefaultLibFileName = (given) => `${LIBRARY_FOLDER}/${ts.getDefaultLibFileName(given)}`;
  host.fileExists = (file) => texts.has(path.resolve(file)) || libraries.has(file) || fileExists.call(host, file);
  host.readFile = (file) => texts.get(path.resolve(file)) ?? readFile.call(host, file);
  host.directoryExists = (folder) =>
    folders.has(path.resolve(folder)) || (directoryExists?.call(host, folder) ?? false);
  host.getSourceFile = (file, languageVersion, onError) => {
    const text = texts.get(path.resolve(file));
    if (text !== undefined) return ts.createSourceFile(file, text, languageVersion, true);
    // Files that no run changes are parsed once for both programs.
    const known = parsed.get(file);
    if (known) return known;
    const library = libraries.get(file);
    if (library) return library;
    const source = getSourceFile.call(host, file, languageVersion, onError);
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
      const own = ownTypes(literal.text, mode);
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

/** The runtime's declaration file for a specifier of it. */
function ownTypes(specifier: string, mode: ts.ResolutionMode): string | undefined {
  const match = /^@connect-migrate\/runtime(?:\/(node|grpc-js|health|reflection))?$/.exec(specifier);
  if (!match) return undefined;
  const build = mode === ts.ModuleKind.ESNext ? "esm" : "cjs";
  return path.join(runtimePackage().folder, "dist", build, match[1] ?? "", "index.d.ts");
}
