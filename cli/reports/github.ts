import type { MigrationResult } from "../../codemods/index.js";
import { nameIn } from "./report-files.js";

/** Workflow commands of GitHub Actions, one line per finding: errors for failures, warnings for manual work, notices for bridges. */
export function githubAnnotations(result: MigrationResult, folder: string): string {
  const level = { failed: "error", manual: "warning", bridged: "notice" } as const;
  return result.findings
    .flatMap((finding) => {
      if (finding.outcome === "idiomatic") return [];
      const place = `file=${property(nameIn(folder, finding.file))},line=${finding.line},col=${finding.column}`;
      const text = `${finding.construct}: ${finding.reason?.text ?? finding.outcome}`;
      return [`::${level[finding.outcome]} ${place},title=${property(finding.rule)}::${data(text)}\n`];
    })
    .join("");
}

// Escapes of @actions/toolkit: command.ts
function data(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function property(text: string): string {
  return data(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}
