import type { Attempt } from "./passes.js";
import type { Failure } from "./run.js";

/** A file in whose new text the compiler found something. */
export interface RejectedFile {
  readonly file: string;
  /** The new text. */
  readonly text: string;
  /** Where, from 1. */
  readonly lines: readonly number[];
  /** The first of what the compiler says. */
  readonly said: string;
}

/** The files that the compiler rejects, of those in which a rule of one side has rewritten a handler or a call. */
export function rejectedFiles(
  { texts, findings }: Attempt,
  broken: ReadonlyMap<string, Failure>,
  side: "services" | "clients",
): RejectedFile[] {
  return [...broken].flatMap(([file, { lines = [], error }]) => {
    const text = texts.get(file);
    const isOfSide = (findings.get(file) ?? []).some(({ rule, rpc }) => rule.startsWith(`${side}/`) && rpc !== null);
    if (text === undefined || !isOfSide || lines.length === 0) return [];
    return [{ file, text, lines, said: error.split("\n", 1)[0] ?? "" }];
  });
}
