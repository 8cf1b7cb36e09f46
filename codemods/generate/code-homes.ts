import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve, sep } from "node:path";
import { globSync } from "tinyglobby";
import { parse as parseYaml } from "yaml";
import { isInside } from "../project/project-root.js";
import { existingPlugin } from "./buf-config.js";
import { discoverProtos } from "./discover-protos.js";
import { ancestors } from "./find-import.js";
import type { SourceText } from "./generate-types.js";
import { outlineOfProto } from "./proto-syntax.js";
import { sameDeclarations } from "./protos-around.js";

/** A folder that has generated code of its own, with the source files that use it. */
export interface CodeHome {
  /** Absolute. */
  readonly folder: string;
  /** Absolute paths: those of the given files that belong to it. */
  readonly files: ReadonlySet<string>;
  /** Files of no package that they import, and that other homes may import, too: to be looked into, and not to be changed. */
  readonly shared: ReadonlySet<string>;
  /** Absolute folders below it that are homes themselves. */
  readonly without: readonly string[];
}

export interface CodeHomesInput {
  /** The project, absolute. */
  readonly root: string;
  /** Absolute paths of the files that may use generated code. */
  readonly files: readonly string[];
  readonly imports: ReadonlyMap<string, ReadonlySet<string>>;
  readonly sources: readonly SourceText[];
}

/**
 * Which folders of a project get generated code of their own: packages that no workspace above them covers (node finds nothing
 * of theirs from outside), and folders with a .proto file that another one contradicts. Files that import one another share one
 * home; where they lie in several folders, that is the project's.
 */
export function codeHomes(input: CodeHomesInput): CodeHome[] {
  const { root, imports } = input;
  const common = filesOfNoPackage(input);
  const groups = groupsOf(
    input.files.filter((file) => !common.has(file)),
    imports,
  );
  const isGeneratedAtRoot = existingPlugin(root) !== undefined;
  const inPackages = isGeneratedAtRoot ? [] : separatePackages(root, input.files);
  const packages = withOwnCode(inPackages, groups);
  const folders = [root, ...packages].flatMap((folder) => {
    const without = packages.filter((other) => other !== folder && isInside(other, folder));
    return withOwnCode(contradictingFolders(folder, without, input), groups);
  });
  const own = [...new Set([...packages, ...folders])].sort();
  const homes = [root, ...own].map((folder) => ({
    folder,
    files: new Set<string>(),
    shared: new Set<string>(),
    without: own.filter((other) => other !== folder && isInside(other, folder)),
  }));
  for (const group of groups) {
    // What lies deeper comes later.
    const home = homes.findLast(({ folder }) => group.every((file) => isInside(file, folder))) ?? homes[0];
    for (const file of group) home?.files.add(file);
  }
  for (const { files, shared } of homes) {
    const queue = [...files];
    for (const file of queue) {
      for (const target of imports.get(file) ?? []) {
        if (!common.has(target) || shared.has(target)) continue;
        shared.add(target);
        queue.push(target);
      }
    }
  }
  const [project, ...others] = homes;
  // Nothing uses what stands in the root: it has no code to be generated.
  return others.length > 0 && project?.files.size === 0 && !isGeneratedAtRoot ? others : homes;
}

/**
 * Plain code that lies in no package and imports nothing else (a logger, constants): packages that no workspace covers are
 * programs of their own, and do not meet in it.
 */
function filesOfNoPackage({ root, files, imports, sources }: CodeHomesInput): Set<string> {
  const texts = new Map(sources.map(({ path, text }) => [path, text]));
  const isInPackage = (file: string) =>
    ancestors(dirname(file), root).some((folder) => existsSync(join(folder, "package.json")));
  const found = new Set(
    files.filter(
      (file) => isInside(file, root) && !isInPackage(file) && !/grpc|_pb\b|proto/i.test(texts.get(file) ?? "grpc"),
    ),
  );
  for (let before = -1; before !== found.size; ) {
    before = found.size;
    for (const file of found)
      if ([...(imports.get(file) ?? [])].some((target) => !found.has(target))) found.delete(file);
  }
  return found;
}

/** Those of the folders that generated code already lies in, or that hold a whole group of files. */
function withOwnCode(folders: readonly string[], groups: readonly (readonly string[])[]): string[] {
  return folders.filter((folder) => {
    const touching = groups.filter((group) => group.some((file) => isInside(file, folder)));
    if (touching.some((group) => !group.every((file) => isInside(file, folder)))) return false;
    return touching.length > 0 || existingPlugin(folder) !== undefined;
  });
}

/** The files that imports connect, whatever the direction. */
function groupsOf(files: readonly string[], imports: CodeHomesInput["imports"]): string[][] {
  const known = new Set(files);
  const beside = new Map<string, string[]>(files.map((file) => [file, []]));
  for (const [from, targets] of imports) {
    for (const to of targets) {
      if (!known.has(from) || !known.has(to)) continue;
      beside.get(from)?.push(to);
      beside.get(to)?.push(from);
    }
  }
  const groups: string[][] = [];
  for (const file of files) {
    if (!known.delete(file)) continue;
    const group = [file];
    for (const one of group) for (const next of beside.get(one) ?? []) if (known.delete(next)) group.push(next);
    groups.push(group);
  }
  return groups;
}

/** Folders below the root with a package.json of their own whose packages no workspace above installs with its own. */
function separatePackages(root: string, files: readonly string[]): string[] {
  const members = new Map<string, ReadonlySet<string>>();
  const isMember = (folder: string) =>
    ancestors(dirname(folder), root).some((above) => {
      if (!members.has(above)) members.set(above, workspaceMembers(above));
      return members.get(above)?.has(folder) === true;
    });
  const nearest = new Map<string, string>();
  const packageOf = (folder: string): string => {
    const known = nearest.get(folder);
    if (known !== undefined) return known;
    const isOwn = folder !== root && isPackage(folder) && !isMember(folder);
    const found = folder === root || isOwn ? folder : packageOf(dirname(folder));
    nearest.set(folder, found);
    return found;
  };
  const inside = files.filter((file) => isInside(file, root));
  return [...new Set(inside.map((file) => packageOf(dirname(file))))].filter((folder) => folder !== root);
}

/** A package.json that only says how .js files are read is part of the package around it. */
function isPackage(folder: string): boolean {
  const manifest = manifestIn(folder);
  return manifest !== undefined && ["name", "dependencies", "devDependencies"].some((key) => key in manifest);
}

function workspaceMembers(folder: string): Set<string> {
  const pnpm = join(folder, "pnpm-workspace.yaml");
  const lists = [
    manifestIn(folder)?.workspaces,
    jsonIn(join(folder, "lerna.json"))?.packages,
    existsSync(pnpm) ? (parseYaml(readFileSync(pnpm, "utf8")) as { packages?: unknown } | null)?.packages : undefined,
  ];
  const patterns = lists
    .flatMap((list) => (Array.isArray(list) ? list : ((list as { packages?: unknown } | undefined)?.packages ?? [])))
    .filter((pattern) => typeof pattern === "string")
    .map((pattern) => pattern.replace(/^\.\//, "").replace(/\/+$/, ""))
    .map((pattern) => `${pattern}/package.json`);
  if (patterns.length === 0) return new Set();
  const found = globSync(patterns, { cwd: folder, absolute: true, ignore: ["**/node_modules/**"] });
  return new Set(found.map((path) => dirname(resolve(path))));
}

function manifestIn(folder: string): Record<string, unknown> | undefined {
  return jsonIn(join(folder, "package.json"));
}

function jsonIn(path: string): Record<string, unknown> | undefined {
  if (!existsSync(path)) return undefined;
  try {
    const value: unknown = JSON.parse(readFileSync(path, "utf8"));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined; // the run says so where it needs it
  }
}

/**
 * For every .proto file that another one of the same home contradicts: the package that it is in, or the widest folder, that
 * has none of those.
 */
function contradictingFolders(home: string, without: readonly string[], input: CodeHomesInput): string[] {
  const sources = input.sources.filter(
    ({ path }) => isInside(path, home) && !without.some((folder) => isInside(path, folder)),
  );
  const { files, copies, rivals } = discoverProtos(home, sources, { project: input.root, without });
  if (rivals.size === 0) return [];
  const protos = [...files.map((file) => file.path), ...copies.keys(), ...[...rivals.values()].flat()];
  const declared = new Map([...new Set(protos)].map((path) => [path, outlineOfProto(readFileSync(path, "utf8"))]));
  const folders = new Set<string>();
  for (const [path, { symbols }] of declared) {
    if (!isInside(path, home) || !symbols.some((symbol) => rivals.has(symbol))) continue;
    const others = [...declared].filter(
      ([other, theirs]) =>
        other !== path && theirs.symbols.some((symbol) => symbols.includes(symbol)) && !sameDeclarations(other, path),
    );
    const free = ancestors(dirname(path), home).filter(
      (folder) => folder !== home && !others.some(([other]) => isInside(other, folder)),
    );
    const folder = free.find(isPackage) ?? free.at(-1);
    if (folder !== undefined) folders.add(folder);
  }
  return [...folders].filter(
    (folder) => ![...folders].some((other) => other !== folder && folder.startsWith(other + sep)),
  );
}

/** buf and the plugin are processes of their own: a few at a time. */
const AT_ONCE = 4;

/** What `make` gives for each home, in their order. */
export async function inEachHome<T>(homes: readonly CodeHome[], make: (home: CodeHome) => Promise<T>): Promise<T[]> {
  const made: T[] = [];
  for (let from = 0; from < homes.length; from += AT_ONCE)
    made.push(...(await Promise.all(homes.slice(from, from + AT_ONCE).map(make))));
  return made;
}
