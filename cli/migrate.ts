import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Change, MigrationOptions, MigrationResult, Side } from "../codemods/index.js";
import { gitState } from "../codemods/project/git.js";
import { type Journal, openJournal } from "../codemods/project/journal.js";
import { projectRoot } from "../codemods/project/project-root.js";
import { writeMigration } from "../codemods/write-migration.js";
import { type Batch, batchesOf } from "./batches.js";
import { unifiedDiff } from "./diff.js";
import { exitCodeOf } from "./exit-code.js";
import { reviewChanges } from "./interactive.js";
import { type MigrationFlags, migrationOf } from "./migration-of.js";
import { paintFor } from "./paint.js";
import { type ReportFlags, writeReports } from "./reports/write-reports.js";
import { type SelectionFlags, selectPaths } from "./selection.js";
import { filesOfShard, shardFrom } from "./shards.js";
import { summary } from "./summary.js";
import { UsageError } from "./usage-error.js";

export interface MigrateFlags extends MigrationFlags, ReportFlags, SelectionFlags {
  readonly dryRun?: boolean;
  readonly interactive?: boolean;
  readonly allowDirty?: boolean;
  readonly verbose?: boolean;
}

export interface Terminal {
  /** Of connect-migrate. */
  readonly version: string;
  readonly cwd: string;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
}

/** The commands `services` and `clients`. Returns the exit code. */
export async function migrate(
  side: Side,
  given: readonly string[],
  flags: MigrateFlags,
  terminal: Terminal,
): Promise<number> {
  const { cwd, stdout } = terminal;
  const paths = selectPaths(given, flags, cwd);
  const isDryRun = flags.dryRun === true;
  if (flags.shard !== undefined && !isDryRun)
    throw new UsageError(
      "--shard is for reports, and needs --dry-run: parts that write would write beside each other.",
    );
  if (flags.interactive === true && flags.shard !== undefined)
    throw new UsageError("--interactive and --shard do not go together.");
  if (paths.length === 0) {
    stdout.write("Nothing to migrate: no source file changed.\n");
    return 0;
  }
  const root = projectRoot(paths, cwd);
  if (isDryRun) return run(side, paths, flags, terminal, []);
  const journal = openJournal(root, `${side} ${paths.map((file) => path.relative(cwd, file) || ".").join(" ")}`);
  journal.lock();
  try {
    const recovered = journal.recover();
    if (recovered !== "nothing")
      stdout.write(`An earlier run was killed while it wrote; that write is ${recovered} now.\n`);
    return await run(side, paths, flags, terminal, checkTree(root, flags), journal);
  } finally {
    journal.release();
  }
}

/** What the user should know about git; throws where changes could not be told apart. */
function checkTree(root: string, flags: MigrateFlags): string[] {
  const notes: string[] = [];
  const state = gitState(root);
  if (state.kind === "none")
    notes.push(
      `${root} is ${state.reason.replace(/^not /, "not in ")}: what this run changes can be undone with \`connect-migrate undo\`, not with git.`,
    );
  if (state.kind === "dirty" && flags.allowDirty !== true)
    throw new UsageError(
      `${root} has uncommitted changes (${state.files.slice(0, 3).join(", ")}${state.files.length > 3 ? `, and ${state.files.length - 3} more` : ""}). Commit or stash them so that this run can be told apart, or use --allow-dirty. --dry-run needs neither.`,
    );
  return notes;
}

async function run(
  side: Side,
  paths: readonly string[],
  flags: MigrateFlags,
  terminal: Terminal,
  notes: readonly string[],
  journal?: Journal,
): Promise<number> {
  const isDryRun = journal === undefined;
  const { cwd, stdout, version } = terminal;
  const paint = paintFor(stdout);
  const migration = (selected: readonly string[], more: Pick<MigrationOptions, "isDraft" | "review"> = {}) =>
    migrationOf(side, selected, flags, terminal, { root, ...more });
  const review = (changes: readonly Change[]) => reviewChanges(changes, { cwd, paint, stdin: process.stdin, stdout });
  const root = projectRoot(paths, cwd);
  const shard = flags.shard === undefined ? undefined : shardFrom(flags.shard);
  let selected = paths;
  if (flags.service || flags.rule) {
    const batches = batchesOf([{ side, result: await migration(selected, { isDraft: true }) }]);
    selected = filesOfBatches(flags, batches);
  }
  let filesScanned: number | undefined;
  if (shard) {
    const draft = await migration(selected, { isDraft: true });
    selected = filesOfShard(side, draft, shard);
    // The first part also counts what no part has to do with.
    filesScanned = selected.length + (shard.index === 1 ? draft.summary.filesScanned - draft.files.length : 0);
  }
  const made =
    selected.length === 0 ? nothing(root) : await migration(selected, flags.interactive === true ? { review } : {});
  const result: MigrationResult = {
    ...made,
    notes: [...notes, ...made.notes],
    summary: { ...made.summary, filesScanned: filesScanned ?? made.summary.filesScanned },
  };

  if (!isDryRun) {
    try {
      writeMigration(result, journal);
    } catch (error) {
      // Nothing was written; who reads the report has to learn that, too.
      writeReports(unwritten(result, error), flags, { cwd, command: side, isDryRun, version, stdout, shard });
      throw error;
    }
  }
  if (isDryRun && flags.interactive !== true) {
    const diff = unifiedDiff(result, cwd, paint);
    if (diff !== "") stdout.write(`${diff}\n`);
  }
  stdout.write(summary(result, { cwd, isDryRun, verbose: flags.verbose === true, command: side, paint }));
  writeReports(result, flags, { cwd, command: side, isDryRun, version, stdout, shard });
  return exitCodeOf(result, isDryRun);
}

/** The files that change for some services or rules, and with them what cannot change without them. */
function filesOfBatches({ service, rule }: SelectionFlags, batches: readonly Batch[]): string[] {
  const wanted = (
    flag: string,
    what: string,
    names: readonly string[] | undefined,
    of: (batch: Batch) => readonly string[],
  ) => {
    if (names === undefined) return () => true;
    const known = [...new Set(batches.flatMap(of))].sort();
    const unknown = names.find((name) => !known.includes(name));
    if (unknown !== undefined)
      throw new UsageError(
        `${flag} ${unknown}: nothing here changes for a ${what} of this name. ${known.length === 0 ? "No file would change." : `There is ${known.join(", ")}.`}`,
      );
    return (batch: Batch) => of(batch).some((name) => names.includes(name));
  };
  const isForService = wanted("--service", "service", service, (batch) => batch.services);
  const isForRule = wanted("--rule", "rule", rule, (batch) => batch.rules);
  return batches.filter((batch) => isForService(batch) && isForRule(batch)).flatMap((batch) => batch.files);
}

function nothing(root: string): MigrationResult {
  const summary = { idiomatic: 0, bridged: 0, manual: 0, failed: 0, filesChanged: 0, filesScanned: 0 };
  return { root, files: [], findings: [], summary, extraFiles: [], notes: [], candidates: 0, withMark: new Set() };
}

/** The result of a run whose files could not be written. */
function unwritten(result: MigrationResult, error: unknown): MigrationResult {
  const text = error instanceof Error ? error.message : String(error);
  const files = result.files.map((file) =>
    file.status === "changed" ? { ...file, status: "failed" as const, error: text } : file,
  );
  return { ...result, files, summary: { ...result.summary, failed: result.summary.failed + 1, filesChanged: 0 } };
}

export function assertPaths(paths: readonly string[], cwd: string): void {
  for (const given of paths) {
    const file = path.resolve(cwd, given);
    if (!existsSync(file))
      throw new UsageError(`${given} does not exist (looked for ${file}). Give a file or a folder of your project.`);
  }
}

export function writeJson(file: string, value: object): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`);
}
