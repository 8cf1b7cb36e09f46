import { cpSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { tempProject } from "../generate/testing/temp-project.js";
import { migrateMessages } from "./testing/migrate-messages.js";

const old = resolve(import.meta.dirname, "testing/google-protobuf");
const program = (code: string) => `const { grpcJsMessages } = require('@connect-migrate/runtime/grpc-js');
const { Same } = require('./gen/same_pb.js');
const { SameService } = require('./old/same_grpc_pb.js');
const { Thing, Lines, Kind } = require('./old/same_pb.js');
const store = new Map();
${code}
module.exports = (router) => router.service(Same, { echoIt }, { messages: grpcJsMessages(SameService) });
`;

/** One project with a file per case: an analysis costs seconds, whatever its size. */
async function migrated(codes: readonly string[]) {
  const texts = codes.map((code, index) => [`case-${index}.js`, program(code)] as const);
  using project = tempProject({
    "package.json": "{}",
    "same.proto": readFileSync(join(old, "same.proto"), "utf8"),
    ...Object.fromEntries(texts),
  });
  for (const name of ["same_pb.js", "same_grpc_pb.js"])
    cpSync(join(old, name), join(project.root, "old", name), { recursive: true });
  const { files, findings } = await migrateMessages(project.root);
  return texts.map(([name]) => ({
    text: files[name],
    findings: findings.filter(({ file }) => file.endsWith(`/${name}`)),
  }));
}

describe("stays on the bridge, with the reason", () => {
  const cases: [name: string, code: string, why: string][] = [
    [
      "a message that a store keeps, which is looked at as a whole",
      "function echoIt(req) { store.set(1, req); console.log(store); return new Thing(); }",
      "cannot be followed",
    ],
    [
      "an object that holds its message",
      "function echoIt(req) { console.log(req.toObject(true)); return req; }",
      "an object that holds its message",
    ],
    [
      "a value that nothing proves",
      "function echoIt(req) { const t = new Thing(); t.setItemName(store.get(1)); return t; }",
      "a string",
    ],
    [
      "the name of an enum value, which google-protobuf does not take",
      "function echoIt(req) { req.setItemKind('KIND_BLUE'); return req; }",
      "a value of same.v1.Kind",
    ],
    ["a reply that may be missing", "function echoIt(req) { return req.getChildItem(); }", "may not be there is sent"],
    ["null as a reply", "function echoIt(req) { return req.getIsOn() ? req : null; }", "may not be there is sent"],
    [
      "another message than that of the method",
      "function echoIt(req) { return new Lines(); }",
      "this is a same.v1.Lines",
    ],
    [
      "the number of a oneof's member",
      "function echoIt(req) { console.log(req.getThePickCase()); return req; }",
      "used as a value",
    ],
    [
      "bytes that are a string when unset",
      "function echoIt(req) { console.log(req.getRawData()); return req; }",
      "bytes that are a string",
    ],
    [
      "a message behind others that are spread into Promise.all",
      "async function echoIt(req) { const [one] = await Promise.all([...store.values(), req]); return one; }",
      "a same.v1.Thing",
    ],
    [
      "a list of the message that is sorted, where clones keep its order",
      "function echoIt(req) { req.getSubItemsList().sort((a, b) => a.getUNum() - b.getUNum()); return req; }",
      "what sort of a list of messages does",
    ],
    [
      "a list that is spliced",
      "function echoIt(req) { req.getTagListList().splice(0, 1); return req; }",
      "what splice of a list does",
    ],
    ["a number in a list of strings", "function echoIt(req) { req.getTagListList().push(5); return req; }", "a string"],
    ["the whole map", "function echoIt(req) { console.log(req.getNumMapMap()); return req; }", "a map goes where"],
    ["a cleared map", "function echoIt(req) { req.clearNumMapMap(); return req; }", "a map is cleared"],
    [
      "an unknown method",
      "function echoIt(req) { console.log(req.getJsPbMessageId()); return req; }",
      "what getJsPbMessageId",
    ],
    [
      "a member of a oneof that may be absent",
      "function echoIt(req) { req.setPickText(store.size ? 'a' : undefined); return req; }",
      "may be absent",
    ],
    [
      "a setter whose result is used",
      "function echoIt(req) { console.log(req.setItemName('x')); return req; }",
      "a setter whose result is used",
    ],
    [
      "a promise that may hold no message",
      "const load = (one) => new Promise((resolve) => resolve(one.getIsOn() ? undefined : one));\nasync function echoIt(req) { return await load(req); }",
      "may not be there",
    ],
    [
      "a choice of a message and something else",
      "function echoIt(req) { const one = req.getIsOn() ? req : store.get(1); console.log(one.getItemName()); return req; }",
      "nothing proves",
    ],
    [
      "a helper that is handed on",
      "function echoIt(req) { return made(req); }\nfunction made(one) { return one; }\nsetTimeout(made, 1);",
      "is handed on",
    ],
    [
      "messages of two types in one function",
      "function echoIt(req) { show(req); return req; }\nfunction show(one) { return one.getItemName(); }\nshow(new Lines());",
      "not a same.v1.Thing",
    ],
    [
      "bytes that others stand for when unset",
      "function echoIt(req) { const reply = new Thing(); reply.setRawData(req.getRawData() || Buffer.from('x')); return reply; }",
      "nothing proves that these are bytes",
    ],
    [
      "what may be no number in an int64",
      "function echoIt(req) { req.setBigCount(store.get(1) / 2 || store.get(2)); return req; }",
      "nothing proves that this is a whole number",
    ],
    [
      "bytes of something else",
      "function echoIt(req) { return Thing.deserializeBinary(store.get(1).serializeBinary()); }",
      "nothing proves that these are bytes",
    ],
    [
      "a message of another generator",
      "const other = require('./ts-proto/same');\nfunction echoIt(req) { return other.Thing.create({ itemName: 'x' }); }",
      "nothing proves that this is a same.v1.Thing (`other.Thing.create",
    ],
    ["a message that is made of an array", "function echoIt(req) { return new Thing(['x']); }", "made of an array"],
    [
      "a message that a package gets",
      "function echoIt(req) { require('x').send(req); return req; }",
      "cannot be followed",
    ],
    [
      "a list that is aliased by a chain",
      "function echoIt(req) { return new Thing().setSubItemsList(req.getSubItemsList()); }",
      "others may go on",
    ],
    [
      "a comparison with what may be missing",
      "function echoIt(req) { require('google-protobuf').Message.equals(req, req.getChildItem()); return req; }",
      "may not be there",
    ],
  ];
  let results: Awaited<ReturnType<typeof migrated>>;
  beforeAll(async () => {
    results = await migrated(cases.map(([, code]) => code));
  }, 120_000);
  it.each(cases.map(([name, code, why], index) => [name, index, code, why] as const))(
    "%s",
    (_name, index, code, why) => {
      const { findings, text } = results[index] ?? {};
      expect(findings?.map(({ outcome }) => outcome)).toEqual(["bridged"]);
      expect(findings?.[0]?.reason?.text).toContain(why);
      expect(text).toBe(program(code));
    },
  );
});

describe("old generated code and the .proto", () => {
  const result = async (code: string, change: (text: string) => string, proto = (text: string) => text) => {
    using project = tempProject({
      "package.json": "{}",
      "same.proto": proto(readFileSync(join(old, "same.proto"), "utf8")),
      "server.js": program(code),
      "old/same_pb.js": change(readFileSync(join(old, "same_pb.js"), "utf8")),
      "old/same_grpc_pb.js": readFileSync(join(old, "same_grpc_pb.js"), "utf8"),
    });
    const { files, findings } = await migrateMessages(project.root);
    return { text: files["server.js"], why: findings[0]?.reason?.text, outcome: findings[0]?.outcome };
  };
  const echo = "function echoIt(req) { console.log(req.getItemName()); return req; }";

  it.each([
    [
      "another number",
      (text: string) => text.replace("bool is_on = 16", "bool is_on = 66"),
      /getIsOn of Thing is field 16 in old\/same_pb.js and 66 in the .proto: run the old generator/,
    ],
    [
      "a field that is new",
      (text: string) => text.replace("bool is_on = 16", "bool is_on = 16; bool is_new = 67"),
      /same_pb.js has no getIsNew in Thing/,
    ],
    [
      "a field that is gone",
      (text: string) => text.replace("bool is_on = 16;", ""),
      /has getIsOn, and the .proto no such field/,
    ],
    [
      "a type",
      (text: string) => text.replace("double some_ratio", "float some_ratio"),
      /some_ratio of Thing is written as Double in .*same_pb.js and as Float by the .proto/,
    ],
    [
      "the type in a map",
      (text: string) => text.replace("map<string, int32> num_map", "map<string, sint32> num_map"),
      /num_map of Thing is written as String to Int32 in .*same_pb.js and as String to Sint32 by the .proto/,
    ],
    [
      "the number of a constant",
      (text: string) => text.replace("KIND_RED_ONE = 1;", "KIND_RED_ONE = 11;"),
      /KIND_RED_ONE of Kind is 1 in .*same_pb.js and 11 in the .proto/,
    ],
    [
      "a constant that is new",
      (text: string) => text.replace("KIND_RED_ONE = 1;", "KIND_RED_ONE = 1; KIND_NEW = 12;"),
      /KIND_NEW of Kind is not there in .*same_pb.js and 12 in the .proto/,
    ],
  ])("that disagree about %s keep the bridge", async (_name, change, why) => {
    const { text, outcome, why: found } = await result(echo, (code) => code, change);
    expect(outcome).toBe("bridged");
    expect(found).toMatch(why);
    expect(text).toBe(program(echo));
  });

  const logged = "function echoIt(req) { console.log(req.toObject()); return req; }";
  const newer = (text: string) =>
    text.replace(
      /^( {4}(?:opt|pick|other|good|bad)\w+: )jspb\.Message\.get(\w*)FieldWithDefault\(msg, (\d+), [^)]*\)/gm,
      "$1(f = jspb.Message.get$2Field(msg, $3)) == null ? undefined : f",
    );
  it("the objects of a newer generator leave unset members out", async () => {
    const { text, outcome } = await result(logged, newer);
    expect(outcome).toBe("idiomatic");
    expect(text).toContain("console.log(toObject(ThingSchema, req, { defaults: false }));");
  });
  it("without the code of the generator, nothing tells how its objects look", async () => {
    const { why, outcome } = await result(logged, (text) =>
      text.replaceAll(".toObject = function(", ".another = function("),
    );
    expect(outcome).toBe("bridged");
    expect(why).toContain("depend on the version of the generator");
  });
});

describe("is rewritten", () => {
  const cases: [name: string, code: string, expected: string][] = [
    [
      "clearing a member of a oneof where an else follows",
      "function echoIt(req) { if (req.getIsOn()) req.clearPickText(); else req.clearOptNum(); return req; }",
      "if (req.isOn) req.thePick = req.thePick.case === 'pickText' ? { case: undefined } : req.thePick; else req.optNum = undefined;",
    ],
    ...[
      [
        "is cleared in its clause",
        "switch (req.getThePickCase()) { case Thing.ThePickCase.PICK_TEXT: req.clearPickText(); READ; }",
      ],
      [
        "is cleared further down in a loop",
        "if (req.hasPickText()) for (let at = 0; at < 2; at++) { READ; req.clearPickText(); }",
      ],
      ["is one of another message", "let one = req; if (req.hasPickText()) { req = new Thing(); READ; }"],
      ["is replaced in a chain", "if (req.hasPickText()) { req.setItemName('a').setPickNum(1); READ; }"],
    ].map(([what = "", code = ""]): [string, string, string] => [
      `a tested member of a oneof that ${what}`,
      `function echoIt(req) { const reply = new Thing(); ${code.replace("READ", "reply.setItemName(req.getPickText())")} return reply; }`,
      "reply.itemName = req.thePick.case === 'pickText' ? req.thePick.value : ''",
    ]),
    [
      "a tested optional field of another message",
      "function echoIt(req) { const reply = new Thing(); if (req.hasOptNum()) { req = new Thing(); reply.setUNum(req.getOptNum()); } return reply; }",
      "req.optNum ?? 0",
    ],
    [
      "a value that may be undefined",
      "function echoIt(req) { let word; if (req.getIsOn()) word = 'x'; req.setItemName(word); return req; }",
      "req.itemName = word ?? '';",
    ],
    [
      "an int64 in a string and in arithmetic",
      "function echoIt(req) { req.setItemName('' + req.getBigCount() + (req.getUBig() + 1)); return req; }",
      "'' + Number(req.bigCount) + (Number(req.uBig) + 1)",
    ],
    [
      "a number beyond 2^53",
      "function echoIt(req) { req.setBigCount(9007199254740993); return req; }",
      "req.bigCount = BigInt(9007199254740993);",
    ],
    [
      "null stays null",
      "function echoIt(req) { let best = null; if (req.getIsOn()) best = req; console.log(best === null); return req; }",
      "console.log(best === null)",
    ],
    [
      "a chain on a variable",
      "function echoIt(req) { req.setItemName('a').setUNum(1); return req; }",
      "req.itemName = 'a';",
    ],
    [
      "a message that goes through bytes",
      "function echoIt(req) { return Thing.deserializeBinary(req.serializeBinary()); }",
      "return fromBinary(ThingSchema, toBinary(ThingSchema, req));",
    ],
    ["a return of a chain", "function echoIt(req) { return req.setItemName('a'); }", "return req"],
    [
      "a nested message type and its enum",
      "function echoIt(req) { req.setInnerOne(new Thing.Inner().setMode(Thing.Inner.Mode.ON)); return req; }",
      "req.innerOne = create(Thing_InnerSchema, { mode: Thing_Inner_Mode.ON });",
    ],
  ];
  let results: Awaited<ReturnType<typeof migrated>>;
  beforeAll(async () => {
    results = await migrated(cases.map(([, code]) => code));
  }, 120_000);
  it.each(cases.map(([name, , expected], index) => [name, index, expected] as const))(
    "%s",
    (_name, index, expected) => {
      const { findings, text } = results[index] ?? {};
      expect(findings?.map(({ outcome, reason }) => [outcome, reason?.text])).toEqual([["idiomatic", undefined]]);
      expect(text).toContain(expected);
    },
  );

  // Each alone: a setter anywhere in the project makes a copy of an object that is kept.
  it.each([
    [
      "fields of an object",
      "function echoIt(req) { const { itemName, bigCount: big } = req.toObject(); return new Thing().setItemName(itemName + (big + 1)); }",
      "const { itemName, bigCount: big } = req; return create(ThingSchema, { itemName: itemName + (Number(big) + 1) });",
    ],
    [
      "an object with a name",
      "function echoIt(req) { const o = req.toObject(); const reply = new Thing(); reply.setItemName(o.pickText); console.log(o.childItem && o.childItem.foobar); reply.setTagListList(o.subItemsList.map((one) => one.itemName)); return reply; }",
      "console.log(o.childItem && o.childItem.fooBar); reply.tagList = o.subItems.map((one) => one.itemName);",
    ],
    [
      "a field that is read on the spot",
      "function echoIt(req) { return new Thing().setUNum(req.toObject().subItemsList.length).setItemName(req.getChildItem().toObject().foobar); }",
      "create(ThingSchema, { uNum: req.subItems.length, itemName: req.childItem.fooBar })",
    ],
    [
      "an object that is logged",
      "function echoIt(req) { console.log(JSON.stringify(req.toObject()), req.getChildItem()?.toObject(false)); return req; }",
      "console.log(JSON.stringify(toObject(ThingSchema, req)), (req.childItem === undefined ? undefined : toObject(ThingSchema, req.childItem)))",
    ],
    [
      "an object whose message is written to",
      "function echoIt(req) { const o = req.toObject(); req.setItemName('x'); store.set(1, o.itemName); return req; }",
      "const o = toObject(ThingSchema, req); req.itemName = 'x'; store.set(1, o.itemName)",
    ],
    [
      "bytes and maps of an object",
      "function echoIt(req) { const { rawData, numMapMap } = req.toObject(); console.log(rawData, numMapMap); return req; }",
      "const { rawData, numMapMap } = toObject(ThingSchema, req);",
    ],
  ])("toObject: %s", async (_name, code, expected) => {
    const [result] = await migrated([code]);
    expect(result?.findings.map(({ outcome, reason }) => [outcome, reason?.text])).toEqual([["idiomatic", undefined]]);
    expect(result?.text).toContain(expected);
  });
});
