import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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

describe("protos of packages", () => {
  it("the package stays where proto-loader, which brought it, goes", () => {
    const annotated = proto.replace("package a;", 'package a;\nimport "google/api/annotations.proto";');
    const dependencies = '"dependencies": { "@grpc/grpc-js": "^1.14.0", "@grpc/proto-loader": "^0.8.0" }';
    const root = project({
      "package.json": `{ "name": "mono", "workspaces": ["app"], ${dependencies} }\n`,
      "app/package.json": `{ "name": "app", ${dependencies} }\n`,
      "app/a.proto": annotated,
      "app/one.js": server,
      ".gitignore": "node_modules\n",
    });
    const api = path.join(root, "node_modules/protobufjs");
    const installed = path.resolve(import.meta.dirname, "../node_modules/protobufjs");
    cpSync(path.join(installed, "google/api"), path.join(api, "google/api"), { recursive: true });
    write(api, "package.json", '{ "name": "protobufjs", "version": "7.6.6" }\n');
    expect(run(root, "services", "--runtime", "npm").code).toBe(0);
    expect(read(root, "app/package.json")).not.toMatch(/proto-loader|protobufjs/);
    expect(JSON.parse(read(root, "package.json")).devDependencies).toEqual({ protobufjs: "^7.6.6" });
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
    run(path.join(root, "a"), "services", "--runtime", "npm", "--messages", "bridge");
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
    expect(out).toMatch(
      /package\.json: removed script gen, script old, the old generator in script build, @grpc\/grpc-js, grpc-tools/,
    );
    expect(out).toMatch(/kept package\.json: google-protobuf, because one\.js names it/);
    const after = JSON.parse(read(root, "package.json"));
    expect(Object.keys(after.dependencies)).toEqual(["@bufbuild/protobuf", "google-protobuf"]);
    expect(after.scripts).toEqual({ build: "tsc", start: "node one.js" });
  });

  it("takes generators out of where they are run, keeps those whose code something needs, and names what is left by hand", () => {
    const scripts = {
      "proto:js":
        "mkdir -p gen/js && grpc_tools_node_protoc --js_out=import_style=commonjs,binary:gen/js --grpc_out=grpc_js:gen/js a.proto && npx buf generate",
      "proto:go": "protoc --go_out=gen/go a.proto",
      "proto:both": "protoc --go_out=gen/go --ts_out=gen/both a.proto",
      "proto:kafka": "protoc --ts_proto_out=gen/kafka a.proto",
      "proto:json": "pbjs -t json -o gen/bundle.json a.proto",
      "proto:image": "pbts -o gen/image.d.ts gen/image.js",
      "proto:copy": "pbjs -o gen/copied.js a.proto && cp gen/copied.js dist",
      "proto:shell": "bash ./scripts/gen.sh",
      prebuild: "yarn proto:js",
    };
    const root = project({
      "package.json": JSON.stringify({
        name: "x",
        scripts,
        devDependencies: { "ts-proto": "1", "grpc-tools": "1", "protobufjs-cli": "1" },
      }),
      "kafka.ts": "import { Item } from './gen/kafka/a';\nimport bundle from './gen/bundle.json';\n",
      "gen/js/a_pb.js": "// GENERATED CODE -- DO NOT EDIT!\n",
      "scripts/gen.sh": "set -e\nprotoc --ts_proto_out=gen/kafka a.proto\nprotoc --js_out=gen/none a.proto\n",
      Dockerfile: "FROM node\nRUN npm ci && npm run proto:image\n",
      Makefile: "proto:\n\tprotoc --go_out=. a.proto\n\tnpx grpc_tools_node_protoc \\\n\t  --js_out=gen/js a.proto\n",
      ".github/workflows/ci.yml":
        "on: push\njobs:\n  a:\n    steps:\n      - run: proto-loader-gen-types --outDir=gen/types a.proto\n",
      "buf.gen.yaml":
        "version: v2\nplugins:\n  # Go's\n  - remote: buf.build/protocolbuffers/go\n    out: gen/go\n  - local: protoc-gen-ts_proto # old\n    out: gen/old\n    opt: esModuleInterop=true\n  - local: protoc-gen-es\n    out: gen\n",
    });
    const { code, out } = run(root, "finish");
    expect(code, out).toBe(3);
    expect(JSON.parse(read(root, "package.json"))).toEqual({
      name: "x",
      scripts: { ...scripts, "proto:js": "npx buf generate" },
      devDependencies: { "ts-proto": "1", "grpc-tools": "1", "protobufjs-cli": "1" },
    });
    expect(read(root, "buf.gen.yaml")).toBe(
      "version: v2\nplugins:\n  # Go's\n  - remote: buf.build/protocolbuffers/go\n    out: gen/go\n  - local: protoc-gen-es\n    out: gen\n",
    );
    for (const line of [
      "package.json: the script proto:both does more than to run an old generator; change it by hand",
      "package.json: the script proto:kafka runs an old generator, and kafka.ts needs what it makes",
      "package.json: the script proto:json runs an old generator, and kafka.ts needs what it makes",
      "package.json: the script proto:image runs an old generator, and Dockerfile:2 calls it; `npx buf generate`",
      "package.json: the script proto:copy does more than to run an old generator; change it by hand",
      "scripts/gen.sh:2 (run by the script proto:shell of package.json): protoc; kafka.ts needs what it makes",
      "scripts/gen.sh:3 (run by the script proto:shell of package.json): protoc; take it out by hand",
      "Makefile:3: grpc_tools_node_protoc; take it out by hand",
      ".github/workflows/ci.yml:5: proto-loader-gen-types; take it out by hand",
      "old generated code, which nothing imports: gen/js/a_pb.js. Delete it",
    ])
      expect(out).toContain(`kept ${line}`);
    expect(out).not.toContain("proto:go");
    const before = status(root);
    run(root, "finish");
    expect(status(root)).toBe(before);
  });

  it("nothing to do", () => {
    const root = project({ "package.json": '{ "name": "x" }\n', "a.js": "1;\n" });
    expect(run(root, "finish")).toMatchObject({ code: 0, out: "Finished: nothing of grpc-js is left.\n" });
  });
});
