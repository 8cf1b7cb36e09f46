import path from "node:path";
import { writeGenerated } from "../codemods/generate/index.js";
import { discover, projectRoot } from "../codemods/project/discover.js";
import { recoverProtos } from "../codemods/recover/recover.js";
import { RecoverError } from "../codemods/recover/schema.js";
import { assertPaths, type Terminal } from "./migrate.js";
import { createProgress } from "./progress.js";

export interface RecoverFlags {
  readonly out: string;
  readonly dryRun?: boolean;
}

/** The command `recover`. Returns the exit code. */
export async function recoverCommand(
  given: readonly string[],
  flags: RecoverFlags,
  { cwd, stdout, stderr }: Terminal,
): Promise<number> {
  const paths = given.length === 0 ? ["."] : given;
  assertPaths(paths, cwd);
  const absolute = paths.map((file) => path.resolve(cwd, file));
  const root = projectRoot(absolute, cwd);
  const progress = createProgress(stderr);
  progress.report("reading generated code");
  const inside = (file: string) => absolute.some((one) => file === one || file.startsWith(`${one}${path.sep}`));
  const { texts } = await discover({ root, paths: [root] });
  const name = (file: string) => path.relative(cwd, file).split(path.sep).join("/");
  try {
    const { files, failures, known } = await recoverProtos({
      root,
      out: path.resolve(cwd, flags.out),
      texts: new Map([...texts].filter(([file]) => inside(file))),
    }).finally(progress.done);
    const fresh = files.filter(({ status }) => status === "created");
    if (flags.dryRun !== true) writeGenerated({ files });
    for (const file of files) {
      stdout.write(`${file.status.padEnd(9)} ${name(file.path)}\n`);
      for (const loss of file.losses) stdout.write(`          ${loss}\n`);
    }
    for (const failure of failures) stderr.write(`not read: ${failure}\n`);
    if (files.length + failures.length === 0)
      stdout.write(
        known.length > 0
          ? `Nothing to recover: the .proto files of all generated code are there (${known.length} files).\n`
          : `Nothing to recover: no generated code was found in ${paths.join(", ")}.\n`,
      );
    else {
      const would = flags.dryRun === true ? "would be " : "";
      stdout.write(`${fresh.length} .proto files ${would}written, ${failures.length} generated files not read.\n`);
      if (fresh.length > 0) stdout.write("Read them, then run `connect-migrate generate`.\n");
    }
    return failures.length > 0 ? 3 : flags.dryRun === true && fresh.length > 0 ? 2 : 0;
  } catch (error) {
    if (!(error instanceof RecoverError)) throw error;
    stderr.write(`${error.message.replaceAll(`${cwd}${path.sep}`, "")}\nNothing was written.\n`);
    return 1;
  }
}
