import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import { StringValueSchema } from "@bufbuild/protobuf/wkt";
import { textFromValue } from "@connect-migrate/runtime/grpc-js";
import { beforeAll, expect, it } from "vitest";
import { tempProject } from "../generate/testing/temp-project.js";
import { migrateMessages } from "./testing/migrate-messages.js";

const repository = resolve(import.meta.dirname, "../..");
const proto = `syntax = "proto3";
package p.v1;
service S { rpc Get(Thing) returns (Thing); }
enum Kind { KIND_UNKNOWN = 0; KIND_RED = 1; }
message Thing {
  string the_name = 1; int64 big_count = 2; Kind kind = 3; optional int32 opt_num = 4; repeated string tag_list = 5; Thing child = 6;
  oneof pick { string pick_text = 7; Thing pick_item = 8; }
}
`;
const server = `const { grpcJsMessages } = require('@connect-migrate/runtime/grpc-js');
const { S } = require('./gen/s_pb.js');
const { SService } = require('./definition');
const { get } = require('./handlers');
module.exports = (router) => router.service(S, { get }, { messages: grpcJsMessages(SService) });
`;
const handlers = (body: string) =>
  `const { p } = require('./lib/static');\n\nconst { Kind, Thing } = p.v1;\n\nexports.get = function get(req) {\n  ${body}\n};\n`;
const definition = (serialize: string, deserialize: string) => `const { Thing } = require('./lib/static').p.v1;

const serialize = (message) => ${serialize};
const deserialize = (bytes) => ${deserialize};

exports.SService = {
  get: {
    path: '/p.v1.S/Get', requestStream: false, responseStream: false,
    requestSerialize: serialize, requestDeserialize: deserialize, responseSerialize: serialize, responseDeserialize: deserialize,
  },
};
`;
const encode = "Buffer.from(Thing.encode(message).finish())";
const decode = "Thing.decode(bytes)";

let staticCode: string;
beforeAll(() => {
  using project = tempProject({ "s.proto": proto });
  const pbjs = join(repository, "node_modules/protobufjs-cli/bin/pbjs");
  const out = join(project.root, "static.js");
  const options = ["-t", "static-module", "-w", "commonjs", "-o", out, join(project.root, "s.proto")];
  const { status, stderr } = spawnSync(process.execPath, [pbjs, ...options], { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  staticCode = readFileSync(out, "utf8");
});

async function migrate(
  body: string,
  codec: readonly [string, string] = [encode, decode],
  change: (text: string) => string = (text) => text,
) {
  using project = tempProject({
    "package.json": "{}",
    "s.proto": proto,
    "server.js": server,
    "handlers.js": handlers(body),
    "definition.js": definition(...codec),
    "lib/static.js": "",
  });
  writeFileSync(join(project.root, "lib/static.js"), change(staticCode));
  const { files, findings } = await migrateMessages(project.root);
  const [finding] = findings;
  return { handlers: files["handlers.js"], outcome: finding?.outcome, why: finding?.reason?.text ?? "" };
}

it("a handler on pbjs's classes is written on protobuf-es, and what nothing uses any more goes", async () => {
  const { handlers: after, outcome } = await migrate(
    "return Thing.create({ theName: String(req.bigCount), kind: Kind.KIND_RED, pickItem: new Thing({ optNum: 1 }) });",
  );
  expect(outcome).toBe("idiomatic");
  expect(after).toBe(
    "const { Kind } = require('./gen/s_pb.js');\n\nexports.get = function get(req) {\n  return { theName: String(req.bigCount), kind: Kind.RED, pick: { case: 'pickItem', value: { optNum: 1 } } };\n};\n",
  );
});

it.each([
  [
    "it stands in for one that came",
    "const one = Thing.create({ optNum: 1 });\n  const kept = req.child || one;\n  return Thing.create({ child: kept, theName: kept.theName });",
    "const one = create(ThingSchema, { optNum: 1 });\n  const kept = req.child || one;\n  return { child: kept, theName: kept.theName };",
  ],
  [
    "its own fields are read",
    "const r = Thing.create();\n  r.theName = r.theName + 'x';\n  return r;",
    "const r = create(ThingSchema);\n  r.theName = r.theName + 'x';\n  return r;",
  ],
  [
    "a helper makes it",
    "const make = () => new Thing();\n  const r = make();\n  r.tagList.push('x');\n  return r;",
    "const make = () => create(ThingSchema);\n  const r = make();\n  r.tagList.push('x');\n  return r;",
  ],
])("a made message has its defaults: %s", async (_, body, after) => {
  const { handlers: found, outcome, why } = await migrate(body);
  expect([outcome, why]).toEqual(["idiomatic", ""]);
  expect(found).toContain(after);
});

it("what asks for a member of a oneof asks which one is set", async () => {
  const { handlers: found } = await migrate(
    "if (!req.pickItem) return {};\n  const r = req.pickItem;\n  return { theName: req.child?.pickText ?? 'no', child: r };",
  );
  expect(found).toContain("if (req.pick.case !== 'pickItem') return {};\n  const r = req.pick.value;");
  expect(found).toContain("(req.child?.pick.case === 'pickText' ? req.child.pick.value : undefined) ?? 'no'");
});

it("names of enum values are looked up in the old module, which stays", async () => {
  const { handlers: after } = await migrate("console.log(Kind[req.kind]);\n  return Thing.create();");
  expect(after).toContain("const { Kind } = p.v1;");
  expect(after).toContain("console.log(Kind[req.kind]);\n  return {};");
});

it.each<[string, string, RegExp]>([
  ["the words of a Long", "console.log(req.bigCount.low);\n  return req;", /what is read of a Long/],
  ["a Long that goes on", "console.log(req.bigCount);\n  return req;", /not followed/],
  ["whether a Long is there", "if (req.bigCount) return req;\n  return {};", /not followed/],
  [
    "an unset field taken apart with a default",
    "const { optNum = 5 } = req;\n  return { optNum };",
    /null there if it/,
  ],
  [
    "a field taken apart of what the program may have made",
    "const show = ({ optNum }) => console.log(optNum);\n  show(req);\n  show({});\n  return req;",
    /may have made/,
  ],
  ["whether a plain field was sent", "console.log(req.hasOwnProperty('theName'));\n  return req;", /was sent/],
  [
    "an unset field that may be undefined",
    "return { theName: req.optNum === undefined ? 'a' : 'b' };",
    /undefined or null/,
  ],
  [
    "a plain object in a message that is read again",
    "const r = Thing.create({ child: { theName: 'x' } });\n  r.theName = r.theName + 'x';\n  return r;",
    /may have made/,
  ],
  [
    "an optional field that is counted up in, from null",
    "const r = Thing.create();\n  r.optNum++;\n  return r;",
    /changes a value/,
  ],
  [
    "a number that is cut to 32 bits where it is written and read again",
    "const r = Thing.create({ optNum: globalThis.given });\n  r.theName = String(r.optNum);\n  return r;",
    /converted where it is made/,
  ],
  [
    "a member of a oneof of a literal, which is undefined there and null in a message",
    "const show = (t) => String(t.pickText);\n  show(req);\n  show({});\n  return req;",
    /may have made|undefined or null/,
  ],
  ["a copy over something else", "return Thing.create({ theName: 'x', ...req });", /spread/],
  [
    "a text of a type that nothing proves, in a list",
    "return Thing.create({ tagList: [globalThis.given] });",
    /nothing proves that this is a string/,
  ],
  [
    "a member of a oneof that nothing proves to be there",
    "return Thing.create({ pickText: globalThis.given });",
    /may be absent/,
  ],
  [
    "a Long beside a text",
    "return Thing.create({ theName: req.bigCount || globalThis.given });",
    /not followed|string/,
  ],
  ["a message that is created of another object", "return Thing.create(globalThis.given);", /another object/],
  [
    "fromObject of a list that is filled afterwards",
    "const tagList = [];\n  const r = Thing.fromObject({ tagList });\n  tagList.push('x');\n  return r;",
    /a part that fromObject copies/,
  ],
  [
    "fromObject of what a literal elsewhere has",
    "const child = { theName: globalThis.given };\n  return Thing.fromObject({ child });",
    /fromObject converts in another way/,
  ],
  ["a Long of toObject", "console.log(Thing.toObject(req).bigCount.low);\n  return req;", /cannot be followed/],
  [
    "what is made and shown",
    "const t = Thing.create();\n  console.log(JSON.stringify(t), t.theName);\n  return t;",
    /cannot be followed/,
  ],
  [
    "what is written to and shown",
    "console.log(req);\n  req.tagList.push('x');\n  return Thing.create();",
    /is shown that is written to/,
  ],
  ["a literal that is encoded", "const r = { theName: 'x' };\n  return Thing.decode(Thing.encode(r).finish());", /./],
  [
    "a message of another object",
    "const given = globalThis.given;\n  return Thing.create(given);",
    /nothing proves that this is a/,
  ],
  [
    "the name of an enum value, which protobufjs writes as 0",
    "return Thing.create({ kind: 'KIND_RED' });",
    /value of p.v1.Kind/,
  ],
  ["two members of a oneof", "return { pickText: 'x', pickItem: {} };", /two members/],
  [
    "a member of a oneof that an earlier one is written over",
    "const r = Thing.create({ pickItem: {} });\n  r.pickText = 'x';\n  return r;",
    /another order/,
  ],
  [
    "a member of a oneof in a branch that ends in a throw which is caught",
    "const r = Thing.create();\n  try { if (req.kind) { r.pickItem = {}; throw new Error(); } } catch {}\n  r.pickText = 'x';\n  return r;",
    /another order/,
  ],
  ["the setter of a oneof", "const r = { pickText: 'x' };\n  r.pick = 'pickItem';\n  return r;", /no field pick/],
])("%s stays on the bridge", async (_, body, why) => {
  const found = await migrate(body);
  expect([found.outcome, found.handlers]).toEqual(["bridged", handlers(body)]);
  expect(found.why).toMatch(why);
});

it.each<[string, readonly [string, string]]>([
  ["fromObject", ["Buffer.from(Thing.encode(Thing.fromObject(message)).finish())", decode]],
  ["toObject", [encode, "Thing.toObject(Thing.decode(bytes))"]],
  ["encodeDelimited", ["Buffer.from(Thing.encodeDelimited(message).finish())", decode]],
  ["another encoding", ["Buffer.from(JSON.stringify(message))", "JSON.parse(bytes)"]],
])("a definition with %s keeps its own functions", async (_, codec) => {
  const found = await migrate("return req;", codec);
  expect(found.outcome).toBe("bridged");
  expect(found.why).toMatch(/no known generator made this definition/);
});

it.each<[string, (text: string) => string, RegExp]>([
  [
    "stale: a field has another number",
    (text) => text.replace("/* id 1, wireType 2 =*/10", "/* id 9, wireType 2 =*/74"),
    /(?<!\/)\blib\/static\.js writes no the_name in Thing as the \.proto says.*run the old generator/,
  ],
  [
    "stale: a field has another type",
    (text) => text.replace("/* id 2, wireType 0 =*/16).int64(", "/* id 2, wireType 0 =*/16).uint64("),
    /big_count of Thing is written as uint64 in .*lib\/static\.js and as int64/,
  ],
  [
    "made by a pbjs that does not tell what is set",
    (text) => text.replace("Thing.prototype.optNum = null", "Thing.prototype.optNum = 0"),
    /code of an older pbjs, where optNum of Thing reads 0/,
  ],
  [
    "made for protobufjs 8",
    (text) => text.replace(/function encode\(message, writer(?:, \w+)?\)/g, "function (message, writer, _depth)"),
    /lib\/static\.js is code of pbjs for protobufjs 8/,
  ],
])("code that is %s stays on the bridge, and the report names the file", async (_, change, why) => {
  const found = await migrate("return { theName: req.theName };", [encode, decode], change);
  expect(found.outcome).toBe("bridged");
  expect(found.why).toMatch(why);
});

it("what is no text is refused when the message is encoded, and not before", () => {
  const encoded = (value: unknown) =>
    toBinary(StringValueSchema, create(StringValueSchema, { value: textFromValue(value) }));
  expect(encoded("x")).toEqual(Uint8Array.of(10, 1, 120));
  expect(encoded(null)).toEqual(new Uint8Array());
  expect(() => encoded(5)).toThrow("number in a field for text");
});
