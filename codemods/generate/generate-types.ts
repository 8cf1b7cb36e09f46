import type { ts } from "ts-morph";
import type { GeneratedLayout, ProtoRegistry } from "./proto-registry.js";

/** A source file of the project, as discovery looks at it. */
export interface SourceText {
  /** Absolute. */
  readonly path: string;
  readonly text: string;
  /** The compiler's tree, where the run has one anyway. */
  readonly tree?: () => ts.SourceFile | undefined;
}

/** One .proto file of the project, or of a package that the project's protos import from. */
export interface ProtoFile {
  /** Absolute. */
  readonly path: string;
  /** How other protos import it, and where its generated code goes: `shop/v1/shop.proto`. */
  readonly name: string;
  /** Absolute import root: `path` is `root/name`. */
  readonly root: string;
  /** Something in the project names it (a loadSync call, a script, an import of a proto that is named). */
  readonly referenced: boolean;
  /** Found in node_modules. */
  readonly dependency: boolean;
}

/** The .proto files of a project and what led to them. */
export interface ProtoDiscovery {
  readonly files: readonly ProtoFile[];
  /** Absolute import roots, without duplicates. */
  readonly roots: readonly string[];
  /** What a person should know: left-out copies, unresolvable imports, paths that are not constant. */
  readonly notes: readonly string[];
  /** Files that are left out because another one says the same: absolute path -> import path of the one that counts. */
  readonly copies: ReadonlyMap<string, string>;
  /** Full name of what a left-out file declares with other text -> the absolute paths of such files. */
  readonly rivals: ReadonlyMap<string, readonly string[]>;
  /** Absolute path of a proto -> its imports as written -> the import path of the file that is meant. */
  readonly imports: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

export type Language = "ts" | "js";
export type ModuleSystem = "esm" | "cjs";

/** What protoc-gen-es is asked for. */
export interface GeneratePlan {
  readonly root: string;
  readonly language: Language;
  readonly moduleSystem: ModuleSystem;
  readonly layout: GeneratedLayout;
  /** Options of protoc-gen-es: `target=ts`, `import_extension=js`, …. */
  readonly options: readonly string[];
  /** buf.gen.yaml and buf.yaml, with their new text, where they change or are new. */
  readonly configFiles: readonly PlannedFile[];
  /** `buf generate` alone makes all of the code again. */
  readonly isForBuf: boolean;
  readonly notes: readonly string[];
}

export interface PlannedFile {
  /** Absolute. */
  readonly path: string;
  readonly content: string;
  readonly status: "created" | "updated" | "unchanged";
}

/** A .proto file that buf rejects, or buf itself not running. Its text is buf's, with the project's own paths. */
export interface GenerateFailure {
  readonly kind: "proto-invalid" | "buf-missing" | "buf-failed" | "path-missing";
  readonly text: string;
  /** Full name -> what is wrong with the .proto file that declares it. */
  readonly faults?: ReadonlyMap<string, string>;
}

export interface GenerateResult {
  /** `generated`: see files. `no-protos`: nothing to do. `failed`: nothing was written. */
  readonly status: "generated" | "no-protos" | "failed";
  readonly plan: GeneratePlan | null;
  /** Generated code and configuration. Written only when asked to write. */
  readonly files: readonly PlannedFile[];
  readonly discovery: ProtoDiscovery;
  /** Null unless the status is `generated`. */
  readonly registry: ProtoRegistry | null;
  readonly failure: GenerateFailure | null;
  readonly notes: readonly string[];
}

export interface GenerateOptions {
  /** The project, or the folder of it that has generated code of its own; absolute. */
  readonly root: string;
  /** The project, where the folder is a part of it. */
  readonly project?: string;
  /** Absolute folders below it that have generated code of their own. */
  readonly without?: readonly string[];
  /** Where the code goes, absolute or relative to `root`. Default: as an existing buf.gen.yaml says, else src/gen or gen. */
  readonly out?: string;
  readonly language?: Language;
  readonly moduleSystem?: ModuleSystem;
  /** Default: every JavaScript and TypeScript file of the project that mentions a proto. */
  readonly sources?: readonly SourceText[];
  /** False: nothing is written, the result says what would be. */
  readonly write: boolean;
}
