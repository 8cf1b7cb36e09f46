import type { MigrationResult } from "../codemods/index.js";

/** 1 failure, then 2 a dry run that would change something, then 3 manual work, otherwise 0. */
export function exitCodeOf(result: MigrationResult, isDryRun: boolean): 0 | 1 | 2 | 3 {
  if (result.summary.failed > 0 || result.files.some((file) => file.status === "failed")) return 1;
  if (isDryRun && (result.summary.filesChanged > 0 || result.extraFiles.length > 0)) return 2;
  return result.summary.manual > 0 ? 3 : 0;
}

export const EXIT_CODES = `
Exit codes:
  0  nothing is left to do: there was nothing to migrate, or everything was migrated
  1  a failure: bad arguments, a file that does not parse, a result that did not pass the checks (other files are done)
  2  --dry-run: something would change
  3  done as far as possible, and manual work remains (every place is listed with its reason)
1 wins over 2, and 2 over 3.`;
