import { spawnSync } from "node:child_process";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { main, project, removeProjects, run, status, tsx } from "./testing/cli.js";

afterEach(removeProjects);

const server = `const grpc = require('@grpc/grpc-js');
const server = new grpc.Server();
server.addService({ say: { path: '/a.B/Say' } }, { say(call, callback) { callback(null, {}); } });
`;

describe("bad input", () => {
  it("a path that does not exist: exit 1, says which", () => {
    const { code, err } = run(project({ "a.js": "1;" }), "services", "nowhere");
    expect(code).toBe(1);
    expect(err).toMatch(/^error: nowhere does not exist/);
  });

  it("a folder without grpc code: exit 0, says what was looked at", () => {
    const { code, out, report } = run(project({ "a.js": "1;\n", "lib/b.ts": "export {};\n" }), "services");
    expect(code).toBe(0);
    expect(out).toMatch(/^Nothing to migrate: 2 source files looked at, 0 connected with grpc-js/m);
    expect(report).toMatchObject({
      schemaVersion: 1,
      summary: { filesScanned: 2, filesChanged: 0, failed: 0 },
      findings: [],
    });
  });

  it("a file with a syntax error: reported with line and column, others go on, exit 1", () => {
    const root = project({ "bad.js": "const grpc = require('@grpc/grpc-js');\nconst = 1;\n", "server.js": server });
    const { code, out, report } = run(root, "services", "--dry-run");
    expect(code).toBe(1);
    expect(out).toMatch(/failed: bad\.js: 2:7: Unexpected token/);
    expect(report.files).toContainEqual({ path: "bad.js", status: "failed", error: expect.stringMatching(/^2:7/) });
    expect(report.findings).toContainEqual(
      expect.objectContaining({
        file: "bad.js",
        line: 2,
        column: 7,
        outcome: "failed",
        reason: expect.objectContaining({ code: "syntax-error" }),
      }),
    );
    expect(report.findings.some((finding: { file: string }) => finding.file === "server.js")).toBe(true);
  });

  it("a broken tsconfig: named, and the run goes on", () => {
    const { code, out } = run(
      project({
        "tsconfig.json": "{ nonsense",
        "a.ts": "import * as grpc from '@grpc/grpc-js';\nnew grpc.Server();\n",
      }),
      "services",
      "--dry-run",
    );
    expect(code).not.toBe(1);
    expect(out).toMatch(/tsconfig\.json is broken/);
  });

  it("missing node_modules: says so", () => {
    const { out } = run(project({ "server.js": server }), "services", "--dry-run");
    expect(out).toMatch(/@grpc\/grpc-js is not installed \(no node_modules\)/);
  });

  it("no git repository: works, and says so", () => {
    const { code, out } = run(project({ "server.js": "require('@grpc/grpc-js');\n" }, { git: false }), "services");
    expect(code).not.toBe(1);
    expect(out).toMatch(/is not in a git repository/);
  });

  it("a dirty tree is refused, unless allowed or dry", () => {
    const root = project({ "a.js": "1;\n" });
    writeFileSync(path.join(root, "a.js"), "2;\n");
    const refused = run(root, "services");
    expect(refused.code).toBe(1);
    expect(refused.err).toMatch(/uncommitted changes \(a\.js\).*--allow-dirty/);
    expect(run(root, "services", "--allow-dirty").code).toBe(0);
    expect(run(root, "services", "--dry-run").code).toBe(0);
  });

  it.each([
    ["an unknown command", ["nonsense"], /unknown command 'nonsense'/],
    ["an unknown target", ["services", "--target", "x"], /Allowed choices are bundled, connectrpc/],
    ["a flag without its value", ["clients", "--json"], /argument missing/],
  ])("%s: exit 1", (_name, args, message) => {
    const root = project({ "a.js": "1;" });
    const result = spawnSync(process.execPath, ["--import", tsx, main, ...args], { cwd: root, encoding: "utf8" });
    expect(result.status).toBe(1);
    expect(result.stderr).toMatch(message);
    expect(result.stderr).not.toMatch(/\n\s+at /);
  });
});

describe("a run", () => {
  it("names every construct of grpc-js, and a dry run writes nothing", () => {
    const root = project({
      "server.js": server,
      "odd.js":
        "const { experimental, Server } = require('@grpc/grpc-js');\nexperimental.registerResolver('x', Server);\n",
    });
    const { code, report } = run(root, "services", "--dry-run");
    expect([2, 3]).toContain(code);
    const constructs = report.findings.filter((finding: { file: string }) => finding.file === "odd.js");
    expect(constructs.map((finding: { construct: string }) => finding.construct)).toContain(
      "experimental.registerResolver",
    );
    expect(constructs.every((finding: { reason: unknown }) => finding.reason !== null)).toBe(true);
    expect(status(root)).toBe("");
  });

  it("scan lists services, clients and generated code", () => {
    const client = "const { Client } = require('@grpc/grpc-js');\nnew Client('a:1');\n";
    const { out, report } = run(project({ "server.js": server, "client.js": client, "gen/x_grpc_pb.js": "" }), "scan");
    expect(out).toMatch(
      /^Services offered:\n {2}a\.B \[generic\] server\.js:3\nClients:\n {2}\(not known which\) \[generic\] client\.js:2\n/,
    );
    expect(report).toMatchObject({ schemaVersion: 1, services: { schemaVersion: 1 }, clients: { schemaVersion: 1 } });
  });

  it("--help documents the exit codes", () => {
    const { out } = {
      out: spawnSync(process.execPath, ["--import", tsx, main, "services", "--help"], { encoding: "utf8" }).stdout,
    };
    expect(out).toMatch(/2 {2}--dry-run: something would change/);
  });

  it("leaves a read-only project untouched", () => {
    const root = project({ "server.js": server, "package.json": "{}\n" });
    chmodSync(path.join(root, "server.js"), 0o444);
    const { report, err } = run(root, "services");
    expect(readFileSync(path.join(root, "server.js"), "utf8")).toBe(server);
    expect(status(root)).toBe("");
    if (err !== "") expect(err).toMatch(/Nothing was written: .*server\.js is read-only/);
    else expect(report.summary.filesChanged).toBe(0);
  });
});
