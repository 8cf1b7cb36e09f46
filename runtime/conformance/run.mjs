// npm run conformance -- [--mode server|client] [--node 20|22|24] [--run PATTERN] [--verbose]
// The official suite (Go module connectrpc.com/conformance) against server.mjs and client.mjs, with every feature declared.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { nodeBinary } from "../smoke/run.mjs";

const VERSION = "v1.0.5";
const MODULE = "connectrpc.com/conformance";
const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.join(here, "..", "..");
const cache = path.join(root, ".cache", "conformance");
const { values } = parseArgs({
  options: {
    mode: { type: "string" },
    node: { type: "string", default: "24" },
    run: { type: "string", multiple: true, default: [] },
    verbose: { type: "boolean", default: false },
  },
});

function fail(message) {
  console.error(message);
  process.exit(1);
}
function go(args, options = {}) {
  const result = spawnSync("go", args, { encoding: "utf8", cwd: cache, stdio: ["ignore", "pipe", "pipe"], ...options });
  if (result.error)
    fail("conformance: Go is missing; install Go 1.24 or later (https://go.dev/dl) to build the official runner.");
  if (result.status !== 0) fail(`conformance: go ${args.join(" ")} failed:\n${result.stderr}`);
  return result.stdout;
}

mkdirSync(cache, { recursive: true });
const runner = path.join(cache, "connectconformance");
if (!existsSync(runner)) {
  console.log(`installing ${MODULE} ${VERSION} with Go (once)`);
  go(["install", `${MODULE}/cmd/connectconformance@${VERSION}`], { env: { ...process.env, GOBIN: cache } });
}
if (!existsSync(path.join(cache, "gen"))) {
  writeFileSync(path.join(cache, "package.json"), '{ "type": "module" }\n');
  const { Dir } = JSON.parse(go(["mod", "download", "-json", `${MODULE}@${VERSION}`]));
  writeFileSync(
    path.join(cache, "buf.gen.yaml"),
    `version: v2\ninputs:\n  - directory: ${JSON.stringify(path.join(Dir, "proto"))}\nplugins:\n  - local: protoc-gen-es\n    out: gen\n    opt: [target=js, import_extension=js]\n`,
  );
  const bin = path.join(root, "node_modules", ".bin");
  const buf = spawnSync(path.join(bin, "buf"), ["generate"], {
    cwd: cache,
    encoding: "utf8",
    env: { ...process.env, PATH: `${bin}${path.delimiter}${process.env.PATH}` },
  });
  if (buf.status !== 0) fail(`conformance: buf generate failed:\n${buf.stderr}`);
}

const binary = nodeBinary(values.node);
if (binary === undefined)
  fail(`conformance: no Node ${values.node} for this platform; pass --node ${process.versions.node.split(".")[0]}`);
const probe = spawnSync(binary, ["-p", "typeof require('node:zlib').zstdCompress"], { encoding: "utf8" });
const hasZstd = probe.stdout.trim() === "function";
const list = (name, items) => `  ${name}:\n${items.map((item) => `    - ${item}\n`).join("")}`;
const configFile = path.join(cache, "config.yaml");
writeFileSync(
  configFile,
  `features:\n${list("versions", ["HTTP_VERSION_1", "HTTP_VERSION_2"])}${list("protocols", ["PROTOCOL_CONNECT", "PROTOCOL_GRPC", "PROTOCOL_GRPC_WEB"])}${list("codecs", ["CODEC_PROTO", "CODEC_JSON"])}${list(
    "compressions",
    ["IDENTITY", "GZIP", "BR", "DEFLATE", "SNAPPY", ...(hasZstd ? ["ZSTD"] : [])].map((name) => `COMPRESSION_${name}`),
  )}${list(
    "stream_types",
    ["UNARY", "CLIENT_STREAM", "SERVER_STREAM", "HALF_DUPLEX_BIDI_STREAM", "FULL_DUPLEX_BIDI_STREAM"].map(
      (name) => `STREAM_TYPE_${name}`,
    ),
  )}${[
    "h2c",
    "tls",
    "tls_client_certs",
    "trailers",
    "half_duplex_bidi_over_http1",
    "connect_get",
    "message_receive_limit",
  ]
    .map((name) => `  supports_${name}: true\n`)
    .join("")}`,
);

function runMode(mode) {
  return new Promise((resolve) => {
    const args = ["--conf", configFile, "--mode", mode];
    if (mode === "client") args.push("--max-servers", "1");
    for (const pattern of values.run) args.push("--run", pattern);
    if (values.verbose) args.push("-v");
    const child = spawn(runner, [...args, "--", binary, path.join(here, `${mode}.mjs`)], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    const take = (chunk) => {
      output += chunk;
      if (values.verbose) process.stderr.write(chunk);
    };
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    child.on("close", (code) => {
      writeFileSync(path.join(cache, `${mode}.log`), output);
      const counts = /(\d+) passed, (\d+) failed/.exec(output);
      if (counts === null || code !== 0) {
        console.log(output.split("\n").slice(-60).join("\n"));
        console.log(`the whole log: ${path.relative(process.cwd(), path.join(cache, `${mode}.log`))}`);
      }
      console.log(counts ? `${mode}: ${counts[1]} passed, ${counts[2]} failed` : `${mode}: the runner made no count`);
      resolve(code === 0 && counts !== null && counts[2] === "0");
    });
  });
}

console.log(`Node ${values.node}${hasZstd ? "" : ", without zstd"}`);
let ok = true;
for (const mode of values.mode ? [values.mode] : ["server", "client"]) ok = (await runMode(mode)) && ok;
process.exit(ok ? 0 : 1);
