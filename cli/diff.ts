import path from "node:path";
import { createTwoFilesPatch } from "diff";
import type { MigrationResult } from "../codemods/index.js";
import type { Paint } from "./paint.js";

/** A unified diff of everything that a run would change, paths relative to `cwd`. */
export function unifiedDiff(result: MigrationResult, cwd: string, paint: Paint): string {
  const parts: string[] = [];
  for (const file of result.files)
    if (file.status === "changed") parts.push(patch(file.path, file.before, file.after ?? "", cwd));
  for (const file of result.extraFiles) {
    // Generated code and packed files are named, not shown.
    if (file.why !== "package.json" && file.why !== "context keys") continue;
    parts.push(patch(file.path, file.before, String(file.content), cwd));
  }
  return parts.map((part) => coloured(part, paint)).join("");
}

function patch(file: string, before: string | null, after: string, cwd: string): string {
  const name = path.relative(cwd, file).split(path.sep).join("/");
  const from = before === null ? "/dev/null" : `a/${name}`;
  const text = createTwoFilesPatch(from, `b/${name}`, before ?? "", after, undefined, undefined, { context: 3 });
  return text.replace(/^=+\r?\n/, "");
}

function coloured(text: string, paint: Paint): string {
  if (!paint.isColorSupported) return text;
  return text
    .split("\n")
    .map((line) => {
      if (/^(\+\+\+|---) /.test(line)) return paint.bold(line);
      if (line.startsWith("@@")) return paint.cyan(line);
      if (line.startsWith("+")) return paint.green(line);
      return line.startsWith("-") ? paint.red(line) : line;
    })
    .join("\n");
}
