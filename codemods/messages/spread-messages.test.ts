import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { tempProject } from "../generate/testing/temp-project.js";
import { initOf } from "./testing/arbitrary-init.js";
import { loaderPrograms } from "./testing/loader-programs.js";
import { migrateMessages } from "./testing/migrate-messages.js";
import type { TwoPrograms } from "./testing/two-programs.js";

const proto = `syntax = "proto3";
package spread.v1;
service Spread {
  rpc ReplaceIt(Thing) returns (Thing);
  rpc ReadIt(Thing) returns (Thing);
  rpc AssignIt(Thing) returns (Thing);
  rpc KeepIt(Thing) returns (Thing);
  rpc MergeIt(Plain) returns (Plain);
  rpc UpdateIt(Change) returns (Plain);
  rpc PatchIt(Change) returns (Plain);
  rpc FindIt(Change) returns (Plain);
}
enum Kind { KIND_UNKNOWN = 0; KIND_RED_ONE = 1; KIND_BLUE = 5; }
message Part { string part_name = 1; int64 big_size = 2; optional string part_note = 3; }
message Thing {
  string item_name = 1;
  int64 big_count = 2;
  Kind item_kind = 3;
  Part main_part = 4;
  repeated string tag_list = 5;
  oneof pick { string pick_text = 6; Part pick_part = 7; }
  bytes raw_data = 8;
  bool is_on = 9;
  optional string opt_text = 10;
  repeated Part part_list = 11;
  map<string, int32> num_map = 12;
  Thing child_item = 13;
}
message Plain {
  string item_name = 1;
  int64 big_count = 2;
  Kind item_kind = 3;
  Part main_part = 4;
  repeated string tag_list = 5;
  bool is_on = 6;
  bytes raw_data = 7;
  map<string, Part> part_map = 8;
  string more_text = 9;
}
message Change {
  string item_name = 1;
  optional int64 big_count = 2;
  Kind item_kind = 3;
  Part main_part = 4;
  repeated string tag_list = 5;
  optional bool is_on = 6;
  optional bytes raw_data = 7;
}
`;

const handlers = `
const byName = new Map();

function replaceIt(req) {
  return {
    child_item: { ...req.child_item, tag_list: ['x'], ...(req.is_on ? { item_name: 'on' } : {}) },
    main_part: { ...(req.main_part || {}), part_name: req.item_name },
    part_list: req.part_list.map((part) => ({ ...part, big_size: '9007199254740993' })),
    is_on: true,
    ...(req.opt_text && { opt_text: req.opt_text + '!' }),
  };
}

function readIt(req) {
  const all = { ...req.child_item, item_name: 'x' };
  return { child_item: all, tag_list: [JSON.stringify(all.item_kind) + '', '' + all.big_count, all.opt_text === undefined ? 'no' : 'yes'] };
}

function assignIt(req) {
  const main_part = Object.assign({}, req.main_part, { part_name: req.item_name });
  return Object.assign({}, req, { main_part }, { big_count: '5' });
}

function keepIt(req) {
  const stored = byName.get(req.item_name.slice(0, 1));
  const updated = { ...stored, is_on: req.is_on, ...(req.item_name && { item_name: req.item_name }) };
  byName.set(req.item_name.slice(0, 1), req);
  return updated;
}

const kept = {};

function mergeIt(req) {
  const key = String(req.tag_list.length);
  const stored = kept[key];
  if (!stored) {
    kept[key] = req;
    return req;
  }
  Object.assign(stored, req);
  if (req.is_on) Object.assign(stored, { more_text: stored.more_text + req.item_name, big_count: req.big_count });
  const same = Object.assign(stored, { item_kind: 'KIND_BLUE' });
  return { ...same, more_text: same.main_part ? same.main_part.part_name : same.more_text };
}

const rows = [{ item_name: 'a', more_text: 'first', big_count: '7', is_on: true }];

function updateIt(req) {
  const name = req.item_name.slice(0, 1);
  const index = rows.findIndex((row) => row.item_name.slice(0, 1) === name);
  if (index === -1) {
    rows.push({ part_map: { a: { part_name: name } }, tag_list: ['x'], item_kind: 'KIND_BLUE', ...req });
    return rows[rows.length - 1];
  }
  rows[index] = { ...rows[index], ...req, more_text: 'again' };
  return rows[index];
}

const patched = new Map();

function patchIt(req) {
  const key = req.tag_list.length;
  const stored = patched.get(key);
  const next = Object.assign({}, stored, req, { more_text: 'new' });
  patched.set(key, next);
  if (req.is_on) return { ...patched.get(key), ...req };
  return patched.get(key);
}

const found = {};

function findIt(req) {
  const { item_name } = req;
  if (item_name in found) {
    found[item_name].is_on = !found[item_name].is_on;
    return found[item_name];
  }
  found[item_name] = { item_name: 'for ' + item_name, is_on: true };
  const size = Object.keys(found).length;
  if (size > 50 && item_name) return { item_name: 'many' };
  return found[item_name];
}

module.exports = { replaceIt, readIt, assignIt, keepIt, mergeIt, updateIt, patchIt, findIt };
`;

async function expectSameMessages(programs: TwoPrograms): Promise<void> {
  for (const method of programs.service.methods) {
    const legacy = programs.definition[method.name];
    const name = method.localName;
    if (!legacy) throw new Error(method.name);
    await fc.assert(
      fc.asyncProperty(initOf(method.input, 2), async (init) => {
        const bytes = toBinary(method.input, create(method.input, init));
        const old = legacy.responseSerialize(programs.before[name]?.(legacy.requestDeserialize(Buffer.from(bytes))));
        const reply = programs.after[name]?.(fromBinary(method.input, bytes)) as Record<string, unknown>;
        const answer = fromBinary(method.output, toBinary(method.output, create(method.output, reply)));
        expect(answer).toEqual(fromBinary(method.output, new Uint8Array(old)));
      }),
      { numRuns: 500 },
    );
  }
}

const bridged = {
  "return { ...req, pick_text: 'x' };": "a reply is spread from another object",
  "return { item_name: 'x', ...req.child_item };": "a reply is spread from another object",
  "return { item_name: String(new Date()), ...req };": "a reply is spread from another object",
  "return { opt_text: 'x', ...req };": "a reply is spread from another object",
  "return { ...req, ...req.child_item };": "a reply is spread from another object",
  "return { ...(req.pick_part ? req.child_item : req) };": "a reply is spread from another object",
  "const all = { ...req, is_on: true }; return { item_name: all.opt_text === null ? 'no' : 'yes' };":
    "a message goes where it cannot be followed",
  "const kept = byKey.get('a'); return { ...req, ...kept };": "a reply is spread from another object",
  "const kept = byKey.get('a'); return { ...kept, ...req };": "a reply is spread from another object",
  "return Object.assign(req, req.child_item);": "a message gets the fields of one that may not have them",
  "return Object.assign({}, req, { [req.item_name]: 'x' });": "nothing proves that this is a spread.v1.Thing",
};

/** Nothing says that what is looked up is there. */
const unproved = [
  "if (byKey.has(req.item_name)) { drop(); return byKey.get(req.item_name); } return {};",
  "if (!byKey.has(req.item_name)) return {}; ['a'].map(drop); return byKey.get(req.item_name);",
  "if (!byKey.has('a')) return {}; return byKey.get(req.item_name);",
  "return byKey.has('a') && byKey.delete('a') ? byKey.get('a') : {};",
  "if (!byKey.has('a')) return {}; byKey = new Map(); return byKey.get('a');",
  "let key = 'a'; if (!byKey.has(key)) return {}; key = req.item_name; return byKey.get(key);",
  "const at = all.findIndex((one) => one.is_on); all.splice(at, 1); if (at < 0) return {}; return all[at];",
  "const at = all.findIndex((one) => one.is_on); if (at < 1) return {}; return all[at];",
  "if (!all[0]) return {}; all.length = 0; return all[0];",
];

const stores =
  "let byKey = new Map([['a', { item_name: 'x' }]]);\nconst all = [{ is_on: true }];\nconst drop = () => byKey.clear();\n";
const programOf = (code: string) => ({
  "package.json": "{}",
  "service.proto": proto,
  "handlers.js": `${stores}function replaceIt(req) { ${code} }\n\nmodule.exports = { replaceIt };\n`,
  "server.js": `
const protoLoader = require('@grpc/proto-loader');
const { grpcJsMessages } = require('@connect-migrate/runtime/grpc-js');
const { createApp } = require('@connect-migrate/runtime/node');
const { Spread } = require('./gen/service_pb.js');
const { replaceIt } = require('./handlers');
const definition = protoLoader.loadSync('service.proto', { keepCase: true, longs: String, enums: String, defaults: true, oneofs: true });
exports.app = createApp({ routes(router) {
  router.service(Spread, { replaceIt }, { messages: grpcJsMessages(definition['spread.v1.Spread']) });
} });
`,
});

describe("a message that is spread into another one", () => {
  it("proto-loader", { timeout: 120_000 }, async () => {
    using programs = await loaderPrograms("spread.v1.Spread", { "service.proto": proto, "handlers.js": handlers });
    expect(programs.migrated).not.toContain("protoLoaderMessage");
    await expectSameMessages(programs);
  });

  it.each(Object.entries(bridged))("%s stays as it is", { timeout: 60_000 }, async (code, why) => {
    const before = programOf(code);
    using project = tempProject(before);
    const { files, findings } = await migrateMessages(project.root);
    expect(findings.map(({ outcome }) => outcome)).toEqual(["bridged"]);
    expect(findings[0]?.reason?.text).toMatch(/handlers\.js:4/);
    expect(findings[0]?.reason?.text).toContain(why);
    expect(files["handlers.js"]).toBe(before["handlers.js"]);
  });

  it.each(unproved)("%s may give nothing", { timeout: 60_000 }, async (code) => {
    using project = tempProject(programOf(code));
    const { files, findings } = await migrateMessages(project.root);
    expect(findings.map(({ outcome }) => outcome)).toEqual(["idiomatic"]);
    expect(files["handlers.js"]).toContain("?? protoLoaderMessage(ThingSchema, undefined)");
  });
});
