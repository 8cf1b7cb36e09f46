import { spawnSync } from "node:child_process";
import { readFileSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import { type TempProject, tempProject } from "../../generate/testing/temp-project.js";

const repository = resolve(import.meta.dirname, "../../..");

export const strictConfig = {
  target: "ES2022",
  module: "CommonJS",
  moduleResolution: "node",
  esModuleInterop: true,
  strict: true,
  skipLibCheck: true,
  types: ["node"],
};

/** Generators of interfaces and of classes: the command, and what is always asked of it. */
const generators = {
  "ts-proto": {
    local: [join(repository, "node_modules/.bin/protoc-gen-ts_proto")],
    opt: ["outputServices=grpc-js", "esModuleInterop=true"],
  },
  "protobuf-ts": {
    local: [process.execPath, join(repository, "node_modules/@protobuf-ts/plugin/bin/protoc-gen-ts")],
    opt: ["server_grpc1", "client_none"],
  },
  "protoc-gen-ts": {
    local: [process.execPath, join(repository, "node_modules/protoc-gen-ts/protoc-gen-ts.js")],
    opt: [],
  },
} as const;

export type TypedGenerator = keyof typeof generators;

/** A TypeScript project whose `old/same.ts` was generated with some options; `same.proto` is google-protobuf's, without jstype. */
export function typedProject(
  generator: TypedGenerator,
  files: Readonly<Record<string, string>>,
  options: readonly string[] = [],
  compilerOptions: Readonly<Record<string, unknown>> = strictConfig,
): TempProject {
  const { local, opt } = generators[generator];
  const proto = readFileSync(join(import.meta.dirname, "google-protobuf/same.proto"), "utf8");
  const project = tempProject({
    "package.json": "{}",
    "tsconfig.json": JSON.stringify({ compilerOptions }),
    "proto/same.proto": proto.replace(" [jstype = JS_STRING]", ""),
    ...files,
  });
  symlinkSync(join(repository, "node_modules"), join(project.root, "node_modules"));
  const plugin = {
    local,
    out: "old",
    opt: [...opt, ...options],
    include_imports: true,
    include_wkt: true,
  };
  const template = JSON.stringify({ version: "v2", plugins: [plugin] });
  const buf = join(repository, "node_modules/.bin/buf");
  const args = ["generate", join(project.root, "proto"), "--template", template, "-o", project.root];
  const { status, stderr } = spawnSync(buf, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  return project;
}
