import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { generate } from "./run-generate.js";
import { type TempProject, tempProject } from "./testing/temp-project.js";

const toolModules = resolve(import.meta.dirname, "../../node_modules");

/** `buf generate` as a person runs it later, with the tool's own buf and plugin. */
function bufGenerate(folder: string): void {
  const env = { ...process.env, PATH: `${join(toolModules, ".bin")}${delimiter}${process.env.PATH}` };
  execFileSync(join(toolModules, ".bin/buf"), ["generate"], { cwd: folder, env, stdio: "pipe" });
}

const messages = "message Req { string id = 1; }\nmessage Res { string id = 1; }\n";
const proto = (name: string, body = messages, imports: readonly string[] = []) =>
  `syntax = "proto3";\npackage ${name};\n${imports.map((one) => `import "${one}";\n`).join("")}${body}`;
const service = (name: string) => `service ${name} { rpc Do(Req) returns (Res); }\n${messages}`;
const http = `service S { rpc Do(Req) returns (Res) { option (google.api.http) = { get: "/v1/{id}" }; } }\n${messages}`;
const annotated = proto("a.v1", http, ["google/api/annotations.proto"]);
const googleCode = ["gen/google/api/annotations_pb.js", "gen/google/api/http_pb.js"];

interface Layout {
  readonly title: string;
  readonly files: Readonly<Record<string, string>>;
  /** Real packages: name of ours -> place in the project. */
  readonly copies?: Readonly<Record<string, string>>;
  readonly links?: Readonly<Record<string, string>>;
  /** The folder that is the project. */
  readonly at?: string;
  /** The generated .js files. */
  readonly code: readonly string[];
  /** buf alone cannot make it again, and this note says so. */
  readonly note?: string;
}

const layouts: readonly Layout[] = [
  {
    title: "a buf workspace of version 1",
    files: {
      "buf.work.yaml": "version: v1\ndirectories:\n  - proto\n  - common\n",
      "proto/buf.yaml": "version: v1\n",
      "proto/shop/v1/shop.proto": proto("shop.v1", "message A { common.v1.Req m = 1; }", ["common/v1/m.proto"]),
      "common/buf.yaml": "version: v1\n",
      "common/common/v1/m.proto": proto("common.v1"),
    },
    code: ["gen/common/v1/m_pb.js", "gen/shop/v1/shop_pb.js"],
  },
  {
    title: "modules of buf.yaml v2, with folders that they exclude",
    files: {
      "buf.yaml":
        "version: v2\nmodules:\n  - path: proto\n    excludes:\n      - proto/old\n  - path: common\n    includes:\n      - common/common\n",
      "proto/shop/v1/shop.proto": proto("shop.v1", "message A { common.v1.Req m = 1; }", ["common/v1/m.proto"]),
      "proto/old/x.proto": proto("old"),
      "common/common/v1/m.proto": proto("common.v1"),
      "common/drafts/d.proto": proto("drafts"),
    },
    code: ["gen/common/v1/m_pb.js", "gen/shop/v1/shop_pb.js"],
  },
  {
    title: "buf.yaml v1 that excludes a folder",
    files: {
      "buf.yaml": "version: v1\nbuild:\n  excludes:\n    - old\n",
      "old/o.proto": proto("old"),
      "shop/shop.proto": proto("shop"),
    },
    code: ["gen/shop/shop_pb.js"],
  },
  {
    title: "an excluded proto that the code loads is generated all the same, and said",
    files: {
      "buf.yaml": "version: v2\nmodules:\n  - path: proto\n    excludes:\n      - proto/old\n",
      "index.js": "require('@grpc/proto-loader').loadSync(__dirname + '/proto/old/o.proto');",
      "proto/old/o.proto": proto("old"),
      "proto/shop.proto": proto("shop"),
    },
    code: ["gen/old/o_pb.js", "gen/shop_pb.js"],
    note: "`buf generate` will not make the code of proto/old/o.proto:",
  },
  {
    title: "annotations of Google, from protobufjs",
    files: { "proto/a/v1/a.proto": annotated },
    copies: { protobufjs: "node_modules/protobufjs" },
    code: ["gen/a/v1/a_pb.js", ...googleCode],
  },
  {
    title: "annotations of Google, from the protobufjs that another package brings for itself",
    files: { "proto/a/v1/a.proto": annotated },
    copies: { protobufjs: "node_modules/@grpc/proto-loader/node_modules/protobufjs" },
    code: ["gen/a/v1/a_pb.js", ...googleCode],
  },
  {
    title: "include dirs of proto-loader, one of them in node_modules",
    files: {
      "index.js":
        "require('@grpc/proto-loader').loadSync('a/v1/a.proto', { includeDirs: [__dirname + '/protos', __dirname + '/node_modules/google-proto-files'] });",
      "protos/a/v1/a.proto": annotated,
    },
    copies: { "protobufjs/google": "node_modules/google-proto-files/google" },
    code: ["gen/a/v1/a_pb.js", ...googleCode],
  },
  {
    title: "copies of Google's protos in the project, the well-known ones older than buf's",
    files: {
      "package.json": `{"scripts":{"gen":"protoc -I proto -I third_party --js_out=x proto/a/v1/a.proto"}}`,
      "proto/a/v1/a.proto": annotated,
    },
    copies: { "protobufjs/google": "third_party/google" },
    code: ["gen/a/v1/a_pb.js", ...googleCode],
  },
  {
    title: "the same below the one root",
    files: { "proto/a/v1/a.proto": annotated },
    copies: { "protobufjs/google": "proto/google" },
    code: ["gen/a/v1/a_pb.js", ...googleCode],
  },
  {
    title: "two protos of one name in different roots",
    files: {
      "services/a/proto/service.proto": proto("a", service("A")),
      "services/b/proto/service.proto": proto("b", service("B")),
      "services/a/index.js": "require('@grpc/proto-loader').loadSync(__dirname + '/proto/service.proto');",
      "services/b/index.js": "require('@grpc/proto-loader').loadSync(__dirname + '/proto/service.proto');",
    },
    code: ["gen/services/a/proto/service_pb.js", "gen/services/b/proto/service_pb.js"],
  },
  {
    title: "a proto of a package, by require.resolve",
    files: {
      "index.js":
        "const path = require('path');\nrequire('@grpc/proto-loader').loadSync(path.join(path.dirname(require.resolve('@acme/protos/package.json')), 'a.proto'));",
      "node_modules/@acme/protos/package.json": "{}",
      "node_modules/@acme/protos/a.proto": proto("acme", service("A")),
    },
    code: ["gen/a_pb.js"],
  },
  {
    title: "protos whose paths packages export",
    files: {
      "index.js":
        "const { loadSync } = require('@grpc/proto-loader');\nconst { protoPath: HEALTH } = require('grpc-health-check');\nconst acme = require('@acme/protos');\nloadSync([HEALTH, acme.shopPath]);",
      "node_modules/@acme/protos/package.json": `{"main":"lib/index.js"}`,
      "node_modules/@acme/protos/lib/index.js":
        "const path = require('path');\nconst shopPath = path.join(__dirname, '../shop.proto');\nmodule.exports = { shopPath };",
      "node_modules/@acme/protos/shop.proto": proto("acme", service("A")),
    },
    copies: { "grpc-health-check": "node_modules/grpc-health-check" },
    code: ["gen/health/v1/health_pb.js", "gen/shop_pb.js"],
  },
  {
    title: "a proto outside the project that imports one of a package",
    files: {
      "protos/hello.proto": annotated,
      "node/package.json": "{}",
      "node/index.js": "load(__dirname + '/../protos/hello.proto');",
    },
    copies: { protobufjs: "node/node_modules/protobufjs" },
    at: "node",
    code: [...googleCode, "gen/hello_pb.js"],
    note: "buf.gen.yaml has no inputs:",
  },
  {
    title: "a package of a monorepo that uses the protos of its neighbour",
    files: {
      "package.json": `{"workspaces":["packages/*"]}`,
      "packages/protos/package.json": `{"name":"@acme/protos"}`,
      "packages/protos/proto/acme/v1/a.proto": proto("acme.v1", service("A")),
      "packages/app/package.json": `{"name":"app"}`,
      "packages/app/index.js":
        "require('@grpc/proto-loader').loadSync(require.resolve('@acme/protos/proto/acme/v1/a.proto'));",
      "packages/app/proto/b.proto": proto("b", "message B { acme.v1.Req r = 1; }", ["acme/v1/a.proto"]),
    },
    links: { "packages/protos": "node_modules/@acme/protos" },
    at: "packages/app",
    code: ["gen/acme/v1/a_pb.js", "gen/b_pb.js"],
    note: "buf.gen.yaml has no inputs:",
  },
  {
    title: "options of files, of packages and of a proto's own, proto2 with extensions, editions",
    files: {
      "proto/o.proto": proto(
        "o.v1",
        `option java_package = "x.y";\noption go_package = "x/y;z";\nimport public "p.proto";\nextend google.protobuf.FileOptions { string owner = 50001; }\noption (owner) = "me";\nmessage A { p.P p = 1; }`,
        ["google/protobuf/descriptor.proto"],
      ),
      "proto/p.proto": `syntax = "proto2";\npackage p;\nmessage P { required string x = 1; extensions 100 to 200; }\nextend P { optional int32 more = 100; }\n`,
      "proto/e.proto": `edition = "2023";\npackage e;\nmessage E { string x = 1; }\n`,
    },
    code: ["gen/e_pb.js", "gen/o_pb.js", "gen/p_pb.js"],
  },
  {
    title: "names with blanks, a byte order mark and CRLF",
    files: {
      "index.js": "load('my protos/the file.proto')",
      "my protos/the file.proto": `\uFEFF${proto("sp", service("A")).replaceAll("\n", "\r\n")}`,
    },
    code: ["gen/the file_pb.js"],
  },
];

function project({ files, copies = {}, links = {} }: Pick<Layout, "files" | "copies" | "links">): TempProject {
  const made = tempProject({ "package.json": "{}", ...("index.js" in files ? {} : { "index.js": "" }), ...files });
  for (const [from, to] of Object.entries(copies)) {
    cpSync(join(toolModules, from), join(made.root, to), { recursive: true, dereference: true });
  }
  for (const [from, to] of Object.entries(links)) {
    mkdirSync(dirname(join(made.root, to)), { recursive: true });
    symlinkSync(join(made.root, from), join(made.root, to));
  }
  return made;
}

describe.each(layouts)("$title", (layout) => {
  it("is generated, again without a change, and by buf alone the same or with a note", async () => {
    using made = project(layout);
    const root = join(made.root, layout.at ?? "");
    const result = await generate({ root, write: true });
    expect(result.status, result.failure?.text).toBe("generated");
    const code = result.files.map((file) => relative(root, file.path)).filter((name) => name.endsWith("_pb.js"));
    expect(code.toSorted()).toEqual([...layout.code].toSorted());

    const again = await generate({ root, write: false });
    expect(again.files.filter((file) => file.status !== "unchanged").map((file) => file.path)).toEqual([]);

    const notes = result.notes.join("\n");
    if (layout.note !== undefined) {
      expect(notes).toContain(layout.note);
      return;
    }
    expect(notes).toBe("");
    const before = made.snapshot();
    rmSync(join(root, "gen"), { recursive: true });
    bufGenerate(root);
    expect(made.snapshot()).toEqual(before);
  });
});

describe("an import that is nowhere", () => {
  const missing: readonly (readonly [name: string, advice: RegExp])[] = [
    [
      "google/api/annotations.proto",
      /npx buf export buf\.build\/googleapis\/googleapis --output proto.*such as google-proto-files/,
    ],
    ["validate/validate.proto", /Put it below proto \(`npx buf export <its module> --output proto`/],
  ];
  it.each(missing)("%s: which file asks for it and what to do", async (name, advice) => {
    using made = project({ files: { "proto/a/v1/a.proto": proto("a.v1", messages, [name]) } });
    const { status, failure } = await generate({ root: made.root, write: true });
    expect(status).toBe("failed");
    expect(failure?.text).toContain(`proto/a/v1/a.proto:3:1:imported file does not exist: ${name}`);
    expect(failure?.text).toMatch(advice);
  });
});

describe("a buf.gen.yaml with protoc-gen-es", () => {
  const files = { "proto/a.proto": proto("a", service("A")) };

  it("of version 1, by its remote name: code of version 2 goes beside it, once", async () => {
    const config =
      "version: v1\nplugins:\n- plugin: buf.build/bufbuild/es:v1.10.0 # old\n  out: gen\n  opt: target=ts\n";
    using made = project({ files: { ...files, "buf.gen.yaml": config } });
    const result = await generate({ root: made.root, write: true });
    expect(result.notes.join("\n")).toContain("buf.gen.yaml has protoc-gen-es 1");
    expect(result.files.map((file) => relative(made.root, file.path))).toContain("gen-es/a_pb.js");
    const after = readFileSync(join(made.root, "buf.gen.yaml"), "utf8");
    expect(after.startsWith(config)).toBe(true);
    expect(after).toContain("\n- plugin: es\n  path: ./node_modules/.bin/protoc-gen-es\n  out: gen-es\n");
    const again = await generate({ root: made.root, write: false });
    expect(again.files.filter((file) => file.status !== "unchanged")).toEqual([]);
  });

  it("of version 1, as it is installed", async () => {
    const config = "version: v2\nplugins:\n  - local: protoc-gen-es\n    out: gen\n";
    using made = project({ files: { ...files, "buf.gen.yaml": config } });
    mkdirSync(join(made.root, "node_modules/@bufbuild/protoc-gen-es"), { recursive: true });
    writeFileSync(join(made.root, "node_modules/@bufbuild/protoc-gen-es/package.json"), `{"version":"1.10.0"}`);
    for (const status of ["updated", "unchanged"]) {
      const result = await generate({ root: made.root, write: true });
      expect(result.files.map((file) => [relative(made.root, file.path), file.status])).toEqual(
        expect.arrayContaining([
          ["buf.gen.yaml", status],
          ["gen-es/a_pb.js", expect.any(String)],
        ]),
      );
    }
  });

  it("of other generators only: theirs stays byte for byte, with its indentation", async () => {
    const config =
      "version: v2\r\nplugins:\r\n- local:   protoc-gen-ts_proto # pinned\r\n  out: src/generated\r\n\r\ninputs:\r\n- directory: proto\r\n";
    using made = project({ files: { ...files, "buf.gen.yaml": config } });
    await generate({ root: made.root, write: true });
    const after = readFileSync(join(made.root, "buf.gen.yaml"), "utf8");
    expect(after).toBe(
      config.replace(
        "src/generated\r\n",
        "src/generated\r\n- local: protoc-gen-es\r\n  out: gen\r\n  include_imports: true\r\n  opt:\r\n    - target=js+dts\r\n    - import_extension=js\r\n    - js_import_style=legacy_commonjs\r\n",
      ),
    );
  });
});
