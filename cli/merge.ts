import { exitCodeOf } from "./exit-code.js";
import type { Terminal } from "./migrate.js";
import { paintFor } from "./paint.js";
import { mergedShards } from "./reports/shard-report.js";
import { type ReportFlags, writeReports } from "./reports/write-reports.js";
import { summary } from "./summary.js";

/** The command `merge`: one report of the parts that `--shard` made. The exit code is that of the whole run. */
export function merge(names: readonly string[], flags: ReportFlags, { cwd, stdout, version }: Terminal): number {
  const { result, command } = mergedShards(names, cwd);
  stdout.write(summary(result, { cwd, isDryRun: true, verbose: false, command, paint: paintFor(stdout) }));
  writeReports(result, flags, { cwd, command, isDryRun: true, version, stdout });
  return exitCodeOf(result, true);
}
