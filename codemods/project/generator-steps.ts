import { readFileSync } from "node:fs";
import { globSync } from "tinyglobby";
import { commandsIn, type GeneratorCommand, generatorCommand } from "./generator-commands.js";

/** A command that stands anywhere but in a package.json. */
export interface Step {
  /** Absolute. */
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  readonly command: string;
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
const IGNORED = ["**/node_modules/**", "**/.git/**", "**/dist/**", "**/vendor/**"];

/** What the shell scripts, make files, CI and container files below a folder run, and the lines of its programs that start others. */
export function stepsBelow(root: string): Step[] {
  const found: Step[] = [];
  const files = globSync(FILES, { cwd: root, absolute: true, ignore: IGNORED, dot: true, followSymbolicLinks: false });
  for (const file of files.sort()) {
    const text = readFileSync(file, "utf8");
    if (/\.[cm]?[jt]s$/.test(file) && !/child_process|execa|shelljs|\bzx\b/.test(text)) continue;
    let line = 1;
    // A command may go on behind a backslash.
    for (const statement of text.split(/(?<!\\)\r?\n/)) {
      const bare = statement.replace(/\\\r?\n/g, " ").replace(/(^|\s)(#|\/\/).*$/, "$1");
      for (const command of commandsIn(bare)) found.push({ file, line, command, generator: generatorCommand(command) });
      line += statement.split("\n").length;
    }
  }
  return found;
}
