import { spawnSync } from "node:child_process";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeEach, describe, expect, it, vi } from "vitest";
import { project, removeProjects, run, status } from "./testing/cli.js";

// Each test starts the command several times.
vi.setConfig({ testTimeout: 240_000 });
afterAll(removeProjects);

const server = (name: string) => `const path = require('path');
const grpc = require('@grpc/grpc-js');
const protoLoader = require('@grpc/proto-loader');

const definition = protoLoader.loadSync(path.join(__dirname, 'a.proto'));
const { a } = grpc.loadPackageDefinition(definition);

function say(call, callback) {
  callback(null, { text: '${name}' + call.request.text });
}

const server = new grpc.Server();
server.addService(a.B.service, { say });
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (err) => {
  if (err) throw err;
});
`;

let root: string;
const git = (...args: string[]) => {
  const command = ["-c", "user.name=t", "-c", "user.email=t@localhost", ...args];
  const result = spawnSync("git", command, { cwd: root, encoding: "utf8" });
  if (result.status !== 0) throw new Error(result.stderr);
  return result.stdout;
};
const commit = () => {
  git("add", "-A");
  git("commit", "-qm", "work");
};
const verify = (...args: string[]) => run(root, "verify", "services", "--base", "start", "--runtime", "npm", ...args);

describe("verify", () => {
  beforeEach(() => {
    root = project({
      "package.json": '{ "name": "x" }\n',
      "package-lock.json": "{}\n",
      "a.proto":
        'syntax = "proto3";\npackage a;\nservice B { rpc Say(M) returns (M); }\nmessage M { string text = 1; }\n',
      "one.js": server("one"),
      "two.js": server("two"),
    });
    git("branch", "start");
    git("checkout", "-qb", "work");
  });

  it("a branch that is what the tool makes, lock file and baseline apart", () => {
    expect(verify()).toMatchObject({ code: 0, out: expect.stringMatching(/Nothing to verify/) });
    run(root, "services", "one.js", "--runtime", "npm");
    writeFileSync(path.join(root, "package-lock.json"), '{ "new": true }\n');
    run(root, "check", "--update");
    commit();
    const { code, out } = verify();
    expect(out).toMatch(/^Equal: the \d+ changed files are what `services` makes of start\.$/m);
    expect(code).toBe(0);
    expect(git("worktree", "list").trim().split("\n")).toHaveLength(1);
    expect(status(root)).toBe("");
  });

  it("says which files differ, and how", () => {
    run(root, "services", "one.js", "--runtime", "npm");
    appendFileSync(path.join(root, "one.js"), "// by hand\n");
    writeFileSync(path.join(root, "README.md"), "new\n");
    writeFileSync(path.join(root, "gen/a_pb.js"), "");
    commit();
    const { code, out } = verify();
    expect(code).toBe(1);
    expect(out.split("\n").slice(0, 4)).toEqual([
      "README.md: `services` does not change it, and the branch does",
      "gen/a_pb.js: `services` makes something else of it",
      "one.js: `services` makes something else of it",
      expect.stringMatching(/^3 of \d+ files differ/),
    ]);
  });

  it("files that the configuration excludes are not asked for", () => {
    writeFileSync(path.join(root, "connect-migrate.config.json"), '{ "exclude": ["two.js"] }\n');
    commit();
    git("branch", "-f", "start");
    run(root, "services", "--runtime", "npm");
    commit();
    expect(readFileSync(path.join(root, "two.js"), "utf8")).toBe(server("two"));
    expect(verify(".")).toMatchObject({ code: 0, out: expect.stringMatching(/^Equal: /m) });
  });

  it("a base that is none, and no git: said", () => {
    const { code, err } = run(root, "verify", "services", "--base", "nowhere");
    expect([code, err]).toEqual([1, expect.stringMatching(/--base nowhere: git knows no such commit/)]);
    expect(run(root, "verify", "services").err).toMatch(/--base <commit>' not specified/);
    expect(run(project({ "a.js": "" }, { git: false }), "verify", "clients", "--base", "x").err).toMatch(
      /is in no git repository/,
    );
    expect(readFileSync(path.join(root, "one.js"), "utf8")).toBe(server("one"));
  });
});
