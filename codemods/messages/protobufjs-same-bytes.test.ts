import { spawnSync } from "node:child_process";
import { mkdirSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { inspect } from "node:util";
import { create, type DescMethod, type DescService, fromBinary, toBinary } from "@bufbuild/protobuf";
import { explicitPresence, rememberedPresence } from "@connect-migrate/runtime/grpc-js";
import type { MethodDefinition } from "@grpc/grpc-js";
import fc from "fast-check";
import { afterEach, expect, it, vi } from "vitest";
import { ensureGenerated } from "../generate/index.js";
import { tempProject } from "../generate/testing/temp-project.js";
import { initOf } from "./testing/arbitrary-init.js";
import { migrateMessages } from "./testing/migrate-messages.js";

/**
 * The handler before, on the classes that pbjs wrote, and the handler after, on protobuf-es, answer the same bytes with the
 * same message. The generator, the classes and both handlers really run.
 */
const proto = `syntax = "proto3";
package same.v1;
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
import "google/protobuf/struct.proto";
service Same {
  rpc DescribeIt(Thing) returns (Lines);
  rpc EchoIt(Thing) returns (Thing);
  rpc BuildIt(Thing) returns (Thing);
  rpc CodeIt(Thing) returns (Thing);
  rpc SpreadIt(Thing) returns (Thing);
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
  optional Kind opt_kind = 23;
  optional string opt_text = 24;
  optional bool opt_flag = 26;
  google.protobuf.StringValue nick_name = 25;
  optional int64 opt_big = 27;
}
message Extra { string item_name = 1; google.protobuf.Struct extra_data = 2; google.protobuf.Struct other_data = 3; Extra child_item = 4; repeated Extra sub_items = 5; repeated string lines_out = 6; }
message Lines { repeated string lines_out = 1; int32 line_count = 2; Thing first_one = 3; oneof result { string good_one = 4; string bad_one = 5; } }
`;

const handlers = `const { same, google } = require('./lib/static');

const { Extra, Kind, Lines, Thing } = same.v1;

function show(value) { return value === undefined ? 'undefined' : value === null ? 'null' : JSON.stringify(value); }
function nameOf(thing) { return thing.childItem ? thing.childItem.itemName : 'no child of ' + thing.itemName; }
function flip(thing) { return Thing.create({ itemName: thing.itemName + '!', bigCount: thing.bigCount, isOn: !thing.isOn, ...(thing.isOn ? { tagList: ['flip'], uBig: 3 } : {}), ...(thing.uNum && { optText: 'u' }) }); }

const shown = { longs: String, enums: String, bytes: String, defaults: true, oneofs: true };
const shownAs = (thing) => JSON.stringify(Thing.toObject(thing, shown));

function describeIt(req) {
  const { itemKind: kind, rawData, tagList } = req;
  const linesOut = [];
  linesOut.push(req.itemName, '' + kind, String(req.optNum), nameOf(req), show(req.optNum), show(req.optKind), show(req.optText));
  linesOut.push(rawData.toString('hex'), '' + rawData.length, Buffer.from(req.rawData).toString('base64'));
  linesOut.push(show(kind), show(req.isOn), show(req.numMap), show(tagList));
  linesOut.push(\`\${req.someRatio} \${req.bigCount} \${req.uBig}\`, req.bigCount.toString(), String(req.uBig), '' + req.bigCount.toNumber(), '' + Number(req.uBig));
  if (req.optText) linesOut.push('text ' + req.optText);
  linesOut.push(req.optNum === null ? 'unset' : 'set', req.optText == null ? 'no' : 'yes', req.optFlag ? 'on' : 'off', req.optFlag === null ? 'neither' : 'either');
  const num = req.optNum;
  linesOut.push(show(num), JSON.stringify({ text: req.optText, kind: req.optKind }), \`\${req.optNum}\`, show(req.optNum ?? 5), '' + (req.optNum || 7));
  if (req.itemKind) linesOut.push('a number');
  linesOut.push(req.itemKind === Kind.KIND_BLUE ? 'blue' : 'other', show(Kind[req.itemKind]));
  if (req.childItem !== null) linesOut.push('child'); else linesOut.push('none');
  if (req.atTime === null) linesOut.push('never'); else linesOut.push(\`\${req.atTime.seconds}\`, '' + req.atTime.nanos);
  linesOut.push(req.thePick === 'pickText' ? 'text' : req.thePick === 'pickNum' ? 'num' : 'other', req.thePick ? 'one' : 'none');
  linesOut.push(show(req.pickText), show(req.pickNum), req.pickItem ? 'item' : 'no item');
  if (req.thePick === 'pickItem') linesOut.push(req.pickItem.itemName, req.pickItem.bigCount.toString());
  if (req.thePick === 'pickBig') linesOut.push(req.pickBig.toString());
  linesOut.push(req.nickName ? req.nickName.value : 'no nick', req.nickName === null ? 'null' : 'set');
  linesOut.push(req.subItems.map((one) => one.itemName + one.bigCount).join(), show(req.numMap['a']), Object.keys(req.numMap).join());
  for (const big of req.bigList) linesOut.push(big.toString());
  linesOut.push(\`\${req.bigCount > 5} \${req.bigCount * 2} \${req.bigCount == 5} \${req.bigCount.lt(7)} \${req.uBig.isZero()} \${!req.bigCount.equals(req.bigCount)}\`, req.bigList.join());
  const again = req.itemMap[req.itemName];
  if (again) linesOut.push(again.bigCount.toString());
  switch (req.itemKind) {
    case Kind.KIND_RED_ONE: linesOut.push('red'); break;
    case same.v1.Kind.KIND_BLUE: linesOut.push('blue'); break;
    default: linesOut.push('' + req.itemKind);
  }
  const { optText: text, optKind, optFlag } = req;
  linesOut.push(show(text), '' + optKind, String(optFlag === null), !req.hasOwnProperty('optNum') && req.hasOwnProperty('childItem') ? 'a' : 'b');
  linesOut.push(req.optBig != null ? req.optBig.toString() : 'no big', show(req.childItem?.optNum ?? 'none'), req.childItem?.optText || 'no text');
  linesOut.push(shownAs(req), ...req.subItems.map(shownAs));
  if (req.childItem) linesOut.push(JSON.stringify({ child: Thing.toObject(req.childItem, { longs: Number, bytes: String, defaults: true }) }));
  linesOut.push(JSON.stringify(req), JSON.stringify({ child: req.childItem, all: req.subItems, ...req.childItem }), Object.keys(req.toJSON()).join());
  linesOut.push(JSON.stringify(req.atTime ? Thing.toObject(req) : {}), JSON.stringify(Thing.toObject(req, { longs: String, enums: String, arrays: true, oneofs: true })));
  console.log('described', req, req.childItem);
  const lines = Lines.create({ linesOut, lineCount: linesOut.length, firstOne: req.subItems[0] });
  if (req.isOn) { lines.badOne = 'on'; return lines; }
  lines.goodOne = req.itemName;
  return lines;
}

function plainOf(value) {
  if (value.kind === 'structValue') return plainStruct(value.structValue);
  if (value.kind === 'listValue') return value.listValue.values.map(plainOf);
  return value.stringValue ?? value.numberValue ?? value.boolValue;
}
function plainStruct(struct) {
  const plain = {};
  for (const [key, value] of Object.entries(struct ? struct.fields : {})) plain[key] = plainOf(value);
  return plain;
}
function structOf(plain) {
  const fields = {};
  for (const key of Object.keys(plain)) fields[key] = typeof plain[key] === 'string' ? { stringValue: plain[key] } : typeof plain[key] === 'number' ? { numberValue: plain[key] } : {};
  return { fields };
}

function structIt(req) {
  const { extraData, otherData } = req;
  const linesOut = [JSON.stringify(req), JSON.stringify(extraData), show(plainStruct(req.extraData)), String(req.otherData === null)];
  if (otherData) for (const key in otherData.fields) linesOut.push(key + otherData.fields[key].kind + (otherData.fields[key].boolValue === null));
  const first = extraData && extraData.fields.a && Object.keys(extraData.fields.a).join();
  console.log(extraData, req);
  linesOut.push(String(first), ...req.subItems.map((one) => Object.keys(plainStruct(one.extraData)).join()));
  const reply = Extra.create({ linesOut, extraData: structOf({ ...plainStruct(extraData), made: 'x', n: NaN, none: null }) });
  if (otherData) reply.otherData = req.otherData;
  reply.childItem = { extraData: otherData || { fields: { name: { stringValue: req.itemName }, list: { listValue: { values: [{ boolValue: false }, { structValue: {} }, {}] } } } } };
  return reply;
}

function echoIt(req) {
  const reply = Thing.create({
    itemName: req.itemName, bigCount: req.bigCount || req.uNum, itemKind: req.itemKind, rawData: req.rawData,
    optNum: req.optNum, optKind: req.optKind, optText: req.optText, childItem: req.childItem, subItems: req.subItems, numMap: req.numMap,
    tagList: [...req.tagList, 'x', \`\${req.uNum}\`], uBig: req.uBig, someRatio: req.someRatio, atTime: req.atTime,
    isOn: req.isOn, uNum: req.uNum, bigList: req.bigList, kindList: req.kindList, nickName: req.nickName,
  });
  if (req.isOn) reply.itemKind = Kind.KIND_BLUE;
  if (req.uNum > 5) reply.pickText = req.itemName;
  reply.tagList.push('y');
  const made = Thing.create({ itemName: 'made' });
  req.subItems.forEach((one) => made.subItems.push(one));
  made.bigList.push(7, ...req.bigList);
  made.numMap[req.itemName] = 3;
  made.uNum = made.subItems.length;
  reply.itemMap = { made, one: flip(req), [req.itemName]: { itemName: 'x', rawData: Buffer.from('abc') } };
  return reply;
}

const empty = () => Thing.create();

function buildIt(req) {
  if (req.itemName === '') return empty();
  return new Thing({
    itemName: req.subItems.length > 1 ? 'many' : req.itemName,
    uNum: req.uNum * 3 - 5,
    optNum: req.optNum === null ? req.subItems.length + 1 : undefined,
    bigCount: req.uNum,
    uBig: '18446744073709551615',
    bigList: [1, -2, 9007199254740991, req.uNum, '5'],
    itemKind: req.isOn ? Kind.KIND_RED_ONE : req.itemKind,
    kindList: [Kind.KIND_BLUE, req.itemKind, 1],
    subItems: req.subItems.filter((one) => one.itemKind !== Kind.KIND_BLUE && one.itemName !== '').map(flip),
    someRatio: req.uNum / 7,
    childItem: Thing.create({ itemName: 'new', childItem: req.childItem, bigCount: -5, uBig: 7, pickBig: 0 }),
    itemMap: {
      a: Thing.create({ uBig: req.uNum - 5, uNum: req.optNum, optBig: req.optBig, childItem: req.isOn ? req.childItem : null }),
      b: Thing.create({ uBig: -3, uNum: req.optNum ?? 3, bigCount: req.optNum ?? 5 }),
    },
    isOn: req.uNum > 5,
    pickNum: req.optNum ? 1 : 2,
    atTime: google.protobuf.Timestamp.create({ seconds: Math.floor(req.uNum / 1000), nanos: 5 }),
    nickName: { value: req.itemName },
    numMap: { c: req.someRatio, a: req.uNum, b: -3 },
    rawData: Buffer.from([1, 2, 3]),
    optText: '',
    optFlag: req.optFlag,
  });
}

const stored = JSON.parse('[{"itemName":5,"bigCount":"12","itemKind":"KIND_BLUE","rawData":"YWJj","optNum":"3","childItem":{"childItem":{}},"subItems":[{},{"itemKind":77}],"numMap":{"a":"7"},"other":1},{"tagList":["x",5],"uBig":"18446744073709551615","someRatio":"1.5","atTime":{"seconds":"5","nanos":7},"isOn":1,"uNum":-1,"bigList":["1",2],"kindList":["KIND_RED_ONE",9,"zz"],"optKind":"nope","nickName":{"value":"n"}},{"pickText":"t","pickNum":0,"pickBig":null,"itemKind":null,"optText":null}]');
function codeIt(req) {
  if (req.uNum % 3 === 1) return Thing.fromObject(stored[req.bigList.length % 3]);
  if (req.uNum % 3 === 2) return Thing.fromObject(Thing.toObject(req, shown));
  const bytes = Thing.encode(req).finish();
  if (bytes.length > 20) return Thing.decode(bytes);
  return Thing.create({ itemName: bytes.toString('hex'), rawData: bytes });
}

function fromPlain(req, row) {
  const tagList = ['a'];
  for (const one of req.subItems) tagList.push(one.itemName);
  return Thing.fromObject({
    itemName: row.n, optText: row.name, uNum: row.n, bigCount: row.at, uBig: req.uNum - 5, itemKind: 'KIND_BLUE', kindList: ['KIND_RED_ONE', 5], tagList,
    childItem: req.childItem, subItems: req.subItems.map((one) => ({ bigCount: one.bigCount })), atTime: { seconds: row.at, nanos: 5 }, pickBig: '7',
  });
}
const rows = () => JSON.parse('[{"name":"a","n":1,"at":5,"k":1,"on":true,"r":1.5},{"name":"","n":2.7,"at":"-7","k":0.5,"on":0,"r":"2.5"},{"name":null,"n":null,"at":null,"k":null,"on":null,"r":null},{},{"n":"-5","at":-3.9,"k":"KIND_BLUE","on":"x","r":"abc"},{"n":1e20,"at":1e19,"k":2147483648,"on":[],"r":true}]');
const fromRow = (row) => Thing.create({
  itemName: row.name || 'none', uNum: row.n, optNum: row.n, bigCount: row.at, uBig: row.at, optBig: row.at, itemKind: row.k || Kind.KIND_BLUE,
  optKind: row.k, isOn: row.on, optFlag: row.on, someRatio: row.r, optText: row.name, bigList: [row.n / 2], kindList: [row.k],
});

function spreadIt(req) {
  const childItem = Thing.create(Object.assign({}, req.childItem, { isOn: true, bigCount: 5 }));
  const first = req.subItems[0];
  return new Thing({
    itemMap: { b: fromRow(rows()[req.uNum % 6]), c: fromPlain(req, rows()[req.uNum % 6]), a: Thing.create({ ...(req.childItem || {}), itemName: 'a', ...(req.isOn ? { rawData: req.rawData } : {}) }) },
    subItems: req.subItems.map((one) => ({ ...one, optNum: 7, nickName: { value: one.itemName } })),
    ...first && { itemName: first.itemName },
    childItem,
  });
}

module.exports = { describeIt, echoIt, buildIt, codeIt, spreadIt, structIt };
`;

const definition = `const { same } = require('./lib/static');

const serialize = (type) => (message) => Buffer.from(type.encode(message).finish());
const deserialize = (type) => (bytes) => type.decode(bytes);

function method(name, requestType, responseType) {
  return {
    path: \`/same.v1.Same/\${name}\`, requestStream: false, responseStream: false,
    requestSerialize: serialize(requestType), requestDeserialize: deserialize(requestType),
    responseSerialize: serialize(responseType), responseDeserialize: deserialize(responseType),
  };
}
const { Extra, Thing, Lines } = same.v1;
exports.SameService = {
  describeIt: method('DescribeIt', Thing, Lines), echoIt: method('EchoIt', Thing, Thing),
  buildIt: method('BuildIt', Thing, Thing), codeIt: method('CodeIt', Thing, Thing),
  spreadIt: method('SpreadIt', Thing, Thing), structIt: method('StructIt', Extra, Extra),
};
`;

const server = `
const { grpcJsMessages } = require('@connect-migrate/runtime/grpc-js');
const { createApp } = require('@connect-migrate/runtime/node');
const { Same } = require('./gen/same_pb.js');
const handlers = require('./handlers');
const { SameService } = require('./definition');
exports.app = createApp({ routes(router) {
  router.service(Same, {
    describeIt: handlers.describeIt, echoIt: handlers.echoIt, buildIt: handlers.buildIt, codeIt: handlers.codeIt, spreadIt: handlers.spreadIt, structIt: handlers.structIt,
  }, { messages: grpcJsMessages(SameService) });
} });
`;

afterEach(() => void vi.restoreAllMocks());

const methodPath = (method: DescMethod) => `/${method.parent.typeName}/${method.name}`;

type Handlers = Record<string, (request: unknown) => unknown>;

const repository = resolve(import.meta.dirname, "../..");

/** A project with pbjs's code of the proto. */
function projectWith(files: Record<string, string>, ...options: string[]) {
  const project = tempProject({ "package.json": "{}", "same.proto": proto, "node_modules/.keep": "", ...files });
  mkdirSync(join(project.root, "lib"), { recursive: true });
  for (const name of ["@bufbuild", "@connect-migrate", "protobufjs", "long"])
    symlinkSync(join(repository, "node_modules", name), join(project.root, "node_modules", name));
  const pbjs = join(repository, "node_modules/protobufjs-cli/bin/pbjs");
  const target = `-t static-module -w commonjs -o ${join(project.root, "lib/static.js")}`.split(" ");
  const { status, stderr } = spawnSync(
    process.execPath,
    [pbjs, ...target, ...options, join(project.root, "same.proto")],
    {
      encoding: "utf8",
    },
  );
  if (status !== 0) throw new Error(stderr);
  return project;
}

it.each([[["--no-comments", "--no-verify"]], [["--keep-case"]]])(
  "the same messages with pbjs %s",
  { timeout: 120_000 },
  async (options) => {
    const isSnake = options.includes("--keep-case");
    const fields =
      /\b(itemName|bigCount|itemKind|rawData|optNum|childItem|subItems|numMap|thePick|pickText|pickNum|pickItem|pickBig|tagList|uBig|someRatio|atTime|isOn|uNum|bigList|kindList|itemMap|optKind|optText|optFlag|optBig|nickName|badOne|linesOut|lineCount|firstOne|goodOne|extraData|otherData)\b/g;
    const source = isSnake
      ? handlers.replace(fields, (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`))
      : handlers;
    const files = { "handlers.js": source, "server.js": server, "definition.js": definition };
    using before = projectWith(files, ...options);
    const migrated = await migrateMessages(before.root);
    expect(migrated.findings.map(({ outcome, reason }) => [outcome, reason?.text])).toEqual([["idiomatic", undefined]]);
    const generated = await ensureGenerated({ root: before.root });
    const code = Object.fromEntries(
      generated.files.map((file) => [file.path.slice(before.root.length + 1), file.content]),
    );
    const { "lib/static.js": _, ...changed } = migrated.files;
    using after = projectWith({ ...files, ...code, ...changed }, ...options);

    const load = (root: string, name: string) => createRequire(join(root, "x.js"))(name);
    const oldHandlers = load(before.root, "./handlers.js") as Handlers;
    const newHandlers = load(after.root, "./handlers.js") as Handlers;
    const { SameService } = load(before.root, "./definition.js") as {
      SameService: Record<string, MethodDefinition<unknown, unknown>>;
    };
    const service = generated.registry?.service("same.v1.Same") as DescService;
    expect(migrated.files["server.js"]).toContain("messages: rememberedPresence(Same)");
    const reader = rememberedPresence(service);
    const writer = explicitPresence(service);
    let compared = 0;
    for (const method of service.methods) {
      const legacy = SameService[method.localName];
      if (!legacy) throw new Error(method.name);
      fc.assert(
        fc.property(initOf(method.input, 2), (init) => {
          // Zeros are sent as well, as pbjs's classes do.
          const bytes = writer.method(methodPath(method))?.input.serialize(create(method.input, init)) as Uint8Array;
          const log: string[] = [];
          vi.spyOn(console, "log").mockImplementation((...shown) => void log.push(inspect(shown, { depth: 9 })));
          const oldReply = legacy.responseSerialize(
            oldHandlers[method.localName]?.(legacy.requestDeserialize(Buffer.from(bytes))),
          );
          const oldLog = log.splice(0);
          const message = reader.method(methodPath(method))?.input.deserialize(bytes);
          const newReply = toBinary(
            method.output,
            create(method.output, newHandlers[method.localName]?.(message) as never),
          );
          compared++;
          expect(log).toEqual(oldLog);
          expect(fromBinary(method.output, newReply)).toEqual(fromBinary(method.output, new Uint8Array(oldReply)));
        }),
        { numRuns: 150 },
      );
    }
    expect(compared).toBeGreaterThanOrEqual(900);
  },
);
