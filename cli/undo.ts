import path from "node:path";
import { openJournal } from "../codemods/project/journal.js";
import { projectRoot } from "../codemods/project/project-root.js";
import { undoLastWrite } from "../codemods/project/undo.js";
import type { Terminal } from "./migrate.js";
import { nameIn } from "./reports/report-files.js";

/** The command `undo`: puts back what the last run in this project wrote. Returns the exit code. */
export function undo(given: string | undefined, { cwd, stdout }: Terminal): number {
  const root = projectRoot([path.resolve(cwd, given ?? ".")], cwd);
  const journal = openJournal(root, "undo");
  journal.lock();
  try {
    const recovered = journal.recover();
    if (recovered !== "nothing") stdout.write(`A run that was killed is ${recovered}.\n`);
    const undone = undoLastWrite(journal);
    if (!undone) {
      stdout.write(`Nothing to undo in ${root}: no run of connect-migrate is on record.\n`);
      return 0;
    }
    for (const file of undone.restored) stdout.write(`restored ${nameIn(cwd, file)}\n`);
    for (const file of undone.removed) stdout.write(`removed  ${nameIn(cwd, file)}\n`);
    stdout.write(`\`${undone.command}\` of ${undone.time} is undone.\n`);
    return 0;
  } finally {
    journal.release();
  }
}
