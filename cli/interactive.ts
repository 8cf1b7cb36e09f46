import { createInterface } from "node:readline";
import { isCancel, select } from "@clack/prompts";
import { applyPatch, type StructuredPatch, type StructuredPatchHunk, structuredPatch } from "diff";
import type { Change, Choice } from "../codemods/index.js";
import type { Paint } from "./paint.js";
import { nameIn } from "./reports/report-files.js";
import { UsageError } from "./usage-error.js";

/** As in `git add --patch`: this hunk, the rest of its file, everything else. */
const ANSWERS = {
  y: "take this hunk",
  n: "leave this hunk out",
  a: "take this hunk and the rest of the file",
  d: "leave out this hunk and the rest of the file",
  A: "take everything else",
  q: "leave out everything else",
} as const;
type Answer = keyof typeof ANSWERS;

interface Asker {
  ask(question: string): Promise<Answer>;
  close(): void;
}

export interface InteractiveOptions {
  readonly cwd: string;
  readonly paint: Paint;
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
}

/** Shows the changes hunk by hunk and asks which of them are wanted. Throws {@link UsageError} when the person gives up. */
export async function reviewChanges(changes: readonly Change[], options: InteractiveOptions): Promise<Choice[]> {
  const asker = options.stdin.isTTY ? atTerminal() : fromLines(options);
  let rest: Answer | undefined;
  const choices: Choice[] = [];
  try {
    for (const change of changes) {
      const name = nameIn(options.cwd, change.path);
      const patch = structuredPatch(name, name, change.before, change.after, undefined, undefined, { context: 3 });
      const taken = new Set<StructuredPatchHunk>();
      let restOfFile = rest;
      for (const [index, hunk] of patch.hunks.entries()) {
        if (restOfFile === undefined) {
          options.stdout.write(hunkText(name, hunk, options.paint));
          const answer = await asker.ask(`${name}: hunk ${index + 1} of ${patch.hunks.length}`);
          if (answer === "y") taken.add(hunk);
          if (answer === "a" || answer === "d") restOfFile = answer;
          if (answer === "A" || answer === "q") rest = restOfFile = answer;
        }
        if (restOfFile === "a" || restOfFile === "A") taken.add(hunk);
      }
      choices.push(choiceOf(change, patch, taken));
    }
  } finally {
    asker.close();
  }
  return choices;
}

/** The text that some hunks of a patch make. */
export function choiceOf(change: Change, patch: StructuredPatch, taken: ReadonlySet<StructuredPatchHunk>): Choice {
  const left = patch.hunks.filter((hunk) => !taken.has(hunk));
  const hunks = patch.hunks.filter((hunk) => taken.has(hunk));
  const text =
    left.length === 0
      ? change.after
      : hunks.length === 0
        ? change.before
        : applyPatch(change.before, { ...patch, hunks }, { autoConvertLineEndings: false });
  if (text === false) throw new Error(`the hunks of ${change.path} do not fit its text`);
  return {
    path: change.path,
    text,
    left: left.map(({ oldStart, oldLines }) => [oldStart, oldStart + Math.max(oldLines, 1) - 1] as const),
  };
}

function hunkText(name: string, hunk: StructuredPatchHunk, paint: Paint): string {
  const lines = hunk.lines.map((line) =>
    line.startsWith("+") ? paint.green(line) : line.startsWith("-") ? paint.red(line) : line,
  );
  const place = `@@ -${hunk.oldStart},${hunk.oldLines} +${hunk.newStart},${hunk.newLines} @@ ${name}`;
  return `\n${[paint.cyan(place), ...lines].join("\n")}\n`;
}

function atTerminal(): Asker {
  return {
    async ask(question) {
      const answer = await select<Answer>({
        message: question,
        options: Object.entries(ANSWERS).map(([value, label]) => ({ value: value as Answer, label })),
      });
      if (isCancel(answer)) throw new UsageError("Given up: nothing was written.");
      return answer;
    },
    close() {},
  };
}

/** A pipe answers with one letter a line, for scripts. */
function fromLines({ stdin, stdout }: InteractiveOptions): Asker {
  const reader = createInterface({ input: stdin, crlfDelay: Number.POSITIVE_INFINITY });
  const lines = reader[Symbol.asyncIterator]();
  return {
    async ask(question) {
      const { value, done } = await lines.next();
      const answer = done ? "" : String(value).trim();
      stdout.write(`${question} [${Object.keys(ANSWERS).join(",")}] ${answer}\n`);
      if (answer in ANSWERS) return answer as Answer;
      throw new UsageError(
        done
          ? "--interactive: the answers ended before the hunks did. Nothing was written."
          : `--interactive: ${JSON.stringify(answer)} is no answer. There is ${Object.entries(ANSWERS)
              .map(([letter, meaning]) => `${letter} (${meaning})`)
              .join(", ")}. Nothing was written.`,
      );
    },
    close: () => reader.close(),
  };
}
