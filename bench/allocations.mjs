// npm run bench:allocations [-- --json FILE]: bytes allocated per unary call on each end, of ours, of grpc-js and of connect-node, and
// what collections of the young generation leave of ours; with recorded budgets. No clock: each process has a young generation that
// holds the whole run, so nothing is collected while it is measured, and the figures are the same (within a per cent or two) on an
// idle machine and on a busy one.
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { closeCell, openCell } from "./open-peer.mjs";

const { values: options } = parseArgs({ options: { json: { type: "string" } } });

/** Bytes per call of ours: what was measured when this was written, and a tenth (of what is kept, a quarter). */
const budget = { allocated: { client: 17_800, server: 14_400 }, kept: { client: 4_100, server: 2_400 } };
const goals = { "grpc-js": 0.6, "connect-node": 0.2 };
/** connect-node allocates five times as much: fewer calls of it fit into the same memory. */
const callsOf = { ours: 3000, "grpc-js": 3000, "connect-node": 1000 };

const execArgv = ["--expose-gc", "--min-semi-space-size=256", "--max-semi-space-size=256"];
async function measured(stack) {
  const cell = await openCell(stack, stack, { execArgv });
  const { serving, calling } = cell;
  const task = { calls: callsOf[stack], concurrency: 32, collect: true };
  // Warm: what is compiled or cached once is no cost of a call
  for (let i = 0; i < 3; i++) await calling.ask(task);
  const serverBefore = await serving.ask({ collect: "all" });
  const { before, after, kept } = await calling.ask(task);
  const serverAfter = await serving.ask({});
  const serverKept = await serving.ask({ collect: "young" });
  closeCell(cell);
  const perCall = (from, to) =>
    Math.round((to.heapUsed - from.heapUsed + to.arrayBuffers - from.arrayBuffers) / task.calls);
  const allocated = (from, to, end) => {
    if (to.collections !== from.collections)
      throw new Error(`${stack}, ${end}: something was collected while measuring`);
    return perCall(from, to);
  };
  return {
    allocated: { client: allocated(before, after, "client"), server: allocated(serverBefore, serverAfter, "server") },
    kept: { client: perCall(before, kept), server: perCall(serverBefore, serverKept) },
  };
}

const result = {};
for (const stack of Object.keys(callsOf)) result[stack] = await measured(stack);
let failed = false;
function say(end, what, text) {
  const ours = result.ours[what][end];
  const over = ours > budget[what][end];
  failed ||= over;
  console.log(`${end}: ${ours} bytes ${text}; budget ${budget[what][end]}${over ? ": OVER BUDGET" : ""}`);
}
const ratio = (peer, ends) => {
  const sum = (stack) => ends.reduce((all, end) => all + result[stack].allocated[end], 0);
  return (sum("ours") / sum(peer)).toFixed(2);
};
for (const end of ["client", "server"]) {
  const peers = Object.keys(goals).map(
    (peer) => `, ${peer} ${result[peer].allocated[end]}, ratio ${ratio(peer, [end])}`,
  );
  say(end, "allocated", `per unary call${peers.join("")}`);
  say(end, "kept", "of them left when what is young was collected");
}
for (const [peer, goal] of Object.entries(goals))
  console.log(`both ends against ${peer}: ${ratio(peer, ["client", "server"])} (goal <= ${goal})`);
if (options.json) writeFileSync(options.json, `${JSON.stringify({ callsOf, budget, result }, null, 2)}\n`);
process.exit(failed ? 1 : 0);
