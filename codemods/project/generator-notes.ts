import path from "node:path";
import { type OldCode, userOf } from "./generated-users.js";
import { commandsIn, type GeneratorCommand, generatorCommand } from "./generator-commands.js";
import { callersOf, foldersOf, type Step } from "./generator-steps.js";
import { manifestOf, scriptsOf } from "./package-json.js";
import { isInside, relative } from "./project-root.js";

export const REPLACEMENT = "`npx buf generate` (or `npx connect-migrate generate`) makes the code that is used now";

/** The folder of a project, and the one that its files are named from; absolute. */
export interface Places {
  readonly root: string;
  readonly from: string;
}

/** An old generator that no script of a package.json runs itself. */
export interface GeneratorPlace {
  /** File and line, and who runs them. */
  readonly place: string;
  readonly program: string;
  /** A file that needs what it makes. */
  readonly user: string | undefined;
}

/** Where shell scripts, make files, CI and images run old generators. */
export function generatorPlaces(steps: readonly Step[], code: OldCode, { root, from }: Places): GeneratorPlace[] {
  return steps.flatMap((step) => {
    const { file, line, generator } = step;
    if (generator === null) return [];
    const folders = foldersOf(step, root);
    const own = path.dirname(manifestOf(file, root) ?? path.join(root, "package.json"));
    const user = userOfGenerators(code, [generator], own, folders);
    const callers = callersOf(step, { root, from }, steps);
    const run = callers.length === 0 ? "" : ` (run by ${callers.join(", ")})`;
    return {
      place: `${relative(file, from)}:${line}${run}`,
      program: generator.program,
      user: user && relative(user, from),
    };
  });
}

/** A file that needs what generators make; where they hide where that goes, what any of them makes below the folder of their package. */
export function userOfGenerators(
  code: OldCode,
  generators: readonly GeneratorCommand[],
  folder: string,
  startedIn: readonly string[] = [folder],
): string | undefined {
  const outputs = generators
    .flatMap((one) => one.outputs)
    .flatMap((one) => startedIn.map((start) => path.resolve(start, one)));
  if (outputs.length > 0) return userOf(code, outputs);
  return [...code.needed].find(([file]) => isInside(file, folder))?.[1];
}

/** What a person should know of old generators that go on without ours behind them: the scripts of a package.json, given their text, and steps. */
export function generatorNotes(
  manifest: string,
  scripts: string,
  steps: readonly Step[],
  code: OldCode,
  places: Places,
): string[] {
  const own = scriptsOf(scripts).flatMap(([name, script]): GeneratorPlace[] => {
    const generators = commandsIn(script).flatMap((one) => generatorCommand(one) ?? []);
    if (generators.length === 0) return [];
    const user = userOfGenerators(code, generators, path.dirname(manifest));
    return [
      {
        place: `${relative(manifest, places.from)}: the script ${name}`,
        program: [...new Set(generators.map((one) => one.program))].join(" and "),
        user: user && relative(user, places.from),
      },
    ];
  });
  return [...own, ...generatorPlaces(steps, code, places)].map(({ place, program, user }) => {
    const need = user === undefined ? "" : `, and ${user} still needs what it makes`;
    return `${place} runs ${program}${need}. ${REPLACEMENT}: run it there, too.`;
  });
}
