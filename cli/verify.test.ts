import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeEach, describe, expect, it, vi } from "vitest";
import { commit, git, project, proto, removeProjects, run, server, status } from "./testing/cli.js";

// Each test starts the command several times.
vi.setConfig({ testTimeout: 240_000 });
afterAll(removeProjects);

const serverOf = (name: string) => server.replace("text: call", `text: '${name}' + call`);

let root: string;
const verify = (...args: string[]) => run(root, "verify", "services", "--base", "start", "--runtime", "npm", ...args);

describe("verify", () => {
  beforeEach(() => {
    root = project({
      "package.json": '{ "name": "x" }\n',
      "package-lock.json": "{}\n",
      "a.proto": proto,
      "one.js": serverOf("one"),
      "two.js": serverOf("two"),
    });
    git(root, "branch", "start");
    git(root, "checkout", "-qb", "work");
  });

  it("a branch that is what the tool makes, lock file and baseline apart", () => {
    expect(verify()).toMatchObject({ code: 0, out: expect.stringMatching(/Nothing to verify/) });
    run(root, "services", "one.js", "--runtime", "npm");
    writeFileSync(path.join(root, "package-lock.json"), '{ "new": true }\n');
    run(root, "check", "--update");
    commit(root);
    const { code, out } = verify();
    expect(out).toMatch(/^Equal: the \d+ changed files are what `services` makes of start\.$/m);
    expect(code).toBe(0);
    expect(git(root, "worktree", "list").trim().split("\n")).toHaveLength(1);
    expect(status(root)).toBe("");
  });

  it("says which files differ, and how", () => {
    run(root, "services", "one.js", "--runtime", "npm");
    appendFileSync(path.join(root, "one.js"), "// by hand\n");
    writeFileSync(path.join(root, "README.md"), "new\n");
    writeFileSync(path.join(root, "gen/a_pb.js"), "");
    commit(root);
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
    commit(root);
    git(root, "branch", "-f", "start");
    run(root, "services", "--runtime", "npm");
    commit(root);
    expect(readFileSync(path.join(root, "two.js"), "utf8")).toBe(serverOf("two"));
    expect(verify(".")).toMatchObject({ code: 0, out: expect.stringMatching(/^Equal: /m) });
  });

  it("a base that is none, and no git: said", () => {
    const { code, err } = run(root, "verify", "services", "--base", "nowhere");
    expect([code, err]).toEqual([1, expect.stringMatching(/--base nowhere: git knows no such commit/)]);
    expect(run(root, "verify", "services").err).toMatch(/--base <commit>' not specified/);
    expect(run(project({ "a.js": "" }, { git: false }), "verify", "clients", "--base", "x").err).toMatch(
      /is in no git repository/,
    );
    expect(readFileSync(path.join(root, "one.js"), "utf8")).toBe(serverOf("one"));
  });
});
