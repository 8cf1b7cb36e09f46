import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { runMigration } from "../pipeline.js";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const proto =
  'syntax = "proto3"; package shop.v1; service Inventory { rpc GetItem(Item) returns (Item); } message Item { string sku = 1; }';
const server = (adds: string) => `const grpc = require('@grpc/grpc-js');
const protoLoader = require('@grpc/proto-loader');
const { shop } = grpc.loadPackageDefinition(protoLoader.loadSync(__dirname + '/shop.proto'));
const server = new grpc.Server();
${adds}
server.bindAsync('0.0.0.0:1', grpc.ServerCredentials.createInsecure(), () => {});
`;

async function migrate(text: string) {
  const root = mkdtempSync(path.join(tmpdir(), "bad-input-"));
  folders.push(root);
  writeFileSync(path.join(root, "package.json"), '{ "name": "p" }\n');
  writeFileSync(path.join(root, "shop.proto"), proto);
  writeFileSync(path.join(root, "server.js"), text);
  return runMigration({
    cwd: root,
    paths: ["."],
    side: "services",
    target: "bundled",
    messages: "auto",
    runtime: "npm",
  });
}

describe("what cannot be right is named, and stays", () => {
  it("one service, added twice: grpc-js refuses it when the program starts", async () => {
    const add = "server.addService(shop.v1.Inventory.service, { getItem: (call, callback) => callback(null, {}) });";
    const text = server(`${add}\n${add}`);
    const { files, findings } = await migrate(text);
    const after = files.find((file) => file.path.endsWith("server.js"))?.after ?? "";
    expect(after.replace(/^.*TODO\(connect-migrate.*\n/gm, "")).toBe(text);
    expect(findings.map(({ construct, outcome, reason }) => [construct, outcome, reason?.code])).toContainEqual([
      "new Server()",
      "manual",
      "service-added-twice",
    ]);
    expect(findings.find(({ reason }) => reason?.code === "service-added-twice")?.reason?.text).toContain(
      "server.js:6",
    );
  });

  it("a handler for a method that the proto does not have", async () => {
    const { files, findings } = await migrate(
      server(
        "server.addService(shop.v1.Inventory.service, {\n  getItem: (call, callback) => callback(null, {}),\n  fetchItem(call, callback) {\n    callback(null, {});\n  },\n});",
      ),
    );
    const stray = findings.find(({ construct }) => construct === "handler fetchItem");
    expect(stray).toMatchObject({ outcome: "manual", reason: { code: "not-found-in-proto" } });
    expect(stray?.reason?.text).toContain("shop.v1.Inventory/fetchItem");
    const text = files.find((file) => file.path.endsWith("server.js"))?.after ?? "";
    expect(text).toContain("fetchItem(call, callback) {");
    expect(text).toContain("getItem: (req) => ({})");
  });
});
