import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, expect, it } from "vitest";
import type { Side } from "../migration.js";
import { runMigration } from "../pipeline.js";
import { parse } from "../shared/parse.js";
import { leftoversOf, uncoveredFindings } from "./uncovered.js";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const files = {
  "package.json": '{ "name": "p" }\n',
  "shop.proto":
    'syntax = "proto3"; package shop.v1; service Inventory { rpc GetItem(Item) returns (Item); } message Item { string sku = 1; }',
  "definition.js": `const grpc = require('@grpc/grpc-js');
const protoLoader = require('@grpc/proto-loader');
exports.shop = grpc.loadPackageDefinition(protoLoader.loadSync(__dirname + '/shop.proto')).shop;
`,
  "codes.js": `const { status } = require('@grpc/grpc-js');
exports.notFound = { code: status.NOT_FOUND, details: 'no item' };
`,
  "server.js": `const grpc = require('@grpc/grpc-js');
const { shop } = require('./definition');
const { notFound } = require('./codes');
function getItem(call, callback) {
  keep(callback);
  callback(notFound);
}
const server = new grpc.Server();
server.addService(shop.v1.Inventory.service, { getItem });
server.bindAsync('0.0.0.0:1', grpc.ServerCredentials.createInsecure(), () => {});
`,
  "client.js": `const grpc = require('@grpc/grpc-js');
const { shop } = require('./definition');
exports.client = new shop.v1.Inventory('localhost:1', grpc.credentials.createInsecure());
`,
  "both.test.ts": `import { Server, ServiceError, status } from '@grpc/grpc-js';
import { client } from './client';
export const server = new Server();
export const codes: number[] = [];
client.getItem({}, (error: ServiceError | null) => codes.push(error ? error.code : status.OK));
export const made = (error: ServiceError) => error.details;
`,
  "print.js": `const { status } = require('@grpc/grpc-js');
const { client } = require('./client');
exports.print = (code) => console.log(status[code], client !== undefined);
`,
  "alone.js": `const { status } = require('@grpc/grpc-js');
exports.describe = (code) => status[code];
`,
};

async function findingsOf(side: Side, sources: Readonly<Record<string, string>>) {
  const root = mkdtempSync(path.join(tmpdir(), "uncovered-"));
  folders.push(root);
  for (const [name, text] of Object.entries(sources)) {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    writeFileSync(path.join(root, name), text);
  }
  const { findings } = await runMigration({
    cwd: root,
    paths: ["."],
    side,
    target: "bundled",
    messages: "auto",
    runtime: "npm",
  });
  return findings;
}

async function uncovered(side: Side): Promise<string[]> {
  return (await findingsOf(side, files))
    .filter(({ rule, construct }) => rule === `${side}/uncovered` || construct === "proto-loader as codec")
    .map(({ file, construct, outcome }) => `${path.basename(file)}: ${construct} ${outcome}`)
    .sort();
}

it("what another file's bridge keeps at work is bridged, and what nothing keeps is manual", async () => {
  expect(await uncovered("services")).toEqual([
    "alone.js: status manual",
    "both.test.ts: ServiceError manual",
    "both.test.ts: status.OK manual",
    "definition.js: proto-loader as codec bridged",
  ]);
});

it("what both sides use is of the side whose files are around it", async () => {
  expect(await uncovered("clients")).toEqual(["print.js: status manual"]);
});

it("of the package before grpc-js it says what comes first", async () => {
  const old = "const grpc = require('grpc');\nmodule.exports = grpc.load(__dirname + '/shop.proto');\n";
  const findings = await findingsOf("services", { "package.json": files["package.json"], "old.js": old });
  expect(findings.map(({ construct, outcome, reason }) => [construct, outcome, reason?.code])).toEqual([
    ["load", "manual", "old-grpc"],
  ]);
});

it("what a file compares with the errors of a client that keeps its shape elsewhere works as before", async () => {
  const bridged = `${files["client.js"].replace("exports.client", "const client")}require('registry').keep(client);
exports.client = client;
`;
  const asks = `import { type ServiceError, status } from '@grpc/grpc-js';
import { client } from './client';
export const isGone = (error: ServiceError) => error.code === status.NOT_FOUND && client !== undefined;
`;
  const findings = await findingsOf("clients", {
    "package.json": files["package.json"],
    "shop.proto": files["shop.proto"],
    "definition.js": files["definition.js"],
    "client.js": bridged,
    "asks.test.ts": asks,
  });
  const left = findings.filter(({ file }) => file.endsWith("asks.test.ts"));
  expect(left.map(({ construct, outcome, reason }) => [construct, outcome, reason?.code])).toEqual([
    ["ServiceError", "bridged", "kept-beside-bridge"],
    ["status.NOT_FOUND", "bridged", "kept-beside-bridge"],
  ]);
});

it("what loads the definition of a migrated client works as before, also where its codec has a type", () => {
  const definition = `import * as grpc from '@grpc/grpc-js';
export const { shop } = grpc.loadPackageDefinition(loaded) as any;
`;
  const client = `import { shop } from './definition';
export const client = createClient(Inventory, transport, { messages: grpcJsMessages<TYPE>(shop.v1.Inventory.service) });
`;
  for (const type of ["", "<InventoryClient>", "<shop.v1.InventoryClient>"]) {
    const left = Object.entries({ "definition.ts": definition, "client.ts": client.replace("<TYPE>", type) }).map(
      ([file, text]) => leftoversOf(parse(text, file), file, "clients", [], [], file === "client.ts", text),
    );
    const findings = uncoveredFindings("services", left, (from) => from === "client.ts");
    expect(findings.map(({ construct, outcome }) => [construct, outcome])).toEqual([
      ["loadPackageDefinition", "bridged"],
    ]);
  }
});
