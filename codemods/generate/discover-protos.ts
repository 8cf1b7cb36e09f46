import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { globSync } from "tinyglobby";
import { scriptsOf } from "../project/package-json.js";
import { isInside } from "../project/project-root.js";
import { type BufModule, bufModules, isInModule } from "./buf-modules.js";
import { ancestors, findImport } from "./find-import.js";
import type { ProtoDiscovery, ProtoFile, SourceText } from "./generate-types.js";
import { outlineOfProto, type ProtoOutline } from "./proto-syntax.js";
import { ignoredFolders, isAt, nearestOf, onlyOf, protosOfWorkspace, sameText, suffixOf } from "./protos-around.js";
import { includeDirsOfScript } from "./script-references.js";
import { mayReferenceProtos, protoReferencesOf } from "./source-references.js";

const protoFolder = /^(protos?|protobufs?|idl|pb)$/i;

interface Candidate {
  readonly path: string;
  readonly text: string;
  readonly outline: ProtoOutline;
  dependency: boolean;
  referenced: boolean;
  /** Fixed by an import statement of another file. */
  name: string | undefined;
}

export interface DiscoverProtosOptions {
  /** The project that the folder is a part of: relative paths in code may start there. Default: the folder. */
  readonly project?: string;
  /** Absolute folders below it whose protos count only where something names them. */
  readonly without?: readonly string[];
}

/** Finds the .proto files of a folder, how they import each other, and from which roots. Reads only. */
export function discoverProtos(
  folder: string,
  given?: readonly SourceText[],
  options: DiscoverProtosOptions = {},
): ProtoDiscovery {
  const root = resolve(folder);
  const without = options.without ?? [];
  const project = options.project ?? root;
  // A package is started where its package.json is.
  const bases: [string, string] = existsSync(join(root, "package.json")) ? [root, project] : [project, root];
  const notes: string[] = [];
  const show = (path: string) => relative(project, path).split(sep).join("/") || ".";
  const references = (given ?? sourcesOf(root))
    .filter((source) => mayReferenceProtos(source.text))
    .map((source) => ({ source, found: protoReferencesOf(source, bases) }));
  const configured = configuredRoots(root, project);
  const explicitRoots = [...new Set([...references.flatMap(({ found }) => found.includeDirs), ...configured.roots])];

  const candidates = new Map<string, Candidate>();
  const candidate = (path: string, dependency = false): Candidate => {
    let one = candidates.get(path);
    if (!one) {
      const text = readFileSync(path, "utf8");
      one = { path, text, outline: outlineOfProto(text), dependency, referenced: false, name: undefined };
      candidates.set(path, one);
    }
    return one;
  };
  for (const path of globSync("**/*.proto", { cwd: root, absolute: true, ignore: [...ignoredFolders] }))
    if (!without.some((other) => isInside(resolve(path), other))) candidate(resolve(path));
  for (const { found } of references) for (const path of found.files) candidate(path).referenced = true;
  // One package of a monorepo may name protos that lie beside it, in a way that no constant shows.
  let outside: readonly string[] | undefined;
  const protosAround = (): readonly string[] => {
    outside ??= protosOfWorkspace(root);
    return outside;
  };
  for (const { source, found } of references) {
    for (const written of found.unresolved) {
      const around = () => nearestOf(protosAround(), suffixOf(written), source.path);
      const fitting = bySuffix(candidates.values(), written, source.path) ?? mapped(around(), candidate);
      if (fitting) fitting.referenced = true;
      else if (/[\w)}]\.proto$/.test(written) && !/^google\/protobuf\//.test(written))
        notes.push(`${show(source.path)} names ${written}, and there is no such file.`);
    }
    const named = (name: string) => {
      const around = () => onlyOf(protosAround().filter((path) => isAt(path, name)));
      return bySuffix(candidates.values(), name, source.path) ?? mapped(around(), candidate);
    };
    for (const name of found.generatedFrom) {
      const fitting = named(name);
      if (fitting) fitting.name ??= name;
    }
    for (const path of found.typesOf) {
      const fitting = named(path);
      if (fitting) fitting.referenced = true;
    }
  }

  // Imports, transitively. What a file imports decides the imported file's name, and with it its root.
  const resolved = new Map<Candidate, Map<string, Candidate>>();
  const searched = new Map<string, string | undefined>();
  const queue = [...candidates.values()];
  for (let file = queue.shift(); file; file = queue.shift()) {
    const targets = new Map<string, Candidate>();
    resolved.set(file, targets);
    for (const { name } of file.outline.imports) {
      if (isWellKnown(name)) continue;
      const path = findImport(name, file.path, {
        roots: explicitRoots,
        project: root,
        known: [...candidates.keys()],
        searched,
      });
      if (!path) continue; // buf reports it, with file and line
      const isNew = !candidates.has(path);
      const target = candidate(path, path.includes(`${sep}node_modules${sep}`));
      targets.set(name, target);
      if (!name.split("/").includes("..") && path.endsWith(`/${name}`)) target.name ??= name;
      if (isNew) queue.push(target);
    }
  }
  spreadReferenced(resolved);
  const counted = withImports(
    [...candidates.values()].filter((one) => one.referenced || one.name !== undefined || !isExcluded(one, configured)),
    resolved,
  );

  const files: ProtoFile[] = [];
  const byName = new Map<string, { file: ProtoFile; text: string }>();
  const symbols = new Map<string, { file: ProtoFile; text: string }>();
  const copies = new Map<string, string>();
  const rivals = new Map<string, string[]>();
  const order = counted.toSorted(
    (a, b) =>
      Number(b.referenced) - Number(a.referenced) ||
      a.path.split(sep).length - b.path.split(sep).length ||
      (a.path < b.path ? -1 : 1),
  );
  const roots = new Map(order.map((one) => [one, rootOf(one, resolved.get(one), explicitRoots, root)]));
  const clashing = clashesOf(roots, root);
  for (const one of order) {
    const importRoot = clashing.has(one) ? root : (roots.get(one) ?? root);
    let name = relative(importRoot, one.path).split(sep).join("/");
    if (isWellKnown(name)) continue; // buf and protobuf-es bring their own
    const same = byName.get(name);
    if (same && sameText(same.text, one.text)) {
      copies.set(one.path, name);
      continue;
    }
    const rival = one.outline.symbols.map((symbol) => symbols.get(symbol)).find((known) => known !== undefined);
    if (rival) {
      if (sameText(rival.text, one.text)) copies.set(one.path, rival.file.name);
      else {
        for (const symbol of one.outline.symbols) rivals.set(symbol, [...(rivals.get(symbol) ?? []), one.path]);
        notes.push(
          `${show(one.path)} declares what ${show(rival.file.path)} declares, with other text; ${show(one.path)} was left out.`,
        );
      }
      continue;
    }
    let effectiveRoot = importRoot;
    if (same) {
      effectiveRoot = root;
      name = relative(root, one.path).split(sep).join("/");
      if (byName.has(name) || name.startsWith("..")) {
        notes.push(
          `${show(one.path)} and ${show(same.file.path)} have the same import path; ${show(one.path)} was left out.`,
        );
        continue;
      }
    }
    const file: ProtoFile = {
      path: one.path,
      name,
      root: effectiveRoot,
      referenced: one.referenced,
      dependency: one.dependency,
    };
    files.push(file);
    const known = { file, text: one.text };
    byName.set(name, known);
    for (const symbol of one.outline.symbols) symbols.set(symbol, known);
  }

  const nameOf = new Map([...files.map((file) => [file.path, file.name] as const), ...copies]);
  const imports = new Map<string, ReadonlyMap<string, string>>();
  for (const [file, targets] of resolved) {
    imports.set(
      file.path,
      new Map(
        [...targets].flatMap(([written, target]) => {
          const name = nameOf.get(target.path);
          return name === undefined ? [] : [[written, name] as const];
        }),
      ),
    );
  }
  return { files, roots: [...new Set(files.map((file) => file.root))], notes, copies, rivals, imports };
}

/** True for the protos that buf and protobuf-es carry themselves. */
export function isWellKnown(name: string): boolean {
  return /^google\/protobuf\/(compiler\/)?\w+\.proto$/.test(name);
}

function sourcesOf(root: string): SourceText[] {
  return globSync("**/*.{js,cjs,mjs,jsx,ts,cts,mts,tsx}", {
    cwd: root,
    absolute: true,
    ignore: [...ignoredFolders],
  }).flatMap((path) => {
    const text = readFileSync(path, "utf8");
    return mayReferenceProtos(text) ? [{ path: resolve(path), text }] : [];
  });
}

interface ConfiguredRoots {
  /** Absolute import roots, of scripts and of buf modules. */
  readonly roots: readonly string[];
  readonly modules: readonly BufModule[];
}

function configuredRoots(root: string, project: string): ConfiguredRoots {
  const patterns = ["**/package.json", "**/*.sh", "**/Makefile", "**/*.mk", "**/buf.yaml", "**/buf.work.yaml"];
  const found: string[] = [];
  const modules: BufModule[] = [];
  const above = ancestors(root, project)
    .slice(1)
    .flatMap((folder) => ["buf.yaml", "buf.work.yaml"].map((name) => join(folder, name)))
    .filter((path) => existsSync(path));
  const below = globSync(patterns, { cwd: root, absolute: true, ignore: [...ignoredFolders], deep: 6 });
  for (const path of [...below, ...above]) {
    const text = readFileSync(path, "utf8");
    const bases = [dirname(path), root];
    if (basename(path) === "package.json") {
      for (const [, script] of scriptsOf(text)) found.push(...includeDirsOfScript(script, bases));
    } else if (basename(path).startsWith("buf.")) modules.push(...bufModules(text, dirname(path)));
    else found.push(...includeDirsOfScript(text, bases));
  }
  return { roots: [...new Set([...found, ...modules.map((module) => module.path)])], modules };
}

/** The candidate whose path ends in `written`, or in its last segment when none does; of several, the one nearest to `from`. */
function bySuffix(candidates: Iterable<Candidate>, written: string, from: string): Candidate | undefined {
  const wanted = suffixOf(written);
  const own = new Map([...candidates].filter((one) => !one.dependency).map((one) => [one.path, one]));
  const hasExact = [...own.keys()].some((path) => isAt(path, wanted));
  return mapped(nearestOf([...own.keys()], hasExact ? wanted : basename(wanted), from), (path) => own.get(path));
}

function mapped<A, B>(value: A | undefined, to: (value: A) => B): B | undefined {
  return value === undefined ? undefined : to(value);
}

function rootOf(
  file: Candidate,
  imports: ReadonlyMap<string, Candidate> | undefined,
  explicitRoots: readonly string[],
  root: string,
): string {
  const slashed = file.path.split(sep).join("/");
  const without = (name: string) => slashed.slice(0, -name.length - 1);
  if (file.name !== undefined && slashed.endsWith(`/${file.name}`)) return without(file.name);
  for (const [name, target] of imports ?? []) {
    const targetPath = target.path.split(sep).join("/");
    if (!targetPath.endsWith(`/${name}`)) continue;
    const theirs = targetPath.slice(0, -name.length - 1);
    if (slashed.startsWith(`${theirs}/`)) return theirs;
  }
  const explicit = explicitRoots.filter((one) => file.path.startsWith(one + sep)).sort((a, b) => b.length - a.length);
  if (explicit[0] !== undefined) return explicit[0];
  const packagePath = `${file.outline.package.replaceAll(".", "/")}/${basename(file.path)}`;
  if (file.outline.package !== "" && slashed.endsWith(`/${packagePath}`)) return without(packagePath);
  const folders = ancestors(dirname(file.path), root);
  return folders.filter((folder) => folder !== root && protoFolder.test(basename(folder))).at(-1) ?? dirname(file.path);
}

/** Files of one import path that have nothing else in common, and that no import names: they go by their place in the project. */
function clashesOf(roots: ReadonlyMap<Candidate, string>, project: string): Set<Candidate> {
  const byName = new Map<string, Candidate[]>();
  for (const [one, importRoot] of roots) {
    const name = relative(importRoot, one.path);
    byName.set(name, [...(byName.get(name) ?? []), one]);
  }
  const isOther = (a: Candidate, b: Candidate) =>
    a !== b && !a.outline.symbols.some((symbol) => b.outline.symbols.includes(symbol)) && !sameText(a.text, b.text);
  return new Set(
    [...byName.values()].flatMap((same) =>
      same.filter(
        (one) => one.name === undefined && isInside(one.path, project) && same.some((other) => isOther(one, other)),
      ),
    ),
  );
}

/** Whether the buf configuration leaves a file out of the module that it lies in. */
function isExcluded(file: Candidate, { modules }: ConfiguredRoots): boolean {
  return (
    modules.some((module) => file.path.startsWith(module.path + sep)) &&
    !modules.some((module) => isInModule(module, file.path))
  );
}

/** These files and all that they import, directly or not. */
function withImports(
  files: readonly Candidate[],
  imports: ReadonlyMap<Candidate, ReadonlyMap<string, Candidate>>,
): Candidate[] {
  const all = new Set(files);
  for (const one of all) for (const target of imports.get(one)?.values() ?? []) all.add(target);
  return [...all];
}

/** What a referenced file imports is referenced. */
function spreadReferenced(resolved: ReadonlyMap<Candidate, ReadonlyMap<string, Candidate>>): void {
  const queue = [...resolved.keys()].filter((file) => file.referenced);
  for (let file = queue.pop(); file; file = queue.pop()) {
    for (const target of resolved.get(file)?.values() ?? []) {
      if (target.referenced) continue;
      target.referenced = true;
      queue.push(target);
    }
  }
}
