import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { globSync } from "tinyglobby";
import { describe, expect, it } from "vitest";
import { tempProject } from "../generate/testing/temp-project.js";
import { options, program, proto } from "./testing/loader-source.js";
import { migrateMessages } from "./testing/migrate-messages.js";

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
    ["{ theReq: { ...req, theName: 'x', bigNo: 5n } }"],
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
