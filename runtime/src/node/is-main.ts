import { realpathSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * True in the module that node (or tsx) was started with, also through a symbolic link or without its extension.
 * For ES modules: `if (isMain(import.meta.url)) main()`. CommonJS has `require.main === module`.
 */
export function isMain(moduleUrl: string): boolean {
  const started = process.argv[1];
  if (started === undefined || !moduleUrl.startsWith("file:")) return false;
  const own = realPath(fileURLToPath(moduleUrl));
  const entry = resolve(started);
  return entryPaths(entry).some((path) => realPath(path) === own);
}

// `node dist/server` and `tsx src/server` leave the extension out, `node dist` means its index.
function entryPaths(entry: string): string[] {
  const extensions = ["", ".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".tsx", "/index.js", "/index.mjs", "/index.ts"];
  return extensions.map((extension) => entry + extension);
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
