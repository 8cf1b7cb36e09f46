import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { ensureGenerated, generate, loadProtos } from "./run-generate.js";
import { type TempProject, tempProject } from "./testing/temp-project.js";

const toolModules = resolve(import.meta.dirname, "../../node_modules");

const shop = `syntax = "proto3";
package shop.v1;

service Inventory {
  rpc GetItem(GetItemRequest) returns (Item);
  rpc WatchItems(GetItemRequest) returns (stream Item);
}
message GetItemRequest { string sku = 1; }
message Item {
  string sku = 1;
  enum State { STATE_UNSPECIFIED = 0; STATE_SOLD = 1; }
  State state = 2;
}
`;

const protoLoaderServer = `const path = require('path');
const protoLoader = require('@grpc/proto-loader');
const PROTO = path.join(__dirname, '..', 'protos', 'shop.proto');
const definition = protoLoader.loadSync(PROTO, { keepCase: true });
`;

/** `buf generate` as the user would run it later, with the tool's own buf and plugin. */
function bufGenerate(project: TempProject): void {
  const env = { ...process.env, PATH: `${join(toolModules, ".bin")}${delimiter}${process.env.PATH}` };
  execFileSync(join(toolModules, ".bin/buf"), ["generate"], { cwd: project.root, env, stdio: "pipe" });
}

describe("generate", () => {
  it("a JavaScript CommonJS project on proto-loader: js+dts that require() loads", async () => {
    using project = tempProject({
      "package.json": `{"name":"shop"}`,
      "server/main.js": protoLoaderServer,
      "protos/shop.proto": shop,
    });
    const result = await generate({ root: project.root, write: true });
    expect(result.status, result.failure?.text).toBe("generated");
    const after = project.snapshot();
    expect(Object.keys(after).sort()).toEqual([
      "buf.gen.yaml",
      "gen/shop_pb.d.ts",
      "gen/shop_pb.js",
      "package.json",
      "protos/shop.proto",
      "server/main.js",
    ]);
    expect(after["buf.gen.yaml"]).toBe(`version: v2
inputs:
  - directory: protos
plugins:
  - local: protoc-gen-es
    out: gen
    include_imports: true
    opt:
      - target=js+dts
      - import_extension=js
      - js_import_style=legacy_commonjs
`);
    mkdirSync(join(project.root, "node_modules"));
    symlinkSync(join(toolModules, "@bufbuild"), join(project.root, "node_modules/@bufbuild"));
    const generated = createRequire(join(project.root, "x.js"))("./gen/shop_pb.js") as Record<string, unknown>;
    expect(Object.keys(generated)).toEqual(
      expect.arrayContaining(["Inventory", "ItemSchema", "Item_State", "Item_StateSchema"]),
    );

    bufGenerate(project);
    expect(project.snapshot()).toEqual(after);
    const again = await generate({ root: project.root, write: true });
    expect(again.files.filter((file) => file.status !== "unchanged")).toEqual([]);
    expect(project.snapshot()).toEqual(after);
  });

  it("a TypeScript ESM project: target=ts with the extension that the project writes", async () => {
    using project = tempProject({
      "package.json": `{"name":"shop","type":"module"}`,
      "tsconfig.json": `{ "compilerOptions": { "module": "nodenext" } } // comments are fine`,
      "src/server.ts": `import { a } from "./a.js";\nconst p = new URL("../proto/shop/v1/shop.proto", import.meta.url);\n`,
      "src/a.ts": `export const a = 1;\n`,
      "proto/shop/v1/shop.proto": shop,
      "proto/shop/v1/order.proto": `syntax = "proto3";\npackage shop.v1;\nimport "shop/v1/shop.proto";\nimport "google/protobuf/timestamp.proto";\nmessage Order { Item item = 1; google.protobuf.Timestamp at = 2; }\n`,
    });
    const result = await generate({ root: project.root, write: true });
    expect(result.status, result.failure?.text).toBe("generated");
    const after = project.snapshot();
    expect(after["src/gen/shop/v1/order_pb.ts"]).toContain(`from "./shop_pb.js"`);
    expect(after["buf.gen.yaml"]).toContain("- target=ts\n      - import_extension=js");
    bufGenerate(project);
    expect(project.snapshot()).toEqual(after);

    const registry = result.registry!;
    const from = join(project.root, "src/handlers/get-item.ts");
    const state = registry.importPathFor(registry.enum("shop.v1.Item.State")!, from);
    expect(state).toEqual({
      module: "../gen/shop/v1/shop_pb.js",
      path: join(project.root, "src/gen/shop/v1/shop_pb"),
      descriptor: "Item_StateSchema",
      shape: "Item_State",
    });
    expect(registry.importPathFor(registry.service("shop.v1.Inventory")!, from).descriptor).toBe("Inventory");
    expect(registry.importPathFor(registry.message("google.protobuf.Timestamp")!, from)).toMatchObject({
      module: "@bufbuild/protobuf/wkt",
      descriptor: "TimestampSchema",
    });
    expect(registry.rpc(registry.methodByPath("/shop.v1.Inventory/WatchItems")!)).toEqual({
      service: "shop.v1.Inventory",
      method: "WatchItems",
      localName: "watchItems",
      kind: "server_streaming",
      input: "shop.v1.GetItemRequest",
      output: "shop.v1.Item",
    });
    expect(registry.fileBySource(join(project.root, "proto/shop/v1/shop.proto"))?.proto.name).toBe(
      "shop/v1/shop.proto",
    );
  });

  const mixed = {
    "src/server.ts": `import { a } from "./a";\nconst p = "../proto/shop.proto";\n`,
    "src/a.ts": "export const a = 1;\n",
    "src/b.ts": "export const b = 1;\n",
    "proto/shop.proto": shop,
    "proto/order.proto": `syntax = "proto3";\npackage shop.v1;\nimport "shop.proto";\nmessage Order { Item item = 1; }\n`,
    "tsconfig.json": `{ "compilerOptions": { "module": "commonjs", "outDir": "dist", "strict": true }, "include": ["src"] }`,
  };
  it.each([
    ["CommonJS", "commonjs", "require('../src/gen/order_pb')", "require('@grpc/grpc-js');\n"],
    ["ES", "module", "import('../src/gen/order_pb.js')", "import '@grpc/grpc-js';\n"],
  ])("TypeScript beside programs that node runs as they are: both, %s modules", async (_name, type, load, uses) => {
    using project = tempProject({
      ...mixed,
      "package.json": `{"name":"shop","type":"${type}"}`,
      "scripts/seed.js": uses,
    });
    const result = await generate({ root: project.root, write: true });
    expect(result.status, result.failure?.text).toBe("generated");
    symlinkSync(toolModules, join(project.root, "node_modules"));
    const script = `${type === "module" ? "const m = await " : "const m = "}${load}; console.log(m.OrderSchema.typeName);\n`;
    mkdirSync(join(project.root, "run"));
    writeFileSync(join(project.root, "run/load.js"), script);
    expect(execFileSync(process.execPath, [join(project.root, "run/load.js")], { encoding: "utf8" })).toBe(
      "shop.v1.Order\n",
    );
    writeFileSync(
      join(project.root, "src/server.ts"),
      `import { OrderSchema } from "./gen/order_pb${type === "module" ? ".js" : ""}";\nexport const name: "shop.v1.Order" = OrderSchema.typeName;\n`,
    );
    const tsc = join(toolModules, ".bin/tsc");
    const settings =
      type === "module" ? ["--module", "nodenext"] : ["--module", "commonjs", "--ignoreDeprecations", "6.0"];
    execFileSync(tsc, ["-p", project.root, "--rootDir", join(project.root, "src"), "--skipLibCheck", ...settings], {
      stdio: "pipe",
    });
    expect(existsSync(join(project.root, "dist/gen/order_pb.js"))).toBe(true);
  });

  it("TypeScript whose compiler takes JavaScript, too, and JavaScript without gRPC: TypeScript only", async () => {
    const changes: Record<string, string>[] = [
      { "tsconfig.json": `{ "compilerOptions": { "allowJs": true } }`, "src/seed.js": "require('@grpc/grpc-js');\n" },
      { "jest.config.js": "module.exports = {};\n" },
    ];
    for (const changed of changes) {
      using project = tempProject({ ...mixed, "package.json": "{}", ...changed });
      const result = await generate({ root: project.root, write: false });
      expect(result.plan?.options[0]).toBe("target=ts");
    }
  });

  it("several roots and an import from a package: a buf workspace that gives the same code", async () => {
    using project = tempProject({
      "package.json": JSON.stringify({
        name: "shop",
        scripts: { gen: "grpc_tools_node_protoc -I ./api -I=./common --js_out=out api/**/*.proto" },
      }),
      "index.js": "",
      "api/shop/shop.proto": `syntax = "proto3";\npackage shop;\nimport "money/money.proto";\nimport "google/api/annotations.proto";\nmessage Price { money.Money amount = 1; }\n`,
      "common/money/money.proto": `syntax = "proto3";\npackage money;\nmessage Money { int64 units = 1; }\n`,
      "node_modules/googleapis-protos/package.json": `{"name":"googleapis-protos"}`,
      "node_modules/googleapis-protos/protos/google/api/annotations.proto": `syntax = "proto3";\npackage google.api;\nimport "google/protobuf/descriptor.proto";\nextend google.protobuf.MethodOptions { string http = 72295728; }\n`,
      "node_modules/googleapis-protos/protos/google/other/broken.proto": `nonsense`,
    });
    const result = await generate({ root: project.root, write: true });
    expect(result.status, result.failure?.text).toBe("generated");
    const after = project.snapshot();
    expect(Object.keys(after)).toEqual(
      expect.arrayContaining(["gen/shop/shop_pb.js", "gen/money/money_pb.js", "gen/google/api/annotations_pb.js"]),
    );
    expect(after["buf.yaml"]).toBe(`version: v2
modules:
  - path: api
  - path: common
  - path: node_modules/googleapis-protos/protos
    includes:
      - node_modules/googleapis-protos/protos/google/api
`);
    bufGenerate(project);
    expect(project.snapshot()).toEqual(after);
  });

  it("a proto outside the project, and imports relative to the importing file, as proto-loader reads them", async () => {
    using project = tempProject({
      "protos/hello.proto": `syntax = "proto3";\npackage hello;\nimport "../shared/common.proto";\nservice Hello { rpc Say(common.Text) returns (common.Text); }\n`,
      "protos/unrelated.proto": `syntax = "proto3";\npackage other;\nmessage X {}\n`,
      "shared/common.proto": `syntax = "proto3";\npackage common;\nmessage Text { string text = 1; }\n`,
      "node/package.json": `{"name":"n"}`,
      "node/server.js": "const PROTO_PATH = __dirname + '/../protos/hello.proto';\n",
    });
    const result = await ensureGenerated({ root: join(project.root, "node") });
    expect(result.status, result.failure?.text).toBe("generated");
    expect(result.registry?.services().map((service) => service.typeName)).toEqual(["hello.Hello"]);
    expect(result.files.map((file) => file.path.slice(project.root.length)).sort()).toEqual([
      "/node/buf.gen.yaml",
      "/node/gen/common_pb.d.ts",
      "/node/gen/common_pb.js",
      "/node/gen/hello_pb.d.ts",
      "/node/gen/hello_pb.js",
    ]);
  });

  it("one referenced proto outside the project: the written inputs name just that file", async () => {
    using project = tempProject({
      "protos/hello.proto": shop,
      "protos/broken.proto": "nonsense",
      "node/package.json": `{"name":"n"}`,
      "node/server.js": "const PROTO_PATH = __dirname + '/../protos/hello.proto';\n",
    });
    const root = join(project.root, "node");
    const result = await generate({ root, write: true });
    expect(result.files.find((file) => file.path.endsWith("buf.gen.yaml"))?.content).toContain(
      "inputs:\n  - directory: ../protos\n    paths:\n      - ../protos/hello.proto\n",
    );
  });

  it("a proto that does not compile: buf's words with the project's path, and nothing is written", async () => {
    using project = tempProject({
      "package.json": `{"name":"shop"}`,
      "server/main.js": protoLoaderServer,
      "protos/shop.proto": shop.replace("string sku = 1; }", "strin sku = 1; }"),
    });
    const before = project.snapshot();
    const result = await generate({ root: project.root, write: true });
    expect(result.status).toBe("failed");
    expect(result.failure).toMatchObject({ kind: "proto-invalid" });
    expect(result.failure?.text).toMatch(/^protos\/shop\.proto:8:26:.*`strin`/);
    expect(result.registry).toBeNull();
    expect(project.snapshot()).toEqual(before);
  });

  it("a broken proto that nothing refers to is left out, with a note", async () => {
    using project = tempProject({
      "package.json": `{"name":"shop"}`,
      "server/main.js": protoLoaderServer,
      "protos/shop.proto": shop,
      "old/draft.proto": `syntax = "proto3";\nmessage Draft { Nowhere x = 1; }\n`,
      "old/uses-draft.proto": `syntax = "proto3";\nimport "draft.proto";\nmessage Uses { Draft x = 1; }\n`,
    });
    const result = await ensureGenerated({ root: project.root });
    expect(result.status, result.failure?.text).toBe("generated");
    expect(result.registry?.files().map((file) => file.proto.name)).toEqual(["shop.proto"]);
    expect(result.notes.join("\n")).toMatch(
      /Left out, because it does not compile: old\/draft\.proto.*old\/draft\.proto:2:17/,
    );
  });

  it("a broken proto that is referred to: generate fails, services and clients go on with the others", async () => {
    using project = tempProject({
      "package.json": `{"name":"shop"}`,
      "server/main.js": `${protoLoaderServer}\nload(__dirname + '/../protos/todo.proto');`,
      "protos/shop.proto": shop,
      "protos/todo.proto": `syntax = "proto3";\npackage todo;\nmessage T { required string title = 1; }\n`,
      "protos/uses-todo.proto": `syntax = "proto3";\nimport "todo.proto";\nmessage U { todo.T t = 1; }\n`,
    });
    expect((await generate({ root: project.root, write: true })).failure?.text).toMatch(/^protos\/todo\.proto:3:13/);
    const result = await ensureGenerated({ root: project.root });
    expect(result.registry?.files().map((file) => file.proto.name)).toEqual(["shop.proto"]);
    expect(result.notes.join()).toContain(
      "Left out, because it does not compile: protos/todo.proto. protos/todo.proto:3:13",
    );
  });

  it("no proto: says so, and what it cannot do", async () => {
    using project = tempProject({ "package.json": "{}", "a.js": "load('./missing.proto')" });
    const result = await generate({ root: project.root, write: true });
    expect(result.status).toBe("no-protos");
    expect(result.notes).toEqual([
      "a.js names ./missing.proto, and there is no such file.",
      expect.stringContaining("No .proto file was found"),
    ]);
    expect(Object.keys(project.snapshot()).sort()).toEqual(["a.js", "package.json"]);
    expect((await generate({ root: join(project.root, "nowhere"), write: true })).failure?.kind).toBe("path-missing");
  });

  it("a dry run writes nothing and names every file", async () => {
    using project = tempProject({
      "package.json": `{}`,
      "server/main.js": protoLoaderServer,
      "protos/shop.proto": shop,
    });
    const before = project.snapshot();
    const result = await generate({ root: project.root, write: false, out: "lib/pb" });
    expect(result.files.map((file) => [file.path.slice(project.root.length + 1), file.status])).toEqual([
      ["buf.gen.yaml", "created"],
      ["lib/pb/shop_pb.d.ts", "created"],
      ["lib/pb/shop_pb.js", "created"],
    ]);
    expect(project.snapshot()).toEqual(before);
  });

  it("an existing buf.gen.yaml is extended, comments and all", async () => {
    const existing = `version: v2
# the old generator
plugins:
  - local: protoc-gen-ts_proto # pinned
    out: src/generated
    opt: [outputServices=grpc-js]
`;
    using project = tempProject({
      "package.json": `{}`,
      "tsconfig.json": "{}",
      "src/server.ts": `import { x } from "./generated/shop";\n`,
      "buf.gen.yaml": existing,
      "buf.yaml": "version: v2\nmodules:\n  - path: protos\n",
      "protos/shop.proto": shop,
    });
    const result = await generate({ root: project.root, write: true });
    expect(result.status, result.failure?.text).toBe("generated");
    const after = project.snapshot();
    expect(after["buf.gen.yaml"]?.replace(/\s+$/gm, "")).toContain("# the old generator");
    expect(after["buf.gen.yaml"]).toContain("local: protoc-gen-ts_proto # pinned");
    expect(after["buf.gen.yaml"]).toContain("local: protoc-gen-es\n    out: src/gen\n");
    expect(after["buf.yaml"]).toBe("version: v2\nmodules:\n  - path: protos\n");
    expect(Object.keys(after)).toContain("src/gen/shop_pb.ts");
    expect((await ensureGenerated({ root: project.root })).files.filter((file) => file.status !== "unchanged")).toEqual(
      [],
    );
  });

  it("does not write over another generator's *_pb.js", async () => {
    using project = tempProject({
      "package.json": `{}`,
      "server/main.js": protoLoaderServer,
      "protos/shop.proto": shop,
      "gen/shop_pb.js": "// source: shop.proto\nvar jspb = require('google-protobuf');\n",
    });
    const result = await ensureGenerated({ root: project.root });
    expect(result.files.map((file) => file.path.slice(project.root.length + 1))).toContain("gen-es/shop_pb.js");
  });

  it("does not put a .ts beside another generator's *_pb.js and *_pb.d.ts: imports would find ours", async () => {
    using project = tempProject({
      "package.json": `{}`,
      "tsconfig.json": `{}`,
      "src/main.ts": `import { Item } from "./gen/shop_pb";\nimport * as grpc from "@grpc/grpc-js";\n`,
      "protos/shop.proto": shop,
      "src/gen/shop_pb.js": "// source: shop.proto\nvar jspb = require('google-protobuf');\n",
      "src/gen/shop_pb.d.ts": "// package: shop.v1\n// file: shop.proto\n",
    });
    const result = await ensureGenerated({ root: project.root });
    expect(result.files.map((file) => file.path.slice(project.root.length + 1))).toContain("src/gen-es/shop_pb.ts");
  });

  it("the types of proto-loader-gen-types show neither an import root nor how the project writes its imports", async () => {
    const types = ["Order", "Item", "Shelf"].map((name) => [
      `src/types/${name}.ts`,
      `// Original file: proto/shop/v1/order.proto\nimport type { Other } from './Other';\nexport interface ${name} {}\n`,
    ]);
    using project = tempProject({
      "package.json": `{"type":"module"}`,
      "tsconfig.json": `{}`,
      "src/server.ts": `import { a } from "./a.js";\nimport type { Item } from "./types/Item";\n`,
      "src/a.ts": `import * as loader from "@grpc/proto-loader";\nloader.loadSync("shop/v1/order.proto");\n`,
      ...Object.fromEntries(types),
      "proto/shop/v1/shop.proto": shop,
      "proto/shop/v1/order.proto": `syntax = "proto3";\npackage shop.v1;\nimport "shop/v1/shop.proto";\nmessage Order { Item item = 1; }\n`,
    });
    const result = await generate({ root: project.root, write: true });
    const order = result.files.find((file) => file.path.endsWith("order_pb.ts"));
    expect(order?.path).toBe(join(project.root, "src/gen/shop/v1/order_pb.ts"));
    expect(readFileSync(order!.path, "utf8")).toContain(`from "./shop_pb.js"`);
  });

  it("with NodeNext, imports without an extension are no example: the compiler does not take them", async () => {
    using project = tempProject({
      "package.json": `{"type":"module"}`,
      "tsconfig.json": `{"compilerOptions":{"module":"NodeNext"}}`,
      "src/server.ts": `import { a } from "./a";\nimport * as loader from "@grpc/proto-loader";\n`,
      "protos/shop.proto": shop,
    });
    const result = await ensureGenerated({ root: project.root });
    expect(result.plan?.layout.importExtension).toBe(".js");
  });

  it("copies of a proto: the same text counts once, other text is left out and said", async () => {
    using project = tempProject({
      "a/package.json": `{}`,
      "a/server.js": "load(__dirname + '/protos/shop.proto')",
      "a/protos/shop.proto": shop,
      "b/protos/shop.proto": shop,
      "c/protos/shop.proto": shop.replace("STATE_SOLD", "STATE_GONE"),
    });
    const { registry, notes } = await loadProtos({ root: project.root });
    expect(registry?.services()).toHaveLength(1);
    expect(registry?.fileBySource(join(project.root, "b/protos/shop.proto"))?.proto.name).toBe("shop.proto");
    expect(notes.join("\n")).toContain("c/protos/shop.proto was left out");
  });
});

describe("a package of a workspace", () => {
  const load = `const path = require('path');
const protoLoader = require('@grpc/proto-loader');
const load = (name) => protoLoader.loadSync(path.join(__dirname, '../../protos', name));
load('shop.proto');
`;
  const files = { "packages/a/package.json": `{"name":"a"}`, "packages/a/main.js": load, "protos/shop.proto": shop };

  it("finds a proto that a helper loads from beside the package", async () => {
    using project = tempProject({ ...files, "package.json": `{"name":"all","workspaces":["packages/*"]}` });
    const { registry, notes } = await loadProtos({ root: join(project.root, "packages/a") });
    expect(notes).toEqual([]);
    expect(registry?.service("shop.v1.Inventory")).toBeDefined();
  });

  it("does not look beyond its own repository", async () => {
    using alone = tempProject({ ...files, "package.json": `{"name":"all","workspaces":["packages/*"]}` });
    mkdirSync(join(alone.root, "packages/a/.git"));
    const { registry, notes } = await loadProtos({ root: join(alone.root, "packages/a") });
    expect(registry).toBeNull();
    expect(notes[0]).toBe("main.js names shop.proto, and there is no such file.");
  });
});
