import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { applyEdits, modify, parse } from "jsonc-parser";
import { glob } from "tinyglobby";
import { escaped } from "../shared/reg-exp.js";
import { discover } from "./discover.js";
import { bufWithoutOldPlugins, leftByHand, scriptsWithoutGenerators } from "./finish-generators.js";
import { oldCodeOf } from "./generated-users.js";
import { stepsBelow } from "./generator-steps.js";
import { scriptsOf } from "./package-json.js";
import { relative } from "./project-root.js";

/** Packages that only grpc-js code and its generators need. */
const LEGACY = [
  "@grpc/grpc-js",
  "@grpc/proto-loader",
  "@grpc/reflection",
  "grpc-health-check",
  "grpc",
  "grpc-tools",
  "grpc_tools_node_protoc_ts",
  "ts-protoc-gen",
  "ts-proto",
  "protoc-gen-ts",
  "google-protobuf",
  "@types/google-protobuf",
  "protobufjs",
  "protobufjs-cli",
  "@protobuf-ts/plugin",
  "@protobuf-ts/runtime",
  "@protobuf-ts/runtime-rpc",
  "@protobuf-ts/grpc-transport",
  "@protobuf-ts/grpc-backend",
];
const SECTIONS = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"];
/** What a script names when it needs a package: its programs, or the flag of its plugin. */
const PROGRAMS: ReadonlyMap<string, RegExp> = new Map([
  ["grpc-tools", /\bgrpc_tools_node_protoc/],
  ["grpc_tools_node_protoc_ts", /\bprotoc-gen-ts\b|--ts_out\b/],
  ["ts-protoc-gen", /\bprotoc-gen-ts\b|--ts_out\b/],
  ["protoc-gen-ts", /\bprotoc-gen-ts\b|--ts_out\b/],
  ["@protobuf-ts/plugin", /\bprotoc-gen-(ts|dump)\b|--ts_out\b/],
  ["ts-proto", /\bprotoc-gen-ts_proto\b|--ts_proto_out\b/],
  ["protobufjs", /\bpb(js|ts)\b/],
  ["protobufjs-cli", /\bpb(js|ts)\b/],
  ["@grpc/proto-loader", /\bproto-loader-gen-types\b/],
]);
/** Files that may name a package: sources, configuration, scripts. */
const TEXTS = [
  "**/*.{js,cjs,mjs,jsx,ts,cts,mts,tsx,json,yaml,yml,sh,toml,mk}",
  "**/{Makefile,makefile,GNUmakefile,justfile,Dockerfile,*.Dockerfile}",
];
const IGNORED = [
  "**/node_modules/**",
  "**/.git/**",
  "**/dist/**",
  "**/vendor/**",
  "**/package-lock.json",
  "**/pnpm-lock.yaml",
  "**/*.tsbuildinfo",
];

/** A package.json or buf.gen.yaml that changes. */
export interface FinishedManifest {
  /** Absolute. */
  readonly path: string;
  readonly before: string;
  readonly after: string;
  readonly removed: readonly string[];
}

export interface FinishPlan {
  readonly manifests: readonly FinishedManifest[];
  /** What stays, with the reason. */
  readonly kept: readonly string[];
}

/** Which dependencies, scripts and plugins of the packages below `root` only the old world needs. */
export async function planFinish(root: string): Promise<FinishPlan> {
  const files = await glob(TEXTS, {
    cwd: root,
    ignore: IGNORED,
    absolute: true,
    dot: true,
    followSymbolicLinks: false,
  });
  const texts = new Map(files.map((file) => [path.resolve(file), readFileSync(file, "utf8")]));
  const manifests: FinishedManifest[] = [];
  const kept: string[] = [];
  const code = oldCodeOf(await discover({ root, paths: [root] }));
  const steps = stepsBelow(root);
  for (const [file, before] of texts) {
    if (!/^buf\.gen\.ya?ml$/.test(path.basename(file))) continue;
    const { text: after, removed, kept: staying } = bufWithoutOldPlugins(file, before, root, code);
    kept.push(...staying);
    if (removed.length === 0) continue;
    texts.set(file, after);
    manifests.push({ path: file, before, after, removed });
  }
  for (const [file, before] of texts) {
    if (path.basename(file) !== "package.json") continue;
    const manifest = parse(before) as Record<string, Record<string, string> | undefined> | undefined;
    if (typeof manifest !== "object" || manifest === null) continue;
    const name = relative(file, root);
    const folder = path.dirname(file);
    let text = before;
    const removed: string[] = [];
    const remove = (section: string, key: string) => {
      text = applyEdits(text, modify(text, [section, key], undefined, {}));
      removed.push(section === "scripts" ? `script ${key}` : key);
    };
    const scripts = scriptsWithoutGenerators(file, before, root, code, steps);
    for (const [key, script] of scripts.changes) {
      if (script === null) remove("scripts", key);
      else {
        text = applyEdits(text, modify(text, ["scripts", key], script, {}));
        removed.push(`the old generator in script ${key}`);
      }
    }
    kept.push(...scripts.kept);
    const others = [...texts].filter(([other]) => other !== file && isNearest(other, folder));
    const rest = scriptsOf(text).map(([key, command]) => [`script ${key}`, command]);
    for (const dependency of LEGACY) {
      const section = SECTIONS.find((each) => manifest[each]?.[dependency] !== undefined);
      if (section === undefined) continue;
      const pattern = new RegExp(`["'\`/ =]${escaped(dependency)}(["'\`/ ]|$)`, "m");
      const program = PROGRAMS.get(dependency);
      const user =
        others.find(
          ([other, content]) => pattern.test(content) || (isConfig(other) && program?.test(content) === true),
        )?.[0] ?? rest.find(([, command = ""]) => pattern.test(` ${command} `) || program?.test(command) === true)?.[0];
      if (user === undefined) remove(section, dependency);
      else
        kept.push(
          `${name}: ${dependency}, because ${path.isAbsolute(user) ? relative(user, root) : `the ${user}`} names it`,
        );
    }
    if (removed.length > 0) manifests.push({ path: file, before, after: text, removed });
  }
  kept.push(...leftByHand(root, code, steps));
  return { manifests, kept };
}

/** Whether the package.json of `folder` is the nearest one above a file. */
function isNearest(file: string, folder: string): boolean {
  for (let current = path.dirname(file); ; current = path.dirname(current)) {
    if (current === folder) return true;
    if (existsSync(path.join(current, "package.json")) || current === path.dirname(current)) return false;
  }
}

/** Files that start programs, whose packages they need not name. */
function isConfig(file: string): boolean {
  return /\.(sh|ya?ml|mk|Dockerfile)$|(^|[\\/])(Makefile|makefile|GNUmakefile|justfile|Dockerfile)$/.test(file);
}
