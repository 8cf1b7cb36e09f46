import { existsSync, readFileSync } from "node:fs";
import { digest, type Journal, removeFolders } from "./journal.js";
import { writeAll } from "./write.js";
import { WriteError } from "./write-error.js";

/** What was put back. */
export interface Undone {
  readonly command: string;
  /** When it had been written, ISO 8601. */
  readonly time: string;
  readonly restored: readonly string[];
  readonly removed: readonly string[];
}

/**
 * Puts back what the last run replaced, all or nothing; undefined if there is nothing to undo. Throws {@link WriteError} if a
 * file is no longer what that run wrote.
 */
export function undoLastWrite(journal: Journal): Undone | undefined {
  const record = journal.undoRecord();
  if (!record) return undefined;
  const changed = record.entries.filter(
    ({ path, written }) => (existsSync(path) ? digest(readFileSync(path)) : null) !== written,
  );
  if (changed.length > 0)
    throw new WriteError(
      `Nothing was undone: ${changed.map(({ path }) => path).join(", ")} changed since \`${record.command}\` wrote it at ${record.time}. Put it back with git, or undo by hand.`,
    );
  const restored = record.entries.filter(({ old }) => old !== null);
  const removed = record.entries.filter(({ old }) => old === null);
  writeAll(
    [
      ...restored.map(({ path, old }) => ({ path, content: Buffer.from(old ?? "", "base64") })),
      ...removed.map(({ path }) => ({ path, content: null })),
    ],
    journal,
  );
  removeFolders(record.folders);
  journal.forgetUndo();
  return {
    command: record.command,
    time: record.time,
    restored: restored.map(({ path }) => path),
    removed: removed.map(({ path }) => path),
  };
}
