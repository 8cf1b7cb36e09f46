import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { type MigrationResult, runMigration, type Side, writeMigration } from "../codemods/index.js";
import { projectRoot } from "../codemods/project/discover.js";
import { gitState } from "../codemods/project/git.js";
import { type Journal, openJournal } from "../codemods/project/journal.js";
import type { MessagesMode, Target } from "../codemods/shared/rule.js";
import { type Batch, batchesOf } from "./batches.js";
import { unifiedDiff } from "./diff.js";
import { exitCodeOf } from "./exit-code.js";
import { paintFor } from "./paint.js";
import { createProgress } from "./progress.js";
import { type ReportFlags, writeReports } from "./reports/write-reports.js";
import { type SelectionFlags, selectPaths } from "./selection.js";
import { summary } from "./summary.js";
import { UsageError } from "./usage-error.js";

export interface MigrateFlags extends ReportFlags, SelectionFlags {
  readonly dryRun?: boolean;
  readonly target: Target;
  readonly messages: MessagesMode;
  readonly runtime: "vendor" | "npm";
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
  { cwd, stdout, stderr, version }: Terminal,
  notes: readonly string[],
  journal?: Journal,
): Promise<number> {
  const isDryRun = journal === undefined;
  const { target, messages, runtime } = flags;
  const progress = createProgress(stderr);
  const migration = (selected: readonly string[]) =>
    runMigration({ cwd, paths: selected, side, target, messages, runtime, onProgress: progress.report }).finally(
      progress.done,
    );
  let made = await migration(paths);
  if (flags.service) {
    const own = filesOfServices(flags.service, batchesOf([{ side, result: made }]));
    made = await migration(own);
  }
  const result = { ...made, notes: [...notes, ...made.notes] };

  if (!isDryRun) {
    try {
      writeMigration(result, journal);
    } catch (error) {
      // Nothing was written; who reads the report has to learn that, too.
      writeReports(unwritten(result, error), flags, { cwd, command: side, isDryRun, version, stdout });
      throw error;
    }
  }
  const paint = paintFor(stdout);
  if (isDryRun) {
    const diff = unifiedDiff(result, cwd, paint);
    if (diff !== "") stdout.write(`${diff}\n`);
  }
  stdout.write(summary(result, { cwd, isDryRun, verbose: flags.verbose === true, command: side, paint }));
  writeReports(result, flags, { cwd, command: side, isDryRun, version, stdout });
  return exitCodeOf(result, isDryRun);
}

/** The files that change for some services, and with them what cannot change without them. */
function filesOfServices(names: readonly string[], batches: readonly Batch[]): string[] {
  const known = [...new Set(batches.flatMap((batch) => batch.services))].sort();
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new UsageError(
      `--service ${unknown}: nothing here changes for a service of this name. ${known.length === 0 ? "No file would change." : `There is ${known.join(", ")}.`}`,
    );
  return batches.filter((batch) => batch.services.some((name) => names.includes(name))).flatMap((batch) => batch.files);
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
