import { expect, it } from "vitest";
import { typedLoaderPrograms } from "./testing/loader-programs-typed.js";
import { expectSameConversations, servedPrograms } from "./testing/served-programs.js";

const proto = `syntax = "proto3";
package desk.v1;
service Desk {
  rpc GetNote(Key) returns (Note);
  rpc SaveNote(Note) returns (Note);
  rpc ListNotes(Key) returns (stream Note);
  rpc SaveAll(stream Note) returns (Summary);
  rpc Chat(stream Note) returns (stream Note);
}
enum Mood { MOOD_UNKNOWN = 0; MOOD_GOOD_ONE = 1; MOOD_BAD = 5; }
message Key { string note_name = 1; Mood of_mood = 2; bool all_of_them = 3; }
message Part { string part_name = 1; int64 big_size = 2; }
message Note {
  string note_name = 1;
  int64 big_count = 2;
  Mood note_mood = 3;
  Part main_part = 4;
  repeated string tag_list = 5;
  oneof body { string body_text = 6; Part body_part = 7; }
  map<string, int32> num_map = 8;
  bytes raw_data = 9;
}
message Summary { int32 how_many = 1; repeated string names_seen = 2; Note last_one = 3; int64 big_sum = 4; }
`;

const server = (members: string) => `
const protoLoader = require('@grpc/proto-loader');
const { grpcJsMessages, fromCallback, fromCallbacks } = require('@connect-migrate/runtime/grpc-js');
const { createApp } = require('@connect-migrate/runtime/node');
const { Desk } = require('./gen/desk_pb.js');
const handlers = require('./handlers');
const { getNote, saveNote, listNotes, saveAll, chat } = handlers;
const definition = protoLoader.loadSync(__dirname + '/desk.proto', { keepCase: true, longs: String, enums: String, defaults: true, oneofs: true });
exports.app = createApp({ routes(router) {
  router.service(Desk, ${members}, { messages: grpcJsMessages(definition['desk.v1.Desk']) });
} });
`;

const handlers = `
const notes = new Map();

function owner(call) {
  const [name] = call.metadata.get('user');
  return name || call.getPeer().slice(0, 3);
}

function getNote(call, callback) {
  const found = notes.get(call.request.note_name.slice(0, 1));
  if (!found) return callback({ code: 5, details: 'no ' + call.request.note_name + ' in ' + notes.size });
  if (call.request.of_mood === 'MOOD_BAD') return callback(new Error('a bad mood'));
  setImmediate(() => callback(null, found));
}
function saveNote({ request, metadata }, callback) {
  if (!request.note_name) return callback({ code: 3, message: 'a name, please' }, null);
  notes.set(request.note_name.slice(0, 1), request);
  if (request.main_part && metadata.get('x').length === 0) callback(null, { ...request, tag_list: [...request.tag_list, 'saved'] });
  else callback(null, { note_name: request.note_name, note_mood: 'MOOD_GOOD_ONE', big_count: '7', body_text: 'none' });
}
function listNotes(call) {
  const { request } = call;
  if (request.all_of_them) call.emit('error', { code: 9, details: 'not all of them' });
  for (const note of notes.values()) {
    if (note.note_mood === request.of_mood) call.write(note);
    else call.write({ note_name: note.note_name, main_part: { part_name: owner(call), big_size: note.big_count } });
  }
  call.end();
}
function saveAll(call, callback) {
  const names_seen = [];
  let last;
  call.on('data', (note) => {
    names_seen.push(note.note_name + note.note_mood + (note.main_part ? note.main_part.big_size : ''));
    last = note;
  });
  call.on('end', () => {
    if (names_seen.length === 3) callback(new Error('three of them'));
    else if (last) callback(null, { how_many: names_seen.length, names_seen, last_one: last });
    else callback(null, { how_many: 0 });
  });
  call.on('error', (error) => console.error(error));
}
function chat(call) {
  let count = 0;
  call.on('data', (note) => {
    count++;
    if (note.note_mood === 'MOOD_BAD') return call.emit('error', { code: 8, details: note.note_name });
    call.write({ note_name: note.note_name + count, body_part: { part_name: note.body || 'none' }, num_map: note.num_map, raw_data: note.raw_data });
  });
  call.on('end', () => call.end());
}

module.exports = { getNote, saveNote, listNotes, saveAll, chat };
`;

const members =
  "{ GetNote: fromCallback(getNote), SaveNote: fromCallback(saveNote), ListNotes: fromCallback((call) => listNotes(call)), SaveAll: fromCallback(saveAll), Chat: fromCallback(chat) }";

it("handlers that grpc-js's calls stay for have protobuf-es messages", { timeout: 120_000 }, async () => {
  await using programs = await servedPrograms("desk.v1.Desk", {
    "desk.proto": proto,
    "handlers.js": handlers,
    "server.js": server(members),
  });
  expect(programs.migrated).not.toMatch(/\.note_name\b|grpcJsMessages\(/);
  await expectSameConversations(programs, 600);
});

it.each([
  [
    "that are bridged together",
    "fromCallbacks({ getNote, saveNote, listNotes: (call) => listNotes(call), SaveAll: saveAll, Chat: chat })",
  ],
  [
    "some of which are",
    "fromCallbacks({ getNote, saveNote, listNotes, saveAll: async () => ({ how_many: 3 }), chat }, ['getNote', 'saveNote', 'listNotes', 'chat'])",
  ],
  [
    "that are spread",
    "{ ...handlers, getNote: fromCallback(handlers.getNote), saveNote: fromCallback(saveNote), listNotes: fromCallback(handlers.listNotes), saveAll: fromCallback(handlers.saveAll), chat: fromCallback(chat) }",
  ],
])("handlers %s", { timeout: 120_000 }, async (_, given) => {
  await using programs = await servedPrograms("desk.v1.Desk", {
    "desk.proto": proto,
    "handlers.js": handlers,
    "server.js": server(given),
  });
  expect(programs.migrated).not.toContain("grpcJsMessages(");
  await expectSameConversations(programs, 200);
});

const ofClass = `
const { fromCallback } = require('@connect-migrate/runtime/grpc-js');

class DeskHandlers {
  constructor() { this.seen = 0; }
  GetNote = fromCallback((call, callback) => {
    this.seen++;
    if (call.request.all_of_them) callback({ code: 9, details: String(this.seen) });
    else callback(null, { note_name: call.request.note_name, note_mood: call.request.of_mood });
  });
  SaveNote = async (request) => {
    if (request.tag_list.length > 1) throw new Error('too many');
    return { note_name: request.note_name, body_text: 'saved' };
  };
  ListNotes = fromCallback((call) => {
    call.write({ note_name: call.request.note_name });
    call.end();
  });
  SaveAll = fromCallback(async (call, callback) => {
    const names_seen = [];
    for await (const { note_name } of call) names_seen.push(note_name);
    callback(null, { names_seen, how_many: names_seen.length });
  });
  Chat = fromCallback((call) => {
    call.on('data', echo);
    call.on('end', () => call.end());
    function echo(note) { call.write({ note_name: note.note_name, main_part: note.main_part }); }
  });
}
module.exports = { DeskHandlers };
`;

it("they may be fields of a class", { timeout: 120_000 }, async () => {
  await using programs = await servedPrograms("desk.v1.Desk", {
    "desk.proto": proto,
    "handlers.js": ofClass,
    "server.js": server("new handlers.DeskHandlers()"),
  });
  expect(programs.migrated).toContain("getNote = fromCallback((call, callback) => {");
  expect(programs.migrated).not.toMatch(/\.note_name\b|grpcJsMessages\(/);
  await expectSameConversations(programs, 300);
});

const ofMethods = `
class DeskHandlers {
  seen = [];
  getNote(call, callback) {
    if (call.request.all_of_them) callback({ code: 9, details: String(this.seen.length) });
    else callback(null, { note_name: call.request.note_name, note_mood: call.request.of_mood });
  }
  async saveNote(request) {
    if (request.tag_list.length > 0) throw new Error('tags');
    return { note_name: request.note_name, body_text: 'saved' };
  }
  listNotes(call) {
    call.write({ note_name: call.request.note_name });
    call.end();
  }
  async saveAll(requests) {
    const names_seen = [];
    for await (const { note_name } of requests) names_seen.push(note_name);
    return { names_seen };
  }
  async *chat(requests) { for await (const note of requests) yield { note_name: note.note_name }; }
}
module.exports = { DeskHandlers };
`;

const listed = "fromCallbacks(new handlers.DeskHandlers(), ['getNote', 'listNotes'])";

it("they may be methods of a class", { timeout: 120_000 }, async () => {
  const files = { "desk.proto": proto, "handlers.js": ofMethods, "server.js": server(listed) };
  await using programs = await servedPrograms("desk.v1.Desk", files);
  expect(programs.migrated).toContain("getNote(call, callback) {\n    if (call.request.allOfThem)");
  await expectSameConversations(programs, 300);
});

it("a server of grpc-js that has the same class keeps them on the bridge", { timeout: 60_000 }, async () => {
  const other =
    "const old = new handlers.DeskHandlers();\nrequire('@grpc/grpc-js').Server.prototype.addService(definition, old);\n";
  const files = { "desk.proto": proto, "handlers.js": ofMethods, "server.js": `${server(listed)}${other}` };
  const refused = await servedPrograms("desk.v1.Desk", files).catch((error: { actual: unknown }) => error);
  expect(JSON.stringify("actual" in refused && refused.actual)).toContain("is used elsewhere");
});

const typed = `import type { sendUnaryData, handleUnaryCall, ServerDuplexStream, ServerReadableStream, ServerUnaryCall, ServerWritableStream } from '@grpc/grpc-js';
import { fromCallback } from '@connect-migrate/runtime/grpc-js';
import type { Key__Output } from './pb/desk/v1/Key';
import type { Note, Note__Output } from './pb/desk/v1/Note';
import type { Summary } from './pb/desk/v1/Summary';

const notes = new Map<string, Note__Output>();

function getNote(call: ServerUnaryCall<Key__Output, Note>, callback: sendUnaryData<Note>): void {
  const found = notes.get(call.request.note_name);
  if (!found) callback({ code: 5, details: 'no ' + call.request.note_name });
  else callback(null, found);
}
const saveNote: handleUnaryCall<Note__Output, Note> = ({ request }, callback) => {
  notes.set(request.note_name, request);
  callback(null, { note_name: request.note_name, main_part: request.main_part, tag_list: request.tag_list });
};
const listNotes = (call: ServerWritableStream<Key__Output, Note>) => {
  const { note_name, of_mood } = call.request;
  for (const one of notes.values()) if (one.note_mood === of_mood) call.write({ note_name: note_name + one.note_name, big_count: one.big_count });
  call.end();
};
const saveAll = (call: ServerReadableStream<Note__Output, Summary>, callback: sendUnaryData<Summary>) => {
  const names_seen: string[] = [];
  call.on('data', (note: Note__Output) => { names_seen.push(note.note_name); });
  call.on('end', () => callback(null, { names_seen, how_many: names_seen.length }));
};
function chat(call: ServerDuplexStream<Note__Output, Note>): void {
  call.on('data', (note: Note__Output) => {
    if (note.note_mood === 'MOOD_BAD') call.emit('error', { code: 8, details: note.note_name });
    else call.write({ note_name: note.note_name, num_map: note.num_map });
  });
  call.on('end', () => call.end());
}

export const handlers = { GetNote: fromCallback(getNote), SaveNote: fromCallback(saveNote), ListNotes: fromCallback(listNotes), SaveAll: fromCallback(saveAll), Chat: fromCallback(chat) };
`;

it("their types name the new messages", { timeout: 120_000 }, async () => {
  using programs = await typedLoaderPrograms("desk.v1.Desk", proto, { "handlers.ts": typed });
  expect(programs.migrated).toContain(
    "call: ServerUnaryCall<Key, MessageInitShape<typeof NoteSchema>>, callback: sendUnaryData<MessageInitShape<typeof NoteSchema>>",
  );
  expect(programs.migrated).toContain(
    "const saveNote: handleUnaryCall<Note, MessageInitShape<typeof NoteSchema>> = ({ request }, callback) => {",
  );
  expect(programs.migrated).toContain("call.on('data', (note: Note) => { names_seen.push(note.noteName); });");
  expect(programs.migrated).not.toMatch(/__Output|\.note_name\b/);
});
