// npm run bench -- [--rounds N] [--ms N] [--warm-up MS] [--only workload,workload] [--json FILE]
// Cells are interleaved within a round, and only ratios of the same round count: absolute figures mean nothing on a shared machine.
import { writeFileSync } from "node:fs";
import os from "node:os";
import { parseArgs } from "node:util";
import { closeCell, openCell } from "./open-peer.mjs";

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "12" },
    ms: { type: "string", default: "700" },
    "warm-up": { type: "string", default: "15000" },
    only: { type: "string" },
    json: { type: "string" },
  },
});
const rounds = Number(options.rounds);
const milliseconds = Number(options.ms);

const workloads = {
  "unary, 1 in flight": { workload: "unary", concurrency: 1 },
  "unary, 32 in flight": { workload: "unary", concurrency: 32 },
  "unary, 128 in flight": { workload: "unary", concurrency: 128 },
  "unary 1 MiB, 2 in flight": { workload: "unary", concurrency: 2, size: 1 << 20 },
  "server stream, 1,000 messages": { workload: "list", concurrency: 1, count: 1000 },
  "client stream, 1,000 messages": { workload: "upload", concurrency: 1, count: 1000 },
  "bidi ping-pong, 1 stream": { workload: "chat", concurrency: 1, count: 50 },
  "bidi ping-pong, 32 streams": { workload: "chat", concurrency: 32, count: 50 },
};
const isWanted = (name) => !options.only || options.only.split(",").some((part) => name.includes(part));
const chosen = Object.entries(workloads).filter(([name]) => isWanted(name));
const FRESH = ["cold start CPU", "peak RSS, 20,000 unary calls", "memory of 10,000 idle streams"];

/** Cells: [name, client stack, server stack]. */
const cells = [
  ["grpc-js", "grpc-js", "grpc-js"],
  ["ours", "ours", "ours"],
  ["connect-node", "connect-node", "connect-node"],
  ["nice-grpc", "nice-grpc", "nice-grpc"],
  ["our client", "ours", "grpc-js"],
  ["our server", "grpc-js", "ours"],
];

const sorted = (list) => [...list].sort((a, b) => a - b);
const quantile = (list, share) => sorted(list)[Math.min(list.length - 1, Math.round((list.length - 1) * share))];
const ratioOf = (list) => ({
  median: quantile(list, 0.5),
  low: quantile(list, 0.1),
  high: quantile(list, 0.9),
  rounds: list.length,
});

const open = new Map();
for (const [name, client, server] of chosen.length > 0 ? cells : []) open.set(name, await openCell(client, server));
async function measure(name, task) {
  const { serving, calling } = open.get(name);
  const before = await serving.ask({});
  const result = await calling.ask(task);
  const after = await serving.ask({});
  return { ...result, serverCpu: after.cpu - before.cpu, serverMaxRss: after.maxRss };
}

const samples = {};
try {
  const slice = Number(options["warm-up"]) / (cells.length * chosen.length);
  for (const [, task] of chosen) for (const [name] of cells) await measure(name, { ...task, milliseconds: slice });
  for (let round = 0; chosen.length > 0 && round < rounds; round++) {
    for (const [workload, task] of chosen) {
      const order = round % 2 === 0 ? cells : [...cells].reverse();
      for (const [name] of order) {
        const sample = await measure(name, { ...task, milliseconds });
        samples[workload] ??= {};
        samples[workload][name] ??= [];
        samples[workload][name].push(sample);
      }
    }
    process.stderr.write(`round ${round + 1} of ${rounds}\r`);
  }
} finally {
  for (const cell of open.values()) closeCell(cell);
}

const result = {
  summary: { node: process.version, cpus: os.cpus().length, rounds, milliseconds },
  cells: [],
  goals: [],
};
const metrics = {
  "calls per second": (sample) => sample.rate,
  "CPU per call, both ends": (sample) => (sample.cpu + sample.serverCpu) / Math.max(1, sample.total),
  "CPU per call, client": (sample) => sample.cpu / Math.max(1, sample.total),
  "CPU per call, server": (sample) => sample.serverCpu / Math.max(1, sample.total),
  p50: (sample) => sample.p50,
  p99: (sample) => sample.p99,
};
for (const [workload, byCell] of Object.entries(samples)) {
  for (const [name, list] of Object.entries(byCell)) {
    for (const base of ["grpc-js", "connect-node"]) {
      if (name === base) continue;
      for (const [metric, of] of Object.entries(metrics)) {
        if ((metric === "p50" || metric === "p99") && !workload.startsWith("unary")) continue;
        const ratios = list.map((sample, i) => of(sample) / of(byCell[base][i])).filter(Number.isFinite);
        if (ratios.length) result.cells.push({ workload, cell: name, against: base, metric, ratio: ratioOf(ratios) });
      }
    }
  }
}

// Cold start, peak memory and idle streams need fresh processes.
const fresh = Object.fromEntries(FRESH.map((name) => [name, {}]));
function add(name, stack, client, server) {
  fresh[name][stack] ??= [];
  fresh[name][stack].push({ client, server, "both ends": client + server });
}
if (FRESH.some(isWanted)) {
  const [cold, peak, idle] = FRESH;
  // A cold start is over in a moment, and noisy; idle streams are neither.
  for (let round = 0; round < Math.min(2 * rounds, 12); round++) {
    for (const stack of ["grpc-js", "ours", "connect-node", "nice-grpc"]) {
      const cell = await openCell(stack, stack, { cold: true });
      const server = await cell.serving.ask({});
      add(cold, stack, cell.first.cpu, server.cpu);
      if (round < 2) {
        const streams = await cell.calling.ask({ workload: "idle", count: 10_000, milliseconds: 6_000 });
        const after = await cell.serving.ask({});
        add(idle, stack, streams.rss - streams.before, after.rss - server.rss);
      }
      closeCell(cell);
      if (round < Math.min(rounds, 5)) {
        const busy = await openCell(stack, stack);
        const { after } = await busy.calling.ask({ calls: 20_000, concurrency: 32 });
        add(peak, stack, after.maxRss, (await busy.serving.ask({})).maxRss);
        closeCell(busy);
      }
    }
  }
  for (const [workload, lists] of Object.entries(fresh)) {
    for (const [cell, list] of Object.entries(lists)) {
      for (const against of ["grpc-js", "connect-node"]) {
        if (cell === against) continue;
        for (const metric of ["client", "server", "both ends"]) {
          const ratios = list.map((sample, i) => sample[metric] / lists[against][i][metric]);
          result.cells.push({ workload, cell, against, metric, ratio: ratioOf(ratios) });
        }
      }
    }
  }
}

const find = (workload, cell, against, metric) =>
  result.cells.find((c) => c.workload === workload && c.cell === cell && c.against === against && c.metric === metric)
    ?.ratio.median;
const goal = (workload, against, metric, comparison, bound, cell = "ours") => {
  const measured = find(workload, cell, against, metric);
  if (measured === undefined) return;
  const met = comparison === ">=" ? measured >= bound : measured <= bound;
  const who = cell === "ours" ? "" : `${cell}, `;
  result.goals.push({
    name: `${who}${workload}: ${metric} against ${against}`,
    goal: `${comparison} ${bound}`,
    measured,
    met,
  });
};
for (const workload of ["unary, 32 in flight", "unary, 128 in flight"]) {
  goal(workload, "grpc-js", "CPU per call, both ends", "<=", 0.55);
  goal(workload, "grpc-js", "calls per second", ">=", 1.9);
  goal(workload, "connect-node", "CPU per call, both ends", "<=", 0.17);
  goal(workload, "connect-node", "calls per second", ">=", 6);
}
goal("unary, 1 in flight", "grpc-js", "p50", "<=", 0.8);
goal("unary, 1 in flight", "grpc-js", "p99", "<=", 1);
goal("unary, 1 in flight", "connect-node", "p50", "<=", 0.4);
goal("unary 1 MiB, 2 in flight", "grpc-js", "calls per second", ">=", 2.3);
goal("unary 1 MiB, 2 in flight", "connect-node", "calls per second", ">=", 5);
goal("server stream, 1,000 messages", "grpc-js", "calls per second", ">=", 2.5);
goal("server stream, 1,000 messages", "connect-node", "calls per second", ">=", 2.5);
goal("client stream, 1,000 messages", "grpc-js", "calls per second", ">=", 3);
goal("client stream, 1,000 messages", "connect-node", "calls per second", ">=", 5);
goal("bidi ping-pong, 1 stream", "grpc-js", "calls per second", ">=", 1);
goal("bidi ping-pong, 32 streams", "grpc-js", "calls per second", ">=", 1);
goal("bidi ping-pong, 1 stream", "connect-node", "calls per second", ">=", 1.3);
goal("bidi ping-pong, 32 streams", "connect-node", "calls per second", ">=", 3);
for (const [workload] of chosen) {
  goal(workload, "grpc-js", "CPU per call, client", "<=", 1, "our client");
  goal(workload, "grpc-js", "CPU per call, server", "<=", 1, "our server");
}
for (const end of ["client", "server"]) {
  goal("cold start CPU", "grpc-js", end, "<=", 1);
  goal("cold start CPU", "connect-node", end, "<=", 0.8);
}
goal("peak RSS, 20,000 unary calls", "grpc-js", "both ends", "<=", 0.9);
goal("peak RSS, 20,000 unary calls", "connect-node", "both ends", "<=", 0.7);

const number = (value) => value.toFixed(2);
console.log(`\nNode ${process.version}, ${rounds} rounds; median of per-round ratios [10 %, 90 %]\n`);
for (const workload of [...chosen.map(([name]) => name), ...FRESH.filter(isWanted)]) {
  for (const { cell, against, metric, ratio } of result.cells.filter((c) => c.workload === workload)) {
    console.log(
      `${workload.padEnd(31)} ${cell.padEnd(13)} / ${against.padEnd(13)} ${metric.padEnd(24)} ${number(ratio.median)} [${number(ratio.low)}, ${number(ratio.high)}]`,
    );
  }
}
console.log("");
for (const { name, goal: wanted, measured, met } of result.goals)
  console.log(`${met ? "met    " : "NOT MET"} ${name}: ${number(measured)} (goal ${wanted})`);
console.log(
  `\ngoals: ${result.goals.filter((g) => g.met).length} met, ${result.goals.filter((g) => !g.met).length} not met`,
);
if (options.json) writeFileSync(options.json, `${JSON.stringify(result, null, 2)}\n`);
