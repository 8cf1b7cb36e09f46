import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { generate } from "../generate/index.js";
import { tempProject } from "../generate/testing/temp-project.js";
import { runMigration } from "../pipeline.js";
import { generateStep } from "./generate-step.js";
import { commandsOf, generatorCommand, withoutGenerators } from "./generator-commands.js";
import { REPLACEMENT } from "./generator-notes.js";

const SHELL = `#!/bin/sh
# npx grpc_tools_node_protoc --js_out=old
OUT=src/gen
grpc_tools_node_protoc \\
  --js_out=import_style=commonjs,binary:$OUT a.proto
`;
const MAKE = `PROTOC ?= protoc
all: gen types

gen:
	./scripts/gen.sh
types: a.proto
	@$(PROTOC) --ts_out=src/gen a.proto
`;

describe("the script that makes our code, too", () => {
  const tools = "grpc_tools_node_protoc --js_out=gen a.proto";
  const cases: readonly (readonly [
    title: string,
    scripts: Record<string, string>,
    script: string | null | undefined,
  ])[] = [
    ["the only one with a generator", { build: "tsc", proto: `rm -rf gen && ${tools}` }, "proto"],
    ["the one that calls all", { "p:js": tools, "p:ts": "pbts -o a.d.ts a.js", p: "npm run p:js && yarn p:ts" }, "p"],
    ["buf already", { gen: "buf generate", old: tools }, null],
    ["no generator of JavaScript", { go: "protoc --go_out=. a.proto", docs: "protoc --doc_out=. a.proto" }, undefined],
  ];
  it.each(cases)("%s", (_title, scripts, name) => {
    const step = generateStep(JSON.stringify({ scripts }));
    if (name === undefined) expect(step).toBeNull();
    else if (name === null)
      expect(step).toMatchObject({
        script: null,
        development: new Map([["@bufbuild/protoc-gen-es", expect.any(String)]]),
      });
    else {
      expect(step?.script).toEqual({ name, text: `${scripts[name]} && buf generate` });
      expect([...(step?.development.keys() ?? [])]).toEqual(["@bufbuild/buf", "@bufbuild/protoc-gen-es"]);
    }
  });

  const none: readonly (readonly [string, Record<string, string>])[] = [
    ["two, and none calls both", { js: tools, ts: "pbts -o a.d.ts a.js", build: "npm run js && tsc" }],
    ["no script is plain", { a: `cd proto && ${tools}`, b: `${tools}; echo done`, c: `${tools} $(ls)` }],
  ];
  it.each(none)("none, but what it needs: %s", (_title, scripts) => {
    const step = generateStep(JSON.stringify({ scripts }));
    expect(step?.script).toBeNull();
    expect([...(step?.development.keys() ?? [])]).toEqual(["@bufbuild/buf", "@bufbuild/protoc-gen-es"]);
  });

  it("a shell script and a make file are named, with who runs them and who needs what they make, and `generate` may come before or after", async () => {
    const scripts = { proto: "sh scripts/gen.sh", types: "make types", odd: `cd proto && ${tools}` };
    const notes = [
      "package.json: the script odd runs grpc_tools_node_protoc",
      "Makefile:7 (run by the script types of package.json) runs protoc, and src/log.js still needs what it makes",
      "scripts/gen.sh:4 (run by the script proto of package.json, Makefile:5) runs grpc_tools_node_protoc, and src/log.js still needs what it makes",
    ];
    const manifest = { scripts, dependencies: { "@grpc/grpc-js": "1", "@grpc/proto-loader": "0.8" } };
    const after: string[] = [];
    for (const order of ["generate first", "services first"]) {
      using project = tempProject({
        "package.json": `${JSON.stringify(manifest, null, 2)}\n`,
        "src/a.proto":
          "syntax = 'proto3'; package a; service B { rpc Say(M) returns (M); } message M { string text = 1; }",
        "src/server.js": `const grpc = require('@grpc/grpc-js');
const { a } = grpc.loadPackageDefinition(require('@grpc/proto-loader').loadSync(__dirname + '/a.proto'));
const server = new grpc.Server();
server.addService(a.B.service, { say: (call, callback) => callback(null, { text: call.request.text }) });
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), () => {});
`,
        "src/log.js": "require('@grpc/grpc-js');\nrequire('./gen/a_pb');\n",
        "src/gen/a_pb.js": "// GENERATED CODE -- DO NOT EDIT!\n",
        "scripts/gen.sh": SHELL,
        Makefile: MAKE,
      });
      const { root } = project;
      if (order === "generate first") await generate({ root, write: true });
      const result = await runMigration({
        cwd: root,
        paths: [path.join(root, "src/server.js")],
        side: "services",
        target: "bundled",
        messages: "auto",
        runtime: "npm",
      });
      expect(result.notes.filter((note) => note.includes(" runs "))).toEqual(
        notes.map((note) => `${note}. ${REPLACEMENT}: run it there, too.`),
      );
      for (const { path: file, content } of result.extraFiles) {
        mkdirSync(path.dirname(file), { recursive: true });
        writeFileSync(file, content);
      }
      if (order === "services first") await generate({ root, write: true });
      after.push(project.snapshot()["package.json"] ?? "");
    }
    expect(after[0]).toBe(after[1]);
    expect(JSON.parse(after[0] ?? "")).toEqual({
      scripts,
      dependencies: expect.anything(),
      devDependencies: { "@bufbuild/buf": expect.any(String), "@bufbuild/protoc-gen-es": expect.any(String) },
    });
  });
});

describe("generators in a shell command", () => {
  const cases: readonly { command: string; outputs: readonly string[] | null; isMixed?: boolean }[] = [
    {
      command:
        "npx grpc_tools_node_protoc --js_out=import_style=commonjs,binary:./gen --grpc_out=grpc_js:./gen a.proto",
      outputs: ["./gen"],
    },
    {
      command:
        "protoc --plugin=protoc-gen-grpc=./node_modules/.bin/grpc_tools_node_protoc_plugin --grpc_out=out a.proto",
      outputs: ["out"],
    },
    {
      command: "protoc --plugin=./node_modules/.bin/protoc-gen-ts_proto --ts_proto_out=src 'a b.proto'",
      outputs: ["src"],
    },
    { command: "NODE_ENV=x ./node_modules/.bin/pbjs -t static-module -o 'src/a.js' a.proto", outputs: ["src/a.js"] },
    { command: "proto-loader-gen-types --longs=String --outDir=types/ a.proto", outputs: ["types/"] },
    { command: "protoc --js_out=$OUT a.proto", outputs: [] },
    { command: "protoc --go_out=a --js_out=b a.proto", outputs: ["b"], isMixed: true },
    {
      command: "protoc --python_out=. --grpc_out=. --plugin=protoc-gen-grpc=grpc_python_plugin a.proto",
      outputs: null,
    },
    { command: "protoc --es_out=gen a.proto", outputs: null },
    { command: "echo protocol", outputs: null },
  ];
  it.each(cases)("$command", ({ command, outputs, isMixed = false }) => {
    const found = generatorCommand(command);
    expect(found && { outputs: found.outputs, isMixed: found.isMixed }).toEqual(outputs && { outputs, isMixed });
  });

  it("&& in quotes joins nothing, and what is no list of commands is left alone", () => {
    expect(commandsOf(`node -e "a && b" && tsc`)).toEqual([`node -e "a && b"`, "tsc"]);
    for (const script of ["a || b", "a; b", "a | b", "a & b", "a > b", "a && $(b)", "a # b"])
      expect(commandsOf(script)).toBeNull();
  });

  it("what only makes room for them goes with them, what uses their output keeps them", () => {
    const gone = (name: string) => name === "old";
    expect(withoutGenerators("mkdir -p gen/a && pbjs -o gen/a/b.js c.proto && tsc", gone)).toBe(
      "mkdir -p gen/a && tsc",
    );
    expect(withoutGenerators("mkdir -p gen && protoc --js_out=gen c.proto && tsc", gone)).toBe("tsc");
    expect(withoutGenerators("rimraf dist && protoc --js_out=gen c.proto", gone)).toBe("rimraf dist");
    expect(withoutGenerators("npm run old && npm run older", gone)).toBe("npm run older");
    expect(withoutGenerators("protoc --js_out=gen c.proto && buf generate", gone)).toBe("buf generate");
    expect(withoutGenerators("cd proto && protoc --js_out=gen c.proto", gone)).toBe("");
    expect(withoutGenerators("cd proto && protoc --js_out=gen c.proto && tsc", gone)).toBeNull();
    expect(withoutGenerators("protoc --js_out=gen c.proto && cp -r gen dist", gone)).toBeNull();
    expect(withoutGenerators("tsc && node a.js", gone)).toBe("tsc && node a.js");
  });
});
