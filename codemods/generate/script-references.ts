import { existsSync, statSync } from "node:fs";
import { resolve } from "node:path";

/** Directories that a shell line gives to protoc, grpc_tools, pbjs or proto-loader-gen-types as import roots. */
export function includeDirsOfScript(text: string, bases: readonly string[]): string[] {
  const found: string[] = [];
  const joined = text.replace(/\\\r?\n/g, " ");
  const flag =
    /(?:^|\s)(?:-I[= ]?|--proto_path[= ]|--includeDirs?[= ]|--include-dirs?[= ]|-p\s+|--path[= ])\s*("[^"]+"|'[^']+'|[^\s;&|"']+)/g;
  for (const line of joined.split(/\r?\n/)) {
    if (!/protoc|pbjs|proto-loader-gen-types/.test(line)) continue;
    for (const match of line.matchAll(flag)) {
      const written = (match[1] ?? "").replace(/^["']|["']$/g, "");
      for (const part of written.split(":")) addDirectory(part, bases, found);
    }
  }
  return found;
}

function addDirectory(written: string, bases: readonly string[], into: string[]): void {
  // `$(pwd)/x`, `$PWD/x`, `${DIR}/x`: the variable is taken to be the base.
  const path = written.replace(/^(\$\([^)]*\)|\$\{[^}]*\}|\$\w+)\/?/, "./");
  for (const base of bases) {
    const candidate = resolve(base, path);
    if (existsSync(candidate) && statSync(candidate).isDirectory()) {
      if (!into.includes(candidate)) into.push(candidate);
      return;
    }
  }
}
