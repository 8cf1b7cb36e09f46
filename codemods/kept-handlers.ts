import type { Attempt } from "./passes.js";
import { rejectedFiles } from "./rejected-files.js";
import type { Failure, Run } from "./run.js";
import { namesAround } from "./shared/names-around.js";

/** Handlers that stay in their old shape, because the compiler rejects the new one: by their names, what it says. */
export type KeptHandlers = ReadonlyMap<string, string>;

/**
 * Puts the handlers of a file back on a bridge in whose new text the compiler found something; false when it found it elsewhere, or in a
 * handler that is on one already.
 */
export function keepHandlers(
  { keptHandlers }: Pick<Run, "keptHandlers">,
  attempt: Attempt,
  broken: ReadonlyMap<string, Failure>,
): boolean {
  let isMore = false;
  for (const { file, text, lines, said } of rejectedFiles(attempt, broken, "services")) {
    const kept = new Map(keptHandlers.get(file));
    const before = kept.size;
    for (const line of lines)
      for (const name of namesAround(text, file, line)) if (!kept.has(name)) kept.set(name, said);
    keptHandlers.set(file, kept);
    isMore ||= kept.size > before;
  }
  return isMore;
}
