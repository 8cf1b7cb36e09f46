import path from "node:path";
import { generate } from "../codemods/generate/index.js";
import { projectRoot } from "../codemods/project/project-root.js";
import { assertPaths, type Terminal, writeJson } from "./migrate.js";
import { createProgress } from "./progress.js";

export interface GenerateFlags {
  readonly dryRun?: boolean;
  readonly json?: string;
  readonly out?: string;
}

/** The command `generate`. Returns the exit code. */
export async function generateCommand(
  given: readonly string[],
  flags: GenerateFlags,
  terminal: Terminal,
): Promise<number> {
  const { cwd, stdout, stderr } = terminal;
  const paths = given.length === 0 ? ["."] : given;
  assertPaths(paths, cwd);
  const root = projectRoot(
    paths.map((file) => path.resolve(cwd, file)),
    cwd,
  );
  const progress = createProgress(stderr);
  progress.report("compiling .proto files");
  const out = flags.out === undefined ? undefined : path.resolve(cwd, flags.out);
  const result = await generate({ root, out, write: flags.dryRun !== true }).finally(progress.done);
  const name = (file: string) => path.relative(cwd, file).split(path.sep).join("/") || ".";
  const changed = result.files.filter((file) => file.status !== "unchanged");

  if (flags.json !== undefined)
    writeJson(path.resolve(cwd, flags.json), {
      schemaVersion: 1,
      status: result.status,
      files: result.files.map(({ path: file, status }) => ({ path: name(file), status })),
      protos: result.discovery.files.map((file) => name(file.path)),
      failure: result.failure,
      notes: result.notes,
    });
  for (const note of result.notes) stdout.write(`note: ${note}\n`);
  if (result.status === "failed") {
    stderr.write(`${result.failure?.text.trimEnd() ?? "buf failed"}\nNothing was written.\n`);
    return 1;
  }
  if (result.status === "no-protos") {
    stdout.write(`Nothing to generate: no .proto file was found in ${name(root)}.\n`);
    return 0;
  }
  for (const file of result.files) stdout.write(`${file.status.padEnd(9)} ${name(file.path)}\n`);
  const would = flags.dryRun === true ? "would be " : "";
  stdout.write(
    `${result.discovery.files.filter((file) => !file.dependency).length} .proto files, ${changed.length} files ${would}written, ${result.files.length - changed.length} up to date.\n`,
  );
  return flags.dryRun === true && changed.length > 0 ? 2 : 0;
}
