// npm run size: what the runtime costs a program in bytes and in packages, beside what it takes the place of.
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { buildSync } from "esbuild";

const root = fileURLToPath(new URL("../..", import.meta.url));
const manifest = JSON.parse(readFileSync(path.join(root, "runtime/package.json"), "utf8"));

/** All packages that an installation of `name` brings, itself included. */
function packagesOf(name, from = root, seen = new Map()) {
  const require = createRequire(path.join(from, "package.json"));
  const found = require.resolve
    .paths(name)
    .map((folder) => path.join(folder, name, "package.json"))
    .find((file) => statSync(file, { throwIfNoEntry: false }) !== undefined);
  if (found === undefined || seen.has(found)) return seen;
  const { dependencies = {} } = JSON.parse(readFileSync(found, "utf8"));
  seen.set(found, name);
  for (const dependency of Object.keys(dependencies)) packagesOf(dependency, path.dirname(found), seen);
  return seen;
}

/** Minified, with all that it imports but Node's own modules, in bytes. */
function bundle(code, external = []) {
  const folder = mkdtempSync(path.join(tmpdir(), "connect-migrate-size-"));
  const file = path.join(folder, "entry.mjs");
  writeFileSync(file, code);
  const { outputFiles } = buildSync({
    entryPoints: [file],
    bundle: true,
    minify: true,
    format: "esm",
    platform: "node",
    write: false,
    external,
    absWorkingDir: root,
    nodePaths: [path.join(root, "node_modules")],
    logLevel: "error",
  });
  rmSync(folder, { recursive: true });
  const [{ contents }] = outputFiles;
  return { bytes: contents.byteLength, gzip: gzipSync(contents).byteLength };
}

const kib = (bytes) => `${(bytes / 1024).toFixed(1)} KiB`;
const dist = path.join(root, "runtime/dist/esm").replaceAll("\\", "/");
const all = (...specifiers) =>
  specifiers.map((specifier, i) => `import * as m${i} from "${specifier}"; console.log(m${i});`).join("\n");

const rows = {};
const measure = (name, code, external) => {
  const { bytes, gzip } = bundle(code, external);
  rows[name] = { minified: kib(bytes), gzip: kib(gzip) };
};
const ours = (entry) => `${dist}/${entry}index.js`;
measure("@connect-migrate/runtime", all(ours("")));
measure("… and /node", all(ours(""), ours("node/")));
measure("… and /health, /reflection", all(ours(""), ours("node/"), ours("health/"), ours("reflection/")));
measure("… and /grpc-js", all(ours(""), ours("node/"), ours("grpc-js/")), ["@grpc/grpc-js"]);
measure(
  "a client alone",
  `export { createClient } from "${ours("")}"; export { createGrpcTransport } from "${ours("node/")}";`,
);
measure("@connectrpc/connect and connect-node", all("@connectrpc/connect", "@connectrpc/connect-node"));
measure("@grpc/grpc-js and @grpc/proto-loader", all("@grpc/grpc-js", "@grpc/proto-loader"));
console.table(rows);

const archive = path.join(root, "runtime/dist", `connect-migrate-runtime-${manifest.version}.tgz`);
console.log(`packed: ${kib(statSync(archive).size)}`);
const own = Object.keys(manifest.dependencies);
console.log(
  `packages that an installation brings (itself included): ${1 + own.flatMap((name) => [...packagesOf(name).values()]).length}`,
);
for (const names of [
  ["@connectrpc/connect", "@connectrpc/connect-node", "@bufbuild/protobuf"],
  ["@grpc/grpc-js", "@grpc/proto-loader"],
]) {
  const seen = new Map();
  for (const name of names) packagesOf(name, root, seen);
  console.log(`  ${names.join(" and ")}: ${seen.size}`);
}
if (own.join() !== "@bufbuild/protobuf") {
  console.error(`size: the runtime depends on ${own.join(", ")}; expected @bufbuild/protobuf alone.`);
  process.exit(1);
}
