import path from "node:path";
import type { ConfigFinder, StatusKept } from "./analysis/project.js";
import type { Sources } from "./analysis/sources.js";
import type { CodeHome, GenerateResult } from "./generate/index.js";
import type { KeptCalls } from "./kept-calls.js";
import type { KeptHandlers } from "./kept-handlers.js";
import type { MigrationOptions } from "./migration.js";
import type { Discovery } from "./project/discover.js";
import type { Finding } from "./shared/finding.js";
import { reason } from "./shared/reasons.js";

/** How much of a run lies behind when a stage begins: measured, and good for an estimate only. */
export const SHARES = { protos: 0.08, analysis: 0.15, secondPass: 0.65, gate: 0.8 };

/** What every stage of a run is given. */
export interface Run {
  readonly options: MigrationOptions;
  readonly discovery: Discovery;
  readonly parts: readonly Part[];
  /** Code that would be generated, by absolute path. */
  readonly generatedTexts: ReadonlyMap<string, string>;
  /** Files that stay as they are, and why. */
  readonly failures: Map<string, Failure>;
  /** Files that stay because the target lacks what they would need, with what is said of them. */
  readonly lacking: Map<string, readonly Finding[]>;
  /** Services and clients whose messages stay as they are, because native ones did not pass the gate: with the reason. */
  readonly kept: Map<string, string>;
  /** By file: handlers that stay in their old shape, because the new one did not pass the gate. */
  readonly keptHandlers: Map<string, KeptHandlers>;
  /** By file: calls of clients that keep their old shape, because the new one did not pass the gate. */
  readonly keptCalls: Map<string, KeptCalls>;
  /** Files whose codes keep grpc-js's type, because `Code` did not pass the gate. */
  readonly keptStatus: Map<string, StatusKept>;
  readonly progress: (what: string, share: number) => void;
  /** What is read once and serves every analysis and check. */
  readonly read: { readonly configs: ConfigFinder; readonly sources: Sources };
}

/** Files that are analysed together, with the one folder of generated code that they use. */
export interface Part {
  readonly home: CodeHome;
  readonly generated: GenerateResult;
}

/** Why a file stays as it is. */
export interface Failure {
  readonly error: string;
  readonly finding: Finding;
  /** Where the compiler found something in the file's new text: lines, from 1. */
  readonly lines?: readonly number[];
}

/** A file that stays as it is, and what is said of it; `offset` is a place in its text. */
export function failureAt(file: string, error: string, why: Finding["reason"], offset = 0): Failure {
  return {
    error,
    finding: {
      rule: "project/gate",
      outcome: "failed",
      construct: path.basename(file),
      reason: why ?? reason("gate-failed", error),
      file,
      start: offset,
      end: offset,
      rpc: null,
    },
  };
}

/** With CONNECT_MIGRATE_DEBUG=1 a text has the stack of what went wrong. */
export function debug(error: unknown, text: string): string {
  return process.env.CONNECT_MIGRATE_DEBUG ? `${text}\n${(error as Error).stack}` : text;
}
