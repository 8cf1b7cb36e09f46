import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { type Journal, removeFolders } from "./journal.js";
import { WriteError } from "./write-error.js";

export interface FileToWrite {
  /** Absolute. */
  readonly path: string;
  /** null: the file goes. */
  readonly content: string | Uint8Array | null;
  /** Text that the file must still have; null: it must not be there yet; undefined: whatever it has is replaced. */
  readonly expected?: string | null;
}

/**
 * All files or none: temporary files beside the targets, renamed at the end, and put back if one rename fails. With a journal
 * also if the process is killed: the next one that opens it takes the write back, or completes it.
 */
export function writeAll(files: readonly FileToWrite[], journal?: Journal): void {
  const bitsCount = sayWriteBitsSomething(files);
  const isReadOnly = (place: string) => !mayWrite(place) || (bitsCount && (statSync(place).mode & 0o222) === 0);
  for (const file of files) assertWritable(file, isReadOnly);
  const madeFolders: string[] = [];
  const entries = files.map((file, index) => ({
    file,
    from: file.content === null ? null : `${file.path}.connect-migrate-${process.pid}-${index}.tmp`,
    to: file.path,
    old: existsSync(file.path) ? readFileSync(file.path) : null,
  }));
  const done: typeof entries = [];
  try {
    journal?.staging(
      entries,
      files.flatMap((file) => missingFolders(path.dirname(file.path))),
    );
    for (const { file, from, to, old } of entries) {
      if (from === null) continue;
      makeFolder(path.dirname(to), madeFolders);
      writeFileSync(from, file.content ?? "");
      if (old !== null) chmodSync(from, statSync(to).mode);
    }
    journal?.renaming(entries, madeFolders);
    for (const entry of entries) {
      if (entry.from === null) rmSync(entry.to);
      else renameSync(entry.from, entry.to);
      done.push(entry);
    }
  } catch (error) {
    for (const entry of done) {
      if (entry.old === null) rmSync(entry.to, { force: true });
      else writeFileSync(entry.to, entry.old);
    }
    for (const { from } of entries) if (from !== null) rmSync(from, { force: true });
    removeFolders(madeFolders);
    journal?.abandoned();
    throw new WriteError(`Nothing was written: ${(error as Error).message}`);
  }
  journal?.done();
}

/** The folders that have to be made for one to be there, outermost first. */
function missingFolders(folder: string): string[] {
  return existsSync(folder) ? [] : [...missingFolders(path.dirname(folder)), folder];
}

/**
 * Towards root, access() never says no: there a missing write bit is the owner's word. But where most files around have none
 * (a copy of a read-only medium), the bits say nothing, and only access() does.
 */
function sayWriteBitsSomething(files: readonly FileToWrite[]): boolean {
  const folders = new Set(files.filter((file) => existsSync(file.path)).map((file) => path.dirname(file.path)));
  let writable = 0;
  let readOnly = 0;
  for (const folder of folders) {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (!entry.isFile()) continue;
      if ((statSync(path.join(folder, entry.name)).mode & 0o222) === 0) readOnly++;
      else writable++;
    }
  }
  return readOnly <= writable;
}

function mayWrite(place: string): boolean {
  try {
    accessSync(place, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function assertWritable(file: FileToWrite, isReadOnly: (place: string) => boolean): void {
  if (!existsSync(file.path)) {
    let folder = path.dirname(file.path);
    while (!existsSync(folder)) folder = path.dirname(folder);
    if (!statSync(folder).isDirectory() || isReadOnly(folder))
      throw new WriteError(`Nothing was written: the folder ${folder} is read-only. Make it writable and run again.`);
    return;
  }
  const stat = statSync(file.path);
  if (stat.isDirectory()) throw new WriteError(`Nothing was written: ${file.path} is a folder, a file was expected.`);
  if (isReadOnly(file.path))
    throw new WriteError(
      `Nothing was written: ${file.path} is read-only. Make it writable (chmod u+w) or leave it out, and run again.`,
    );
  if (typeof file.expected === "string" && readFileSync(file.path, "utf8").replace(/^\uFEFF/, "") !== file.expected)
    throw new WriteError(`Nothing was written: ${file.path} changed while it was being migrated. Run again.`);
}

function makeFolder(folder: string, made: string[]): void {
  if (existsSync(folder)) return;
  makeFolder(path.dirname(folder), made);
  mkdirSync(folder);
  made.push(folder);
}
