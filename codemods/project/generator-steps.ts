import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { globSync } from "tinyglobby";
import { ancestors } from "../generate/find-import.js";
import { escaped } from "../shared/reg-exp.js";
import { commandsIn, type GeneratorCommand, generatorCommand, wordsOf } from "./generator-commands.js";
import { ignoredByGit } from "./git.js";
import { scriptsOf } from "./package-json.js";
import { relative } from "./project-root.js";

/** A command that stands anywhere but in a package.json. */
export interface Step {
  /** Absolute. */
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  readonly command: string;
  /** The rule of a make file or a justfile that it stands in. */
  readonly rule: string | null;
  /** Null where it is none of an old generator. */
  readonly generator: GeneratorCommand | null;
}

const FILES = [
  "**/*.sh",
  "**/{Makefile,makefile,GNUmakefile,justfile,Justfile,Jenkinsfile}",
  "**/*.mk",
  "**/Taskfile.{yml,yaml}",
  "**/{Dockerfile,*.Dockerfile,*.dockerfile,Dockerfile.*}",
  "**/docker-compose*.{yml,yaml}",
  ".github/{workflows,actions}/**/*.{yml,yaml}",
  "{.gitlab-ci,bitbucket-pipelines,azure-pipelines*,.travis}.{yml,yaml}",
  ".circleci/*.{yml,yaml}",
  // Programs that start protoc.
  "**/{scripts,tools,bin,build}/**/*.{js,cjs,mjs,ts}",
];
const MAKE = /(^|[\\/])(GNUm|M|m|J|j)(ake|ust)file$|\.mk$/;
const IGNORED = ["**/node_modules/**", "**/.git/**", "**/dist/**", "**/vendor/**"];

/** What the shell scripts, make files, CI and container files below a folder run, and the lines of its programs that start others. */
export function stepsBelow(root: string): Step[] {
  const found: Step[] = [];
  const files = globSync(FILES, { cwd: root, absolute: true, ignore: IGNORED, dot: true, followSymbolicLinks: false });
  const ignored = ignoredByGit(root, files);
  for (const file of files.sort()) {
    if (ignored.has(file)) continue;
    const text = readFileSync(file, "utf8");
    if (/\.[cm]?[jt]s$/.test(file) && !/child_process|execa|shelljs|\bzx\b/.test(text)) continue;
    const isMake = MAKE.test(file);
    let line = 1;
    let rule: string | null = null;
    // A command may go on behind a backslash.
    for (const statement of text.split(/(?<!\\)\r?\n/)) {
      const bare = statement.replace(/\\\r?\n/g, " ").replace(/(^|\s)(#|\/\/).*$/, "$1");
      if (isMake) rule = /^([\w.-]+)[^:=]*:(?![:=])/.exec(bare)?.[1] ?? rule;
      for (const part of commandsIn(bare)) {
        // A recipe is silent behind @, and goes on behind -.
        const command = isMake ? part.replace(/^\s+[@+-]+/, "") : part;
        found.push({ file, line, command, rule, generator: generatorCommand(command) });
      }
      line += statement.split("\n").length;
    }
  }
  return found;
}

/** Who runs the file, or the rule, that a step stands in: scripts of the packages that it lies in, and other steps. */
export function callersOf(
  step: Step,
  { root, from }: { readonly root: string; readonly from: string },
  steps: readonly Step[],
): string[] {
  const rule = step.rule === null ? null : new RegExp(`\\b(make|just)\\b.*\\s${escaped(step.rule)}(\\s|$)`);
  const isCall = (command: string, folders: readonly string[]) =>
    MAKE.test(step.file)
      ? (rule?.test(command) ?? false)
      : wordsOf(command).some((word) => folders.some((folder) => path.resolve(folder, word) === step.file));
  const scripts = manifestsAbove(step, root).flatMap((manifest) =>
    scriptsOf(readFileSync(manifest, "utf8"))
      .filter(([, script]) => commandsIn(script).some((one) => isCall(one, [path.dirname(manifest)])))
      .map(([name]) => `the script ${name} of ${relative(manifest, from)}`),
  );
  const others = steps
    .filter((other) => other.file !== step.file && isCall(other.command, foldersOf(other, root)))
    .map((other) => `${relative(other.file, from)}:${other.line}`);
  return [...new Set([...scripts, ...others])];
}

/** The folders that a step may run in: its own, and those of the packages that it lies in. */
export function foldersOf(step: Step, root: string): string[] {
  return [...new Set([path.dirname(step.file), ...manifestsAbove(step, root).map((one) => path.dirname(one)), root])];
}

function manifestsAbove({ file }: Step, root: string): string[] {
  return ancestors(path.dirname(file), root)
    .map((folder) => path.join(folder, "package.json"))
    .filter((manifest) => existsSync(manifest));
}
