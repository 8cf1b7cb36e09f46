import { describe, expect, it } from "vitest";
import { tempProject } from "../generate/testing/temp-project.js";
import { migrateMessages } from "./testing/migrate-messages.js";

const proto = `syntax = "proto3";
package both.v1;
service Both { rpc GetIt(Thing) returns (Thing); }
message Thing { string item_name = 1; int64 big_count = 2; }
`;

const shared = `exports.show = (thing) => thing.item_name + ': ' + thing.big_count;
exports.named = (name) => ({ item_name: String(name) });
`;
const loaded = `const protoLoader = require('@grpc/proto-loader');
const { grpcJsMessages } = require('@connect-migrate/runtime/grpc-js');
const { Both } = require('./gen/both_pb.js');
const { show, named } = require('./shared');
const definition = protoLoader.loadSync(__dirname + '/both.proto', { keepCase: true, longs: String, defaults: true });
`;
const server = (handler: string) => `${loaded}const getIt = (req) => ${handler};
module.exports = (router) => router.service(Both, { getIt }, { messages: grpcJsMessages(definition['both.v1.Both']) });
`;
const client = `const { createClient } = require('@connect-migrate/runtime');
${loaded}module.exports = async (transport) => {
  const client = createClient(Both, transport, { messages: grpcJsMessages(definition['both.v1.Both']) });
  const thing = await client.getIt(named('one'));
  console.log(show(thing), thing.item_name);
};
`;

describe("a server and a client that share functions with messages", () => {
  const project = (handler: string) =>
    tempProject({
      "package.json": "{}",
      "both.proto": proto,
      "shared.js": shared,
      "server.js": server(handler),
      "client.js": client,
    });

  it.each(["services", "clients"] as const)("are proved together, by the run for %s", async (side) => {
    using both = project("named(show(req))");
    const { files, findings } = await migrateMessages(both.root, "auto", [side]);
    expect(findings.map(({ outcome, construct }) => [outcome, construct]).toSorted()).toEqual([
      ["idiomatic", "messages of a client"],
      ["idiomatic", "messages of a service"],
    ]);
    expect(files["shared.js"]).toBe(
      "exports.show = (thing) => thing.itemName + ': ' + String(thing.bigCount);\nexports.named = (name) => ({ itemName: String(name) });\n",
    );
    expect(files["server.js"]).toContain("router.service(Both, { getIt });");
    expect(files["client.js"]).toContain("console.log(show(thing), thing.itemName);");
    using after = tempProject({ "package.json": "{}", "both.proto": proto, ...files });
    expect((await migrateMessages(after.root)).findings).toEqual([]);
  });

  it.each(["show", "show: print"])("stay on the bridge together where one of them has to, taking %s", async (taken) => {
    const name = taken.replace(/.* /, "");
    using both = tempProject({
      "package.json": "{}",
      "both.proto": proto,
      "shared.js": shared,
      "server.js": server(`[JSON.parse(${name}(req)), req].pop()`).replace("show, named", `${taken}, named`),
      "client.js": client,
    });
    const { files, findings } = await migrateMessages(both.root, "auto", ["clients"]);
    expect(findings.map(({ outcome, construct }) => [outcome, construct])).toEqual([
      ["bridged", "messages of a client"],
    ]);
    expect(files["client.js"]).toBe(client);
    expect(files["shared.js"]).toBe(shared);
  });
});
