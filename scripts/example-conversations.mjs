/**
 * Starts the example programs of a folder as they are and migrated, lets each example's own client talk to both servers, and
 * compares what clients and servers print.
 *
 *   node scripts/example-conversations.mjs [--corpus DIR] [--unit NAME] [--only PART] [--args 'PART=--db_path=x.json'] [--keep]
 *
 * An example is a folder with one program named *server.js and one named *client.js. `--corpus` is the folder of real code
 * beside this project (../shared/corpus); the packages that its package.json names are installed into a copy.
 * Exit code 1: some output differs from the old server's.
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const repository = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const { values: options } = parseArgs({
  options: {
    corpus: { type: "string", default: path.join(repository, "..", "shared", "corpus") },
    unit: { type: "string", default: "grpc-node-examples/examples" },
    only: { type: "string" },
    args: { type: "string", multiple: true, default: [] },
    keep: { type: "boolean" },
  },
});
const source = path.join(options.corpus, "units", options.unit);
if (!existsSync(source)) {
  console.log(`conversations of examples: skipped, ${source} is not there`);
  process.exit(0);
}
if (process.platform !== "linux") {
  console.log("conversations of examples: skipped, only Linux tells which ports a process listens on");
  process.exit(0);
}

const root = mkdtempSync(path.join(tmpdir(), "examples-"));
const before = path.join(root, "before");
cpSync(source, before, { recursive: true });
install(before);
const after = migrated("after", ["services"]);
const both = migrated("both", ["services", "clients"]);

const examples = readdirSync(before, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !path.join(entry.parentPath, entry.name).includes("node_modules"))
  .map((entry) => path.relative(before, path.join(entry.parentPath, entry.name)))
  .filter((folder) => program(folder, "server") && program(folder, "client") && folder.includes(options.only ?? ""))
  .sort();
const timing = /\d{4}-\d\d-\d\dT[\d:.]+Z|\b\d+\.\d+s\b/g;
let compared = 0;
let equal = 0;
let lines = 0;
for (const folder of examples) {
  const expected = await talk(before, before, folder).catch((error) => error);
  if (expected instanceof Error || expected.some((line) => line.includes("Cannot find module"))) {
    const [why] = /Error: .*/.exec(expected instanceof Error ? expected.message : expected.join("\n")) ?? [
      "it does not start",
    ];
    console.log(`${folder.padEnd(30)} skipped, as it is it says: ${why}`);
    continue;
  }
  const runs = {
    "new server": await talk(after, before, folder).catch((error) => [error.message]),
    "new client": await talk(before, both, folder).catch((error) => [error.message]),
  };
  compared += 1;
  const isEqual = (lines) => lines.join("\n") === expected.join("\n");
  let found = Object.entries(runs).filter(([, lines]) => !isEqual(lines));
  let isSteady = true;
  // Some programs say something else in every run: what they always say has to be said again.
  for (let tries = 0; tries < 3 && found.length > 0; tries++) {
    const again = await talk(before, before, folder);
    isSteady &&= isEqual(again);
    const steady = new Set(expected.map(withoutNumbers).filter((line) => again.map(withoutNumbers).includes(line)));
    if (!isSteady)
      found = found.filter(([, lines]) => ![...steady].every((line) => lines.map(withoutNumbers).includes(line)));
  }
  const note = isSteady ? "" : " (some differ from run to run and are left out)";
  lines += expected.length;
  if (found.length === 0) equal += 1;
  console.log(`${folder.padEnd(30)} ${found.length === 0 ? "equal" : "DIFFERS"}, ${expected.length} lines${note}`);
  for (const [name, actual] of found) {
    process.exitCode = 1;
    console.log(`  ${name}:`);
    for (const line of difference(expected, actual)) console.log(`    ${line}`);
  }
}
console.log(
  `${equal} of ${compared} examples say the same with a migrated server and with a migrated client (${lines} lines)`,
);
if (options.keep) console.log(`kept in ${root}`);
else rmSync(root, { recursive: true, force: true });

/** The packages that a package.json names, apart from those that no registry has. */
function install(folder) {
  const { dependencies = {} } = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8"));
  const wanted = new Map(Object.entries(dependencies));
  const flags = ["--no-audit", "--no-fund", "--ignore-scripts", "--legacy-peer-deps", "--loglevel=error"];
  const elsewhere = path.join(root, "packages");
  mkdirSync(elsewhere);
  for (;;) {
    const packages = [...wanted].map(([name, range]) => `${name}@${range}`);
    const { status, stderr } = spawnSync("npm", ["install", ...flags, ...packages], {
      cwd: elsewhere,
      encoding: "utf8",
    });
    if (status === 0) break;
    const missing = [...wanted.keys()].find((name) => stderr.includes(`'${name}@`));
    if (missing === undefined) throw new Error(`npm install failed:\n${stderr}`);
    console.log(`${missing} is in no registry`);
    wanted.delete(missing);
  }
  cpSync(path.join(elsewhere, "node_modules"), path.join(folder, "node_modules"), {
    recursive: true,
    verbatimSymlinks: true,
  });
}

/** A copy that the tool has changed. */
function migrated(name, sides) {
  const folder = path.join(root, name);
  cpSync(before, folder, { recursive: true, verbatimSymlinks: true });
  const modules = path.join(folder, "node_modules");
  mkdirSync(path.join(modules, "@connect-migrate"), { recursive: true });
  symlinkSync(path.join(repository, "runtime"), path.join(modules, "@connect-migrate", "runtime"));
  // What the tool writes into package.json.
  rmSync(path.join(modules, "@bufbuild"), { recursive: true, force: true });
  symlinkSync(path.join(repository, "node_modules", "@bufbuild"), path.join(modules, "@bufbuild"));
  for (const side of sides) {
    const tool = path.join(repository, "dist", "cli", "main.js");
    try {
      execFileSync(process.execPath, [tool, side, ".", "--allow-dirty", "--runtime", "npm"], {
        cwd: folder,
        stdio: "pipe",
      });
    } catch (error) {
      // 3: manual work remains.
      if (error.status !== 3)
        throw new Error(`${side} in ${folder} ended with ${error.status}:\n${error.stdout}${error.stderr}`);
    }
  }
  return folder;
}

/** The one program of a folder whose name ends like this. */
function program(folder, role) {
  const found = readdirSync(path.join(before, folder)).filter((name) => name.endsWith(`${role}.js`));
  return found.length === 1 ? found[0] : undefined;
}

/** Runs server and client of an example; what both print, and how the client ends. */
async function talk(serverRoot, clientRoot, folder) {
  const given = options.args.find((each) => folder.includes(each.split("=")[0]));
  const args = given ? [given.slice(given.indexOf("=") + 1)] : [];
  const server = start(path.join(serverRoot, folder), program(folder, "server"), args);
  try {
    await listening(server);
    const client = start(path.join(clientRoot, folder), program(folder, "client"), args);
    const timer = setTimeout(() => client.child.kill("SIGKILL"), 12_000);
    const end = await client.ended;
    clearTimeout(timer);
    await new Promise((resolve) => setTimeout(resolve, 300));
    return [...client.lines(), `client ended: ${end}`, ...server.lines().map((line) => `server: ${line}`)];
  } finally {
    server.child.kill("SIGKILL");
    await server.ended;
  }
}

function start(cwd, file, args) {
  const child = spawn(process.execPath, [file, ...args], { cwd, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  child.stdout.on("data", (chunk) => {
    output += chunk;
  });
  child.stderr.on("data", (chunk) => {
    if (!/Warning/.test(String(chunk))) output += chunk;
  });
  const ended = new Promise((resolve) => child.once("close", (code, signal) => resolve(`${code} ${signal}`)));
  const lines = () => output.replaceAll(root, "").replaceAll(timing, "…").split("\n").filter(Boolean);
  return { child, ended, lines };
}

/** Resolves when a process listens on a TCP port. */
async function listening({ child, lines }) {
  for (const until = Date.now() + 20_000; Date.now() < until && child.exitCode === null; ) {
    if (listens(child.pid)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`the server does not listen:\n${lines().slice(0, 8).join("\n")}`);
}

/** False too for a process that has just ended. */
function listens(pid) {
  try {
    const sockets = new Set();
    for (const fd of readdirSync(`/proc/${pid}/fd`))
      sockets.add(/^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1]);
    return ["tcp", "tcp6"].some((table) =>
      readFileSync(`/proc/${pid}/net/${table}`, "utf8")
        .split("\n")
        .map((row) => row.trim().split(/\s+/))
        .some((cells) => cells[3] === "0A" && sockets.has(cells[9])),
    );
  } catch {
    return false;
  }
}

function withoutNumbers(line) {
  return line.replace(/\d+(\.\d+)?/g, "#");
}

function difference(expected, actual) {
  const at = expected.findIndex((line, index) => line !== actual[index]);
  const from = at < 0 ? expected.length : at;
  return [
    ...expected.slice(from, from + 6).map((line) => `- ${line}`),
    ...actual.slice(from, from + 6).map((line) => `+ ${line}`),
  ];
}
