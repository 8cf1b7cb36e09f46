import { spawnSync } from "node:child_process";
import path from "node:path";
import { UsageError } from "./usage-error.js";

export interface ChangedFiles {
  /** The commit in which the work began. */
  readonly base: string;
  /** The folder of the repository. */
  readonly top: string;
  /** Absolute. */
  readonly files: readonly string[];
}

/** Files that are there and differ from `base`: committed, staged, edited or new. */
export function changedFiles(base: string, cwd: string, flag = "--changed"): ChangedFiles {
  const git = (...args: string[]) => {
    const run = spawnSync("git", args, { cwd, encoding: "utf8", maxBuffer: 1 << 28 });
    if (run.error) throw new UsageError(`${flag} asks git, and git is not installed.`);
    return run;
  };
  const top = git("rev-parse", "--show-toplevel");
  if (top.status !== 0) throw new UsageError(`${flag} asks git, and ${cwd} is in no git repository.`);
  // What this branch changed, not what its base went on to change.
  const fork = git("merge-base", base, "HEAD");
  if (fork.status !== 0)
    throw new UsageError(
      `${flag} ${base}: git knows no such commit, or none in common with HEAD. In CI fetch more history (fetch-depth: 0).`,
    );
  const differing = git("diff", "--name-only", "-z", "--diff-filter=d", fork.stdout.trim());
  const untracked = git("ls-files", "-z", "--others", "--exclude-standard", "--full-name", top.stdout.trim());
  const folder = top.stdout.trim();
  const files = [...differing.stdout.split("\0"), ...untracked.stdout.split("\0")]
    .filter((name) => name !== "")
    .map((name) => path.join(folder, name));
  return { base: fork.stdout.trim(), top: folder, files };
}
