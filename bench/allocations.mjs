// npm run bench:allocations [-- --json FILE]: bytes allocated per unary call on each end, of ours and of grpc-js, and a
// recorded budget. No clock: each process has a young generation that holds the whole run, so nothing is collected while
// it is measured, and the figures are the same (within a per cent or two) on an idle machine and on a busy one.
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { closeCell, openCell } from "./open-peer.mjs";

const { values: options } = parseArgs({ options: { json: { type: "string" } } });

/** Bytes per call that ours may allocate: what was measured when this was written, and a tenth. */
const budget = { client: 23_200, server: 14_400 };
const goal = 0.6;
const calls = 3000;

const execArgv = ["--expose-gc", "--min-semi-space-size=256", "--max-semi-space-size=256"];
async function allocated(stack) {
  const cell = await openCell(stack, stack, { execArgv });
  const { serving, calling } = cell;
  const task = { workload: "unary", calls, concurrency: 32 };
  // Warm: what is compiled or cached once is no cost of a call
  for (let i = 0; i < 3; i++) await calling.ask(task);
  const serverBefore = await serving.ask({ collect: true });
  const { before, after } = await calling.ask(task);
  const serverAfter = await serving.ask({});
  closeCell(cell);
  const perCall = (from, to, end) => {
    if (to.collections !== from.collections)
      throw new Error(`${stack}, ${end}: something was collected while measuring`);
    return Math.round((to.heapUsed - from.heapUsed + to.arrayBuffers - from.arrayBuffers) / calls);
  };
  return { client: perCall(before, after, "client"), server: perCall(serverBefore, serverAfter, "server") };
}

const stacks = ["ours", "grpc-js"];
const result = {};
for (const stack of stacks) result[stack] = await allocated(stack);
let failed = false;
for (const end of ["client", "server"]) {
  const { ours, "grpc-js": theirs } = { ours: result.ours[end], "grpc-js": result["grpc-js"][end] };
  const over = ours > budget[end];
  failed ||= over;
  console.log(
    `${end}: ${ours} bytes per unary call, grpc-js ${theirs}, ratio ${(ours / theirs).toFixed(2)} (goal <= ${goal}), budget ${budget[end]}${over ? ": OVER BUDGET" : ""}`,
  );
}
if (options.json) writeFileSync(options.json, `${JSON.stringify({ calls, budget, result }, null, 2)}\n`);
process.exit(failed ? 1 : 0);
