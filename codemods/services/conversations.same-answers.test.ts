import * as grpc from "@grpc/grpc-js";
import { describe, expect, it, vi } from "vitest";
import {
  serveHandler,
  serveRewritten,
  shopDefinition,
  shopFolder,
  shopMethods,
} from "../../fixtures/harness/one-handler.js";
import { playScript, type ScriptedCall } from "../../fixtures/harness/script.js";

// Handlers that listen to what comes in. What a client sees and what the handler tells `log` is the same before and after, however
// the client behaves: one that reads, half-closes, cancels, or never reads and cancels, one that breaks off, one whose time is over.

const handlers: [name: string, source: string][] = [
  [
    "state of the server, and work at the end",
    "function f(call) { call.on('cancelled', () => over()); const mine = new Set(); call.on('data', (m) => { mine.add(m.sku); log('got ' + m.sku); call.write({ sku: m.sku, count: mine.size }); }); call.on('end', () => { log('end of ' + mine.size); call.end(); }); }",
  ],
  [
    "messages that a nested function writes, and trailers",
    "function f(call) { call.on('cancelled', () => over()); const md = new grpc.Metadata(); call.on('data', (m) => { log('got ' + m.sku); [m.sku].forEach((sku) => call.write({ sku })); }); call.on('end', () => { log('end'); md.set('total', '2'); call.end(md); }); }",
  ],
  [
    "messages of a timer, and a listener for the end of the call",
    "function f(call) { const timer = setInterval(() => call.write({ sku: 'tick' }), 60000); call.on('data', (m) => { log('got ' + m.sku); setTimeout(() => call.write({ sku: m.sku }), 1); }); call.on('end', () => { log('end'); setTimeout(() => call.end(), 5); }); call.on('cancelled', () => { clearInterval(timer); over(); }); }",
  ],
  [
    "an error for one message, with work around it",
    "function f(call) { call.on('cancelled', () => over()); call.on('data', (m) => { log('got ' + m.sku); if (m.sku === 'bad') { call.emit('error', { code: 3, details: 'no ' + m.sku }); return; } call.write({ sku: m.sku }); }); call.on('end', () => { call.end(); }); }",
  ],
  [
    "an error for one message, without return, and work at the end",
    "function f(call) { call.on('cancelled', () => over()); call.on('data', (m) => { log('got ' + m.sku); if (m.sku === 'bad') call.emit('error', { code: 3, details: 'no' }); call.write({ sku: m.sku }); }); call.on('end', () => { log('end'); registry.delete(1); call.end(); }); }",
  ],
  [
    "an end for one message, and work at the end",
    "function f(call) { call.on('cancelled', () => over()); call.on('data', (m) => { log('got ' + m.sku); if (m.sku === 'bad') { call.write({ sku: 'bye' }); call.end(); return; } registry.set(m.sku, 1); call.write({ sku: m.sku }); }); call.on('end', () => { log('end'); registry.clear(); call.end(); }); }",
  ],
  [
    "an end in a switch, and a message behind it",
    "function f(call) { call.on('cancelled', () => over()); call.on('data', (m) => { log('got ' + m.sku); let count = 0; switch (m.sku) { case 'bad': call.end(); return; case 'b': count = 2; break; } call.write({ sku: m.sku, count }); }); call.on('end', () => { call.end(); }); }",
  ],
  [
    "an error in a switch, caught and made anew",
    "function f(call) { call.on('cancelled', () => over()); call.on('data', (m) => { registry.set(m.sku, 1); try { switch (m.sku) { case 'bad': JSON.parse('{'); break; default: call.write({ sku: m.sku.toUpperCase() }); } } catch (e) { call.emit('error', { code: 3, details: 'caught' }); } }); call.on('end', () => { call.end(); }); }",
  ],
  [
    "no listener for the end",
    "function f(call) { call.on('cancelled', () => over()); call.on('data', (m) => { log('got ' + m.sku); call.write({ sku: m.sku }); }); }",
  ],
  [
    "an end that takes its time",
    "async function f(call) { call.on('cancelled', () => over()); await null; call.on('data', (m) => { call.write({ sku: m.sku }); }); call.on('end', async () => { log('end'); await new Promise((done) => setTimeout(done, 2)); registry.clear(); log('cleared'); call.write({ sku: 'bye' }); call.end(); }); }",
  ],
  [
    "a call that is kept, and forgotten when it is over",
    "function f(call) { call.on('data', (m) => { log('got ' + m.sku); registry.set('call', call); registry.forEach((each) => each.write({ sku: m.sku })); }); call.on('end', () => { call.end(); }); call.on('cancelled', () => { registry.delete('call', call); over(); }); }",
  ],
];

const method = `shop.v1.Inventory/${shopMethods.bidi_streaming}`;
const send = (sku: string) => ({ send: { sku } });
const message = (count: number) => ({ awaitEvent: "message" as const, count });
const calls: ScriptedCall[] = [
  { name: "all in one go", method, requests: [{ sku: "a" }, { sku: "b" }] },
  { name: "one after the other", method, steps: [send("a"), message(1), send("b"), "end"] },
  { name: "nothing", method, requests: [] },
  // Behind a message it would be chance: grpc-js sends the status when what was written is on its way.
  { name: "a bad one first", method, requests: [{ sku: "bad" }, { sku: "b" }] },
  { name: "a bad one alone", method, steps: [send("a"), message(1), send("bad"), message(2), "cancel"] },
  { name: "cancelled", method, steps: [send("a"), message(1), "cancel"] },
  { name: "a broken message", method, steps: [send("a"), message(1), { sendBytes: "0a05" }, "end"] },
];

describe("a rewritten conversation goes as before", () => {
  it.each(handlers)("%s", async (_name, source) => {
    const ends = source.includes("call.end(");
    const before = await converse(serveHandler, source, ends);
    expect(before.length).toBeGreaterThan(calls.length);
    expect(await converse(serveRewritten, source, ends)).toEqual(before);
  });

  it.each<[name: string, first: string, atEnd: string, over?: string]>([
    ["work at the end", "", "log('end'); registry.clear();"],
    ["a function of the server, under a name of the handler's", "const told = { log };", "told.log('end');"],
    [
      "a function of the server that a function of the handler's calls",
      "const t = { end: () => log('end') };",
      "t.end();",
    ],
    ["a function of the server for each item", "const mine = ['end'];", "mine.forEach(log);"],
    [
      "a list of the handler's that the server keeps",
      "const mine = []; registry.set('list', mine);",
      "mine.push('end');",
      "setTimeout(() => { log(registry.get('list').join()); over(); }, 20)",
    ],
  ])("with a client that reads nothing, and cancels: %s", async (_name, first, atEnd, over = "over()") => {
    const source = `function f(call) { call.on('cancelled', () => ${over}); ${first} call.on('data', (m) => { log(m.sku); call.write({ sku: m.sku.repeat(30000) }); }); call.on('end', () => { ${atEnd} call.end(); }); }`;
    const skus = Array.from({ length: 20 }, (_, index) => `item ${index}`);
    expect(await ignore(serveHandler, source, skus)).toEqual([...skus, "end"]);
    expect(await ignore(serveRewritten, source, skus)).toEqual([...skus, "end"]);
  });

  it("with clients that hear of each other, one of which is cancelled", async () => {
    const source =
      "function f(call) { let name; call.on('data', (m) => { if (!name) { name = m.sku; registry.set(name, { call }); } for (const each of registry.values()) if (each.call !== call) each.call.write({ sku: name + ' says ' + m.sku }); }); call.on('end', () => { registry.delete(name); registry.forEach((each) => each.call.write({ sku: name + ' left' })); call.end(); }); call.on('cancelled', () => over()); }";
    const heard = ["bob says bob", "bob says hello", "bob left", "status 0"];
    expect(await meet(serveHandler, source)).toEqual(heard);
    expect(await meet(serveRewritten, source)).toEqual(heard);
  });
});

describe("a rewritten stream of messages that nested functions write, between pauses, goes as before", () => {
  const work =
    "await Promise.all(['a', 'b'].map(async (sku) => { if (sku === 'b') await gate(); log('write ' + sku); call.write({ sku }); }));";
  const lists: [name: string, source: string][] = [
    ["that ends", `async function f(call) { call.on('cancelled', () => over()); ${work} call.end(); log('done'); }`],
    [
      "that fails, and catches that itself",
      `async function f(call) { call.on('cancelled', () => over()); try { ${work} null.x; } catch (e) { log('caught'); call.emit('error', { code: 3, details: 'no' }); } finally { log('done'); } }`,
    ],
    [
      "that takes page after page",
      "async function f(call) { call.on('cancelled', () => over()); for (const page of [['a'], ['b', 'c']]) { page.forEach((sku) => { log('write ' + sku); call.write({ sku }); }); await gate(); } call.end(); log('done'); }",
    ],
    [
      "that asks whether the call is over",
      "async function f(call) { call.on('cancelled', () => over()); ['a'].forEach((sku) => call.write({ sku })); await gate(); log('cancelled: ' + call.cancelled); ['b'].forEach((sku) => call.write({ sku })); call.end(); log('done'); }",
    ],
  ];
  it.each(lists)("%s", async (_name, source) => {
    for (const cancels of [false, true]) {
      const before = await list(serveHandler, source, cancels);
      expect(before).toContain("done");
      expect(before).toContain("a");
      expect(await list(serveRewritten, source, cancels)).toEqual(before);
    }
  });
});

/** What the handler may use, and what it has told. */
function witness() {
  const logged: string[] = [];
  const counts = { over: 0 };
  const registry = new Map<string, number>();
  const given = { log: (line: string) => logged.push(line), over: () => (counts.over += 1), registry };
  return { logged, counts, registry, given };
}

/**
 * A call that the server leaves open: its client waits for what is answered, then a little for an end that must not come, and cancels.
 * In many turns, each of which lets the server (in this process, too) go on, however slow the machine is.
 */
function cancelled({ requests, steps, ...call }: ScriptedCall): ScriptedCall {
  const all = steps ?? [...(requests ?? []).map((each) => ({ send: each })), "end" as const];
  const count = all.filter((step) => typeof step === "object" && "send" in step).length;
  const turns = Array.from({ length: 20 }, () => ({ pauseMs: 5 }));
  return { ...call, steps: [...all, message(count), ...turns, "cancel"] };
}

async function converse(serve: typeof serveHandler, source: string, ends: boolean): Promise<string[]> {
  const { logged, counts, registry, given } = witness();
  const server = await serve("bidi_streaming", source, given);
  const lines: string[] = [];
  try {
    for (const [index, call] of calls.entries()) {
      const script = { proto: "shop.proto", includeDirs: ["."], calls: [ends ? call : cancelled(call)] };
      lines.push(...(await playScript(shopFolder, script, server.port)));
      // What a server does when a call is over comes behind what the client sees, and a timer of it behind that.
      await vi.waitFor(() => expect(counts.over).toBe(index + 1), { timeout: 10_000, interval: 5 });
      await new Promise((resolve) => setTimeout(resolve, 10));
      lines.push(
        ...logged.splice(0).map((line) => `server: ${line}`),
        ...[...registry.keys()].map((key) => `kept: ${key}`),
      );
      registry.clear();
    }
  } finally {
    server.stop();
  }
  return lines;
}

/** What a client has of a stream, and what the server tells. It cancels with the first message, and the server goes on when it knows. */
async function list(serve: typeof serveHandler, source: string, cancels: boolean): Promise<string[]> {
  const { logged, counts, given } = witness();
  let open = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const server = await serve("server_streaming", source, { ...given, gate: () => gate });
  const client = clientOf(server.port);
  const heard: string[] = [];
  try {
    const call = client[shopMethods.server_streaming]({});
    const ended = new Promise((resolve) => call.on("status", resolve));
    call.on("error", () => {});
    call.on("data", ({ sku }: { sku: string }) => {
      heard.push(sku);
      if (!cancels) open();
      else call.cancel();
    });
    call.on("status", ({ code, details }: grpc.StatusObject) => heard.push(`status ${code} ${details}`));
    await ended;
    await vi.waitFor(() => expect(counts.over).toBe(1), { timeout: 10_000, interval: 5 });
    open();
    await vi.waitFor(() => expect(logged).toContain("done"), { timeout: 10_000, interval: 5 });
    return [...heard, ...logged];
  } finally {
    client.close();
    server.stop();
  }
}

/** What Ann hears while Bob comes, says hello and is cancelled. */
async function meet(serve: typeof serveHandler, source: string): Promise<string[]> {
  const { registry, given } = witness();
  const server = await serve("bidi_streaming", source, given);
  const client = clientOf(server.port);
  const heard: string[] = [];
  try {
    const ann = client[shopMethods.bidi_streaming]();
    ann.on("data", ({ sku }: { sku: string }) => heard.push(sku));
    ann.on("status", ({ code }: grpc.StatusObject) => heard.push(`status ${code}`));
    ann.write({ sku: "ann" });
    await vi.waitFor(() => expect([...registry.keys()]).toEqual(["ann"]), { timeout: 10_000 });
    const bob = client[shopMethods.bidi_streaming]();
    bob.on("error", () => {});
    for (const sku of ["bob", "hello"]) bob.write({ sku });
    await vi.waitFor(() => expect(heard).toHaveLength(2), { timeout: 10_000 });
    bob.cancel();
    await vi.waitFor(() => expect(heard).toHaveLength(3), { timeout: 10_000 });
    ann.end();
    await vi.waitFor(() => expect(heard).toHaveLength(4), { timeout: 10_000 });
    return heard;
  } finally {
    client.close();
    server.stop();
  }
}

// biome-ignore lint/suspicious/noExplicitAny: a generic client has no types for its methods.
function clientOf(port: number): any {
  const Client = grpc.makeGenericClientConstructor(shopDefinition, "Inventory");
  return new Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
}

/** Sends messages, reads no answer, and cancels when the handler has them all. */
async function ignore(serve: typeof serveHandler, source: string, skus: readonly string[]): Promise<string[]> {
  const { logged, counts, given } = witness();
  let cancel = () => {};
  // At once, before what is written for the last message could have left.
  const log = (line: string) => {
    if (given.log(line) === skus.length) cancel();
  };
  const server = await serve("bidi_streaming", source, { ...given, log });
  const client = clientOf(server.port);
  try {
    const call = client[shopMethods.bidi_streaming]();
    cancel = () => call.cancel();
    call.on("error", () => {});
    for (const sku of skus) call.write({ sku });
    await vi.waitFor(() => expect(counts.over).toBe(1), { timeout: 10_000 });
    return logged;
  } finally {
    client.close();
    server.stop();
  }
}
