// One end of a cell, forked by run.mjs: `serve <stack>` or `call <stack> <port>`. Speaks over IPC; measures its own CPU.
import { stacks } from "./stacks.mjs";

const [role, name, port] = process.argv.slice(2);
const stack = stacks[name];
const item = (size) => ({
  id: "item-0001",
  name: "a middling name",
  quantity: 3,
  price: 9.99,
  tags: ["red", "blue"],
  payload: Buffer.alloc(size, 7),
});
const cpu = () => {
  const { user, system } = process.cpuUsage();
  return user + system;
};
let collections = 0;
if (process.execArgv.length > 0)
  new PerformanceObserver((list) => (collections += list.getEntries().length)).observe({ entryTypes: ["gc"] });
/** @param what "all" there is, or only what is "young": what outlived one collection of that stays until all is collected */
const collected = async (what) => {
  if (what === "all") globalThis.gc();
  else for (let i = 0; i < 2; i++) globalThis.gc({ type: "minor" });
  // The observer is told later
  await new Promise((resolve) => setTimeout(resolve, 50));
};
/** What lives and what is garbage, together: without a collection in between, the difference is what was allocated. */
const memory = () => {
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage();
  return { heapUsed, arrayBuffers, rss, maxRss: process.resourceUsage().maxRSS * 1024, collections };
};

if (role === "serve") {
  process.send({ port: await stack.serve(), cpu: cpu() });
  process.on("message", async ({ collect, profile }) => {
    if (profile) return;
    if (collect) await collected(collect);
    process.send({ cpu: cpu(), ...memory() });
  });
} else {
  const calls = await stack.connect(Number(port));
  if (process.argv[5] === "cold") {
    await calls.echo(item(0));
    process.send({ cpu: cpu() });
  }
  const workloads = {
    unary: async ({ milliseconds, size }, latencies) => {
      const request = item(size ?? 0);
      const end = performance.now() + milliseconds;
      let done = 0;
      for (;;) {
        const started = performance.now();
        if (started >= end) return done;
        await calls.echo(request);
        latencies.push(performance.now() - started);
        done++;
      }
    },
    list: repeat((count) => calls.list(count, item(0))),
    upload: repeat((count) => calls.upload(count, item(0))),
    chat: repeat((count) => calls.chat(count, item(0))),
  };
  function repeat(run) {
    return async ({ milliseconds, count }) => {
      const end = performance.now() + milliseconds;
      let done = 0;
      while (performance.now() < end) done += (await run(count)) || count;
      return done;
    };
  }
  let stopIdle = () => {};
  process.on("message", async (task) => {
    // That is for profile.mjs, which is loaded with this
    if (task.profile) return;
    if (task.workload === "idle") {
      const before = process.memoryUsage().rss;
      stopIdle = calls.idle(task.count);
      await new Promise((resolve) => setTimeout(resolve, task.milliseconds));
      process.send({ rss: process.memoryUsage().rss, before });
      return;
    }
    if (task.workload === "end") {
      stopIdle();
      calls.close();
      process.disconnect();
      return;
    }
    if (task.calls !== undefined) {
      let left = task.calls;
      const request = item(task.size ?? 0);
      if (task.collect) await collected("all");
      const before = memory();
      await Promise.all(
        Array.from({ length: task.concurrency }, async () => {
          while (left-- > 0) await calls.echo(request);
        }),
      );
      const after = memory();
      if (task.collect) await collected("young");
      process.send({ before, after, kept: memory() });
      return;
    }
    const latencies = [];
    const startedCpu = cpu();
    const started = performance.now();
    const done = await Promise.all(
      Array.from({ length: task.concurrency }, () => workloads[task.workload](task, latencies)),
    );
    const seconds = (performance.now() - started) / 1000;
    const usedCpu = cpu() - startedCpu;
    latencies.sort((a, b) => a - b);
    const at = (share) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0;
    const total = done.reduce((a, b) => a + b, 0);
    process.send({
      total,
      rate: total / seconds,
      cpu: usedCpu,
      p50: at(0.5),
      p99: at(0.99),
      maxRss: memory().maxRss,
    });
  });
  if (process.argv[5] !== "cold") process.send({ ready: true });
}
