import path from "node:path";
import { parse } from "jsonc-parser";
import { existingPlugin } from "../generate/buf-config.js";
import { oldPlugins } from "./buf-plugins.js";
import { type OldCode, userOf } from "./generated-users.js";
import { commandsOf, generatorCommand, withoutGenerators } from "./generator-commands.js";
import { calls, generatorCalls } from "./generator-steps.js";

/** What becomes of the scripts of one package.json. */
export interface ScriptChanges {
  /** Name -> new text; null where the script goes. */
  readonly changes: ReadonlyMap<string, string | null>;
  /** What stays, with the reason. */
  readonly kept: readonly string[];
}

const REPLACEMENT = "`npx buf generate` (or `npx connect-migrate generate`) makes the code that is used now";

/** Takes the old generators out of scripts, as far as nothing needs what they make and nothing else calls them. */
export function scriptsWithoutGenerators(manifest: string, text: string, root: string, code: OldCode): ScriptChanges {
  const scripts = Object.entries(
    (parse(text) as { scripts?: Record<string, unknown> } | undefined)?.scripts ?? {},
  ).filter((entry): entry is [string, string] => typeof entry[1] === "string");
  const folder = path.dirname(manifest);
  const name = relative(root, manifest);
  const kept: string[] = [];
  const changes = new Map<string, string | null>();
  const outside = generatorCalls(
    root,
    scripts.map(([key]) => key),
  );
  const keep = (key: string, why: string) => {
    kept.push(`${name}: the script ${key} ${why}`);
  };
  for (const [key, script] of scripts) {
    const generators = (commandsOf(script) ?? script.split(/&&|\|\||[;|&]/)).flatMap(
      (one) => generatorCommand(one) ?? [],
    );
    if (generators.length === 0) continue;
    const outputs = generators.flatMap((one) => one.outputs).map((one) => path.resolve(folder, one));
    const user =
      outputs.length > 0
        ? userOf(code, outputs)
        : [...code.needed].find(([file]) => file.startsWith(folder + path.sep))?.[1];
    if (user !== undefined) {
      keep(key, `runs an old generator, and ${relative(root, user)} needs what it makes`);
      continue;
    }
    const rest = withoutGenerators(script, () => false);
    if (rest === null) {
      keep(key, "does more than to run an old generator; change it by hand");
      continue;
    }
    const caller = outside.find(({ what }) => what === `npm run ${key}`);
    if (rest === "" && caller)
      keep(key, `runs an old generator, and ${relative(root, caller.file)}:${caller.line} calls it; ${REPLACEMENT}`);
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
      const isCalled = rest === "" && outside.some(({ what }) => what === `npm run ${key}`);
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
  const name = relative(root, file);
  if (plugins.length > 0 && (plugin === undefined || plugin.isVersion1))
    return {
      text,
      removed: [],
      kept: [`${name}: ${plugins[0]?.name}, because the file has no protoc-gen-es 2 yet; run generate`],
    };
  const kept: string[] = [];
  const gone = plugins.filter(({ name: old, out }) => {
    const user = userOf(code, [path.resolve(folder, out)]);
    if (user !== undefined) kept.push(`${name}: ${old}, because ${relative(root, user)} needs what it makes`);
    return user === undefined;
  });
  const after = gone.reduceRight((rest, { start, end }) => rest.slice(0, start) + rest.slice(end), text);
  return { text: after, removed: gone.map((one) => `plugin ${one.name}`), kept };
}

/** What a person has to take out: calls in make files, shell scripts, CI and images, and generated code that nothing imports. */
export function leftByHand(root: string, code: OldCode): string[] {
  const calls = generatorCalls(root, []).map(({ file, line, what, outputs }) => {
    const user = userOf(
      code,
      outputs.map((one) => path.resolve(path.dirname(file), one)),
    );
    const why =
      user === undefined ? `take it out by hand: ${REPLACEMENT}` : `${relative(root, user)} needs what it makes`;
    return `${relative(root, file)}:${line}: ${what}; ${why}`;
  });
  const unused = code.files
    .filter((file) => !code.needed.has(file))
    .map((file) => relative(root, file))
    .sort();
  const shown =
    unused.length > 5 ? `${unused.slice(0, 5).join(", ")} and ${unused.length - 5} more` : unused.join(", ");
  return unused.length === 0 ? calls : [...calls, `old generated code, which nothing imports: ${shown}. Delete it`];
}

function relative(root: string, file: string): string {
  return path.relative(root, file).split(path.sep).join("/");
}
