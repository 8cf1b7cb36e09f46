import type { Attempt } from "./passes.js";
import { rejectedFiles } from "./rejected-files.js";
import type { Failure, Run } from "./run.js";
import { namesAround } from "./shared/names-around.js";

/** Calls that keep grpc-js's shape, because the compiler rejects the new one: by the names of functions around them, what it says. */
export type KeptCalls = ReadonlyMap<string, string>;

/** In the place of a name: every call of the file. */
export const EVERY_CALL = "*";

/**
 * Puts calls of a file back in whose new text the compiler found something: those of the function that it stands in, then all of the file.
 * False when it found it elsewhere, or they are back already.
 */
export function keepCalls(
  { keptCalls }: Pick<Run, "keptCalls">,
  attempt: Attempt,
  broken: ReadonlyMap<string, Failure>,
): boolean {
  let isMore = false;
  for (const { file, text, lines, said } of rejectedFiles(attempt, broken, "clients")) {
    const kept = new Map(keptCalls.get(file));
    if (kept.has(EVERY_CALL)) continue;
    const names = lines.map((line) => namesAround(text, file, line).at(-1) ?? EVERY_CALL);
    const isNew = names.some((name) => !kept.has(name));
    for (const name of isNew ? names : [EVERY_CALL]) kept.set(name, kept.get(name) ?? said);
    keptCalls.set(file, kept);
    isMore = true;
  }
  return isMore;
}
