import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Side } from "../codemods/index.js";
import { changedFiles } from "./changed-files.js";
import type { Terminal } from "./migrate.js";
import { type MigrationFlags, migrationOf } from "./migration-of.js";
import type { Modes } from "./modes.js";
import { nameIn, reportFiles } from "./reports/report-files.js";
import { isSource } from "./selection.js";
import { UsageError } from "./usage-error.js";

export interface VerifyFlags extends Modes, Pick<MigrationFlags, "exclude"> {
  readonly base: string;
  /** Where `check` keeps its figures: they change with every run. */
  readonly baseline: string;
}

/** What package managers write after a run, not this tool. */
const LOCK = /(^|\/)(package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|bun\.lockb?)$/;

/**
 * The command `verify`: is what a branch changed exactly what the tool makes of its base? The base is checked out beside, the run
 * is made there on the files that the branch changed, or on those that are given, and every file is compared. Exit code 0 if all are equal, else 1.
 */
export async function verify(
  side: Side,
  given: readonly string[],
  flags: VerifyFlags,
  { cwd, stdout, stderr }: Terminal,
): Promise<number> {
  const { base: since, top, files } = changedFiles(flags.base, cwd, "--base");
  if (files.length === 0) {
    stdout.write(`Nothing to verify: nothing differs from ${flags.base}.\n`);
    return 0;
  }
  const folder = realpathSync(mkdtempSync(path.join(tmpdir(), "connect-migrate-verify-")));
  const tree = path.join(folder, "base");
  const git = (...args: string[]) => {
    const run = spawnSync("git", args, { cwd: top, encoding: "utf8" });
    if (run.status !== 0) throw new UsageError(`git ${args[0]}: ${run.stderr.trim()}`);
  };
  git("worktree", "add", "--detach", "--quiet", tree, since);
  try {
    // Packages are not in git: those that are installed serve for the base too.
    for (const modules of installedPackages(top)) {
      const place = path.join(tree, path.relative(top, modules));
      if (existsSync(path.dirname(place)) && !existsSync(place)) symlinkSync(modules, place);
    }
    const inTree = (file: string) => path.join(tree, path.relative(top, file));
    // A run on one file may have put a bridge into another, which then is not among those that it was given.
    const asked = given.length > 0 ? given.map((one) => path.resolve(cwd, one)) : files.filter(isSource);
    const sources = asked.map(inTree).filter((file) => existsSync(file));
    const wanted = new Map<string, Buffer>();
    if (sources.length > 0) {
      const own = { ...flags, exclude: flags.exclude.map(inTree), cache: false };
      const result = await migrationOf(side, sources, own, { cwd: inTree(cwd), stderr });
      for (const { name, after } of reportFiles(result, tree)) wanted.set(name, Buffer.from(after));
    }
    const names = new Set([...files.map((file) => nameIn(top, file)), ...wanted.keys()]);
    const differing = [...names]
      .filter((name) => !LOCK.test(name) && path.join(top, name) !== path.resolve(cwd, flags.baseline))
      .sort()
      .flatMap((name) => {
        const made = wanted.get(name);
        const has = contentOf(path.join(top, name));
        if (isSame(has, made ?? contentOf(path.join(tree, name)))) return [];
        if (!made) return [`${name}: \`${side}\` does not change it, and the branch does`];
        return [
          has
            ? `${name}: \`${side}\` makes something else of it`
            : `${name}: \`${side}\` writes it, and it is not there`,
        ];
      });
    for (const line of differing) stdout.write(`${line}\n`);
    stdout.write(
      differing.length === 0
        ? `Equal: the ${names.size} changed file${names.size === 1 ? " is" : "s are"} what \`${side}\` makes of ${flags.base}.\n`
        : `${differing.length} of ${names.size} files differ from what \`${side}\` makes of ${flags.base}: these need a reader.\n`,
    );
    return differing.length === 0 ? 0 : 1;
  } finally {
    spawnSync("git", ["worktree", "remove", "--force", tree], { cwd: top });
    rmSync(folder, { recursive: true, force: true });
  }
}

function contentOf(file: string): Buffer | undefined {
  return existsSync(file) ? readFileSync(file) : undefined;
}

function isSame(a: Buffer | undefined, b: Buffer | undefined): boolean {
  return a && b ? a.equals(b) : a === b;
}

/** The node_modules folders of a repository: beside each package.json. */
function installedPackages(top: string): string[] {
  const listed = spawnSync("git", ["ls-files", "-z", "package.json", "**/package.json"], {
    cwd: top,
    encoding: "utf8",
  });
  return listed.stdout
    .split("\0")
    .filter((name) => name !== "")
    .map((name) => path.join(top, path.dirname(name), "node_modules"))
    .filter((folder) => existsSync(folder));
}
