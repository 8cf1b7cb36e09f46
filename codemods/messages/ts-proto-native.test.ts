import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runMigration } from "../pipeline.js";
import { migrateMessages } from "./testing/migrate-messages.js";
import { strictConfig, typedProject } from "./testing/typed-project.js";

const program = (code: string) => `import { readFileSync } from 'node:fs';
import { createApp } from '@connect-migrate/runtime/node';
import { grpcJsMessages } from '@connect-migrate/runtime/grpc-js';
import { Same } from './gen/same_pb';
import { Kind, Lines, Thing, SameService } from './old/same';

${code}

export const app = createApp({ routes(router) {
  router.service(Same, { echoIt }, { messages: grpcJsMessages(SameService) });
} });
`;

/** Many programs, each a file of one project: their messages never meet. */
async function migratedTogether(codes: readonly string[]) {
  const files = Object.fromEntries(codes.map((code, index) => [`case${index}.ts`, program(code)]));
  using project = typedProject("ts-proto", files);
  const { files: after, findings } = await migrateMessages(project.root);
  return codes.map((_, index) => ({
    text: after[`case${index}.ts`],
    findings: findings.filter(({ file }) => file.endsWith(`/case${index}.ts`)),
  }));
}

async function migrated(code: string, options: readonly string[] = [], compilerOptions: object = strictConfig) {
  using project = typedProject("ts-proto", { "server.ts": program(code) }, options, { ...compilerOptions });
  return await migrateMessages(project.root);
}

const echo = (body: string) => `function echoIt(req: Thing): Thing { ${body} return req; }`;

describe("stays on the bridge, with the reason", async () => {
  const cases: readonly (readonly [name: string, code: string, why: string])[] = [
    [
      "toJSON of what is none",
      echo("console.log(Thing.toJSON({ ...req, itemName: 'x' }));"),
      "what toJSON of a message does",
    ],
    [
      "a message that a log keeps",
      `const kept: unknown[] = [];\nfunction log(it: unknown) { kept.push(it); console.log(it); }\n${echo("log(req);")}`,
      "something else is asked for",
    ],
    [
      "a message with its fields in another order, as JSON",
      echo("const it: Thing = { tagList: [], ...req }; JSON.stringify(it);"),
      "in another order",
    ],
    [
      "a message whose bytes were no Buffer, as JSON",
      echo("req.rawData = new Uint8Array(2); JSON.stringify({ all: req.subItems });"),
      "may be no Buffer",
    ],
    ["what a message has", echo("Object.getOwnPropertyNames(req);"), "what Object.getOwnPropertyNames does"],
    [
      "a message that is spread over another one",
      "function echoIt(req: Thing): Thing { return { ...req, ...req.subItems[0]! }; }",
      "is spread over",
    ],
    [
      "a key that is computed",
      echo("const key = req.isOn ? ('itemName' as const) : ('bigCount' as const); console.log(req[key]);"),
      "a key that is computed",
    ],
    ["a message as unknown", echo("const it: unknown = req;"), "something else is asked for"],
    ["a message as any", echo("const it = req as any;"), "something else is asked for"],
    [
      "a message that is parsed",
      "function echoIt(req: Thing): Thing { const it: Thing = JSON.parse(req.itemName); return it; }",
      "nothing proves that this is a message",
    ],
    [
      "an object that is said to be a message",
      "function echoIt(req: Thing): Thing { return { itemName: req.itemName } as Thing; }",
      "has no big_count",
    ],
    [
      "an object that is said to be unknown, and then a message",
      "function echoIt(req: Thing): Thing { return { itemName: req.itemName } as unknown as Thing; }",
      "nothing proves that this is a",
    ],
    [
      "a message of a generic function",
      "function same<T>(one: T): T { return JSON.parse(JSON.stringify(one)); }\nfunction echoIt(req: Thing): Thing { return same(req); }",
      "nothing proves that this is a message (`JSON.parse",
    ],
    [
      "an object that a generic function says is a message",
      `function made<T>(all: T[]): T { return all[0] ?? ({} as T); }\n${echo("made(req.subItems).itemName;")}`,
      "nothing proves that this is a message (`{}`)",
    ],
    [
      "a generic function whose keys are computed",
      `function read<T, K extends keyof T>(one: T, key: K): T[K] { return one[key]; }\n${echo("read(req, 'bigCount');")}`,
      "a generic function",
    ],
    [
      "a message as something of the program's own that is shown",
      `interface Named { itemName: string }\nconst kept: Named[] = [];\n${echo("kept.push(req); console.log(kept.map((one) => ({ ...one })));")}`,
      "cannot be followed",
    ],
    [
      "a message as something of the program's own that has what is otherwise",
      `interface Raw { rawData: Uint8Array }\nconst text = (one: Raw) => one.rawData.toString();\n${echo("text(req);")}`,
      "something else is asked for",
    ],
    [
      "a message as something of the program's own, and that as a message",
      `interface Named { itemName: string }\nconst count = (one: Named) => (one as Thing).bigCount;\n${echo("count(req);")}`,
      "nothing proves that this is a message",
    ],
    [
      "a function that takes any object, where one for messages is asked for",
      `const show = (it: object) => JSON.stringify(it);\n${echo("req.subItems.map(show);")}`,
      "something else is asked for",
    ],
    [
      "a method that takes any object, behind an interface for messages",
      `interface Sink { put(it: Thing): void }\nclass Log implements Sink { put(it: object) { console.log(it); } }\n${echo("const sink: Sink = new Log(); sink.put(req);")}`,
      "something else is asked for",
    ],
    [
      "a method that takes any object, of an abstract class for messages",
      `abstract class Sink { abstract put(it: Thing): void }\nclass Log extends Sink { put(it: object) { console.log(it); } }\n${echo("const sink: Sink = new Log(); sink.put(req);")}`,
      "something else is asked for",
    ],
    [
      "a function of which one overload takes messages",
      `function show(it: string): void;\nfunction show(it: Thing): void;\nfunction show(it: any): void { console.log(it); }\n${echo("show(req);")}`,
      "something else is asked for",
    ],
    [
      "a function that gives a message as an object",
      `const whole: (it: Thing) => object = (it) => it;\n${echo("JSON.stringify(whole(req));")}`,
      "something else is asked for",
    ],
    [
      "a part of a type that is made of a message's",
      `const count = (it: Readonly<Thing>) => it.bigCount + 1;\n${echo("count(req);")}`,
      "a part of a type that is made of a message's",
    ],
    [
      "an object with a message in it, as JSON",
      `class Box { constructor(readonly it: Thing) {} text() { return JSON.stringify(this); } }\n${echo("new Box(req).text();")}`,
      "an instance of a class is shown",
    ],
    [
      "a guard that takes anything for a message",
      `const isThing = (it: unknown): it is Thing => typeof it === 'object';\n${echo("const all: unknown[] = []; all.filter(isThing).map((one) => one.bigCount);")}`,
      "a type is made of",
    ],
    [
      "a callback that claims to get messages",
      `const on = (listener: (it: any) => void) => listener(1);\n${echo("on((it: Thing) => {});")}`,
      "nothing but its annotation",
    ],
    [
      "a type that is made of a message's",
      `type Part = Partial<Thing>;\n${echo("const part: Part = {};")}`,
      "a type is made of",
    ],
    [
      "an interface that extends a message's",
      `interface Big extends Thing { more: string }\n${echo("")}`,
      "a type is made of",
    ],
    ["an enum as a whole", echo("console.log(Object.values(Kind));"), "an enum is used in another way"],
    [
      "a helper of the generated code",
      `import { kindFromJSON } from './old/same';\n${echo("kindFromJSON(1);")}`,
      "kindFromJSON",
    ],
    ["a member of a oneof that is written", echo("req.pickText = 'a';"), "a member of a oneof is written"],
    [
      "two members of a oneof",
      "function echoIt(req: Thing): Thing { return Thing.create({ pickText: 'a', pickNum: 1 }); }",
      "two members of the oneof",
    ],
    [
      "a member of a oneof that may be absent, of an expression that cannot be repeated",
      "const text = (req: Thing) => req.optText;\nfunction echoIt(req: Thing): Thing { return Thing.create({ pickText: text(req) }); }",
      "may be absent",
    ],
    [
      "members of a oneof that are written one after the other",
      "function echoIt(req: Thing): Thing { const it = Thing.create(); it.pickText = 'a'; if (req.isOn) it.pickNum = 1; return it; }",
      "one after the other",
    ],
    [
      "members of a oneof that are copied into another object, too",
      echo(
        "const row = { pickText: req.pickText, pickNum: req.pickNum, pickItem: req.pickItem }; console.log(row.pickText);",
      ),
      "where the others go, too",
    ],
    [
      "an object that the compiler takes for a message",
      "function echoIt(req: Thing): Thing { const part = { itemName: 'a', pickText: 'x' }; return Thing.create({ childItem: part }); }",
      "nothing proves that this is a same.v1.Thing",
    ],
    [
      "a list of such objects",
      "const part = (pickText: string) => ({ pickText });\nfunction echoIt(req: Thing): Thing { return Thing.create({ subItems: req.tagList.map(part) }); }",
      "nothing proves that this is a list",
    ],
    [
      "such an object as the reply",
      "function part() { return { ...base, pickText: 'x' }; }\nconst base = { itemName: 'a', bigCount: 0, itemKind: 0, rawData: Buffer.alloc(0), subItems: [], numMap: {}, tagList: [], uBig: 0, someRatio: 0, isOn: true, uNum: 3, bigList: [], kindList: [], itemMap: {}, asText: 0, fooBar: '' };\nfunction echoIt(req: Thing) { return part(); }",
      "nothing proves that this is a same.v1.Thing",
    ],
    ["an int64 that is changed in place", echo("req.bigCount %= 7;"), "in place"],
    [
      "a message that the message copied",
      "function echoIt(req: Thing): Thing { const it = Thing.create({ childItem: req }); req.itemName = 'x'; return it; }",
      "shared now or then",
    ],
    [
      "a message made of an object that is elsewhere",
      "const base = { itemName: 'a' };\nfunction echoIt(req: Thing): Thing { return Thing.create(base); }",
      "not written out",
    ],
    ["a Date that is changed in place", echo("req.atTime!.setHours(0);"), "a Date of a message is changed"],
    [
      "a Date that is changed in a variable",
      echo("const at = req.atTime; if (at) at.setHours(0);"),
      "a Date of a message is changed",
    ],
    [
      "the client that is not migrated",
      `import { credentials } from '@grpc/grpc-js';\nimport { SameClient } from './old/same';\n${echo("new SameClient('a', credentials.createInsecure());")}`,
      "SameClient of the generated code",
    ],
  ];
  const results = await migratedTogether(cases.map(([, code]) => code));

  it.each(cases.map(([name, code, why], index) => ({ name, code, why, result: results[index] })))(
    "$name",
    ({ code, why, result }) => {
      expect(result?.findings.map(({ outcome }) => outcome)).toEqual(["bridged"]);
      expect(result?.findings[0]?.reason?.text).toContain(why);
      expect(result?.text).toBe(program(code));
    },
  );

  it.each([
    ["stringEnums=true,enumsAsLiterals=true", echo("console.log(req.itemKind);"), "an enum of strings"],
    ["forceLong=long", echo("console.log(req.bigCount.toString());"), "bigCount is a"],
    ["useDate=string", echo("console.log(req.atTime);"), "at_time is a string"],
    ["useOptionals=all", echo("console.log(req.itemName);"), "may be missing in old objects"],
  ])("fields that are otherwise with %s", async (option, code, why) => {
    const { findings } = await migrated(code, [option]);
    expect(findings.map(({ outcome }) => outcome)).toEqual(["bridged"]);
    expect(findings[0]?.reason?.text.replaceAll("big_count", "bigCount")).toContain(why);
  });

  it("--messages native says so, and makes it an error", async () => {
    using project = typedProject("ts-proto", { "server.ts": program(echo("Object.entries(req);")) });
    const { findings } = await migrateMessages(project.root, "native");
    expect(findings).toMatchObject([{ rule: "messages/ts-proto-native", outcome: "failed", rpc: "same.v1.Same" }]);
  });

  it("a value that may be undefined, where the compiler does not look at that", async () => {
    const code =
      "function echoIt(req: Thing): Thing { let name: string; if (req.isOn) name = 'a'; req.itemName = name; return req; }";
    const { findings } = await migrated(code, [], { ...strictConfig, strict: false });
    expect(findings[0]?.reason?.text).toContain("may be absent");
  });
});

describe("is rewritten", async () => {
  const reply = (fields: string) => `function echoIt(req: Thing): Thing { return Thing.create({ ${fields} }); }`;
  const cases: readonly (readonly [name: string, code: string, expected: string])[] = [
    ["an annotated number", echo("const n: number = req.bigCount;"), "const n: number = Number(req.bigCount);"],
    [
      "an int64 that is only passed on",
      reply("bigCount: req.bigCount"),
      "create(ThingSchema, { bigCount: req.bigCount })",
    ],
    ["an int64 that is counted", reply("bigCount: req.subItems.length"), "bigCount: BigInt(req.subItems.length)"],
    [
      "a Date that may be absent",
      echo("const at = req.atTime; console.log(at);"),
      "new Date(Number(at.seconds) * 1000 + at.nanos / 1e6)",
    ],
    ["a Date", reply("atTime: new Date(5)"), "atTime: timestampFromDate(new Date(5))"],
    [
      "a member of a oneof",
      reply("itemName: req.pickText !== undefined ? req.pickText : ''"),
      "req.thePick.case === 'pickText' ? req.thePick.value : ''",
    ],
    [
      "a member of a oneof in a condition",
      echo("if (req.pickItem && req.pickItem.itemName) console.log(req.pickItem.isOn);"),
      "if (req.thePick.case === 'pickItem' && req.thePick.value.itemName) console.log(req.thePick.value.isOn)",
    ],
    [
      "a tested member of a oneof of a message that is replaced",
      echo("if (req.pickText !== undefined) { req = Thing.create(); console.log(req.pickText); }"),
      "console.log((req.thePick.case === 'pickText' ? req.thePick.value : undefined))",
    ],
    [
      "a message that is spread",
      "function echoIt(req: Thing): Thing { return { ...req, itemName: '' }; }",
      "{ return { ...req, itemName: '' }; }",
    ],
    ["a copy", "function echoIt(req: Thing): Thing { return Thing.fromPartial(req); }", "clone(ThingSchema, req)"],
    [
      "an int64 that may be a fraction, which is refused when it is encoded",
      "function echoIt(req: Thing): Thing { return Thing.create({ bigCount: req.someRatio }); }",
      "create(ThingSchema, { bigCount: int64FromNumber(req.someRatio) })",
    ],
    [
      "a list that the message copied",
      "function echoIt(req: Thing): Thing { const list = ['a']; const it = Thing.create({ tagList: list }); list.push('b'); return it; }",
      "create(ThingSchema, { tagList: [...list] })",
    ],
    [
      "lists and maps of a row, a date that may be null, a number for 64 bits",
      "interface Row { tags: string[] | undefined; counts: Record<string, number>; at: Date | null; size: number }\nfunction echoIt(req: Thing): Thing { const row: Row = JSON.parse(req.itemName); row.tags?.push('x'); return Thing.fromPartial({ tagList: row.tags, numMap: row.counts, atTime: row.at ?? undefined, bigCount: row.size }); }",
      "create(ThingSchema, { tagList: row.tags?.slice(), numMap: { ...row.counts }, atTime: (row.at && timestampFromDate(row.at)) ?? undefined, bigCount: int64FromNumber(row.size) })",
    ],
    [
      "an enum",
      reply("itemKind: req.itemKind === Kind.KIND_BLUE ? Kind.KIND_RED_ONE : 0"),
      "req.itemKind === Kind.BLUE ? Kind.RED_ONE : 0",
    ],
    [
      "a literal with a type",
      echo("const it: Lines = { linesOut: [], lineCount: 0 };"),
      "const it: Lines = create(LinesSchema, { linesOut: [], lineCount: 0 });",
    ],
    [
      "a store of messages",
      `const all = new Map<string, Thing[]>();\n${echo("all.set(req.itemName, [req]);")}`,
      "new Map<string, Thing[]>()",
    ],
    ["bytes", echo("console.log(req.rawData.toString());"), "Buffer.from(req.rawData).toString()"],
    [
      "parts of a message",
      echo("const { fooBar, bigCount: n } = req; console.log(fooBar, n);"),
      "console.log(fooBar, Number(n))",
    ],
    [
      "names of a module that is imported whole",
      "import * as pb from './old/same';\nfunction echoIt(req: pb.Thing): pb.Thing { return pb.Thing.create({ itemKind: pb.Kind.KIND_BLUE }); }",
      "function echoIt(req: ConnectThing): ConnectThing { return create(ThingSchema, { itemKind: ConnectKind.BLUE }); }",
    ],
  ];
  const results = await migratedTogether(cases.map(([, code]) => code));

  it.each(cases.map(([name, , expected], index) => ({ name, expected, result: results[index] })))(
    "$name",
    ({ expected, result }) => {
      expect(result?.findings.map(({ outcome, reason }) => [outcome, reason?.text])).toEqual([
        ["idiomatic", undefined],
      ]);
      expect(result?.text).toContain(expected);
    },
  );

  it("names as the .proto has them, with snakeToCamel=false", async () => {
    const code =
      "function echoIt(req: Thing): Thing { const { item_name } = req; return Thing.create({ item_name, u_num: req.u_num }); }";
    const { findings, files } = await migrated(code, ["snakeToCamel=false"]);
    expect(findings.map(({ outcome, reason }) => [outcome, reason?.text])).toEqual([["idiomatic", undefined]]);
    expect(files["server.ts"]).toContain("const { itemName: item_name } = req;");
    expect(files["server.ts"]).toContain("create(ThingSchema, { itemName: item_name, uNum: req.uNum })");
  });

  it("an int64 that is a string, with forceLong=string", async () => {
    const { findings, files } = await migrated(reply("bigCount: '7', itemName: req.bigCount"), ["forceLong=string"]);
    expect(findings.map(({ outcome, reason }) => [outcome, reason?.text])).toEqual([["idiomatic", undefined]]);
    expect(files["server.ts"]).toContain("{ bigCount: 7n, itemName: String(req.bigCount) }");
  });
});

it("code that is older than the .proto keeps the bridge, and the report says where they disagree", async () => {
  const code = program("function echoIt(req: Thing): Thing { console.log(req.itemName); return req; }");
  using project = typedProject("ts-proto", { "server.ts": code });
  const file = join(project.root, "proto/same.proto");
  const proto = readFileSync(file, "utf8");
  const cases: readonly (readonly [change: (text: string) => string, why: RegExp])[] = [
    [(text) => text.replace("bool is_on = 16", "bool is_on = 66"), /same\.ts writes no is_on in Thing/],
    [
      (text) => text.replace("bool is_on = 16", "int32 is_on = 16"),
      /is_on of Thing is written as bool in .* and as int32/,
    ],
    [
      (text) => text.replace("bool is_on = 16;", ""),
      /Thing of .*same\.ts writes field 16, and the \.proto has no such field/,
    ],
    [(text) => text.replace("bool is_on = 16;", "bool is_on = 16; bool is_new = 67;"), /writes no is_new in Thing/],
    // A message in a message, which the program does not name.
    [(text) => text.replace("int32 x_1 = 1;", "sint32 x_1 = 1;"), /x_1 of .* is written as int32 in .* and as sint32/],
  ];
  for (const [change, why] of cases) {
    expect(change(proto)).not.toBe(proto);
    writeFileSync(file, change(proto));
    const { files, findings } = await migrateMessages(project.root);
    expect(files["server.ts"]).toBe(code);
    expect(findings[0]?.reason?.text).toMatch(why);
  }
  // Where the bridge is asked for, JSON follows the .proto all the same.
  const { root } = project;
  const forced = { cwd: root, paths: [root], side: "services", target: "bundled", messages: "bridge" } as const;
  const { notes } = await runMigration({ ...forced, runtime: "npm" });
  expect(notes).toContainEqual(
    expect.stringMatching(
      /^JSON, reflection and Connect GET of \S+ follow the \.proto, .*: x_1 of .* and as sint32 by/,
    ),
  );
  writeFileSync(file, proto);
  const { findings } = await migrateMessages(root);
  expect(findings[0]?.outcome).toBe("idiomatic");
});

it("a constant that has another number in the .proto keeps the bridge", async () => {
  const code = program("function echoIt(req: Thing): Thing { return Thing.create({ itemKind: Kind.KIND_RED_ONE }); }");
  using project = typedProject("ts-proto", { "server.ts": code });
  const file = join(project.root, "proto/same.proto");
  const proto = readFileSync(file, "utf8");
  expect((await migrateMessages(project.root)).findings[0]?.outcome).toBe("idiomatic");
  writeFileSync(file, proto.replace("KIND_RED_ONE = 1;", "KIND_RED_ONE = 11;"));
  const { files, findings } = await migrateMessages(project.root);
  expect(files["server.ts"]).toBe(code);
  expect(findings[0]?.reason?.text).toContain("Kind.KIND_RED_ONE");
});

it("two generated files for one message are named, and nothing is guessed", async () => {
  using project = typedProject("ts-proto", { "server.ts": program(echo("console.log(req.itemName);")) });
  writeFileSync(join(project.root, "again.ts"), readFileSync(join(project.root, "old/same.ts"), "utf8"));
  const { findings } = await migrateMessages(project.root);
  expect(findings.map(({ outcome }) => outcome)).toEqual(["bridged"]);
  expect(findings[0]?.reason?.text).toMatch(
    /same\.v1\.\w+ is in several generated files \(\S+\.ts, \S+\.ts\): keep one of them/,
  );
});

it("a method of a client that is named as what logs gets the message itself", { timeout: 60_000 }, async () => {
  const proto = `syntax = "proto3";
package log.v1;
service Log { rpc Send(Entry) returns (Entry); rpc Info(Entry) returns (Entry); }
message Entry { string the_text = 1; int64 sent_at = 2; }
`;
  const code = `import { createClient } from '@connect-migrate/runtime';
import { createGrpcTransport } from '@connect-migrate/runtime/node';
import { grpcJsMessages } from '@connect-migrate/runtime/grpc-js';
import { Log } from './gen/log_pb';
import { type Entry, LogService } from './old/log';

interface Sink { info(entry: Entry): void }
const client = createClient(Log, createGrpcTransport({ baseUrl: 'http://localhost:1' }), { messages: grpcJsMessages(LogService) });
export const send = (entry: Entry) => client.send(entry);
export const info = (entry: Entry) => client.info(entry);
export function tell(sink: Sink, entry: Entry): void { sink.info(entry); console.info(entry); }
`;
  using project = typedProject("ts-proto", { "client.ts": code, "proto/log.proto": proto });
  const { files, findings } = await migrateMessages(project.root);
  expect(findings.map(({ outcome, reason }) => [outcome, reason?.text])).toEqual([["idiomatic", undefined]]);
  expect(files["client.ts"]).toContain("(entry: Entry) => client.send(entry);");
  expect(files["client.ts"]).toContain("(entry: Entry) => client.info(entry);");
  expect(files["client.ts"]).toContain("sink.info(entry); console.info(tsProtoObject(EntrySchema, entry))");
});
