import { existsSync } from "node:fs";
import path from "node:path";
import { globSync, isDynamicPattern } from "tinyglobby";
import { changedFiles } from "./changed-files.js";
import { UsageError } from "./usage-error.js";

export function isSource(file: string): boolean {
  return /\.[cm]?[jt]sx?$/.test(file);
}

export interface SelectionFlags {
  /** Only files that differ from this commit; true: from the last commit. */
  readonly changed?: string | true;
  /** Only what belongs to these services, by full name. */
  readonly service?: readonly string[];
  /** Only what these rules are about, by id. */
  readonly rule?: readonly string[];
  /** Only one part of several: `2/3`. */
  readonly shard?: string;
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
  return changedFiles(base, cwd).files.filter(
    (file) => isSource(file) && paths.some((one) => file === one || file.startsWith(one + path.sep)),
  );
}
