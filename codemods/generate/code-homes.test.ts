import { relative } from "node:path";
import { describe, expect, it } from "vitest";
import { discover } from "../project/discover.js";
import { codeHomes } from "./code-homes.js";
import { tempProject } from "./testing/temp-project.js";

const proto = (field = "name") => `syntax = "proto3"; package shop; message Item { string ${field} = 1; }`;
const user = (...imports: string[]) =>
  `require('@grpc/grpc-js');\nrequire('@grpc/proto-loader').loadSync(__dirname + '/shop.proto');\n${imports.map((one) => `require('${one}');\n`).join("")}`;
const manifest = (name: string) => JSON.stringify({ name, dependencies: { "@grpc/grpc-js": "1" } });
const two = {
  "a/package.json": manifest("a"),
  "a/shop.proto": proto(),
  "a/main.js": user(),
  "b/package.json": manifest("b"),
  "b/shop.proto": proto(),
  "b/main.js": user(),
};

interface Case {
  readonly title: string;
  readonly files: Readonly<Record<string, string>>;
  /** Folder -> files. */
  readonly homes: Readonly<Record<string, readonly string[]>>;
  /** The same for what is looked into only. */
  readonly shared?: Readonly<Record<string, readonly string[]>>;
}

const cases: readonly Case[] = [
  {
    title: "packages that no workspace covers",
    files: two,
    homes: { a: ["a/main.js"], b: ["b/main.js"] },
  },
  {
    title: "packages that import plain code of no package",
    files: {
      ...two,
      "a/main.js": user("../common/log"),
      "b/main.js": user("../common/log"),
      "common/log.js": "require('./level');",
      "common/level.js": "",
    },
    homes: { a: ["a/main.js"], b: ["b/main.js"] },
    shared: { a: ["common/level.js", "common/log.js"], b: ["common/level.js", "common/log.js"] },
  },
  {
    title: "packages that import code of no package that uses gRPC",
    files: {
      ...two,
      "a/main.js": user("../common/log"),
      "b/main.js": user("../common/log"),
      "common/log.js": "require('./client');",
      "common/client.js": "require('@grpc/grpc-js');",
    },
    homes: { ".": ["a/main.js", "b/main.js", "common/client.js", "common/log.js"] },
  },
  {
    title: "packages of a workspace whose copies are equal",
    files: { ...two, "package.json": `{"workspaces":["a","./b/"]}` },
    homes: { ".": ["a/main.js", "b/main.js"] },
  },
  {
    title: "packages of a pnpm workspace, and one beside it",
    files: {
      ...two,
      "package.json": manifest("all"),
      "pnpm-workspace.yaml": "packages:\n  - a\n",
    },
    homes: { b: ["b/main.js"], ".": ["a/main.js"] },
  },
  {
    title: "packages of a workspace whose copies differ",
    files: { ...two, "package.json": `{"workspaces":["*"]}`, "b/shop.proto": proto("label") },
    homes: { a: ["a/main.js"], b: ["b/main.js"] },
  },
  {
    title: "copies that differ in comments only",
    files: { ...two, "package.json": `{"workspaces":["*"]}`, "b/shop.proto": `/* b */ ${proto()} // b` },
    homes: { ".": ["a/main.js", "b/main.js"] },
  },
  {
    title: "copies that differ, in packages that import one another",
    files: {
      ...two,
      "package.json": `{"workspaces":["*"]}`,
      "a/main.js": user("../b/main"),
      "b/shop.proto": proto("label"),
    },
    homes: { ".": ["a/main.js", "b/main.js"] },
  },
  {
    title: "folders of one package, whose protos differ, and code beside them",
    files: {
      "package.json": manifest("all"),
      "main.js": user(),
      "shop.proto": proto(),
      "examples/one/main.js": user(),
      "examples/one/lib/client.js": user(),
      "examples/one/shop.proto": proto("label"),
      "examples/two/main.js": user(),
      "examples/two/shop.proto": proto("title"),
    },
    homes: {
      "examples/one": ["examples/one/lib/client.js", "examples/one/main.js"],
      "examples/two": ["examples/two/main.js"],
      ".": ["main.js"],
    },
  },
  {
    title: "a package.json that says no more than how .js files are read",
    files: { "package.json": manifest("all"), "src/package.json": `{"type":"commonjs"}`, "src/main.js": user() },
    homes: { ".": ["src/main.js"] },
  },
  {
    title: "buf.gen.yaml that has protoc-gen-es for all",
    files: { ...two, "buf.gen.yaml": "version: v2\nplugins:\n  - local: protoc-gen-es\n    out: gen\n" },
    homes: { ".": ["a/main.js", "b/main.js"] },
  },
  {
    title: "a package that is done, beside one that is not",
    files: {
      ...two,
      "a/main.js": "",
      "a/buf.gen.yaml": "version: v2\nplugins:\n  - local: protoc-gen-es\n    out: gen\n",
      "a/lib.js": "require('@grpc/grpc-js');",
    },
    homes: { a: ["a/lib.js"], b: ["b/main.js"] },
  },
];

describe("folders with generated code of their own", () => {
  it.each(cases)("$title", async ({ files, homes, shared = {} }) => {
    using project = tempProject(files);
    const { root } = project;
    const { selected, related, generated, imports, texts } = await discover({ root, paths: [root] });
    const found = codeHomes({
      root,
      files: [...selected, ...related, ...generated],
      imports,
      sources: [...texts].map(([file, text]) => ({ path: file, text })),
    });
    const names = (paths: Iterable<string>) => [...paths].map((file) => relative(root, file) || ".");
    const shown = Object.fromEntries(found.map(({ folder, files }) => [names([folder])[0], names(files).toSorted()]));
    expect(shown).toEqual(homes);
    for (const { folder, shared: looked } of found)
      expect(names(looked).toSorted()).toEqual(shared[names([folder])[0] ?? ""] ?? []);
  });
});
