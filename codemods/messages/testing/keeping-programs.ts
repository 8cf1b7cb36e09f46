import { create, fromBinary, toBinary, toJson } from "@bufbuild/protobuf";
import fc from "fast-check";
import { expect } from "vitest";
import { initOf } from "./arbitrary-init.js";
import type { TwoPrograms } from "./two-programs.js";

/** Programs that keep messages from one call to the next: both get the same calls one after the other, and answer the same. */
export async function expectSameAnswers(programs: TwoPrograms, count: number): Promise<void> {
  const names = Object.keys(programs.before);
  const methods = programs.service.methods.filter((method) => names.includes(method.localName));
  const calls = fc.oneof(...methods.map((method) => initOf(method.input, 1, 53n).map((init) => ({ method, init }))));
  let answered = 0;
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(calls, async ({ method, init }) => {
      const legacy = programs.definition[method.name] ?? programs.definition[method.localName];
      if (!legacy) throw new Error(method.name);
      const bytes = toBinary(method.input, create(method.input, init));
      const answerOf = async (answer: () => Promise<Uint8Array>) => {
        try {
          return toJson(method.output, fromBinary(method.output, new Uint8Array(await answer())));
        } catch (error) {
          return `refused: ${(error as Error).message}`;
        }
      };
      const request = legacy.requestDeserialize(Buffer.from(bytes));
      const before = await answerOf(async () =>
        legacy.responseSerialize(await programs.before[method.localName]?.(request)),
      );
      const after = await answerOf(async () => {
        const reply = await programs.after[method.localName]?.(fromBinary(method.input, bytes));
        return toBinary(method.output, create(method.output, reply as Record<string, unknown>));
      });
      expect(after).toEqual(before);
      if (typeof before === "string") refused++;
      else answered++;
    }),
    { numRuns: count },
  );
  expect(answered).toBeGreaterThan(count / 4);
  expect(refused).toBeGreaterThan(10);
}

/** A service that is asked for what it keeps. */
export const keepProto = `syntax = "proto3";
package keep.v1;
service Keep {
  rpc PutIt(Thing) returns (Thing);
  rpc FindIt(Key) returns (Thing);
  rpc GetIt(Key) returns (Thing);
  rpc ListIt(Key) returns (Things);
  rpc TellIt(Key) returns (Told);
  rpc DropIt(Key) returns (Told);
  rpc MakeIt(Thing) returns (Thing);
}
enum Kind { KIND_UNKNOWN = 0; KIND_RED_ONE = 1; KIND_BLUE = 5; }
message Part { string part_name = 1; int32 size = 2; }
message Thing {
  string item_name = 1;
  int64 big_count = 2;
  Kind item_kind = 3;
  Part main_part = 4;
  repeated string tag_list = 5;
  oneof pick { string pick_text = 6; Part pick_part = 7; }
  map<string, int32> num_map = 8;
  bool is_on = 9;
  bytes raw_data = 10;
  int32 use_count = 11;
  uint32 left_count = 12;
  repeated int32 num_list = 13;
  repeated Part part_list = 14;
}
message Things { repeated Thing things = 1; repeated Thing others = 2; int32 how_many = 3; Thing first = 4; }
message Key { string item_name = 1; int64 big_key = 2; Kind of_kind = 3; bool more = 4; Thing in_its_place = 5; }
message Told { repeated string lines_out = 1; int32 line_count = 2; }
`;

/** Handlers of it on proto-loader's objects, which keep messages in variables. */
export const keepHandlers = `
const all = [];
const byName = new Map();
const byKey = {};
const seen = new Set();
let recent = [];

function key(name) { return name.length % 4 + '/' + name.slice(0, 1); }

function putIt(req) {
  const thing = { item_name: req.item_name, item_kind: req.item_kind, main_part: { part_name: req.item_name, size: 3 }, tag_list: [...req.tag_list, 'kept'] };
  if (!req.item_name) throw new Error('no name');
  all.push(req);
  seen.add(req);
  byName.set(key(req.item_name), req);
  byKey[key(thing.item_name)] = thing;
  recent.unshift(thing, { item_name: 'beside ' + req.item_name, big_count: 12, item_kind: 'KIND_BLUE' });
  req.is_on = req.tag_list.length > 1;
  if (all.length > 12) all.splice(0, all.length - 9);
  if (recent.length > 4) recent = recent.slice(0, 4);
  return req.is_on ? thing : req;
}
function findIt(req) {
  const found = all.find((one) => key(one.item_name) === key(req.item_name));
  if (found === undefined) throw new Error('none of ' + all.length);
  found.item_kind = req.of_kind;
  found.tag_list.push('found');
  return found;
}
function getIt(req) {
  if (req.more) {
    const thing = byName.get(key(req.item_name));
    if (!thing) throw new Error('no ' + key(req.item_name) + ' of ' + byName.size);
    return thing;
  }
  const thing = byKey[key(req.item_name)];
  if (thing) return thing;
  throw new Error('nothing of ' + Object.keys(byKey).join());
}
function listIt(req) {
  if (req.of_kind === 'KIND_BLUE') return { things: all, others: recent, how_many: byName.size };
  if (req.more) return { things: [...byName.values()], others: Object.values(byKey), how_many: all.length };
  const first = all.find((one) => one.is_on);
  const reply = { things: all.filter((one) => one.item_kind === 'KIND_RED_ONE' || one.is_on), others: [] };
  for (const one of all) if (one.tag_list.length > 0 && reply.others.length < 3) reply.others.push(one);
  if (first) reply.first = first;
  return reply;
}
function tellIt(req) {
  const lines_out = all.map((one) => one.item_name + one.is_on + one.tag_list.join('+'));
  for (const [name, one] of byName) lines_out.push(name + (one.main_part ? one.main_part.part_name : '-') + one.is_on);
  for (const one of byName.values()) lines_out.push(one.item_kind === 'KIND_BLUE' ? 'blue' : 'not blue');
  byName.forEach((one, name) => { lines_out.push(\`\${name} \${one.tag_list.length}\`); });
  for (const name of Object.keys(byKey)) lines_out.push(name + byKey[name].item_name);
  for (const [name, { item_name }] of Object.entries(byKey)) lines_out.push(name + item_name);
  for (const one of seen) lines_out.push('seen ' + one.item_name);
  lines_out.push(...[...seen].map((one) => \`\${one.item_kind} \${seen.size}\`));
  seen.forEach((one) => { if (one.tag_list.length > 2) lines_out.push(one.tag_list.join()); });
  lines_out.push(...recent.map(({ item_name }) => \`recent \${item_name}\`));
  const sorted = all.slice().sort((a, b) => (a.item_name < b.item_name ? -1 : a.item_name > b.item_name ? 1 : 0));
  if (sorted.length > 0) lines_out.push(\`first \${sorted[0].item_name}\`);
  return { lines_out, line_count: all.reduce((sum, one) => sum + one.tag_list.length, 0) };
}
function dropIt(req) {
  const index = all.findIndex((one) => one.item_name === req.item_name);
  const found = all[index];
  if (found && seen.has(found)) seen.delete(found);
  if (req.in_its_place && index >= 0) all[index] = req.in_its_place;
  else if (index >= 0) all.splice(index, 1);
  const had = byName.has(key(req.item_name));
  if (req.more) byName.delete(key(req.item_name));
  else delete byKey[key(req.item_name)];
  if (found && req.in_its_place) byKey[key(found.item_name)] = found;
  recent = recent.filter((one) => one.item_name !== req.item_name);
  if (!had && !found && req.item_name.length > 3) throw new Error('nothing to drop');
  return { lines_out: [String(had), String(found === undefined), found ? found.item_name : 'none'], line_count: all.length };
}

module.exports = { putIt, findIt, getIt, listIt, tellIt, dropIt };
`;

/** The same on the classes of google-protobuf, for the service in testing/google-protobuf/same.proto. */
export const keepClasses = `
const { Thing, Lines, Kind } = require('./old/same_pb.js');
const all = [];
const byName = new Map();
const byKey = Object.create(null);
let recent = [];

function key(name) { return name.length % 4 + '/' + name.slice(0, 1); }

function echoIt(req) {
  const thing = new Thing();
  thing.setItemName(req.getItemName());
  thing.setItemKind(Kind.KIND_BLUE);
  if (!req.getItemName()) throw new Error('no name');
  all.push(req);
  byName.set(key(req.getItemName()), thing);
  byKey[key(req.getItemName())] = req;
  recent.unshift(thing);
  req.setIsOn(req.getTagListList().length > 1);
  if (all.length > 12) all.splice(0, all.length - 9);
  if (recent.length > 4) recent = recent.slice(0, 4);
  return req.getIsOn() ? thing : req;
}
function transformIt(req) {
  if (req.getIsOn()) {
    const thing = byName.get(key(req.getItemName()));
    if (!thing) throw new Error('no ' + key(req.getItemName()) + ' of ' + byName.size);
    thing.setOptNum(recent.length);
    return thing;
  }
  if (req.getUNum() > 7) {
    const thing = byKey[key(req.getItemName())];
    if (thing === undefined) throw new Error('nothing of ' + Object.keys(byKey).join());
    return thing;
  }
  const found = all.find((one) => key(one.getItemName()) === key(req.getItemName()));
  if (!found) throw new Error('none of ' + all.length);
  found.addTagList('found');
  const reply = new Thing();
  reply.setItemName(found.getItemName());
  reply.setSubItemsList(all.filter((one) => one.getIsOn()));
  for (const one of recent) reply.addSubItems(one);
  for (const one of byName.values()) reply.addSubItems(one);
  return reply;
}
function loopIt(req) {
  const lines = new Lines();
  for (const one of all) lines.addLinesOut(one.getItemName() + one.getIsOn() + one.getTagListList().join('+'));
  for (const [name, one] of byName) lines.addLinesOut(\`\${name} \${one.getOptNum()}\`);
  for (const name of Object.keys(byKey)) lines.addLinesOut(name + byKey[name].getItemName());
  const index = all.findIndex((one) => one.getItemName() === req.getItemName());
  if (index >= 0 && req.getIsOn()) all.splice(index, 1);
  if (!byName.has(key(req.getItemName())) && req.getUNum() > 7) throw new Error('nothing to drop');
  byName.delete(key(req.getItemName()));
  delete byKey[key(req.getItemName())];
  recent = recent.filter((one) => one.getItemName() !== req.getItemName());
  lines.setLineCount(all.length);
  return lines;
}

module.exports = { echoIt, transformIt, loopIt };
`;
