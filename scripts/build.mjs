// Builds everything a clone needs: the runtime (ESM, CommonJS and the packed tarball) and the CLI with the codemods.
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const require = createRequire(import.meta.url);
const tsc = path.join(path.dirname(require.resolve("typescript/package.json")), "bin", "tsc");

function run(command, args, cwd = root) {
  const result = spawnSync(command, args, { cwd, stdio: ["ignore", "inherit", "inherit"] });
  if (result.status !== 0) process.exit(result.status ?? 1);
}
const compile = (project) => run(process.execPath, [tsc, "-p", project]);

/**
 * Puts the ES modules of a package into one file for each entry point and what several of them share: Node needs about as long to
 * find, read and link a hundred small modules as to run all of them. Declarations stay as the compiler wrote them.
 */
function joinModules(folder) {
  const { exports, bin } = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8"));
  const entries = [...Object.values(exports).map((entry) => entry.import?.default), ...Object.values(bin)];
  const esm = path.join(folder, "dist", "esm");
  const joined = path.join(folder, "dist", "joined");
  buildSync({
    entryPoints: entries.filter((entry) => entry !== undefined).map((entry) => path.join(folder, entry)),
    outdir: joined,
    outbase: esm,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20",
    packages: "external",
    chunkNames: "shared/[hash]",
    logLevel: "warning",
  });
  for (const file of readdirSync(esm, { recursive: true })) if (file.endsWith(".js")) rmSync(path.join(esm, file));
  cpSync(joined, esm, { recursive: true });
  rmSync(joined, { recursive: true });
}

const only = process.argv[2];
if (only === undefined || only === "runtime") {
  rmSync(path.join(root, "runtime", "dist"), { recursive: true, force: true });
  compile("runtime/tsconfig.json");
  compile("runtime/tsconfig.cjs.json");
  writeFileSync(path.join(root, "runtime", "dist", "cjs", "package.json"), '{ "type": "commonjs" }\n');
  joinModules(path.join(root, "runtime"));
  run("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", "dist"], path.join(root, "runtime"));
}
if (only === undefined || only === "cli") {
  rmSync(path.join(root, "dist"), { recursive: true, force: true });
  compile("tsconfig.build.json");
  const main = path.join(root, "dist", "cli", "main.js");
  if (existsSync(main)) {
    chmodSync(main, 0o755);
    // npm links the bins of dependencies, not of the root package itself: `npx connect-migrate` in a clone needs this one.
    const bin = path.join(root, "node_modules", ".bin", "connect-migrate");
    mkdirSync(path.dirname(bin), { recursive: true });
    rmSync(bin, { force: true });
    symlinkSync(path.relative(path.dirname(bin), main), bin);
  }
}
