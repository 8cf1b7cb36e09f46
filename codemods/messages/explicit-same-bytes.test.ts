import { symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { explicitPresence } from "@connect-migrate/runtime/grpc-js";
import type { MethodDefinition } from "@grpc/grpc-js";
import protoLoader from "@grpc/proto-loader";
import fc from "fast-check";
import { expect, it } from "vitest";
import { ensureGenerated } from "../generate/index.js";
import { tempProject } from "../generate/testing/temp-project.js";
import { initOf } from "./testing/arbitrary-init.js";
import { migrateMessages } from "./testing/migrate-messages.js";

/**
 * proto-loader without defaults: the handler before and the handler after answer the same bytes with the same bytes, exactly, where
 * a field is not set and where it is set to its default, and throw the same where they throw.
 */
const proto = `syntax = "proto3";
package same.v1;
import "google/protobuf/timestamp.proto";
import "google/protobuf/struct.proto";
service Same {
  rpc DescribeIt(Thing) returns (Lines);
  rpc EchoIt(Thing) returns (Thing);
  rpc TransformIt(Thing) returns (Thing);
  rpc LooseIt(Thing) returns (Loose);
  rpc ShowIt(Thing) returns (Lines);
  rpc RowIt(Thing) returns (Rows);
  rpc CrashIt(Thing) returns (Lines);
  rpc FillIt(Thing) returns (Thing);
  rpc SpreadIt(Thing) returns (Thing);
}
enum Kind { KIND_UNKNOWN = 0; KIND_RED_ONE = 1; KIND_BLUE = 5; }
message Thing {
  string item_name = 1;
  int64 big_count = 2;
  Kind item_kind = 3;
  bytes raw_data = 4;
  optional int32 opt_num = 5;
  Thing child_item = 6;
  repeated Thing sub_items = 7;
  map<string, int32> num_map = 8;
  oneof the_pick { string pick_text = 9; int32 pick_num = 10; Thing pick_item = 11; }
  repeated string tag_list = 12;
  uint64 u_big = 13;
  double some_ratio = 14;
  google.protobuf.Timestamp at_time = 15;
  bool is_on = 16;
  uint32 u_num = 17;
  int32 small_num = 18;
  repeated int64 big_list = 19;
  google.protobuf.Struct extra_data = 20;
}
message Loose {
  string a_text = 1; bool a_truth = 2; int32 a_small = 3; uint32 a_whole = 4; double a_ratio = 5; float a_single = 6; int64 a_big = 7; uint64 a_huge = 8;
  optional string opt_text = 12; string b_text = 17; int32 b_small = 18; int64 b_big = 19; double b_ratio = 20; Kind b_kind = 21; repeated string text_list = 22;
}
message Row { string row_name = 1; int32 row_count = 2; bool is_on = 3; repeated string row_tags = 4; Row inner_row = 5; }
message Rows { repeated Row all_rows = 1; Row best_row = 2; int32 row_count = 3; }
message Lines { repeated string lines_out = 1; int32 line_count = 2; Thing first_one = 3; }
`;

const handlers = `
function show(value) { return value === undefined ? 'undefined' : value === null ? 'null' : JSON.stringify(value); }

function describeIt(req) {
  const { big_count, item_kind: kind, raw_data, tag_list, u_big, item_name } = req;
  const lines_out = ['Hello ' + req.item_name, \`\${item_name}/\${req.small_num}/\${req.is_on}\`, show(req.item_name), show(big_count), show(kind)];
  lines_out.push('' + kind, '' + big_count, String(req.u_big), show(raw_data), show(raw_data && raw_data.length), '' + Number(u_big));
  lines_out.push(req.item_name || 'anonymous', req.item_name ?? 'nobody', '' + (req.small_num + 1), '' + (req.small_num > 3), show(req.num_map));
  if (!req.item_name) lines_out.push('no name');
  if (req.item_name === undefined) lines_out.push('not set');
  if (req.item_name == null) lines_out.push('null');
  if (req.big_count) lines_out.push('a string is true'); else lines_out.push('none');
  if (req.item_kind) lines_out.push('so is a name');
  if (req.item_kind === KIND_ZERO) lines_out.push('zero'); else if (req.item_kind === KIND_BLUE) lines_out.push('blue');
  switch (kind) { case KIND_ZERO: lines_out.push('0'); break; case KIND_BLUE: lines_out.push('5'); break; default: lines_out.push('?' + kind); }
  if (req.big_count === '0') lines_out.push('exactly 0');
  if (req.child_item === null) lines_out.push('null'); else if (req.child_item === undefined) lines_out.push('undefined'); else lines_out.push('child of ' + req.child_item.item_name);
  for (const tag of tag_list || []) lines_out.push(tag);
  for (const one of req.sub_items || []) lines_out.push('' + one.item_name, '' + one.big_count, show(one.is_on), one.raw_data ? one.raw_data.toString('hex') : 'no data');
  lines_out.push('' + (req.sub_items || []).length, (req.sub_items || []).map((one) => one.item_name + one.item_kind).join());
  if (req.sub_items) lines_out.push('' + req.sub_items.length, show(req.sub_items.find((one) => one.is_on)?.small_num));
  if (req.at_time) lines_out.push('' + req.at_time.seconds, show(req.at_time.nanos));
  lines_out.push(req.the_pick === 'pick_text' ? 'text' : req.the_pick === 'pick_num' ? 'num' : 'other', show(req.pick_text), show(req.pick_num));
  lines_out.push(show(req.tag_list), show(req.opt_num), (req.big_list || []).join(), show(req.child_item?.big_count), show(req.child_item?.u_num));
  lines_out.push(show(req.extra_data), show(req.child_item?.extra_data), req.extra_data ? Object.keys(req.extra_data.fields || {}).join() : 'no data');
  return { lines_out, line_count: req.small_num, first_one: { extra_data: req.extra_data || { fields: { a: { stringValue: show(req.item_name) }, b: {} } } } };
}

const echoIt = (req) => (req.u_num ? { ...req, small_num: 0 } : req);

function transformIt(req) {
  return {
    item_name: req.item_name, big_count: req.u_num, item_kind: req.is_on ? KIND_ZERO : req.item_kind, raw_data: req.raw_data, opt_num: req.small_num,
    child_item: req.child_item, sub_items: req.sub_items, num_map: req.num_map, tag_list: req.tag_list, u_big: req.u_big, some_ratio: req.some_ratio, at_time: req.at_time,
    is_on: !req.is_on, u_num: req.u_num, small_num: req.some_ratio, big_list: req.big_list, pick_text: '',
  };
}

const pool = JSON.parse('[null, 0, 5, -1, 1.5, "12", "abc", true, false, {"a":1}, [], [7], 4294967296, 1e20, "", "-7"]');
function looseIt(req) {
  const a = pool[(req.u_num || 0) % 20];
  const row = { a };
  return {
    a_text: a, a_truth: row.a, a_small: a, a_whole: a, a_ratio: a, a_single: row.a, a_big: a, a_huge: a, opt_text: a,
    b_text: req.small_num, b_small: req.some_ratio, b_big: req.opt_num, b_ratio: req.small_num, b_kind: req.item_kind, text_list: req.tag_list || ['none'],
  };
}

function showIt(req) {
  const lines_out = [JSON.stringify(req), String(JSON.stringify(req.child_item)), JSON.stringify({ name: req.item_name, on: req.is_on, at: req.at_time })];
  for (const one of req.sub_items || []) lines_out.push(JSON.stringify({ ...one, more: [one] }));
  return { lines_out };
}

const stored = JSON.stringify([{}, { row_name: '', row_count: 0, is_on: false, row_tags: [] }, { row_name: 5, row_count: '7', is_on: 'x', inner_row: { row_name: 'in' } }, { row_name: null }]);
function rowIt(req) {
  const found = JSON.parse(stored);
  const rows = JSON.parse(stored);
  return { all_rows: found, best_row: rows[(req.u_num || 0) % 6], row_count: found.length - 4 };
}

function crashIt(req) {
  const lines_out = [];
  if (req.is_on) lines_out.push(req.raw_data.toString('hex'));
  else if (req.u_num) lines_out.push(req.big_count.padStart(4));
  else if (req.small_num) lines_out.push(req.item_kind.toLowerCase());
  else for (const tag of req.tag_list) lines_out.push('' + tag.length + req.item_name.length);
  lines_out.push(req.sub_items.map((one) => one.item_name.trim()).join());
  return { lines_out };
}

function fillIt(req) {
  const out = { item_name: '', small_num: 0, tag_list: [], sub_items: [] };
  out.tag_list.push(req.item_name || '-');
  if (req.is_on) out.is_on = false;
  if (req.child_item) { out.child_item = req.child_item; out.big_count = '0'; }
  for (const one of req.sub_items || []) { out.sub_items.push(one); out.small_num += 1; }
  out.item_name += req.item_name;
  out.raw_data = Buffer.from('');
  return out;
}

function spreadIt(req) {
  const child_item = Object.assign({}, req.child_item, { small_num: 0, is_on: true });
  const sub_items = (req.sub_items || []).map((one) => ({ ...one, item_name: 'one' }));
  return { ...req, sub_items, child_item, ...(req.is_on ? { small_num: 7 } : {}) };
}

module.exports = { describeIt, echoIt, transformIt, looseIt, showIt, rowIt, crashIt, fillIt, spreadIt };
`;

const server = (options: string) => `
const protoLoader = require('@grpc/proto-loader');
const { grpcJsMessages } = require('@connect-migrate/runtime/grpc-js');
const { createApp } = require('@connect-migrate/runtime/node');
const { Same } = require('./gen/same_pb.js');
const { describeIt, echoIt, transformIt, looseIt, showIt, rowIt, crashIt, fillIt, spreadIt } = require('./handlers');
const definition = protoLoader.loadSync(__dirname + '/same.proto'${options});
exports.app = createApp({ routes(router) {
  router.service(Same, { describeIt, echoIt, transformIt, looseIt, showIt, rowIt, crashIt, fillIt, spreadIt }, { messages: grpcJsMessages(definition['same.v1.Same']) });
} });
`;

type Handlers = Record<string, (request: unknown) => unknown>;

it.each([
  ["{ keepCase: true, longs: String, enums: String, oneofs: true }", ""],
  [
    "{ keepCase: true, longs: Number, enums: String, arrays: true, oneofs: true, defaults: false }",
    ", { arrays: true }",
  ],
  ["{ longs: String, objects: true, oneofs: true }", ", { objects: true }"],
])("the same bytes with %s", { timeout: 120_000 }, async (options, explicit) => {
  const names = options.includes("enums");
  let source = handlers
    .replaceAll("KIND_ZERO", names ? "'KIND_UNKNOWN'" : "0")
    .replaceAll("KIND_BLUE", names ? "'KIND_BLUE'" : "5");
  if (!names) source = source.replace("else if (req.small_num) lines_out.push(req.item_kind.toLowerCase());", "");
  if (options.includes("Number"))
    source = source
      .replace("(req.big_list || []).join(), show(req.child_item?.big_count), ", "")
      .replace("req.big_count.padStart(4)", "req.big_count.toFixed(4)")
      .replace("=== '0'", "=== 0")
      .replace("big_count = '0'", "big_count = 0");
  if (!options.includes("keepCase"))
    source = source.replace(/\b[a-z]+(_[a-z]+)+\b/g, (name) =>
      name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
    );
  const files = {
    "package.json": "{}",
    "same.proto": proto,
    "handlers.js": source,
    "server.js": server(`, ${options}`),
  };
  using before = tempProject(files);
  const migrated = await migrateMessages(before.root);
  expect(migrated.findings.map(({ outcome, reason }) => [outcome, reason?.text])).toEqual([["idiomatic", undefined]]);
  expect(migrated.files["server.js"]).toContain(`{ messages: explicitPresence(Same${explicit}) });`);
  const again = tempProject({ ...files, ...migrated.files });
  expect((await migrateMessages(again.root)).files).toEqual(migrated.files);
  const generated = await ensureGenerated({ root: before.root });
  const code = Object.fromEntries(
    generated.files.map((file) => [file.path.slice(before.root.length + 1), file.content]),
  );
  using after = tempProject({ ...files, ...code, ...migrated.files, "node_modules/.keep": "" });
  for (const scope of ["@bufbuild", "@connect-migrate"])
    symlinkSync(resolve(import.meta.dirname, "../../node_modules", scope), join(after.root, "node_modules", scope));
  const oldHandlers = createRequire(join(before.root, "x.js"))("./handlers.js") as Handlers;
  const newHandlers = createRequire(join(after.root, "x.js"))("./handlers.js") as Handlers;
  // biome-ignore lint/security/noGlobalEval: the options are written once, for the program and for the test.
  const given = eval(`(${options})`) as protoLoader.Options;
  const definition = protoLoader.loadSync(join(before.root, "same.proto"), given)["same.v1.Same"];
  const service = generated.registry?.service("same.v1.Same");
  if (!service) throw new Error("no service");
  const codecs = explicitPresence(service, given);
  const counts = { answered: 0, threw: 0 };
  for (const method of service.methods) {
    const legacy = (definition as unknown as Record<string, MethodDefinition<unknown, unknown>>)[method.name];
    const codec = codecs.method(`/same.v1.Same/${method.name}`);
    if (!legacy || !codec) throw new Error(method.name);
    fc.assert(
      fc.property(initOf(method.input, 2, given.longs === Number ? 50n : 64n), (init) => {
        const bytes = codec.input.serialize(init);
        const answerOf = (reply: () => Uint8Array) => {
          try {
            return Buffer.from(reply()).toString("hex");
          } catch (error) {
            return (error as Error).name;
          }
        };
        const before = answerOf(() =>
          legacy.responseSerialize(oldHandlers[method.localName]?.(legacy.requestDeserialize(Buffer.from(bytes)))),
        );
        const after = answerOf(() =>
          codec.output.serialize(newHandlers[method.localName]?.(codec.input.deserialize(bytes))),
        );
        counts[before.endsWith("Error") ? "threw" : "answered"]++;
        expect(after, method.name).toBe(before);
      }),
      { numRuns: 150 },
    );
  }
  expect(counts.answered).toBeGreaterThan(900);
  expect(counts.threw).toBeGreaterThan(30);
});
