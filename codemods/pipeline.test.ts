import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { MigrationOptions } from "./migration.js";
import { runMigration } from "./pipeline.js";
import { WriteError } from "./project/write-error.js";
import { memberName, type Node, parentMap } from "./shared/ast.js";
import type { Rule } from "./shared/rule.js";
import { writeMigration } from "./write-migration.js";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function project(files: Record<string, string>): string {
  const root = mkdtempSync(path.join(tmpdir(), "connect-migrate-"));
  folders.push(root);
  for (const [name, text] of Object.entries({ "package.json": '{\n\t"name": "p"\n}\n', ...files })) {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    writeFileSync(path.join(root, name), text);
  }
  return root;
}

const id = "services/sample";
const origin = { rule: id, outcome: "idiomatic" } as const;
const report = (node: Node, ctx: Parameters<Rule["apply"]>[0]) =>
  ctx.report({ ...origin, construct: "status", reason: null, start: node.start, end: node.end, rpc: null });

/** `X.status.Y` -> `Code.Y`. */
const codes: Rule = {
  id,
  side: "services",
  apply(ctx) {
    for (const [node] of parentMap(ctx.root.get().value as Node)) {
      if (node.type !== "MemberExpression" || memberName(node.object) !== "status") continue;
      ctx.edit.overwrite(
        node.object.start,
        node.object.end,
        ctx.imports.add("@connect-migrate/runtime", "Code"),
        origin,
      );
      report(node, ctx);
    }
  },
};
/** Replaces the text `from` by `to`, wherever it stands. */
const replacing = (from: string, to: string): Rule => ({
  id,
  side: "services",
  apply(ctx) {
    for (let at = ctx.source.indexOf(from); at !== -1; at = ctx.source.indexOf(from, at + 1)) {
      ctx.edit.overwrite(at, at + from.length, to, origin);
      ctx.report({ ...origin, construct: from, reason: null, start: at, end: at + from.length, rpc: null });
    }
  },
});

const migrate = (root: string, rule: Rule, more: Partial<MigrationOptions> = {}) =>
  runMigration({
    cwd: root,
    paths: ["."],
    side: "services",
    target: "bundled",
    messages: "bridge",
    runtime: "npm",
    only: { rules: [rule] },
    ...more,
  });

const js = "const grpc = require('@grpc/grpc-js');\r\nmodule.exports = grpc.status.NOT_FOUND;\r\n";

describe("a migration is a value, then files", () => {
  it("changes files and package.json, in their own formatting, and then nothing more", async () => {
    const manifest =
      '{\r\n\t"name": "p",\r\n\t"dependencies": {\r\n\t\t"@grpc/grpc-js": "^1.0.0",\r\n\t\t"zod": "1"\r\n\t}\r\n}\r\n';
    const root = project({ "a.js": js, "b.js": "\uFEFFmodule.exports = require('./a');\n", "package.json": manifest });
    const result = await migrate(root, codes);
    expect(readFileSync(path.join(root, "a.js"), "utf8")).toBe(js);
    expect(result.summary).toMatchObject({ idiomatic: 3, failed: 0, filesChanged: 1, filesScanned: 2 });
    writeMigration(result);
    expect(readFileSync(path.join(root, "a.js"), "utf8")).toBe(
      "const { Code } = require('@connect-migrate/runtime');\r\nmodule.exports = Code.NOT_FOUND;\r\n",
    );
    expect(readFileSync(path.join(root, "package.json"), "utf8")).toBe(
      '{\r\n\t"name": "p",\r\n\t"dependencies": {\r\n\t\t"@connect-migrate/runtime": "^0.1.0",\r\n\t\t"zod": "1"\r\n\t}\r\n}\r\n',
    );
    const second = await migrate(root, codes);
    expect(second.files.filter((file) => file.status !== "unchanged")).toEqual([]);
    expect(second.extraFiles).toEqual([]);
  });

  it("keeps grpc-js while another file needs it", async () => {
    const root = project({
      "a.js": js,
      "test/a.test.js": "const grpc = require('@grpc/grpc-js');\nnew grpc.Server();\n",
      "package.json": '{ "dependencies": { "@grpc/grpc-js": "1" } }\n',
    });
    const result = await migrate(root, codes);
    const manifest = result.extraFiles.find((file) => file.why === "package.json");
    expect(JSON.parse(String(manifest?.content)).dependencies).toEqual({
      "@connect-migrate/runtime": "^0.1.0",
      "@grpc/grpc-js": "1",
    });
  });

  it("a dependency that no file named before is not this run's to take away", async () => {
    const manifest = '{ "dependencies": { "@grpc/grpc-js": "1" }, "devDependencies": { "@grpc/proto-loader": "1" } }\n';
    const result = await migrate(project({ "a.js": js, "package.json": manifest }), codes);
    const changed = result.extraFiles.find((file) => file.why === "package.json");
    expect(JSON.parse(String(changed?.content))).toEqual({
      dependencies: { "@connect-migrate/runtime": "^0.1.0" },
      devDependencies: { "@grpc/proto-loader": "1" },
    });
  });

  it("touches only what was asked for", async () => {
    const root = project({ "src/a.js": js, "src/b.js": js });
    const result = await migrate(root, codes, { paths: ["src/a.js"] });
    expect(result.files.map((file) => [path.basename(file.path), file.status])).toEqual([["a.js", "changed"]]);
  });

  it("writes nothing at all when one file is read-only", async () => {
    const root = project({ "a.js": js, "b.js": js });
    chmodSync(path.join(root, "b.js"), 0o444);
    const result = await migrate(root, codes);
    expect(() => writeMigration(result)).toThrow(WriteError);
    expect(() => writeMigration(result)).toThrow(/b\.js is read-only/);
    expect(readFileSync(path.join(root, "a.js"), "utf8")).toBe(js);
    expect(existsSync(path.join(root, "node_modules"))).toBe(false);
  });

  it("writes nothing when a file changed meanwhile", async () => {
    const root = project({ "a.js": js, "b.js": js });
    const result = await migrate(root, codes);
    writeFileSync(path.join(root, "b.js"), "// edited\n");
    expect(() => writeMigration(result)).toThrow(/b\.js changed while/);
    expect(readFileSync(path.join(root, "a.js"), "utf8")).toBe(js);
  });
});

describe("the gate", () => {
  const source = "import { status } from '@grpc/grpc-js';\nexport const marker: number = 1;\nexport { status };\n";

  it.each([
    ["a result that does not parse", "= 1", "= ", /does not parse/],
    ["a new type error", "= 1", '= "x"', /new error at a\.ts:2:14: TS2322/],
    ["a new error of a library type", "= 1", "= [1].includes", /TS2322 Type '\(searchElement/],
    ["a result that another run would change again", "marker", "marker_marker", /another run would change it again/],
  ])("%s leaves the file alone and says why", async (_name, from, to, why) => {
    const root = project({ "a.ts": source, "tsconfig.json": '{ "compilerOptions": { "strict": true, "types": [] } }' });
    const result = await migrate(root, replacing(from, to));
    expect(result.files).toEqual([
      expect.objectContaining({ status: "failed", error: expect.stringMatching(why), after: source }),
    ]);
    expect(result.summary).toMatchObject({ filesChanged: 0 });
    expect(result.summary.failed).toBeGreaterThan(0);
    expect(result.extraFiles).toEqual([]);
  });

  it("an error that was there before is no reason", async () => {
    const text = `${source}export const wrong: number = "no";\n`;
    const root = project({ "a.ts": text, "tsconfig.json": '{ "compilerOptions": { "strict": true, "types": [] } }' });
    const result = await migrate(root, replacing("= 1;", "= 2;"));
    expect(result.files[0]).toMatchObject({ status: "changed", error: null });
  });

  it("one file's failure does not keep the others", async () => {
    const root = project({ "a.ts": source, "b.ts": source.replace("= 1", "= 1 as number"), "tsconfig.json": "{}" });
    const rule = replacing("= 1;", '= "x";');
    const more = replacing("as number", "as  number");
    const both: Rule = { ...rule, apply: (ctx) => (ctx.path.endsWith("a.ts") ? rule : more).apply(ctx) };
    const result = await migrate(root, both);
    // "as  number" still holds "number": it is not touched again, because "as number" no longer stands there.
    expect(result.files.map((file) => file.status)).toEqual(["failed", "changed"]);
  });

  it("a throwing rule fails its file only", async () => {
    const root = project({ "a.js": js, "b.js": js });
    const rule: Rule = {
      ...codes,
      apply(ctx) {
        if (ctx.path.endsWith("a.js")) throw new Error("boom");
        codes.apply(ctx);
      },
    };
    const result = await migrate(root, rule);
    expect(result.files.map((file) => [file.status, file.error])).toEqual([
      ["failed", "a rule failed: boom"],
      ["changed", null],
    ]);
  });

  it("a service whose generated code says otherwise than the .proto is bridged by its own definition", async () => {
    const method =
      "{ path: '/shop.Shop/Get', requestStream: false, responseStream: false, requestType: Item, responseType: Item }";
    const files = (proto: string) => ({
      "shop.proto": `syntax = "proto3"; package shop; message Item { string name = 1; } service Shop { ${proto} }`,
      "shop_grpc_pb.js": `// GENERATED CODE -- DO NOT EDIT!\nconst grpc = require('@grpc/grpc-js');\nconst { Item } = require('./shop_pb.js');\nvar ShopService = exports.ShopService = { get: ${method} };\nexports.ShopClient = grpc.makeGenericClientConstructor(ShopService, 'Shop');\n`,
      "main.js": `const grpc = require('@grpc/grpc-js');
const { ShopService } = require('./shop_grpc_pb.js');
const server = new grpc.Server();
server.addService(ShopService, { get: (call, callback) => callback(null, call.request) });
server.bindAsync('0.0.0.0:0', grpc.ServerCredentials.createInsecure(), () => {});
`,
      "client.js": `const grpc = require('@grpc/grpc-js');
const { ShopClient } = require('./shop_grpc_pb.js');
new ShopClient('localhost:1', grpc.credentials.createInsecure()).get({}, (err, item) => console.log(err, item));
`,
    });
    const run = async (proto: string, side: MigrationOptions["side"]) => {
      const { files: all, findings } = await migrate(project(files(proto)), codes, { side, only: undefined });
      const after = all.map((file) => file.after ?? "").join("\n");
      return { after, reasons: findings.map(({ reason }) => reason?.text ?? "").join("\n") };
    };
    for (const side of ["services", "clients"] as const) {
      expect((await run("rpc Get(Item) returns (Item);", side)).after).toContain("shop_pb");
      for (const proto of ["rpc Get(Item) returns (stream Item);", "rpc Fetch(Item) returns (Item);"]) {
        const { after, reasons } = await run(proto, side);
        expect(reasons).toMatch(/generated code and the \.proto file disagree about .*shop\.Shop\/Get/);
        expect(after).toContain(side === "services" ? "grpcJsService(ShopService" : "createGrpcJsClient(");
      }
    }
  });

  it("folders with protos that differ under one name have generated code of their own; bridged where imports connect them", async () => {
    const proto = (field: string) =>
      `syntax = "proto3"; package shop; service Shop { rpc Get(Item) returns (Item); } message Item { string ${field} = 1; }`;
    const program = `
const grpc = require('@grpc/grpc-js');
const definition = require('@grpc/proto-loader').loadSync(__dirname + '/shop.proto');
const { shop } = grpc.loadPackageDefinition(definition);
const server = new grpc.Server();
server.addService(shop.Shop.service, { get: (call, callback) => callback(null, call.request) });
server.bindAsync('0.0.0.0:0', grpc.ServerCredentials.createInsecure(), () => {});
const client = new shop.Shop('localhost:1', grpc.credentials.createInsecure());
client.get({}, (err, item) => {
  if (err) return console.error(err.code);
  console.log(item);
});
`;
    const root = project({
      "a/shop.proto": proto("name"),
      "a/main.js": program,
      "b/shop.proto": proto("label"),
      "b/main.js": program,
      "c/shop.proto": `// The same as in a.\n${proto("name")}`,
      "c/main.js": program,
    });
    for (const side of ["services", "clients"] as const) {
      const { files, extraFiles } = await migrate(root, codes, { side, only: undefined });
      const changed = files.filter(({ status }) => status === "changed");
      expect(changed.map((file) => path.relative(root, file.path))).toEqual(["a/main.js", "b/main.js", "c/main.js"]);
      for (const { after } of changed) expect(after).toContain("require('./gen/shop_pb.js')");
      const code = extraFiles.map((file) => path.relative(root, file.path)).filter((name) => name.endsWith("_pb.d.ts"));
      expect(code).toEqual(["a/gen/shop_pb.d.ts", "b/gen/shop_pb.d.ts", "c/gen/shop_pb.d.ts"]);
    }

    writeFileSync(
      path.join(root, "all.js"),
      "['a', 'b', 'c'].map((name) => [require('./a/main'), require('./b/main'), require('./c/main')]);\n",
    );
    for (const side of ["services", "clients"] as const) {
      const { files, findings } = await migrate(root, codes, { side, only: undefined });
      const changed = files.filter(({ status }) => status === "changed").map((file) => path.relative(root, file.path));
      expect(changed).toEqual(["a/main.js", "b/main.js", "c/main.js"]);
      const left = findings.filter((finding) => path.relative(root, finding.file) === "b/main.js");
      const bridged = left.find(
        ({ outcome, construct }) => outcome === "bridged" && /addService|new shop/.test(construct),
      );
      expect(bridged?.reason?.text).toMatch(/several .proto files declare shop\.Shop/i);
      const after = files.find((file) => file.path === path.join(root, "b/main.js"))?.after ?? "";
      expect(after).toContain("(grpcJsService(");
      expect(after).toContain(side === "services" ? "fromCallbacks({ get" : "createGrpcJsClient(");
      expect(after).not.toContain("shop_pb");
    }
  });
});

it("--target connectrpc: with a file that needs what only our runtime has, all that hangs on it stays", async () => {
  const files = {
    "shop.proto":
      'syntax = "proto3"; package shop.v1; service Inventory { rpc GetItem(Item) returns (Item); } message Item { string sku = 1; }',
    "handlers.js": "exports.getItem = (call, callback) => {\n  callback(null, { sku: call.request.sku });\n};\n",
    "server.js": `const grpc = require('@grpc/grpc-js');
const protoLoader = require('@grpc/proto-loader');
const { getItem } = require('./handlers');
const { shop } = grpc.loadPackageDefinition(protoLoader.loadSync(__dirname + '/shop.proto'));
const server = new grpc.Server({ 'grpc.keepalive_time_ms': 1000 });
server.addService(shop.v1.Inventory.service, { getItem });
server.bindAsync('0.0.0.0:1', grpc.ServerCredentials.createInsecure(), () => {});
`,
  };
  const options = { paths: ["."], side: "services", messages: "auto", runtime: "npm" } as const;
  const changedFor = async (target: MigrationOptions["target"]) => {
    const result = await runMigration({ ...options, cwd: project(files), target });
    const changed = result.files.filter((file) => file.status === "changed").map((file) => path.basename(file.path));
    return { changed, outcomes: new Set(result.findings.map((finding) => finding.outcome)) };
  };
  expect((await changedFor("bundled")).changed).toEqual(["handlers.js", "server.js"]);
  expect(await changedFor("connectrpc")).toEqual({ changed: [], outcomes: new Set(["manual"]) });
});

it("--target connectrpc: a client stays with the files that use it, although its messages could become native", async () => {
  const files = {
    "shop.proto":
      'syntax = "proto3"; package shop.v1; service Inventory { rpc GetItem(Item) returns (Item); } message Item { string sku = 1; }',
    "client.js": `const grpc = require('@grpc/grpc-js');
const protoLoader = require('@grpc/proto-loader');
const { shop } = grpc.loadPackageDefinition(protoLoader.loadSync(__dirname + '/shop.proto', { defaults: true }));
module.exports = new shop.v1.Inventory(process.env.ADDRESS, grpc.credentials.createInsecure(), { 'grpc.keepalive_permit_without_calls': 1 });
`,
    "use.js": `const client = require('./client');
client.getItem({ sku: 'a' }, (err, item) => {
  if (err) console.log(err.details);
  else console.log(item.sku);
});
`,
  };
  const options = { paths: ["."], side: "clients", messages: "auto", runtime: "npm" } as const;
  const resultFor = (target: MigrationOptions["target"]) => runMigration({ ...options, cwd: project(files), target });
  const changedIn = (result: Awaited<ReturnType<typeof resultFor>>) =>
    result.files.filter((file) => file.status === "changed").map((file) => path.basename(file.path));
  const bundled = await resultFor("bundled");
  expect(changedIn(bundled)).toEqual(["client.js", "use.js"]);
  expect(bundled.findings.map(({ rule }) => rule)).toContain("messages/proto-loader-native");
  const official = await resultFor("connectrpc");
  expect(changedIn(official)).toEqual([]);
  const construction = official.findings.find(({ construct }) => construct.startsWith("new shop.v1.Inventory"));
  expect(construction?.outcome).toBe("manual");
  expect(construction?.reason?.text).toMatch(
    /pingIdleConnection of createGrpcTransport .*--target connectrpc; run without it/,
  );
});

it("a client that stays takes the codes of its files with it, in JavaScript too", async () => {
  const files = {
    "shop.proto":
      'syntax = "proto3"; package shop.v1; service Inventory { rpc GetItem(Item) returns (Item); } message Item { string sku = 1; }',
    "client.js": `const grpc = require('@grpc/grpc-js');
const protoLoader = require('@grpc/proto-loader');
const root = grpc.loadPackageDefinition(protoLoader.loadSync(__dirname + '/shop.proto'));
exports.open = (name, credentials) => new root.shop.v1[name](process.env.ADDRESS, credentials);
exports.isGone = (error) => error.code === grpc.status.NOT_FOUND;
`,
  };
  const options = { paths: ["."], side: "clients", messages: "auto", runtime: "npm" } as const;
  const result = await runMigration({ ...options, cwd: project(files), target: "bundled" });
  expect(result.extraFiles).toEqual([]);
  expect(result.findings.map(({ rule, outcome }) => `${rule} ${outcome}`)).toContain("clients/client-bridge manual");
  expect(result.findings.filter(({ rule }) => rule === "errors/status-to-code")).toEqual([]);
});
