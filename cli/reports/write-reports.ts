import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { MigrationResult } from "../../codemods/index.js";
import type { Shard } from "../shards.js";
import { githubAnnotations } from "./github.js";
import { htmlReport } from "./html.js";
import { jsonReport } from "./json.js";
import { markdownReport } from "./markdown.js";
import { patchOf } from "./patch.js";
import { reportFiles } from "./report-files.js";
import { sarifReport } from "./sarif.js";
import { shardReport } from "./shard-report.js";

/** Files that a user asked for, by format; relative to the working folder. */
export interface ReportFlags {
  readonly json?: string;
  readonly patch?: string;
  readonly markdown?: string;
  readonly html?: string;
  readonly sarif?: string;
  /** Workflow commands of GitHub Actions on stdout. */
  readonly github?: boolean;
}

export interface ReportContext {
  readonly cwd: string;
  readonly command: string;
  readonly isDryRun: boolean;
  readonly version: string;
  readonly stdout: { write(text: string): unknown };
  /** The run is one part of several. */
  readonly shard?: Shard;
}

/** Writes every report that was asked for, each from the same result. */
export function writeReports(result: MigrationResult, flags: ReportFlags, context: ReportContext): void {
  const { cwd } = context;
  const files = reportFiles(result, cwd);
  const write = (file: string | undefined, text: () => string) => {
    if (file === undefined) return;
    const place = path.resolve(cwd, file);
    mkdirSync(path.dirname(place), { recursive: true });
    writeFileSync(place, text());
  };
  const { shard } = context;
  const json = () => (shard ? shardReport(result, cwd, { ...context, shard }) : jsonReport(result, cwd));
  write(flags.json, () => `${JSON.stringify(json(), null, 2)}\n`);
  write(flags.patch, () => patchOf(files));
  write(flags.markdown, () => markdownReport(result, files, cwd, context));
  write(flags.html, () => htmlReport(result, files, cwd, context));
  write(flags.sarif, () => `${JSON.stringify(sarifReport(result, files, cwd, context), null, 2)}\n`);
  if (flags.github === true) context.stdout.write(githubAnnotations(result, cwd));
}
