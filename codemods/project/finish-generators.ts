import path from "node:path";
import { existingPlugin } from "../generate/buf-config.js";
import { oldPlugins } from "./buf-plugins.js";
import { type OldCode, userOf } from "./generated-users.js";
import { calls, commandsIn, generatorCommand, withoutGenerators } from "./generator-commands.js";
import { generatorPlaces, REPLACEMENT, userOfGenerators } from "./generator-notes.js";
import type { Step } from "./generator-steps.js";
import { scriptsOf } from "./package-json.js";
import { relative } from "./project-root.js";

/** What becomes of the scripts of one package.json. */
export interface ScriptChanges {
  /** Name -> new text; null where the script goes. */
  readonly changes: ReadonlyMap<string, string | null>;
  /** What stays, with the reason. */
  readonly kept: readonly string[];
}

/** Takes the old generators out of scripts, as far as nothing needs what they make and nothing else calls them. */
export function scriptsWithoutGenerators(
  manifest: string,
  text: string,
  root: string,
  code: OldCode,
  steps: readonly Step[],
): ScriptChanges {
  const scripts = scriptsOf(text);
  const folder = path.dirname(manifest);
  const name = relative(manifest, root);
  const kept: string[] = [];
  const changes = new Map<string, string | null>();
  const callerOf = (key: string) =>
    steps.find(({ command, generator }) => generator === null && calls(key).test(command));
  const keep = (key: string, why: string) => {
    kept.push(`${name}: the script ${key} ${why}`);
  };
  for (const [key, script] of scripts) {
    const generators = commandsIn(script).flatMap((one) => generatorCommand(one) ?? []);
    if (generators.length === 0) continue;
    const user = userOfGenerators(code, generators, folder);
    if (user !== undefined) {
      keep(key, `runs an old generator, and ${relative(user, root)} needs what it makes`);
      continue;
    }
    const rest = withoutGenerators(script, () => false);
    if (rest === null) {
      keep(key, "does more than to run an old generator; change it by hand");
      continue;
    }
    const caller = rest === "" ? callerOf(key) : undefined;
    if (caller)
      keep(key, `runs an old generator, and ${relative(caller.file, root)}:${caller.line} calls it; ${REPLACEMENT}`);
    else changes.set(key, rest === "" ? null : rest);
  }
  // Who calls a script that goes calls it no longer; where that cannot be taken out, the script stays.
  for (let before = -1; before !== changes.size; ) {
    before = changes.size;
    for (const [key, script] of scripts) {
      const now = changes.has(key) ? changes.get(key) : script;
      if (now === null || now === undefined) continue;
      const gone = [...changes]
        .filter(([other, text]) => text === null && calls(other).test(now))
        .map(([other]) => other);
      if (gone.length === 0) continue;
      const rest = withoutGenerators(now, (other) => gone.includes(other));
      const isCalled = rest === "" && callerOf(key) !== undefined;
      if (rest !== null && !isCalled && !gone.some((other) => calls(other).test(rest)))
        changes.set(key, rest === "" ? null : rest);
      else
        for (const other of gone) {
          changes.delete(other);
          keep(other, `runs an old generator, and the script ${key} calls it`);
        }
    }
  }
  return { changes, kept };
}

/** A buf.gen.yaml without the plugins whose code nothing needs; only where protoc-gen-es is beside them. */
export function bufWithoutOldPlugins(
  file: string,
  text: string,
  root: string,
  code: OldCode,
): { readonly text: string; readonly removed: readonly string[]; readonly kept: readonly string[] } {
  const plugins = oldPlugins(text);
  const folder = path.dirname(file);
  const plugin = existingPlugin(folder);
  const name = relative(file, root);
  if (plugins.length > 0 && (plugin === undefined || plugin.isVersion1))
    return {
      text,
      removed: [],
      kept: [`${name}: ${plugins[0]?.name}, because the file has no protoc-gen-es 2 yet; run generate`],
    };
  const kept: string[] = [];
  const gone = plugins.filter(({ name: old, out }) => {
    const user = userOf(code, [path.resolve(folder, out)]);
    if (user !== undefined) kept.push(`${name}: ${old}, because ${relative(user, root)} needs what it makes`);
    return user === undefined;
  });
  const after = gone.reduceRight((rest, { start, end }) => rest.slice(0, start) + rest.slice(end), text);
  return { text: after, removed: gone.map((one) => `plugin ${one.name}`), kept };
}

/** What a person has to take out: calls in make files, shell scripts, CI and images, and generated code that nothing imports. */
export function leftByHand(root: string, code: OldCode, steps: readonly Step[]): string[] {
  const calls = generatorPlaces(steps, code, { root, from: root }).map(({ place, program, user }) => {
    const why = user === undefined ? `take it out by hand: ${REPLACEMENT}` : `${user} needs what it makes`;
    return `${place}: ${program}; ${why}`;
  });
  const unused = code.files
    .filter((file) => !code.needed.has(file))
    .map((file) => relative(file, root))
    .sort();
  const shown =
    unused.length > 5 ? `${unused.slice(0, 5).join(", ")} and ${unused.length - 5} more` : unused.join(", ");
  return unused.length === 0 ? calls : [...calls, `old generated code, which nothing imports: ${shown}. Delete it`];
}
