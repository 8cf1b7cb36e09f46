import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { globSync, isDynamicPattern } from "tinyglobby";
import { UsageError } from "./usage-error.js";

const SOURCE = /\.[cm]?[jt]sx?$/;

export interface SelectionFlags {
  /** Only files that differ from this commit; true: from the last commit. */
  readonly changed?: string | true;
  /** Only what belongs to these services, by full name. */
  readonly service?: readonly string[];
}

/** The files and folders that arguments name: paths, globs, and with `--changed` what git says of them. */
export function selectPaths(given: readonly string[], flags: SelectionFlags, cwd: string): string[] {
  const wanted = given.length === 0 ? ["."] : given;
  const paths = wanted.flatMap((one) => {
    const file = path.resolve(cwd, one);
    if (existsSync(file)) return [file];
    if (!isDynamicPattern(one))
      throw new UsageError(
        `${one} does not exist (looked for ${file}). Give a file, a folder or a glob of your project.`,
      );
    const found = globSync(one, { cwd, absolute: true, ignore: ["**/node_modules/**"], onlyFiles: false }).map(
      (match) => path.resolve(match),
    );
    if (found.length === 0)
      throw new UsageError(`${one} fits no file below ${cwd}. Quote a glob, so that the shell leaves it alone.`);
    return found;
  });
  if (flags.changed === undefined) return paths;
  const base = flags.changed === true ? "HEAD" : flags.changed;
  const changed = changedFiles(base, cwd);
  return changed.filter(
    (file) => SOURCE.test(file) && paths.some((one) => file === one || file.startsWith(one + path.sep)),
  );
}

/** Files that are there and differ from `base`: committed, staged, edited or new. */
function changedFiles(base: string, cwd: string): string[] {
  const git = (...args: string[]) => {
    const run = spawnSync("git", args, { cwd, encoding: "utf8", maxBuffer: 1 << 28 });
    if (run.error) throw new UsageError("--changed asks git, and git is not installed.");
    return run;
  };
  const top = git("rev-parse", "--show-toplevel");
  if (top.status !== 0) throw new UsageError(`--changed asks git, and ${cwd} is in no git repository.`);
  // What this branch changed, not what its base went on to change.
  const fork = git("merge-base", base, "HEAD");
  if (fork.status !== 0)
    throw new UsageError(
      `--changed ${base}: git knows no such commit, or none in common with HEAD. In CI fetch more history (fetch-depth: 0).`,
    );
  const differing = git("diff", "--name-only", "-z", "--diff-filter=d", fork.stdout.trim());
  const untracked = git("ls-files", "-z", "--others", "--exclude-standard", "--full-name", top.stdout.trim());
  return [...differing.stdout.split("\0"), ...untracked.stdout.split("\0")]
    .filter((name) => name !== "")
    .map((name) => path.join(top.stdout.trim(), name));
}
