import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { applyEdits, modify, parse } from "jsonc-parser";
import { glob } from "tinyglobby";

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
/** Commands of the old generators. `protoc-gen-es` is the new one's. */
const GENERATOR =
  /\b(grpc_tools_node_protoc|proto-loader-gen-types|pbjs|pbts|protoc)\b(?!-gen-es)|--(ts_proto|grpc|js|ts)_out\b/;
/** Files that may name a package: sources, configuration, scripts. */
const TEXTS = "**/*.{js,cjs,mjs,jsx,ts,cts,mts,tsx,json,yaml,yml,sh,toml}";
const IGNORED = [
  "**/node_modules/**",
  "**/.git/**",
  "**/dist/**",
  "**/vendor/**",
  "**/package-lock.json",
  "**/pnpm-lock.yaml",
  "**/*.tsbuildinfo",
];

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

/** Which dependencies and scripts of the packages below `root` only the old world needs. */
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
  for (const [file, before] of texts) {
    if (path.basename(file) !== "package.json") continue;
    const manifest = parse(before) as Record<string, Record<string, string> | undefined> | undefined;
    if (typeof manifest !== "object" || manifest === null) continue;
    const name = path.relative(root, file).split(path.sep).join("/");
    const folder = path.dirname(file);
    let text = before;
    const removed: string[] = [];
    const remove = (section: string, key: string) => {
      text = applyEdits(text, modify(text, [section, key], undefined, {}));
      removed.push(section === "scripts" ? `script ${key}` : key);
    };
    const scripts = Object.entries(manifest.scripts ?? {});
    for (const [key, command] of scripts) {
      if (typeof command !== "string" || !GENERATOR.test(command)) continue;
      const caller = scripts.find(
        ([other, text]) =>
          other !== key && new RegExp(`\\b(run|run-script|yarn|pnpm)\\s+(-\\S+\\s+)*${escaped(key)}(\\s|$)`).test(text),
      );
      if (/&&|\|\||;/.test(command))
        kept.push(`${name}: the script ${key} does more than to run an old generator; change it by hand`);
      else if (caller)
        kept.push(`${name}: the script ${key} runs an old generator, and the script ${caller[0]} calls it`);
      else remove("scripts", key);
    }
    const others = [...texts].filter(([other]) => other !== file && isNearest(other, folder));
    const rest = Object.entries(parse(text).scripts ?? {}).map(([key, command]) => [`script ${key}`, String(command)]);
    for (const dependency of LEGACY) {
      const section = SECTIONS.find((each) => manifest[each]?.[dependency] !== undefined);
      if (section === undefined) continue;
      const pattern = new RegExp(`["'\`/ =]${escaped(dependency)}(["'\`/ ]|$)`, "m");
      const user =
        others.find(([, content]) => pattern.test(content))?.[0] ??
        rest.find(([, command]) => pattern.test(` ${command} `))?.[0];
      if (user === undefined) remove(section, dependency);
      else
        kept.push(
          `${name}: ${dependency}, because ${path.isAbsolute(user) ? path.relative(root, user).split(path.sep).join("/") : `the ${user}`} names it`,
        );
    }
    if (removed.length > 0) manifests.push({ path: file, before, after: text, removed });
  }
  return { manifests, kept };
}

/** Whether the package.json of `folder` is the nearest one above a file. */
function isNearest(file: string, folder: string): boolean {
  for (let current = path.dirname(file); ; current = path.dirname(current)) {
    if (current === folder) return true;
    if (existsSync(path.join(current, "package.json")) || current === path.dirname(current)) return false;
  }
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
}
