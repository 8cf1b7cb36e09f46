import { existsSync, statSync } from "node:fs";
import path from "node:path";

/** The folder of a project: the nearest package.json at or above all paths, not above their git repository. */
export function projectRoot(paths: readonly string[], cwd: string): string {
  const folders = paths.map((file) => (existsSync(file) && statSync(file).isDirectory() ? file : path.dirname(file)));
  let common = folders[0] ?? cwd;
  for (const folder of folders)
    while (!isInside(folder, common) && common !== path.dirname(common)) common = path.dirname(common);
  for (let current = common; ; current = path.dirname(current)) {
    if (existsSync(path.join(current, "package.json"))) return current;
    if (existsSync(path.join(current, ".git")) || current === path.dirname(current)) return common;
  }
}

export function isInside(file: string, folder: string): boolean {
  const relative = path.relative(folder, file);
  return relative === "" || (!relative.startsWith(`..${path.sep}`) && relative !== ".." && !path.isAbsolute(relative));
}

/** A path for people: with slashes, seen from a folder. */
export function relative(file: string, from: string): string {
  return path.relative(from, file).split(path.sep).join("/") || ".";
}
