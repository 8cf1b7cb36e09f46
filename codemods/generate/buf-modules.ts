import { existsSync, statSync } from "node:fs";
import { join, resolve, sep } from "node:path";
import { parse } from "yaml";

/** A module that a buf.yaml or buf.work.yaml declares. All paths are absolute. */
export interface BufModule {
  /** The import root of its protos. */
  readonly path: string;
  /** Folders that it is limited to; empty: all. */
  readonly includes: readonly string[];
  readonly excludes: readonly string[];
}

/** The modules that buf.yaml (v1beta1, v1, v2) or buf.work.yaml, standing in `directory`, declare, as far as they exist. */
export function bufModules(text: string, directory: string): BufModule[] {
  let config: unknown;
  try {
    config = parse(text);
  } catch {
    return []; // buf itself will say what is wrong with it
  }
  if (typeof config !== "object" || config === null) return [];
  const { modules, directories, build } = config as {
    modules?: unknown;
    directories?: unknown;
    build?: { roots?: unknown; excludes?: unknown };
  };
  const folders = (value: unknown) =>
    Array.isArray(value) ? value.flatMap((path) => (typeof path === "string" ? [resolve(directory, path)] : [])) : [];
  const declared: BufModule[] = Array.isArray(modules)
    ? modules.map((module: { path?: unknown; includes?: unknown; excludes?: unknown } | null) => ({
        path: resolve(directory, typeof module?.path === "string" ? module.path : "."),
        includes: folders(module?.includes),
        excludes: folders(module?.excludes),
      }))
    : folders(directories ?? build?.roots ?? ["."]).map((path) => ({
        path,
        includes: [],
        excludes: folders(build?.excludes),
      }));
  return declared.filter(({ path }) => existsSync(path) && statSync(path).isDirectory());
}

/** Whether a module has a file, or leaves it out although it lies below its path. */
export function isInModule(module: BufModule, file: string): boolean {
  const isBelow = (folder: string) => file.startsWith(join(folder, sep));
  return (
    isBelow(module.path) &&
    (module.includes.length === 0 || module.includes.some(isBelow)) &&
    !module.excludes.some(isBelow)
  );
}
