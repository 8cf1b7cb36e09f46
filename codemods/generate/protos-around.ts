import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve, sep } from "node:path";
import { globSync } from "tinyglobby";
import { blankComments } from "./proto-syntax.js";

/** Folders in which no .proto file of a project is looked for. */
export const ignoredFolders: readonly string[] = ["**/node_modules/**", "**/.*/**", "**/{dist,build,out,coverage}/**"];

/** What a path must end in to be the one that code names: without the way that leads there. */
export function suffixOf(written: string): string {
  return written.replaceAll("\\", "/").replace(/^(\.{0,2}\/)+/, "");
}

/** Whether a path ends in whole segments of another one. */
export function isAt(path: string, suffix: string): boolean {
  return path.split(sep).join("/").endsWith(`/${suffix}`);
}

/** The path with this end that shares the longest way with another one; undefined where two that differ do. */
export function nearestOf(paths: readonly string[], suffix: string, from: string): string | undefined {
  const fitting = paths.filter((path) => isAt(path, suffix));
  const shared = (path: string) => {
    const [a, b] = [path.split(sep), from.split(sep)];
    const differs = a.findIndex((segment, index) => segment !== b[index]);
    return differs < 0 ? a.length : differs;
  };
  const most = Math.max(...fitting.map(shared));
  return onlyOf(fitting.filter((path) => shared(path) === most));
}

/** The one file of a list, or the first where all say the same. */
export function onlyOf([first, ...others]: readonly string[]): string | undefined {
  return first !== undefined && others.every((other) => sameDeclarations(first, other)) ? first : undefined;
}

/** The .proto files of the workspace or repository that a package lies in. */
export function protosOfWorkspace(root: string): string[] {
  const marks = ["pnpm-workspace.yaml", "lerna.json", ".git"];
  // A repository of its own is the end of what belongs together.
  for (let below = root; !existsSync(join(below, ".git")) && dirname(below) !== below; below = dirname(below)) {
    const folder = dirname(below);
    if (marks.some((mark) => existsSync(join(folder, mark))) || isWorkspace(join(folder, "package.json")))
      return globSync("**/*.proto", { cwd: folder, absolute: true, ignore: [...ignoredFolders] }).map((path) =>
        resolve(path),
      );
  }
  return [];
}

function isWorkspace(manifest: string): boolean {
  try {
    return "workspaces" in (JSON.parse(readFileSync(manifest, "utf8")) as object);
  } catch {
    return false;
  }
}

/** Comments and blanks say nothing about what a proto declares. */
export function sameText(a: string, b: string): boolean {
  const bare = (source: string) => blankComments(source).replace(/\s+/g, " ").trim();
  return a === b || bare(a) === bare(b);
}

/** Whether two .proto files (absolute paths) differ in comments and blanks at most. */
export function sameDeclarations(a: string, b: string): boolean {
  return sameText(readFileSync(a, "utf8"), readFileSync(b, "utf8"));
}
