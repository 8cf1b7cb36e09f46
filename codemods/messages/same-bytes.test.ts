import { symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { MethodDefinition } from "@grpc/grpc-js";
import protoLoader from "@grpc/proto-loader";
import fc from "fast-check";
import { expect, it } from "vitest";
import { ensureGenerated } from "../generate/index.js";
import { tempProject } from "../generate/testing/temp-project.js";
import { initOf } from "./testing/arbitrary-init.js";
import { migrateMessages } from "./testing/migrate-messages.js";

/**
 * The property that counts: the handler before, on proto-loader's objects, and the handler after, on protobuf-es, answer
 * the same bytes with the same bytes. Both really run.
 */
const proto = `syntax = "proto3";
package same.v1;
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
import "google/protobuf/any.proto";
import "google/protobuf/struct.proto";
service Same {
  rpc DescribeIt(Thing) returns (Lines);
  rpc EchoIt(Thing) returns (Thing);
  rpc TransformIt(Thing) returns (Thing);
  rpc LoopIt(Thing) returns (Lines);
  rpc ConvertIt(Thing) returns (Loose);
  rpc CopyIt(Thing) returns (Similar);
  rpc ShowIt(Thing) returns (Lines);
  rpc RowIt(Thing) returns (Loose);
  rpc RowsIt(Thing) returns (Looses);
  rpc KeepIt(Own) returns (Owns);
  rpc OwnIt(Own) returns (OwnLines);
  rpc WriteIt(Own) returns (Own);
  rpc GiveIt(Own) returns (OwnLines);
  rpc StoreIt(Own) returns (OwnLines);
  rpc SpreadIt(Thing) returns (Pair);
  rpc StructIt(Extra) returns (Extra);
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
  oneof the_pick { string pick_text = 9; int32 pick_num = 10; Thing pick_item = 11; int64 pick_big = 30; }
  repeated string tag_list = 12;
  uint64 u_big = 13;
  double some_ratio = 14;
  google.protobuf.Timestamp at_time = 15;
  bool is_on = 16;
  uint32 u_num = 17;
  repeated int64 big_list = 18;
  repeated Kind kind_list = 19;
  map<string, Thing> item_map = 20;
  int64 as_text = 21 [jstype = JS_STRING];
  optional int64 opt_big = 22;
  optional Kind opt_kind = 23;
  optional string opt_text = 24;
  google.protobuf.StringValue nick_name = 25;
  google.protobuf.Int64Value big_value = 26;
  google.protobuf.BytesValue raw_value = 27;
  google.protobuf.Any any_thing = 28;
  repeated google.protobuf.BoolValue flag_list = 29;
}
message Loose {
  string a_text = 1; bool a_truth = 2; int32 a_small = 3; uint32 a_whole = 4; double a_ratio = 5; float a_single = 6; int64 a_big = 7; uint64 a_huge = 8;
  repeated string text_list = 9; repeated bool truth_list = 10; repeated double ratio_list = 11; optional string opt_text = 12; Loose child_one = 13;
  map<string, int32> small_map = 14; bytes raw_data = 15; google.protobuf.StringValue nick_name = 16; string b_text = 17; int32 b_small = 18; int64 b_big = 19;
}
message Looses { repeated Loose all_ones = 1; Loose best_one = 2; string own_text = 3; }
// The fields of Thing with other numbers; some are missing, others are new.
message Similar {
  string item_name = 31; int64 big_count = 32; Kind item_kind = 33; bytes raw_data = 34; optional int32 opt_num = 35; Thing child_item = 36; string opt_text = 37;
  repeated Thing sub_items = 38; map<string, int32> num_map = 39; google.protobuf.StringValue nick_name = 40; int64 as_text = 41 [jstype = JS_STRING]; string own_text = 42;
}
message Pair { Thing one = 1; Similar other = 2; }
message Own {
  string item_name = 1; int64 big_count = 2; Kind item_kind = 3; bytes raw_data = 4; Own child_item = 6; repeated Own sub_items = 7; repeated string tag_list = 12;
  bool is_on = 16; uint32 u_num = 17; optional string opt_text = 24; Flat flat_one = 25;
}
message Flat { string item_name = 1; int64 big_count = 2; Kind item_kind = 3; bytes raw_data = 4; optional int32 opt_num = 5; oneof pick { string pick_text = 6; bool pick_on = 7; } }
message Owns { repeated Own all_ones = 1; Own best_one = 2; string own_text = 3; repeated Flat flats = 4; Kind last_kind = 5; Kind other_kind = 6; }
message OwnLines { repeated string lines_out = 1; Own first_one = 3; }
message Extra { string item_name = 1; google.protobuf.Struct extra_data = 2; google.protobuf.Struct other_data = 3; Extra child_item = 4; repeated Extra sub_items = 5; repeated string lines_out = 6; int64 big_count = 7; }
message Lines { repeated string lines_out = 1; int32 line_count = 2; Thing first_one = 3; oneof result { string good_one = 4; string bad_one = 5; } }
`;

const handlers = `
function show(value) { return value === undefined ? 'undefined' : value === null ? 'null' : JSON.stringify(value); }
function nameOf(thing) { return thing.child_item ? thing.child_item.item_name : 'no child of ' + thing.item_name; }
function flip(thing, index) { return { item_name: thing.item_name + '!', big_count: thing.big_count, is_on: !thing.is_on }; }

function describeIt(req) {
  const { big_count, item_kind: kind, raw_data, tag_list, u_big } = req;
  const lines_out = [];
  lines_out.push(req.item_name, big_count, '' + kind, String(req.opt_num), nameOf(req));
  lines_out.push(raw_data.toString('hex'), '' + raw_data.length, Buffer.from(req.raw_data).toString('base64'));
  lines_out.push(show(req.big_count), show(kind), show(req.is_on), show(req.num_map), show(tag_list), show(u_big));
  lines_out.push(\`\${req.some_ratio} \${req.big_count} \${req.item_kind} \${req.as_text}\`);
  lines_out.push('' + Number(u_big), '' + (BigInt(req.big_count) + 1n), '' + Number(u_big));
  if (req.big_count) lines_out.push('a string is true');
  if (req.item_kind) lines_out.push('so is a name');
  if (req.child_item !== null) lines_out.push('child'); else lines_out.push('none');
  if (req.at_time === null) lines_out.push('never'); else lines_out.push(req.at_time.seconds, '' + req.at_time.nanos);
  lines_out.push(req.the_pick === 'pick_text' ? 'text' : req.the_pick === 'pick_num' ? 'num' : 'other');
  lines_out.push(req.nick_name ? req.nick_name.value : 'no nick', String(req.nick_name?.value), req.nick_name === null ? 'null' : 'set');
  const { nick_name, any_thing } = req;
  if (nick_name) lines_out.push(nick_name.value + '!');
  if (!nick_name) lines_out.push('none'); else lines_out.push(nick_name.value);
  if (req.big_value !== null && req.big_value.value !== '0') lines_out.push(req.big_value.value);
  if (req.raw_value) lines_out.push(req.raw_value.value.toString('hex'));
  if (any_thing) lines_out.push(any_thing.type_url, any_thing.value.toString('base64'));
  lines_out.push(req.flag_list.map((one) => show(one.value)).join());
  lines_out.push(show(req.pick_text), show(req.pick_num), req.pick_item ? 'item' : 'no item');
  if (req.pick_item) lines_out.push(req.pick_item.item_name, req.pick_item.big_count);
  lines_out.push(show(req.pick_big), req.pick_big ? 'big ' + req.pick_big : 'no big', String(!req.pick_big), String(!!req.pick_big));
  return { lines_out, line_count: lines_out.length, first_one: req.sub_items[0], good_one: req.item_name };
}

function echoIt(req) {
  const reply = {
    item_name: req.item_name, big_count: req.big_count, item_kind: req.item_kind, raw_data: req.raw_data,
    opt_num: req.opt_num, opt_big: req.opt_big, opt_kind: req.opt_kind, opt_text: req.opt_text, child_item: req.child_item, sub_items: req.sub_items, num_map: req.num_map,
    tag_list: [...req.tag_list, 'x', \`\${req.u_num}\`], u_big: req.u_big, some_ratio: req.some_ratio, at_time: req.at_time,
    is_on: req.is_on, u_num: req.u_num, big_list: req.big_list, kind_list: req.kind_list, as_text: req.as_text,
  };
  if (req.is_on) reply.item_kind = 'KIND_BLUE';
  reply.item_map = { one: flip(req), [req.item_name]: { item_name: 'x', raw_data: Buffer.from('abc') } };
  return reply;
}

function transformIt(req) {
  const total = req.sub_items.length;
  const name = 'KIND_' + (req.is_on ? 'UNKNOWN' : req.item_name);
  return {
    item_name: total > 1 ? 'many' : req.item_name,
    u_num: req.u_num * 3 - 5,
    opt_num: req.sub_items.length + 1,
    opt_big: String(Math.round(Number(req.big_count) / 1000)),
    big_count: req.u_num,
    item_kind: req.is_on ? 'KIND_' + (req.u_num > 9 ? 'BLUE' : 'NOPE') : req.item_kind,
    sub_items: req.sub_items.filter((one) => one.item_kind !== 'KIND_BLUE' && one.item_name !== '').map(flip),
    some_ratio: req.u_num / 7,
    u_big: '18446744073709551615',
    as_text: \`\${req.u_num}\`,
    child_item: { item_name: 'new', child_item: req.child_item, big_count: -5, u_big: 7 },
    is_on: req.big_count === '0' || req.u_num > 5,
    pick_num: req.opt_num ? 1 : 2,
    at_time: { seconds: Math.floor(req.u_num / 1000), nanos: 5 },
    nick_name: { value: req.item_name },
    item_map: {
      a: { u_big: req.u_num - 5, big_count: req.u_big }, b: { u_big: req.big_count }, c: { u_big: -3 }, d: { u_big: '-3' },
      e: { u_big: Math.floor(Date.now() / 1e15) }, f: { u_big: req.sub_items.length * 2 },
    },
    big_value: req.is_on ? { value: req.big_count } : null,
    raw_value: req.raw_value,
    flag_list: [{ value: req.is_on }, ...req.flag_list],
    any_thing: { type_url: 'x/y', value: req.raw_data },
    num_map: { c: req.some_ratio, a: req.u_num, b: -3 },
    opt_kind: name || 'KIND_' + 'BLUE',
    kind_list: [req.item_kind || 'KIND_BLUE', req.opt_kind || 'KIND_BLUE', name],
    big_list: [req.big_count || '10', (req.opt_big || '7'), req.opt_big ?? '8', req.u_num || '9'],
  };
}

function loopIt(req) {
  const out = { lines_out: [], line_count: 0 };
  for (const one of req.sub_items) {
    switch (one.item_kind) {
      case 'KIND_RED_ONE': out.lines_out.push('red ' + one.big_count); break;
      case 'KIND_BLUE': out.lines_out.push('blue'); break;
      default: out.lines_out.push('' + one.item_kind);
    }
    out.line_count += 1;
    out.line_count += one.u_num;
  }
  for (const big of req.big_list) out.lines_out.push(big);
  req.kind_list.forEach((kind) => { if (kind === 'KIND_BLUE') out.lines_out.push('!' + kind); });
  const found = req.sub_items.find((one) => one.is_on);
  if (found) out.first_one = found;
  out.lines_out.push(found ? found.item_name : '-', req.sub_items.map((one) => one.item_name).join());
  out.lines_out.push(Object.keys(req.num_map).join(), req.num_map[req.item_name] === undefined ? 'u' : 'n');
  const again = req.item_map[req.item_name];
  if (again) out.lines_out.push(again.big_count);
  out.lines_out.push(String(req.opt_big), String(req.opt_text), '' + req.opt_kind, '' + req.opt_big, show(req.opt_big), show(req.opt_kind));
  out.lines_out.push(show(req.big_list[0]), show(req.child_item?.big_count), show(req.sub_items[1]?.item_name));
  if (req.the_pick === 'pick_item' && req.is_on) out.lines_out.push(req.pick_item.big_count);
  switch (req.the_pick) {
    case 'pick_text':
      out.lines_out.push('text ' + req.pick_text);
      break;
    case 'pick_num':
    case 'pick_item':
      out.lines_out.push(show(req.pick_num));
      break;
    default:
      out.lines_out.push('nothing');
  }
  out.lines_out.push(req.the_pick === 'pick_num' ? 'num ' + req.pick_num : 'no num');
  if (req.item_name === '') {
    if (req.is_on) out.bad_one = 'b';
    else out.good_one = 'g';
  } else {
    if (req.is_on) out.good_one = 'g' + req.item_name;
    if (req.u_num > 5) out.bad_one = req.item_name;
  }
  const seen = [];
  for (const tag of req.tag_list) if (!seen.includes(tag)) seen.push(tag);
  seen.sort();
  out.lines_out.push(...seen, seen.join('+'));
  const { opt_big } = req;
  out.lines_out.push(JSON.stringify({ opt_big, same: req.big_count === req.child_item?.big_count }));
  return out;
}

const pool = JSON.parse('[null, 0, 5, -1, 1.5, "12", "abc", true, false, {"a":1}, [], [7], 4294967296, 1e20, -1e20, 1e39, "9007199254740993", "-7", "99999999999999999999"]');
function convertIt(req) {
  const a = pool[req.u_num % 23];
  const child_one = { a_text: a || 'anon', a_small: a ?? 7, a_big: a || '5', a_huge: a ?? 5, a_ratio: a || 2.5, a_truth: a || pool[7], b_text: req.u_num, b_small: req.big_count ? a : 3 };
  if (req.is_on) child_one.a_single = pool[3];
  const twins = [{ child_one: { a_small: 3, b_text: 'three' } }, { child_one: { a_small: -4, b_text: '' } }];
  const twin = twins[req.u_num % 2];
  child_one.child_one = twin;
  return {
    a_text: a, a_truth: a, a_small: a, a_whole: a, a_ratio: a, a_single: a, a_big: a, a_huge: a,
    text_list: [a, req.item_name, \`\${a}\`, \`\${twin.child_one.a_small} \${twin.child_one.b_text}\`], truth_list: pool, ratio_list: req.is_on ? pool : [], opt_text: a ? pool[2] + '' : undefined,
    small_map: { one: a, two: req.u_num }, raw_data: Buffer.from(req.item_name).toString('base64'), nick_name: { value: a },
    b_text: a && a.a, b_small: req.some_ratio, b_big: req.u_num / 3, child_one,
  };
}

const copyIt = (req) => req;

const stored = JSON.stringify([{}, { a_text: 5, a_truth: 1, a_small: 1.5, a_whole: -1, a_ratio: '2', a_single: 1e39, a_big: '12', a_huge: -3, other: true },
  { text_list: ['x', 5], small_map: { a: '7', b: 1.5 }, child_one: { a_text: 'inner', child_one: {} }, raw_data: 'YWJj', nick_name: { value: 8 } }, { text_list: 'no list' }, null, 5]);
const rows = JSON.parse(stored);
const rowIt = (req) => rows[req.u_num % 6];
function rowsIt(req) {
  const found = JSON.parse(stored);
  if (req.is_on) return { own_text: req.item_name, best_one: rows[req.u_num % 6] };
  return { own_text: req.item_name, best_one: found[req.tag_list.length], all_ones: req.u_num % 3 ? found.slice(0, req.u_num % 6) : rows };
}

// A file of JSON, as many keep their data.
let file = '[{"item_name":"x","item_kind":"KIND_BLUE","big_count":7,"flat_one":{"pick_text":"t"}},{"item_kind":"nope","flat_one":{"pick_text":"t","pick_on":true,"opt_num":0}},{"item_kind":5}]';
const load = () => JSON.parse(file);
const byName = new Map(load().map((one) => [one.item_name, one]));
function add(all, own) {
  all.push(own);
  file = JSON.stringify(all.slice(-9));
  return own;
}
function keepIt(req) {
  const all = load();
  const old = all.find((one) => one.item_name === req.item_name);
  if (req.u_num % 4 === 0 && old) Object.assign(old, { tag_list: ['a', req.item_name], big_count: req.big_count, item_kind: req.item_kind });
  if (req.u_num % 4 === 1 && old) {
    const made = ['a', 'b'].map((one) => ({ item_name: one, item_kind: req.item_kind }));
    return { all_ones: made.filter((one) => one.item_kind !== 'KIND_BLUE'), best_one: { ...old, is_on: true }, flats: all.map((one) => ({ ...one.flat_one, item_name: 'flat' })), last_kind: old.item_kind };
  }
  const own = { u_num: 7, ...req, item_name: req.item_name.slice(0, 1) };
  if (req.u_num % 4 > 1) return { best_one: add(all, own), all_ones: load().filter((one) => one.u_num !== 7), own_text: String(all.length) };
  const found = all.find((one) => one.is_on) || byName.get(req.item_name);
  return { best_one: found || {}, last_kind: all[0].item_kind, other_kind: all[0].item_kind || 'KIND_BLUE', all_ones: [...byName.values()], own_text: req.item_name };
}

function showIt(req) {
  const { child_item, sub_items } = req;
  const lines_out = [JSON.stringify(req), JSON.stringify({ child_item, first: req.sub_items[0], at: req.at_time }), JSON.stringify(sub_items, null, 1)];
  for (const one of req.sub_items) lines_out.push(JSON.stringify({ ...one, more: [one] }));
  let last;
  for (const one of req.sub_items) last = one;
  lines_out.push(String(JSON.stringify(last)), String(JSON.stringify(req.sub_items.find((one) => one.is_on))));
  req.sub_items.forEach((one) => { lines_out.push(JSON.stringify(one.child_item)); });
  if (child_item) lines_out.push(JSON.stringify(child_item));
  const found = req.sub_items.find((one) => one.is_on);
  lines_out.push(\`\${found === null} \${found !== undefined} \${found == null} \${req.at_time === null} \${child_item !== null} \${req === null}\`);
  return { lines_out };
}

function about(thing) {
  return [thing.item_name, thing.big_count, thing.item_kind, thing.item_kind === 'KIND_BLUE', thing.is_on, Number(thing.big_count)].join('|');
}
function ownIt(req) {
  const own = { item_name: 'own', item_kind: req.is_on ? 'KIND_BLUE' : req.item_kind, child_item: { item_name: req.item_name, big_count: '12' } };
  if (req.u_num > 5) own.big_count = req.big_count;
  own.child_item.item_kind = 'KIND_RED_ONE';
  const notes = [{ item_name: 'first', child_item: { item_name: 'x' } }, { item_name: req.item_name, child_item: { u_num: req.u_num } }];
  const lines_out = [about(own), about(req), about(own.child_item)];
  for (let i = 0; i < notes.length; i++) {
    const note = notes[i];
    lines_out.push(note.item_name + note.child_item.item_name + note.child_item.u_num);
  }
  let previous = null;
  let kind = req.item_kind;
  let all = req.sub_items;
  for (const one of req.sub_items) {
    if (previous != null) lines_out.push(about(previous) + (one.u_num - previous.u_num));
    if (previous === null) lines_out.push('first');
    previous = one;
    if (kind !== 'KIND_BLUE') kind = one.item_kind;
  }
  all = all.filter((one) => one.is_on);
  lines_out.push('' + kind, '' + all.length, all.map((one) => one.item_name).join());
  let found = req.sub_items.find((one) => one.is_on);
  if (!found) found = own;
  lines_out.push(about(found), \`\${previous ? previous.item_name : 7}\`);
  return { lines_out: [...lines_out, req.opt_text, req.child_item?.item_name], first_one: found };
}

function writeIt(req) {
  req.item_name = req.item_name + '!';
  if (req.is_on) req.big_count = '7';
  if (req.u_num > 5) req.item_kind = 'KIND_BLUE';
  req.sub_items = req.sub_items.filter((one) => one.is_on);
  for (const one of req.sub_items) one.is_on = req.tag_list.length > 0;
  req.is_on = req.big_count === '7';
  if (req.child_item) req.child_item.item_name = about(req.child_item);
  if (req.is_on) req.raw_data = Buffer.from(req.item_name);
  return req;
}

const taken = [];
const shownAll = () => taken.splice(0).map((one) => JSON.stringify(one));
function giveIt(req) {
  const copy = { ...req.flat_one, more: 1 };
  taken.push(copy, Object.assign({ first: 1 }, req.flat_one));
  for (const one of req.sub_items) taken.push(one.item_name, { one });
  return { lines_out: shownAll() };
}
function storeIt(req) {
  const record = req;
  record.item_name = record.item_name + '!';
  if (req.tag_list.length > 1) record.is_on = true;
  taken.push([record], record.item_name);
  return { lines_out: shownAll() };
}

function spreadIt(req) {
  const one = { ...req, item_name: req.item_name + '!' };
  one.is_on = one.item_name === 'x!';
  if (req.u_num > 5) one.big_count = req.big_count;
  return { one, other: { ...req, own_text: one.item_name } };
}

function plainOf(value) {
  if (value.structValue) return plainStruct(value.structValue);
  if (value.listValue) return value.listValue.values.map(plainOf);
  return value.stringValue ?? value.numberValue ?? value.boolValue ?? null;
}
function plainStruct(struct) {
  const plain = {};
  for (const [key, value] of Object.entries((struct && struct.fields) || {})) plain[key] = plainOf(value);
  return plain;
}
function valueOf(one) {
  if (one === null) return { nullValue: 'NULL_VALUE' };
  if (Array.isArray(one)) return { listValue: { values: one.map(valueOf) } };
  if (typeof one === 'object') return { structValue: structOf(one) };
  return typeof one === 'string' ? { stringValue: one } : typeof one === 'number' ? { numberValue: one } : typeof one === 'boolean' ? { boolValue: one } : {};
}
function structOf(plain) {
  return { fields: Object.fromEntries(Object.entries(plain).map(([key, one]) => [key, valueOf(one)])) };
}
const extraOf = (one) => one.extra_data;

function structIt(req) {
  const { extra_data, other_data: other } = req;
  const lines_out = [JSON.stringify(req), JSON.stringify(extra_data), show(plainStruct(req.extra_data)), String(req.other_data === null)];
  if (!other) lines_out.push('no other'); else for (const key in other.fields) lines_out.push(key + other.fields[key].kind);
  if (extra_data && extra_data.fields.name) lines_out.push(String(extra_data.fields.name.stringValue), show(extra_data.fields.a?.listValue?.values.length));
  lines_out.push(typeof extraOf(req), show(req.child_item?.extra_data?.fields), ...req.sub_items.map((one) => Object.keys(plainStruct(one.extra_data)).join()));
  const nested = extra_data && extra_data.fields.b && extra_data.fields.b.structValue;
  const fields = { name: { stringValue: req.item_name }, big: { stringValue: req.big_count }, none: {}, list: { listValue: { values: [{ numberValue: NaN }, {}] } } };
  const reply = { lines_out, extra_data: structOf({ ...plainStruct(extra_data), made: [true, null, { n: Infinity }], lost: undefined }) };
  if (other) reply.other_data = req.other_data;
  reply.child_item = { extra_data: nested || null, other_data: other || { fields }, child_item: { extra_data: req.extra_data, other_data: req.item_name > 'm' ? other : structOf({}) } };
  reply.sub_items = [{ extra_data: { fields: { ...(extra_data ? extra_data.fields : {}), more: { numberValue: '7' } } } }, ...req.sub_items];
  return reply;
}

module.exports = { structIt, keepIt, spreadIt, giveIt, storeIt, ownIt, writeIt, rowIt, rowsIt, convertIt, copyIt, showIt, describeIt, echoIt, transformIt, loopIt };
`;

const server = (options: string) => `
const protoLoader = require('@grpc/proto-loader');
const { grpcJsMessages } = require('@connect-migrate/runtime/grpc-js');
const { createApp } = require('@connect-migrate/runtime/node');
const { Same } = require('./gen/same_pb.js');
const handlers = require('./handlers');
const definition = protoLoader.loadSync(__dirname + '/same.proto', ${options});
exports.app = createApp({ routes(router) {
  router.service(Same, {
    describeIt: handlers.describeIt, echoIt: handlers.echoIt, transformIt: handlers.transformIt, loopIt: handlers.loopIt,
    keepIt: handlers.keepIt, spreadIt: handlers.spreadIt, structIt: handlers.structIt, rowIt: handlers.rowIt, rowsIt: handlers.rowsIt, ownIt: handlers.ownIt, writeIt: handlers.writeIt, giveIt: handlers.giveIt, storeIt: handlers.storeIt, convertIt: handlers.convertIt, copyIt: handlers.copyIt, showIt: handlers.showIt,
  }, { messages: grpcJsMessages(definition['same.v1.Same']) });
} });
`;

type Handlers = Record<string, (request: unknown) => unknown>;

it.each([
  "{ keepCase: true, longs: String, enums: String, defaults: true, oneofs: true }",
  "{ keepCase: true, longs: String, defaults: true, oneofs: true }",
])("the same bytes with %s", { timeout: 120_000 }, async (options) => {
  // Without `enums` the program compares numbers.
  const source = options.includes("enums")
    ? handlers
    : handlers.replaceAll("'KIND_BLUE'", "5").replaceAll("'KIND_RED_ONE'", "1");
  const files = { "package.json": "{}", "same.proto": proto, "handlers.js": source, "server.js": server(options) };
  using before = tempProject(files);
  const migrated = await migrateMessages(before.root);
  expect(migrated.findings.map(({ outcome, reason }) => [outcome, reason?.text])).toEqual([["idiomatic", undefined]]);
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
  const definition = protoLoader.loadSync(join(before.root, "same.proto"), eval(`(${options})`) as protoLoader.Options)[
    "same.v1.Same"
  ];
  const service = generated.registry?.service("same.v1.Same");
  expect(service?.methods).toHaveLength(16);
  let compared = 0;
  for (const method of service?.methods ?? []) {
    const legacy = (definition as unknown as Record<string, MethodDefinition<unknown, unknown>>)[method.name];
    if (!legacy) throw new Error(method.name);
    fc.assert(
      fc.property(initOf(method.input, 2), (init) => {
        const bytes = toBinary(method.input, create(method.input, init));
        const messageOf = (reply: () => Uint8Array) => {
          let encoded: Uint8Array;
          try {
            encoded = reply();
          } catch (error) {
            // Rows that are no objects are refused.
            if (/^rows?It$/.test(method.localName)) return "refused";
            throw error;
          }
          return fromBinary(method.output, new Uint8Array(encoded));
        };
        const before = messageOf(() =>
          legacy.responseSerialize(oldHandlers[method.localName]?.(legacy.requestDeserialize(Buffer.from(bytes)))),
        );
        const after = messageOf(() => {
          const reply = newHandlers[method.localName]?.(fromBinary(method.input, bytes));
          return toBinary(method.output, create(method.output, reply as Record<string, unknown>));
        });
        compared++;
        expect(after).toEqual(before);
      }),
      { numRuns: /^(convert|copy|show|row|keep|own|write|give|store)/.test(method.localName) ? 100 : 200 },
    );
  }
  expect(compared).toBeGreaterThanOrEqual(1500);
});
