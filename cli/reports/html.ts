import { structuredPatch } from "diff";
import type { MigrationResult } from "../../codemods/index.js";
import { pageScript, pageStyle } from "./html-page.js";
import { nameIn, type ReportFile } from "./report-files.js";

/** One line of a side-by-side diff: numbers count from 1; null where a side has no line. */
type Row = readonly [oldNumber: number | null, old: string | null, newNumber: number | null, made: string | null];

/** One self-contained page: summary, findings with filters, side-by-side diffs. Works from a file, without a network. */
export function htmlReport(
  result: MigrationResult,
  files: readonly ReportFile[],
  folder: string,
  { command, isDryRun, version }: { readonly command: string; readonly isDryRun: boolean; readonly version: string },
): string {
  const data = {
    command,
    isDryRun,
    version,
    summary: result.summary,
    notes: result.notes,
    findings: result.findings.map((finding) => ({
      rule: finding.rule,
      outcome: finding.outcome,
      construct: finding.construct,
      reason: finding.reason?.text ?? null,
      file: nameIn(folder, finding.file),
      line: finding.line,
      column: finding.column,
    })),
    files: files
      .filter((file) => !file.isMachineMade)
      .map((file) => ({ name: file.name, hunks: hunksOf(String(file.before ?? ""), String(file.after)) })),
    machineMade: files.filter((file) => file.isMachineMade).map((file) => file.name),
  };
  // Inside of <script> nothing may look like the end of it.
  const json = JSON.stringify(data)
    .replaceAll("<", "\\u003c")
    .replaceAll("\u2028", "\\u2028")
    .replaceAll("\u2029", "\\u2029");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>connect-migrate ${command}</title>
<style>${pageStyle}</style>
</head>
<body>
<noscript>This report needs JavaScript; the JSON report has the same content.</noscript>
<main id="report"></main>
<script type="application/json" id="data">${json}</script>
<script>${pageScript}</script>
</body>
</html>
`;
}

function hunksOf(before: string, after: string): { readonly rows: Row[] }[] {
  const { hunks } = structuredPatch("a", "b", before, after, undefined, undefined, { context: 4 });
  return hunks.map(({ oldStart, newStart, lines }) => {
    const rows: Row[] = [];
    let [oldNumber, newNumber] = [oldStart, newStart];
    const removed: string[] = [];
    const added: string[] = [];
    const flush = () => {
      for (let i = 0; i < Math.max(removed.length, added.length); i++)
        rows.push([
          i < removed.length ? oldNumber++ : null,
          removed[i] ?? null,
          i < added.length ? newNumber++ : null,
          added[i] ?? null,
        ]);
      removed.length = 0;
      added.length = 0;
    };
    for (const line of lines) {
      const text = line.slice(1).replace(/\r$/, "");
      if (line.startsWith("-")) removed.push(text);
      else if (line.startsWith("+")) added.push(text);
      else if (line.startsWith(" ")) {
        flush();
        rows.push([oldNumber++, text, newNumber++, text]);
      }
    }
    flush();
    return { rows };
  });
}
