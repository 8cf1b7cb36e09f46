import { spawnSync } from "node:child_process";
import path from "node:path";
import type { Side } from "../codemods/index.js";
import { projectRoot } from "../codemods/project/project-root.js";
import { batchesOf } from "./batches.js";
import { codeOwners } from "./code-owners.js";
import { type Terminal, writeJson } from "./migrate.js";
import { type MigrationFlags, migrationOf } from "./migration-of.js";
import { paintFor } from "./paint.js";
import { nameIn } from "./reports/report-files.js";
import { selectPaths } from "./selection.js";

export interface PlanFlags extends MigrationFlags {
  readonly json?: string;
  /** The flags of the command line that the proposed commands need, too. */
  readonly given: readonly string[];
}

/** The command `plan`: pull requests in the order that works. Writes nothing. Exit code 0 when there is nothing to do, else 2. */
export async function plan(given: readonly string[], flags: PlanFlags, terminal: Terminal): Promise<number> {
  const { cwd, stdout } = terminal;
  const paths = selectPaths(given, {}, cwd);
  const results = [];
  const notes = new Set<string>();
  for (const side of ["services", "clients"] as const satisfies Side[]) {
    const result = await migrationOf(side, paths, flags, terminal);
    results.push({ side, result });
    for (const note of result.notes) if (!/dependencies change/.test(note)) notes.add(note);
  }
  const root = repositoryOf(projectRoot(paths, cwd));
  const ownersOf = codeOwners(root);
  const batches = batchesOf(results).map((batch, index) => {
    const files = batch.files.map((file) => nameIn(cwd, file));
    const owners = [...new Set(batch.files.flatMap((file) => ownersOf(nameIn(root, file))))];
    const command = `npx connect-migrate ${batch.side} ${[...files.map((file) => (/[\s'"$*?]/.test(file) ? JSON.stringify(file) : file)), ...flags.given].join(" ")}`;
    return { number: index + 1, ...batch, files, owners, command };
  });
  const paint = paintFor(stdout);
  for (const { number, side, services, files, lines, outcomes, owners, command } of batches) {
    const about = services.length > 0 ? services.join(", ") : files.join(", ");
    const counts = Object.entries(outcomes).flatMap(([name, count]) => (count > 0 ? [`${count} ${name}`] : []));
    stdout.write(`${paint.bold(`${number}. ${side} of ${about}`)}\n`);
    stdout.write(
      `   ${files.length} file${files.length === 1 ? "" : "s"}, +${lines.added} -${lines.removed} lines: ${counts.join(", ")}\n`,
    );
    if (owners.length > 0) stdout.write(`   owners: ${owners.join(" ")}\n`);
    stdout.write(`   ${command}\n`);
  }
  for (const note of notes) stdout.write(`Note: ${note}\n`);
  const { summary } = results[0]?.result ?? { summary: null };
  stdout.write(
    batches.length === 0
      ? `Nothing to migrate (${summary?.filesScanned ?? 0} source files looked at).\n`
      : `${batches.length} pull request${batches.length === 1 ? "" : "s"}, in this order. Nothing was written.\n`,
  );
  if (flags.json !== undefined) writeJson(path.resolve(cwd, flags.json), { schemaVersion: 1, batches });
  return batches.length === 0 ? 0 : 2;
}

/** The git repository around a project, where CODEOWNERS belongs. */
function repositoryOf(root: string): string {
  const found = spawnSync("git", ["rev-parse", "--show-toplevel"], { cwd: root, encoding: "utf8" });
  return found.status === 0 ? found.stdout.trim() : root;
}
