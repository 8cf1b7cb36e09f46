import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, it } from "vitest";
import { runMigration } from "../pipeline.js";

const files = {
  "package.json": '{ "name": "p" }\n',
  "shop.proto":
    'syntax = "proto3"; package shop.v1; service Items { rpc GetItem(Item) returns (Item); } message Item { string sku = 1; }',
  "handlers.js": "exports.handlers = { getItem: (call, callback) => callback(null, call.request) };\n",
  "main.js": `const grpc = require('@grpc/grpc-js');
const protoLoader = require('@grpc/proto-loader');
const { handlers } = require('./handlers');
const { shop } = grpc.loadPackageDefinition(protoLoader.loadSync(__dirname + '/shop.proto'));
const server = new grpc.Server();
server.addService(shop.v1.Items.service, handlers);
server.bindAsync('0.0.0.0:1', grpc.ServerCredentials.createInsecure(), () => {});
const other = new grpc.Server();
other.bindAsync('0.0.0.0:2', grpc.ServerCredentials.createInsecure(), () => {});
`,
};

async function migrated(paths: string[], changed: Record<string, string> = {}) {
  const root = mkdtempSync(path.join(tmpdir(), "neighbours-"));
  try {
    for (const [name, text] of Object.entries({ ...files, ...changed })) writeFileSync(path.join(root, name), text);
    const result = await runMigration({
      cwd: root,
      paths,
      side: "services",
      target: "bundled",
      messages: "auto",
      runtime: "npm",
    });
    const after = (name: string) => result.files.find((file) => file.path.endsWith(name))?.after;
    return { main: after("main.js") ?? "", handlers: after("handlers.js") };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

it("handlers get one bridge, however many servers are made in the file that stays", async () => {
  const { main } = await migrated(["handlers.js"]);
  expect(main).toContain("server.addService(shop.v1.Items.service, toCallbacks(Items, handlers));");
});

const stays = "server.unbind('0.0.0.0:1');\n";
const added = "other.addService(shop.v1.Items.service, handlers);\n";

it("handlers of a server that cannot become an app become Connect's, behind a bridge", async () => {
  const { main, handlers } = await migrated(["."], { "main.js": files["main.js"] + stays });
  expect(main).toContain("server.addService(shop.v1.Items.service, toCallbacks(Items, handlers));");
  expect(handlers).toContain("getItem: (req) => req");
});

it("a server that stays gets the bridge where another with the same handlers becomes an app", async () => {
  const { main, handlers } = await migrated(["."], {
    "main.js": (files["main.js"] + stays).replace("other.bindAsync", `${added}other.bindAsync`),
  });
  expect(main).toContain("server.addService(shop.v1.Items.service, toCallbacks(Items, handlers));");
  expect(main).toContain("router.service(Items, handlers, { messages: ");
  expect(handlers).toContain("getItem: (req) => req");
});

it("messages stay on the bridge, even where they are proved, while the same handlers answer for a server that stays", async () => {
  const options = "{ keepCase: true, longs: String, enums: String, defaults: true, oneofs: true }";
  const main = files["main.js"].replace("'/shop.proto'", `'/shop.proto', ${options}`);
  const alone = await migrated(["."], { "main.js": main });
  expect(alone.main).toContain("router.service(Items, handlers);");
  const both = await migrated(["."], { "main.js": main.replace("other.bindAsync", `${added}other.bindAsync`) + stays });
  expect(both.main).toContain("router.service(Items, handlers, { messages: ");
});

it("handlers stay in their old shape for an app, too, where a server that stays shares one that cannot change", async () => {
  const { main, handlers } = await migrated(["."], {
    "handlers.js":
      "const getItem = (call, callback) => callback(null, call.request);\nexports.handlers = { getItem };\nexports.odd = { getItem, ...globalThis.more };\n",
    "main.js": (files["main.js"] + stays)
      .replace("{ handlers }", "{ handlers, odd }")
      .replace("server.addService(shop.v1.Items.service, handlers)", "server.addService(shop.v1.Items.service, odd)")
      .replace("other.bindAsync", `${added}other.bindAsync`),
  });
  expect(main).toContain("server.addService(shop.v1.Items.service, odd);");
  expect(main).toContain("router.service(Items, fromCallbacks(handlers), ");
  expect(handlers).toContain("(call, callback) => callback(null, call.request)");
});

it("a helper that gets handlers takes each on a bridge of its own, or none of it changes", async () => {
  const helper = `function start(implementation) {
  const server = new grpc.Server();
  server.addService(shop.v1.Items.service, implementation);
  server.drain('0.0.0.0:1', 1);
}
`;
  const head = files["main.js"].slice(0, files["main.js"].indexOf("const server"));
  const given = await migrated(["."], {
    "main.js": `${head}${helper}start(handlers);\nstart({ getItem: (call, callback) => callback(null, {}) });\n`,
  });
  expect(given.main).toContain("server.addService(shop.v1.Items.service, implementation);");
  expect(given.main).toContain("start(toCallbacks(Items, handlers));");
  expect(given.main).toContain("start(toCallbacks(Items, { getItem: (req) => ({}) }));");
  const mixed = await migrated(["."], {
    "main.js": `${head}${helper}start(handlers);\nstart({ ...handlers, ...globalThis.more });\n`,
  });
  expect(mixed.main).toContain("start(handlers);");
  expect(mixed.handlers).toContain("(call, callback) => callback(null, call.request)");
});
