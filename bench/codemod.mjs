// npm run bench:codemod -- [--files 1000] [--grpc 200]
// CPU and peak memory of a cold `services --dry-run` as a ratio to a type-check (TypeScript 6, as in ts-morph) of the same tree.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: { files: { type: "string", default: "1000" }, grpc: { type: "string", default: "200" } },
});
const files = Number(values.files);
const grpcFiles = Number(values.grpc);
const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const tree = mkdtempSync(path.join(os.tmpdir(), "bench-codemod-"));
const usageDir = mkdtempSync(path.join(os.tmpdir(), "bench-usage-"));

const write = (name, text) => {
  mkdirSync(path.dirname(path.join(tree, name)), { recursive: true });
  writeFileSync(path.join(tree, name), text);
};

function generateTree() {
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
}

const preload = path.join(usageDir, "usage.mjs");
writeFileSync(
  preload,
  `import { writeFileSync } from "node:fs";
process.on("exit", () => {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  writeFileSync(${JSON.stringify(usageDir)} + "/" + process.pid + ".json", JSON.stringify({ cpu: userCPUTime + systemCPUTime, maxRSS }));
});
`,
);
/** CPU of all Node processes of the command, and the largest of their peaks of memory. */
function measure(args) {
  const run = spawnSync(process.execPath, args, {
    cwd: tree,
    encoding: "utf8",
    maxBuffer: 1 << 28,
    env: { ...process.env, NODE_OPTIONS: `--import ${preload}` },
  });
  let cpu = 0;
  let memory = 0;
  for (const name of readdirSync(usageDir).filter((file) => file.endsWith(".json"))) {
    const usage = JSON.parse(readFileSync(path.join(usageDir, name), "utf8"));
    cpu += usage.cpu;
    memory = Math.max(memory, usage.maxRSS);
    rmSync(path.join(usageDir, name));
  }
  return { cpu, memory, status: run.status, output: run.stdout + run.stderr };
}

try {
  generateTree();
  const check = path.join(usageDir, "check.mjs");
  writeFileSync(
    check,
    `import { createRequire } from "node:module";
const { Project } = createRequire(${JSON.stringify(path.join(root, "package.json"))})("ts-morph");
const project = new Project({ tsConfigFilePath: "tsconfig.json" });
const found = project.getPreEmitDiagnostics();
if (found.length) console.log(project.formatDiagnosticsWithColorAndContext(found.slice(0, 3)));
`,
  );
  const typeCheck = measure([check]);
  if (typeCheck.status !== 0 || typeCheck.output.trim())
    throw new Error(`the tree does not type-check:\n${typeCheck.output}`);
  const dryRun = measure([
    path.join(root, "dist/cli/main.js"),
    "services",
    "src",
    "--dry-run",
    "--json",
    path.join(usageDir, "report"),
  ]);
  const { summary } = JSON.parse(readFileSync(path.join(usageDir, "report"), "utf8"));
  console.log(`${files} files, ${grpcFiles} with grpc code: exit code ${dryRun.status}, ${JSON.stringify(summary)}`);
  console.log(`CPU: ${(dryRun.cpu / typeCheck.cpu).toFixed(2)} of a type-check (goal <= 0.6)`);
  console.log(
    `peak memory: ${(dryRun.memory / typeCheck.memory).toFixed(2)} of a type-check (${Math.round(dryRun.memory / 1024)} MiB)`,
  );
} finally {
  rmSync(tree, { recursive: true, force: true });
  rmSync(usageDir, { recursive: true, force: true });
}
