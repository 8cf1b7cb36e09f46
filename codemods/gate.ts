import type { Attempt } from "./passes.js";
import { relative } from "./project/project-root.js";
import { type NewError, newTypeErrors } from "./project/type-gate.js";
import { type Failure, failureAt, type Run } from "./run.js";
import { parse } from "./shared/parse.js";
import { reason } from "./shared/reasons.js";

/** Files whose new text does not stand: it does not parse, or the compiler says more about the project than before. */
export function gate(
  { discovery, generatedTexts, read }: Run,
  { texts, created }: Pick<Attempt, "texts" | "created">,
): Map<string, Failure> {
  const broken = new Map<string, Failure>();
  if (texts.size === 0) return broken;
  for (const [file, text] of texts) {
    try {
      parse(text, file);
    } catch (error) {
      const detail = `the new text does not parse: ${(error as Error).message}`;
      broken.set(file, failureAt(file, detail, reason("gate-failed", detail)));
    }
  }
  if (broken.size > 0) return broken;
  const files = [...discovery.selected, ...discovery.related];
  const { root, texts: before, imports } = discovery;
  const after = new Map([...generatedTexts, ...created, ...texts]);
  const errors = newTypeErrors({ root, files, before, after, imports, ...read });
  const byFile = new Map<string, NewError[]>();
  for (const error of errors) byFile.set(error.file, [...(byFile.get(error.file) ?? []), error]);
  for (const [file, found] of byFile) {
    // An error in a file that did not change is the fault of what it imports.
    const culprits = texts.has(file)
      ? [file]
      : [...(discovery.imports.get(file) ?? [])].filter((each) => texts.has(each));
    const [first] = found as [NewError, ...NewError[]];
    const where = `${relative(file, root)}:${first.line}:${first.column}`;
    // The compiler's first line says what is wrong; the others say where it lies within two types.
    const [headline = "", ...explained] = first.message.split("\n");
    const more = found.length > 1 ? ` (and ${found.length - 1} more)` : "";
    const detail = `new error at ${where}: ${headline.replace(/\.$/, "")}${more}`;
    const whole = [detail, ...explained].join("\n");
    if (process.env.CONNECT_MIGRATE_DEBUG)
      for (const error of found) process.stderr.write(`${error.file}:${error.line}:${error.column} ${error.message}\n`);
    for (const culprit of culprits)
      if (!broken.has(culprit)) broken.set(culprit, failureAt(culprit, whole, reason("gate-failed", detail)));
  }
  return broken;
}
