import path from "node:path";
import { escaped } from "../shared/reg-exp.js";

/** A shell command that makes code of an old generator. */
export interface GeneratorCommand {
  /** The program: `protoc`, `pbjs`. */
  readonly program: string;
  /** The folders and files that it writes, as they are written; empty where variables hide them. */
  readonly outputs: readonly string[];
  /** It also writes what is not code of JavaScript or TypeScript. */
  readonly isMixed: boolean;
}

const OLD_OUTPUTS = /^(js|ts|ts_proto|dts|grpc-web|grpc_js)$/;
/** Names of the plugin of grpc-tools and of its ancestor: what `--grpc_out` writes is JavaScript then. */
const NODE_PLUGIN = /grpc_tools_node_protoc|grpc_node_plugin|protoc-gen-grpc-js/;
/** A variable that names protoc: `$(PROTOC)`. */
const NAMED_PROTOC = /^\$[({]?\w*PROTOC[)}]?$/i;
const PROGRAMS = /^(grpc_tools_node_protoc|protoc|pbjs|pbts|proto-loader-gen-types)(\.cmd|\.exe)?$/;

/** The words of a command, without their quotes. */
export function wordsOf(command: string): string[] {
  return (command.match(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g) ?? []).map((word) => word.replace(/["']/g, ""));
}

/** What one command, without `&&`, generates for the old world; null where it is another one. */
export function generatorCommand(command: string): GeneratorCommand | null {
  const words = wordsOf(command).map((word) => (NAMED_PROTOC.test(word) ? "protoc" : word));
  const at = words.findIndex((word) => PROGRAMS.test(path.posix.basename(word)));
  const program = path.posix.basename(words[at] ?? "").replace(/\.\w+$/, "");
  if (at < 0) return null;
  const rest = words.slice(at + 1);
  if (program === "protoc" || program === "grpc_tools_node_protoc") return protocCommand(program, rest, command);
  const flag = program === "proto-loader-gen-types" ? /^(?:-O|--outDir)(?:=(.*))?$/ : /^(?:-o|--out)(?:=(.*))?$/;
  const outputs = rest.flatMap((word, index) => {
    const found = flag.exec(word);
    return found ? [found[1] ?? rest[index + 1] ?? ""] : [];
  });
  return { program, outputs: plain(outputs), isMixed: false };
}

function protocCommand(program: string, words: readonly string[], command: string): GeneratorCommand | null {
  const outputs: string[] = [];
  let isMixed = false;
  for (const [index, word] of words.entries()) {
    const [, kind, value] = /^--([\w-]+)_out(?:=(.*))?$/.exec(word) ?? [];
    if (kind === undefined) continue;
    const isOld = OLD_OUTPUTS.test(kind) || (kind === "grpc" && NODE_PLUGIN.test(command));
    if (isOld) outputs.push((value ?? words[index + 1] ?? "").replace(/^.*:/, ""));
    else isMixed = true;
  }
  if (outputs.length === 0 && (program === "protoc" || isMixed)) return null;
  return { program, outputs: plain(outputs), isMixed };
}

function plain(outputs: readonly string[]): string[] {
  return outputs.every((output) => /^[^$`%]+$/.test(output)) ? [...new Set(outputs)] : [];
}

/** The commands of a script that `&&` joins; null where it does more than one after the other. */
export function commandsOf(script: string): string[] | null {
  const bare = script.replace(/"[^"]*"|'[^']*'/g, (text) => "_".repeat(text.length));
  if (/\|\||[;|<>`#]|\$\(|(?<!&)&(?!&)/.test(bare)) return null;
  const parts: string[] = [];
  let from = 0;
  for (const match of bare.matchAll(/&&/g)) {
    parts.push(script.slice(from, match.index).trim());
    from = match.index + 2;
  }
  return [...parts, script.slice(from).trim()];
}

/** The commands of a script or a line, as far as they can be told apart. */
export function commandsIn(text: string): readonly string[] {
  return commandsOf(text) ?? text.split(/&&|\|\||[;|&]/);
}

/** Whether a command only makes room for the outputs of a generator: `mkdir -p gen`, `rimraf gen`. */
function isPreparation(command: string, outputs: readonly string[]): boolean {
  const [, targets] =
    /^(?:npx\s+|shx\s+)*(?:mkdir(?:\s+-p)?|mkdirp|rm\s+-\w+|rimraf|del-cli)\s+(.+)$/.exec(command) ?? [];
  const names = targets?.split(/\s+/).map(normal) ?? [];
  const known = outputs.map(normal);
  return names.length > 0 && names.every((name) => known.some((one) => name === one || name.startsWith(`${one}/`)));
}

function normal(name: string): string {
  return path.posix.normalize(name.replace(/["']/g, "")).replace(/\/+$/, "");
}

/**
 * A script without its old generators: "" where nothing else is left of it, null where it does more with them than this can
 * tell. `isGone` says which scripts of the same package.json are gone: their calls go, too.
 */
export function withoutGenerators(script: string, isGone: (name: string) => boolean): string | null {
  const commands = commandsOf(script);
  if (commands === null) return null;
  const generators = commands.map(generatorCommand);
  if (generators.some((one) => one?.isMixed === true)) return null;
  const outputs = generators.flatMap((one) => one?.outputs ?? []);
  const left = commands.filter((command, index) => {
    const called = calledScript(command);
    return !generators[index] && !isPreparation(command, outputs) && !(called !== null && isGone(called));
  });
  if (left.length === commands.length) return script;
  // What stays may use what they made, or stand in the folder that it was made from.
  if (left.every((command) => /^cd\s/.test(command))) return "";
  const names = outputs.map(normal).filter((name) => name !== ".");
  const isNamed = (command: string) =>
    names.some((name) => new RegExp(`(?<![\\w-])${escaped(name)}(?![\\w-])`).test(command));
  if (left.some((command) => /^cd\s/.test(command) || isNamed(command))) return null;
  return left.join(" && ");
}

/** The script that a command calls and does nothing else: `npm run proto:gen`; null for any other command. */
export function calledScript(command: string): string | null {
  return (
    /^(?:npm run(?:-script)?|yarn(?: run)?|pnpm(?: run)?|bun run)\s+(?:-s\s+|--silent\s+)?([\w:.-]+)$/.exec(
      command,
    )?.[1] ?? null
  );
}

/** A call of a script of package.json, anywhere in a text. */
export function calls(script: string): RegExp {
  return new RegExp(`\\b(?:run|run-script|yarn|pnpm)\\s+(?:-\\S+\\s+)*${escaped(script)}(?![\\w:.-])`);
}
