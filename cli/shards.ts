import { diffLines } from "diff";
import type { MigrationResult } from "../codemods/index.js";
import { manifestOf } from "../codemods/project/package-json.js";
import { batchesOf } from "./batches.js";
import { UsageError } from "./usage-error.js";

/** One of `of` parts of a run; counted from 1. */
export interface Shard {
  readonly index: number;
  readonly of: number;
}

/** `2/3`, as in `--shard 2/3`. */
export function shardFrom(text: string): Shard {
  const [, index, of] = (/^(\d+)\/(\d+)$/.exec(text) ?? []).map(Number);
  if (!index || !of || index > of)
    throw new UsageError(`--shard ${text}: the number of a part and how many there are is expected, like 2/3.`);
  return { index, of };
}

/**
 * The files of one part. What changes together stays together, and so does a package: its package.json is written once. Every
 * candidate is in exactly one part; parts are of about the same size.
 */
export function filesOfShard(side: "services" | "clients", draft: MigrationResult, { index, of }: Shard): string[] {
  const groups = new Map(draft.files.map((file) => [file.path, new Set([file.path])]));
  const join = (first: string, second: string) => {
    const [one, other] = [groups.get(first), groups.get(second)];
    if (!one || !other || one === other) return;
    for (const file of other) {
      one.add(file);
      groups.set(file, one);
    }
  };
  const byManifest = new Map<string, string>();
  for (const { path: file } of draft.files) {
    const manifest = manifestOf(file, draft.root) ?? "";
    join(byManifest.get(manifest) ?? file, file);
    byManifest.set(manifest, file);
  }
  for (const { files } of batchesOf([{ side, result: draft }]))
    for (const file of files) join(files[0] as string, file);
  const weightOf = new Map(
    draft.files.map((file) => [
      file.path,
      1 + diffLines(file.before ?? "", file.after ?? "").filter((part) => part.added || part.removed).length,
    ]),
  );
  const weight = (group: ReadonlySet<string>) => [...group].reduce((sum, file) => sum + (weightOf.get(file) ?? 1), 0);
  const parts = Array.from({ length: of }, () => ({ weight: 0, files: [] as string[] }));
  const sorted = [...new Set(groups.values())]
    .map((group) => ({ files: [...group].sort(), weight: weight(group) }))
    .sort((a, b) => b.weight - a.weight || ((a.files[0] ?? "") < (b.files[0] ?? "") ? -1 : 1));
  for (const group of sorted) {
    const lightest = parts.reduce((a, b) => (b.weight < a.weight ? b : a));
    lightest.weight += group.weight;
    lightest.files.push(...group.files);
  }
  return (parts[index - 1]?.files ?? []).sort();
}
