import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { globSync } from "tinyglobby";
import { beforeAll, describe, expect, it } from "vitest";
import { tempProject } from "../generate/testing/temp-project.js";
import { type MigratedMessages, migrateMessages } from "./testing/migrate-messages.js";

const fixture = resolve(import.meta.dirname, "../../fixtures/messages/proto-loader-native");
const textsOf = (directory: string): Record<string, string> =>
  Object.fromEntries(
    globSync("**/*.js", { cwd: directory, ignore: ["gen/**"] }).map((name) => [
      name,
      readFileSync(join(directory, name), "utf8"),
    ]),
  );

describe("the fixture", () => {
  it("before becomes after, and after stays", async () => {
    const first = await migrateMessages(join(fixture, "before"));
    expect(first.findings.map(({ outcome, rpc }) => [outcome, rpc])).toEqual([
      ["idiomatic", "warehouse.v1.Warehouse"],
      ["idiomatic", "warehouse.v1.Warehouse"],
    ]);
    expect(first.files).toEqual(textsOf(join(fixture, "after")));
    const second = await migrateMessages(join(fixture, "after"));
    expect(second.files).toEqual(first.files);
    expect(second.findings).toEqual([]);
  });

  it("with CRLF, the line ends stay", async () => {
    const files = Object.fromEntries(
      Object.entries({
        ...textsOf(join(fixture, "before")),
        "proto/warehouse.proto": readFileSync(join(fixture, "before/proto/warehouse.proto"), "utf8"),
      }).map(([name, text]) => [name, text.replaceAll("\n", "\r\n")]),
    );
    using project = tempProject({ ...files, "package.json": "{}" });
    const { files: after } = await migrateMessages(project.root);
    expect(after["server.js"]).toBe(textsOf(join(fixture, "after"))["server.js"]?.replaceAll("\n", "\r\n"));
  });

  it("with --messages bridge nothing is touched", async () => {
    const { files, findings } = await migrateMessages(join(fixture, "before"), "bridge");
    expect(files).toEqual(textsOf(join(fixture, "before")));
    expect(findings).toEqual([]);
  });
});

const proto = `syntax = "proto3";
package p.v1;
import "google/protobuf/wrappers.proto";
service S { rpc Get(Req) returns (Res); rpc Feed(Req) returns (stream Res); }
enum Color { COLOR_NONE = 0; COLOR_RED = 1; }
message Req { optional string opt_text = 11; string the_name = 1; int64 big_no = 2; Color the_color = 3; Req the_child = 4; repeated Req the_list = 5; int32 small_no = 6; google.protobuf.StringValue wrapped_text = 7; oneof pick { string pick_a = 8; int64 pick_b = 9; } bytes the_bytes = 10; }
message Res { optional string opt_text = 11; map<string, Color> colors_by = 12; string the_name = 1; int64 big_no = 2; Color the_color = 3; Req the_req = 4; repeated string the_names = 5; int32 small_no = 6; google.protobuf.StringValue wrapped_text = 7; oneof pick { string pick_a = 8; int64 pick_b = 9; } }
`;
const options = "{ keepCase: true, longs: String, enums: String, defaults: true, oneofs: true }";
const program = (handler: string, loaderOptions = options) => `const protoLoader = require('@grpc/proto-loader');
const { grpcJsMessages } = require('@connect-migrate/runtime/grpc-js');
const { S } = require('./gen/s_pb.js');
const other = require('other');
const definition = protoLoader.loadSync(__dirname + '/s.proto', ${loaderOptions});
const store = new Map();
${handler}
module.exports = (router) => router.service(S, { get }, { messages: grpcJsMessages(definition['p.v1.S']) });
`;

describe("what loaded the definition", () => {
  const loads = (more: string) =>
    program(`const get = (req) => ({ the_name: req.the_name });${more}`)
      .replace(
        "const definition = protoLoader.loadSync(",
        "const grpc = require('@grpc/grpc-js');\nconst { S: Old } = grpc.loadPackageDefinition(protoLoader.loadSync(",
      )
      .replace(`${options});`, `${options})).p.v1;`)
      .replace("definition['p.v1.S']", "Old.service");

  it.each([
    ["goes where nothing else needs it", "", false],
    ["stays where something does", "\nconst client = new Old('localhost:1', grpc.credentials.createInsecure());", true],
  ])("%s", async (_name, more, stays) => {
    using project = tempProject({ "package.json": "{}", "s.proto": proto, "server.js": loads(more) });
    const text = (await migrateMessages(project.root)).files["server.js"] ?? "";
    expect(text).toContain("router.service(S, { get });");
    expect(text.includes("loadPackageDefinition")).toBe(stays);
  });

  const finder =
    "class Finder { constructor() { console.log('made'); } find(name) { const file = __dirname + name; return file; } }";
  const placed = (place: string, more = "") =>
    `${more}\nconst PROTO = ${place};\n${program("const get = (req) => ({ the_name: req.the_name });")}`.replace(
      "__dirname + '/s.proto'",
      "PROTO",
    );
  it.each([
    ["what only joins a path goes", placed("fileOf('s')", "const fileOf = (name) => __dirname + '/' + name;"), false],
    ["a constructor may do anything", placed("new Finder().find('s')", finder), true],
    [
      "what is kept is not only read",
      placed("fileOf('s')", "let last;\nfunction fileOf(name) { return (last = __dirname + name); }"),
      true,
    ],
  ])("%s", async (_name, source, stays) => {
    using project = tempProject({ "package.json": "{}", "s.proto": proto, "server.js": source });
    const text = (await migrateMessages(project.root)).files["server.js"] ?? "";
    expect(text).toContain("router.service(S, { get });");
    expect(text.includes("const PROTO")).toBe(stays);
  });

  it.each([
    ["the environment", "process.env.PROTO", "process.env"],
    [
      "the environment, with a default",
      "process.env.PROTO || require('path').join(__dirname, 's.proto')",
      "process.env",
    ],
    ["a part of the path", "require('path').join(folder, 's.proto')", "process.env"],
    ["the command line", "process.argv[2]", "process.argv"],
    ["a file that is read", "require('fs').readFileSync('which.txt', 'utf8')", "require('fs').readFileSync("],
    ["a folder that is read and not known", "fs.readdirSync(folder).map((name) => join(folder, name))", "process.env"],
    [
      "a folder with others in it",
      "fs.readdirSync('../').filter((name) => name.endsWith('.proto'))",
      "fs.readdirSync(",
    ],
    ["a glob", "require('glob').sync(__dirname + '/**/*.proto')", "require('glob').sync("],
    ["a variable that changes", "chosen", "chosen"],
    ["another container", "'/srv/protos/s.proto'", "/srv/protos/s.proto"],
    [
      "another container, or here",
      "fs.existsSync('/srv') ? '/srv/protos/s.proto' : join(__dirname, 's.proto')",
      "/srv/protos/s.proto",
    ],
    ["a function that may be called elsewhere", "where(file)", "file"],
  ])("nobody knows where it comes from %s: its own functions stay", async (_name, place, from) => {
    const more =
      "const fs = require('fs'); const { join } = require('path'); const where = (path) => join(__dirname, path); let chosen = 's.proto'; exports.choose = (file) => { chosen = file; };";
    const source = placed(
      place,
      `const folder = process.env.PROTOS ?? __dirname;\n${more}\nlet file; exports.use = (name) => { file = name; };`,
    );
    using project = tempProject({ "package.json": "{}", "s.proto": proto, "server.js": source });
    const { files, findings } = await migrateMessages(project.root);
    expect(files["server.js"]).toBe(source);
    expect(findings.map(({ outcome, reason }) => [outcome, reason?.text])).toEqual([
      ["bridged", expect.stringContaining(`the path of the .proto comes from ${from}`)],
    ]);
  });

  const loadsFrom = (path: string, more: string) =>
    program("const get = (req) => ({ the_name: req.the_name });").replace(
      /const definition = .*;/,
      `const { join } = require('path');\nconst fs = require('fs');\n${more}\nconst definition = load(${path});`,
    );
  const load = `const load = (file) => protoLoader.loadSync(file, ${options});`;
  it.each([
    ["the parameter of a function all of whose calls are here", loadsFrom("join(__dirname, 's.proto')", load)],
    [
      "all files of a folder",
      loadsFrom(
        "files.map((name) => join(dir, name))",
        `${load}
const dir = join(__dirname, '.');
const files = fs.readdirSync(dir).filter((name) => name.endsWith('.proto'));`,
      ),
    ],
    [
      "a list of files",
      loadsFrom("[join(__dirname, 's.proto'), join(dir, 'more.proto')]", `${load}\nconst dir = __dirname;`),
    ],
    [
      "one of a configuration",
      loadsFrom("config.protos.main", `${load}\nconst config = { protos: { main: join(__dirname, 's.proto') } };`),
    ],
    ["a build's copy", loadsFrom("join(__dirname, 'build/s.proto')", load)],
    ["a package", loadsFrom("[require('some-protos').path, join(__dirname, 's.proto')]", load)],
  ])("%s says which file it is: native", async (_name, source) => {
    using project = tempProject({
      "package.json": "{}",
      "s.proto": proto,
      "more.proto": "syntax = 'proto3';",
      "server.js": source,
    });
    const { findings } = await migrateMessages(project.root);
    expect(findings.map(({ outcome, reason }) => [outcome, reason?.text])).toEqual([["idiomatic", undefined]]);
  });

  const serves = (file: string, more: string) =>
    program("const get = (req) => ({ the_name: req.the_name });")
      .replace(/const definition = .*;/, "")
      .replace(
        "module.exports = (router) => router",
        `${more}\nfunction serve(file) { const definition = protoLoader.loadSync(${file}, ${options});\nreturn (router) => router`,
      )
      .concat("}\nmodule.exports = { serve };\n");
  it.each([
    ["of a function that nobody here calls", serves("file", ""), "the parameter file"],
    ["of one that is called with it", serves("file", "serve(process.env.WHERE);"), "process.env"],
    ["of one that is called with nothing", serves("file", "serve();"), "the parameter file"],
    [
      "of one that other code is given",
      serves("file", "serve(__dirname + '/s.proto');\nother(serve);"),
      "the parameter file",
    ],
    [
      "a property of which is the path",
      serves("file.proto", "serve({ proto: __dirname + '/s.proto' });\nserve({ proto: other });"),
      "file.proto",
    ],
  ])("a path that is a parameter %s is not known", async (_name, source, from) => {
    using project = tempProject({ "package.json": "{}", "s.proto": proto, "server.js": source });
    const { files, findings } = await migrateMessages(project.root);
    expect(files["server.js"]).toBe(source);
    expect(findings.map(({ outcome, reason }) => [outcome, reason?.text])).toEqual([
      ["bridged", expect.stringContaining(`the path of the .proto comes from ${from}`)],
    ]);
  });

  it("a parameter for which all calls here pass a file of the project is known", async () => {
    const source = serves("file", "serve(__dirname + '/s.proto');\nserve(require('path').join(__dirname, 's.proto'));");
    using project = tempProject({ "package.json": "{}", "s.proto": proto, "server.js": source });
    const { findings } = await migrateMessages(project.root);
    expect(findings.map(({ outcome }) => outcome)).toEqual(["idiomatic"]);
  });
});

describe("handlers on a class", () => {
  const server = (members: string) =>
    program("").replace("{ get }", "new Impl()").replace("const store", `class Impl {\n${members}\n}\nconst store`);

  it("are followed like others", async () => {
    using project = tempProject({
      "package.json": "{}",
      "s.proto": proto,
      "server.js": server(
        "  get(req) { return { the_name: req.the_name, big_no: req.big_no }; }\n  async *feed({ big_no }) { yield { big_no }; }",
      ),
    });
    const { files, findings } = await migrateMessages(project.root);
    expect(findings.map(({ outcome, reason }) => [outcome, reason?.text])).toEqual([["idiomatic", undefined]]);
    expect(files["server.js"]).toContain("get(req) { return { theName: req.theName, bigNo: req.bigNo }; }");
    expect(files["server.js"]).toContain("async *feed({ bigNo: big_no }) { yield { bigNo: big_no }; }");
    expect(files["server.js"]).toContain("router.service(S, new Impl());");
  });

  it.each([
    ["  get(req) { return {}; }", /Feed is not among the methods/],
    ["  get(req) { return {}; }\n  async *feed(req) { yield this.get(req); }", /called as a method|nothing proves/],
    [
      "  get(req) { return this.make(req); }\n  make(req) { return {}; }\n  async *feed(req) {}\n  static other = other(Impl.prototype.make);",
      /may be a use of it/,
    ],
  ])("%s", async (members, why) => {
    const text = server(members);
    using project = tempProject({ "package.json": "{}", "s.proto": proto, "server.js": text });
    const { files, findings } = await migrateMessages(project.root);
    expect(files["server.js"]).toBe(text);
    expect(findings[0]?.reason?.text).toMatch(why);
  });
});

it.each([
  [
    "an empty object in place of a request, which is never needed",
    "server.js",
    program("function get(req) { const { the_name, big_no } = req || {}; return { the_name, big_no }; }"),
    ["const { theName: the_name, bigNo: big_no } = req || {}; return { theName: the_name, bigNo: big_no }"],
  ],
  [
    "values that are written out where a message is made, beside others of the field that are converted",
    "server.js",
    program(`function get(req) {
  const notes = [{ the_child: { small_no: 1 } }, { the_child: { small_no: -2 } }];
  const the_list = [{ small_no: store.get(1) }];
  for (let i = 0; i < notes.length; i++) {
    const note = notes[i];
    if (note.the_child.small_no > 0) the_list.push(note);
  }
  return { the_req: { the_list } };
}`),
    [
      "theChild: { smallNo: -2 } }]",
      "{ smallNo: store.get(1) | 0 }",
      "if (note.theChild.smallNo > 0) the_list.push(note)",
    ],
  ],
  [
    "handlers that are named as in the .proto",
    "server.js",
    program("async function Get(req) { return { the_name: req.the_name }; }").replace("{ get }", "{ Get }"),
    ["router.service(S, { get: Get });", "async function Get(req) { return { theName: req.theName }; }"],
  ],
  [
    "annotations that say nothing",
    "server.ts",
    program(`async function get(req: any): Promise<any> { const child: any = req.the_child; return { the_req: child }; }
async function* feed(req: any): AsyncGenerator<any> { for (const { the_name } of req.the_list as any) yield { the_name }; }`).replace(
      "{ get }",
      "{ get, feed }",
    ),
    [
      "get(req: any): Promise<any> { const child: any = req.theChild; return { theReq: child }",
      "for (const { theName: the_name } of req.theList as any) yield { theName: the_name };",
    ],
  ],
  [
    "a message that functions are given, or that a loop takes out of a list of them",
    "server.js",
    program(`function get(req) { return wrap(child(req), { the_name: 'x', pick: 'pick_a', pick_a: 'y' }); }
const child = (req) => (req.small_no ? { the_name: 'a', the_child: req.big_no === '1' ? {} : null } : null);
const all = (req) => [{ the_name: 'b' }];
function wrap(one, other) { if (!one) return { the_req: other }; return { the_name: 'c', the_req: { the_list: [one, other] } }; }
async function* feed(req) { for (const one of all(req)) yield one; }`).replace("{ get }", "{ get, feed }"),
    [
      "{ theName: 'x', pick: { case: 'pickA', value: 'y' } }",
      "theChild: String(req.bigNo) === '1' ? {} : undefined } : null",
    ],
  ],
  [
    "methods and properties of objects, and what exports has",
    "server.js",
    program(`class Rows { named(name) { return { the_name: String(name), the_child: maker.child(name) }; } }
const maker = { child: (name) => ({ the_name: String(name) }), async *all(name) { yield maker.make(name); }, make(name) { return { the_name: String(name) }; } };
exports.nameOf = function (req) { return req.the_name; };
function get(req) { return { the_req: new Rows().named(exports.nameOf(req)) }; }
function feed(req) { return maker.all(req.the_name); }`).replace("{ get }", "{ get, feed }"),
    ["{ theName: String(name), theChild: maker.child(name) }", "child: (name) => ({ theName: String(name) })"],
  ],
  [
    "types that the program has of messages, or writes out",
    "server.ts",
    program(`interface Reply { the_name?: string; the_names?: string[] }
async function get(req: { the_name: string; the_child: any }): Promise<Reply> { const reply: Reply = { the_name: req.the_name }; return reply; }
async function* feed(req: any): AsyncGenerator<Reply> { yield { the_name: nameOf(req.the_child) }; }
const nameOf = (child: { the_name: string } | null): string => child ? child.the_name : 'none';`).replace(
      "{ get }",
      "{ get, feed }",
    ),
    [
      "async function get(req: Req): Promise<MessageInitShape<typeof ResSchema>> { const reply: MessageInitShape<typeof ResSchema> = { theName: req.theName }",
      "(child: Req | null): string => child ? child.theName",
    ],
  ],
  [
    "a new id, which is read again of what is kept",
    "server.js",
    program(`const { randomUUID } = require('node:crypto');
const uuid = require('uuid');
let kept = [];
function get(req) {
  const one = { the_name: randomUUID(), opt_text: uuid.v4() };
  kept.push(one);
  kept = kept.filter((each) => each.the_name !== req.the_name && each.opt_text !== 'x');
  return one;
}`),
    [
      "const one = { theName: randomUUID(), optText: uuid.v4() };",
      "kept = kept.filter((each) => each.theName !== req.theName && each.optText !== 'x');",
    ],
  ],
  [
    "a stream that messages of the program's own type are pushed into",
    "server.ts",
    program(`import { createPushStream } from '@connect-migrate/runtime';
interface Reply { the_name: string }
function get(req: { the_name: string }): Reply | Promise<Reply> { return new Promise((resolve) => resolve({ the_name: req.the_name })); }
function feed(req: { the_name: string }): AsyncIterable<Reply> { return createPushStream<Reply>((output) => { output.write({ the_name: req.the_name }); output.end(); }); }`).replace(
      "{ get }",
      "{ get, feed }",
    ),
    [
      "function get(req: Req): MessageInitShape<typeof ResSchema> | Promise<MessageInitShape<typeof ResSchema>> {",
      "function feed(req: Req): AsyncIterable<MessageInitShape<typeof ResSchema>> { return createPushStream<MessageInitShape<typeof ResSchema>>((output) => { output.write({ theName: req.theName });",
    ],
  ],
  [
    "a list that is summed up",
    "server.js",
    program("const get = (req) => ({ small_no: req.the_list.reduce((sum, each) => sum + each.small_no, 0) });"),
    ["smallNo: req.theList.reduce((sum, each) => sum + each.smallNo, 0) | 0"],
  ],
  [
    "a number that another value stands for in an optional string",
    "server.js",
    program("const get = (req) => ({ opt_text: req.small_no || req.opt_text });"),
    ["optText: (req.smallNo || req.optText)?.toString()"],
  ],
  [
    "a list in whose place an empty one stands",
    "server.js",
    program("const get = (req) => ({ the_names: (req.the_list || []).map((each) => each.the_name) });"),
    ["theNames: (req.theList || []).map((each) => each.theName)"],
  ],
  [
    "a message in a field where another one is there",
    "server.js",
    program("const get = ({ the_child }) => ({ the_req: the_child && { the_name: the_child.the_name } });"),
    ["({ theReq: the_child && { theName: the_child.theName } })"],
  ],
  [
    "a message that is spread",
    "server.js",
    program("const get = (req) => ({ the_req: { ...req, the_name: 'x', big_no: 5 } });"),
    [
      "{ theReq: { optText: req.optText, theColor: req.theColor, theChild: req.theChild, theList: req.theList, smallNo: req.smallNo, wrappedText: req.wrappedText, pick: req.pick, theBytes: req.theBytes, theName: 'x', bigNo: 5n } }",
    ],
  ],
  [
    "numbers and texts that are added up in a reply",
    "server.js",
    program(`function get(req) { const reply = { small_no: 0, the_name: '' };
for (const each of req.the_list) { reply.small_no += each.small_no; reply.the_name += each.the_name; }
return reply; }`),
    ["reply.smallNo = (reply.smallNo + each.smallNo) | 0; reply.theName += each.theName;"],
  ],
  [
    "types of proto-loader-gen-types that are made anew for each build",
    "server.ts",
    program(`import type { Req__Output } from './pb/p/v1/Req';
import { Res, Res__Output } from './pb/p/v1/Res.js';
async function get(req: Req__Output): Promise<Res | undefined> { return new Promise<Res__Output>((resolve) => resolve({ the_name: req.the_name })); }`),
    [
      "async function get(req: Req): Promise<MessageInitShape<typeof ResSchema> | undefined> { return new Promise<MessageInitShape<typeof ResSchema>>((resolve) => resolve({ theName: req.theName })); }",
    ],
  ],
  [
    "a value in a variable with a type",
    "server.ts",
    program("async function get(req: any) { const big: string = req.big_no; return { the_name: big }; }"),
    ["const big: string = String(req.bigNo); return { theName: big }"],
  ],
])("followed are %s", async (_name, file, text, expected) => {
  using project = tempProject({ "package.json": "{}", "s.proto": proto, [file]: text });
  const { files, findings } = await migrateMessages(project.root);
  expect(findings.map(({ outcome, reason }) => [outcome, reason?.text])).toEqual([["idiomatic", undefined]]);
  for (const each of expected) expect(files[file]).toContain(each);
});

it.each([
  [
    "async function get(req: Record<string, any>) { return { the_name: req.the_name }; }",
    /a type annotation names the old/,
  ],
  [
    "import { Req__Output } from './own/Reqs';\nasync function get(req: Req__Output) { return { the_name: req.the_name }; }",
    /a type annotation names the old/,
  ],
  [
    "async function get(req: any): Promise<{ the_name: string } & object> { return { the_name: req.the_name }; }",
    /type of a result/,
  ],
  [
    "async function get(req: any) { const { the_name } = req.the_child || {}; return { the_name }; }",
    /goes where|where this message comes from/,
  ],
])("not followed: %s", async (handler, why) => {
  using project = tempProject({ "package.json": "{}", "s.proto": proto, "server.ts": program(handler) });
  const { files, findings } = await migrateMessages(project.root);
  expect(findings[0]?.reason?.text).toMatch(why);
  expect(files["server.ts"]).toBe(program(handler));
});

describe("replies that are made later", () => {
  const server = (code: string) => program(code).replace("{ get }", "{ get, feed }");
  const migrated = async (code: string) => {
    using project = tempProject({ "package.json": "{}", "s.proto": proto, "server.js": server(code) });
    return await migrateMessages(project.root);
  };

  it("settle a promise or are pushed into a stream", async () => {
    const { files, findings } = await migrated(`function get(req) {
  if (req.small_no === 0) return new Promise((resolve) => setTimeout(() => resolve({ the_name: req.the_name }), 1));
  return later(req);
}
const later = (req) => new Promise((done, fail) => {
  other((err) => (err ? fail(err) : done({ big_no: '7' })));
});
function feed(req) {
  return createPushStream((output) => {
    const timer = setInterval(() => output.write({ the_name: req.the_name, pick_b: '1' }), 1);
    other((err) => { clearInterval(timer); if (err) output.fail(err); else output.end(); });
  });
}`);
    expect(findings.map(({ outcome, reason }) => [outcome, reason?.text])).toEqual([["idiomatic", undefined]]);
    expect(files["server.js"]).toContain("resolve({ theName: req.theName })");
    expect(files["server.js"]).toContain("done({ bigNo: 7n })");
    expect(files["server.js"]).toContain("output.write({ theName: req.theName, pick: { case: 'pickB', value: 1n } })");
  });

  it("are pushed behind what a generator yields", async () => {
    const { files, findings } = await migrated(`function get(req) { return {}; }
async function* feed(req) {
  yield { the_name: 'a' };
  yield* createPushStream((output) => other(() => output.write({ the_name: 'b' })));
}`);
    expect(findings.map(({ outcome, reason }) => [outcome, reason?.text])).toEqual([["idiomatic", undefined]]);
    expect(files["server.js"]).toContain("output.write({ theName: 'b' })");
  });

  const get = "function get(req) { return {}; }\n";
  const feed = "async function* feed(req) { yield {}; }\n";
  const refused: [code: string, why: RegExp][] = [
    [`${feed}function get(req) { return new Promise((resolve) => other(resolve)); }`, /settles a promise is handed on/],
    [`${feed}function get(req) { return new Promise((resolve) => resolve(store.get(1))); }`, /nothing proves/],
    [`${feed}function get(req) { return new Promise((resolve) => resolve()); }`, /gets no reply/],
    [`${feed}function get(req) { return new Promise(other.run); }`, /value cannot be seen/],
    [
      `${get}function feed(req) { return createPushStream((output) => other(output)); }`,
      /stream of replies is handed on/,
    ],
    [`${get}function feed(req) { return createPushStream(other.start); }`, /messages cannot be seen/],
    [`${get}function feed(req) { return other.stream(req.the_name); }`, /made elsewhere/],
    [`${get}async function* feed(req) { yield* other.stream(req.the_name); }`, /yielded here is not followed/],
  ];
  it("stay on the bridge where one cannot be seen", async () => {
    const texts = Object.fromEntries(refused.map(([code], index) => [`case-${index}.js`, server(code)]));
    using project = tempProject({ "package.json": "{}", "s.proto": proto, ...texts });
    const { files, findings } = await migrateMessages(project.root);
    expect(files).toEqual(texts);
    for (const [index, [, why]] of refused.entries())
      expect(findings.find(({ file }) => file.endsWith(`/case-${index}.js`))?.reason?.text).toMatch(why);
  });
});

describe("clients", () => {
  const client = (text: string) => `const protoLoader = require('@grpc/proto-loader');
const { createClient } = require('@connect-migrate/runtime');
const { grpcJsMessages } = require('@connect-migrate/runtime/grpc-js');
const { S } = require('./gen/s_pb.js');
const definition = protoLoader.loadSync(__dirname + '/s.proto', ${options});
const client = createClient(S, transport, { messages: grpcJsMessages(definition['p.v1.S']) });
${text}`;

  it("through the project's own functions, across files", async () => {
    using project = tempProject({
      "package.json": "{}",
      "s.proto": proto,
      "client.js": client(
        "const load = (name) => client.get({ the_name: name, big_no: '7' });\nexports.load = load;\n",
      ),
      "main.js":
        "const { load } = require('./client');\nasync function main() {\n  const { big_no, the_req } = await load('x');\n  console.log(big_no, the_req === null);\n}\nmain();\n",
    });
    const { files, findings } = await migrateMessages(project.root);
    expect(findings.map(({ outcome, reason }) => [outcome, reason?.text])).toEqual([["idiomatic", undefined]]);
    expect(files["client.js"]).toContain("const load = (name) => client.get({ theName: name, bigNo: 7n });");
    expect(files["main.js"]).toContain("const { bigNo: big_no, theReq: the_req } = await load('x');");
    expect(files["main.js"]).toContain("console.log(String(big_no), the_req === undefined);");
  });

  it.each([
    ["exports.client = client;\nother(client);", /handed on/],
    [
      "const log = (next) => async (req) => {\n  console.log(req.message);\n  return await next(req);\n};",
      /interceptors look at messages/,
    ],
    [
      "async function f() { const reply = await client.get({}); other.keep(reply); return other.keep(reply); }",
      /goes where/,
    ],
    [
      "async function f() { const { the_req } = await client.get({}); await client.get(the_req.the_list.find((one) => one.small_no)); }",
      /a message that may not be there is sent/,
    ],
    [
      "async function f() { const { the_req } = await client.get({}); await client.get(the_req); }",
      /may not be there is sent/,
    ],
    ["async function f() { return client.get({}); }\nf().the_name;\nother(f());", /goes where/],
  ])("%s", async (text, why) => {
    using project = tempProject({ "package.json": "{}", "s.proto": proto, "client.js": client(text) });
    const { files, findings } = await migrateMessages(project.root);
    expect(files["client.js"]).toBe(client(text));
    expect(findings[0]?.reason?.text).toMatch(why);
  });
});

describe("all members of a oneof that are copied", () => {
  const two = proto
    .replace("bytes the_bytes = 10;", "bytes the_bytes = 10; Other the_other = 12; Wide the_wide = 13;")
    .concat("message Other { oneof source { string pick_a = 1; int64 pick_b = 2; } }\n")
    .concat("message Wide { oneof source { string pick_a = 1; int32 pick_b = 2; } }\n");
  const migrated = async (from: string) => {
    const text = `function get(req) { return { pick_a: ${from}.pick_a, pick_b: ${from}.pick_b }; }`;
    using project = tempProject({ "package.json": "{}", "s.proto": two, "server.js": program(text) });
    return await migrateMessages(project.root);
  };

  it.each([
    ["req.the_child", "req.theChild.pick"],
    ["req.the_other", "req.theOther.source"],
  ])("are the oneof of the other message, %s", async (from, expected) => {
    const { files } = await migrated(from);
    expect(files["server.js"]).toContain(`return { pick: ${expected} };`);
  });

  it("are looked at one by one where a type is another", async () => {
    const { findings } = await migrated("req.the_wide");
    expect(findings[0]?.reason?.text).toContain("a member of a oneof that may be absent");
  });
});

describe("what is not proved stays on the bridge, byte for byte, and says why", () => {
  const cases: [name: string, handler: string, why: RegExp, loaderOptions?: string][] = [
    [
      "a message of its own that is logged whole",
      "function get(req) { const res = { the_name: 'x' }; console.log(res); return res; }",
      /goes where it cannot be followed/,
    ],
    [
      "a part that is given to a function with one of its own",
      "function show(one) { console.log(one); }\nfunction get(req) { show(req); show({ the_name: 'x' }); return {}; }",
      /goes where it cannot be followed/,
    ],
    [
      "a request that unknown code gets, and that is read afterwards",
      "function get(req) { other(req); return { the_name: req.the_name }; }",
      /goes where it cannot be followed/,
    ],
    [
      "a request that is given away twice",
      "function get(req) { for (const one of [1, 2]) other(req, one); return {}; }",
      /goes where it cannot be followed/,
    ],
    [
      "a request that is given away in a callback that may run again",
      "function get(req) { other.on('x', () => other(req)); return {}; }",
      /goes where it cannot be followed/,
    ],
    [
      "a request that is read by a function after it is given away",
      "function get(req) { setTimeout(() => other(req.the_name)); other(req); return {}; }",
      /goes where it cannot be followed/,
    ],
    [
      "a request whose part has another name when it is given away",
      "function get(req) { const child = req.the_child; other(req); return { the_req: child }; }",
      /goes where it cannot be followed/,
    ],
    [
      "a copy that shares a part",
      "function get(req) { const copy = { ...req.the_child }; other(copy); return { the_req: req.the_child }; }",
      /goes where it cannot be followed/,
    ],
    ["a spread whose fields have other types", "function get(req) { return { ...req }; }", /spread/],
    [
      "a spread behind a field of the same name",
      "function get(req) { return { the_req: { the_name: other(), ...req } }; }",
      /spread/,
    ],
    [
      "a spread over what stands before it",
      "function get(req) { return { the_req: { the_name: 'x', ...req.the_child } }; }",
      /spread/,
    ],
    [
      "a spread beside another member of its oneof",
      "function get(req) { return { the_req: { ...req, pick_a: 'x' } }; }",
      /spread/,
    ],
    [
      "members of one oneof in a literal and in what is spread into it",
      "function get(req) { return { pick_a: 'x', ...(req.small_no ? { pick_b: '1' } : {}) }; }",
      /two members of the oneof/,
    ],
    [
      "what is spread under a condition, and is no message",
      "function get(req) { return { the_name: 'x', ...(req.small_no ? other() : {}) }; }",
      /spread/,
    ],
    ["two spreads", "function get(req) { return { the_req: { ...req, ...req.the_list[0] } }; }", /spread/],
    ["a computed key", "function get(req) { return { [req.the_name]: 1 }; }", /computed key/],
    ["a computed read", "function get(req) { const key = 'the_name'; return { the_name: req[key] }; }", /computed/],
    [
      "a value of unknown type that is read again",
      "function get(req) { const res = { small_no: store.get(1) }; if (res.small_no === '5') other(); return res; }",
      /converted where it is made is read again/,
    ],
    [
      "a value of unknown type in a list that is read",
      "function get(req) { const the_names = []; the_names.push(store.get(1)); return the_names.includes(5) ? {} : { the_names }; }",
      /nothing proves that this is a string/,
    ],
    [
      "a name of an enum in a map",
      "const get = (req) => ({ colors_by: { a: 'COLOR_' + req.the_name } });",
      /a name of an enum in a map/,
    ],
    [
      "bytes of unknown type",
      "function get(req) { return { the_req: { the_bytes: store.get(1) } }; }",
      /these are bytes/,
    ],
    ["a key that is no field", "function get(req) { return { theName: 'x' }; }", /no field theName/],
    ["a read that is no field", "function get(req) { return { the_name: req.theName }; }", /no field theName/],
    [
      "a number of a reply that is added to before it has one",
      "function get(req) { const reply = {}; reply.small_no += 2; return reply; }",
      /changes a value of a message in place/,
    ],
    [
      "a fraction that is added to a whole number",
      "function get(req) { const reply = { small_no: 0 }; reply.small_no += 0.5; return reply; }",
      /changes a value of a message in place/,
    ],
    [
      "a sum that is read again",
      "function get(req) { const reply = { small_no: 0 }; reply.small_no += req.small_no; if (reply.small_no > 9) reply.the_name = 'x'; return reply; }",
      /converted where it is made is read again/,
    ],
    ["a request that is added to", "function get(req) { req.small_no *= 5; return {}; }", /written to/],
    [
      "a message that is made here, in a request",
      "function get(req) { req.the_child = { the_name: 'x' }; return { the_req: req }; }",
      /made here is put into another one/,
    ],
    [
      "a value that may be absent, in a request",
      "function get(req) { req.the_name = req.opt_text; return { the_req: req }; }",
      /may be absent is put into a message/,
    ],
    [
      "a value of unknown type in a request that is read again",
      "function get(req) { req.the_name = store.get(1); return { the_name: req.the_name }; }",
      /converted where it is made is read again/,
    ],
    [
      "a number in a field of 64 bits that is read again",
      "const show = (one) => JSON.stringify(one.big_no);\nconst get = (req) => ({ the_name: show({ big_no: 5 }) + show(req) });",
      /made in another form/,
    ],
    [
      "the number of an enum that is read again",
      "const get = (req) => { const one = { the_color: 1 }; return { the_name: '' + one.the_color, the_req: one }; };",
      /made in another form/,
    ],
    [
      "bytes of its own that are read again",
      "const hex = (one) => one.the_bytes.toString('hex');\nconst get = (req) => ({ the_name: hex(req) + hex({}) });",
      /bytes that may be absent/,
    ],
    [
      "a number that is cut where it is made, and read again",
      "const get = (req) => { const one = { small_no: req.small_no / 2 }; return { the_name: '' + one.small_no, the_req: one }; };",
      /converted where it is made is read again/,
    ],
    [
      "a value beside others that are not written out",
      "const get = (req) => { const notes = [{ small_no: 1 }, { small_no: store.get(2) }]; const note = notes[req.small_no]; return { the_name: '' + note.small_no, the_req: note }; };",
      /read again/,
    ],
    [
      "a value written out as what its field does not take",
      "const get = (req) => { const note = { small_no: 1.5 }; return { the_name: '' + note.small_no, the_req: note }; };",
      /read again/,
    ],
    [
      "a value of a list that others may add to",
      "const get = (req) => { const notes = [{ small_no: 1 }]; notes.push({ small_no: store.get(2) }); const note = notes[req.small_no]; return { the_name: '' + note.small_no, the_req: note }; };",
      /read again/,
    ],
    [
      "a value of a list whose elements change",
      "const get = (req) => { const notes = [{ small_no: 1 }]; notes[0] = { small_no: store.get(2) }; const note = notes[req.small_no]; return { the_name: '' + note.small_no, the_req: note }; };",
      /written to/,
    ],
    [
      "a value of a message that gets another part",
      "const get = (req) => { const note = { the_child: { small_no: 1 } }; note.the_child = { small_no: store.get(2) }; return { the_name: '' + note.the_child.small_no, the_req: note }; };",
      /read again/,
    ],
    [
      "a value of a variable that gets another message",
      "const get = (req) => { let note = { small_no: 1 }; if (req.the_name) note = { small_no: store.get(2) }; return { the_name: '' + note.small_no, the_req: note }; };",
      /read again/,
    ],
    [
      "a value that a function changes",
      "function change(one) { one.small_no = store.get(2); }\nconst get = (req) => { const note = { small_no: 1 }; change(note); return { the_name: '' + note.small_no, the_req: note }; };",
      /read again/,
    ],
    [
      "a value under another name",
      "const get = (req) => { const note = { the_child: { small_no: 1 } }; const child = note.the_child; child.small_no = store.get(2); return { the_name: '' + note.the_child.small_no, the_req: note }; };",
      /read again/,
    ],
    [
      "a oneof of a message that may be its own",
      "const show = (one) => (one.pick === 'pick_a' ? 1 : 2) + '';\nconst get = (req) => ({ the_name: show(req) + show({}) });",
      /a oneof is read of a message/,
    ],
    [
      "a member of a oneof of a message that may be its own",
      "const show = (one) => one.pick_a;\nconst get = (req) => ({ the_name: show(req) + show({}) });",
      /member of a oneof is read of a message/,
    ],
    [
      "an element that may be absent",
      "const get = (req) => ({ the_req: { the_list: [req.the_child] } });",
      /may be absent/,
    ],
    ["a member of a oneof that may be absent", "const get = (req) => ({ pick_a: req.opt_text });", /may be absent/],
    [
      "a variable that gets something else, too",
      "function get(req) { let last = req.the_child; last = store.get(1); return { the_req: last }; }",
      /nothing proves/,
    ],
    ["another message as reply, with a oneof", "function get(req) { return req; }", /no p.v1.Res/],
    [
      "an enum name that does not exist",
      "function get(req) { return { the_color: 'COLOR_BLUE' }; }",
      /no value COLOR_BLUE/,
    ],
    [
      "an enum name compared that does not exist",
      "function get(req) { return { small_no: req.the_color === 'RED' ? 1 : 2 }; }",
      /no value RED/,
    ],
    [
      "members of a oneof out of order",
      "function get(req) { const out = {}; if (req.small_no) out.pick_b = '1'; if (req.the_name) out.pick_a = 'x'; return out; }",
      /another order/,
    ],
    [
      "a member of a oneof that may be absent",
      "function get(req) { const out = {}; out.pick_a = req.the_list.length ? 'x' : undefined; return out; }",
      /may be absent/,
    ],
    ["a wrapper", "function get(req) { return { the_name: req.wrapped_text.value }; }", /may not be there/],
    [
      "a wrapper that another stands for",
      "function get(req) { return { wrapped_text: req.wrapped_text || { value: 'x' } }; }",
      /where its value is empty/,
    ],
    [
      "a wrapper as a value",
      "function get(req) { return { the_name: req.wrapped_text && req.wrapped_text.value }; }",
      /goes where|may not be there|nothing proves/,
    ],
    [
      "a wrapper with more than a value",
      "function get(req) { return { wrapped_text: { value: 'x', more: 1 } }; }",
      /something else than a value/,
    ],
    [
      "two members of a oneof",
      "function get(req) { return { pick_a: 'x', pick_b: '1' }; }",
      /two members of the oneof/,
    ],
    [
      "the name of a oneof's member as a value",
      "function get(req) { return { the_name: req.pick }; }",
      /oneof's member/,
    ],
    [
      "an int64 member of a oneof without a guard",
      "function get(req) { return { the_name: String(req.pick_b) }; }",
      /needs a conversion/,
    ],
    ["a loop over keys", "function get(req) { for (const key in req) other(key); return {}; }", /goes where/],
    ["the in operator", "function get(req) { return { small_no: 'the_name' in req ? 1 : 0 }; }", /goes where/],
    [
      "null where nothing was found",
      "function isNone(one) { return one === null; }\nfunction get(req) { return { small_no: isNone(req.the_child) || isNone(req.the_list[0]) ? 1 : 2 }; }",
      /undefined or null/,
    ],
    [
      "the rest of a request that is handed on",
      "function get({ the_name, ...rest }) { other(rest); return { the_name }; }",
      /rest of a message/,
    ],
    [
      "a message kept for later that may not be there",
      "function get(req) { store.set('last', req.the_child); return { the_req: req.the_child }; }",
      /an element that may be absent/,
    ],
    [
      "a list of a module that goes elsewhere",
      "const kept = [];\nfunction get(req) { kept.push(req); other(kept); return { the_name: req.the_name }; }",
      /goes where/,
    ],
    [
      "a list of a module that is given to something else",
      "const kept = [];\nother.keep(kept);\nfunction get(req) { kept.push(req); return { the_name: req.the_name }; }",
      /goes where/,
    ],
    [
      "a list of a module that gets what may not be there",
      "const kept = [];\nfunction get(req) { kept.push(req, kept.find((one) => one.small_no > 1)); return {}; }",
      /an element that may be absent/,
    ],
    [
      "a promise of what may not be found, in a handler that does not wait",
      "const kept = {};\nasync function find(key) { return kept[key]; }\nfunction get(req) { kept[req.the_name] = { the_name: 'x' }; return find('y'); }",
      /may not be there is sent/,
    ],
    [
      "an optional string that is no null, and may be undefined",
      "function get(req) { return req.opt_text !== null ? { pick_a: req.opt_text } : {}; }",
      /may be absent/,
    ],
    [
      "an optional string in a variable that is no null, and may be undefined",
      "function get(req) { const { opt_text } = req; if (opt_text === null) return {}; return { pick_a: opt_text }; }",
      /may be absent/,
    ],
    [
      "messages of two types in a Map of a module",
      "const kept = new Map();\nfunction get(req) { kept.set(1, req); return kept.has(2) ? kept.get(1) : {}; }",
      /this is no p.v1.Res/,
    ],
    [
      "null in a message that is kept",
      "const kept = [];\nfunction get(req) { kept.push(req, { the_name: 'x' }); return { small_no: kept[0].the_child === null ? 1 : 0 }; }",
      /undefined or null/,
    ],
    [
      "a number that is kept and shown as the text that it would have been",
      "const kept = [];\nfunction get(req) { kept.push(req, { big_no: 5 }); return { the_name: JSON.stringify(kept[0].big_no) + '!' }; }",
      /read again/,
    ],
    [
      "a list that others fill",
      "function get(req) { const the_names = []; other(the_names); return { the_names }; }",
      /handed on/,
    ],
    [
      "a list with unknown elements",
      "function get(req) { const the_names = []; the_names[0] = 5; return { the_names }; }",
      /handed on/,
    ],
    [
      "a handler that is also a function",
      "function get(req) { return {}; }\nget({ the_name: 'x' });",
      /called as a function/,
    ],
    [
      "a helper that is handed on",
      "function f(r) { return r.the_name; }\nother(f);\nfunction get(req) { return { the_name: f(req) }; }",
      /handed on/,
    ],
    [
      "a method that is taken out of its object",
      "const help = { f(r) { return r.the_name; } };\nconst { f } = help;\nother(f);\nfunction get(req) { return { the_name: help.f(req) }; }",
      /may be a use of it/,
    ],
    [
      "a method of a name that something unknown has",
      "const help = { f(r) { return r.the_name; } };\nstore.get(1).f({ the_name: 'x' });\nfunction get(req) { return { the_name: help.f(req) }; }",
      /may be a use of it/,
    ],
    [
      "a method of an object that is handed on",
      "const help = { f(r) { return r.the_name; } };\nother(help);\nfunction get(req) { return { the_name: help.f(req) }; }",
      /may be a use of it/,
    ],
    [
      "a method of a class that calls its methods by names",
      "class A { f(r) { return r.the_name; } any(name, r) { return this[name](r); } }\nfunction get(req) { return { the_name: new A().f(req) }; }",
      /may be a use of it/,
    ],
    [
      "a method that another class may have instead",
      "class A { f(r) { return r.the_name; } }\nclass B extends A {}\nfunction get(req) { return { the_name: new A().f(req) }; }",
      /may be a use of it/,
    ],
    [
      "a helper that others call",
      "function f(r) { return r.the_name; }\nf({ name: 'x' });\nfunction get(req) { return { the_name: f(req) }; }",
      /no field name/,
    ],
    ["a wrapped handler", "const get = other.wrap((req) => ({}));", /no function that can be seen/],
    [
      "a bridged handler",
      "const { fromCallback } = require('@connect-migrate/runtime/grpc-js');\nconst get = fromCallback((call, cb) => cb(null, {}));",
      /no function that can be seen/,
    ],
    [
      "Long objects",
      "function get(req) { return { the_name: other(req.big_no) }; }",
      /a Long is used in a way/,
      "{ keepCase: true, enums: String, defaults: true, oneofs: true }",
    ],
    ["no defaults", "function get(req) { return {}; }", /without defaults/, "{ keepCase: true, longs: String }"],
    [
      "base64 bytes",
      "function get(req) { return {}; }",
      /option bytes/,
      "{ keepCase: true, defaults: true, bytes: String }",
    ],
    ["options that are not constant", "function get(req) { return {}; }", /not constant/, "other.options"],
  ];
  // One project with a file per case: an analysis costs a second, whatever its size.
  const texts = Object.fromEntries(
    cases.map(([, handler, , own], index) => [`case-${index}.js`, program(handler, own)]),
  );
  let migrated: MigratedMessages;
  beforeAll(async () => {
    using project = tempProject({ "package.json": "{}", "s.proto": proto, ...texts });
    migrated = await migrateMessages(project.root);
  });

  it.each(cases.map(([name, , why], index) => [name, `case-${index}.js`, why] as const))("%s", (_name, file, why) => {
    expect(migrated.files[file]).toBe(texts[file]);
    const findings = migrated.findings.filter((finding) => finding.file.endsWith(`/${file}`));
    expect(findings).toMatchObject([{ outcome: "bridged", rpc: "p.v1.S", reason: { code: "message-unproved" } }]);
    expect(findings[0]?.reason?.text).toMatch(why);
  });

  it("with --messages native that is an error", async () => {
    using project = tempProject({
      "package.json": "{}",
      "s.proto": proto,
      "server.js": program("function get(req) { return { ...req }; }"),
    });
    expect((await migrateMessages(project.root, "native")).findings[0]?.outcome).toBe("failed");
  });
});
