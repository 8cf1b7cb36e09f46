import { describe, expect, it } from "vitest";
import { generateStep } from "./generate-step.js";
import { commandsOf, generatorCommand, withoutGenerators } from "./generator-commands.js";

describe("the script that makes our code, too", () => {
  const tools = "grpc_tools_node_protoc --js_out=gen a.proto";
  const cases: readonly (readonly [
    title: string,
    scripts: Record<string, string>,
    script: string | null | undefined,
  ])[] = [
    ["the only one with a generator", { build: "tsc", proto: `rm -rf gen && ${tools}` }, "proto"],
    ["the one that calls all", { "p:js": tools, "p:ts": "pbts -o a.d.ts a.js", p: "npm run p:js && yarn p:ts" }, "p"],
    ["two, and none calls both", { js: tools, ts: "pbts -o a.d.ts a.js", build: "npm run js && tsc" }, undefined],
    ["buf already", { gen: "buf generate", old: tools }, null],
    ["no generator of JavaScript", { go: "protoc --go_out=. a.proto", docs: "protoc --doc_out=. a.proto" }, undefined],
    [
      "a script that is not plain",
      { a: `cd proto && ${tools}`, b: `${tools}; echo done`, c: `${tools} $(ls)` },
      undefined,
    ],
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
