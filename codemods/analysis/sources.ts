import { Project, type SourceFile, ts } from "ts-morph";
import { runtimeTypes } from "../project/tool.js";
import type { CompilerConfig } from "./project.js";

/** The syntax trees of one run. A file whose text did not change keeps its tree from one analysis to the next. */
export interface Sources {
  /** The file with this text, or with the one on disk; undefined if it is not there. */
  load(file: string, text: string | undefined): SourceFile | undefined;
  /** The compiler's tree of a file with this text, if it was read for this configuration: sources, libraries, what packages declare. */
  parsed(config: CompilerConfig, file: string, text: string | undefined): ts.SourceFile | undefined;
}

export function createSources(configOf: (file: string) => CompilerConfig): Sources {
  const projects = new Map<CompilerConfig, Project>();
  const files = new Map<string, SourceFile>();
  // Code that an earlier pass made imports what the project may not have installed yet.
  const runtimePaths = Object.fromEntries([...runtimeTypes("cjs")].map(([name, types]) => [name, [types]]));
  const projectFor = (file: string): Project => {
    const config = configOf(file);
    let project = projects.get(config);
    if (!project) {
      project = new Project({
        compilerOptions: { ...config.options, allowJs: true, paths: { ...runtimePaths, ...config.options.paths } },
        skipAddingFilesFromTsConfig: true,
        skipFileDependencyResolution: true,
        skipLoadingLibFiles: false,
      });
      withoutJsDoc(project);
      projects.set(config, project);
    }
    return project;
  };
  return {
    load(file, text) {
      const known = files.get(file);
      if (known && (text === undefined || known.getFullText() === text)) return known;
      // A new object, not new content: what is remembered of the old one is not true of it.
      known?.forget();
      const project = projectFor(file);
      const source =
        text === undefined
          ? project.addSourceFileAtPathIfExists(file)
          : project.createSourceFile(file, text, { overwrite: true });
      if (source) files.set(file, source);
      return source;
    },
    parsed(config, file, text) {
      const project = projects.get(config);
      const own = files.get(file);
      const found =
        own && configOf(file) === config ? own.compilerNode : project?.getProgram().compilerObject.getSourceFile(file);
      return text === undefined || found?.text === text ? found : undefined;
    },
  };
}

/**
 * Parses TypeScript as `tsc` does: without trees of documentation comments, which are a third of the time that declaration files
 * take. ts-morph has no option for it; its registry of documents hands the target on to the parser, and there options may stand.
 */
function withoutJsDoc(project: Project): void {
  interface Registry {
    createOrUpdateSourceFile(file: string, options: ts.CompilerOptions, ...rest: unknown[]): ts.SourceFile;
  }
  const { _context } = project as unknown as { _context?: { compilerFactory?: { documentRegistry?: Registry } } };
  const registry = _context?.compilerFactory?.documentRegistry;
  if (!registry) return;
  const create = registry.createOrUpdateSourceFile.bind(registry);
  registry.createOrUpdateSourceFile = (file, options, ...rest) => {
    const parsing: ts.CreateSourceFileOptions = {
      languageVersion: options.target ?? ts.ScriptTarget.Latest,
      jsDocParsingMode: ts.JSDocParsingMode.ParseForTypeErrors,
    };
    return create(file, { ...options, target: parsing as unknown as ts.ScriptTarget }, ...rest);
  };
}
