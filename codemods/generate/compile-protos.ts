import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, sep } from "node:path";
import { createFileRegistry, type FileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { bufScript, runBuf } from "./buf-tool.js";
import type { GenerateFailure, ProtoDiscovery, ProtoFile } from "./generate-types.js";
import { missingTypesOf, withFullNames } from "./lenient-names.js";
import { outlineOfProto } from "./proto-syntax.js";

/** A compiled set of protos. `image` is a buf image: a FileDescriptorSet with source locations. */
export interface CompiledProtos {
  readonly image: Uint8Array;
  readonly registry: FileRegistry;
  readonly files: readonly ProtoFile[];
  readonly notes: readonly string[];
  /** Full name -> why the .proto file that declares it was left out. */
  readonly faults: ReadonlyMap<string, string>;
}

export type CompileResult =
  | { readonly ok: true; readonly compiled: CompiledProtos }
  | { readonly ok: false; readonly failure: GenerateFailure };

/** Results by content: one run asks several times for the same protos (scan, services, clients, generate). */
const memory = new Map<string, Promise<CompileResult>>();

/**
 * Compiles the discovered protos with `buf build`. They are staged under their import paths as one module, so that
 * overlapping roots, roots outside the project and packages in node_modules are all the same to buf.
 * A file that nothing refers to does not stand in the way: when it does not compile it is left out, with a note. With
 * `lenient` that holds for every file, as long as one is left: what uses the others can still be migrated.
 */
export function compileProtos(discovery: ProtoDiscovery, projectRoot: string, lenient = false): Promise<CompileResult> {
  const staged = stage(discovery);
  const hash = createHash("sha256").update(`${projectRoot}\0${lenient}`);
  for (const { file, text } of staged) hash.update(`\0${file.path}\0${file.name}\0${file.referenced}\0${text}`);
  const key = hash.digest("hex");
  let result = memory.get(key);
  if (!result) {
    result = compile(staged, projectRoot, lenient);
    memory.set(key, result);
  }
  return result;
}

interface Staged {
  readonly file: ProtoFile;
  readonly text: string;
}

async function compile(staged: readonly Staged[], projectRoot: string, lenient: boolean): Promise<CompileResult> {
  if (!bufScript()) {
    return {
      ok: false,
      failure: { kind: "buf-missing", text: "The package @bufbuild/buf is not installed beside connect-migrate." },
    };
  }
  const notes: string[] = [];
  const faults = new Map<string, string>();
  let current = staged;
  for (;;) {
    const result = await build(current, projectRoot);
    if (result.ok) return { ok: true, compiled: { ...result, files: current.map(({ file }) => file), notes, faults } };
    const named = withFullNames(
      current.map(({ file, text }) => ({ name: file.name, text })),
      missingTypesOf(result.stagedText),
    );
    if (named) {
      notes.push(
        `protoc would reject names that protobufjs finds; they are taken as protobufjs takes them: ${named.found.join("; ")}. Write full names and imports into the .proto files before you run buf yourself.`,
      );
      current = current.map(({ file }, index) => ({ file, text: named.files[index]?.text ?? "" }));
      continue;
    }
    const failing = current.filter(({ file }) => result.failedNames.has(file.name));
    const unreferenced = failing.filter(({ file }) => !file.referenced);
    const hasReferenced = current.some(({ file }) => file.referenced);
    // First what nothing refers to: a broken import may be all that is wrong with a file.
    const dropped = unreferenced.length > 0 && hasReferenced ? unreferenced : lenient ? failing : [];
    const next = withoutDependents(current, new Set(dropped), lenient);
    const place = ({ file }: Staged) => relative(projectRoot, file.path).split(sep).join("/");
    for (const one of current.filter((each) => failing.includes(each) || !next.includes(each))) {
      const own = result.text.split("\n").find((line) => line.startsWith(`${place(one)}:`));
      const fault = own ?? `${place(one)} imports a file that does not compile`;
      for (const symbol of outlineOfProto(one.text).symbols) faults.set(symbol, fault);
    }
    if (dropped.length === 0 || next.length === 0) {
      const kind = result.failedNames.size > 0 ? "proto-invalid" : "buf-failed";
      return { ok: false, failure: { kind, text: result.text, faults } };
    }
    const names = dropped.map(place).join(", ");
    notes.push(`Left out, because it does not compile: ${names}. ${result.text}`);
    current = next;
  }
}

type BuildResult =
  | { readonly ok: true; readonly image: Uint8Array; readonly registry: FileRegistry }
  | {
      readonly ok: false;
      readonly failedNames: ReadonlySet<string>;
      readonly text: string;
      readonly stagedText: string;
    };

async function build(staged: readonly Staged[], projectRoot: string): Promise<BuildResult> {
  const directory = mkdtempSync(join(tmpdir(), "connect-migrate-buf-"));
  try {
    const module = join(directory, "module");
    for (const { file, text } of staged) {
      const path = join(module, file.name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
    }
    const image = join(directory, "image.binpb");
    const run = await runBuf(["build", ".", "-o", image], { cwd: module, cacheDir: join(directory, "cache") });
    if (run.code !== 0) {
      const stagedText = run.stderr.trim() || run.stdout.trim();
      return { ok: false, ...ownPaths(stagedText, staged, projectRoot), stagedText };
    }
    const bytes = new Uint8Array(readFileSync(image));
    return { ok: true, image: bytes, registry: createFileRegistry(fromBinary(FileDescriptorSetSchema, bytes)) };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** buf names files by their place in the staged module; people know them by their place in the project. */
function ownPaths(
  text: string,
  staged: readonly Staged[],
  projectRoot: string,
): { text: string; failedNames: Set<string> } {
  const byName = new Map(staged.map((one) => [one.file.name, one]));
  const failedNames = new Set<string>();
  const missing = new Map<string, ProtoFile>();
  const lines = text.split("\n").map((line) => {
    const [, name, at, what = ""] = /^(.+?\.proto):(\d+):\d+:(.*)$/.exec(line) ?? [];
    const found = name === undefined ? undefined : byName.get(name);
    if (!found || name === undefined) return line;
    failedNames.add(name);
    const own = relative(projectRoot, found.file.path).split(sep).join("/") + line.slice(name.length);
    if (!/imported file does not exist/.test(what)) return own;
    const [imported] = outlineOfProto(found.text.split("\n")[Number(at) - 1] ?? "").imports;
    if (imported && !missing.has(imported.name)) missing.set(imported.name, found.file);
    return imported ? `${own}: ${imported.name}` : own;
  });
  const advice = [...missing].map(([name, { root }]) => {
    const folder = relative(projectRoot, root).split(sep).join("/") || ".";
    const isGoogles = /^google\/(api|rpc|type|longrunning)\//.test(name);
    const module = isGoogles ? "buf.build/googleapis/googleapis" : "<its module>";
    const example = isGoogles ? ", such as google-proto-files" : "";
    return `${name} is neither in the project nor in an installed package. Put it below ${folder} (\`npx buf export ${module} --output ${folder}\` gets it from the Buf registry), or install a package that has it${example}.`;
  });
  return { text: [...lines, ...advice].join("\n"), failedNames };
}

/** Reads the files; where an import is written otherwise than the file is named (`../common.proto`), the name is put in. */
function stage(discovery: ProtoDiscovery): Staged[] {
  return discovery.files.map((file) => {
    let text = readFileSync(file.path, "utf8").replace(/^\uFEFF/, "");
    const targets = discovery.imports.get(file.path);
    for (const { name, start, end } of [...outlineOfProto(text).imports].reverse()) {
      const meant = targets?.get(name);
      if (meant !== undefined && meant !== name) text = text.slice(0, start) + meant + text.slice(end);
    }
    return { file, text };
  });
}

function withoutDependents(all: readonly Staged[], dropped: ReadonlySet<Staged>, lenient: boolean): Staged[] {
  const gone = new Set([...dropped].map(({ file }) => file.name));
  for (let before = -1; before !== gone.size; ) {
    before = gone.size;
    for (const { file, text } of all) {
      if ((lenient || !file.referenced) && outlineOfProto(text).imports.some(({ name }) => gone.has(name)))
        gone.add(file.name);
    }
  }
  return all.filter(({ file }) => !gone.has(file.name));
}
