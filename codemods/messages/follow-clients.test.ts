import { describe, expect, it } from "vitest";
import { tempProject } from "../generate/testing/temp-project.js";
import { migrateMessages } from "./testing/migrate-messages.js";

const proto = `syntax = "proto3";
package p.v1;
service S { rpc Get(Req) returns (Res); rpc Put(Res) returns (Res); rpc Feed(Req) returns (stream Res); }
service T { rpc Get(Req) returns (Res); }
message Req { string the_name = 1; int64 big_no = 2; }
message Res { string the_name = 1; int64 big_no = 2; }
`;
const head = `const protoLoader = require('@grpc/proto-loader');
const { createClient } = require('@connect-migrate/runtime');
const { grpcJsMessages, asGrpcJsClient } = require('@connect-migrate/runtime/grpc-js');
const { S, T } = require('./gen/s_pb.js');
const definition = protoLoader.loadSync(__dirname + '/s.proto', { keepCase: true, longs: String, enums: String, defaults: true, oneofs: true });
`;
const made = (service = "S") =>
  `createClient(${service}, transport, { messages: grpcJsMessages(definition['p.v1.${service}']) })`;

async function migrated(files: Record<string, string>) {
  using project = tempProject({ "package.json": "{}", "s.proto": proto, ...files });
  return await migrateMessages(project.root);
}

describe("a client", () => {
  it("is followed through functions that are given it, one or several", async () => {
    const { files, findings } = await migrated({
      "main.js": `${head}async function show(client, name) { const reply = await client.get({ the_name: name }); console.log(reply.big_no); }
async function many(client, count) { for (let i = 0; i < count; i++) await show(client, 'x'); }
function later(client) {
  return new Promise((resolve, reject) => {
    (async () => {
      let reply;
      try { reply = await client.get({}); } catch (error) { reject(error); return; }
      resolve(reply);
    })();
  });
}
async function main() {
  const one = ${made()};
  let two;
  two = ${made()};
  await many(one, 2);
  await many(two, 2);
  const { big_no } = await later(one);
  console.log(big_no);
  await asGrpcJsClient(one).waitForReady(5, () => {});
  waitForClientReady(one, 5, () => {});
  const perhaps = await one.get({}).catch(() => undefined);
  console.log(perhaps, perhaps !== undefined);
  const held = two.get({ big_no: '1' });
  held.then((reply) => console.log(reply.the_name), () => {});
  const noOf = () => two.get({}).then((reply) => reply.big_no).then((no) => no.length).catch(() => 0);
  console.log(await held, await noOf());
}`,
    });
    expect(findings.map(({ outcome, reason }) => [outcome, reason?.text])).toEqual([
      ["idiomatic", undefined],
      ["idiomatic", undefined],
    ]);
    expect(files["main.js"]).toContain("client.get({ theName: name }); console.log(String(reply.bigNo));");
    expect(files["main.js"]).toContain("const { bigNo: big_no } = await later(one);");
    const whole = "{ keepCase: true, longs: String, enums: String, oneofs: true }";
    expect(files["main.js"]).toContain(
      `console.log(protoLoaderObject(ResSchema, perhaps, ${whole}), perhaps !== undefined);`,
    );
    expect(files["main.js"]).toContain("held.then((reply) => console.log(reply.theName), () => {});");
    expect(files["main.js"]).toContain(
      `console.log(protoLoaderObject(ResSchema, await held, ${whole}), await noOf());`,
    );
    expect(files["main.js"]).toContain("then((reply) => String(reply.bigNo)).then((no) => no.length)");
    expect(files["main.js"]).toContain("const one = createClient(S, transport);");
    expect(files["main.js"]).toContain("two = createClient(S, transport);");
  });

  it("is followed through modules, fields and functions that make it", async () => {
    const { files, findings } = await migrated({
      "whole.js": `${head}module.exports = ${made()};`,
      "user.js":
        "const client = require('./whole');\nclient.get({ the_name: 'x' }).then((reply) => console.log(reply.the_name));\n",
      "helper.js":
        "module.exports = function nameOf(reply, again) { return again ? nameOf(reply) : reply.the_name; };\n",
      "user2.js":
        "const client = require('./whole');\nconst nameOf = require('./helper');\nclient.get({}).then((reply) => { nameOf(reply); });\n",
      "factory.js": `${head}function connect() { return ${made()}; }
async function main() { const client = connect(); if (client) console.log(require('./helper')(await client.get({ big_no: 7 }))); }`,
      "holder.js": `${head}class Holder {
  constructor() { this.onlyHere = ${made()}; }
  async other() { return (await this.onlyHere.get({ the_name: 'x' })).big_no; }
}`,
    });
    expect(findings.map(({ outcome, reason }) => [outcome, reason?.text])).toEqual(
      Array.from({ length: 3 }, () => ["idiomatic", undefined]),
    );
    expect(files["user.js"]).toContain("client.get({ theName: 'x' }).then((reply) => console.log(reply.theName));");
    expect(files["factory.js"]).toContain("console.log(require('./helper')(await client.get({ bigNo: 7n })))");
    expect(files["helper.js"]).toContain(": reply.theName;");
    expect(files["holder.js"]).toContain("String((await this.onlyHere.get({ theName: 'x' })).bigNo)");
  });

  it("is followed into classes that are given it", async () => {
    const { files, findings } = await migrated({
      "whole.js": `${head}module.exports = ${made()};`,
      "user.js": `class User {
  constructor(db, client) { this.db = db; this._client = client; }
  async name() { const self = this; return (await self._client.get({ the_name: 'x' })).the_name; }
  order() { return new Order(this.db, this._client); }
}
class Order {
  constructor(db, client) { this._client = client; }
  async big() { return (await this._client.get({ big_no: 5 })).big_no; }
}
module.exports = { User };
`,
      "main.js":
        "const client = require('./whole');\nconst { User } = require('./user');\nconst one = new User(null, client);\nconst two = new User(null, client);\n",
      "typed.ts":
        "import { createClient } from '@connect-migrate/runtime';\nimport { grpcJsMessages } from '@connect-migrate/runtime/grpc-js';\nimport protoLoader from '@grpc/proto-loader';\nimport { S } from './gen/s_pb.js';\nconst definition = protoLoader.loadSync('s.proto', { keepCase: true, longs: String, enums: String, defaults: true, oneofs: true });\nclass Names {\n  constructor(private readonly names) {}\n  async get() { return (await this.names.get({ the_name: 'x' })).the_name; }\n}\nnew Names(createClient(S, transport, { messages: grpcJsMessages(definition['p.v1.S']) }));\n",
    });
    expect(findings.map(({ outcome, reason }) => [outcome, reason?.text])).toEqual([
      ["idiomatic", undefined],
      ["idiomatic", undefined],
    ]);
    expect(files["user.js"]).toContain("(await self._client.get({ theName: 'x' })).theName");
    expect(files["user.js"]).toContain("String((await this._client.get({ bigNo: 5n })).bigNo)");
    expect(files["typed.ts"]).toContain("(await this.names.get({ theName: 'x' })).theName");
  });

  it("is followed where a function gets the replies and the errors of several calls", async () => {
    const { files, findings } = await migrated({
      "main.js": `${head}const c = ${made()};
function done(error, reply) {
  console.log(reply?.big_no);
  if (error) { console.log(error.code); return; }
  console.log(reply.big_no);
}
c.get({ the_name: 'a' }).then((response) => done(null, response), done);
c.get({ the_name: 'b' }).then((response) => done(null, response)).catch(done);
`,
    });
    expect(findings.map(({ outcome, reason }) => [outcome, reason?.text])).toEqual([["idiomatic", undefined]]);
    expect(files["main.js"]).toContain("console.log(reply?.bigNo?.toString());");
    expect(files["main.js"]).toContain("console.log(String(reply.bigNo));");
    expect(files["main.js"]).toContain("c.get({ theName: 'a' }).then((response) => done(null, response), done);");
  });

  it("gives a function replies only, beside errors, whatever else of their type is made and converted", async () => {
    const code = (more: string) => `${head}const c = ${made()};
function done(error, reply) {
  if (error) { console.log(error.code); return; }
  console.log('Got ' + reply.the_name);
}
c.get({}).then((response) => done(null, response), done);
c.put({ the_name: other() });
${more}`;
    const { files, findings } = await migrated({ "main.js": code("") });
    expect(findings.map(({ outcome, reason }) => [outcome, reason?.text])).toEqual([["idiomatic", undefined]]);
    expect(files["main.js"]).toContain("console.log('Got ' + reply.theName);");
    expect(files["main.js"]).toContain("c.put({ theName: String(other() ?? '') });");
    const own = code("function own() { const mine = { the_name: other() }; done(null, mine); c.put(mine); }\n");
    const stays = await migrated({ "main.js": own });
    expect(stays.findings[0]?.reason?.text).toMatch(/read again/);
    expect(stays.files["main.js"]).toBe(own);
  });

  it("is followed into a name that is declared nowhere, if nobody reads it", async () => {
    const { files, findings } = await migrated({
      "main.js": `${head}function main() { held = ${made()}; }\nmain();\n`,
      "other.js":
        "const http = require('node:http');\nconst held = 1;\nconsole.log(held, { held: 2 }.held, http.held);\n",
    });
    expect(findings.map(({ outcome }) => outcome)).toEqual(["idiomatic"]);
    expect(files["main.js"]).toContain("held = createClient(S, transport);");
  });

  it("stays where another file reads that name", async () => {
    const { findings } = await migrated({
      "main.js": `${head}held = ${made()};\n`,
      "other.js": "held.get({}).then((reply) => console.log(reply.big_no));\n",
    });
    expect(findings.map(({ outcome }) => outcome)).not.toContain("idiomatic");
  });

  const stays: readonly (readonly [name: string, code: string, why: RegExp])[] = [
    ["to unknown code", `other(${made()});`, /handed on/],
    ["to a function that others get", `function f(c) { c.get({}); }\nf(${made()});\nf(other);`, /something else/],
    [
      "to a function that gets another service",
      `function f(c) { c.get({}); }\nf(${made()});\nf(${made("T")});`,
      /something else/,
    ],
    ["to a function that is handed on", `function f(c) { c.get({}); }\nf(${made()});\nother(f);`, /handed on/],
    [
      "to a class that others get",
      `class A { constructor(c) { c.get({}); } }\nnew A(${made()});\nnew A(other);`,
      /something else/,
    ],
    [
      "to a class that is inherited from",
      `class A { constructor(c) { this.held = c; } get() { return this.held.get({}); } }\nclass B extends A {}\nnew A(${made()});`,
      /handed on/,
    ],
    [
      "to a class whose field gets something else",
      `class A { constructor(c) { this.held = c; } put() { this.held = other; } async get() { console.log((await this.held.get({})).big_no); } }\nnew A(${made()});`,
      /written to/,
    ],
    [
      "to a class whose field others may mean",
      `class A { constructor(c) { this.held = c; } }\nconst a = new A(${made()});\nother((b) => b.held.get({}));`,
      /may be the client/,
    ],
    [
      "by a name that others may mean",
      `class A { constructor() { this.client = ${made()}; } }\nother.client.get({});`,
      /may be the client/,
    ],
    ["with a method by name", `const c = ${made()};\nc[other]({});`, /handed on/],
    [
      "to a private field, of which a method gives messages to whom nobody knows",
      `class A { #c = ${made()}; get() { return this.#c.get({}); } }\nother(new A());`,
      /carries messages/,
    ],
    ["to a global that is read", `held = ${made()};\nheld.get({});`, /not held by a variable/],
    ["to a global that is read whole", `held = ${made()};\nother({ held });`, /not held by a variable/],
    ["to a global that is read as a member", `held = ${made()};\nother(globalThis.held);`, /not held by a variable/],
    ["to a global, and on", `const c = held = ${made()};\nc.get({});`, /not held by a variable|handed on/],
    [
      "a function that an error of unknown origin goes to, too",
      `const c = ${made()};\nfunction done(error, reply) { if (reply) console.log(reply.big_no); }\nc.get({}).then((reply) => done(null, reply), done);\nother.then(() => {}, done);`,
      /handed on/,
    ],
    [
      "a function that takes the message where errors come",
      `const c = ${made()};\nfunction done(reply) { console.log(reply.big_no); }\nc.get({}).then((reply) => done(reply), done);`,
      /handed on/,
    ],
    [
      "a function that shows the message that is not there",
      `const c = ${made()};\nfunction done(error, reply) { console.log(reply); }\nc.get({}).then((reply) => done(null, reply), done);`,
      /handed on/,
    ],
    [
      "a function that reads arguments",
      `const c = ${made()};\nfunction done(error, reply) { console.log(arguments); if (reply) console.log(reply.big_no); }\nc.get({}).then((reply) => done(null, reply), done);`,
      /handed on/,
    ],
    [
      "a function that is called with what it gets for errors",
      `const c = ${made()};\nfunction done(error, reply) { if (reply) console.log(reply.big_no); }\nc.get({}).then((reply) => done(null, reply), done);\nc.get({}).then(done, done);`,
      /handed on/,
    ],
    ["as a view", `const c = ${made()};\nasGrpcJsClient(c).get({}, console.log);`, /view of the client/],
    ["in a variable that gets something else", `let c = ${made()};\nc = other;\nc.get({});`, /written to/],
    [
      "that interceptors of grpc-js watch",
      `const transport = transportFromGrpcJs(new grpc.Client('x', y, { interceptors: [log] }));\nconst c = ${made()};\nconst log = new RequesterBuilder().withSendMessage((message, next) => next(message));`,
      /interceptors look at messages/,
    ],
  ];
  it.each(stays)("stays on the bridge, handed %s", async (_name, code, why) => {
    const { files, findings } = await migrated({ "main.js": `${head}${code}\n` });
    expect(files["main.js"]).toBe(`${head}${code}\n`);
    expect(findings.map(({ outcome }) => outcome)).not.toContain("idiomatic");
    expect(findings.map(({ reason }) => reason?.text).join()).toMatch(why);
  });

  it("and neither do the messages of an app whose interceptors look at them; those of clients beside it do", async () => {
    const text = `${head}const log = (next) => async (req) => {
  console.log(req.message);
  return await next(req);
};
const app = createApp({
  routes(router) { router.service(T, { get: (req) => ({ the_name: req.the_name }) }, { messages: grpcJsMessages(definition['p.v1.T']) }); },
  interceptors: [log],
});
const c = createClient(T, createGrpcTransport({ target: 'x' }), { messages: grpcJsMessages(definition['p.v1.T']) });
const d = createClient(T, createGrpcTransport({ target: 'x', interceptors: [log] }), { messages: grpcJsMessages(definition['p.v1.T']) });
c.get({ the_name: 'x' });
d.get({ the_name: 'x' });
`;
    const { findings } = await migrated({ "main.js": text });
    expect(findings.map(({ outcome, reason }) => [outcome, /interceptors look/.test(reason?.text ?? "")])).toEqual([
      ["bridged", true],
      ["idiomatic", false],
      ["bridged", true],
    ]);
  });

  it("that a test answers for, neither; one whose methods it has other functions of the same names for, is", async () => {
    const main = `${head}const client = ${made("T")};\nmodule.exports = { client };\nclient.get({ the_name: 'x' });\n`;
    const store = "exports.get = (name) => name;\n";
    const spied = (what: string) =>
      `const stock = require('${what}');\ntest('asks', () => { jest.spyOn(stock${what === "./main" ? ".client" : ""}, 'get'); });\n`;
    for (const [what, outcome] of [
      ["./main", "bridged"],
      ["./store", "idiomatic"],
    ] as const) {
      const { findings } = await migrated({ "main.js": main, "store.js": store, "stock.test.js": spied(what) });
      expect(findings.map((each) => [each.outcome, each.reason?.text])).toEqual([
        [outcome, outcome === "bridged" ? expect.stringContaining("a test answers for the client") : undefined],
      ]);
    }
  });

  it("that is made of a service whose app has interceptors of grpc-js that look at messages, neither", async () => {
    const text = `${head}const hooks = new ServerListenerBuilder().withOnReceiveMessage((message, next) => next(message));
const app = createApp({
  routes(router) { router.service(T, { get: (req) => ({ the_name: req.the_name }) }, { messages: grpcJsMessages(definition['p.v1.T']) }); },
  interceptors: [fromServerInterceptors([hooks])],
});
const plain = createApp({
  routes(router) { router.service(T, { get: (req) => ({ the_name: req.the_name }) }, { messages: grpcJsMessages(definition['p.v1.T']) }); },
});
`;
    const { findings } = await migrated({ "main.js": text });
    expect(findings.map(({ outcome, reason }) => [outcome, /interceptors look/.test(reason?.text ?? "")])).toEqual([
      ["bridged", true],
      ["idiomatic", false],
    ]);
  });
});
