import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import Ajv from "ajv/dist/2020.js";
import { afterEach, describe, expect, it, vi } from "vitest";
import { findConfig } from "./config.js";
import { project, removeProjects, run } from "./testing/cli.js";

// Each test starts the command several times.
vi.setConfig({ testTimeout: 240_000 });
afterEach(removeProjects);

const schema = JSON.parse(readFileSync(fileURLToPath(new URL("config.schema.json", import.meta.url)), "utf8"));
const validate = new Ajv.default({ strict: true }).compile(schema);
const FILE = "connect-migrate.config.json";

const wrong: readonly (readonly [text: string, where: string, what: RegExp])[] = [
  ['{\n  "target": "connect"\n}', "2:13", /"target" has to be "bundled" or "connectrpc"/],
  ['{ "mesages": "auto" }', "1:3", /"mesages" is no setting\. There is target, messages, /],
  ['{ "constructor": 1 }', "1:3", /is no setting/],
  ['{ "exclude": "legacy/**" }', "1:14", /"exclude" has to be a list of globs, like \["legacy\/\*\*"\]/],
  ['{ "exclude": ["a", ""] }', "1:14", /list of globs/],
  ['{ "cache": "no" }', "1:12", /"cache" has to be true or false/],
  ['{ "baseline": 3 }', "1:15", /a text that is not empty/],
  ["[]", "1:1", /an object is expected/],
];

describe("connect-migrate.config.json", () => {
  it.each(wrong)("%s: named with its place, and by the schema", (text, where, what) => {
    const root = project({ [FILE]: text, "a.js": "1;\n" });
    const { code, err } = run(root, "services");
    expect(code).toBe(1);
    expect(err).toContain(`error: ${FILE}:${where}: `);
    expect(err).toMatch(what);
    expect(validate(JSON.parse(text))).toBe(false);
  });

  it("what is no JSON, and a glob that leads out, are named", () => {
    expect(run(project({ [FILE]: '{\n  "target" "x"\n}', "a.js": "1;\n" }), "scan").err).toMatch(
      /^error: connect-migrate\.config\.json:2:12: this is not JSON/,
    );
    const outside = '{ "exclude": ["../x/**"] }';
    expect(run(project({ [FILE]: outside, "a.js": "1;\n" }), "plan").err).toMatch(/1:15: a glob of a file below/);
  });

  it("holds for every folder below it, with comments; flags win; what is excluded does not change", () => {
    const text = `{
  // the whole team
  "runtime": "npm",
  "target": "connectrpc",
  "exclude": ["old/**"],
}`;
    const source =
      "const { status } = require('@grpc/grpc-js');\nexports.isGone = (err) => err.code === status.NOT_FOUND;\n";
    const root = project({ [FILE]: text, "package.json": '{ "name": "x" }\n', "old/a.js": source, "new/a.js": source });
    expect(findConfig(path.join(root, "new"))).toMatchObject({
      file: path.join(root, FILE),
      config: { runtime: "npm" },
    });
    const { report } = run(root, "clients", "--dry-run", "--json", "report.json");
    expect(report).toBeUndefined();
    const files = JSON.parse(readFileSync(path.join(root, "report.json"), "utf8")).files.map(
      (file: { path: string }) => file.path,
    );
    expect(files).toContain("new/a.js");
    expect(files).not.toContain("old/a.js");
    expect(existsSync(path.join(root, "vendor"))).toBe(false);
  });

  it("the schema takes what it describes", () => {
    const all = {
      $schema: "x",
      target: "bundled",
      messages: "native",
      runtime: "npm",
      exclude: ["a"],
      baseline: "b",
      cache: false,
    };
    expect(validate(all), JSON.stringify(validate.errors)).toBe(true);
    expect(Object.keys(all).sort()).toEqual(Object.keys(schema.properties).sort());
  });

  it("check keeps its figures where the configuration says", () => {
    const root = project({
      [FILE]: '{ "baseline": "ci/grpc.json" }',
      "package.json": '{ "name": "x" }\n',
      "ci/x": "",
      "src/a.js": "const grpc = require('@grpc/grpc-js');\nnew grpc.Server();\n",
    });
    expect(run(path.join(root, "src"), "check", "--update").code).toBe(0);
    expect(existsSync(path.join(root, "ci/grpc.json"))).toBe(true);
  });
});
