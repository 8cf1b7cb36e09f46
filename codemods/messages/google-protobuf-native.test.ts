import { cpSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
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

async function migrated(code: string) {
  using project = tempProject({
    "package.json": "{}",
    "same.proto": readFileSync(join(old, "same.proto"), "utf8"),
    "server.js": program(code),
  });
  cpSync(old, join(project.root, "old"), { recursive: true });
  return await migrateMessages(project.root);
}

describe("stays on the bridge, with the reason", () => {
  it.each([
    [
      "a message that a store keeps",
      "function echoIt(req) { store.set(1, req); return new Thing(); }",
      "cannot be followed",
    ],
    [
      "toObject",
      "function echoIt(req) { console.log(req.toObject()); return req; }",
      "what toObject of a message does",
    ],
    [
      "a value that nothing proves",
      "function echoIt(req) { const t = new Thing(); t.setItemName(store.get(1)); return t; }",
      "a string",
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
      "a helper that is handed on",
      "function echoIt(req) { return made(req); }\nfunction made(one) { return one; }\nsetTimeout(made, 1);",
      "is handed on",
    ],
    [
      "messages of two types in one function",
      "function echoIt(req) { show(req); return req; }\nfunction show(one) { return one.getItemName(); }\nshow(new Lines());",
      "not a same.v1.Thing",
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
  ])("%s", async (_name, code, why) => {
    const { findings, files } = await migrated(code);
    expect(findings.map(({ outcome }) => outcome)).toEqual(["bridged"]);
    expect(findings[0]?.reason?.text).toContain(why);
    expect(files["server.js"]).toBe(program(code));
  });
});

describe("is rewritten", () => {
  it.each([
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
    ].map(([what = "", code = ""]) => [
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
    ["a return of a chain", "function echoIt(req) { return req.setItemName('a'); }", "return req"],
    [
      "a nested message type and its enum",
      "function echoIt(req) { req.setInnerOne(new Thing.Inner().setMode(Thing.Inner.Mode.ON)); return req; }",
      "req.innerOne = create(Thing_InnerSchema, { mode: Thing_Inner_Mode.ON });",
    ],
  ])("%s", async (_name, code, expected) => {
    const { findings, files } = await migrated(code);
    expect(findings.map(({ outcome, reason }) => [outcome, reason?.text])).toEqual([["idiomatic", undefined]]);
    expect(files["server.js"]).toContain(expected);
  });
});
