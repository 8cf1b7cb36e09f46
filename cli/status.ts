import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { manifestOf } from "../codemods/project/package-json.js";
import { type FileUsage, takeUsage } from "../codemods/project/usage.js";
import { burnDown, burnDownSvg } from "./burn-down.js";
import { assertPaths, type Terminal, writeJson } from "./migrate.js";
import { paintFor } from "./paint.js";
import { nameIn } from "./reports/report-files.js";

export interface StatusFlags {
  readonly json?: string;
  /** Where the burn-down goes. */
  readonly svg?: string;
}

interface PackageStatus {
  readonly package: string;
  /** Files that use grpc-js, and files that are on Connect alone. */
  readonly files: { readonly left: number; readonly done: number };
  readonly uses: Record<string, number>;
  readonly todos: Record<string, number>;
  readonly bridges: Record<string, number>;
}

/** The command `status`: how far a migration is, per package. Exit code 0 when nothing is left, else 3. */
export async function status(given: readonly string[], flags: StatusFlags, terminal: Terminal): Promise<number> {
  const { cwd, stdout, stderr } = terminal;
  const paths = given.length === 0 ? ["."] : given;
  assertPaths(paths, cwd);
  const usage = await takeUsage({ cwd, paths });
  for (const { path: file, message } of usage.broken) stderr.write(`error: ${nameIn(cwd, file)}:${message}\n`);
  const byPackage = new Map<string, FileUsage[]>();
  for (const file of usage.files) {
    const manifest = manifestOf(file.path, usage.root);
    const name = manifest === undefined ? "." : nameIn(cwd, path.dirname(manifest)) || ".";
    byPackage.set(name, [...(byPackage.get(name) ?? []), file]);
  }
  const packages = [...byPackage].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, files]) => statusOf(name, files));
  const paint = paintFor(stdout);
  for (const each of packages) {
    const { left, done } = each.files;
    const share = Math.round((100 * done) / (left + done));
    stdout.write(`${paint.bold(each.package)}: ${done} of ${left + done} files done (${share} %)\n`);
    for (const [title, counts] of [
      ["grpc-js", each.uses],
      ["bridges", each.bridges],
      ["TODO", each.todos],
    ] as const) {
      const list = Object.entries(counts).map(([name, count]) => `${name}${count > 1 ? ` ×${count}` : ""}`);
      if (list.length > 0) stdout.write(`  ${title.padEnd(8)}${list.join(", ")}\n`);
    }
  }
  const sum = (pick: (each: PackageStatus) => Record<string, number>) =>
    packages.reduce((all, each) => all + Object.values(pick(each)).reduce((a, b) => a + b, 0), 0);
  const left = packages.reduce((all, each) => all + each.files.left, 0);
  const [uses, bridges, todos] = [sum((each) => each.uses), sum((each) => each.bridges), sum((each) => each.todos)];
  stdout.write(
    packages.length === 0
      ? "Neither grpc-js nor Connect is used here.\n"
      : `${uses} uses of grpc-js in ${left} files, ${bridges} imports of bridges, ${todos} TODOs left.\n`,
  );
  const history = flags.svg !== undefined || flags.json !== undefined ? burnDown(usage.root) : [];
  if (flags.svg !== undefined) {
    const place = path.resolve(cwd, flags.svg);
    mkdirSync(path.dirname(place), { recursive: true });
    if (history.length === 0) {
      stderr.write(`error: ${usage.root} has no git history to draw; ${flags.svg} is not written.\n`);
      return 1;
    }
    writeFileSync(place, burnDownSvg(history));
  }
  if (flags.json !== undefined) writeJson(path.resolve(cwd, flags.json), { schemaVersion: 1, packages, history });
  if (usage.broken.length > 0) return 1;
  return uses + bridges + todos === 0 ? 0 : 3;
}

function statusOf(name: string, files: readonly FileUsage[]): PackageStatus {
  const count = (values: readonly string[]) => {
    const counts = new Map<string, number>();
    for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
    return Object.fromEntries([...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)));
  };
  const left = files.filter((file) => file.uses.length > 0).length;
  return {
    package: name,
    files: { left, done: files.length - left },
    uses: count(files.flatMap((file) => file.uses.map(({ construct }) => construct))),
    todos: count(files.flatMap((file) => file.todos.map(({ rule }) => rule))),
    bridges: count(files.flatMap((file) => file.bridges)),
  };
}
