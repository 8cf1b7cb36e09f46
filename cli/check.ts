import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { isInside } from "../codemods/project/project-root.js";
import { takeUsage } from "../codemods/project/usage.js";
import { assertPaths, type Terminal } from "./migrate.js";
import { nameIn } from "./reports/report-files.js";
import { UsageError } from "./usage-error.js";

export interface CheckFlags {
  readonly baseline: string;
  /** Take the tree as it is, also where grpc-js grew. */
  readonly update?: boolean;
}

/** By file, then by construct: how often it is used. */
type Counts = Record<string, Record<string, number>>;

/**
 * The command `check`: exit code 1 if some file uses some construct of grpc-js more often than the baseline says; where use
 * fell, the baseline is written anew, so that it cannot grow again.
 */
export async function check(given: readonly string[], flags: CheckFlags, terminal: Terminal): Promise<number> {
  const { cwd, stdout, stderr } = terminal;
  const paths = given.length === 0 ? ["."] : given;
  assertPaths(paths, cwd);
  const usage = await takeUsage({ cwd, paths });
  for (const { path: file, message } of usage.broken) stderr.write(`error: ${nameIn(cwd, file)}:${message}\n`);
  if (usage.broken.length > 0) return 1;
  const place = path.resolve(cwd, flags.baseline);
  const folder = path.dirname(place);
  const now: Counts = {};
  for (const file of usage.files)
    for (const { construct } of file.uses) {
      const name = nameIn(folder, file.path);
      const counts = now[name] ?? {};
      counts[construct] = (counts[construct] ?? 0) + 1;
      now[name] = counts;
    }
  const before = readBaseline(place);
  // Files that were not asked about keep their counts.
  const asked = paths.map((one) => path.resolve(cwd, one));
  for (const [name, counts] of Object.entries(before ?? {}))
    if (!asked.some((one) => isInside(path.resolve(folder, name), one))) now[name] = counts;
  if (before === undefined || flags.update === true) {
    writeBaseline(place, now);
    stdout.write(
      `${flags.baseline} written: ${total(now)} uses of grpc-js in ${Object.keys(now).length} files. Commit it.\n`,
    );
    return 0;
  }
  const grown: string[] = [];
  for (const [file, counts] of Object.entries(now))
    for (const [construct, count] of Object.entries(counts)) {
      const known = before[file]?.[construct] ?? 0;
      if (count <= known) continue;
      const lines = usage.files
        .find((each) => nameIn(folder, each.path) === file)
        ?.uses.filter((use) => use.construct === construct)
        .map(({ line }) => line);
      grown.push(`${file}: ${construct} ${known} -> ${count} (lines ${lines?.join(", ")})`);
    }
  if (grown.length > 0) {
    stdout.write(`New use of grpc-js:\n${grown.map((line) => `  ${line}\n`).join("")}`);
    stdout.write(
      `Write it with Connect instead (MIGRATION.md), or accept it: connect-migrate check --update --baseline ${flags.baseline}\n`,
    );
    return 1;
  }
  if (total(now) < total(before)) {
    writeBaseline(place, now);
    stdout.write(`${total(before)} -> ${total(now)} uses of grpc-js. ${flags.baseline} is smaller now: commit it.\n`);
  } else stdout.write(`${total(now)} uses of grpc-js in ${Object.keys(now).length} files, none new.\n`);
  return 0;
}

function total(counts: Counts): number {
  return Object.values(counts).reduce((sum, file) => sum + Object.values(file).reduce((a, b) => a + b, 0), 0);
}

function readBaseline(place: string): Counts | undefined {
  if (!existsSync(place)) return undefined;
  try {
    const value = JSON.parse(readFileSync(place, "utf8")) as { schemaVersion?: number; uses?: Counts };
    if (value.schemaVersion === 1 && typeof value.uses === "object") return value.uses;
  } catch {
    // Said below
  }
  throw new UsageError(
    `${place} is no baseline of connect-migrate check. Restore it with git, or delete it and run again.`,
  );
}

/** Sorted, one construct a line: merges of branches that both shrink it stay readable. */
function writeBaseline(place: string, counts: Counts): void {
  const sorted = (value: object) => Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  const uses = sorted(Object.fromEntries(Object.entries(counts).map(([file, each]) => [file, sorted(each)])));
  writeFileSync(place, `${JSON.stringify({ schemaVersion: 1, uses }, null, 2)}\n`);
}
