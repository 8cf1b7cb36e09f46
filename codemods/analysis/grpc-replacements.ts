import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import type { Node } from "ts-morph";
import type { AnalysisProject } from "./project.js";

const CONFIG = /^(?:jest|vitest|vite)\.config\.\w+$/;
const KEY = /['"`]\^?@grpc\/(?:grpc-js|proto-loader)\$?['"`]\s*:/;

/** By folder: what was found there, for the other clients of a project. */
const replacements = new WeakMap<AnalysisProject, Map<string, string | undefined>>();

/**
 * What lets the runner of the tests load something else for grpc-js, without a word in a test: `__mocks__/@grpc/grpc-js.js`,
 * `moduleNameMapper` of jest, `alias` of vitest. The path of that file, or undefined.
 */
export function grpcReplacedBy(project: AnalysisProject, construction: Node): string | undefined {
  const { root } = project;
  let folder = path.dirname(construction.getSourceFile().getFilePath());
  const known = replacements.get(project) ?? new Map<string, string | undefined>();
  replacements.set(project, known);
  for (;;) {
    if (!known.has(folder)) known.set(folder, replacementIn(folder));
    const found = known.get(folder);
    if (found !== undefined) return path.relative(root, found).split(path.sep).join("/");
    if (folder === root || path.dirname(folder) === folder || !folder.startsWith(root)) return undefined;
    folder = path.dirname(folder);
  }
}

function replacementIn(folder: string): string | undefined {
  if (!existsSync(folder)) return undefined;
  for (const mocks of ["__mocks__/@grpc", "src/__mocks__/@grpc", "test/__mocks__/@grpc"]) {
    const inside = path.join(folder, mocks);
    const file = existsSync(inside) && readdirSync(inside).find((name) => /^(?:grpc-js|proto-loader)\b/.test(name));
    if (file) return path.join(inside, file);
  }
  for (const name of readdirSync(folder)) {
    const file = path.join(folder, name);
    if (CONFIG.test(name) && KEY.test(readFileSync(file, "utf8"))) return file;
  }
  const manifest = path.join(folder, "package.json");
  return existsSync(manifest) && KEY.test(mapperOf(readFileSync(manifest, "utf8"))) ? manifest : undefined;
}

function mapperOf(manifest: string): string {
  try {
    const { jest } = JSON.parse(manifest) as { jest?: { moduleNameMapper?: unknown } };
    return JSON.stringify(jest?.moduleNameMapper ?? {});
  } catch {
    return "";
  }
}
