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
export function project(files: Record<string, string>, { git: isRepository = true } = {}): string {
  const root = mkdtempSync(path.join(tmpdir(), "connect-migrate-cli-"));
  folders.push(root);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    writeFileSync(path.join(root, name), text);
  }
  if (isRepository) {
    git(root, "init", "-q");
    commit(root);
  }
  return root;
}

export function git(root: string, ...args: string[]): string {
  const command = ["-c", "user.name=t", "-c", "user.email=t@localhost", ...args];
  const result = spawnSync("git", command, { cwd: root, encoding: "utf8" });
  if (result.status !== 0) throw new Error(`git ${args.join(" ")}: ${result.stderr}`);
  return result.stdout;
}

/** Commits everything. */
export function commit(root: string): void {
  git(root, "add", "-A");
  git(root, "commit", "-qm", "work");
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
export const status = (root: string) => git(root, "status", "--porcelain");

/** `a.proto`: a service with one method. */
export const proto =
  'syntax = "proto3";\npackage a;\nservice B { rpc Say(M) returns (M); }\nmessage M { string text = 1; }\n';

/** A program that serves it. */
export const server = `const path = require('path');
const grpc = require('@grpc/grpc-js');
const protoLoader = require('@grpc/proto-loader');

const definition = protoLoader.loadSync(path.join(__dirname, 'a.proto'));
const { a } = grpc.loadPackageDefinition(definition);

function say(call, callback) {
  callback(null, { text: call.request.text });
}

const server = new grpc.Server();
server.addService(a.B.service, { say });
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (err) => {
  if (err) throw err;
});
`;
