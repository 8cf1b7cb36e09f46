import path from "node:path";
import { planFinish } from "../codemods/project/finish.js";
import { openJournal } from "../codemods/project/journal.js";
import { projectRoot } from "../codemods/project/project-root.js";
import { takeUsage } from "../codemods/project/usage.js";
import { writeAll } from "../codemods/project/write.js";
import { assertPaths, type Terminal } from "./migrate.js";
import { nameIn } from "./reports/report-files.js";

export interface FinishFlags {
  readonly dryRun?: boolean;
}

/**
 * The command `finish`: when nothing of grpc-js is left in the sources, its packages and generator scripts go. Exit code 3 with
 * the list of what is left otherwise; nothing is written then.
 */
export async function finish(given: readonly string[], flags: FinishFlags, terminal: Terminal): Promise<number> {
  const { cwd, stdout } = terminal;
  const paths = given.length === 0 ? ["."] : given;
  assertPaths(paths, cwd);
  const usage = await takeUsage({ cwd, paths });
  const left: string[] = [];
  for (const { path: file, message } of usage.broken) left.push(`${nameIn(cwd, file)}:${message}`);
  for (const file of usage.files) {
    const name = nameIn(cwd, file.path);
    for (const { construct, line } of file.uses) left.push(`${name}:${line}: ${construct}`);
    for (const { rule, line } of file.todos) left.push(`${name}:${line}: TODO(connect-migrate/${rule})`);
    for (const bridge of file.bridges) left.push(`${name}: the bridge ${bridge}`);
  }
  if (left.length > 0) {
    stdout.write(`Not finished: ${left.length} left.\n${left.map((line) => `  ${line}\n`).join("")}`);
    stdout.write(
      "Nothing was written. MIGRATION.md says for each what to do; `services` and `clients` may do more now.\n",
    );
    return 3;
  }
  const root = projectRoot(
    paths.map((file) => path.resolve(cwd, file)),
    cwd,
  );
  const { manifests, kept } = await planFinish(root);
  const isDryRun = flags.dryRun === true;
  if (!isDryRun && manifests.length > 0) {
    const journal = openJournal(root, "finish");
    journal.lock();
    try {
      journal.recover();
      writeAll(
        manifests.map(({ path: file, before, after }) => ({ path: file, content: after, expected: before })),
        journal,
      );
    } finally {
      journal.release();
    }
  }
  for (const { path: file, removed } of manifests)
    stdout.write(`${nameIn(cwd, file)}: ${isDryRun ? "would remove" : "removed"} ${removed.join(", ")}\n`);
  for (const line of kept) stdout.write(`kept ${line}\n`);
  stdout.write(
    manifests.length === 0 && kept.length === 0
      ? "Finished: nothing of grpc-js is left.\n"
      : kept.length === 0
        ? `${isDryRun ? "Nothing else would be left" : "Finished. Run your package manager's install, so that the lock file follows"}.\n`
        : "",
  );
  if (kept.length > 0) return 3;
  return isDryRun && manifests.length > 0 ? 2 : 0;
}
