import { spawnSync } from "node:child_process";
import { cpSync, readFileSync, symlinkSync } from "node:fs";
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
  /** The types beside the code of google-protobuf, which is at hand. */
  "google-protobuf": {
    local: [process.execPath, join(repository, "node_modules/grpc_tools_node_protoc_ts/build/index.js")],
    opt: ["grpc_js"],
  },
} as const;

export type TypedGenerator = keyof typeof generators;

/** A TypeScript project whose `old/same.ts` was generated with some options; `same.proto` is google-protobuf's, elsewhere without jstype. */
export function typedProject(
  generator: TypedGenerator,
  files: Readonly<Record<string, string>>,
  options: readonly string[] = [],
  compilerOptions: Readonly<Record<string, unknown>> = strictConfig,
): TempProject {
  const { local, opt } = generators[generator];
  const code = join(import.meta.dirname, "google-protobuf");
  const isOwn = generator === "google-protobuf";
  const proto = readFileSync(join(code, "same.proto"), "utf8");
  const project = tempProject({
    "package.json": "{}",
    "tsconfig.json": JSON.stringify({ compilerOptions }),
    "proto/same.proto": isOwn ? proto : proto.replace(" [jstype = JS_STRING]", ""),
    ...files,
  });
  for (const name of isOwn ? ["same_pb.js", "same_grpc_pb.js"] : [])
    cpSync(join(code, name), join(project.root, "old", name));
  symlinkSync(join(repository, "node_modules"), join(project.root, "node_modules"));
  const plugin = {
    local,
    out: "old",
    opt: [...opt, ...options],
    include_imports: !isOwn,
    include_wkt: !isOwn,
  };
  const template = JSON.stringify({ version: "v2", plugins: [plugin] });
  const buf = join(repository, "node_modules/.bin/buf");
  const args = ["generate", join(project.root, "proto"), "--template", template, "-o", project.root];
  const { status, stderr } = spawnSync(buf, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  return project;
}
