import { createTwoFilesPatch } from "diff";
import type { MigrationResult, PlacedFinding } from "../../codemods/index.js";
import { nameIn, type ReportFile } from "./report-files.js";

/** What a comment on GitHub holds, in characters. */
export const COMMENT_LIMIT = 65_536;

export interface MarkdownOptions {
  readonly command: string;
  readonly isDryRun: boolean;
  /** Characters; default {@link COMMENT_LIMIT}. */
  readonly limit?: number;
}

/**
 * A report for a comment on a pull request: the summary first, then what is left for people, then the diff of each file. What
 * does not fit the limit is left out from the end, and the last line says how much that was.
 */
export function markdownReport(
  result: MigrationResult,
  files: readonly ReportFile[],
  folder: string,
  { command, isDryRun, limit = COMMENT_LIMIT }: MarkdownOptions,
): string {
  const { idiomatic, bridged, manual, failed, filesChanged } = result.summary;
  const verb = isDryRun ? "would change" : "changed";
  const head = [
    `### connect-migrate ${command}`,
    "",
    `**${filesChanged} file${filesChanged === 1 ? "" : "s"} ${verb}**`,
    "",
    "| idiomatic | bridged | manual | failed |",
    "| --: | --: | --: | --: |",
    `| ${idiomatic} | ${bridged} | ${manual} | ${failed} |`,
    "",
  ].join("\n");
  const sections = [...findingSections(result, folder), ...result.notes.map((note) => `> ${inline(note)}\n`)];
  for (const file of files) if (!file.isMachineMade) sections.push(diffSection(file));
  const machineMade = files.filter((file) => file.isMachineMade);
  if (machineMade.length > 0)
    sections.push(
      details(`${machineMade.length} files made by tools`, machineMade.map(({ name }) => `- ${code(name)}`).join("\n")),
    );

  const room = limit - 120;
  let text = head;
  let left = 0;
  for (const section of sections) {
    if (left === 0 && text.length + section.length + 1 <= room) text += `${section}\n`;
    else left++;
  }
  if (left > 0)
    text += `\n_${left} more section${left === 1 ? " does" : "s do"} not fit a comment: see the whole report of the job._\n`;
  return text;
}

function findingSections(result: MigrationResult, folder: string): string[] {
  const sections: string[] = [];
  const texts = { failed: "Failed", manual: "Left for you", bridged: "Bridged", idiomatic: "Rewritten" } as const;
  for (const outcome of ["failed", "manual", "bridged", "idiomatic"] as const) {
    const found = result.findings.filter((finding) => finding.outcome === outcome);
    if (found.length === 0) continue;
    const byReason = new Map<string, PlacedFinding[]>();
    for (const finding of found) {
      const key = outcome === "idiomatic" ? finding.rule : (finding.reason?.text ?? finding.rule);
      byReason.set(key, [...(byReason.get(key) ?? []), finding]);
    }
    const lines = [...byReason].map(([reason, places]) => {
      const list = places.map(
        (finding) => `${code(`${nameIn(folder, finding.file)}:${finding.line}`)} ${code(finding.construct)}`,
      );
      return `- ${outcome === "idiomatic" ? code(reason) : inline(reason)}\n${list.map((item) => `  - ${item}`).join("\n")}`;
    });
    sections.push(
      details(`${texts[outcome]} (${found.length})`, lines.join("\n"), outcome === "failed" || outcome === "manual"),
    );
  }
  return sections;
}

function diffSection({ name, before, after }: ReportFile): string {
  const patch = createTwoFilesPatch("a", "b", String(before ?? ""), String(after), undefined, undefined, {
    context: 3,
  });
  const hunks = patch.slice(patch.indexOf("@@ "));
  const fence = "`".repeat(Math.max(3, ...[...hunks.matchAll(/`+/g)].map(([run]) => run.length + 1)));
  return details(code(name, true), `${fence}diff\n${hunks.replaceAll("\r\n", "\n")}${fence}`);
}

function details(title: string, body: string, isOpen = false): string {
  return `<details${isOpen ? " open" : ""}><summary>${title}</summary>\n\n${body}\n\n</details>`;
}

/** A code span that no content can end; as HTML inside of `<summary>`. */
function code(text: string, asHtml = false): string {
  const line = text.replace(/\s+/g, " ");
  if (asHtml) return `<code>${escaped(line)}</code>`;
  const longest = Math.max(0, ...[...line.matchAll(/`+/g)].map(([run]) => run.length));
  const ticks = "`".repeat(longest + 1);
  return longest === 0 ? `\`${line}\`` : `${ticks} ${line} ${ticks}`;
}

/** Text in which nothing is markup, a mention or a reference. */
function inline(text: string): string {
  return escaped(text.replace(/\s+/g, " ")).replace(/[\\`*_{}[\]()#+!|~@]/g, (mark) => `&#${mark.charCodeAt(0)};`);
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
