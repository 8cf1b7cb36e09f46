import { cpSync } from "node:fs";
import { join, resolve } from "node:path";
import { create, type DescMessage, fromBinary, toBinary } from "@bufbuild/protobuf";
import { anyPack, type Timestamp, TimestampSchema } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { arbitraryMessage } from "../../runtime/testing/arbitrary-message.js";
import { tempProject } from "../generate/testing/temp-project.js";
import { migrateMessages } from "./testing/migrate-messages.js";
import { type TwoPrograms, twoPrograms } from "./testing/two-programs.js";

/** Handlers that use the well-known types answer the same bytes with the same bytes, before and after. */
const handlers = `
const { Timestamp } = require('google-protobuf/google/protobuf/timestamp_pb.js');
const { Duration } = require('google-protobuf/google/protobuf/duration_pb.js');
const { Any } = require('google-protobuf/google/protobuf/any_pb.js');
const { Empty } = require('google-protobuf/google/protobuf/empty_pb.js');
const { FieldMask } = require('google-protobuf/google/protobuf/field_mask_pb.js');
const { Struct } = require('google-protobuf/google/protobuf/struct_pb.js');
const wrappers = require('google-protobuf/google/protobuf/wrappers_pb.js');
const { StringValue, Int64Value } = require('google-protobuf/google/protobuf/wrappers_pb.js');
const { Box, Lines } = require('./old/wide_pb.js');

function nickOf(box) {
  const nick = box.getNickName();
  return nick ? nick.getValue() : 'none';
}

function wellKnownIt(req) {
  const reply = new Box();
  reply.setBoxName(nickOf(req));
  const time = new Timestamp();
  time.setNanos(req.getSmallCount() % 1000);
  time.setSeconds(req.getSmallCount());
  reply.setAtTime(time);
  const long = new Duration().setSeconds(5);
  long.setNanos(req.hasHowLong() ? req.getHowLong().getNanos() : 1);
  reply.setHowLong(long);
  reply.setNickName(req.getNickName());
  reply.setBigValue(new Int64Value().setValue(req.getSmallCount() + 1));
  const isOn = new wrappers.BoolValue();
  isOn.setValue(!req.hasIsOn());
  reply.setIsOn(isOn);
  if (req.getRawValue()) reply.setRawValue(req.getRawValue());
  reply.setRatioValue(req.hasRatioValue() ? new wrappers.DoubleValue().setValue(req.getRatioValue().getValue() / 2) : undefined);
  let word;
  if (req.getOptFlag()) word = 'word';
  reply.setSmallValue(req.getSmallValue() && req.getIsOn() ? req.getSmallValue() : new wrappers.UInt32Value());
  const inner = new Box().setNickName(new StringValue().setValue(word)).setNoThing(new Empty());
  const mask = new FieldMask();
  mask.addPaths('a.b');
  if (req.hasSomeMask()) mask.setPathsList([...mask.getPathsList(), ...req.getSomeMask().getPathsList()]);
  inner.setSomeMask(mask);
  const facts = { z: req.getBoxName(), 10: [null, true, { a: req.getSmallCount(), b: 1 }] };
  inner.setExtraData(Struct.fromJavaScript(facts));
  facts.late = undefined;
  if (req.hasExtraData()) reply.setExtraData(req.getExtraData());
  reply.setInnerBox(inner);
  const any = new Any();
  any.pack(inner.serializeBinary(), 'wide.v1.Box');
  reply.setAnyThing(any);
  reply.addTimeList(Timestamp.fromDate(new Date(req.getSmallCount())));
  const at = new Timestamp();
  at.setNanos(3);
  at.fromDate(new Date(req.getSmallCount() * 7));
  reply.addTimeList(at);
  reply.setTimeListList([...reply.getTimeListList(), ...req.getTimeListList()]);
  reply.addNickList(new StringValue().setValue('in a list'));
  for (const one of req.getNickListList()) reply.addNickList(new StringValue().setValue(one.getValue() + '!'));
  reply.getValueMapMap().set('k', new wrappers.Int32Value().setValue(-1));
  if (req.hasPickText()) reply.setPickText(new StringValue().setValue(req.getPickText().getValue()));
  return reply;
}

function readIt(req) {
  const lines = new Lines();
  const out = [];
  out.push(nickOf(req), '' + req.hasNickName(), '' + !req.hasBigValue());
  out.push(String(req.getNickName()?.getValue()), String(req.getIsOn()?.getValue()));
  if (!req.getNickName()) out.push('no nick'); else out.push(req.getNickName().getValue());
  if (req.getSmallValue() !== undefined) out.push('small ' + req.getSmallValue().getValue());
  if (req.hasBigValue() && req.getBigValue().getValue() > 3) out.push('big');
  if (req.getRawValue()) out.push(Buffer.from(req.getRawValue().getValue_asU8()).toString('hex'));
  const extra = req.getExtraData();
  const object = extra ? extra.toJavaScript() : { none: true };
  object.seen = out.length;
  out.push(JSON.stringify(object), Object.keys(object).join(), JSON.stringify(req.getExtraData()?.toJavaScript() ?? null));
  const any = req.getAnyThing();
  if (any) {
    out.push(any.getTypeName());
    const unpacked = any.unpack(Box.deserializeBinary, 'wide.v1.Box');
    out.push(unpacked ? unpacked.getBoxName() : 'of another type');
    const lost = any.unpack(Lines.deserializeBinary, 'wide.v1.Lines');
    if (lost === null) out.push('no lines');
  }
  const { smallCount, boxName } = req.toObject();
  out.push(boxName + smallCount);
  if (req.hasHowLong()) out.push('' + req.getHowLong().getSeconds() + ':' + req.getHowLong().getNanos());
  out.push(req.getNickListList().map((one) => one.getValue()).join());
  lines.setLinesOutList(out);
  return lines;
}

function showIt(req) {
  const lines = new Lines();
  lines.addLinesOut(JSON.stringify(req.getTimeListList().map((one) => one.toObject())));
  lines.addLinesOut('' + JSON.stringify(req.getSomeMask()?.toObject()));
  const shown = req.toObject();
  lines.addLinesOut(JSON.stringify(shown) + (shown.nickName ? shown.nickName.value : 'none'));
  return lines;
}

module.exports = { wellKnownIt, readIt, showIt };
`;

let programs: TwoPrograms;
beforeAll(async () => {
  programs = await twoPrograms("wide", handlers);
}, 120_000);
afterAll(() => programs?.[Symbol.dispose]());

/** A box, whose Any may hold another one. */
function boxes(desc: DescMessage) {
  const packed = fc.option(arbitraryMessage(desc, 0), { nil: undefined });
  return fc.tuple(arbitraryMessage(desc, 1), packed).map(([box, inner]) => ({
    ...box,
    // google-protobuf takes -0 for 0.
    ratioValue: Math.abs((box as { ratioValue?: number }).ratioValue ?? 0),
    // What is passed on keeps its digits beyond 2^53, where the old classes rounded.
    timeList: (box as unknown as { timeList: Timestamp[] }).timeList.map(({ seconds, nanos }) =>
      create(TimestampSchema, { seconds: BigInt.asIntN(50, seconds), nanos }),
    ),
    anyThing: inner && anyPack(desc, inner),
  }));
}

it.each(["wellKnownIt", "readIt", "showIt"])("%s answers the same", { timeout: 120_000 }, (name) => {
  const method = programs.service.methods.find((one) => one.localName === name);
  const legacy = programs.definition[name];
  if (!method || !legacy) throw new Error(name);
  let compared = 0;
  fc.assert(
    fc.property(boxes(method.input), (init) => {
      const bytes = toBinary(method.input, create(method.input, init as never));
      fc.pre(!Buffer.from(bytes).includes("__proto__")); // google-protobuf loses an entry of that name
      const oldReply = legacy.responseSerialize(programs.before[name]?.(legacy.requestDeserialize(Buffer.from(bytes))));
      const reply = programs.after[name]?.(fromBinary(method.input, bytes)) as Record<string, unknown>;
      const newReply = toBinary(method.output, create(method.output, reply as never));
      compared++;
      expect(fromBinary(method.output, newReply)).toEqual(fromBinary(method.output, new Uint8Array(oldReply)));
    }),
    { numRuns: 200 },
  );
  expect(compared).toBe(200);
});

const server = (code: string) => `const { grpcJsMessages } = require('@connect-migrate/runtime/grpc-js');
const { Wide } = require('./gen/wide_pb.js');
const { WideService } = require('./old/wide_grpc_pb.js');
const { Any } = require('google-protobuf/google/protobuf/any_pb.js');
const { StringValue } = require('google-protobuf/google/protobuf/wrappers_pb.js');
const { Struct } = require('google-protobuf/google/protobuf/struct_pb.js');
const { Box, Lines } = require('./old/wide_pb.js');
const store = new Map();
function wellKnownIt(req) { const reply = new Box(); ${code} return reply; }
module.exports = (router) => router.service(Wide, { wellKnownIt }, { messages: grpcJsMessages(WideService) });
`;

it("stays on the bridge, with the reason, where a wrapper or an Any cannot be followed", async () => {
  const cases: [code: string, why: string][] = [
    ["reply.setBoxName(req.getNickName().getValue());", "the value of a wrapper that may not be there"],
    [
      "if (req.getNickName()) { req.clearNickName(); reply.setBoxName(req.getNickName().getValue()); }",
      "may not be there",
    ],
    [
      "if (req.getNickName()) for (const at of [1, 2]) { reply.setBoxName(at + req.getNickName().getValue()); req.clearNickName(); }",
      "may not be there",
    ],
    ["reply.setNickName(req.getNickName() || new StringValue());", "where its value is empty"],
    ["store.set(1, req.getNickName());", "cannot be followed"],
    ["const nick = req.getNickName(); if (nick) nick.setValue('x');", "what setValue of a wrapper does"],
    ["console.log(req.getNickName() && 1);", "cannot be followed"],
    ["console.log(req.getNickName()?.getValue().length);", "a part of a value that may not be there"],
    ["reply.setNickName(new StringValue(['x']));", "made of an array"],
    ["reply.setNickName(store.get(1));", "nothing proves that this is a google.protobuf.StringValue"],
    ["reply.setNickName(new StringValue().setValue(store.get(1)));", "nothing proves that this is a string"],
    [
      "const any = new Any(); any.pack(req.serializeBinary(), store.get(1)); reply.setAnyThing(any);",
      "what pack of a message",
    ],
    [
      "const any = new Any(); any.pack(req.serializeBinary(), 'wide.v1.Box', 'x/'); reply.setAnyThing(any);",
      "what pack of",
    ],
    ["store.get(1).pack(req.serializeBinary(), 'wide.v1.Box');", "packed where it cannot be followed"],
    ["console.log(req.getAnyThing().unpack(Lines.deserializeBinary, 'wide.v1.Box'));", "what unpack of a message"],
    [
      "if (req.getExtraData()) console.log(req.getExtraData().getFieldsMap());",
      "what getFieldsMap of a Struct does is not followed",
    ],
    ["console.log(req.getExtraData().toJavaScript());", "the object of a Struct that may not be there"],
    ["console.log(req.getExtraData()?.toJavaScript().a);", "a part of a value that may not be there"],
    ["console.log(req.getExtraData());", "cannot be followed"],
    ["reply.setExtraData(req.getExtraData()?.toObject());", "what toObject of a Struct does"],
    ["const one = new Struct(); one.getFieldsMap(); reply.setExtraData(one);", "what getFieldsMap of a Struct does"],
    ["const o = req.toObject(); console.log(o.nickName.value);", "the object of a google.protobuf.Value"],
    ["console.log(req.getNumberMapMap().get(1));", "a map whose keys are no strings"],
  ];
  const texts = cases.map(([code], index) => [`case-${index}.js`, server(code)] as const);
  const tested = "reply.setBoxName(req.hasNickName() ? req.getNickName()!.getValue() : 'none');";
  const folder = resolve(import.meta.dirname, "testing/google-protobuf");
  using project = tempProject({ "package.json": "{}", ...Object.fromEntries(texts), "tested.ts": server(tested) });
  cpSync(join(folder, "wide.proto"), join(project.root, "wide.proto"));
  for (const name of ["wide_pb.js", "wide_grpc_pb.js"]) cpSync(join(folder, name), join(project.root, "old", name));
  const { files, findings } = await migrateMessages(project.root);
  for (const [index, [code, why]] of cases.entries()) {
    const finding = findings.find(({ file }) => file.endsWith(`/case-${index}.js`));
    expect([code, finding?.outcome, finding?.reason?.text]).toEqual([code, "bridged", expect.stringContaining(why)]);
    expect(files[`case-${index}.js`]).toBe(server(code));
  }
  expect(files["tested.ts"]).toContain("boxName: req.nickName !== undefined ? req.nickName! : 'none'");
}, 60_000);
