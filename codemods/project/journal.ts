import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  closeSync,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import path from "node:path";
import { WriteError } from "./write-error.js";

/** One file of a write: the new content lies in `from` and replaces `to`; null: `to` goes. */
export interface JournalEntry {
  readonly from: string | null;
  readonly to: string;
}

interface WriteRecord {
  /** `staging`: new contents are being put beside their targets; `renaming`: all are there and take their places. */
  readonly phase: "staging" | "renaming";
  readonly entries: readonly JournalEntry[];
  /** Folders that were made, outermost first. */
  readonly folders: readonly string[];
}

interface UndoEntry {
  readonly path: string;
  /** The old content, base 64; null: there was no such file. */
  readonly old: string | null;
  /** SHA-256 of what was written; null: the file went. */
  readonly written: string | null;
}

/** What the last write replaced. */
export interface UndoRecord {
  readonly command: string;
  /** ISO 8601. */
  readonly time: string;
  readonly entries: readonly UndoEntry[];
  readonly folders: readonly string[];
}

/** What {@link Journal.recover} found: nothing, or a write that was killed and is now taken back or completed. */
export type Recovery = "nothing" | "taken back" | "completed";

/**
 * What makes a write whole although its process may be killed: a lock, a journal of what is being written, and the old
 * contents. Kept in the git folder of the project, so that no source tree sees it.
 */
export interface Journal {
  /** Throws {@link WriteError} while another run on this project is alive. */
  lock(): void;
  release(): void;
  /** Brings the tree out of the middle of a killed write: back if its contents were not all there, else to its end. */
  recover(): Recovery;
  staging(entries: readonly JournalEntry[], folders: readonly string[]): void;
  /** The point of no return: from here on a killed write is completed. */
  renaming(entries: readonly JournalEntry[], folders: readonly string[]): void;
  done(): void;
  /** The write did not happen: its record goes. */
  abandoned(): void;
  undoRecord(): UndoRecord | undefined;
  forgetUndo(): void;
}

/** A journal for everything below `root`. `command` is what undo says was done. */
export function openJournal(root: string, command: string): Journal {
  const folder = stateFolder(root);
  const at = (name: string) => path.join(folder, name);
  const [lockFile, record, undo, nextUndo] = [
    at("lock.json"),
    at("journal.json"),
    at("undo.json"),
    at("undo-next.json"),
  ];
  let isLocked = false;

  /** Whole or not at all, and on the disk. */
  const put = (file: string, value: unknown): void => {
    const next = `${file}.new`;
    const handle = openSync(next, "w");
    writeSync(handle, JSON.stringify(value));
    fsyncSync(handle);
    closeSync(handle);
    renameSync(next, file);
  };
  const read = <T>(file: string): T | undefined => {
    if (!existsSync(file)) return undefined;
    try {
      return JSON.parse(readFileSync(file, "utf8")) as T;
    } catch {
      throw new WriteError(`${file} is damaged. Look at the tree with git, put it right, then delete that file.`);
    }
  };

  const journal: Journal = {
    lock() {
      mkdirSync(folder, { recursive: true });
      for (let attempt = 0; ; attempt++) {
        try {
          writeFileSync(
            lockFile,
            JSON.stringify({ pid: process.pid, host: hostname(), since: new Date().toISOString() }),
            {
              flag: "wx",
            },
          );
          isLocked = true;
          return;
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
        }
        const owner = ownerOf(lockFile);
        if (attempt > 3 || (owner && isAlive(owner)))
          throw new WriteError(
            `Another run of connect-migrate works on ${root} (process ${owner?.pid ?? "?"} on ${owner?.host ?? "?"}, since ${owner?.since ?? "?"}). Wait for it; if it is gone, delete ${lockFile}.`,
          );
        rmSync(lockFile, { force: true });
      }
    },
    release() {
      if (isLocked) rmSync(lockFile, { force: true });
      isLocked = false;
    },
    recover() {
      const found = read<WriteRecord>(record);
      if (!found) return "nothing";
      if (found.phase === "staging") {
        for (const { from } of found.entries) if (from !== null) rmSync(from, { force: true });
        removeFolders(found.folders);
        rmSync(nextUndo, { force: true });
        rmSync(record, { force: true });
        return "taken back";
      }
      for (const { from, to } of found.entries) {
        if (from === null) rmSync(to, { force: true });
        else if (existsSync(from)) renameSync(from, to);
      }
      journal.done();
      return "completed";
    },
    staging(entries, folders) {
      mkdirSync(folder, { recursive: true });
      put(record, { phase: "staging", entries: placesOf(entries), folders } satisfies WriteRecord);
    },
    renaming(entries, folders) {
      const undoEntries = entries.map(
        ({ from, to }): UndoEntry => ({
          path: to,
          old: existsSync(to) ? readFileSync(to).toString("base64") : null,
          written: from === null ? null : digest(readFileSync(from)),
        }),
      );
      put(nextUndo, { command, time: new Date().toISOString(), entries: undoEntries, folders } satisfies UndoRecord);
      put(record, { phase: "renaming", entries: placesOf(entries), folders } satisfies WriteRecord);
    },
    done() {
      if (existsSync(nextUndo)) renameSync(nextUndo, undo);
      rmSync(record, { force: true });
    },
    abandoned() {
      rmSync(nextUndo, { force: true });
      rmSync(record, { force: true });
    },
    undoRecord: () => read<UndoRecord>(undo),
    forgetUndo: () => rmSync(undo, { force: true }),
  };
  return journal;
}

export function digest(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

function placesOf(entries: readonly JournalEntry[]): JournalEntry[] {
  return entries.map(({ from, to }) => ({ from, to }));
}

/** Removes folders that are empty, innermost first. */
export function removeFolders(folders: readonly string[]): void {
  for (const folder of [...folders].reverse()) {
    try {
      rmdirSync(folder);
    } catch {
      // Something else put a file there: it stays.
    }
  }
}

interface Owner {
  readonly pid: number;
  readonly host: string;
  readonly since: string;
}

function ownerOf(file: string): Owner | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Owner;
  } catch {
    return undefined;
  }
}

function isAlive({ pid, host }: Owner): boolean {
  // Nobody can ask another machine.
  if (host !== hostname()) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Where what is known of a project is kept: its git folder, or where other tools keep theirs. */
export function stateFolder(root: string): string {
  const git = spawnSync("git", ["rev-parse", "--absolute-git-dir"], { cwd: root, encoding: "utf8" });
  if (git.status === 0) return path.join(git.stdout.trim(), "connect-migrate");
  const key = createHash("sha256").update(path.resolve(root)).digest("hex").slice(0, 16);
  const modules = path.join(root, "node_modules");
  // A link leads to a folder that other projects may share.
  return lstatSync(modules, { throwIfNoEntry: false })?.isDirectory()
    ? path.join(modules, ".cache", "connect-migrate")
    : path.join(tmpdir(), `connect-migrate-${key}`);
}
