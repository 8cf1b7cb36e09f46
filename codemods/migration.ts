import type { FactBase } from "./analysis/facts.js";
import type { AnalysisProject } from "./analysis/project.js";
import type { Finding } from "./shared/finding.js";
import type { MessagesMode, Rule, Target } from "./shared/rule.js";

export type Side = "services" | "clients";

export interface MigrationOptions {
  readonly cwd: string;
  /** Files and folders, absolute or relative to `cwd`. */
  readonly paths: readonly string[];
  /** The folder of the project, absolute; default: the one that the paths are in. A part of a run is of the run's project. */
  readonly root?: string;
  readonly side: Side;
  readonly target: Target;
  readonly messages: MessagesMode;
  readonly runtime: "vendor" | "npm";
  /** Instead of the rules and facts of `side`: one rule alone, with its facts. */
  readonly only?: {
    readonly rules: readonly Rule[];
    readonly collect?: (project: AnalysisProject) => FactBase[];
  };
  /** Absolute paths of files that this run may not change, although they lie below `paths`. */
  readonly exclude?: readonly string[];
  /** An estimate: the result is not checked with the compiler. */
  readonly isDraft?: boolean;
  /** Asked before anything is made of the changes, which of them are wanted. */
  readonly review?: (changes: readonly Change[]) => Promise<readonly Choice[]>;
  /** Told what is being done, and which share of the run, from 0 to 1, lies behind. */
  readonly onProgress?: (what: string, share: number) => void;
}

export interface Change {
  /** Absolute. */
  readonly path: string;
  readonly before: string;
  readonly after: string;
}

/** What is wanted of a change. */
export interface Choice {
  readonly path: string;
  readonly text: string;
  /** Lines of the old text, from and to, counted from 1, whose changes are left out. */
  readonly left: readonly (readonly [from: number, to: number])[];
}

/** A finding with its place in the file, counted from 1. */
export interface PlacedFinding extends Finding {
  readonly line: number;
  readonly column: number;
}

export type FileStatus = "changed" | "unchanged" | "failed";

export interface MigratedFile {
  /** Absolute. */
  readonly path: string;
  readonly status: FileStatus;
  readonly error: string | null;
  readonly before: string | null;
  readonly after: string | null;
}

export interface ExtraFile {
  readonly path: string;
  readonly content: string | Uint8Array;
  readonly before: string | null;
  readonly why: "package.json" | "generated" | "vendor" | "context keys" | "compat";
}

export interface MigrationSummary {
  readonly idiomatic: number;
  readonly bridged: number;
  readonly manual: number;
  readonly failed: number;
  readonly filesChanged: number;
  readonly filesScanned: number;
}

/** How many findings of each outcome there are. */
export function summaryOf(findings: readonly Finding[], filesChanged: number, filesScanned: number): MigrationSummary {
  const count = (outcome: Finding["outcome"]) => findings.filter((finding) => finding.outcome === outcome).length;
  return {
    idiomatic: count("idiomatic"),
    bridged: count("bridged"),
    manual: count("manual"),
    failed: count("failed"),
    filesChanged,
    filesScanned,
  };
}

/** What a run would do, as a value: nothing is written by making it. */
export interface MigrationResult {
  readonly root: string;
  readonly files: readonly MigratedFile[];
  readonly findings: readonly PlacedFinding[];
  readonly summary: MigrationSummary;
  readonly extraFiles: readonly ExtraFile[];
  /** What the user should know about the run as a whole. */
  readonly notes: readonly string[];
  /** How many of the scanned files use grpc or are connected to one that does. */
  readonly candidates: number;
  readonly withMark: ReadonlySet<string>;
}
