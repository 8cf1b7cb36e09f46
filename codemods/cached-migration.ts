import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { MigrationOptions, MigrationResult } from "./migration.js";
import { ignoredByGit } from "./project/git.js";
import { stateFolder } from "./project/journal.js";
import { projectRoot } from "./project/project-root.js";
import { toolRoot } from "./project/tool.js";
import { isStillTrue, type ReadTrace, traceReads } from "./project/trace-reads.js";
import { contentFromStored, type StoredContent, storedFromContent } from "./shared/stored-content.js";

/** Older entries go: what is asked again was asked lately. */
const KEPT_ENTRIES = 20;

interface Entry {
  readonly reads: ReadTrace;
  /** Those of the files that were read which git ignores: that is asked of git, and not of the disk. */
  readonly ignored: readonly string[];
  readonly result: StoredResult;
}

type StoredResult = Omit<MigrationResult, "withMark" | "extraFiles"> & {
  readonly withMark: readonly string[];
  readonly extraFiles: readonly (Omit<MigrationResult["extraFiles"][number], "content"> & {
    readonly content: StoredContent;
  })[];
};

/**
 * What {@link runMigration} makes, from a cache where nothing that it depends on changed. An entry holds what the run asked of the
 * disk (contents of sources, protos, configurations and of the packages' types, listings of folders, files that were looked for
 * and not there) and counts only while every answer is the same, for the same tool, options and version of Node.
 */
export async function cachedMigration(
  options: MigrationOptions,
  { cache }: { cache: boolean },
): Promise<MigrationResult> {
  const run = async () => {
    // The compiler takes longer to load than a cached answer takes as a whole.
    const { runMigration } = await import("./pipeline.js");
    return runMigration(options);
  };
  if (!cache || options.only || options.review) return run();
  const paths = options.paths.map((file) => path.resolve(options.cwd, file));
  const root = options.root ?? projectRoot(paths, options.cwd);
  const folder = path.join(stateFolder(root), "cache");
  const { cwd, side, target, messages, runtime, exclude, isDraft } = options;
  const key = JSON.stringify([
    toolDigest(),
    process.version,
    root,
    cwd,
    paths,
    side,
    target,
    messages,
    runtime,
    exclude,
    isDraft,
  ]);
  const place = path.join(folder, `${createHash("sha256").update(key).digest("hex").slice(0, 32)}.json`);
  options.onProgress?.("looking into the cache", 0);
  const known = readEntry(place);
  const ignored = (reads: ReadTrace) => [...ignoredByGit(root, Object.keys(reads))].sort();
  const isSame = ({ reads, ignored: before }: Entry) => ignored(reads).join("\0") === before.join("\0");
  if (known && isStillTrue(known.reads) && isSame(known)) return restored(known.result);
  const { value, reads } = await traceReads(run);
  // A file that failed may be the tool's fault: it is worth another try.
  if (value.summary.failed === 0) writeEntry(folder, place, { reads, ignored: ignored(reads), result: stored(value) });
  return value;
}

let ownDigest: string | undefined;

/** Of everything that decides what a run makes of an input: our own code and the versions of the libraries that it runs on. */
function toolDigest(): string {
  // `plan` and `scan` run twice, and the code of a running process is what it was.
  ownDigest ??= digestOfTool();
  return ownDigest;
}

function digestOfTool(): string {
  const hash = createHash("sha1");
  const own = path.dirname(fileURLToPath(import.meta.url));
  for (const name of (readdirSync(own, { recursive: true }) as string[]).sort()) {
    if (!/\.[jt]s$/.test(name) || name.endsWith(".d.ts") || name.endsWith(".test.ts")) continue;
    hash.update(`\0${name}\0`).update(readFileSync(path.join(own, name)));
  }
  const root = toolRoot();
  const manifest = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as {
    version: string;
    dependencies: Record<string, string>;
  };
  hash.update(manifest.version);
  for (const name of Object.keys(manifest.dependencies).sort())
    hash.update(`\0${name}@${installedVersion(root, name)}`);
  return hash.digest("hex");
}

function installedVersion(from: string, name: string): string {
  for (let folder = from; ; folder = path.dirname(folder)) {
    const manifest = path.join(folder, "node_modules", name, "package.json");
    if (existsSync(manifest)) return (JSON.parse(readFileSync(manifest, "utf8")) as { version: string }).version;
    if (folder === path.dirname(folder)) return "?";
  }
}

function readEntry(place: string): Entry | undefined {
  try {
    return JSON.parse(readFileSync(place, "utf8")) as Entry;
  } catch {
    // Not there, or damaged: it is made anew.
    return undefined;
  }
}

function writeEntry(folder: string, place: string, entry: Entry): void {
  try {
    mkdirSync(folder, { recursive: true });
    const next = `${place}.${process.pid}`;
    writeFileSync(next, JSON.stringify(entry));
    renameSync(next, place);
    const entries = readdirSync(folder)
      .map((name) => path.join(folder, name))
      .map((file) => ({ file, time: statSync(file).mtimeMs }))
      .sort((a, b) => b.time - a.time);
    for (const { file } of entries.slice(KEPT_ENTRIES)) rmSync(file, { force: true });
  } catch {
    // A cache that cannot be written (a read-only folder, another run) costs time and nothing else.
  }
}

function stored(result: MigrationResult): StoredResult {
  return {
    ...result,
    withMark: [...result.withMark],
    extraFiles: result.extraFiles.map((file) => ({ ...file, content: storedFromContent(file.content) })),
    // Most files do not change; their text is kept once.
    files: result.files.map((file) => (file.after === file.before ? { ...file, after: null } : file)),
  };
}

function restored(result: StoredResult): MigrationResult {
  return {
    ...result,
    withMark: new Set(result.withMark),
    extraFiles: result.extraFiles.map((file) => ({ ...file, content: contentFromStored(file.content) })),
    files: result.files.map((file) => (file.status === "changed" ? file : { ...file, after: file.before })),
  };
}
