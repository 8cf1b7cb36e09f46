import path from "node:path";
import type { MigrationResult } from "../../codemods/index.js";

/** The JSON report, schema version 1: members may be added, never renamed. */
export function jsonReport(result: MigrationResult, cwd: string): object {
  const name = (file: string) => path.relative(cwd, file).split(path.sep).join("/");
  const files = [
    ...result.files.map(({ path: file, status, error }) => ({ path: name(file), status, error })),
    ...result.extraFiles.map(({ path: file }) => ({ path: name(file), status: "changed", error: null })),
  ];
  return {
    schemaVersion: 1,
    summary: result.summary,
    files,
    findings: result.findings.map(({ rule, outcome, construct, reason, file, line, column, rpc }) => ({
      rule,
      outcome,
      construct,
      reason: reason && { code: reason.code, text: reason.text },
      file: name(file),
      line,
      column,
      rpc,
    })),
    notes: result.notes,
  };
}
