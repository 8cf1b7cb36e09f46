// npm run bench:profile -- [stack ...] [--only workload] [--ms N]
// Where the CPU of a call goes, as shares and microseconds: self time of a sampling profile of each end, by who owns the code.
import { Session } from "node:inspector/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { closeCell, openCell } from "./open-peer.mjs";

const self = fileURLToPath(import.meta.url);

/** Bucket of a profile's node. Names in brackets are the profiler's own. */
function ownerOf({ functionName, url }) {
  if (functionName === "(garbage collector)") return "garbage collection";
  if (functionName === "(program)") return "native code outside of JavaScript";
  if (functionName.startsWith("(")) return undefined;
  if (url.startsWith("node:internal/http2")) return "node:http2";
  if (/^node:(internal\/)?(streams|stream_base_commons|net|events|buffer)/.test(url))
    return "node streams, sockets, buffers, events";
  if (url.startsWith("node:")) return "rest of node (timers, ticks, async resources)";
  const packages = [...url.matchAll(/node_modules\/((?:@[^/]+\/)?[^/]+)/g)];
  if (packages.length > 0) return packages.at(-1)[1];
  if (url.includes("/runtime/dist/")) return "@connect-migrate/runtime";
  return url === "" ? "native functions" : "the benchmark";
}

function summarize({ nodes, samples, timeDeltas }) {
  const owners = new Map(nodes.map((node) => [node.id, ownerOf(node.callFrame)]));
  const buckets = {};
  samples.forEach((id, index) => {
    const owner = owners.get(id);
    if (owner !== undefined) buckets[owner] = (buckets[owner] ?? 0) + timeDeltas[index];
  });
  return buckets;
}

/** Within an end: profiles from one message of the parent to the next. */
async function profileThisProcess() {
  const session = new Session();
  session.connect();
  await session.post("Profiler.enable");
  await session.post("Profiler.setSamplingInterval", { interval: 200 });
  let running = false;
  process.on("message", async ({ profile }) => {
    if (profile === undefined) return;
    if (!running) await session.post("Profiler.start");
    const buckets = running ? summarize((await session.post("Profiler.stop")).profile) : {};
    running = !running;
    process.send({ buckets });
  });
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { ms: { type: "string", default: "3000" }, only: { type: "string", default: "unary" } },
  });
  const workloads = {
    unary: { workload: "unary", concurrency: 32 },
    "1 MiB": { workload: "unary", concurrency: 2, size: 1 << 20 },
    list: { workload: "list", concurrency: 1, count: 1000 },
    chat: { workload: "chat", concurrency: 32, count: 50 },
  };
  const task = workloads[values.only];
  if (task === undefined) throw new Error(`--only is one of ${Object.keys(workloads).join(", ")}`);
  for (const stack of positionals.length > 0 ? positionals : ["grpc-js", "ours", "connect-node"]) {
    const cell = await openCell(stack, stack, { execArgv: ["--import", self] });
    // Both the peer and the profile answer on one channel: an answer is known by what it has.
    const { serving, calling } = cell;
    await calling.ask({ ...task, milliseconds: 2000 }, "total");
    const toggle = async () => [
      (await calling.ask({ profile: true }, "buckets")).buckets,
      (await serving.ask({ profile: true }, "buckets")).buckets,
    ];
    await toggle();
    const { total } = await calling.ask({ ...task, milliseconds: Number(values.ms) }, "total");
    const profiles = await toggle();
    for (const [index, role] of ["client", "server"].entries()) {
      const entries = Object.entries(profiles[index]).sort((a, b) => b[1] - a[1]);
      const whole = entries.reduce((sum, [, time]) => sum + time, 0);
      console.log(`\n${stack}, ${role}, ${values.only}: ${(whole / total).toFixed(0)} us per call`);
      for (const [owner, time] of entries.slice(0, 8))
        console.log(
          `  ${((100 * time) / whole).toFixed(1).padStart(5)} %  ${(time / total).toFixed(1).padStart(7)} us  ${owner}`,
        );
    }
    closeCell(cell);
  }
}

if (process.argv[1] === self) await main();
else await profileThisProcess();
