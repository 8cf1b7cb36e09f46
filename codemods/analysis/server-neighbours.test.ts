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

it("handlers get one bridge, however many servers are made in the file that stays", async () => {
  const root = mkdtempSync(path.join(tmpdir(), "neighbours-"));
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(path.join(root, name), text);
    const result = await runMigration({
      cwd: root,
      paths: ["handlers.js"],
      side: "services",
      target: "bundled",
      messages: "auto",
      runtime: "npm",
    });
    const main = result.files.find((file) => file.path.endsWith("main.js"))?.after;
    expect(main).toContain("server.addService(shop.v1.Items.service, toCallbacks(Items, handlers));");
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});
