import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";

export interface FileToWrite {
  /** Absolute. */
  readonly path: string;
  readonly content: string | Uint8Array;
  /** Text that the file must still have; null: it must not be there yet; undefined: whatever it has is replaced. */
  readonly expected?: string | null;
}

/** Nothing was written; the message names the file and what to do. */
export class WriteError extends Error {}

/** All files or none: temporary files beside the targets, renamed at the end, and put back if one rename fails. */
export function writeAll(files: readonly FileToWrite[]): void {
  for (const file of files) assertWritable(file);
  const madeFolders: string[] = [];
  const temporary: { from: string; to: string; old: Buffer | null; mode: number | undefined }[] = [];
  const done: typeof temporary = [];
  try {
    for (const [index, file] of files.entries()) {
      makeFolder(path.dirname(file.path), madeFolders);
      const there = existsSync(file.path);
      const from = `${file.path}.connect-migrate-${process.pid}-${index}.tmp`;
      const entry = {
        from,
        to: file.path,
        old: there ? readFileSync(file.path) : null,
        mode: there ? statSync(file.path).mode : undefined,
      };
      temporary.push(entry);
      writeFileSync(from, file.content);
      if (entry.mode !== undefined) chmodSync(from, entry.mode);
    }
    for (const entry of temporary) {
      renameSync(entry.from, entry.to);
      done.push(entry);
    }
  } catch (error) {
    for (const entry of done) {
      if (entry.old === null) rmSync(entry.to, { force: true });
      else writeFileSync(entry.to, entry.old);
    }
    for (const entry of temporary) rmSync(entry.from, { force: true });
    for (const folder of madeFolders.reverse()) {
      try {
        rmdirSync(folder);
      } catch {
        // Something else put a file there: it stays.
      }
    }
    throw new WriteError(`Nothing was written: ${(error as Error).message}`);
  }
}

function assertWritable(file: FileToWrite): void {
  if (!existsSync(file.path)) {
    let folder = path.dirname(file.path);
    while (!existsSync(folder)) folder = path.dirname(folder);
    if (!statSync(folder).isDirectory() || (statSync(folder).mode & 0o222) === 0)
      throw new WriteError(`Nothing was written: the folder ${folder} is read-only. Make it writable and run again.`);
    return;
  }
  const stat = statSync(file.path);
  if (stat.isDirectory()) throw new WriteError(`Nothing was written: ${file.path} is a folder, a file was expected.`);
  // Mode bits, not access(): a read-only file is a statement of its owner, also towards root.
  if ((stat.mode & 0o222) === 0)
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
