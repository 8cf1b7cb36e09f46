import { existsSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { glob } from "tinyglobby";
import { ts } from "ts-morph";
import { type ConfigFinder, createConfigFinder, localModulePath, resolveInWorkspace } from "../analysis/project.js";
import { specifiersOf } from "../shared/specifiers.js";
import { generatorOf } from "./generated.js";
import { ignoredByGit } from "./git.js";
import { isInside } from "./project-root.js";

export { isInside, projectRoot } from "./project-root.js";

/** What discovery found; texts are without a byte order mark. */
export interface Discovery {
  readonly root: string;
  /** Absolute paths of the files below the given paths that use grpc-js or are connected to one that does by imports. */
  readonly selected: readonly string[];
  /** Files of the same project outside the given paths; they are looked into and never changed. */
  readonly related: readonly string[];
  /** Generated code. */
  readonly generated: readonly string[];
  /** Files below the given paths that use grpc-js and are left out, because git ignores them and no source imports them. */
  readonly ignored: readonly string[];
  /** How many source files below the given paths were looked at. */
  readonly scanned: number;
  readonly texts: ReadonlyMap<string, string>;
  /** Files that begin with a byte order mark. */
  readonly withMark: ReadonlySet<string>;
  /** file -> files that it imports. */
  readonly imports: ReadonlyMap<string, ReadonlySet<string>>;
  /** Files whose own text names grpc-js or proto-loader. */
  readonly users: ReadonlySet<string>;
  /** All source files of the project that import a package, by package, whether selected or not. */
  readonly unreadable: readonly { readonly path: string; readonly message: string }[];
}

export interface DiscoverInput {
  readonly root: string;
  /** Absolute files and folders. */
  readonly paths: readonly string[];
  /** Texts that stand for those on disk, also of files that are not there yet. */
  readonly texts?: ReadonlyMap<string, string>;
  readonly configs?: ConfigFinder;
  /** Files that are not selected, wherever they lie. */
  readonly exclude?: ReadonlySet<string>;
}

export const SOURCE_FILES = "**/*.{js,cjs,mjs,jsx,ts,cts,mts,tsx}";
const IGNORED = ["**/node_modules/**", "**/.git/**", "**/dist/**", "**/coverage/**", "**/.next/**", "**/vendor/**"];

/** A file that names one of these uses grpc itself. */
const USES_GRPC =
  /@grpc\/(?:grpc-js|proto-loader)|(?:from|require\()\s*['"]grpc['"]|['"]nice-grpc|@connect-migrate\/runtime\/grpc-js|_grpc_pb['"]/;
export async function discover(input: DiscoverInput): Promise<Discovery> {
  const { root } = input;
  const listed = await glob(SOURCE_FILES, {
    cwd: root,
    ignore: IGNORED,
    absolute: true,
    dot: false,
    followSymbolicLinks: false,
  });
  const explicit = input.paths.filter((file) => !existsSync(file) || statSync(file).isFile());
  const universe = new Set([...listed.map((file) => path.resolve(file)), ...explicit, ...(input.texts?.keys() ?? [])]);
  const texts = new Map<string, string>();
  const withMark = new Set<string>();
  const unreadable: { path: string; message: string }[] = [];
  for (const file of [...universe].sort()) {
    if (!/\.[cm]?[jt]sx?$/.test(file)) continue;
    const given = input.texts?.get(file);
    if (given !== undefined) {
      texts.set(file, given);
      continue;
    }
    try {
      const bytes = readFileSync(file);
      const text = bytes.toString("utf8");
      if (text.includes("\uFFFD") && !Buffer.from(text, "utf8").equals(bytes)) {
        unreadable.push({ path: file, message: "is not UTF-8 text" });
        continue;
      }
      if (text.startsWith("\uFEFF")) withMark.add(file);
      texts.set(file, text.replace(/^\uFEFF/, ""));
    } catch (error) {
      unreadable.push({ path: file, message: (error as Error).message });
    }
  }

  const configs = input.configs ?? createConfigFinder(root);
  const workspace = configs.workspace();
  const exists = (file: string) => texts.has(file);
  const imports = new Map<string, Set<string>>();
  const unresolved = new Set<string>();
  for (const [file, text] of texts) {
    const targets = new Set<string>();
    for (const specifier of specifiersOf(text)) {
      let target: string | undefined;
      if (specifier.startsWith(".")) target = localModulePath(path.resolve(path.dirname(file), specifier), exists);
      else {
        target = resolveInWorkspace(specifier, workspace, exists) ?? configs.aliased(file, specifier, exists);
        if (target === undefined && !/^(node:|@grpc\/)/.test(specifier)) {
          const { options } = configs.configOf(file);
          const isMapped =
            options.baseUrl !== undefined ||
            Object.keys(options.paths ?? {}).some((pattern) => specifier.startsWith(pattern.split("*")[0] ?? pattern));
          const found = isMapped
            ? ts.resolveModuleName(specifier, file, options, ts.sys).resolvedModule?.resolvedFileName
            : undefined;
          if (found !== undefined && texts.has(path.resolve(found))) target = path.resolve(found);
        }
      }
      if (target === undefined) unresolved.add(stem(specifier));
      if (target === undefined || target === file) continue;
      targets.add(target);
    }
    imports.set(file, targets);
  }

  const byGit = ignored(input, texts, unresolved);
  const leftOut = unused(new Set([...compiled(input, texts, configs), ...byGit]), imports);
  const explicitPaths = new Set(input.paths);
  const isSelected = (file: string) =>
    !input.exclude?.has(file) && (explicitPaths.has(file) || input.paths.some((given) => isInside(file, given)));
  const usesGrpc = (file: string, text: string) => USES_GRPC.test(text) && generatorOf(file, text) === null;
  const told = leftOut.filter((file) => byGit.has(file) && isSelected(file) && usesGrpc(file, texts.get(file) ?? ""));
  for (const file of leftOut) {
    texts.delete(file);
    imports.delete(file);
  }
  const importers = new Map<string, Set<string>>();
  for (const [file, targets] of imports)
    for (const target of targets) importers.set(target, (importers.get(target) ?? new Set()).add(file));

  const generated = new Set(
    [...texts].filter(([file, text]) => generatorOf(file, text) !== null).map(([file]) => file),
  );
  const users = new Set(
    [...texts].filter(([file, text]) => USES_GRPC.test(text) && !generated.has(file)).map(([file]) => file),
  );

  // Clients arrive by injection and handlers by re-export: everything that is connected to a user may be concerned.
  const connected = new Set<string>();
  const queue = [...users, ...[...generated].filter((file) => USES_GRPC.test(texts.get(file) ?? ""))];
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (connected.has(file)) continue;
    connected.add(file);
    for (const next of [...(imports.get(file) ?? []), ...(importers.get(file) ?? [])]) queue.push(next);
  }

  const written = [...connected].filter((file) => !generated.has(file) && !file.endsWith(".d.ts")).sort();
  return {
    root,
    selected: written.filter(isSelected),
    related: written.filter((file) => !isSelected(file)),
    generated: [...generated].filter((file) => connected.has(file)).sort(),
    ignored: told.sort(),
    scanned: [...texts.keys()].filter(isSelected).length,
    texts,
    withMark,
    imports,
    users,
    unreadable: unreadable.filter(({ path: file }) => isSelected(file)),
  };
}

/** What the compiler wrote below a configuration's `outDir`: its sources are looked at, and it is made anew. */
function compiled({ root, paths }: DiscoverInput, texts: ReadonlyMap<string, string>, configs: ConfigFinder): string[] {
  const sources = [...texts.keys()].filter((file) => /\.[cm]?tsx?$/.test(file) && !/\.d\.[cm]?ts$/.test(file));
  const folders = [...new Set(sources.flatMap((file) => configs.configOf(file).outputs))].filter(
    (folder) =>
      folder !== root && isInside(folder, root) && ![...sources, ...paths].some((file) => isInside(file, folder)),
  );
  return [...texts.keys()].filter((file) => folders.some((folder) => isInside(file, folder)));
}

/** What git ignores and nobody asked for by its path: the output of bundlers, and code that only a build makes. */
function ignored(
  { root, paths }: DiscoverInput,
  texts: ReadonlyMap<string, string>,
  unresolved: ReadonlySet<string>,
): Set<string> {
  const files = ignoredByGit(root, [...texts.keys(), ...paths]);
  const asked = paths.filter((given) => files.has(given));
  const names = new Set([...unresolved].map((specifier) => path.posix.basename(specifier)));
  // An import whose file is not found may well be one of generated code.
  const mayBeImported = (file: string) =>
    names.has(path.basename(stem(file))) && generatorOf(file, texts.get(file) ?? "") !== null;
  return new Set(
    [...files].filter(
      (file) => texts.has(file) && !asked.some((given) => isInside(file, given)) && !mayBeImported(file),
    ),
  );
}

/** Those of some files that no other file imports, directly or not; what declares the types of a file is used with it. */
function unused(files: ReadonlySet<string>, imports: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  if (files.size === 0) return [];
  const stems = new Map<string, string[]>();
  for (const file of files) stems.set(stem(file), [...(stems.get(stem(file)) ?? []), file]);
  const left = new Set(files);
  const queue = [...imports.keys()].filter((file) => !files.has(file));
  for (let file = queue.pop(); file !== undefined; file = queue.pop())
    for (const used of imports.get(file) ?? [])
      if (left.has(used)) for (const one of stems.get(stem(used)) ?? []) if (left.delete(one)) queue.push(one);
  return [...left];
}

function stem(file: string): string {
  return file.replace(/(\.d)?\.[cm]?[jt]sx?$/, "");
}
