import path from "node:path";
import { codeHomes, type GenerateResult, generate, inEachHome, writeGenerated } from "../codemods/generate/index.js";
import { discover, projectRoot } from "../codemods/project/discover.js";
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
  const results = await generateAll(root, out).finally(progress.done);
  const name = (file: string) => path.relative(cwd, file).split(path.sep).join("/") || ".";
  const files = results.flatMap((result) => result.files);
  const changed = files.filter((file) => file.status !== "unchanged");
  const failure = results.find((result) => result.status === "failed")?.failure;
  const protos = new Map(results.flatMap(({ discovery }) => discovery.files.map((file) => [file.path, file])));
  const notes = [...new Set(results.flatMap((result) => result.notes))];

  if (flags.json !== undefined)
    writeJson(path.resolve(cwd, flags.json), {
      schemaVersion: 1,
      status: failure ? "failed" : protos.size === 0 ? "no-protos" : "generated",
      files: files.map(({ path: file, status }) => ({ path: name(file), status })),
      protos: [...protos.keys()].map(name),
      failure: failure ?? null,
      notes,
    });
  for (const note of notes) stdout.write(`note: ${note}\n`);
  if (failure) {
    stderr.write(`${failure.text.trimEnd()}\nNothing was written.\n`);
    return 1;
  }
  if (flags.dryRun !== true) for (const result of results) writeGenerated(result);
  if (protos.size === 0) {
    stdout.write(`Nothing to generate: no .proto file was found in ${name(root)}.\n`);
    return 0;
  }
  for (const file of files) stdout.write(`${file.status.padEnd(9)} ${name(file.path)}\n`);
  const would = flags.dryRun === true ? "would be " : "";
  stdout.write(
    `${[...protos.values()].filter((file) => !file.dependency).length} .proto files, ${changed.length} files ${would}written, ${files.length - changed.length} up to date.\n`,
  );
  return flags.dryRun === true && changed.length > 0 ? 2 : 0;
}

/** Each folder that has generated code of its own; with a place that is asked for, all of the project goes there. */
async function generateAll(root: string, out: string | undefined): Promise<GenerateResult[]> {
  if (out !== undefined) return [await generate({ root, out, write: false })];
  const { selected, related, generated, imports, texts } = await discover({ root, paths: [root] });
  const sources = [...texts].map(([file, text]) => ({ path: file, text }));
  const homes = codeHomes({ root, files: [...selected, ...related, ...generated], imports, sources });
  return inEachHome(homes, ({ folder, without }) =>
    generate({ root: folder, project: root, without, write: false, sources }),
  );
}
