import path from "node:path";
import type { MigrationResult } from "../../codemods/index.js";

/** One file that a run writes, as reports show it. */
export interface ReportFile {
  /** Relative to the folder of the report, with `/`. */
  readonly name: string;
  /** null: the file is new. */
  readonly before: string | Uint8Array | null;
  readonly after: string | Uint8Array;
  /** Generated code and packed files: named in reports for people, shown in patches only. */
  readonly isMachineMade: boolean;
}

export function nameIn(folder: string, file: string): string {
  return path.relative(folder, file).split(path.sep).join("/");
}

/** Everything that a run writes, sources first; texts with their byte order marks. */
export function reportFiles(result: MigrationResult, folder: string): ReportFile[] {
  const files: ReportFile[] = [];
  for (const file of result.files) {
    if (file.status !== "changed" || file.after === null) continue;
    const mark = result.withMark.has(file.path) ? "\uFEFF" : "";
    files.push({
      name: nameIn(folder, file.path),
      before: file.before === null ? null : mark + file.before,
      after: mark + file.after,
      isMachineMade: false,
    });
  }
  for (const { path: file, before, content, why } of result.extraFiles)
    files.push({
      name: nameIn(folder, file),
      before,
      after: content,
      isMachineMade: why === "generated" || why === "vendor",
    });
  return files;
}
