import { describe, expect, it } from "vitest";
import { tempProject } from "../generate/testing/temp-project.js";
import { migrateMessages } from "./testing/migrate-messages.js";

const proto = `syntax = "proto3";
package row.v1;
service S { rpc Get(Req) returns (Row); rpc All(Req) returns (Rows); rpc Feed(Req) returns (stream Row); rpc Pick(Req) returns (Choice); rpc Nest(Nested) returns (Req); }
message Nested { Row nested = 1; }
message Req { string row_id = 1; }
message Row { string row_id = 1; int64 big_no = 2; Row parent_row = 3; }
message Rows { repeated Row all_rows = 1; Row best_row = 2; int32 row_count = 3; map<string, Row> row_map = 4; repeated Rows more_rows = 5; }
message Choice { oneof choice { Row one_row = 1; Req one_req = 2; } }
`;

const program = (handlers: string) => `const protoLoader = require('@grpc/proto-loader');
const { grpcJsMessages } = require('@connect-migrate/runtime/grpc-js');
const { S } = require('./gen/s_pb.js');
const db = require('./db');
const definition = protoLoader.loadSync(__dirname + '/s.proto', { keepCase: true, longs: String, enums: String, defaults: true, oneofs: true });
${handlers}
module.exports = (router) => router.service(S, { ${[...handlers.matchAll(/^(?:const|async function\*?|function\*?) (get|all|feed|pick)\b/gm)].map((found) => found[1]).join(", ")} }, { messages: grpcJsMessages(definition['row.v1.S']) });
`;

async function migrated(handlers: string) {
  using project = tempProject({ "package.json": "{}", "s.proto": proto, "server.js": program(handlers) });
  const { files, findings } = await migrateMessages(project.root);
  return { text: files["server.js"] ?? "", why: findings.map(({ reason }) => reason?.text ?? "") };
}

describe("rows that a handler sends become messages on the spot", () => {
  it.each([
    [
      "a row that was waited for",
      "const get = async (req) => await db.find(req.row_id);",
      "await db.find(req.rowId), { keepCase: true })",
      "=> protoLoaderMessage(RowSchema, await db.find(",
    ],
    [
      "a row for a request that is given away",
      "async function get(req) { return await db.find(req); }",
      "return protoLoaderMessage(RowSchema, await db.find({ row_id: req.rowId }), { keepCase: true });",
    ],
    [
      "a constant",
      "async function get(req) {\n  try {\n    const row = await db.find(req.row_id);\n    if (!row) throw new Error('none');\n    return row;\n  } catch (error) { throw new Error(error.message); }\n}",
      "return protoLoaderMessage(RowSchema, row, { keepCase: true });",
    ],
    [
      "a promise, in an async handler",
      "async function get(req) { return db.find(req.row_id).then((row) => row); }",
      "return protoLoaderMessage(RowSchema, await db.find(req.rowId).then((row) => row), { keepCase: true });",
    ],
    [
      "parsed JSON",
      "const rows = JSON.parse(process.env.ROWS);\nfunction get(req) { return rows[req.row_id]; }",
      "return protoLoaderMessage(RowSchema, rows[req.rowId], { keepCase: true });",
    ],
    [
      "lists and parts of a reply",
      "async function all(req) {\n  const all_rows = await db.all();\n  return { all_rows, best_row: all_rows[0], row_count: 5 };\n}",
      "return { allRows: protoLoaderList(RowSchema, all_rows, { keepCase: true }), bestRow: protoLoaderField(RowSchema, all_rows[0], { keepCase: true }), rowCount: 5 };",
    ],
    [
      "a part of a list that is filtered, and of one that is made",
      "async function all(req) {\n  const rows = await db.all();\n  return { more_rows: rows.map((row) => ({ best_row: row.parent })), all_rows: rows.filter((row) => row.row_id !== req.row_id) };\n}",
      "moreRows: rows.map((row) => ({ bestRow: protoLoaderField(RowSchema, row.parent, { keepCase: true }) })), allRows: protoLoaderList(RowSchema, rows.filter((row) => row.row_id !== req.rowId), { keepCase: true })",
    ],
    [
      "a promise that may be one, where nothing waits",
      "function get(req) { return db.find(req.row_id); }",
      "return protoLoaderMessage(RowSchema, db.find(req.rowId), { keepCase: true });",
    ],
    [
      "a promise chain, and another reply",
      "function get(req) { if (req.row_id) return db.load().then((row) => ({ row_id: row.id })); return { row_id: 'x' }; }",
      "return protoLoaderMessage(RowSchema, db.load().then((row) => ({ row_id: row.id })), { keepCase: true }); return { rowId: 'x' };",
    ],
    [
      "an object that all calls share",
      "const row = { row_id: 'x' };\nfunction get(req) { return row; }",
      "const row = { row_id: 'x' };\nfunction get(req) { return protoLoaderMessage(RowSchema, row, { keepCase: true }); }",
    ],
    [
      "a promise in a try, which does not catch what it rejects with",
      "async function get(req) { try { return db.find(1); } catch { throw new Error('x'); } }",
      "try { return protoLoaderMessage(RowSchema, db.find(1), { keepCase: true }); }",
    ],
    [
      "a message with a oneof",
      "async function pick(req) { return await db.find(1); }",
      "return protoLoaderMessage(ChoiceSchema, await db.find(1), { keepCase: true });",
    ],
    [
      "what is found in a file of JSON, and what is put into it",
      "const load = () => JSON.parse(db.text());\nfunction get(req) {\n  const rows = load();\n  const found = rows.find((row) => row.row_id === req.row_id);\n  if (found) return found;\n  const row = { row_id: req.row_id };\n  rows.push(row);\n  db.save(rows);\n  return row;\n}",
      "if (found) return protoLoaderMessage(RowSchema, found, { keepCase: true });",
      "const row = { row_id: req.rowId };",
      "return protoLoaderMessage(RowSchema, row, { keepCase: true });",
    ],
    [
      "what a class loads",
      "class Rows {\n  constructor() { this.rows = JSON.parse(db.text()); }\n  all() { return this.rows; }\n  byId(id) { return this.rows.find((row) => row.row_id === id); }\n}\nconst rows = new Rows();\nfunction get(req) { return rows.byId(req.row_id) || {}; }\nfunction all(req) { return { all_rows: rows.all(), row_count: rows.all().length }; }",
      "return protoLoaderMessage(RowSchema, rows.byId(req.rowId) || {}, { keepCase: true });",
      "allRows: protoLoaderList(RowSchema, rows.all(), { keepCase: true }), rowCount: rows.all().length",
    ],
    [
      "a reply in a variable",
      "const rows = require('./rows.json');\nfunction all(req) {\n  const reply = { all_rows: rows };\n  return reply;\n}",
      "const reply = { allRows: protoLoaderList(RowSchema, rows, { keepCase: true }) };",
    ],
    [
      "a request that is put among JSON for good",
      "const rows = JSON.parse(db.text());\nfunction get(req) {\n  const row = { ...req, big_no: 5 };\n  rows.push(row);\n  return { ...rows[0], row_id: 'x' };\n}",
      "const row = { ...{ row_id: req.rowId }, big_no: 5 };",
      "return protoLoaderMessage(RowSchema, { ...rows[0], row_id: 'x' }, { keepCase: true });",
    ],
    [
      "what is streamed",
      "async function* feed(req) { for (const row of await db.all()) yield await row.load(); }",
      "yield protoLoaderMessage(RowSchema, await row.load(), { keepCase: true });",
    ],
    [
      "what is pushed",
      "function feed(req) {\n  return createPushStream((output) => {\n    db.each((row) => { if (row.row_id !== req.row_id) output.write(row); }, () => output.end());\n  });\n}",
      "if (row.row_id !== req.rowId) output.write(protoLoaderMessage(RowSchema, row, { keepCase: true }));",
    ],
    [
      "one of two",
      "async function get(req) { return req.row_id ? await db.find(req.row_id) : { row_id: 'x' }; }",
      "return req.rowId ? protoLoaderMessage(RowSchema, await db.find(req.rowId), { keepCase: true }) : { rowId: 'x' };",
    ],
  ])("%s", async (_name, handlers, ...expected) => {
    const { text, why } = await migrated(handlers);
    expect(why).toEqual([""]);
    for (const one of expected) expect(text).toContain(one);
  });

  it.each([
    [
      "a row that finally changes",
      "async function get(req) { const row = await db.find(1); try { return row; } finally { row.row_id = ''; } }",
    ],
    [
      "a row that a later call changes",
      "async function all(req) { const row = await db.find(1); return { best_row: row, row_count: db.count(row) }; }",
    ],
    [
      "a reply that is filled later",
      "async function all(req) { const row = await db.find(1); const reply = { best_row: row }; row.row_id = 'x'; return reply; }",
    ],
    ["a row that others stand for", "async function get(req) { return (await db.find(1)) || { row_id: 'x' }; }"],
    ["a member of a oneof", "async function pick(req) { return { one_row: await db.find(1) }; }"],
    ["an entry of a map", "async function all(req) { return { row_map: { a: await db.find(1) } }; }"],
    ["an element of a list", "async function all(req) { return { all_rows: [await db.find(1)] }; }"],
    [
      "a row that is pushed and changed",
      "function feed(req) { return createPushStream((output) => { db.each((row) => { output.write(row); row.row_id = ''; }); }); }",
    ],
    [
      "a row that is pushed and handed on",
      "function feed(req) { return createPushStream((output) => { db.each((row) => { output.write(row); db.keep(row); }); }); }",
    ],
    [
      "a row that is pushed twice",
      "function feed(req) { return createPushStream((output) => { const row = db.one(); output.write(row); other(row.child); row.load(); }); }",
    ],
    ["a text", "function get(req) { return 'row ' + req.row_id; }"],
    [
      "a row of a function that gives it to others, too",
      "async function get(req) { return found(req); }\nasync function found(req) { return await db.find(1); }",
    ],
    [
      "a message that is handed to what gives rows, and read again",
      "async function get(req) { const row = await db.find(req); other(req.row_id); return row; }",
    ],
    [
      "JSON that is changed before it is sent",
      "const rows = JSON.parse(db.text());\nfunction all(req) { const reply = { all_rows: rows }; rows[0].row_id = req.row_id; return reply; }",
    ],
    [
      "a request that is put among JSON, and sent",
      "const rows = JSON.parse(db.text());\nfunction feed(req) { return rows; }\nfunction get(req) { rows.push(req); return req; }",
    ],
    [
      "a function that gets a request, and JSON",
      "const rows = JSON.parse(db.text());\nconst same = (row) => row;\nfunction all(req) { return { best_row: same(rows[0]), own: same(req) }; }",
    ],
    ["a message among rows", "const rows = [];\nfunction get(req) { rows.push(req); return rows[0]; }"],
  ])("not %s", async (_name, handlers) => {
    const { text, why } = await migrated(handlers);
    expect(why[0]).not.toBe("");
    expect(text).toBe(program(handlers));
  });
});

describe("rows that a client sends", () => {
  const client = (code: string) => `const protoLoader = require('@grpc/proto-loader');
const { createClient } = require('@connect-migrate/runtime');
const { grpcJsMessages } = require('@connect-migrate/runtime/grpc-js');
const { S } = require('./gen/s_pb.js');
const definition = protoLoader.loadSync(__dirname + '/s.proto', { longs: String, enums: String, defaults: true, oneofs: true });
const client = createClient(S, transport, { messages: grpcJsMessages(definition['row.v1.S']) });
${code}
`;
  const migratedClient = async (code: string) => {
    using project = tempProject({ "package.json": "{}", "s.proto": proto, "client.js": client(code) });
    const { files, findings } = await migrateMessages(project.root);
    return { text: files["client.js"] ?? "", why: findings.map(({ reason }) => reason?.text ?? "") };
  };

  it("become messages in the call", async () => {
    const { text, why } = await migratedClient(
      "app.post('/', async (req, res) => { const row = await client.get(req.body); res.send(row.rowId); });",
    );
    expect(why).toEqual([""]);
    expect(text).toContain("await client.get(protoLoaderMessage(ReqSchema, req.body));");
  });

  it.each([
    [
      "what may be a message, and is kept twice",
      "async function f(rows) { const row = await client.get(rows[0]); rows.push(row); rows.push(row); }",
    ],
    ["a part of a request", "async function f(rows) { await client.nest({ nested: rows[0] }); }"],
  ])("not %s", async (_name, code) => {
    const { text, why } = await migratedClient(code);
    expect(why[0]).not.toBe("");
    expect(text).toBe(client(code));
  });
});
