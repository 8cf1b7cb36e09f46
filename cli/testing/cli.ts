import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { expect } from "vitest";

/** The command's own source, and what runs it. */
export const main = fileURLToPath(new URL("../main.ts", import.meta.url));
export const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const folders: string[] = [];
/** Removes the projects that were made. */
export function removeProjects(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

/** A project in a temporary folder, committed to a real git repository unless told otherwise. */
export function project(files: Record<string, string>, { git = true } = {}): string {
  const root = mkdtempSync(path.join(tmpdir(), "connect-migrate-cli-"));
  folders.push(root);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    writeFileSync(path.join(root, name), text);
  }
  if (git) {
    for (const args of [
      ["init", "-q"],
      ["add", "-A"],
      ["-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "-qm", "x"],
    ]) {
      const result = spawnSync("git", args, { cwd: root, encoding: "utf8" });
      if (result.status !== 0) throw new Error(result.stderr);
    }
  }
  return root;
}

/** Runs the command as its user would; a report is asked for where the command has one. */
export function run(cwd: string, ...args: string[]) {
  const json = path.join(tmpdir(), `report-${process.pid}-${Math.random()}.json`);
  const hasReport = /^(services|clients|scan|status)$/.test(args[0] ?? "") && !args.includes("--json");
  const result = spawnSync(process.execPath, ["--import", tsx, main, ...args, ...(hasReport ? ["--json", json] : [])], {
    cwd,
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: undefined },
  });
  const report = existsSync(json) ? JSON.parse(readFileSync(json, "utf8")) : undefined;
  rmSync(json, { force: true });
  expect(result.stderr).not.toMatch(/\n\s+at .+:\d+:\d+/);
  return { code: result.status, out: result.stdout, err: result.stderr, report };
}

/** What git says of a project. */
export const status = (root: string) =>
  spawnSync("git", ["status", "--porcelain"], { cwd: root, encoding: "utf8" }).stdout;
