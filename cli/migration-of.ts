import { cachedMigration } from "../codemods/cached-migration.js";
import type { MigrationOptions, MigrationResult, Side } from "../codemods/index.js";
import type { Terminal } from "./migrate.js";
import type { Modes } from "./modes.js";
import { createProgress } from "./progress.js";

export interface MigrationFlags extends Modes {
  readonly cache: boolean;
  /** Absolute paths of files that stay as they are: the configuration's. */
  readonly exclude: readonly string[];
}

/** What a run on one side of these paths makes, in memory. Says on the way how far it is. */
export function migrationOf(
  side: Side,
  paths: readonly string[],
  { target, messages, runtime, exclude, cache }: MigrationFlags,
  { cwd, stderr }: Pick<Terminal, "cwd" | "stderr">,
  { review, ...more }: Pick<MigrationOptions, "root" | "isDraft" | "review"> = {},
): Promise<MigrationResult> {
  const progress = createProgress(stderr);
  const options: MigrationOptions = {
    ...{ cwd, paths, side, target, messages, runtime, exclude, onProgress: progress.report, ...more },
    // Questions take the place of the progress.
    review:
      review &&
      ((changes) => {
        progress.done();
        return review(changes);
      }),
  };
  return cachedMigration(options, { cache }).finally(progress.done);
}
