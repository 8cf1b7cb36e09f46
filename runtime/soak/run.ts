import { createClient } from "../src/client/create-client.js";
import type { ConnectError } from "../src/connect-error.js";
import { createApp } from "../src/node/app.js";
import { createConnectTransport } from "../src/node/connect-transport.js";
import { createGrpcTransport } from "../src/node/grpc-transport.js";
import { createGrpcWebTransport } from "../src/node/grpc-web-transport.js";
import { serve } from "../src/node/serve.js";
import { Echo } from "../testing/gen/echo_pb.js";
import { hostilePeers } from "../testing/hostile-peers.js";

/**
 * `npm run soak [-- seconds]`: good clients of all protocols, cancellations, deadlines and hostile peers, five minutes by
 * default, client and server in one process. Prints open handles and memory at the start (when warm) and at the end; exits
 * with 1 when something is left over, a call of a good client fails, or a rejection goes unhandled.
 */
const seconds = Number(process.argv[2] ?? 300);
if (!(seconds > 0)) {
  console.error(`soak: "${process.argv[2]}" is no number of seconds. Usage: npm run soak -- 300`);
  process.exit(1);
}

let running = 0;
const counts = { calls: 0, canceled: 0, timedOut: 0, hostile: 0 };
const problems: string[] = [];
process.on("unhandledRejection", (reason) => problems.push(`unhandled rejection: ${String(reason)}`));

async function* counted<T>(items: AsyncIterable<T>): AsyncIterable<T> {
  running++;
  try {
    yield* items;
  } finally {
    running--;
  }
}

const app = createApp({
  readMaxBytes: 1024 * 1024,
  routes: (router) =>
    void router.service(Echo, {
      async unary(request, context) {
        if (request.text === "hang") await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
        return { text: request.text, payload: request.payload };
      },
      serverStream: (request, context) =>
        counted(
          (async function* () {
            for (let i = 0; i < request.count && !context.signal.aborted; i++) yield { count: i };
          })(),
        ),
      async clientStream(requests) {
        let count = 0;
        for await (const _ of counted(requests)) count++;
        return { count };
      },
      bidi: (requests) =>
        counted(
          (async function* () {
            for await (const request of requests) yield { text: request.text };
          })(),
        ),
    }),
});

const server = await serve(app, { address: "127.0.0.1:0", signals: false });
const baseUrl = `http://127.0.0.1:${server.port}`;
const transports = [
  createGrpcTransport({ baseUrl }),
  createGrpcWebTransport({ baseUrl, httpVersion: "2" }),
  createConnectTransport({ baseUrl, httpVersion: "2" }),
  createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: false }),
];
const clients = transports.map((transport) => createClient(Echo, transport));

async function* messages(count: number) {
  for (let i = 0; i < count; i++) yield { text: String(i) };
}

async function expectFailure(call: Promise<unknown>, code: number): Promise<void> {
  const error = await call.then(
    () => undefined,
    (e: ConnectError) => e,
  );
  if (error?.code !== code) throw new Error(`expected code ${code}, got ${String(error)}`);
}

async function goodCalls(client: (typeof clients)[number], half: boolean): Promise<void> {
  const payload = new Uint8Array(1000 * Math.ceil(Math.random() * 50));
  const { payload: back } = await client.unary({ text: "x", payload });
  if (back.length !== payload.length) throw new Error("the payload came back changed");
  let received = 0;
  for await (const _ of client.serverStream({ count: 20 })) received++;
  if (received !== 20) throw new Error(`20 messages were sent, ${received} received`);
  if ((await client.clientStream(messages(10))).count !== 10) throw new Error("an upload lost messages");
  counts.calls += 3;
  if (!half) {
    received = 0;
    for await (const _ of client.bidi(messages(10))) received++;
    if (received !== 10) throw new Error(`bidi: 10 messages were sent, ${received} received`);
    counts.calls++;
  }
  const controller = new AbortController();
  const canceled = expectFailure(client.unary({ text: "hang" }, { signal: controller.signal }), 1);
  setTimeout(() => controller.abort(), 5);
  await canceled;
  counts.canceled++;
  await expectFailure(client.unary({ text: "hang" }, { timeoutMs: 10 }), 4);
  counts.timedOut++;
}

const peers = Object.values(hostilePeers);

async function round(i: number): Promise<void> {
  const results = await Promise.allSettled([
    ...clients.map((client, k) => goodCalls(client, k === clients.length - 1)),
    ...[0, 1, 2, 3].map(async (k) => {
      await peers[(4 * i + k) % peers.length]?.(server.port);
      counts.hostile++;
    }),
  ]);
  for (const result of results) if (result.status === "rejected") problems.push(String(result.reason));
}

/** Handles that something holds open, by kind; not the process' own output. */
function handles(): Record<string, number> {
  const byKind: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo())
    if (!/^(Pipe|TTY)Wrap$/.test(kind)) byKind[kind] = (byKind[kind] ?? 0) + 1;
  return byKind;
}

const gc = (globalThis as { gc?: () => void }).gc;

interface Measured {
  rss: number;
  heap: number;
  open: Record<string, number>;
}

function measure(): Measured {
  gc?.();
  const { rss, heapUsed } = process.memoryUsage();
  return { rss: Math.round(rss / 1e6), heap: Math.round(heapUsed / 1e5) / 10, open: handles() };
}

/** HTTP/1.1 keeps idle connections for a while: their number is not exact. */
const slack = 4;
const leftOver = (now: Measured, before: Measured | undefined, more: number): string[] =>
  Object.entries(now.open)
    .filter(([kind, count]) => count > (before?.open[kind] ?? 0) + more)
    .map(([kind, count]) => `${kind}: ${before?.open[kind] ?? 0} before, ${count} left`);

/** Connections that peers left half open end after the server's own timeouts: they are waited for, with a limit. */
async function settled(before: Measured | undefined, more: number, limitMs: number): Promise<Measured> {
  const until = Date.now() + limitMs;
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const now = measure();
    if (Date.now() > until || (before !== undefined && leftOver(now, before, more).length === 0)) return now;
  }
}

function show(when: string, state: Measured): void {
  console.log(
    `${when}: RSS ${state.rss} MB, heap ${state.heap} MB, running handlers ${running}, open ${JSON.stringify(state.open)}`,
  );
}

// Warm: every peer was there, everything is compiled, connections are open
const warmUp = Math.ceil(peers.length / 4) * 2;
for (let i = 0; i < warmUp; i++) await round(i);
const start = await settled(undefined, 0, 1000);
show("start", start);

const until = Date.now() + seconds * 1000;
let rounds = 0;
while (Date.now() < until && problems.length < 10) {
  await round(rounds++);
  if (rounds % 200 === 0) console.log(`  ${Math.round((until - Date.now()) / 1000)} s left, ${JSON.stringify(counts)}`);
}
const end = await settled(start, slack, 75_000);
show("end", end);
console.log(`${rounds} rounds: ${JSON.stringify(counts)}`);

for (const problem of leftOver(end, start, slack)) problems.push(problem);
if (running !== 0) problems.push(`${running} handlers still run`);
if (gc !== undefined && end.heap > start.heap * 1.5 + 10)
  problems.push(`heap grew from ${start.heap} to ${end.heap} MB`);

for (const transport of transports) transport.close();
await Promise.race([server.close(), new Promise((resolve) => setTimeout(resolve, 20_000).unref())]);
const none: Measured = { rss: 0, heap: 0, open: {} };
const closed = await settled(none, 0, 10_000);
show("closed", closed);
for (const problem of leftOver(closed, none, 0)) problems.push(`after close: ${problem}`);

for (const problem of problems) console.error(`soak: ${problem}`);
console.log(problems.length === 0 ? "soak: nothing left over" : `soak: ${problems.length} problems`);
process.exit(problems.length === 0 ? 0 : 1);
