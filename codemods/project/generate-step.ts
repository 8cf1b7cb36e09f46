import { readFileSync } from "node:fs";
import path from "node:path";
import { calledScript, commandsIn, commandsOf, generatorCommand } from "./generator-commands.js";
import type { Step } from "./generator-steps.js";
import { scriptsOf } from "./package-json.js";
import { toolRoot } from "./tool.js";

/** What a package.json needs, so that its generator script makes the code that migrated files import. */
export interface GenerateStep {
  /** The script and its new text; null where none is changed. */
  readonly script: { readonly name: string; readonly text: string } | null;
  /** Packages that `buf generate` runs, with their versions. */
  readonly development: ReadonlyMap<string, string>;
}

const GENERATE = "buf generate";

/**
 * The one script of a package.json that runs its old generators, with `buf generate` behind them, if one is that plain; and what
 * buf needs. Null where nothing runs an old generator or buf. `steps` are the commands that stand in other files of the package.
 */
export function generateStep(manifest: string, steps: readonly Step[] = []): GenerateStep | null {
  const all = scriptsOf(manifest);
  if (runsBuf(manifest, steps)) return { script: null, development: versions("protoc-gen-es") };
  const plain = all.flatMap(([name, text]) => {
    const commands = commandsOf(text);
    return commands === null || commands.some((one) => /^cd\s/.test(one)) ? [] : [{ name, text, commands }];
  });
  const generating = plain.filter(({ commands }) => commands.some((one) => generatorCommand(one) !== null));
  const [only, other] = generating;
  const callsAll = plain.filter(({ commands }) => {
    const called = commands.map(calledScript);
    return generating.every(({ name }) => called.includes(name));
  });
  const [caller, another] = callsAll;
  const chosen = other === undefined ? only : another === undefined ? caller : undefined;
  const script = chosen ? { name: chosen.name, text: `${chosen.text} && ${GENERATE}` } : null;
  const isOld =
    all.some(([, text]) => commandsIn(text).some((one) => generatorCommand(one) !== null)) ||
    steps.some(({ generator }) => generator !== null);
  return isOld ? { script, development: versions("buf", "protoc-gen-es") } : null;
}

/** Whether a script of a package.json or a step runs `buf generate`. */
export function runsBuf(manifest: string, steps: readonly Step[]): boolean {
  return [...scriptsOf(manifest).map(([, text]) => text), ...steps.map(({ command }) => command)].some((text) =>
    text.includes(GENERATE),
  );
}

/** As this tool has them itself. */
function versions(...names: readonly string[]): Map<string, string> {
  const own = JSON.parse(readFileSync(path.join(toolRoot(), "package.json"), "utf8")) as {
    dependencies: Record<string, string>;
  };
  return new Map(names.map((name) => [`@bufbuild/${name}`, own.dependencies[`@bufbuild/${name}`] ?? "*"]));
}
