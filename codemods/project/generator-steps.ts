import { readFileSync } from "node:fs";
import { globSync } from "tinyglobby";
import { commandsOf, generatorCommand } from "./generator-commands.js";

/** A place, not a script of a package.json, that runs an old generator or such a script. */
export interface GeneratorCall {
  /** Absolute. */
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  /** The program, or the script that is called. */
  readonly what: string;
  readonly outputs: readonly string[];
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

/** What of the shell scripts, make files, CI and container files below a folder runs old generators, or calls one of `scripts`. */
export function generatorCalls(root: string, scripts: readonly string[]): GeneratorCall[] {
  const found: GeneratorCall[] = [];
  const files = globSync(FILES, { cwd: root, absolute: true, ignore: IGNORED, dot: true, followSymbolicLinks: false });
  for (const file of files.sort()) {
    const text = readFileSync(file, "utf8");
    if (/\.[cm]?[jt]s$/.test(file) && !/child_process|execa|shelljs|\bzx\b/.test(text)) continue;
    let line = 1;
    // A command may go on behind a backslash.
    for (const statement of text.split(/(?<!\\)\r?\n/)) {
      const bare = statement.replace(/\\\r?\n/g, " ").replace(/(^|\s)(#|\/\/).*$/, "$1");
      for (const command of commandsIn(bare)) {
        const generator = generatorCommand(command);
        const called = scripts.find((name) => calls(name).test(command));
        if (generator) found.push({ file, line, what: generator.program, outputs: generator.outputs });
        else if (called !== undefined) found.push({ file, line, what: `npm run ${called}`, outputs: [] });
      }
      line += statement.split("\n").length;
    }
  }
  return found;
}

function commandsIn(line: string): readonly string[] {
  return commandsOf(line) ?? line.split(/&&|\|\||[;|]/);
}

/** A call of a script of package.json, anywhere in a text. */
export function calls(script: string): RegExp {
  const name = script.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
  return new RegExp(`\\b(?:run|run-script|yarn|pnpm)\\s+(?:-\\S+\\s+)*${name}(?![\\w:.-])`);
}
