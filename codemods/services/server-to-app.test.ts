import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, it } from "vitest";
import { runMigration } from "../pipeline.js";

const proto = `syntax = "proto3";
package shop.v1;
service Items { rpc GetItem(Item) returns (Item); }
service Orders { rpc GetOrder(Item) returns (Item); }
message Item { string sku = 1; }
`;

const before = `const grpc = require('@grpc/grpc-js');
const protoLoader = require('@grpc/proto-loader');
const { shop } = grpc.loadPackageDefinition(protoLoader.loadSync(__dirname + '/shop.proto'));

const server = new grpc.Server();
server.addService(shop.v1.Items.service, {
  getItem: (call, callback) => {
    callback(
      null,
      {
        sku: 'a',
      },
    );
  },
});

server.addService(shop.v1.Orders.service, {
  getOrder: (call, callback) => {
    orders.find(call.request.sku, (err, order) => {
      callback(
        err,
        {
          sku: order.sku,
        },
      );
    });
  },
});
server.bindAsync('0.0.0.0:1', grpc.ServerCredentials.createInsecure(), () => {});
`;

const routes = `  routes(router) {
    router.service(Items, {
      getItem: (req) => {
        return {
          sku: 'a',
        };
      },
    }, { messages`;

async function migrated(text: string): Promise<string> {
  const { files } = await migration({ "server.js": text });
  return files.find((file) => file.path.endsWith("server.js"))?.after ?? "";
}

async function migration(sources: Record<string, string>, messages: "auto" | "bridge" = "auto") {
  const root = mkdtempSync(path.join(tmpdir(), "server-to-app-"));
  try {
    writeFileSync(path.join(root, "package.json"), '{ "name": "p" }\n');
    writeFileSync(path.join(root, "shop.proto"), proto);
    for (const [name, text] of Object.entries(sources)) writeFileSync(path.join(root, name), text);
    return await runMigration({
      cwd: root,
      paths: ["."],
      side: "services",
      target: "bundled",
      messages,
      runtime: "npm",
    });
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

it("registrations at the top of a module move in, with the lines that other rules move out", async () => {
  const after = await migrated(before);
  expect(after).toContain(routes);
  expect(after).toContain("\n    router.service(Orders, {\n      getOrder: (req) => {\n");
});

it("what runs on two addresses is closed as a whole, by a promise too", async () => {
  const second = "server.bindAsync('0.0.0.0:2', grpc.ServerCredentials.createInsecure(), () => {});";
  const stop = "process.on('SIGTERM', () => promisify(server.tryShutdown.bind(server))());";
  const after = await migrated(`const { promisify } = require('node:util');\n${before}${second}\n${stop}\n`);
  expect(after).toContain("process.on('SIGTERM', () => promisify(tryShutdown)(server));");
  expect(after).not.toContain("?.close()");
});

const asksFor = (rest: string) =>
  before.replace("getItem: (call, callback) => {", `getItem: (call, callback) => {\n    ${rest}`);

it("a test for metadata that call.call never had does not keep a server", async () => {
  const after = await migrated(
    asksFor(
      "let md; if (call.metadata) md = call.metadata; else if (call.call && call.call.metadata) md = call.call.metadata;",
    ),
  );
  expect(after).toContain("createApp(");
});

it.each([
  "let md; if (call.call) md = call.call.metadata;",
  "if (call.call && call.call.stream) log(call.call.stream);",
  "const md = (call.call && call.call.metadata) || call.call.stream;",
])("anything else of call.call does: %s", async (rest) => {
  const after = await migrated(asksFor(rest));
  expect(after).toContain("TODO(connect-migrate/services/server-to-app): Connect has no equivalent for call.call");
  expect(after).not.toContain("createApp(");
});

it("two servers of one module are two apps, each named after its variable", async () => {
  const bind = (name: string, port: number) =>
    `${name}.bindAsync('0.0.0.0:${port}', grpc.ServerCredentials.createInsecure(), () => {});`;
  const [head = "", rest = ""] = before.split("server.addService(shop.v1.Orders");
  const admin = `const admin = new grpc.Server();\nadmin.addService(shop.v1.Orders${rest.replace(/^server\.bindAsync.*$/m, bind("admin", 2))}`;
  const after = await migrated(`${head}${bind("server", 1)}\n${admin}`);
  expect(after).toMatch(/const serverApp = createApp\(\{[\s\S]+const adminApp = createApp\(\{/);
  expect(after).toMatch(/serve\(serverApp, [\s\S]+serve\(adminApp, /);
  expect(after).toMatch(/\n\nmodule\.exports = \{ serverApp, adminApp \};\n$/);
});

it.each([
  ["that its file exports is given the router", "module.exports = { register };", true],
  [
    "in a list of objects, which others may call, keeps its server",
    "const plugins = [{ name: 'items', register }];",
    false,
  ],
  [
    "and may be what something unknown calls with a server, keeps it",
    "for (const plugin of [module.exports]) plugin.register(new grpc.Server());\nmodule.exports = { register };",
    false,
  ],
  [
    "whose name a member has that gets no server, is given the router",
    "const web = require('fastify')();\nweb.register(() => {});",
    true,
  ],
])("a function that adds services, %s", async (_name, rest, isMigrated) => {
  const [head = "", , bound = ""] = before.split(/(server\.addService[\s\S]+\n)(?=server\.bindAsync)/);
  const add =
    "function register(to) { to.addService(shop.v1.Items.service, { getItem: (call, cb) => cb(null, {}) }); }";
  const after = await migrated(`${add}\n${head}register(server);\n${bound}${rest}\n`);
  expect(after.includes("createApp(")).toBe(isMigrated);
  expect(after.includes("to.addService(")).toBe(!isMigrated);
});

it("a codec is reported once, where it stands, and only while some service's messages need it", async () => {
  const program = (order: string) => `const grpc = require('@grpc/grpc-js');
const { shop } = require('./definitions');
const server = new grpc.Server();
server.addService(shop.v1.Items.service, { getItem: (call, callback) => callback(null, { sku: call.request.sku }) });
server.addService(shop.v1.Orders.service, { getOrder: (call, callback) => callback(null, ${order}) });
server.bindAsync('0.0.0.0:1', grpc.ServerCredentials.createInsecure(), () => {});
`;
  const definitions = `const grpc = require('@grpc/grpc-js');
const protoLoader = require('@grpc/proto-loader');
const loaded = protoLoader.loadSync(__dirname + '/shop.proto', { keepCase: true, longs: String, enums: String, defaults: true });
module.exports = grpc.loadPackageDefinition(loaded);
`;
  const codecsOf = async (order: string, messages: "auto" | "bridge" = "auto") => {
    const sources = { "definitions.js": definitions, "server.js": program(order) };
    const { findings } = await migration(sources, messages);
    const about = findings.filter(({ reason }) => reason?.code === "messages-bridged");
    return about.map(({ construct, file, line }) => `${construct} ${path.basename(file)}:${line}`);
  };
  const proved = "{ sku: 'a' }";
  expect(await codecsOf(proved)).toEqual([]);
  expect(await codecsOf(proved, "bridge")).toEqual(["proto-loader as codec definitions.js:3"]);
  expect(await codecsOf("{ sku: call.request.sku, ...globalThis.more }")).toEqual([
    "proto-loader as codec definitions.js:3",
  ]);
});
