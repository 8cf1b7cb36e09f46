import path from "node:path";
import { afterAll, expect, it } from "vitest";
import { project, removeProjects, run } from "./testing/cli.js";

afterAll(removeProjects);

const proto = 'syntax = "proto3";\npackage a.v1;\nmessage A { string id = 1; }\n';

it("says what `buf generate` needs, until a package.json names it", () => {
  const root = project({ "package.json": '{ "name": "p" }\n', "proto/a.proto": proto });
  const first = run(root, "generate");
  expect(first.out).toContain("1 .proto file, 3 files written, 0 up to date.\n");
  expect(first.out).toContain("npm install --save-dev @bufbuild/buf @bufbuild/protoc-gen-es.\n");

  const complete = project({
    "package.json": '{ "name": "p", "devDependencies": { "@bufbuild/buf": "*", "@bufbuild/protoc-gen-es": "*" } }\n',
    "proto/a.proto": proto,
  });
  expect(run(complete, "generate").out).not.toContain("npm install");
});

it("names the folder in which there is no .proto file", () => {
  const root = project({ "package.json": '{ "name": "p" }\n' });
  expect(run(root, "generate", ".").out).toContain(`no .proto file was found in ${path.basename(root)}.\n`);
});
