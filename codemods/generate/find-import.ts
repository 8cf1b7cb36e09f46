import { existsSync, readdirSync, realpathSync } from "node:fs";
import { dirname, join, resolve, sep } from "node:path";
import { globSync } from "tinyglobby";

/** Where an import of a .proto file is looked for. */
export interface ImportPlaces {
  /** Absolute import roots that the project names itself. */
  readonly roots: readonly string[];
  /** Absolute folder of the project. */
  readonly project: string;
  /** Absolute paths of .proto files that are known already. */
  readonly known: readonly string[];
  /** What a search of all of node_modules has found, by import; it is slow, and many files import the same. */
  readonly searched: Map<string, string | undefined>;
}

/** Folders of a package that are import roots of its protos. */
const protoFolders = ["", "proto", "protos", "build/protos", "src"];

/**
 * The file that `import "<name>"` in the proto at `from` means: below a root that the project names, below a folder that
 * `from` is in, the only known file that ends so, or a file of an installed package. Undefined where there is none.
 */
export function findImport(name: string, from: string, places: ImportPlaces): string | undefined {
  const tried = [...places.roots, ...ancestors(dirname(from), places.project)].map((base) => resolve(base, name));
  const near = tried.find((path) => existsSync(path));
  if (near) return near;
  const fitting = places.known.filter((path) => path.split(sep).join("/").endsWith(`/${name}`));
  if (fitting.length === 1) return fitting[0];
  const packaged = inPackages(name, dirname(from)) ?? inPackages(name, places.project);
  if (packaged !== undefined) return ownPlace(packaged);
  if (!places.searched.has(name)) places.searched.set(name, inPackagesOfPackages(name, places.project));
  return places.searched.get(name);
}

/** A package of the same workspace is linked into node_modules; its files are where it is. */
function ownPlace(path: string): string {
  const real = realpathSync(path);
  return real.includes(`${sep}node_modules${sep}`) ? path : real;
}

/** `google/api/annotations.proto` and the like, from packages that are installed: `<package>/[protos/]google/api/…`. */
function inPackages(name: string, from: string): string | undefined {
  for (const modules of modulesFolders(from)) {
    const packages = readdirSync(modules).flatMap((entry) =>
      entry.startsWith("@")
        ? readdirSync(join(modules, entry)).map((scoped) => join(entry, scoped))
        : entry.startsWith(".")
          ? []
          : [entry],
    );
    for (const folder of protoFolders) {
      for (const one of packages) {
        const path = join(modules, one, folder, name);
        if (existsSync(path)) return path;
      }
    }
    const direct = join(modules, name); // import "package/file.proto"
    if (existsSync(direct)) return direct;
  }
  return undefined;
}

/** What a package brings for itself alone: `a/node_modules/b/…`, and everything in pnpm's store. The shortest path wins. */
function inPackagesOfPackages(name: string, project: string): string | undefined {
  for (const modules of modulesFolders(project)) {
    const paths = globSync(`**/node_modules/**/${name}`, { cwd: modules, dot: true, followSymbolicLinks: false });
    const [shortest] = paths.toSorted((a, b) => a.length - b.length || (a < b ? -1 : 1));
    if (shortest !== undefined) return join(modules, shortest);
  }
  return undefined;
}

function modulesFolders(from: string): string[] {
  return ancestors(from)
    .map((directory) => join(directory, "node_modules"))
    .filter((modules) => existsSync(modules));
}

/** A directory and its parents, nearest first; up to `last` when that is one of them. */
export function ancestors(directory: string, last?: string): string[] {
  const all: string[] = [];
  for (let at = directory; ; at = dirname(at)) {
    all.push(at);
    if (at === last || at === dirname(at)) return all;
  }
}
