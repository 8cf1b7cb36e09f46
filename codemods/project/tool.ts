import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of this tool: a clone or an installed package, run from sources or from dist. */
export function toolRoot(): string {
  for (let current = path.dirname(fileURLToPath(import.meta.url)); ; current = path.dirname(current)) {
    const manifest = path.join(current, "package.json");
    if (
      existsSync(manifest) &&
      (JSON.parse(readFileSync(manifest, "utf8")) as { name?: string }).name === "connect-migrate"
    )
      return current;
    if (current === path.dirname(current)) throw new Error("connect-migrate's own package.json was not found");
  }
}

export interface RuntimePackage {
  readonly version: string;
  /** The packed runtime; null where it has not been built. */
  readonly tarball: string | null;
  /** The folder of the runtime. */
  readonly folder: string;
  /** The range of @bufbuild/protobuf that the runtime needs. */
  readonly protobuf: string;
}

export function runtimePackage(): RuntimePackage {
  const folder = path.join(toolRoot(), "runtime");
  const manifest = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8")) as {
    version: string;
    dependencies: Record<string, string>;
  };
  const dist = path.join(folder, "dist");
  const name = `connect-migrate-runtime-${manifest.version}.tgz`;
  const tarball = existsSync(dist) && readdirSync(dist).includes(name) ? path.join(dist, name) : null;
  return {
    version: manifest.version,
    tarball,
    folder,
    protobuf: manifest.dependencies["@bufbuild/protobuf"] ?? "^2.0.0",
  };
}

/** The runtime's modules and where this tool has their types: for projects that have not installed it yet. */
export function runtimeTypes(build: "esm" | "cjs"): ReadonlyMap<string, string> {
  const dist = path.join(runtimePackage().folder, "dist", build);
  return new Map(
    ["", "/node", "/grpc-js", "/health", "/reflection"].map((name) => [
      `@connect-migrate/runtime${name}`,
      path.join(dist, name, "index.d.ts"),
    ]),
  );
}
