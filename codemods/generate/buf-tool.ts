import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const require = createRequire(import.meta.url);

export interface BufRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The path of buf's script, a dependency of this tool (never the project's own copy). Undefined when it is not installed. */
export function bufScript(): string | undefined {
  return fromPackage("@bufbuild/buf", "bin/buf");
}

/** The path of protoc-gen-es's script, a dependency of this tool. */
export function protocGenEsScript(): string | undefined {
  return fromPackage("@bufbuild/protoc-gen-es", "bin/protoc-gen-es");
}

/** Runs buf in `cwd`, off line: nothing that we ask of it needs a registry. */
export function runBuf(args: readonly string[], options: { cwd: string; cacheDir: string }): Promise<BufRun> {
  const script = bufScript();
  if (!script) return Promise.resolve({ code: 127, stdout: "", stderr: "The package @bufbuild/buf is not installed." });
  const env = { ...process.env, BUF_CACHE_DIR: options.cacheDir, NO_COLOR: "1" };
  return new Promise((done) => {
    execFile(
      process.execPath,
      [script, ...args],
      { cwd: options.cwd, env, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === "number" ? error.code : 1;
        done({ code, stdout, stderr: stderr || (error && code === 1 && stdout === "" ? error.message : "") });
      },
    );
  });
}

function fromPackage(name: string, file: string): string | undefined {
  try {
    return join(dirname(require.resolve(`${name}/package.json`)), file);
  } catch {
    return undefined;
  }
}
