// npm run bench:codemod -- [--files 1000] [--grpc 200] [--rounds 3] [--linear] [--tsc path/to/typescript/bin/tsc]
// CPU and peak memory of `services --dry-run`, cold and with a warm cache, as a ratio to `tsc --noEmit` (TypeScript 6) on the same
// generated tree; with --linear also on a tree of ten times the size. Commands take turns; a figure is the median of the rounds.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    files: { type: "string", default: "1000" },
    grpc: { type: "string", default: "200" },
    rounds: { type: "string", default: "3" },
    linear: { type: "boolean", default: false },
    tsc: { type: "string" },
  },
});
const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const usageDir = mkdtempSync(path.join(os.tmpdir(), "bench-usage-"));

function generateTree(files, grpcFiles) {
  const tree = mkdtempSync(path.join(os.tmpdir(), "bench-codemod-"));
  const write = (name, text) => {
    mkdirSync(path.dirname(path.join(tree, name)), { recursive: true });
    writeFileSync(path.join(tree, name), text);
  };
  write(
    "package.json",
    JSON.stringify(
      {
        name: "bench-tree",
        private: true,
        dependencies: { "@grpc/grpc-js": "^1.14.0", "@grpc/proto-loader": "^0.8.0" },
      },
      null,
      2,
    ),
  );
  write(
    "tsconfig.json",
    JSON.stringify(
      {
        compilerOptions: {
          target: "ES2022",
          module: "CommonJS",
          moduleResolution: "Node10",
          ignoreDeprecations: "6.0",
          strict: true,
          skipLibCheck: true,
          esModuleInterop: true,
          noEmit: true,
          types: ["node"],
        },
        include: ["src"],
      },
      null,
      2,
    ),
  );
  symlinkSync(path.join(root, "node_modules"), path.join(tree, "node_modules"));
  for (let i = 0; i < grpcFiles; i++) {
    const service = `Thing${i}Service`;
    write(
      `src/proto/thing${i}.proto`,
      `syntax = "proto3";\npackage things.v${i};\nmessage Get { string id = 1; }\nmessage Thing { string id = 1; string name = 2; int32 count = 3; }\nservice ${service} { rpc GetThing(Get) returns (Thing); rpc ListThings(Get) returns (stream Thing); }\n`,
    );
    write(
      `src/service${i}.ts`,
      `import * as grpc from "@grpc/grpc-js";
import * as protoLoader from "@grpc/proto-loader";
import path from "node:path";
import { find } from "./module${i % Math.max(1, files - grpcFiles)}";

const definition = protoLoader.loadSync(path.join(__dirname, "proto/thing${i}.proto"), { keepCase: true });
const proto = grpc.loadPackageDefinition(definition) as any;

function getThing(call: grpc.ServerUnaryCall<any, any>, callback: grpc.sendUnaryData<any>) {
  const found = find(call.request.id);
  if (!found) {
    return callback({ code: grpc.status.NOT_FOUND, message: "no thing " + call.request.id });
  }
  callback(null, found);
}

function listThings(call: grpc.ServerWritableStream<any, any>) {
  for (const id of ["a", "b", call.request.id]) {
    call.write({ id, name: id, count: ${i} });
  }
  call.end();
}

export const service = proto.things.v${i}.${service}.service;
export const implementation = { GetThing: getThing, ListThings: listThings };
`,
    );
  }
  for (let i = 0; i < files - grpcFiles; i++) {
    const body = Array.from(
      { length: 30 },
      (_, n) => `export function step${n}(value: Row): number { return value.count * ${n} + value.name.length; }`,
    );
    write(
      `src/module${i}.ts`,
      `export interface Row { id: string; name: string; count: number }\nconst rows = new Map<string, Row>();\nexport function find(id: string): Row | undefined { return rows.get(id); }\n${body.join("\n")}\n`,
    );
  }
  const registrations = Array.from({ length: grpcFiles }, (_, i) => i);
  write(
    "src/server.ts",
    `import * as grpc from "@grpc/grpc-js";
${registrations.map((i) => `import * as thing${i} from "./service${i}";`).join("\n")}

const server = new grpc.Server();
${registrations.map((i) => `server.addService(thing${i}.service, thing${i}.implementation);`).join("\n")}
server.bindAsync("0.0.0.0:50051", grpc.ServerCredentials.createInsecure(), () => {});
`,
  );
  // Where the cache lies.
  spawnSync("git", ["init", "-q"], { cwd: tree });
  return tree;
}

const preload = path.join(usageDir, "usage.mjs");
writeFileSync(
  preload,
  `import { writeFileSync } from "node:fs";
process.on("exit", () => {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  writeFileSync(${JSON.stringify(usageDir)} + "/" + process.pid + ".usage", JSON.stringify({ cpu: userCPUTime + systemCPUTime, maxRSS }));
});
`,
);
/** CPU in seconds of all Node processes of a command, and the largest of their peaks of memory in MiB. */
function measure(cwd, args) {
  const run = spawnSync(process.execPath, args, {
    cwd,
    encoding: "utf8",
    maxBuffer: 1 << 28,
    env: { ...process.env, NODE_OPTIONS: `--import ${preload}` },
  });
  let cpu = 0;
  let memory = 0;
  for (const name of readdirSync(usageDir).filter((file) => file.endsWith(".usage"))) {
    const usage = JSON.parse(readFileSync(path.join(usageDir, name), "utf8"));
    cpu += usage.cpu / 1e6;
    memory = Math.max(memory, usage.maxRSS / 1024);
    rmSync(path.join(usageDir, name));
  }
  return { cpu, memory, status: run.status, output: run.stdout + run.stderr };
}

/** TypeScript 6: given, or installed beside (our own one is 7, which is another program). */
function typeScript6() {
  if (values.tsc) return path.resolve(values.tsc);
  const args = ["install", "--silent", "--no-audit", "--no-fund", "--prefix", usageDir, "typescript@6"];
  if (spawnSync("npm", args, { stdio: "inherit" }).status !== 0)
    throw new Error("typescript@6 could not be installed: give one with --tsc");
  return path.join(usageDir, "node_modules", "typescript", "bin", "tsc");
}

/** The measurement whose CPU is the median. */
const median = (runs) => runs.sort((a, b) => a.cpu - b.cpu)[Math.floor(runs.length / 2)];

function bench(files, grpcFiles, rounds, tsc) {
  const tree = generateTree(files, grpcFiles);
  const command = [
    path.join(root, "dist/cli/main.js"),
    "services",
    "src",
    "--dry-run",
    "--json",
    path.join(usageDir, "report"),
  ];
  const runs = { typeCheck: [], cold: [], warm: [] };
  let summary;
  try {
    for (let round = 0; round < rounds; round++) {
      const typeCheck = measure(tree, [tsc, "--noEmit", "-p", "."]);
      if (typeCheck.status !== 0) throw new Error(`the tree does not type-check:\n${typeCheck.output}`);
      rmSync(path.join(tree, ".git", "connect-migrate"), { recursive: true, force: true });
      const cold = measure(tree, command);
      summary = JSON.parse(readFileSync(path.join(usageDir, "report"), "utf8")).summary;
      if (cold.status !== 2 || summary.failed > 0 || summary.filesChanged !== grpcFiles + 1)
        throw new Error(
          `exit code ${cold.status}, ${JSON.stringify(summary)}: every file with grpc code should change`,
        );
      const warm = measure(tree, command);
      if (warm.output !== cold.output) throw new Error("the cache gave another answer");
      for (const [name, run] of Object.entries({ typeCheck, cold, warm })) runs[name].push(run);
    }
    const [typeCheck, cold, warm] = [median(runs.typeCheck), median(runs.cold), median(runs.warm)];
    const line = (name, { cpu, memory }, goal) =>
      console.log(
        `  ${name.padEnd(24)}${cpu.toFixed(2).padStart(7)} s CPU${`${Math.round(memory)} MiB`.padStart(10)}   ${goal ? `${(cpu / typeCheck.cpu).toFixed(2)} of tsc (goal <= ${goal})` : ""}`,
      );
    console.log(`${files} files, ${grpcFiles} with grpc code, ${summary.idiomatic} constructs:`);
    line("tsc --noEmit", typeCheck);
    line("services --dry-run, cold", cold, "0.6");
    line("the same, warm cache", warm, "0.15");
    return { typeCheck, cold, warm };
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
}

try {
  const tsc = typeScript6();
  const [files, grpcFiles] = [Number(values.files), Number(values.grpc)];
  const once = bench(files, grpcFiles, Number(values.rounds), tsc);
  if (values.linear) {
    const tenfold = bench(files * 10, grpcFiles * 10, 1, tsc);
    console.log(`ten times the files: ${(tenfold.cold.cpu / once.cold.cpu).toFixed(1)} times the CPU (goal <= 10)`);
  }
} finally {
  rmSync(usageDir, { recursive: true, force: true });
}
