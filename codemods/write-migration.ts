import type { MigrationResult } from "./migration.js";
import type { Journal } from "./project/journal.js";
import { type FileToWrite, writeAll } from "./project/write.js";

/** Writes a result, everything or nothing. Throws {@link WriteError} with nothing written. */
export function writeMigration(result: MigrationResult, journal?: Journal): void {
  const files: FileToWrite[] = [];
  for (const file of result.files) {
    if (file.status !== "changed" || file.after === null) continue;
    const mark = result.withMark.has(file.path) ? "\uFEFF" : "";
    files.push({ path: file.path, content: mark + file.after, expected: file.before });
  }
  for (const file of result.extraFiles)
    files.push({ path: file.path, content: file.content, expected: file.before ?? undefined });
  if (files.length > 0) writeAll(files, journal);
}
