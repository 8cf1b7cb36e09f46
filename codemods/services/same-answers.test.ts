import * as grpc from "@grpc/grpc-js";
import { afterAll, describe, expect, it } from "vitest";
import { serveHandler, serveRewritten, shopDefinition, shopMethods } from "../../fixtures/harness/one-handler.js";
import type { RpcKind } from "../analysis/facts.js";

// Each handler runs as it is on a real grpc-js server, and rewritten on our runtime; the same grpc-js client asks both.
const handlers: [name: string, kind: RpcKind, source: string][] = [
  ["a reply", "unary", "function f(call, cb) { cb(null, { sku: call.request.sku, count: 2 }); }"],
  [
    "a literal error",
    "unary",
    "function f(call, cb) { return cb({ code: 5, message: 'no: a/b?c=ü ' + call.request.sku }); }",
  ],
  ["details and message", "unary", "function f(call, cb) { cb({ code: 9, message: 'm', details: 'd' }); }"],
  ["an error without a code", "unary", "function f(call, cb) { cb(new Error('plain')); }"],
  ["an error with a string as code", "unary", "function f(call, cb) { cb({ code: 'P2002', message: 'unique' }); }"],
  [
    "an error value",
    "unary",
    "function f(call, cb) { const e = Object.assign(new Error('x'), { code: 7, details: 'y' }); cb(e); }",
  ],
  [
    "an error inside try",
    "unary",
    "async function f(call, cb) { try { if (call.request.sku) return cb({ code: 5, message: 'nope' }); cb(null, {}); } catch (e) { cb({ code: 13, message: 'caught' }); } }",
  ],
  [
    "a throw that is caught",
    "unary",
    "async function f(call, cb) { try { throw new Error('inner'); } catch (e) { cb({ code: 13, message: e.message }); } }",
  ],
  [
    "an error that is none",
    "unary",
    "function f(call, cb) { try { throw new Error('inner'); } catch (e) { cb(e.cause); } }",
  ],
  [
    "a throw that nobody catches",
    "unary",
    "function f(call, cb) { if (call.request.sku) throw new Error('secret'); cb(null, {}); }",
  ],
  [
    "a trailer and a header",
    "unary",
    "function f(call, cb) { const md = new grpc.Metadata(); md.set('k', 'v'); md.add('k', 'w'); call.sendMetadata(md); cb(null, { sku: call.metadata.get('tenant')[0] }, md); }",
  ],
  [
    "an error with metadata",
    "unary",
    "function f(call, cb) { const metadata = new grpc.Metadata(); metadata.set('why', 'because'); cb({ code: 5, message: 'm', metadata: metadata }); }",
  ],
  [
    "headers that are made, filled and sent in a row, then an error with others",
    "unary",
    `function f(call, cb) { const md = new grpc.Metadata(); md.set('z', 'v' + 1); md.add('B-bin', Buffer.from([0, 1, 255])); md.add('a', \`\${2} of \${3}\`); md.add('a', 'w'); call.sendMetadata(md); const why = new grpc.Metadata(); why.set('why', 'because'); cb({ code: 5, message: 'm', metadata: why }); }`,
  ],
  [
    "headers under a condition, trailers of a reply that others stand before",
    "unary",
    "function f(call, cb) { const head = new grpc.Metadata(); head.set('a', '1'); if (call.metadata.get('tenant').length > 0) head.set('b', '2'); call.sendMetadata(head); var md = new grpc.Metadata(); md.set('total', String(1 + 1)); const { sku } = call.request; cb(null, { sku }, md); }",
  ],
  [
    "trailers that a condition fills in one branch, and an error in the other",
    "unary",
    "function f(call, cb) { const md = new grpc.Metadata(); if (!call.request.sku) md.set('a', '1'); else return cb({ code: 9, message: 'no' }); cb(null, {}, md); }",
  ],
  [
    "Metadata that refuses a value of the request",
    "unary",
    "function f(call, cb) { const md = new grpc.Metadata(); try { md.set('sku', call.request.sku + 'ü'); } catch (e) { return cb({ code: 3, message: e.message }, null, md); } cb(null, {}, md); }",
  ],
  [
    "keys in another order than that of Headers, sent behind something else",
    "unary",
    "function f(call, cb) { const md = new grpc.Metadata(); md.set('z', '1'); md.set('a', '2'); const sku = call.request.sku; cb(null, { sku }, md); }",
  ],
  [
    "several values of one key, sent behind something else",
    "unary",
    "function f(call, cb) { const md = new grpc.Metadata(); md.set('a', '1'); md.add('a', '2'); const sku = call.request.sku; cb(null, { sku }, md); }",
  ],
  [
    "an error with two trailers",
    "unary",
    "function f(call, cb) { const metadata = new grpc.Metadata(); metadata.set('a-bin', Buffer.from('é', 'utf8')); metadata.set('why', 'because'); cb({ code: 5, message: 'm', metadata }); }",
  ],
  [
    "metadata that is read by its key, also a binary one and one that grpc-js hides",
    "unary",
    "function f(call, cb) { const all = ['tenant', call.metadata.get('Tenant').length, call.metadata.get('none').join(), call.metadata.get('raw-bin').map((b) => b.toString('hex')).join(), call.metadata.get('content-type').length, call.metadata.get('te')]; cb(null, { sku: JSON.stringify(all) }); }",
  ],
  [
    "metadata that is read by a function and from the call",
    "unary",
    "function f(call, cb) { const first = (md) => md.get('tenant')[0]; cb(null, { sku: first(call.metadata), count: call.metadata.get('tenant').length }); }",
  ],
  [
    "headers of a stream under a condition without a block",
    "server_streaming",
    "function f(call) { const md = new grpc.Metadata(); md.set('a', '1'); if (call.request.sku) call.sendMetadata(md); else call.write({}); call.write({ count: 1 }); const end = new grpc.Metadata(); end.set('z', '1'); end.set('b', '2'); call.end(end); }",
  ],
  [
    "trailers that are made where the messages end",
    "bidi_streaming",
    `function f(call) { const md = new grpc.Metadata(); md.set('a', '1'); call.sendMetadata(md); call.on('data', (m) => { call.write({ sku: m.sku }); }); call.on('end', () => { const end = new grpc.Metadata(); end.set('at', \`\${new Date().toISOString().length}\`); call.end(end); }); }`,
  ],
  [
    "trailers of all requests together",
    "client_streaming",
    "function f(call, cb) { let n = 0; call.on('data', () => { n += 1; }); call.on('end', () => { const md = new grpc.Metadata(); md.set('total', '3'); cb(null, { stored: n }, md); }); }",
  ],
  [
    "trailers of a message that fails to be made",
    "unary",
    "function f(call, cb) { const md = new grpc.Metadata(); md.set('a', '1'); const x = null; cb(null, { sku: x.sku }, md); }",
  ],
  [
    "trailers, sent as Metadata, of a message that fails to be made, and is caught",
    "unary",
    "async function f(call, cb) { const md = new grpc.Metadata(); md.set('sku', call.request.sku); const x = null; try { await null; return cb(null, { sku: x.sku }, md); } catch (e) { cb({ code: 9, message: 'caught' }); } }",
  ],
  [
    "trailers of a message that is made by a function",
    "unary",
    "function f(call, cb) { const md = new grpc.Metadata(); md.set('a', '1'); const make = (sku) => ({ sku }); return cb(null, make(call.request.sku), md); }",
  ],
  [
    "trailers of a message that is made later by a function",
    "unary",
    "function f(call, cb) { const md = new grpc.Metadata(); md.set('a', '1'); const make = (sku) => ({ sku }); setTimeout(() => { cb(null, make(call.request.sku), md); }, 2); }",
  ],
  ["the path", "unary", "function f(call, cb) { cb(null, { sku: call.getPath() }); }"],
  [
    "the host and the deadline",
    "unary",
    "function f(call, cb) { const left = call.getDeadline() - Date.now(); cb(null, { sku: call.getHost().replace(/\\d+$/, 'port'), count: left > 500 && left < 2000 ? 1 : 0 }); }",
  ],
  [
    "a promise chain",
    "unary",
    "function f(call, cb) { Promise.resolve(call.request.sku).then((sku) => cb(null, { sku })).catch(cb); }",
  ],
  [
    "a chain that fails",
    "unary",
    "function f(call, cb) { Promise.reject(Object.assign(new Error('gone'), { code: 5 })).then((x) => cb(null, x)).catch((e) => { cb(e); }); }",
  ],
  [
    "a reply that is made later",
    "unary",
    "function f(call, cb) { if (!call.request.sku) return cb({ code: 3 }); setTimeout(() => { cb(null, { sku: call.request.sku }); }, 5); }",
  ],
  [
    "an error that is made later, with trailers",
    "unary",
    "function f(call, cb) { const md = new grpc.Metadata(); md.set('why', 'late'); setTimeout(() => cb({ code: 9, details: 'd' }, null, md), 5); }",
  ],
  [
    "a callback that is handed on, and fails",
    "unary",
    "function f(call, cb) { require('node:fs').readFile('/does/not/exist', cb); }",
  ],
  [
    "a callback that is handed to a helper with an error and trailers",
    "unary",
    "function f(call, cb) { const md = new grpc.Metadata(); md.set('why', 'helped'); const fail = (done, e) => done(e, null, md); if (call.request.sku) return fail(cb, { code: 5, message: 'm' }); cb(null, {}); }",
  ],
  [
    "a callback that is handed to a helper that replies later, without a message",
    "unary",
    "async function f(call, cb) { const reply = (done) => setTimeout(() => done(null), 1); try { await null; reply(cb); } catch (e) { cb(e); } }",
  ],
  [
    "a helper that throws, and a catch that replies",
    "unary",
    "async function f(call, cb) { const helper = (done) => { throw new Error('h'); }; try { await null; return helper(cb); } catch (e) { cb({ code: 9, message: e.message }); } }",
  ],
  [
    "a link that fails before its catch",
    "unary",
    "function f(call, cb) { Promise.resolve(null).then((x) => { if (!x) return cb({ code: 5, message: 'first' }); cb(null, x); }).catch(cb); }",
  ],
  [
    "code behind the reply",
    "unary",
    "function f(call, cb) { cb(null, { sku: 'a' }); Promise.resolve().then(() => {}); }",
  ],
  ["code behind the reply that fails", "unary", "function f(call, cb) { cb(null, { sku: 'a' }); null.x(); }"],
  [
    "code behind the reply that fails, and is caught",
    "unary",
    "async function f(call, cb) { try { cb(null, { sku: 'a' }); null.x(); } catch (e) { cb({ code: 13, message: 'caught' }); } }",
  ],
  [
    "a missing return",
    "unary",
    "function f(call, cb) { if (call.request.sku) { cb({ code: 5, message: 'first' }); } cb(null, { sku: 'second' }); }",
  ],
  [
    "a missing return, with a failure behind it",
    "unary",
    "async function f(call, cb) { const x = null; try { if (!x) { cb({ code: 5, message: 'first' }); } cb(null, { sku: x.a.b() }); } catch (e) { cb({ code: 13, message: 'second' }); } }",
  ],
  [
    "a throw while the promise is made",
    "unary",
    "function f(call, cb) { setTimeout(() => cb(null, {}), 5); throw new Error('secret'); }",
  ],
  [
    "a reply that never comes",
    "unary",
    "function f(call, cb) { setTimeout(() => { if (call.request.count > 99) cb(null, {}); }, 1); }",
  ],
  [
    "a nested reply at the end of a stream",
    "client_streaming",
    "function f(call, cb) { let n = 0; call.on('data', (m) => { n += m.count; }); call.on('end', () => { setTimeout(() => cb(null, { stored: n }), 5); }); }",
  ],
  [
    "a sum",
    "client_streaming",
    "function f(call, cb) { let n = 0; call.on('data', (m) => { if (m.count < 0) return; n += m.count; }); call.on('end', () => { cb(null, { stored: n }); }); }",
  ],
  [
    "an error at the end",
    "client_streaming",
    "function f(call, cb) { call.on('data', () => {}); call.on('end', () => cb({ code: 3, details: 'none' })); }",
  ],
  [
    "an error for one of the messages, and a flag",
    "client_streaming",
    "function f(call, cb) { let n = 0; let refused = false; call.on('data', (m) => { if (refused) return; if (m.count < 0) { refused = true; cb({ code: 3, details: 'no ' + m.count }); return; } n += m.count; }); call.on('end', () => { if (refused) return; cb(null, { stored: n }); }); }",
  ],
  [
    "an error for one of the messages, and a reply at the end",
    "client_streaming",
    "function f(call, cb) { let n = 0; call.on('data', (m) => { if (m.count < 0) return cb({ code: 3, details: 'no' }); n += m.count; }); call.on('end', () => cb(null, { stored: n })); }",
  ],
  [
    "chained listeners",
    "client_streaming",
    "function f(call, cb) { let n = 0; call.on('data', (m) => { n += m.count; }).on('end', () => { cb(null, { stored: n }); }).on('error', (err) => { cb(err); }); }",
  ],
  [
    "for await",
    "client_streaming",
    "async function f(call, cb) { let n = 0; for await (const m of call) n += m.count; cb(null, { stored: n }); }",
  ],
  [
    "a list",
    "server_streaming",
    "function f(call) { for (let i = 0; i < 3; i++) call.write({ sku: call.request.sku, count: i }); call.end(); }",
  ],
  [
    "a list that stops where nobody waits",
    "server_streaming",
    "async function f(call) { for (let count = 1; count < 4; count++) { if (call.cancelled) return; call.write({ count }); await null; } call.end(); }",
  ],
  [
    "a loop without an end",
    "server_streaming",
    "async function f(call) { let count = 0; while (!call.cancelled) { count += 1; call.write({ count }); await null; if (count === 3) { call.end(); return; } } }",
  ],
  [
    "a list with an error",
    "server_streaming",
    "function f(call) { call.write({ count: 1 }); call.emit('error', { code: 8, details: 'full' }); }",
  ],
  [
    "a list with trailers",
    "server_streaming",
    "function f(call) { const md = new grpc.Metadata(); md.set('total', '1'); call.write({ count: 1 }); call.end(md); }",
  ],
  [
    "messages of a timer",
    "server_streaming",
    "function f(call) { let n = 0; const timer = setInterval(() => { call.write({ count: n }); n += 1; if (n === 3) { clearInterval(timer); call.end(); } }, 2); call.on('cancelled', () => clearInterval(timer)); }",
  ],
  [
    "messages of a callback, and an error before any",
    "server_streaming",
    "function f(call) { if (!call.request.sku) { call.emit('error', { code: 3, details: 'sku' }); return; } [1, 2].forEach((count) => { call.write({ count }); }); call.end(); }",
  ],
  [
    "an error before any message, in a handler that pushes",
    "server_streaming",
    "function f(call) { if (call.request.sku) { call.emit('error', { code: 3, details: 'sku' }); call.end(); return; } [1, 2].forEach((count) => call.write({ count })); call.end(); }",
  ],
  [
    "a failure among pushed messages that is caught",
    "server_streaming",
    "async function f(call) { try { await null; [1, 2, null].forEach((item) => { call.write({ count: item.valueOf() }); }); call.end(); } catch (err) { call.emit('error', { code: 13, message: 'caught' }); } }",
  ],
  [
    "null among messages",
    "server_streaming",
    "function f(call) { for (const row of [{ count: 1 }, null, { count: 2 }]) call.write(row); call.end(); }",
  ],
  [
    "null among pushed messages",
    "server_streaming",
    "function f(call) { [{ count: 1 }, null, { count: 2 }].forEach((row) => call.write(row)); call.end(); }",
  ],
  [
    "a pushed error with trailers, and an end behind it",
    "server_streaming",
    "function f(call) { const md = new grpc.Metadata(); md.set('k', 'v'); setTimeout(() => { call.write({ count: 1 }); call.emit('error', { code: 8, details: 'full', metadata: md }); call.end(); }, 2); }",
  ],
  [
    "pushed messages with trailers",
    "server_streaming",
    "async function f(call) { const md = new grpc.Metadata(); md.set('total', '2'); call.write({ count: 0 }); await null; setTimeout(() => { call.write({ count: 1 }); call.end(md); }, 2); }",
  ],
  [
    "a stream that stays open",
    "server_streaming",
    "function f(call) { setTimeout(() => { call.write({ count: 1 }); }, 1); }",
  ],
  [
    "an end before the last message",
    "bidi_streaming",
    "function f(call) { call.on('data', (m) => { call.write({ sku: m.sku }); if (m.sku === 'q') { call.end(); return; } }); call.on('end', () => { call.end(); }); }",
  ],
  [
    "an end, and messages that still come",
    "bidi_streaming",
    "function f(call) { call.on('data', (m) => { if (m.sku === 'p') { call.write({ sku: 'bye' }); call.end(); return; } call.write({ sku: m.sku }); }); call.on('end', () => { call.end(); }); }",
  ],
  [
    "an error for one of the messages of both sides",
    "bidi_streaming",
    "function f(call) { call.on('data', (m) => { if (m.sku === 'q') { call.emit('error', { code: 3, details: 'q' }); return; } call.write({ sku: m.sku }); }); call.on('end', () => { call.end(); }); }",
  ],
  [
    "a listener for the end of the call, behind those of the stream",
    "bidi_streaming",
    "function f(call) { call.on('data', (m) => { call.write({ sku: m.sku }); }); call.on('end', () => { call.end(); }); call.on('cancelled', () => {}); }",
  ],
  ["an empty list", "server_streaming", "function f(call) { call.end(); }"],
  [
    "an echo",
    "bidi_streaming",
    "function f(call) { call.on('data', (m) => { call.write({ sku: m.sku, count: 1 }); }); call.on('end', () => { call.write({ sku: 'bye' }); call.end(); }); }",
  ],
];

describe("the rewritten handler answers as the old one", () => {
  const stops: (() => void)[] = [];
  afterAll(() => {
    for (const stop of stops) stop();
  });

  it.each(handlers)("%s", async (_name, kind, source) => {
    const old = await serveHandler(kind, source);
    const migrated = await serveRewritten(kind, source);
    stops.push(old.stop, migrated.stop);
    const expected = await talk(kind, old.port);
    expect(expected.length).toBeGreaterThan(0);
    expect(await talk(kind, migrated.port)).toEqual(expected);
  });
});

/** One call, as the client sees it: messages, code, text and metadata, in order. */
function talk(kind: RpcKind, port: number): Promise<unknown[]> {
  const Client = grpc.makeGenericClientConstructor(shopDefinition, "Inventory");
  const client = new Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  const seen: unknown[] = [];
  const own = (metadata: grpc.Metadata) =>
    Object.entries(metadata.getMap()).filter(([key]) => !/^(content-type|date)$/.test(key));
  return new Promise((resolve) => {
    const metadata = new grpc.Metadata();
    metadata.set("tenant", "north");
    metadata.set("raw-bin", Buffer.from([0, 255]));
    const finish = (event: unknown) => {
      seen.push(event);
      // The status event of a call that answers once comes behind its callback.
      setTimeout(() => {
        client.close();
        resolve(seen);
      }, 20);
    };
    const answer = (error: grpc.ServiceError | null, value: unknown) =>
      finish(error ? { code: error.code, details: detailsOf(error), metadata: own(error.metadata) } : { value });
    const deadline = { deadline: Date.now() + 1500 };
    // biome-ignore lint/suspicious/noExplicitAny: a generic client has no types for its methods.
    const method = (client as any)[shopMethods[kind]].bind(client);
    const call =
      kind === "unary"
        ? method({ sku: "a1" }, metadata, deadline, answer)
        : kind === "client_streaming"
          ? method(metadata, deadline, answer)
          : kind === "server_streaming"
            ? method({ sku: "a1" }, metadata, deadline)
            : method(metadata, deadline);
    call.on("metadata", (header: grpc.Metadata) => {
      if (own(header).length > 0) seen.push({ header: own(header) });
    });
    call.on("status", (status: grpc.StatusObject) => {
      const event = { status: status.code, details: detailsOf(status), trailer: own(status.metadata) };
      if (kind === "unary" || kind === "client_streaming") seen.push(event);
      else finish(event);
    });
    if (kind === "server_streaming" || kind === "bidi_streaming") {
      call.on("data", (message: unknown) => seen.push({ message }));
      call.on("error", () => {});
    }
    if (kind === "client_streaming") for (const count of [1, -5, 2]) call.write({ sku: "x", count });
    if (kind === "bidi_streaming") for (const sku of ["p", "q"]) call.write({ sku });
    if (kind === "client_streaming" || kind === "bidi_streaming") call.end();
  });
}

/** Whose clock was quicker at the deadline, and by how much, is no part of the answer. */
function detailsOf({ details }: { details: string }): string {
  return details.replace(/^Deadline exceeded.*/s, "Deadline exceeded");
}
