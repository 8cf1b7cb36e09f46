import { expect, it } from "vitest";
import { servicesOver } from "./testing/projects.js";

const proto =
  'syntax = "proto3"; package a.v1; service S { rpc Ask(T) returns (T); rpc Tell(T) returns (T); } message T { string some_text = 1; int32 number = 2; }';

/** The server of one handler, which asks `check(call)`, once the tool has been over it. */
async function migrated(check: string, own = "", others = ""): Promise<string> {
  const server = `const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');
const { check, mark } = require('./check');
const { S } = grpc.loadPackageDefinition(loader.loadSync(__dirname + '/a.proto', { keepCase: true, defaults: true })).a.v1;
const server = new grpc.Server();
server.addService(S.service, {
${others}  ask(call, callback) {
    if (!check(call)) return callback({ code: grpc.status.UNAUTHENTICATED, details: 'no' });
    callback(null, { some_text: call.request.some_text });
  },
});
server.bindAsync('0.0.0.0:1', grpc.ServerCredentials.createInsecure(), () => {});
`;
  const text = await servicesOver({ "a.proto": proto, "server.js": server, "check.js": check + own });
  expect(text("check.js")).toBe(check + own);
  return text("server.js");
}

const exported = "exports.check = check;\n";

it("a function that reads the metadata gets the context, and the messages become native", async () => {
  const after = await migrated("const check = (call) => call.metadata.get('authorization').length > 0;\n", exported);
  expect(after).toContain("if (!check(grpcJsCall(ctx))) throw new ConnectError('no', Code.Unauthenticated);");
  expect(after).toContain("return { someText: req.someText };");
});

it("one that reads the request gets it, too, in its old shape", async () => {
  const after = await migrated("function check({ request }) { return request.some_text !== ''; }\n", exported);
  expect(after).toContain("if (!check(grpcJsCall(ctx, req))) throw");
  expect(after).toContain("return { some_text: req.some_text };");
});

it.each([
  ["is kept", "const all = [];\nconst check = (call) => all.push(call) > 0;\n"],
  ["is given a property", "const check = (call) => (call.user = 'somebody');\n"],
  ["is listened to", "const check = (call) => call.on('cancelled', () => {});\n"],
  ["gets metadata", "const check = (call) => call.metadata.set('user', 'somebody') === undefined;\n"],
  [
    "gets metadata by another name",
    "const check = ({ metadata }) => { const own = metadata; own.remove('x'); return true; };\n",
  ],
  ["is handed to what nobody knows", "const check = (call) => require('somewhere').check(call);\n"],
  ["is one of the arguments", "function check(call) { return call.metadata.get('x') && arguments[0].write; }\n"],
  ["is asked for what it has from others", "const check = (call) => call.user !== undefined;\n"],
])("the handler stays where the call %s there", async (_, check) => {
  const after = await migrated(check, exported);
  expect(after).toMatch(/ask: fromCallback\(|fromCallbacks\(/);
  expect(after).toContain("if (!check(call)) return callback(");
});

it("functions that call one another are asked anew for each", async () => {
  const check = `const mark = (call) => check(call) || (call.user = 'somebody');
const check = (call) => call.metadata.get('x').length > 1 || mark(call);
`;
  const tell = "  tell(call, callback) {\n    callback(null, { number: mark(call) ? 1 : 2 });\n  },\n";
  const after = await migrated(check, "module.exports = { check, mark };\n", tell);
  expect(after).not.toContain("grpcJsCall");
});
