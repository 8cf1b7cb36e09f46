import { createHash } from "node:crypto";
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import path from "node:path";

/** What was asked of one path, and the answers: digests of a content and a listing, the kind, the real path. `none`: not there. */
export interface PathAnswers {
  content?: string;
  listing?: string;
  kind?: string;
  real?: string;
}

/** Everything that was asked of the disk, by absolute path. */
export type ReadTrace = Record<string, PathAnswers>;

type AnyFunction = (...args: never[]) => unknown;

/**
 * Runs something and notes every question that it asks of the disk. Answers of ours and of the libraries that we run (the
 * compiler, the globber) go through `node:fs`, so that is where it listens: a list kept by hand would miss the file whose absence
 * decides what an import means. What is asked of folders that the run itself makes counts for nothing.
 */
export async function traceReads<T>(run: () => Promise<T>): Promise<{ readonly value: T; readonly reads: ReadTrace }> {
  const reads: ReadTrace = {};
  const made: string[] = [];
  const note = (place: unknown, question: keyof PathAnswers, answer: () => string) => {
    if (typeof place !== "string") return;
    const file = path.resolve(place);
    if (made.some((folder) => file === folder || file.startsWith(folder + path.sep))) return;
    const known = reads[file] ?? {};
    reads[file] = known;
    // "there" says less than "file".
    if (known[question] === undefined || known[question] === THERE) known[question] = answer();
  };
  const original = { ...fs };
  const changed = fs as unknown as Record<string, unknown>;
  const replaced: (keyof typeof original)[] = [];
  const replace = (name: keyof typeof original, by: AnyFunction) => {
    replaced.push(name);
    changed[name] = by;
  };
  /** Calls through, and notes the answer, or that there is none. */
  const through = <A extends unknown[], R>(
    call: (...args: A) => R,
    question: keyof PathAnswers,
    answer: (value: R) => string,
  ) =>
    function traced(...args: A): R {
      let value: R;
      try {
        value = call.apply(fs, args);
      } catch (error) {
        note(args[0], question, () => NONE);
        throw error;
      }
      note(args[0], question, () => answer(value));
      return value;
    };
  replace(
    "readFileSync",
    through(original.readFileSync as (file: string, ...more: unknown[]) => string | Buffer, "content", digest),
  );
  replace(
    "existsSync",
    // Whether it is a file or a folder may be asked next.
    through(original.existsSync as (file: string) => boolean, "kind", (isThere) => (isThere ? THERE : NONE)),
  );
  for (const name of ["statSync", "lstatSync"] as const)
    replace(name, through(original[name] as (file: string) => fs.Stats | undefined, "kind", kindOf));
  replace(
    "readdirSync",
    through(original.readdirSync as (folder: string, ...more: unknown[]) => unknown[], "listing", listingOf),
  );
  replace("readdir", ((folder: string, ...rest: unknown[]) => {
    const callback = rest.pop() as (error: Error | null, entries?: unknown[]) => void;
    (original.readdir as AnyFunction as (...args: unknown[]) => void)(
      folder,
      ...rest,
      (error: Error | null, entries?: unknown[]) => {
        note(folder, "listing", () => (error ? NONE : listingOf(entries ?? [])));
        callback(error, entries);
      },
    );
  }) as AnyFunction);
  replace(
    "realpathSync",
    Object.assign(through(original.realpathSync as (file: string) => string, "real", String), {
      native: through(original.realpathSync.native as (file: string) => string, "real", String),
    }) as AnyFunction,
  );
  replace("mkdtempSync", ((prefix: string, ...rest: never[]) => {
    const folder = (original.mkdtempSync as AnyFunction as (...args: unknown[]) => string)(prefix, ...rest);
    made.push(path.resolve(folder));
    return folder;
  }) as AnyFunction);
  syncBuiltinESMExports();
  try {
    return { value: await run(), reads };
  } finally {
    for (const name of replaced) changed[name] = original[name];
    syncBuiltinESMExports();
  }
}

/** Would the disk answer the same today? Contents are compared, not times. */
export function isStillTrue(reads: ReadTrace): boolean {
  for (const [file, { content, listing, kind, real }] of Object.entries(reads)) {
    try {
      if (content !== undefined && content !== NONE && digest(fs.readFileSync(file)) !== content) return false;
      if (listing !== undefined && listing !== NONE && !isListing(file, listing)) return false;
      if (real !== undefined && real !== NONE && fs.realpathSync(file) !== real) return false;
    } catch {
      return false;
    }
    const isKindKnown = (content !== undefined && content !== NONE) || (listing !== undefined && listing !== NONE);
    if (isKindKnown) continue;
    const now = kindOf(fs.statSync(file, { throwIfNoEntry: false }));
    if ((content ?? listing ?? real) === NONE && now !== NONE && kind === undefined) return false;
    if (kind !== undefined && (kind === THERE ? now === NONE : now !== kind)) return false;
  }
  return true;
}

const NONE = "none";
const THERE = "there";

function kindOf(stat: fs.Stats | undefined): string {
  return stat === undefined ? NONE : stat.isDirectory() ? "folder" : stat.isFile() ? "file" : "other";
}

function digest(content: string | Buffer): string {
  return createHash("sha1").update(content).digest("base64");
}

/** The names in a folder and, where that was asked, what they are. */
function listingOf(entries: readonly unknown[]): string {
  const hasTypes = typeof entries[0] === "object";
  const typeOf = (entry: fs.Dirent) => (entry.isDirectory() ? "/" : entry.isSymbolicLink() ? "@" : "");
  const names = (entries as readonly (string | fs.Dirent)[]).map((entry) =>
    typeof entry === "string" ? entry : entry.name + typeOf(entry),
  );
  return `${entries.length === 0 ? "" : hasTypes ? "typed " : "names "}${digest(names.sort().join("\0"))}`;
}

function isListing(folder: string, listing: string): boolean {
  const now = listing.startsWith("names ") ? fs.readdirSync(folder) : fs.readdirSync(folder, { withFileTypes: true });
  return listingOf(now) === listing;
}
