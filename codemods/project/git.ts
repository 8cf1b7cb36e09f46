import { spawnSync } from "node:child_process";
import path from "node:path";

/** `none`: no repository (or no git); otherwise the changed files, relative to the repository. */
export type GitState =
  | { readonly kind: "none"; readonly reason: string }
  | { readonly kind: "clean"; readonly root: string }
  | { readonly kind: "dirty"; readonly root: string; readonly files: readonly string[] };

/** Uncommitted changes below `folder`: a run on top of them could not be told apart from them. */
export function gitState(folder: string): GitState {
  const top = run(folder, ["rev-parse", "--show-toplevel"]);
  if (top === undefined) return { kind: "none", reason: "git is not installed" };
  if (top.status !== 0) return { kind: "none", reason: "not a git repository" };
  const root = top.stdout.trim();
  const status = run(folder, ["status", "--porcelain", "-z", "--untracked-files=normal", "--", "."]);
  const entries = (status?.stdout ?? "").split("\0").filter((entry) => entry.length > 3);
  const files = entries.map((entry) => entry.slice(3));
  return files.length === 0 ? { kind: "clean", root } : { kind: "dirty", root: path.resolve(root), files };
}

/**
 * Which of some absolute files below a folder git ignores; none where there is no git. A file that is in the repository is not
 * ignored, whatever the patterns say.
 */
export function ignoredByGit(root: string, files: Iterable<string>): Set<string> {
  const asked = run(root, ["ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "-z"]);
  const listed = asked?.status === 0 ? asked.stdout.split("\0").filter((entry) => entry !== "") : [];
  const entries = new Set(listed.map((entry) => path.resolve(root, entry)));
  // A project that is ignored as a whole is looked at all the same.
  if (entries.size === 0 || entries.has(root)) return new Set();
  const isIgnored = (file: string): boolean =>
    entries.has(file) || (file.startsWith(root + path.sep) && isIgnored(path.dirname(file)));
  return new Set([...files].filter(isIgnored));
}

function run(cwd: string, args: string[]): { status: number | null; stdout: string } | undefined {
  const result = spawnSync("git", args, { cwd, encoding: "utf8", maxBuffer: 1 << 26 });
  return result.error ? undefined : result;
}
