import { expect, it } from "vitest";
import { servicesOver } from "./testing/projects.js";

const proto = 'syntax = "proto3"; package a.v1; service S { rpc Ask(T) returns (T); } message T { string text = 1; }';

/** The server of one handler in `impl`, once the tool has been over it. */
async function migrated(body: string, given = "impl", other = ""): Promise<string> {
  const server = `const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');
const { S } = grpc.loadPackageDefinition(loader.loadSync(__dirname + '/a.proto', { defaults: true })).a.v1;
const auth = (handler) => (call, callback) => handler(call, callback);
${body}
const server = new grpc.Server();
server.addService(S.service, ${given});
server.bindAsync('0.0.0.0:1', grpc.ServerCredentials.createInsecure(), () => {});
`;
  const text = await servicesOver({ "a.proto": proto, "server.js": server, "impl.js": other });
  return text("server.js");
}

const literal = "{\n  ask(call, callback) {\n    callback(null, { text: call.request.text });\n  },\n}";
const impl = `const impl = ${literal};\n`;
const classOf = (first: string) =>
  `class Impl {\n  constructor() { ${first} }\n\n  ask(call, callback) {\n    callback(null, { text: call.request.text });\n  }\n}\n`;
const mutator =
  "function protect(all) { for (const key of Object.keys(all)) all[key] = auth(all[key]); return all; }\n";

it.each([
  [`${impl}impl.ask = auth(impl.ask);`],
  [`${impl}for (const key in impl) impl[key] = auth(impl[key]);`],
  [`${impl}Object.keys(impl).forEach((key) => { impl[key] = auth(impl[key]); });`],
  [`${impl}Object.assign(impl, { ask: auth(impl.ask) });`],
  [`${impl}Object.defineProperty(impl, 'ask', { value: auth(impl.ask) });`],
  [`${impl}delete impl.ask;`],
  [`${impl}const other = impl;\nother.ask = auth(other.ask);`],
  [`${impl}const all = { ...impl };\nall.ask = auth(all.ask);`, "all"],
  [`${impl}${mutator}protect(impl);`],
  [`${impl}require('protect-all')(impl);\nconst protect = require('protect-all');\nprotect(impl);`],
  [mutator, `protect(${literal})`],
  [classOf("this.ask = auth(this.ask);"), "new Impl()"],
  [classOf("for (const key of ['ask']) this[key] = auth(this[key]);"), "new Impl()"],
  [`${classOf("")}Impl.prototype.ask = auth(Impl.prototype.ask);`, "new Impl()"],
  [`${classOf("")}const impl = new Impl();\nimpl.ask = auth(impl.ask);`],
  [classOf("").replace("  ask", "  @auth\n  ask"), "new Impl()"],
  [
    `const secured = (target) => { target.prototype.ask = auth(target.prototype.ask); };\n@secured\n${classOf("")}`,
    "new Impl()",
  ],
])("handlers in whose place something else is put keep their shape: %s", async (body, given = "impl") => {
  const after = await migrated(body, given);
  expect(after).toContain("fromCallbacks(");
  expect(after).toContain("callback(null, { text: call.request.text })");
});

it("so do those of another file", async () => {
  const exported = "exports.ask = (call, callback) => callback(null, { text: call.request.text });\n";
  const loop = "const impl = require('./impl');\nfor (const key in impl) impl[key] = auth(impl[key]);";
  expect(await migrated(loop, "impl", exported)).toContain("fromCallbacks(impl)");
  expect(await migrated("const impl = require('./impl');", "impl", exported)).not.toContain("fromCallbacks");
});

it.each([
  [impl],
  [`${impl}Object.freeze(impl);`],
  [`${impl}console.log(Object.keys(impl));`],
  [`${impl}const names = (all) => Object.keys(all);\nnames(impl);`],
  [`const noted = (target) => { target.title = 'shop'; };\n@noted\n${classOf("")}Impl.count = 1;`, "new Impl()"],
  [`${classOf("").replace("\n  ask", "\n  @noted\n  load() {}\n\n  ask")}`, "new Impl()"],
  [classOf("this.ask = this.ask.bind(this); this.seen = {}; this.seen['a'] = 1;"), "new Impl()"],
])("what only reads them does not hinder: %s", async (body, given = "impl") => {
  expect(await migrated(body, given)).toContain("text: req.text");
});
