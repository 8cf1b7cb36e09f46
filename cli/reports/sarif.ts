import type { MigrationResult, PlacedFinding } from "../../codemods/index.js";
import { nameIn, type ReportFile } from "./report-files.js";

const GUIDE = "https://github.com/connect-migrate/connect-migrate/blob/main/MIGRATION.md";
const LEVEL = { failed: "error", manual: "warning", bridged: "note", idiomatic: "none" } as const;
const KIND = { failed: "fail", manual: "fail", bridged: "informational", idiomatic: "pass" } as const;

/**
 * SARIF 2.1.0 (OASIS): one result per finding. The first finding of a file that a dry run would change carries the file's
 * edits as a fix, because edits of one file only hold together.
 */
export function sarifReport(
  result: MigrationResult,
  files: readonly ReportFile[],
  folder: string,
  { version, isDryRun }: { readonly version: string; readonly isDryRun: boolean },
): object {
  const rules = [...new Set(result.findings.map((finding) => finding.rule))].sort();
  const changed = new Map(files.filter((file) => !file.isMachineMade).map((file) => [file.name, file]));
  const results = result.findings.map((finding) => {
    const name = nameIn(folder, finding.file);
    const file = isDryRun ? changed.get(name) : undefined;
    changed.delete(name);
    return {
      ruleId: finding.rule,
      ruleIndex: rules.indexOf(finding.rule),
      kind: KIND[finding.outcome],
      level: LEVEL[finding.outcome],
      message: { text: textOf(finding) },
      locations: [
        {
          physicalLocation: {
            artifactLocation: { uri: encodeURI(name), uriBaseId: "SRCROOT" },
            region: { startLine: finding.line, startColumn: finding.column },
          },
        },
      ],
      partialFingerprints: { "connectMigrate/v1": `${finding.rule}:${name}:${finding.construct}` },
      properties: { outcome: finding.outcome, rpc: finding.rpc },
      ...(file && typeof file.before === "string" && typeof file.after === "string"
        ? { fixes: [fixOf(name, file.before, file.after)] }
        : {}),
    };
  });
  return {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: {
            name: "connect-migrate",
            version,
            informationUri: GUIDE,
            rules: rules.map((id) => ({
              id,
              helpUri: `${GUIDE}#${id.toLowerCase().replace(/[^\w-]/g, "")}`,
              shortDescription: { text: id },
            })),
          },
        },
        columnKind: "utf16CodeUnits",
        originalUriBaseIds: { SRCROOT: { description: { text: "the folder in which connect-migrate ran" } } },
        results,
      },
    ],
  };
}

function textOf(finding: PlacedFinding): string {
  const why = finding.reason === null ? "" : `: ${finding.reason.text}`;
  return `${finding.construct} (${finding.outcome})${why}`;
}

/** The lines that change, as replacements of whole lines. */
function fixOf(name: string, before: string, after: string): object {
  const [old, made] = [before.split("\n"), after.split("\n")];
  let head = 0;
  while (head < old.length && head < made.length && old[head] === made[head]) head++;
  let tail = 0;
  while (tail < old.length - head && tail < made.length - head && old.at(-1 - tail) === made.at(-1 - tail)) tail++;
  const isToEnd = tail === 0;
  const text = made.slice(head, made.length - tail).join("\n");
  const deletedRegion = isToEnd
    ? { startLine: head + 1, startColumn: 1, endLine: old.length, endColumn: (old.at(-1) ?? "").length + 1 }
    : { startLine: head + 1, startColumn: 1, endLine: old.length - tail + 1, endColumn: 1 };
  return {
    description: { text: "What connect-migrate makes of this file" },
    artifactChanges: [
      {
        artifactLocation: { uri: encodeURI(name), uriBaseId: "SRCROOT" },
        replacements: [{ deletedRegion, insertedContent: { text: isToEnd || text === "" ? text : `${text}\n` } }],
      },
    ],
  };
}
