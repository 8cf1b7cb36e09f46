import path from "node:path";
import { localModulePath } from "../analysis/project.js";
import { RecoverError } from "./schema.js";

/** The full name of the message or enum that a generated file calls `local`. Throws RecoverError where nothing says it. */
export type NamesBehind = (local: string) => string;

/** What generated files export, by their places: local name -> full name. */
export type Exported = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** The names in one file of TypeScript: its own, and those that it imports from other generated files. */
export function namesIn(place: string, text: string, exported: Exported): NamesBehind {
  const own = exported.get(place);
  const imported = new Map<string, { from: string; name: string }>();
  for (const [, list = "", from = ""] of text.matchAll(/^import (?:type )?\{([^}]*)\} from ["']([^"']+)["']/gm))
    for (const one of list.split(",")) {
      const [, name, as] = /^\s*(?:type )?([\w$]+)(?: as ([\w$]+))?\s*$/.exec(one) ?? [];
      if (name !== undefined) imported.set(as ?? name, { from, name });
    }
  return (local) => {
    const known = own?.get(local);
    if (known !== undefined) return known;
    const other = imported.get(local);
    const file =
      other && localModulePath(path.resolve(path.dirname(place), other.from), (target) => exported.has(target));
    const found = other && (exported.get(file ?? "")?.get(other.name) ?? wellKnown(other.from, other.name));
    if (found === undefined)
      throw new RecoverError(`${place}: nothing says what ${local} is called in its .proto file`);
    return found;
  };
}

/** A package's copy of Google's own types, which no project generates. */
function wellKnown(from: string, name: string): string | undefined {
  return /(?:^|\/)google\/protobuf\/\w+(?:\.[cm]?[jt]s)?$/.test(from) ? `google.protobuf.${name}` : undefined;
}

/** Full names for names that nest with `_`: `Order_Line` is in `Order` where there is an `Order`. */
export function nestedNames(packageName: string, names: readonly string[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const name of [...names].sort((a, b) => a.length - b.length)) {
    const outer = [...found.keys()].filter((one) => name.startsWith(`${one}_`)).at(-1);
    const inner = outer === undefined ? name : name.slice(outer.length + 1);
    const scope = outer === undefined ? packageName : found.get(outer);
    found.set(name, scope === "" ? inner : `${scope}.${inner}`);
  }
  return found;
}
