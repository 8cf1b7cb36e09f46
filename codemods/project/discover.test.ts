import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { discover, projectRoot } from "./discover.js";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function tree(files: Record<string, string>): string {
  const root = mkdtempSync(path.join(tmpdir(), "discover-"));
  folders.push(root);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    writeFileSync(path.join(root, name), text);
  }
  return root;
}

describe("discovery", () => {
  it("follows imports from and to what uses grpc-js, and leaves out the rest", async () => {
    const root = tree({
      "package.json": '{ "name": "app", "workspaces": ["packages/*"] }',
      "server.js": "const grpc = require('@grpc/grpc-js'); require('./handlers');",
      "handlers/index.js": "module.exports = require('./orders.js');",
      "handlers/orders.js": "exports.get = (call, callback) => callback(null, {});",
      "controller.ts": "import { client } from '@app/clients'; export const run = () => client;",
      "route.ts": "import { run } from './controller.js'; run();",
      "packages/clients/package.json": '{ "name": "@app/clients", "main": "index.js" }',
      "packages/clients/index.js": "exports.client = new (require('@grpc/grpc-js').Client)();",
      "gen/a_grpc_pb.js": "var grpc = require('@grpc/grpc-js');",
      "unrelated.js": "require('fs');",
      "node_modules/x/index.js": "require('@grpc/grpc-js');",
      "dist/server.js": "require('@grpc/grpc-js');",
    });
    const found = await discover({ root, paths: [root] });
    const names = (files: readonly string[]) => files.map((file) => path.relative(root, file));
    expect(names(found.selected)).toEqual([
      "controller.ts",
      "handlers/index.js",
      "handlers/orders.js",
      "packages/clients/index.js",
      "route.ts",
      "server.js",
    ]);
    expect(names(found.generated)).toEqual(["gen/a_grpc_pb.js"]);
    expect(found.scanned).toBe(8);
    const one = await discover({ root, paths: [path.join(root, "handlers")] });
    expect(names(one.selected)).toEqual(["handlers/index.js", "handlers/orders.js"]);
    expect(names(one.related)).toContain("server.js");
  });

  it.each([
    [
      "imports of a package",
      "#src/client",
      { "package.json": '{ "name": "a", "imports": { "#src/*": { "default": "./src/*.js" } } }' },
    ],
    [
      "aliases of modules",
      "@root/src/client",
      { "package.json": '{ "name": "a", "_moduleAliases": { "@root": "." } }' },
    ],
    [
      "a mapper of jest",
      "@/client",
      {
        "package.json": '{ "name": "a" }',
        "jest.config.js": "module.exports = { moduleNameMapper: { '^@/(.*)$': '<rootDir>/src/$1' } };",
      },
    ],
    [
      "an alias of vite",
      "@/client",
      {
        "package.json": '{ "name": "a" }',
        "vite.config.ts": "export default { resolve: { alias: { '@': path.resolve(__dirname, './src') } } };",
      },
    ],
  ])("follows %s", async (_name, specifier, settings) => {
    const root = tree({
      ...settings,
      "src/client.js": "require('@grpc/grpc-js');",
      "lib/use.js": `require('${specifier}');`,
      "lib/other.js": "require('@other/client');",
    });
    const { selected } = await discover({ root, paths: [root] });
    expect(selected.map((file) => path.relative(root, file))).toEqual(["lib/use.js", "src/client.js"]);
  });

  it("follows what libraries for tests load and replace", async () => {
    const root = tree({
      "package.json": '{ "name": "a" }',
      "client.js": "require('@grpc/grpc-js');",
      "setup.js": "jest.mock('./client', () => ({}));",
      "a.test.js": "const proxyquire = require('proxyquire').noCallThru();\nproxyquire('./client', {});",
      "b.test.js": "vi.mock('./other');",
      "other.js": "",
    });
    const { selected } = await discover({ root, paths: [root] });
    expect(selected.map((file) => path.relative(root, file))).toEqual(["a.test.js", "client.js", "setup.js"]);
  });

  it("follows the paths of a tsconfig", async () => {
    const root = tree({
      "tsconfig.json": '{ "compilerOptions": { "baseUrl": ".", "paths": { "@/*": ["src/*"] } } }',
      "src/client.ts": "import '@grpc/grpc-js';",
      "src/use.ts": "import '@/client';",
    });
    const found = await discover({ root, paths: [root] });
    expect(found.selected.map((file) => path.basename(file))).toEqual(["client.ts", "use.ts"]);
  });

  it("leaves out what the compiler wrote, unless a source imports it", async () => {
    const root = tree({
      "package.json": "{}",
      "tsconfig.json": '{ "compilerOptions": { "outDir": "./build", "declaration": true }, "include": ["src"] }',
      "src/server.ts": "import * as grpc from '@grpc/grpc-js'; import './orders'; import '../build/kept';",
      "src/orders.ts": "export const get = (call, callback) => callback(null, {});",
      "build/server.js": "const grpc = require('@grpc/grpc-js'); require('./orders'); require('./kept');",
      "build/orders.js": "exports.get = (call, callback) => callback(null, {});",
      "build/orders.d.ts": "export const get: Function;",
      "build/kept.js": "require('./deep');",
      "build/deep.js": "require('@grpc/grpc-js');",
    });
    const found = await discover({ root, paths: [root] });
    expect(found.selected.map((file) => path.relative(root, file))).toEqual([
      "build/deep.js",
      "build/kept.js",
      "src/orders.ts",
      "src/server.ts",
    ]);
    expect(found.scanned).toBe(4);
    const asked = await discover({ root, paths: [path.join(root, "build")] });
    expect(asked.selected.map((file) => path.relative(root, file))).toContain("build/server.js");
  });

  it("leaves out what git ignores, unless a source imports it or its path is given", async () => {
    const grpc = "require('@grpc/grpc-js');\n";
    const old = "// GENERATED CODE -- DO NOT EDIT!\n";
    const root = tree({
      "package.json": "{}",
      ".gitignore": "/gen\n*/out/\n/lib/*.js\n/local.js\n",
      "src/server.js": `${grpc}require('../gen/a_grpc_pb'); require('../lib/kept'); require('@acme/gen/far_grpc_pb');`,
      "gen/a_grpc_pb.js": `${old}${grpc}require('./a_pb');`,
      "gen/a_grpc_pb.d.ts": `${old}import '@grpc/grpc-js';`,
      "gen/a_pb.js": old,
      "gen/far_grpc_pb.js": old + grpc,
      "gen/unused_grpc_pb.js": old + grpc,
      "src/out/server.js": `${grpc}require('./orders');`,
      "src/out/orders.js": "exports.get = (call, callback) => callback(null, {});",
      "lib/server.js": grpc,
      "lib/tracked.js": grpc,
      "lib/kept.js": grpc,
      "local.js": grpc,
    });
    const foundIn = async (...paths: string[]) => {
      const found = await discover({ root, paths: paths.map((name) => path.join(root, name)) });
      const names = (files: readonly string[]) => files.map((file) => path.relative(root, file));
      return { selected: names(found.selected), generated: names(found.generated), ignored: names(found.ignored) };
    };
    // No repository: nothing is ignored.
    expect((await foundIn(".")).ignored).toEqual([]);
    expect((await foundIn(".")).selected).toHaveLength(7);
    execFileSync("git", ["init", "-q"], { cwd: root });
    execFileSync("git", ["add", "-f", "lib/tracked.js"], { cwd: root });
    expect(await foundIn(".")).toEqual({
      selected: ["lib/kept.js", "lib/tracked.js", "src/server.js"],
      generated: ["gen/a_grpc_pb.d.ts", "gen/a_grpc_pb.js", "gen/a_pb.js", "gen/far_grpc_pb.js"],
      ignored: ["lib/server.js", "local.js", "src/out/server.js"],
    });
    expect(await foundIn("local.js", "src/out")).toMatchObject({
      selected: ["local.js", "src/out/orders.js", "src/out/server.js"],
      ignored: [],
    });
    // A project that is ignored as a whole.
    writeFileSync(path.join(root, ".gitignore"), "/src\n");
    const { selected } = await discover({ root: path.join(root, "src"), paths: [path.join(root, "src/server.js")] });
    expect(selected).toEqual([path.join(root, "src/server.js")]);
  });

  it("finds the folder of a project", () => {
    const root = tree({ "package.json": "{}", "src/a.ts": "", "lib/b.ts": "" });
    expect(projectRoot([path.join(root, "src/a.ts")], "/")).toBe(root);
    expect(projectRoot([path.join(root, "src"), path.join(root, "lib")], "/")).toBe(root);
  });
});
