import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { git, project, proto, removeProjects, run, server, status } from "./testing/cli.js";

afterEach(removeProjects);

const files = { "package.json": '{ "name": "x" }\n', "a.proto": proto, "one.js": server, "two.js": server };
const write = (root: string, name: string, text: string) => {
  mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
  writeFileSync(path.join(root, name), text);
};
const read = (root: string, name: string) => readFileSync(path.join(root, name), "utf8");
const statusOf = (report: { files: { path: string; status: string }[] }, name: string) =>
  report.files.find((file) => file.path === name)?.status;

describe("selection", () => {
  it("a glob; one that fits nothing says so", () => {
    const root = project(files);
    const { code, report } = run(root, "services", "t*.js", "--dry-run");
    expect(code).toBe(2);
    expect(statusOf(report, "two.js")).toBe("changed");
    expect(statusOf(report, "one.js")).toBeUndefined();
    expect(run(root, "services", "z*.js", "--dry-run").err).toMatch(/z\*\.js fits no file/);
  });

  it("--service: only what belongs to it; an unknown one says which there are", () => {
    const other = proto.replace("service B", "service C").replace("package a", "package c");
    const root = project({
      ...files,
      "c.proto": other,
      "two.js": server.replaceAll("a.proto", "c.proto").replaceAll("{ a }", "{ c }").replaceAll("a.B", "c.C"),
    });
    const { code, report } = run(root, "services", "--service", "c.C", "--dry-run");
    expect(code).toBe(2);
    expect([statusOf(report, "one.js"), statusOf(report, "two.js")]).toEqual([undefined, "changed"]);
    const unknown = run(root, "services", "--service", "a.C", "--dry-run");
    expect([unknown.code, unknown.err]).toEqual([1, expect.stringMatching(/--service a\.C: .* There is a\.B, c\.C\./)]);
  });

  it("--changed: what differs from the last commit, or from where a branch left its base", () => {
    const root = project(files);
    expect(run(root, "services", "--changed", "--dry-run").out).toMatch(/no source file changed/);
    write(root, "two.js", `// edited\n${server}`);
    write(root, "three.js", server);
    const edited = run(root, "services", "--changed", "--dry-run").report;
    expect([statusOf(edited, "one.js"), statusOf(edited, "two.js"), statusOf(edited, "three.js")]).toEqual([
      undefined,
      "changed",
      "changed",
    ]);
    git(root, "checkout", "-qb", "work");
    git(root, "add", "-A");
    git(root, "commit", "-qm", "y");
    git(root, "checkout", "-q", "-");
    write(root, "one.js", `// on the base\n${server}`);
    git(root, "commit", "-qam", "z");
    git(root, "branch", "-f", "base");
    git(root, "checkout", "-q", "work");
    const branch = run(root, "services", "--dry-run", "--changed", "base").report;
    expect([statusOf(branch, "one.js"), statusOf(branch, "two.js")]).toEqual([undefined, "changed"]);
    const unknown = run(root, "services", "--dry-run", "--changed", "nowhere");
    expect(unknown.code).toBe(1);
    expect(unknown.err).toMatch(/--changed nowhere: git knows no such commit.*fetch-depth: 0/);
  });
});

describe("undo", () => {
  it("puts back a whole run, once", () => {
    const root = project(files);
    run(root, "services", "--runtime", "npm");
    expect(read(root, "one.js")).toContain("createApp");
    const undone = run(root, "undo");
    expect(undone.code).toBe(0);
    expect(undone.out).toMatch(/restored one\.js\n/);
    expect(undone.out).toMatch(/`services \.` of .* is undone/);
    expect(status(root)).toBe("");
    expect(existsSync(path.join(root, "gen"))).toBe(false);
    expect(run(root, "undo").out).toMatch(/Nothing to undo/);
  });

  it("leaves a tree alone that was edited since", () => {
    const root = project(files);
    run(root, "services", "--runtime", "npm");
    write(root, "one.js", `${read(root, "one.js")}// mine\n`);
    const before = status(root);
    const { code, err } = run(root, "undo");
    expect(code).toBe(1);
    expect(err).toMatch(/one\.js changed since/);
    expect(status(root)).toBe(before);
  });
});

describe("check", () => {
  it("takes a baseline, fails when use grows, shrinks it when use falls", () => {
    const root = project(files);
    expect(run(root, "check").out).toMatch(/written: 8 uses of grpc-js in 2 files/);
    expect(run(root, "check")).toMatchObject({ code: 0, out: "8 uses of grpc-js in 2 files, none new.\n" });
    write(root, "two.js", `${server}const more = new grpc.Server();\n`);
    const grown = run(root, "check");
    expect(grown.code).toBe(1);
    expect(grown.out).toMatch(/two\.js: Server 1 -> 2 \(lines 12, 17\)/);
    rmSync(path.join(root, "two.js"));
    // Only what was asked about counts.
    expect(run(root, "check", "one.js").out).toMatch(/8 uses of grpc-js in 2 files, none new/);
    expect(run(root, "check").out).toMatch(/8 -> 4 uses/);
    expect(Object.keys(JSON.parse(read(root, "connect-migrate.baseline.json")).uses)).toEqual(["one.js"]);
    write(root, "three.js", server);
    expect(run(root, "check").code).toBe(1);
    expect(run(root, "check", "--update").code).toBe(0);
    expect(run(root, "check").code).toBe(0);
  });

  it("a broken baseline or a file that does not parse: exit 1, says which", () => {
    const root = project({ ...files, "connect-migrate.baseline.json": "{" });
    expect(run(root, "check")).toMatchObject({ code: 1, err: expect.stringMatching(/baseline\.json is no baseline/) });
    rmSync(path.join(root, "connect-migrate.baseline.json"));
    write(root, "two.js", `${server}\n(`);
    expect(run(root, "check")).toMatchObject({ code: 1, err: expect.stringMatching(/two\.js:\d+:\d+/) });
    expect(existsSync(path.join(root, "connect-migrate.baseline.json"))).toBe(false);
  });
});

describe("status", () => {
  it("says what is left per package, and draws the history", () => {
    const root = project({
      "package.json": '{ "name": "mono", "workspaces": ["a", "b"] }\n',
      "a/package.json": '{ "name": "a" }\n',
      "a/a.proto": proto,
      "a/index.js": server,
      "b/package.json": '{ "name": "b" }\n',
      "b/a.proto": proto,
      "b/index.js": server,
    });
    run(path.join(root, "a"), "services", "--runtime", "npm");
    git(root, "add", "-A");
    git(root, "commit", "-qm", "a migrated");
    const { code, out, report } = run(root, "status", "--svg", "out/burn-down.svg");
    expect(code).toBe(3);
    // proto-loader still codes its messages.
    expect(out).toMatch(/^a: 0 of 1 files done \(0 %\)\n {2}grpc-js loadSync\n {2}bridges grpcJsMessages/m);
    expect(out).toMatch(/^b: 0 of 1 files done \(0 %\)\n {2}grpc-js +Server/m);
    expect(report.history.map((point: { files: number }) => point.files)).toEqual([2, 2]);
    const svg = read(root, "out/burn-down.svg");
    expect(svg).toMatch(/<title>Files that import grpc-js, .*: from 2 to 2<\/title>/);
    expect(svg.match(/<circle/g)).toHaveLength(2);
  });

  it("nothing there, and no history to draw", () => {
    const root = project({ "a.js": "1;\n" }, { git: false });
    expect(run(root, "status")).toMatchObject({ code: 0, out: "Neither grpc-js nor Connect is used here.\n" });
    expect(run(root, "status", "--svg", "x.svg")).toMatchObject({
      code: 1,
      err: expect.stringMatching(/no git history/),
    });
  });
});

describe("finish", () => {
  const manifest = `{
  "name": "x",
  "scripts": {
    "gen": "grpc_tools_node_protoc -I . --js_out=gen a.proto",
    "build": "npm run old && tsc",
    "old": "pbjs -t static a.proto",
    "start": "node one.js"
  },
  "dependencies": {
    "@bufbuild/protobuf": "^2.0.0",
    "@grpc/grpc-js": "^1.14.0",
    "google-protobuf": "^3.21.0"
  },
  "devDependencies": {
    "grpc-tools": "^1.12.0",
    "protobufjs-cli": "^1.0.0"
  }
}
`;

  it("refuses while anything is left, with the list", () => {
    const root = project({ ...files, "package.json": manifest });
    const { code, out } = run(root, "finish");
    expect(code).toBe(3);
    expect(out).toMatch(/^Not finished: 8 left\.\n {2}one\.js:5: loadSync/m);
    expect(status(root)).toBe("");
  });

  it("removes what nothing names, and says why the rest stays", () => {
    const root = project({
      "package.json": manifest,
      "one.js": "require('google-protobuf/google/protobuf/any_pb');\n",
    });
    expect(run(root, "finish", "--dry-run")).toMatchObject({
      code: 3,
      out: expect.stringMatching(/would remove script gen/),
    });
    expect(status(root)).toBe("");
    const { code, out } = run(root, "finish");
    expect(code).toBe(3);
    expect(out).toMatch(/package\.json: removed script gen, @grpc\/grpc-js, grpc-tools/);
    expect(out).toMatch(/kept package\.json: google-protobuf, because one\.js names it/);
    expect(out).toMatch(/kept package\.json: the script old runs an old generator, and the script build calls it/);
    const after = JSON.parse(read(root, "package.json"));
    expect(Object.keys(after.dependencies)).toEqual(["@bufbuild/protobuf", "google-protobuf"]);
    expect(Object.keys(after.scripts)).toEqual(["build", "old", "start"]);
  });

  it("nothing to do", () => {
    const root = project({ "package.json": '{ "name": "x" }\n', "a.js": "1;\n" });
    expect(run(root, "finish")).toMatchObject({ code: 0, out: "Finished: nothing of grpc-js is left.\n" });
  });
});
