import path from "node:path";
import type { MigrationResult, PlacedFinding } from "../codemods/index.js";
import type { Paint } from "./paint.js";

const OUTCOMES = ["idiomatic", "bridged", "manual", "failed"] as const;
const MEANING = {
  idiomatic: "rewritten as Connect code",
  bridged: "kept in its old shape on a bridge",
  manual: "left for you",
  failed: "not rewritten because something went wrong",
} as const;

export interface SummaryOptions {
  readonly cwd: string;
  readonly isDryRun: boolean;
  readonly verbose: boolean;
  readonly command: string;
  readonly paint: Paint;
}

/** Every construct with its outcome, its place and its reason, then the counts. */
export function summary(result: MigrationResult, options: SummaryOptions): string {
  const { paint, cwd } = options;
  const name = (file: string) => path.relative(cwd, file).split(path.sep).join("/") || ".";
  const lines: string[] = [];
  const colour = { idiomatic: paint.green, bridged: paint.cyan, manual: paint.yellow, failed: paint.red };

  for (const outcome of OUTCOMES) {
    const found = result.findings.filter((finding) => finding.outcome === outcome);
    if (found.length === 0) continue;
    lines.push("", colour[outcome](`${outcome} (${found.length}): ${MEANING[outcome]}`));
    for (const [rule, group] of groupBy(found, (finding) => finding.rule)) {
      lines.push(`  ${paint.bold(rule)} (${group.length})`);
      const byReason = groupBy(group, (finding) => finding.reason?.text ?? "");
      for (const [reason, places] of byReason) {
        if (reason !== "") lines.push(`    ${reason}`);
        const indent = reason === "" ? "    " : "      ";
        for (const finding of places) {
          const place = `${name(finding.file)}:${finding.line}:${finding.column}`;
          lines.push(
            `${indent}${paint.dim(place)} ${finding.construct}${finding.rpc === null ? "" : paint.dim(` (${finding.rpc})`)}`,
          );
        }
      }
    }
  }
  for (const file of result.files)
    if (file.status === "failed") lines.push("", paint.red(`failed: ${name(file.path)}: ${file.error}`));
  if (result.extraFiles.length > 0) {
    lines.push("", options.isDryRun ? "Would also write:" : "Also written:");
    for (const file of result.extraFiles) lines.push(`  ${name(file.path)} (${extraText[file.why]})`);
  }
  if (options.verbose) {
    lines.push("", "Files:");
    for (const file of result.files) lines.push(`  ${file.status.padEnd(9)} ${name(file.path)}`);
  }
  if (result.notes.length > 0) {
    lines.push("", "Notes:");
    for (const note of result.notes) lines.push(`  ${note.replaceAll("\n", "\n  ")}`);
  }
  lines.push("", countLine(result, options));
  return `${lines.join("\n").trim()}\n`;
}

const extraText = {
  "package.json": "dependencies",
  generated: "generated code",
  vendor: "the packed runtime",
  "context keys": "keys of context values",
  compat: "what the official packages lack; yours from now on",
} as const;

function countLine(result: MigrationResult, { isDryRun, command }: SummaryOptions): string {
  const { idiomatic, bridged, manual, failed, filesChanged, filesScanned } = result.summary;
  const looked = `${filesScanned} source file${filesScanned === 1 ? "" : "s"} looked at, ${result.candidates} connected with grpc-js`;
  if (result.findings.length === 0 && filesChanged === 0 && result.files.every((file) => file.status !== "failed"))
    return `Nothing to migrate: ${looked}; no construct that \`${command}\` is about was found.`;
  const changed = isDryRun ? "would change" : "changed";
  return `${idiomatic} idiomatic, ${bridged} bridged, ${manual} manual, ${failed} failed; ${filesChanged} file${filesChanged === 1 ? "" : "s"} ${changed} (${looked}).`;
}

function groupBy(
  findings: readonly PlacedFinding[],
  keyOf: (finding: PlacedFinding) => string,
): Map<string, PlacedFinding[]> {
  const groups = new Map<string, PlacedFinding[]>();
  for (const finding of findings) groups.set(keyOf(finding), [...(groups.get(keyOf(finding)) ?? []), finding]);
  return groups;
}
