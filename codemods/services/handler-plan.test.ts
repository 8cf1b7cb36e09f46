import { describe, expect, it } from "vitest";
import type { RpcKind } from "../analysis/facts.js";
import type { HandlerFact } from "../analysis/server-facts.js";
import { applyRules } from "../shared/apply.js";
import { type FunctionNode, isFunction, unwrap, walk } from "../shared/ast.js";
import { parse } from "../shared/parse.js";
import { planHandler } from "./handler-plan.js";
import { serviceRules } from "./index.js";

/** What has types is TypeScript. */
const fileFor = (source: string) => (source.includes("<Q, R>") ? "/project/handler.ts" : undefined);

/** What the first function of a source becomes; the code of the reason where it is bridged. */
function rewrite(kind: RpcKind, source: string, path = "/project/handler.js"): string {
  const file = parse(source, path);
  const functions: FunctionNode[] = [];
  walk(file, (node) => {
    if (isFunction(node)) functions.push(node);
  });
  const [fn] = functions as [FunctionNode];
  const plan = planHandler(fn, kind, file);
  if (!plan.ok) return plan.reason.code;
  const { start, end } = unwrap(fn.body);
  const rpc = { service: "s.S", method: "M", localName: "m", kind, input: "s.Q", output: "s.R" };
  const fact: HandlerFact = {
    kind: "handler",
    file: path,
    start,
    end,
    via: "provenance",
    rpc,
    idiomatic: true,
    reason: null,
    messages: "bridge",
    isField: false,
    wrapping: null,
    helped: [],
    properties: [],
    read: [],
    asked: [],
    upstream: [],
    isWrapped: false,
  };
  const result = applyRules(source, path, serviceRules, { facts: [fact], target: "bundled", messages: "auto" });
  expect(result.conflict).toBeNull();
  return result.text.replace(/^(const \{.*\} = require.*|import .*)\n+/gm, "");
}

const unary: [name: string, source: string, after: string][] = [
  [
    "tail and return",
    "function f(call, cb) { if (!call.request.id) return cb({ code: 3, message: 'id' }); cb(null, { a: call.request.id }); }",
    "function f(req) { if (!req.id) throw new ConnectError('id', Code.InvalidArgument); return { a: req.id }; }",
  ],
  [
    "a return behind branches that all reply",
    "function f(call, cb) {\n  if (!call.request.id) {\n    if (late) cb(null, { a: 0 });\n    else cb({ code: 3, message: 'id' });\n    return;\n  }\n  if (late) {\n    log();\n    cb(null, { a: 1 });\n    return;\n  }\n  cb(null, { a: 2 });\n}",
    "function f(req) {\n  if (!req.id) {\n    if (late) return { a: 0 };\n    else throw new ConnectError('id', Code.InvalidArgument);\n  }\n  if (late) {\n    log();\n    return { a: 1 };\n  }\n  return { a: 2 };\n}",
  ],
  [
    "an arrow's expression",
    "const f = ({ request }, cb) => cb(null, { a: request.a });",
    "const f = (request) => ({ a: request.a });",
  ],
  [
    "an arrow's error",
    "const f = (call, cb) => cb({ code: 5, details: 'x' });",
    "const f = (req) => { throw new ConnectError('x', Code.NotFound); };",
  ],
  [
    "a returned rejection inside try, a throw in catch",
    "async function f(call, cb) { try { if (x) return cb({ code: 5, message: 'no' }); cb(null, await g()); } catch (e) { cb(e); } }",
    "async function f(req) { try { if (x) return Promise.reject(new ConnectError('no', Code.NotFound)); return await g(); } catch (e) { throw toConnectError(e); } }",
  ],
  [
    "finally keeps running",
    "function f(call, cb) { try { cb(null, a); } finally { done(); } }",
    "function f(req) { try { return a; } finally { done(); } }",
  ],
  [
    "a switch with a default",
    "function f(call, cb) {\n  switch (k) {\n    case 1:\n      cb(null, a);\n      break;\n    default:\n      cb(null, b);\n  }\n}",
    "function f(req) {\n  switch (k) {\n    case 1:\n      return a;\n    default:\n      return b;\n  }\n}",
  ],
  [
    "both branches",
    "function f(call, cb) { if (x) cb(null, a); else cb(e); }",
    "function f(req) { if (x) return a; else throw toConnectError(e); }",
  ],
  [
    "a return in a loop",
    "function f(call, cb) { for (const x of y) { if (x) return cb(null, x); } cb(null, z); }",
    "function f(req) { for (const x of y) { if (x) return x; } return z; }",
  ],
  [
    "details win over message",
    "function f(call, cb) { cb({ code: 5, message: 'm', details: 'd' }); }",
    "function f(req) { throw new ConnectError('d', Code.NotFound); }",
  ],
  [
    "a code that is no number",
    "function f(call, cb) { cb({ code: 'x', message: 'm' }); }",
    "function f(req) { throw toConnectError({ code: 'x', message: 'm' }); }",
  ],
  [
    "a name that is taken",
    "function f(call, cb) { const req = call.request; cb(null, req); }",
    "function f(request) { const req = request; return req; }",
  ],
  [
    "this",
    "const o = { get(call, cb) { cb(null, this.items.get(call.request.id)); } };",
    "const o = { get(req) { return this.items.get(req.id); } };",
  ],
  [
    "a promise chain",
    "function f(call, cb) {\n  find(call.request.id)\n    .then((x) => {\n      cb(null, { x });\n    })\n    .catch(cb);\n}",
    "function f(req) {\n  return find(req.id)\n    .then((x) => {\n      return { x };\n    })\n    .catch((err) => { throw toConnectError(err); });\n}",
  ],
  [
    "an error reply in then with nothing behind it",
    "function f(call, cb) { return find().then((x) => { if (!x) return cb({ code: 5, message: 'no' }); cb(null, x); }, (e) => cb(e)); }",
    "function f(req) { return find().then((x) => { if (!x) throw new ConnectError('no', Code.NotFound); return x; }, (e) => { throw toConnectError(e); }); }",
  ],
];

describe("unary handlers that become idiomatic", () => {
  it.each(unary)("%s", (_name, source, after) => {
    expect(rewrite("unary", source)).toBe(after);
  });
});

const streams: [name: string, kind: RpcKind, source: string, after: string][] = [
  [
    "once and addListener",
    "client_streaming",
    "function f(call, cb) {\n  let n = 0;\n  call.addListener('data', (m) => {\n    n += m.n;\n  });\n  call.once('end', () => cb(null, { n }));\n}",
    "async function f(requests) {\n  let n = 0;\n  for await (const m of requests) {\n    n += m.n;\n  }\n  return { n };\n}",
  ],
  [
    "writes in a loop",
    "server_streaming",
    "const o = { list(call) {\n  for (const x of y) call.write({ x });\n  call.end();\n} };",
    "const o = { async *list(req) {\n  for (const x of y) yield { x };\n} };",
  ],
  [
    "an early end",
    "server_streaming",
    "async function f(call) {\n  if (!x) {\n    call.end();\n    return;\n  }\n  call.write(await x());\n  call.end();\n}",
    "async function* f(req) {\n  if (!x) {\n    return;\n  }\n  yield await x();\n}",
  ],
  [
    "the end of a try",
    "server_streaming",
    "async function f(call) {\n  try {\n    for (const x of y) call.write(x);\n    call.end();\n  } catch (err) {\n    call.emit('error', err);\n  } finally {\n    log();\n  }\n}",
    "async function* f(req) {\n  try {\n    for (const x of y) yield x;\n  } catch (err) {\n    throw toConnectError(err);\n  } finally {\n    log();\n  }\n}",
  ],
  [
    "an arrow",
    "server_streaming",
    "const f = async (call) => {\n  call.write(a);\n  call.end();\n};",
    "const f = async function* (req) {\n  yield a;\n};",
  ],
  [
    "a reply inside the loop",
    "client_streaming",
    "async function f(call, cb) { for await (const m of call) { if (m.bad) return cb({ code: 3, message: 'bad' }); } cb(null, {}); }",
    "async function f(requests) { for await (const m of requests) { if (m.bad) throw new ConnectError('bad', Code.InvalidArgument); } return {}; }",
  ],
  [
    "a loop that says of what",
    "client_streaming",
    "async function f(call: ServerReadableStream<Q, R>, cb: sendUnaryData<R>) { let n = 0; for await (const m of call as AsyncIterable<Q>) n += m.n; cb(null, { n }); }",
    "async function f(requests: AsyncIterable<Q>) { let n = 0; for await (const m of requests as AsyncIterable<Q>) n += m.n; return { n }; }",
  ],
  [
    "listeners of one expression",
    "client_streaming",
    "function f(call, cb) {\n  const list = [];\n  call.on('data', (m) => list.push(m));\n  call.on('end', () => cb(null, { n: list.length }));\n}",
    "async function f(requests) {\n  const list = [];\n  for await (const m of requests) list.push(m);\n  return { n: list.length };\n}",
  ],
  [
    "listeners that are chained",
    "client_streaming",
    "function f(call, cb) {\n  let n = 0;\n  call\n    .on('data', (m) => {\n      n += m.n;\n    })\n    .on('end', () => {\n      // all there\n      cb(\n        null,\n        make({\n          n,\n        }),\n      );\n    })\n    .on('error', (err) => {\n      cb(err);\n    });\n}",
    "async function f(requests) {\n  let n = 0;\n  for await (const m of requests) {\n    n += m.n;\n  }\n  // all there\n  return make({\n    n,\n  });\n}",
  ],
  [
    "chained listeners of expressions",
    "bidi_streaming",
    "function f(call) {\n  call.on('error', log).on('data', (m) => call.write(m)).on('end', () => call.end());\n}",
    "reply-in-nested-function",
  ],
  [
    "an end listener that stores, with no message before it",
    "bidi_streaming",
    "function f(call) { call.on('data', (m) => { all.push(m); }); call.on('end', () => { db.store(all); call.write(all); call.end(); }); }",
    "async function* f(requests) { for await (const m of requests) { all.push(m); } db.store(all); yield all; }",
  ],
  [
    "an end listener that writes a log line",
    "bidi_streaming",
    "function f(call) { call.on('data', (m) => { call.write(m); }); call.on('end', () => { console.log('bye'); call.end(); }); }",
    "async function* f(requests) { for await (const m of requests) { yield m; } console.log('bye'); }",
  ],
  [
    "call.end() at the end of a listener",
    "bidi_streaming",
    "function f(call) {\n  call.on('data', (m) => {\n    call.write(m);\n  });\n  call.on('end', () => {\n    call.write({ bye: true });\n    call.end();\n  });\n}",
    "async function* f(requests) {\n  for await (const m of requests) {\n    yield m;\n  }\n  yield { bye: true };\n}",
  ],
];

const early: [name: string, kind: RpcKind, source: string, after: string][] = [
  [
    "an error for one message, and the flag that it sets",
    "client_streaming",
    "function f(call, cb) {\n  let n = 0;\n  let done = false;\n  call.on('data', (m) => {\n    if (done) return;\n    if (m.bad) {\n      done = true;\n      cb(e);\n      return;\n    }\n    n += 1;\n  });\n  call.on('end', () => {\n    if (done) return;\n    cb(null, { n });\n  });\n}",
    "async function f(requests) {\n  let n = 0;\n  for await (const m of requests) {\n    if (m.bad) {\n      throw toConnectError(e);\n    }\n    n += 1;\n  }\n  return { n };\n}",
  ],
  [
    "an end for one message",
    "bidi_streaming",
    "function f(call) {\n  call.on('data', (m) => {\n    call.write(m);\n    if (m.last) call.end();\n  });\n  call.on('end', () => {\n    call.end();\n  });\n}",
    "async function* f(requests) {\n  for await (const m of requests) {\n    yield m;\n    if (m.last) return;\n  }\n}",
  ],
];

describe("calls that end before their last message", () => {
  it.each(early)("%s", (_name, kind, source, after) => {
    expect(rewrite(kind, source)).toBe(after);
  });
});

const pushed: [name: string, kind: RpcKind, source: string, after: string][] = [
  [
    "a timer, and what ends it",
    "server_streaming",
    "function f(call) {\n  const timer = setInterval(() => {\n    call.write({ at: 1 });\n  }, 10);\n  call.on('cancelled', () => clearInterval(timer));\n}",
    "function f(req, ctx) {\n  return createPushStream((output) => {\n    const timer = setInterval(() => {\n      output.write({ at: 1 });\n    }, 10);\n    ctx.onOver?.(() => clearInterval(timer));\n  });\n}",
  ],
  [
    "a chain behind a message",
    "server_streaming",
    "function f(call) {\n  call.write(head);\n  find().then((rows) => {\n    rows.forEach((row) => call.write(row));\n    call.end();\n  }).catch((err) => call.emit('error', err));\n}",
    "function f(req) {\n  return createPushStream((output) => {\n    output.write(head);\n    find().then((rows) => {\n      rows.forEach((row) => output.write(row));\n      output.end();\n    }).catch((err) => output.fail(toConnectError(err)));\n  });\n}",
  ],
  [
    "an await among the statements that push",
    "server_streaming",
    "async function f(call) { on((x) => call.write(x)); await ready(); call.end(); }",
    "async function* f(req) { yield* createPushStream(async (output) => { on((x) => output.write(x)); await ready(); output.end(); }); }",
  ],
  [
    "an await between the messages",
    "server_streaming",
    "async function f(call) {\n  call.write(head);\n  await ready();\n  on((x) => {\n    call.write(x);\n  });\n}",
    "async function* f(req) {\n  yield head;\n  await ready();\n  yield* createPushStream((output) => {\n    on((x) => {\n      output.write(x);\n    });\n  });\n}",
  ],
  [
    "an arrow function with this",
    "server_streaming",
    "const f = (call) => { this.bus.on('x', (m) => call.write(m)); };",
    "const f = (req) => { return createPushStream((output) => { this.bus.on('x', (m) => output.write(m)); }); };",
  ],
  [
    "inside a try",
    "server_streaming",
    "async function f(call) { try { const rows = await find(); rows.forEach((row) => call.write(row)); call.end(); } catch (err) { call.emit('error', err); } }",
    "async function* f(req) { try { const rows = await find(); yield* createPushStream((output) => { rows.forEach((row) => output.write(row)); output.end(); }); } catch (err) { throw toConnectError(err); } }",
  ],
  [
    "functions that wait, and are waited for",
    "server_streaming",
    "async function f(call) { if (!call.request.sku) { call.end(); return; } try { await Promise.all(rows.map(async (row) => { call.write(await load(row)); })); call.end(); } catch (err) { call.emit('error', err); } }",
    "async function* f(req) { if (!req.sku) { return; } yield* createPushStream(async (output) => { try { await Promise.all(rows.map(async (row) => { output.write(await load(row)); })); output.end(); } catch (err) { output.fail(toConnectError(err)); } }); }",
  ],
  [
    "a function for the items of each page",
    "server_streaming",
    "async function f(call) { let page; do { page = await load(page); page.items.forEach((item) => call.write(item)); } while (page.next); call.end(); }",
    "async function* f(req) { let page; yield* createPushStream(async (output) => { do { page = await load(page); page.items.forEach((item) => output.write(item)); } while (page.next); output.end(); }); }",
  ],
  [
    "a call that is kept, before something is awaited",
    "server_streaming",
    "async function f(call) { watchers.add(call); await ready(); call.write(head); call.on('cancelled', () => watchers.delete(call)); }\nconst watchers = new Set();\nfunction tell(m) { watchers.forEach((each) => each.write(m)); }",
    "async function* f(req, ctx) { yield* createPushStream(async (output) => { watchers.add(output); await ready(); output.write(head); ctx.onOver?.(() => watchers.delete(output)); }); }\nconst watchers = new Set();\nfunction tell(m) { watchers.forEach((each) => each.write(m)); }",
  ],
  [
    "call.end() behind an error",
    "server_streaming",
    "function f(call) {\n  if (x) {\n    call.emit('error', e);\n    call.end();\n    return;\n  }\n  call.end();\n}",
    "async function* f(req) {\n  if (x) {\n    throw toConnectError(e);\n  }\n}",
  ],
  [
    "a reply for one message, after which no other is stored",
    "client_streaming",
    "function f(call, cb) { call.on('data', (m) => { if (m.bad) return cb(e); db.insert(m); }); call.on('end', () => cb(null, {})); }",
    "async function f(requests) { for await (const m of requests) { if (m.bad) throw toConnectError(e); db.insert(m); } return {}; }",
  ],
  [
    "writes in a callback for each message",
    "bidi_streaming",
    "function f(call) { call.on('data', (m) => { if (!m) return; rooms.forEach((r) => call.write(r)); }); call.on('end', () => call.end()); }",
    "function f(requests) { return createPushStream(async (output) => { for await (const m of requests) { if (!m) continue; rooms.forEach((r) => output.write(r)); } output.end(); }); }",
  ],
  [
    "an end listener that stores, behind messages that a client may leave unread and cancel",
    "bidi_streaming",
    "function f(call) { call.on('data', (m) => { all.push(m); call.write(m); }); call.on('end', () => { db.store(all); call.end(); }); }",
    "function f(requests) { return createPushStream(async (output) => { for await (const m of requests) { all.push(m); output.write(m); } db.store(all); output.end(); }); }",
  ],
  [
    "an error that leaves a conversation, and one that does not",
    "bidi_streaming",
    "function f(call) { call.on('data', (m) => { if (m.a) { call.emit('error', e); return; } if (m.b) call.emit('error', e); db.add(m); call.write(m); }); call.on('end', () => { db.clear(); call.end(); }); }",
    "function f(requests) { return createPushStream(async (output) => { for await (const m of requests) { if (m.a) { output.fail(toConnectError(e)); return; } if (m.b) output.fail(toConnectError(e)); db.add(m); output.write(m); } db.clear(); output.end(); }); }",
  ],
  [
    "no listener for the end",
    "bidi_streaming",
    "function f(call) { call.on('data', (m) => call.write(m)); }",
    "function f(requests) { return createPushStream(async (output) => { for await (const m of requests) output.write(m); }); }",
  ],
  [
    "a call that is kept, compared and handed to a function that writes to it",
    "bidi_streaming",
    "function f(call) { let me; call.on('data', (m) => { users.push({ call, name: m }); me = find(call); tell(call, m); }); call.on('end', () => { users = users.filter((u) => u.call !== call); call.end(); }); }\nlet users = [];\nconst find = (c) => users.find((u) => u.call === c);\nfunction tell(from, m) { for (const { call, name } of users) if (call !== from) call.write(m); }",
    "function f(requests) { let me; return createPushStream(async (output) => { for await (const m of requests) { users.push({ call: output, name: m }); me = find(output); tell(output, m); } users = users.filter((u) => u.call !== output); output.end(); }); }\nlet users = [];\nconst find = (c) => users.find((u) => u.call === c);\nfunction tell(from, m) { for (const { call, name } of users) if (call !== from) call.write(m); }",
  ],
  [
    "cancelled behind the listeners, and a call that is kept before them",
    "bidi_streaming",
    "function f(call) {\n  let room;\n  const leave = () => {\n    rooms.get(room)?.delete(call);\n  };\n  call.on('data', (m) => {\n    room = m.room;\n    rooms.get(room).add(call);\n  });\n  call.on('end', () => {\n    leave();\n    call.end();\n  });\n  // However it ends.\n  call.on('cancelled', leave);\n}\nconst rooms = new Map();\nfunction tell(room, m) { rooms.get(room).forEach((each) => each.write(m)); }",
    "function f(requests, ctx) {\n  let room;\n  return createPushStream(async (output) => {\n    const leave = () => {\n      rooms.get(room)?.delete(output);\n    };\n    // However it ends.\n    ctx.onOver?.(leave);\n    for await (const m of requests) {\n      room = m.room;\n      rooms.get(room).add(output);\n    }\n    leave();\n    output.end();\n  });\n}\nconst rooms = new Map();\nfunction tell(room, m) { rooms.get(room).forEach((each) => each.write(m)); }",
  ],
  [
    "a call that is kept to be written to by another one",
    "server_streaming",
    "function f(call) { if (!call.request.sku) { call.end(); return; } watchers.add(call); call.on('cancelled', () => watchers.delete(call)); }\nconst watchers = new Set();\nfunction tell(m) { watchers.forEach((each) => each.write(m)); }",
    "async function* f(req, ctx) { if (!req.sku) { return; } yield* createPushStream((output) => { watchers.add(output); ctx.onOver?.(() => watchers.delete(output)); }); }\nconst watchers = new Set();\nfunction tell(m) { watchers.forEach((each) => each.write(m)); }",
  ],
  [
    "a var that each message has for itself",
    "bidi_streaming",
    "function f(call) { call.on('data', (m) => { var text = m.text; setTimeout(() => call.write(text)); }); call.on('end', () => { var n = count(); call.write(n); call.end(); }); }",
    "function f(requests) { return createPushStream(async (output) => { for await (const m of requests) { let text = m.text; setTimeout(() => output.write(text)); } var n = count(); output.write(n); output.end(); }); }",
  ],
  [
    "a var of a loop",
    "client_streaming",
    "function f(call, cb) { var n = 0; call.on('data', (m) => { for (var i = 0; i < m.n; i++) n += i; }); call.on('end', () => cb(null, { n })); }",
    "async function f(requests) { var n = 0; for await (const m of requests) { for (let i = 0; i < m.n; i++) n += i; } return { n }; }",
  ],
  [
    "a statement behind the listeners",
    "bidi_streaming",
    "function f(call) {\n  call.on('data', (m) => call.write(m));\n  call.on('end', () => call.end());\n  // first\n  call.write(hello);\n}",
    "async function* f(requests) {\n  // first\n  yield hello;\n  for await (const m of requests) yield m;\n}",
  ],
  [
    "cancelled behind the listeners of the stream",
    "bidi_streaming",
    "function f(call) {\n  call.on('data', (m) => {\n    call.write(m);\n  });\n  call.on('end', () => {\n    call.end();\n  });\n  call.on('cancelled', () => log());\n}",
    "async function* f(requests, ctx) {\n  ctx.onOver?.(() => log());\n  for await (const m of requests) {\n    yield m;\n  }\n}",
  ],
];

const over: [name: string, kind: RpcKind, source: string, after: string][] = [
  [
    "a return where nobody waits any more",
    "server_streaming",
    "async function f(call) {\n  for (const x of xs) {\n    if (call.cancelled) {\n      log();\n      return;\n    }\n    call.write(x);\n    await sleep(2);\n  }\n  call.end();\n}",
    "async function* f(req, ctx) {\n  for (const x of xs) {\n    if (ctx.signal.aborted) {\n      log();\n      return;\n    }\n    yield x;\n    await sleep(2);\n  }\n}",
  ],
  [
    "a loop that runs until nobody waits",
    "server_streaming",
    "async function f(call) {\n  while (!call.cancelled) {\n    call.write(x);\n    await sleep(2);\n  }\n}",
    "async function* f(req, ctx) {\n  while (!ctx.signal.aborted) {\n    yield x;\n    await sleep(2);\n  }\n}",
  ],
  [
    "a loop without an end",
    "server_streaming",
    "async function f(call) {\n  for (;;) {\n    call.write(x);\n    if (await gone()) {\n      call.end();\n      return;\n    }\n  }\n}",
    "async function* f(req) {\n  for (;;) {\n    yield x;\n    if (await gone()) {\n      return;\n    }\n  }\n}",
  ],
];

describe("streams that end with their call", () => {
  it.each(over)("%s", (_name, kind, source, after) => {
    expect(rewrite(kind, source)).toBe(after);
  });
});

describe("messages that are pushed", () => {
  it.each(pushed)("%s", (_name, kind, source, after) => {
    expect(rewrite(kind, source)).toBe(after);
  });
});

describe("streaming handlers that become idiomatic", () => {
  it.each(streams)("%s", (_name, kind, source, after) => {
    expect(rewrite(kind, source, fileFor(source))).toBe(after);
  });
});

const promises: [name: string, kind: RpcKind, source: string, after: string][] = [
  [
    "a nested callback",
    "unary",
    "function f(call, cb) {\n  if (!call.request.id) return cb({ code: 3, message: 'id' });\n  db.find(call.request.id, (err, row) => {\n    if (err) return cb(err);\n    cb(null, { row });\n  });\n}",
    "function f(req) {\n  if (!req.id) throw new ConnectError('id', Code.InvalidArgument);\n  return new Promise((resolve, reject) => {\n    db.find(req.id, (err, row) => {\n      if (err) return reject(toConnectError(err));\n      resolve({ row });\n    });\n  });\n}",
  ],
  [
    "a callback that a package calls",
    "unary",
    "const fs = require('fs');\nconst f = (call, cb) => fs.readFile(call.request.path, cb);",
    "const fs = require('fs');\nconst f = (req) => new Promise((resolve, reject) => fs.readFile(req.path, (err, reply) => (err ? reject(toConnectError(err)) : resolve(reply))));",
  ],
  [
    "an error or a reply",
    "unary",
    "function f(call, cb) { db.find((err, x) => { cb(err, x); }); }",
    "function f(req) { return new Promise((resolve, reject) => { db.find((err, x) => { if (err) reject(toConnectError(err)); else resolve(x); }); }); }",
  ],
  [
    "code behind the reply that may return",
    "unary",
    "function f(call, cb) {\n  if (x) {\n    cb(null, x); // sent\n    if (y) return;\n  }\n  publish(x); // last\n}",
    "function f(req) {\n  return new Promise((resolve) => {\n    if (x) {\n      resolve(x); // sent\n      if (y) return;\n    }\n    publish(x); // last\n  });\n}",
  ],
  [
    "a link of a chain that fails before its catch",
    "unary",
    "function f(call, cb) { find().then((x) => { if (!x) return cb({ code: 5 }); cb(null, x); }).catch(cb); }",
    "function f(req) { return new Promise((resolve, reject) => { find().then((x) => { if (!x) return reject(new ConnectError('Unknown Error', Code.NotFound)); resolve(x); }).catch((err) => reject(toConnectError(err))); }); }",
  ],
  [
    "a reply in finally",
    "unary",
    "function f(call, cb) { try { go(); } catch (e) { log(e); } finally { cb(null, b); } }",
    "function f(req) { return new Promise((resolve) => { try { go(); } catch (e) { log(e); } finally { resolve(b); } }); }",
  ],
  [
    "a nested reply at the end of a stream",
    "client_streaming",
    "function f(call, cb) {\n  const list = [];\n  call.on('data', (m) => list.push(m));\n  call.on('end', () => {\n    save(list, (err) => {\n      cb(err, { n: list.length });\n    });\n  });\n}",
    "async function f(requests) {\n  const list = [];\n  for await (const m of requests) list.push(m);\n  return new Promise((resolve, reject) => {\n    save(list, (err) => {\n      if (err) reject(toConnectError(err));\n      else resolve({ n: list.length });\n    });\n  });\n}",
  ],
  [
    "names that are taken, and types",
    "unary",
    "function f(call: grpc.ServerUnaryCall<Q, R>, cb: grpc.sendUnaryData<R>): void {\n\tresolve(call.request, (r: R) => {\n\t\tcb(null, r);\n\t});\n}",
    "function f(req: Q): R | Promise<R> {\n\treturn new Promise<R>((resolveReply) => {\n\t\tresolve(req, (r: R) => {\n\t\t\tresolveReply(r);\n\t\t});\n\t});\n}",
  ],
  [
    "a missing return with an await behind it",
    "unary",
    "async function f(call, cb) { if (x) { cb(e); } cb(null, await y()); }",
    "async function f(req) { return new Promise(async (resolve, reject) => { if (x) { reject(toConnectError(e)); } resolve(await y()); }); }",
  ],
  [
    "a missing return before a method that is the program's own",
    "unary",
    "async function f(call, cb) { try { const x = await g(); if (!x) { cb(e); } cb(null, { at: x.store() }); } catch (e) { cb(e); } }",
    "async function f(req) { return new Promise(async (resolve, reject) => { try { const x = await g(); if (!x) { reject(toConnectError(e)); } resolve({ at: x.store() }); } catch (e) { reject(toConnectError(e)); } }); }",
  ],
  [
    "a missing return before a method that is given something to call",
    "unary",
    "async function f(call, cb) { try { const x = await g(); if (!x) { cb(e); } cb(null, { at: x.split(y) }); } catch (e) { cb(e); } }",
    "async function f(req) { return new Promise(async (resolve, reject) => { try { const x = await g(); if (!x) { reject(toConnectError(e)); } resolve({ at: x.split(y) }); } catch (e) { reject(toConnectError(e)); } }); }",
  ],
  [
    "a missing return whose catch does something",
    "unary",
    "async function f(call, cb) { try { const x = await g(); if (!x) { cb(e); } cb(null, x.a.b()); } catch (e) { log(e); cb(e); } }",
    "async function f(req) { return new Promise(async (resolve, reject) => { try { const x = await g(); if (!x) { reject(toConnectError(e)); } resolve(x.a.b()); } catch (e) { log(e); reject(toConnectError(e)); } }); }",
  ],
];

describe("replies that settle a promise", () => {
  it.each(promises)("%s", (_name, kind, source, after) => {
    expect(rewrite(kind, source, fileFor(source))).toBe(after);
  });
});

const handed: [name: string, source: string, after: string][] = [
  [
    "kept in a map",
    "const waiting = new Map();\nfunction f(call, cb) { waiting.set(call.request.id, cb); }",
    "const waiting = new Map();\nfunction f(req, ctx) { return awaitReply(ctx, (cb) => waiting.set(req.id, cb)); }",
  ],
  [
    "given to an emitter",
    "const bus = require('bus');\nfunction f(call, cb) { bus.once(call.request.id, cb); }",
    "const bus = require('bus');\nfunction f(req, ctx) { return awaitReply(ctx, (cb) => bus.once(req.id, cb)); }",
  ],
  [
    "to a function of the project, inside try and in catch",
    "const { fail } = require('./errors');\nasync function f(call, cb) { try { if (!call.request.id) return fail(cb, 'id'); cb(null, await g()); } catch (err) { fail(cb, err); } }",
    "const { fail } = require('./errors');\nasync function f(req, ctx) { try { if (!req.id) return awaitReply(ctx, (cb) => fail(cb, 'id')); return await g(); } catch (err) { return awaitReply(ctx, (cb) => fail(cb, err)); } }",
  ],
  [
    "to a member",
    "const o = { get(call, cb) { this.items.get(call.request, cb); } };",
    "const o = { get(req, ctx) { return awaitReply(ctx, (cb) => this.items.get(req, cb)); } };",
  ],
];

describe("a callback that is handed on as the last thing", () => {
  it.each(handed)("%s", (_name, source, after) => {
    expect(rewrite("unary", source)).toBe(after.replace(/^const \{.*\} = require.*\n/, ""));
  });
});

const kept: [name: string, kind: RpcKind, source: string, after: string][] = [
  [
    "behind an await",
    "unary",
    "async function f(call, cb) {\n  const x = await g();\n  cb(null, { x }); // sent\n  publish(x); // last\n}",
    "async function f(req) {\n  const x = await g();\n  const reply = { x }; // sent\n  publish(x); // last\n  return reply;\n}",
  ],
  [
    "inside a try",
    "unary",
    "async function f(call, cb) { try { cb(null, await g()); publish(); } catch (err) { cb(err); } }",
    "async function f(req) { try { const reply = await g(); publish(); return reply; } catch (err) { throw toConnectError(err); } }",
  ],
  [
    "at the end of a stream",
    "client_streaming",
    "function f(call, cb) {\n  let n = 0;\n  call.on('data', (m) => {\n    n += m.n;\n  });\n  call.on('end', () => {\n    cb(null, { n });\n    console.log('done');\n  });\n}",
    "async function f(requests) {\n  let n = 0;\n  for await (const m of requests) {\n    n += m.n;\n  }\n  const reply = { n };\n  console.log('done');\n  return reply;\n}",
  ],
];

describe("a success behind which something is done", () => {
  it.each(kept)("%s", (_name, kind, source, after) => {
    expect(rewrite(kind, source)).toBe(after);
  });
});

const idle: [name: string, source: string, after: string][] = [
  [
    "a missing return with only a reply behind it",
    "function f(call, cb) { if (!call.request.id) { cb({ code: 3, message: 'id' }); } cb(null, { a: 'x' + call.request.id }); }",
    "function f(req) { if (!req.id) { throw new ConnectError('id', Code.InvalidArgument); } return { a: 'x' + req.id }; }",
  ],
  [
    "what is missing has no methods to call",
    "async function f(call, cb) { try { const x = await g(); if (!x) { cb({ code: 5, message: 'no' }); } cb(null, { at: x.at.getTime() }); } catch (e) { cb(e); } }",
    "async function f(req) { try { const x = await g(); if (!x) { return Promise.reject(new ConnectError('no', Code.NotFound)); } return { at: x.at.getTime() }; } catch (e) { throw toConnectError(e); } }",
  ],
  [
    "what is missing is an empty text, or has no methods at all",
    "function f(call, cb) { const x = g(); if (!x) { cb(e); } cb(null, { at: x.trim(), end: x.slice(1, 2) }); }",
    "function f(req) { const x = g(); if (!x) { throw toConnectError(e); } return { at: x.trim(), end: x.slice(1, 2) }; }",
  ],
];

describe("an error reply without return, behind which nothing is done", () => {
  it.each(idle)("%s", (_name, source, after) => {
    expect(rewrite("unary", source)).toBe(after);
  });
});

const bridged: [name: string, kind: RpcKind, source: string, code: string][] = [
  [
    "a reply in finally, behind what may be thrown",
    "unary",
    "function f(call, cb) { try { go(); } finally { cb(null, b); } }",
    "code-after-reply",
  ],
  [
    "a message that is changed behind the reply",
    "unary",
    "function f(call, cb) { cb(null, state.last); delete state.last.id; }",
    "code-after-reply",
  ],
  [
    "an error behind a message",
    "unary",
    "function f(call, cb) { cb(null, {}); if (bad()) cb({ code: 5 }); }",
    "code-after-reply",
  ],
  [
    "a missing return before a call of something that may be there",
    "unary",
    "async function f(call, cb) { const x = await g(); if (!x.ok) { cb(e); } cb(null, { at: x.at.getTime() }); await h(); }",
    "code-after-reply",
  ],
  [
    "a success that may fail behind a missing return",
    "unary",
    "async function f(call, cb) { try { if (x) cb(e); await g(); cb(null, y); store(y); } catch (e) { cb(e); } }",
    "code-after-reply",
  ],
  [
    "an error in finally behind an await",
    "unary",
    "async function f(call, cb) { try { if (x) cb(e); cb(null, await g()); } finally { cb(e); } }",
    "code-after-reply",
  ],
  [
    "a success without return",
    "unary",
    "async function f(call, cb) { const x = await g(); if (x) { cb(null, x); } cb(null, {}); await h(); }",
    "code-after-reply",
  ],
  [
    "an await behind a nested reply",
    "unary",
    "async function f(call, cb) { find((x) => cb(null, x)); await log(); }",
    "reply-in-nested-function",
  ],
  [
    "a callback that is handed on, with code behind it",
    "unary",
    "async function f(call, cb) { fail(cb); await log(); }",
    "code-after-reply",
  ],
  [
    "a callback that is handed on together with the call",
    "unary",
    "function f(call, cb) { handler(call, cb); }",
    "call-escapes",
  ],
  [
    "a name that is used before the promise that would hold it",
    "unary",
    "function f(call, cb) { later = () => x; find((y) => cb(null, y)); const x = 1; }",
    "reply-in-nested-function",
  ],
  ["a path without a reply", "unary", "function f(call, cb) { if (a) { cb(null, b); } }", "path-without-reply"],
  ["a bare return", "unary", "function f(call, cb) { if (a) return; cb(null, b); }", "path-without-reply"],
  [
    "a return where the call is over, and no reply elsewhere",
    "server_streaming",
    "async function f(call) { if (call.cancelled) return; call.write(x); if (x) call.end(); }",
    "path-without-reply",
  ],
  [
    "a return where the call is not over",
    "server_streaming",
    "async function f(call) { if (!call.cancelled) return; call.end(); }",
    "path-without-reply",
  ],
  [
    "a return of a unary handler whose call is over",
    "unary",
    "async function f(call, cb) { if (call.cancelled) return; cb(null, x); }",
    "path-without-reply",
  ],
  [
    "a loop without an end that is left",
    "server_streaming",
    "async function f(call) { while (!call.cancelled) { call.write(x); if (await done()) break; } }",
    "path-without-reply",
  ],
  ["no message", "unary", "function f(call, cb) { cb(null, null); }", "path-without-reply"],
  [
    "an error that may be missing",
    "server_streaming",
    "function f(call) { call.emit('error', last.error); }",
    "types-unknown",
  ],
  [
    "a callback that a package gives back in another form",
    "unary",
    "const once = require('once');\nfunction f(call, cb) { const done = once(cb); setTimeout(() => done(null, x, trailers), 1); }",
    "callback-escapes",
  ],
  [
    "a listener for one message",
    "client_streaming",
    "function f(call, cb) { call.once('data', (m) => use(m)); call.once('end', () => cb(null, x)); }",
    "reply-in-nested-function",
  ],
  ["a callback that is kept", "unary", "function f(call, cb) { const done = cb; done(null, x); }", "callback-escapes"],
  ["a call that is passed on", "unary", "function f(call, cb) { audit(call); cb(null, x); }", "call-escapes"],
  ["a property on the call", "unary", "function f(call, cb) { call.user = u; cb(null, x); }", "call-escapes"],
  ["arguments", "unary", "function f(call, cb) { audit(arguments); cb(null, x); }", "call-escapes"],
  [
    "two sendMetadata",
    "unary",
    "function f(call, cb) { call.sendMetadata(a); call.sendMetadata(b); cb(null, x); }",
    "no-equivalent",
  ],
  ["a comment inside the reply", "unary", "function f(call, cb) { cb(null, /* the one */ x); }", "edit-conflict"],
  [
    "a flag that is asked for more",
    "client_streaming",
    "function f(call, cb) { let done = false; call.on('data', (m) => { if (m.bad) { done = true; return cb(e); } }); call.on('end', () => { if (done) return; if (!done) cb(null, {}); }); }",
    "path-without-reply",
  ],
  [
    "a result of write that paces the writer",
    "server_streaming",
    "function f(call) { const next = () => { if (call.write(x)) next(); }; next(); }",
    "call-escapes",
  ],
  [
    "an await among the statements that push, and a name that is used before them",
    "server_streaming",
    "async function f(call) { const stop = () => off(write); const write = (x) => call.write(x); on(write); await ready(); stop(); call.end(); }",
    "reply-in-nested-function",
  ],
  [
    "messages of nested functions in a loop over requests",
    "bidi_streaming",
    "async function f(call) { for await (const m of call) { m.items.forEach((item) => call.write(item)); } call.end(); }",
    "reply-in-nested-function",
  ],
  [
    "an error of a nested function inside a try",
    "server_streaming",
    "function f(call) { try { on((e) => call.emit('error', e)); } catch (err) { log(err); } }",
    "reply-in-nested-function",
  ],
  [
    "a kept call whose result of write is asked",
    "bidi_streaming",
    "function f(call) { all.push(call); call.on('data', (m) => { for (const each of all) if (!each.write(m)) full(); }); call.on('end', () => call.end()); }\nconst all = [];",
    "call-escapes",
  ],
  [
    "a kept call that is asked for more",
    "bidi_streaming",
    "function f(call) { all.push(call); call.on('data', (m) => { all.forEach((each) => each.cancelled || each.write(m)); }); call.on('end', () => call.end()); }\nconst all = [];",
    "call-escapes",
  ],
  [
    "a kept call that other code gets",
    "bidi_streaming",
    "function f(call) { all.push(call); call.on('data', (m) => { send([...all]); }); call.on('end', () => call.end()); }\nconst all = [];",
    "call-escapes",
  ],
  [
    "a kept call that ends with trailers",
    "bidi_streaming",
    "function f(call) { all.push(call); call.on('data', (m) => { all.forEach((each) => each.end(m)); }); call.on('end', () => call.end()); }\nconst all = [];",
    "call-escapes",
  ],
  [
    "a kept call of a module's own list that it exports",
    "bidi_streaming",
    "function f(call) { all.push(call); call.on('data', (m) => { all.forEach((each) => each.write(m)); }); call.on('end', () => call.end()); }\nconst all = [];\nmodule.exports = { all };",
    "call-escapes",
  ],
  [
    "a kept call with a declared type",
    "bidi_streaming",
    "function f(call: any) { all.push(call); call.on('data', (m) => { all.forEach((each) => each.write(m)); }); call.on('end', () => call.end()); }\nconst all: Call[] = [];",
    "call-escapes",
  ],
  [
    "kept calls that other calls end, and work at the end",
    "bidi_streaming",
    "function f(call) { all.add(call); call.on('data', (m) => { all.forEach((each) => each.end()); }); call.on('end', () => { all.delete(call); call.end(); }); }\nconst all = new Set();",
    "call-escapes",
  ],
  [
    "a var of a loop in the data listener, which a function keeps",
    "client_streaming",
    "function f(call, cb) { call.on('data', (m) => { for (var i = 0; i < m.n; i++) later(() => i); }); call.on('end', () => cb(null, {})); }",
    "no-equivalent",
  ],
  [
    "a var in a block of the data listener, used behind it",
    "client_streaming",
    "function f(call, cb) { call.on('data', (m) => { if (m.a) { var last = m; } seen(last); }); call.on('end', () => cb(null, {})); }",
    "no-equivalent",
  ],
  [
    "a var of the data listener that is declared twice",
    "client_streaming",
    "function f(call, cb) { call.on('data', (m) => { var last = m.a; var last = m.b; later(() => last); }); call.on('end', () => cb(null, {})); }",
    "no-equivalent",
  ],
  [
    "a message that the data listener assigns anew",
    "client_streaming",
    "function f(call, cb) { call.on('data', (m) => { m = m.inner; seen(m); }); call.on('end', () => cb(null, {})); }",
    "no-equivalent",
  ],
  [
    "an end of the call without leaving, before work at the end",
    "bidi_streaming",
    "function f(call) { call.on('data', (m) => { if (m.last) call.end(); else call.write(m); }); call.on('end', () => { db.clear(); call.end(); }); }",
    "no-equivalent",
  ],
  [
    "a conversation that is forwarded to no call of a client",
    "bidi_streaming",
    "function f(call) { const up = dial(); call.on('data', (m) => up.write(m)); call.on('end', () => up.end()); up.on('data', (m) => call.write(m)); up.on('end', () => call.end()); }",
    "reply-in-nested-function",
  ],
  [
    "an await behind the listeners",
    "bidi_streaming",
    "async function f(call) { call.on('data', (m) => call.write(m)); call.on('end', () => call.end()); await x(); }",
    "code-after-reply",
  ],
  ["a stream that may stay open", "server_streaming", "function f(call) { if (x) call.end(); }", "path-without-reply"],
  ["a write behind the end", "server_streaming", "function f(call) { call.end(); call.write(x); }", "code-after-reply"],
  [
    "an emit that the own catch would see",
    "server_streaming",
    "function f(call) { try { call.emit('error', e); } catch (x) { call.end(); } }",
    "code-after-reply",
  ],
  [
    "an async data listener",
    "client_streaming",
    "function f(call, cb) { call.on('data', async (m) => { await g(m); }); call.on('end', () => cb(null, x)); }",
    "reply-in-nested-function",
  ],
  [
    "a name of the end listener that hides one of the module",
    "client_streaming",
    "function f(call, cb) { log(total); call.on('data', (m) => { n += m.n; }); call.on('end', () => { const total = n; cb(null, { total }); }); }",
    "edit-conflict",
  ],
  [
    "a reply on the first message",
    "client_streaming",
    "function f(call, cb) { call.on('data', (m) => { cb(null, m); }); call.on('end', () => {}); }",
    "path-without-reply",
  ],
];

describe("handlers that stay behind a bridge", () => {
  it.each(bridged)("%s", (_name, kind, source, code) => {
    expect(rewrite(kind, source, source.includes(": any") ? "/project/handler.ts" : undefined)).toBe(code);
  });
});

it.each([
  ["function f(call, cb) {\n  if (a)\n    return;\n  cb(null, b);\n}", "a return without a reply, line 3"],
  [
    "async function f(call, cb) {\n  try {\n    cb(null, await b());\n  } catch (error) {\n    log(error);\n  }\n}",
    "a catch that sends none, line 4",
  ],
])("the reason names the line: %s", (source, detail) => {
  const file = parse(source, "/project/handler.js");
  const plan = planHandler(file.program.body[0] as unknown as FunctionNode, "unary", file);
  expect(plan.ok ? "" : plan.reason.text).toContain(detail);
});
