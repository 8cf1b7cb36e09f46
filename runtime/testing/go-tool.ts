import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const cache = fileURLToPath(new URL("../../.cache/go-tools", import.meta.url));

/**
 * A client written in Go, built once from the Go module proxy.
 *
 * @returns where it is, or why it is not there: tests say so and are skipped
 */
export function goTool(packagePath: string, version: string): { path: string } | { missing: string } {
  const name = packagePath.split("/").at(-1) as string;
  const path = join(cache, name);
  if (existsSync(path)) return { path };
  mkdirSync(cache, { recursive: true });
  const built = spawnSync("go", ["install", `${packagePath}@${version}`], {
    cwd: cache,
    env: { ...process.env, GOBIN: cache },
    encoding: "utf8",
    timeout: 240_000,
  });
  if (built.error !== undefined) {
    return {
      missing: (built.error as { code?: string }).code === "ENOENT" ? "Go is not installed" : String(built.error),
    };
  }
  if (built.status !== 0)
    return { missing: `go install ${packagePath}@${version}: ${built.stderr.trim().split("\n").at(-1)}` };
  return { path };
}
