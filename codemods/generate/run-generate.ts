import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { globSync } from "tinyglobby";
import { isInside } from "../project/project-root.js";
import { protocGenEsScript, runBuf } from "./buf-tool.js";
import { type CompiledProtos, compileProtos } from "./compile-protos.js";
import { discoverProtos } from "./discover-protos.js";
import type {
  GenerateFailure,
  GenerateOptions,
  GeneratePlan,
  GenerateResult,
  PlannedFile,
  ProtoDiscovery,
} from "./generate-types.js";
import { planGenerate } from "./plan-generate.js";
import { createProtoRegistry, type ProtoRegistry } from "./proto-registry.js";

/**
 * The command `generate`: protobuf-es code for the project's protos, and the buf configuration to make it again.
 * Nothing is written when a proto does not compile, or when `write` is false: then `files` says what would be.
 */
export async function generate(options: GenerateOptions): Promise<GenerateResult> {
  const result = await planned(options, false);
  if (options.write) writeGenerated(result);
  return result;
}

/** Writes what {@link generate} made without writing it. */
export function writeGenerated(result: Pick<GenerateResult, "files">): void {
  writeAll(result.files.filter((file) => file.status !== "unchanged"));
}

/**
 * What `services` and `clients` need: the registry, and the files that are missing or stale. Writes nothing. Protos that
 * do not compile are left out with a note, so that the services of the others can be migrated.
 */
export function ensureGenerated(options: Omit<GenerateOptions, "write">): Promise<GenerateResult> {
  return planned(options, true);
}

async function planned(options: Omit<GenerateOptions, "write">, lenient: boolean): Promise<GenerateResult> {
  const root = resolve(options.root);
  if (!existsSync(root) || !statSync(root).isDirectory()) {
    return failed(emptyDiscovery, { kind: "path-missing", text: `${root} is not a directory.` });
  }
  const discovery = discoverProtos(root, sourcesIn(options), options);
  if (discovery.files.length === 0) {
    return {
      status: "no-protos",
      plan: null,
      files: [],
      discovery,
      registry: null,
      failure: null,
      notes: [...discovery.notes, noProtos],
    };
  }
  const compiled = await compileProtos(discovery, resolve(options.project ?? root), lenient);
  if (!compiled.ok) return failed(discovery, compiled.failure);
  const used = { ...discovery, files: compiled.compiled.files };
  const plan = planGenerate(used, {
    root,
    out: options.out,
    language: options.language,
    moduleSystem: options.moduleSystem,
  });
  const code = await runPlugin(compiled.compiled, plan);
  if (!code.ok) return failed(discovery, code.failure);
  return {
    status: "generated",
    plan,
    files: [...plan.configFiles, ...code.files].map(compareToDisk),
    discovery,
    registry: registryFor(compiled.compiled, plan, discovery),
    failure: null,
    notes: [...discovery.notes, ...compiled.compiled.notes, ...plan.notes],
  };
}

export interface LoadedProtos {
  readonly registry: ProtoRegistry | null;
  readonly failure: GenerateFailure | null;
  readonly discovery: ProtoDiscovery;
  readonly notes: readonly string[];
}

/** Descriptors only, for commands that look and change nothing. */
export async function loadProtos(
  options: Pick<GenerateOptions, "root" | "project" | "without" | "sources">,
): Promise<LoadedProtos> {
  const root = resolve(options.root);
  const discovery = discoverProtos(root, sourcesIn(options), options);
  if (discovery.files.length === 0)
    return { registry: null, failure: null, discovery, notes: [...discovery.notes, noProtos] };
  const compiled = await compileProtos(discovery, resolve(options.project ?? root), true);
  if (!compiled.ok) return { registry: null, failure: compiled.failure, discovery, notes: discovery.notes };
  const plan = planGenerate({ ...discovery, files: compiled.compiled.files }, { root });
  const notes = [...discovery.notes, ...compiled.compiled.notes];
  return { registry: registryFor(compiled.compiled, plan, discovery), failure: null, discovery, notes };
}

/** The sources of a folder, without those of the folders below it that have generated code of their own. */
function sourcesIn({ root, without = [], sources }: Pick<GenerateOptions, "root" | "without" | "sources">) {
  return sources?.filter(({ path }) => isInside(path, root) && !without.some((folder) => isInside(path, folder)));
}

const noProtos =
  "No .proto file was found. Services without one keep their own grpc-js definition, which serves them in binary; add the .proto files (or the package that has them, or have `recover` read them out of generated code) and run again for protobuf-es code.";

const emptyDiscovery: ProtoDiscovery = {
  files: [],
  roots: [],
  notes: [],
  copies: new Map(),
  rivals: new Map(),
  imports: new Map(),
};

function failed(discovery: ProtoDiscovery, failure: GenerateFailure): GenerateResult {
  return { status: "failed", plan: null, files: [], discovery, registry: null, failure, notes: discovery.notes };
}

function registryFor(compiled: CompiledProtos, plan: GeneratePlan, discovery: ProtoDiscovery): ProtoRegistry {
  return createProtoRegistry({
    registry: compiled.registry,
    layout: plan.layout,
    sources: new Map(compiled.files.map((file) => [file.name, file.path])),
    copies: discovery.copies,
    rivals: discovery.rivals,
    faults: compiled.faults,
  });
}

type PluginResult =
  | { readonly ok: true; readonly files: PlannedFile[] }
  | { readonly ok: false; readonly failure: GenerateFailure };

/** Generated text by protos and options: one run may ask for it on several occasions. */
const memory = new Map<string, Promise<PluginResult>>();

function runPlugin(compiled: CompiledProtos, plan: GeneratePlan): Promise<PluginResult> {
  const key = createHash("sha256")
    .update(compiled.image)
    .update(JSON.stringify([plan.layout.outDir, plan.options]))
    .digest("hex");
  let result = memory.get(key);
  if (!result) {
    result = generateInto(compiled, plan);
    memory.set(key, result);
  }
  return result;
}

async function generateInto(compiled: CompiledProtos, plan: GeneratePlan): Promise<PluginResult> {
  const plugin = protocGenEsScript();
  if (!plugin) {
    return {
      ok: false,
      failure: {
        kind: "buf-missing",
        text: "The package @bufbuild/protoc-gen-es is not installed beside connect-migrate.",
      },
    };
  }
  const directory = mkdtempSync(join(tmpdir(), "connect-migrate-gen-"));
  try {
    const image = join(directory, "image.binpb");
    writeFileSync(image, compiled.image);
    const template = {
      version: "v2",
      // One start of the plugin for all protos; buf's default is one for each folder.
      plugins: [
        { local: [process.execPath, plugin], out: "out", opt: plan.options, include_imports: true, strategy: "all" },
      ],
    };
    const run = await runBuf(["generate", image, "--template", JSON.stringify(template)], {
      cwd: directory,
      cacheDir: join(directory, "cache"),
    });
    if (run.code !== 0)
      return { ok: false, failure: { kind: "buf-failed", text: run.stderr.trim() || run.stdout.trim() } };
    const out = join(directory, "out");
    const files = globSync("**/*", { cwd: out }).sort();
    return {
      ok: true,
      files: files.map((name) => ({
        path: join(plan.layout.outDir, name),
        content: readFileSync(join(out, name), "utf8"),
        status: "created",
      })),
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function compareToDisk(file: PlannedFile): PlannedFile {
  if (!existsSync(file.path)) return { ...file, status: "created" };
  return { ...file, status: readFileSync(file.path, "utf8") === file.content ? "unchanged" : "updated" };
}

/** Every file is complete beside its place before the first one takes it. */
function writeAll(files: readonly PlannedFile[]): void {
  const temporary = files.map((file) => ({ file, path: `${file.path}.connect-migrate-${process.pid}` }));
  try {
    for (const { file, path } of temporary) {
      mkdirSync(dirname(file.path), { recursive: true });
      writeFileSync(path, file.content);
    }
    for (const { file, path } of temporary) renameSync(path, file.path);
  } finally {
    for (const { path } of temporary) rmSync(path, { force: true });
  }
}
