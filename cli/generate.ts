import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { ancestors } from "../codemods/generate/find-import.js";
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
    stdout.write(`Nothing to generate: no .proto file was found in ${path.basename(root)}.\n`);
    return 0;
  }
  for (const file of files) stdout.write(`${file.status.padEnd(9)} ${name(file.path)}\n`);
  const own = [...protos.values()].filter((file) => !file.dependency).length;
  const would = flags.dryRun === true ? "would be " : "";
  stdout.write(
    `${count(own, ".proto file")}, ${count(changed.length, "file")} ${would}written, ${files.length - changed.length} up to date.\n`,
  );
  for (const result of results) {
    const missing = result.plan?.isForBuf ? missingPackages(result.plan.root) : [];
    if (missing.length > 0 && flags.dryRun !== true)
      stdout.write(`\`npx buf generate\` makes the same again, with npm install --save-dev ${missing.join(" ")}.\n`);
  }
  return flags.dryRun === true && changed.length > 0 ? 2 : 0;
}

/** What `buf generate` runs and no package.json of a folder or above it names. */
function missingPackages(folder: string): string[] {
  const manifests = ancestors(folder)
    .map((each) => path.join(each, "package.json"))
    .filter((file) => existsSync(file))
    .map((file) => readFileSync(file, "utf8"));
  return ["@bufbuild/buf", "@bufbuild/protoc-gen-es"].filter(
    (name) => manifests.length > 0 && !manifests.some((text) => text.includes(`"${name}"`)),
  );
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
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
