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
import { buildSync, transformSync } from "esbuild";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const require = createRequire(import.meta.url);
const tsc = path.join(path.dirname(require.resolve("typescript/package.json")), "bin", "tsc");

function run(command, args, cwd = root) {
  const result = spawnSync(command, args, { cwd, stdio: ["ignore", "inherit", "inherit"] });
  if (result.status !== 0) process.exit(result.status ?? 1);
}
const compile = (project) => run(process.execPath, [tsc, "-p", project]);

/** Modules that every file of the runtime can share, beside what its first entry point loads. */
const COMMON = ["server/peer.js", "node/drained.js"];

/**
 * Puts the ES modules of a package into one file for each entry point and one that all of them share: Node needs about as long to
 * find, read and link a hundred small modules as to run all of them, and a file more is a hundredth of a cold start. Therefore
 * every entry point loads all that the first one needs, however few others need a part of it. CommonJS is these files in its own
 * words. Programs stay as the compiler wrote them, on the entry points, and so do declarations.
 */
function joinModules(folder) {
  const manifest = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8"));
  const files = (values) => values.filter((file) => file !== undefined).map((file) => path.join(folder, file));
  const entries = files(Object.values(manifest.exports).map((entry) => entry.import?.default));
  const programs = files(Object.values(manifest.bin));
  const esm = path.join(folder, "dist", "esm");
  const joined = path.join(folder, "dist", "joined");
  const common = [entries[0], ...COMMON.map((name) => path.join(esm, name))];
  for (const entry of entries) {
    const specifiers = common.filter((file) => file !== entry).map((file) => path.relative(path.dirname(entry), file));
    const imports = specifiers.map((specifier) => `import "./${specifier.replaceAll(path.sep, "/")}";`);
    writeFileSync(entry, [...imports, readFileSync(entry, "utf8")].join("\n"));
  }
  buildSync({
    entryPoints: entries,
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
  const cjs = path.join(folder, "dist", "cjs");
  for (const target of [esm, cjs]) {
    for (const name of readdirSync(target, { recursive: true })) {
      const file = path.join(target, name);
      if (name.endsWith(".js") && !programs.includes(file)) rmSync(file);
    }
  }
  cpSync(joined, esm, { recursive: true });
  for (const name of readdirSync(joined, { recursive: true }).filter((each) => each.endsWith(".js"))) {
    const text = readFileSync(path.join(joined, name), "utf8");
    mkdirSync(path.dirname(path.join(cjs, name)), { recursive: true });
    writeFileSync(
      path.join(cjs, name),
      transformSync(text, { format: "cjs", platform: "node", target: "node20" }).code,
    );
  }
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
