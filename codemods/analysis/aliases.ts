import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { escaped } from "../shared/reg-exp.js";

/** A name of modules that something maps to files of the project. */
interface Alias {
  readonly pattern: RegExp;
  /** An absolute path, with `$1` for what the pattern leaves open. */
  readonly target: string;
}

const CONFIGS = /^(?:(?:jest|vitest|vite|babel|webpack)\.config\.\w+|\.babelrc(?:\.\w+)?)$/;

/**
 * What a specifier that is no path may stand for: `imports` of package.json (`#src/*`), `_moduleAliases`, jest's `moduleNameMapper`, and
 * `alias` in the settings of vite, webpack and babel. Settings are read as text: a pair that is something else names no file that exists.
 */
export function createAliases(root: string): (from: string, specifier: string) => readonly string[] {
  const known = new Map<string, readonly Alias[]>();
  const aliasesIn = (folder: string): readonly Alias[] => {
    let found = known.get(folder);
    if (!found) {
      found = existsSync(folder) ? readAliases(folder) : [];
      known.set(folder, found);
    }
    return found;
  };
  return (from, specifier) => {
    const found: string[] = [];
    for (let folder = path.dirname(from); ; folder = path.dirname(folder)) {
      for (const { pattern, target } of aliasesIn(folder)) {
        const match = pattern.exec(specifier);
        if (match) found.push(target.replace(/\$1/g, () => match[1] ?? ""));
      }
      if (folder === root || folder === path.dirname(folder)) return found;
    }
  };
}

function readAliases(folder: string): Alias[] {
  const pairs: [string, string][] = [];
  for (const name of readdirSync(folder)) {
    if (name === "package.json") pairs.push(...manifestPairs(readFileSync(path.join(folder, name), "utf8")));
    else if (CONFIGS.test(name)) pairs.push(...textPairs(readFileSync(path.join(folder, name), "utf8")));
  }
  return pairs.flatMap(([name, target]) => {
    const pattern = patternOf(name);
    return pattern ? [{ pattern, target: targetIn(folder, target) }] : [];
  });
}

function manifestPairs(text: string): [string, string][] {
  try {
    const manifest = JSON.parse(text) as Record<string, unknown> & { jest?: Record<string, unknown> };
    return [manifest.imports, manifest._moduleAliases, manifest.jest?.moduleNameMapper].flatMap((map) =>
      Object.entries(map ?? {}).flatMap(([name, value]) =>
        stringsIn(value).map((target): [string, string] => [name, target]),
      ),
    );
  } catch {
    return [];
  }
}

/** Targets may be listed, or chosen by conditions. */
function stringsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(stringsIn) : [];
}

/** `"^@/(.*)$": "<rootDir>/src/$1"`, `"@": path.resolve(__dirname, "./src")`: a name with every text behind it in the line. */
function textPairs(text: string): [string, string][] {
  return [...text.matchAll(/(?:(['"`])([^'"`\n]+)\1|\b(\w+))\s*:(?=([^\n]*))/g)].flatMap(([, , quoted, name, rest]) => {
    const key = quoted ?? name ?? "";
    return [...(rest ?? "").matchAll(/['"`]([^'"`\n]+)['"`]/g)].map(([, target]): [string, string] => [
      key,
      target ?? "",
    ]);
  });
}

/** Names are patterns of jest, have a `*` as those of Node have, or stand for all below them. */
function patternOf(name: string): RegExp | undefined {
  try {
    if (name.startsWith("^")) return new RegExp(name);
    if (name.includes("*")) return new RegExp(`^${name.split("*").map(escaped).join("(.+)")}$`);
    return new RegExp(`^${escaped(name.replace(/\$$/, ""))}(/.*)?$`);
  } catch {
    return undefined;
  }
}

function targetIn(folder: string, target: string): string {
  const inside = target.replace(/^<rootDir>\/?/, "").replace("*", "$1");
  return path.resolve(folder, inside) + (/\$1|\.\w+$/.test(inside) ? "" : "$1");
}
