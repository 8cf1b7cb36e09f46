import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";

/** A project on disk that lives as long as one test. */
export interface TempProject {
  readonly root: string;
  /** All files but node_modules, relative path -> text. */
  snapshot(): Record<string, string>;
  [Symbol.dispose](): void;
}

export function tempProject(files: Readonly<Record<string, string>>): TempProject {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "connect-migrate-test-")));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
  const list = (directory: string): string[] =>
    readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
      const path = join(directory, entry.name);
      // It may be a link.
      if (entry.name === "node_modules") return [];
      return entry.isDirectory() ? list(path) : [path];
    });
  return {
    root,
    snapshot: () => Object.fromEntries(list(root).map((path) => [relative(root, path), readFileSync(path, "utf8")])),
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  };
}
