import { readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { project, removeProjects, run } from "./testing/cli.js";

// A workspace of three packages; --rule and --shard take parts of what a run on all of it does.
const proto = (name: string) =>
  `syntax = "proto3";\npackage ${name};\nservice S { rpc Say(M) returns (M); rpc List(M) returns (stream M); }\nmessage M { string text = 1; }\n`;
const server = (name: string, handler: string) => `const path = require('path');
const grpc = require('@grpc/grpc-js');
const protoLoader = require('@grpc/proto-loader');

const definition = protoLoader.loadSync(path.join(__dirname, '${name}.proto'));
const { ${name} } = grpc.loadPackageDefinition(definition);

${handler}

const server = new grpc.Server();
server.addService(${name}.S.service, { ${handler.includes("list") ? "list" : "say"} });
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (err) => {
  if (err) throw err;
});
`;
const say = "function say(call, callback) {\n  callback(null, { text: call.request.text });\n}";
const list = "function list(call) {\n  call.write({ text: call.request.text });\n  call.end();\n}";

let root: string;
beforeAll(() => {
  const packages = { one: say, two: list, three: say };
  root = project({
    "package.json": '{ "name": "all", "private": true, "workspaces": ["packages/*"] }\n',
    ...Object.fromEntries(
      Object.entries(packages).flatMap(([name, handler]) => [
        [`packages/${name}/package.json`, `{ "name": "${name}" }\n`],
        [`packages/${name}/${name}.proto`, proto(name)],
        [`packages/${name}/server.js`, server(name, handler)],
      ]),
    ),
  });
});
// Each test starts the command several times.
vi.setConfig({ testTimeout: 240_000 });
afterAll(removeProjects);

const changed = (report: { files: { path: string; status: string }[] }) =>
  report.files.flatMap((file) => (file.status === "changed" && file.path.endsWith("server.js") ? [file.path] : []));

describe("--rule", () => {
  it("takes what the rule changes, with all that has to change with it", () => {
    const { code, report } = run(
      root,
      "services",
      "--rule",
      "services/write-to-yield",
      "--dry-run",
      "--runtime",
      "npm",
    );
    expect(code).toBe(2);
    expect(changed(report)).toEqual(["packages/two/server.js"]);
    expect(report.findings.some((each: { rule: string }) => each.rule === "services/server-to-app")).toBe(true);
  });

  it("an unknown one says which there are", () => {
    const { code, err } = run(root, "services", "--rule", "services/write-to-yeild", "--dry-run");
    expect(code).toBe(1);
    expect(err).toMatch(/^error: --rule services\/write-to-yeild: .* There is .*services\/write-to-yield\./);
  });
});

describe("--shard and merge", () => {
  let reportsFolder: string;
  beforeAll(() => {
    reportsFolder = project({}, { git: false });
  });
  const part = (index: number) => path.join(reportsFolder, `shard-${index}.json`);
  const whole = (name: string) => path.join(reportsFolder, name);

  it("parts make the reports of the whole", () => {
    const all = run(root, "services", "--dry-run", "--patch", whole("a.patch"), "--sarif", whole("a.sarif"));
    const parts = [1, 2, 3].map((index) =>
      run(root, "services", "--dry-run", "--shard", `${index}/3`, "--json", part(index)),
    );
    expect(parts.map(({ code }) => code)).toEqual([2, 2, 2]);
    const reports = [1, 2, 3].map((index) => JSON.parse(readFileSync(part(index), "utf8")));
    expect(reports.map((report) => changed(report).length)).toEqual([1, 1, 1]);
    // In any order.
    const names = [3, 1, 2].map((index) => part(index));
    const merged = run(
      root,
      "merge",
      ...names,
      "--json",
      whole("b.json"),
      "--patch",
      whole("b.patch"),
      "--sarif",
      whole("b.sarif"),
      "--html",
      whole("b.html"),
      "--markdown",
      whole("b.md"),
    );
    expect(merged.code).toBe(2);
    const counts = (text: string) => /^\d+ idiomatic.*$/m.exec(text)?.[0];
    expect(counts(merged.out)).toBe(counts(all.out));
    expect(JSON.parse(readFileSync(whole("b.json"), "utf8")).summary).toEqual(all.report.summary);
    const lines = (name: string) => readFileSync(whole(name), "utf8").split("\n").sort();
    expect(lines("b.patch")).toEqual(lines("a.patch"));
    const results = (name: string) =>
      JSON.parse(readFileSync(whole(name), "utf8"))
        .runs[0].results.map((each: object) => JSON.stringify({ ...each, ruleIndex: 0 }))
        .sort();
    expect(results("b.sarif")).toEqual(results("a.sarif"));
    expect(readFileSync(whole("b.html"), "utf8")).toContain("packages/two/server.js");
    expect(readFileSync(whole("b.md"), "utf8")).toMatch(/3 files would change/);
  }, 240_000);

  it("says what is wrong: a part that is missing, twice, or of another run; no part at all", () => {
    run(root, "clients", "--dry-run", "--shard", "2/3", "--json", part(9));
    const merge = (...names: string[]) => run(root, "merge", ...names);
    expect(merge(part(1), part(3))).toMatchObject({
      code: 1,
      err: expect.stringMatching(/Parts are missing: 2\/3/),
    });
    expect(merge(part(1), part(1)).err).toMatch(/are both part 1\/3/);
    expect(merge(part(1), part(9)).err).toMatch(/they are not of one run/);
    expect(merge(path.join(root, "package.json")).err).toMatch(/is not the report of a part/);
    expect(merge("nowhere.json").err).toMatch(/nowhere\.json does not exist/);
    expect(run(root, "services", "--shard", "4/3", "--dry-run").err).toMatch(/--shard 4\/3: the number of a part/);
    expect(run(root, "services", "--shard", "1/3").err).toMatch(/needs --dry-run/);
  }, 240_000);
});
