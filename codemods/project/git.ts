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

function run(cwd: string, args: string[]): { status: number | null; stdout: string } | undefined {
  const result = spawnSync("git", args, { cwd, encoding: "utf8", maxBuffer: 1 << 26 });
  return result.error ? undefined : result;
}
