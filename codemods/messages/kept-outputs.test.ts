import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { create, type DescMethod, fromBinary, toBinary, toJsonString } from "@bufbuild/protobuf";
import type { Client } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { ensureGenerated } from "../generate/index.js";
import { typedLoaderPrograms } from "./testing/loader-programs-typed.js";
import { migrateMessages } from "./testing/migrate-messages.js";
import { type ServedPrograms, servedPrograms } from "./testing/served-programs.js";
import { expectToCompile } from "./testing/typed-programs.js";
import { typedProject } from "./testing/typed-project.js";

const proto = `syntax = "proto3";
package chat.v1;
service Chat {
  rpc Join(User) returns (stream Message);
  rpc Send(Message) returns (Ack);
  rpc Talk(stream Message) returns (stream Message);
  rpc Watch(User) returns (stream Ack);
}
message User { string user_name = 1; string room_id = 2; }
message Message { string user_name = 1; string body_text = 2; int64 sent_at = 3; Kind kind_of = 4; }
enum Kind { KIND_TEXT = 0; KIND_NOTICE = 1; }
message Ack { int32 delivered_to = 1; }
`;

const server = (members: string, handlers: string) => `
const protoLoader = require('@grpc/proto-loader');
const { grpcJsMessages, fromCallback } = require('@connect-migrate/runtime/grpc-js');
const { createApp } = require('@connect-migrate/runtime/node');
const { createPushStream } = require('@connect-migrate/runtime');
const { Chat } = require('./gen/chat_pb.js');
const definition = protoLoader.loadSync(__dirname + '/chat.proto', { keepCase: true, longs: String, enums: String, defaults: true, oneofs: true });
${handlers}
exports.app = createApp({ routes(router) {
  router.service(Chat, ${members}, { messages: grpcJsMessages(definition['chat.v1.Chat']) });
} });
`;

const programs = (members: string, handlers: string) =>
  servedPrograms("chat.v1.Chat", { "chat.proto": proto, "server.js": server(members, handlers) });

const same = (bytes: Uint8Array) => Buffer.from(bytes);

/** Two join a room, one sends to all, two talk, one goes: what each of them heard. */
async function party(of: ServedPrograms, client: Client): Promise<string[][]> {
  const method = (name: string) => of.service.methods.find((one) => one.name === name) as DescMethod;
  const bytes = (name: string, init: Record<string, unknown>) =>
    toBinary(method(name).input, create(method(name).input, init));
  const path = (name: string) => `/chat.v1.Chat/${name}`;
  const heard: string[][] = [];
  const hear = (name: string, call: NodeJS.EventEmitter) => {
    const list: string[] = [];
    heard.push(list);
    const { output } = method(name);
    call.on("data", (reply: Uint8Array) => list.push(toJsonString(output, fromBinary(output, new Uint8Array(reply)))));
    call.on("error", () => {});
    const over = new Promise<void>((done) =>
      call.on("status", ({ code, details }) => {
        list.push(`${code} ${details}`);
        done();
      }),
    );
    return { call, over, heard: (count: number) => expect.poll(() => list.length, { timeout: 10_000 }).toBe(count) };
  };
  const join = (userName: string) =>
    hear("Join", client.makeServerStreamRequest(path("Join"), same, same, bytes("Join", { userName, roomId: "one" })));
  const send = (init: Record<string, unknown>) =>
    new Promise((done) =>
      client.makeUnaryRequest(path("Send"), same, same, bytes("Send", init), (error, reply) => {
        heard.push([error?.details ?? same(reply as Uint8Array).toString("hex")]);
        done(undefined);
      }),
    );
  const first = join("ann");
  await first.heard(1);
  const second = join("bob");
  await Promise.all([first.heard(2), second.heard(1)]);
  await send({ userName: "ann", bodyText: "hi", sentAt: 5n, kindOf: 7 });
  await send({ userName: "ann" });
  await Promise.all([first.heard(3), second.heard(2)]);
  const talks = ["cy", "di"].map((userName) => {
    const call = client.makeBidiStreamRequest(path("Talk"), same, same);
    const say = (bodyText: string) => call.write(bytes("Talk", { userName, bodyText, sentAt: 1n }));
    return { ...hear("Talk", call), say, end: () => call.end() };
  });
  const [cy, di] = talks as [(typeof talks)[0], (typeof talks)[0]];
  cy.say("anybody?");
  await cy.heard(1);
  di.say("me");
  await Promise.all([cy.heard(2), di.heard(1)]);
  cy.say("good");
  await di.heard(2);
  cy.end();
  await cy.over;
  di.say("gone");
  await di.heard(3);
  di.end();
  await di.over;
  (first.call as unknown as { cancel(): void }).cancel();
  await first.over;
  await new Promise((done) => setTimeout(done, 50));
  await send({ userName: "bob", bodyText: "alone" });
  await second.heard(3);
  (second.call as unknown as { cancel(): void }).cancel();
  await second.over;
  return heard;
}

const joins = `
function send(req) {
  if (!req.body_text) throw new Error('nothing to send');
  notify(req);
  return { delivered_to: count() };
}
`;

const talk = `
const talkers = {};
function talk(requests) {
  return createPushStream(async (output) => {
    let name;
    for await (const message of requests) {
      name = message.user_name;
      talkers[name] = output;
      output.write({ user_name: name, body_text: 'heard', kind_of: 'KIND_NOTICE' });
      for (const [other, peer] of Object.entries(talkers)) if (other !== name) peer.write(message);
    }
    delete talkers[name];
    output.end();
  });
}
`;

const kept: readonly (readonly [name: string, members: string, code: string])[] = [
  [
    "in a list",
    "{ Join: join, Send: send, Talk: talk }",
    `${joins}${talk}
let users = [];
function join(req, ctx) {
  return createPushStream((output) => {
    users.push(output);
    ctx.onOver(() => { users = users.filter((one) => one !== output); });
    notify({ user_name: req.user_name, body_text: 'joined', kind_of: 'KIND_NOTICE', sent_at: '12' });
  });
}
function notify(message) { users.forEach((user) => user.write(message)); }
function count() { return users.length; }
`,
  ],
  [
    "in objects of a Map of Sets",
    "{ Join: join, Send: send, Talk: talk }",
    `${joins}${talk}
const rooms = new Map();
function membersOf(id) { return rooms.get(id) ?? new Set(); }
function join({ user_name, room_id }, ctx) {
  return createPushStream((output) => {
    if (!rooms.has(room_id)) rooms.set(room_id, new Set());
    const member = { name: user_name, output, since: Date.now() };
    rooms.get(room_id).add(member);
    ctx.onOver(() => { membersOf(room_id).delete(member); });
    notify({ user_name, body_text: 'joined', kind_of: 'KIND_NOTICE' });
  });
}
function notify(message) {
  for (const members of rooms.values()) for (const { output, name } of members) {
    if (message.body_text !== name) output.write(message);
  }
}
function count() { return membersOf('one').size; }
`,
  ],
  [
    "by the methods of a class",
    "{ Join: join, Send: send, Talk: talk }",
    `${joins}${talk}
class Hub {
  members = [];
  join(output) { this.members.push(output); }
  delete(output) {
    const index = this.members.indexOf(output);
    for (const gone of this.members.splice(index, 1)) gone.write({ user_name: 'hub', body_text: 'gone' });
  }
}
const hub = new Hub();
function join(req, ctx) {
  return createPushStream((output) => {
    hub.join(output);
    ctx.onOver(() => hub.delete(output));
    notify({ user_name: req.user_name, body_text: 'joined' });
  });
}
function notify(message) { hub.members.forEach((one) => one.write(message)); }
function count() { return hub.members.length; }
`,
  ],
  [
    "in a field of a class, and as calls of grpc-js",
    "{ Join: fromCallback((call) => room.join(call)), Send: send, Talk: fromCallback(talk) }",
    `${joins}
class Room {
  constructor() { this.count = 0; }
  calls = [];
  join(call) {
    this.calls.push(call);
    call.on('cancelled', () => { this.calls.splice(this.calls.indexOf(call), 1); });
    this.tell({ user_name: call.request.user_name, body_text: 'joined' });
  }
  tell(message) { for (const call of this.calls) call.write(message); }
}
const room = new Room();
function notify(message) { room.tell(message); }
function count() { return room.calls.length; }
const talkers = new Map();
function talk(call) {
  let name;
  call.on('data', (message) => {
    name = message.user_name;
    talkers.set(name, call);
    call.write({ user_name: name, body_text: 'heard' });
    talkers.forEach((peer, other) => { if (other !== name) peer.write(message); });
  });
  call.on('end', () => {
    talkers.delete(name);
    call.end();
  });
}
`,
  ],
];

/** Calls of grpc-js in typed lists and Maps; `X` has the names of a generator. */
const typed = (names: { user: string; given: string; sent: string; type: string; notice: string }) => `
interface Member {
  name: string;
  call: grpc.ServerWritableStream<${names.given}, Message>;
}
const members: Member[] = [];
const talkers = new Map<string, grpc.ServerDuplexStream<${names.sent}, Message>>();

function notify(message: Message): void {
  for (const { call, name } of members) if (name !== message.${names.user}) call.write(message);
}

const join = fromCallback<${names.type}["${names.type.endsWith("Handlers") ? "Join" : "join"}"]>(function (call) {
  members.push({ name: call.request.${names.user}, call });
  call.on('cancelled', () => {
    const index = members.findIndex((one) => one.call === call);
    if (index >= 0) members.splice(index, 1);
  });
  notify(${names.notice});
});
const talk = fromCallback<${names.type}["${names.type.endsWith("Handlers") ? "Talk" : "talk"}"]>(function (call) {
  let name = '';
  call.on('data', (message: ${names.sent}) => {
    name = message.${names.user};
    talkers.set(name, call);
    talkers.forEach((peer, other) => { if (other !== name) peer.write(message); });
  });
  call.on('end', () => {
    talkers.delete(name);
    call.end();
  });
});
`;

const written = "talkers = new Map<string, grpc.ServerDuplexStream<Message, ";

it("types of calls that are kept name the new messages of proto-loader", { timeout: 60_000 }, async () => {
  const names = { user: "user_name", given: "User__Output", sent: "Message__Output", type: "ChatHandlers" };
  const notice =
    "{ user_name: call.request.user_name, body_text: 'joined', sent_at: Date.now(), kind_of: 'KIND_NOTICE' }";
  using programs = await typedLoaderPrograms("chat.v1.Chat", proto, {
    "handlers.ts": `import type * as grpc from '@grpc/grpc-js';
import { fromCallback } from '@connect-migrate/runtime/grpc-js';
import type { ChatHandlers } from './pb/chat/v1/Chat';
import type { Message, Message__Output } from './pb/chat/v1/Message';
import type { User__Output } from './pb/chat/v1/User';
${typed({ ...names, notice })}
export const handlers = { Join: join, Talk: talk };
`,
  });
  expect(programs.migrated).toContain(`${written}MessageInitShape<typeof MessageSchema>>>();`);
  expect(programs.migrated).toContain(
    "fromCallback<handleServerStreamingCall<User, MessageInitShape<typeof MessageSchema>>>(",
  );
});

it("types of calls that are kept name the new messages of ts-proto", { timeout: 60_000 }, async () => {
  const names = { user: "userName", given: "User", sent: "Message", type: "ChatServer" };
  const notice = "{ userName: call.request.userName, bodyText: 'joined', sentAt: 5, kindOf: Kind.KIND_NOTICE }";
  const code = `import type * as grpc from '@grpc/grpc-js';
import { createApp } from '@connect-migrate/runtime/node';
import { grpcJsMessages, fromCallback } from '@connect-migrate/runtime/grpc-js';
import { Chat } from './gen/chat_pb';
import { type ChatServer, ChatService, Kind, Message, User } from './old/chat';
${typed({ ...names, notice })}
export const app = createApp({ routes(router) {
  router.service(Chat, { join, talk }, { messages: grpcJsMessages(ChatService) });
} });
`;
  using project = typedProject("ts-proto", { "server.ts": code, "proto/chat.proto": proto });
  const { files, findings } = await migrateMessages(project.root);
  expect(findings.map(({ outcome, reason }) => [outcome, reason?.text])).toEqual([["idiomatic", undefined]]);
  expect(files["server.ts"]).toContain(`${written}Message>>();`);
  expect(files["server.ts"]).toContain("fromCallback<handleBidiStreamingCall<Message, Message>>(");
  const { files: generated } = await ensureGenerated({ root: project.root });
  for (const { path, content } of [
    ...generated,
    { path: join(project.root, "server.ts"), content: files["server.ts"] ?? "" },
  ]) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }
  expectToCompile(project.root);
});

it("calls that are kept as calls of any messages keep those of ts-proto on the bridge", {
  timeout: 60_000,
}, async () => {
  const code = `import type * as grpc from '@grpc/grpc-js';
import { createApp } from '@connect-migrate/runtime/node';
import { grpcJsMessages, fromCallback } from '@connect-migrate/runtime/grpc-js';
import { Chat } from './gen/chat_pb';
import { ChatService, Kind, type Message, type User } from './old/chat';

interface Member { name: string; call: grpc.ServerWritableStream<any, any> }
const members: Member[] = [];
const calls: grpc.ServerWritableStream<any, any>[] = [];
function join(call: grpc.ServerWritableStream<User, Message>): void {
  members.push({ name: 'a', call });
  calls.push(call);
  for (const { call: peer } of members) peer.write({ userName: 'a', bodyText: '', sentAt: 5, kindOf: Kind.KIND_NOTICE });
  for (const peer of calls) peer.write({ userName: 'b', bodyText: '', sentAt: 6, kindOf: 0 });
}
export const app = createApp({ routes(router) {
  router.service(Chat, { join: fromCallback(join) }, { messages: grpcJsMessages(ChatService) });
} });
`;
  using project = typedProject("ts-proto", { "server.ts": code, "proto/chat.proto": proto });
  const { files, findings } = await migrateMessages(project.root);
  expect(findings.map(({ outcome }) => outcome)).toEqual(["bridged"]);
  expect(findings[0]?.reason?.text).toContain("a message goes where something else is asked for");
  expect(files["server.ts"]).toBe(code);
});

describe("streams of replies that a program keeps", () => {
  it.each(kept)("%s: all that is written is followed", { timeout: 60_000 }, async (_, members, code) => {
    await using both = await programs(members, code);
    expect(both.migrated).not.toMatch(/\buser_name:|\.user_name|grpcJsMessages\(/);
    const before = await party(both, both.clients.before);
    expect(await party(both, both.clients.after)).toEqual(before);
    expect(before.flat().length).toBeGreaterThan(10);
  });

  it.each([
    [
      "with something else among them",
      "this is kept among streams",
      "const users = [console];\nfunction join(req) { return createPushStream((output) => { users.push(output); users.forEach((one) => one.write({ user_name: 'a' })); }); }",
    ],
    [
      "in an object whose key holds something else elsewhere",
      "this is kept among streams",
      "const users = [];\nfunction join(req) { return createPushStream((output) => { users.push({ output }); users.push({ output: process.stdout }); users[0].output.write({ user_name: 'a' }); }); }",
    ],
    [
      "that go to code that cannot be seen",
      "the stream of replies is handed on",
      "const users = [];\nfunction join(req) { return createPushStream((output) => { users.push(output); require('./other').use(users); }); }",
    ],
    [
      "that are taken out of a list in a pattern",
      "what keeps streams of replies is taken apart",
      "const users = [];\nfunction join(req) { return createPushStream((output) => { users.push(output); const [gone] = users.splice(0, 1); gone.write({ user_name: 'a' }); }); }",
    ],
    [
      "that a method of an unknown object gets",
      "this is kept among streams",
      "const hub = require('./hub');\nfunction join(req) { return createPushStream((output) => { hub.includes(output); output.write({ user_name: 'a' }); }); }",
    ],
    [
      "that a method of a class hands on",
      "the stream of replies is handed on",
      "class Hub { join(output) { require('./other').use(output); } }\nconst hub = new Hub();\nfunction join(req) { return createPushStream((output) => { hub.join(output); output.write({ user_name: 'a' }); }); }",
    ],
    [
      "of two kinds",
      "streams of several messages",
      "const users = [];\nfunction join(req) { return createPushStream((output) => { users.push(output); users.forEach((one) => one.write({ user_name: 'a' })); }); }\nfunction watch(req) { return createPushStream((output) => { users.push(output); }); }",
    ],
  ])("%s stay on the bridge", { timeout: 60_000 }, async (_, why, code) => {
    const members = code.includes("watch") ? "{ Join: join, Watch: watch }" : "{ Join: join }";
    const refused = await programs(members, code).catch((error: { actual: unknown }) => error);
    expect(JSON.stringify("actual" in refused && refused.actual)).toContain(why);
  });
});
