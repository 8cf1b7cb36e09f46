import type { Command, Option } from "commander";

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

interface CommandWords {
  readonly name: string;
  readonly text: string;
  readonly options: readonly OptionWords[];
  /** Words that may stand for the argument; null: files. */
  readonly words: readonly string[] | null;
}

interface OptionWords {
  readonly names: readonly string[];
  readonly text: string;
  /** What its value may be; null: a file; undefined: it has none. */
  readonly values: readonly string[] | null | undefined;
}

/** A script for a shell that completes commands, flags and their values, made from the program's own definition. */
export function completionScript(shell: Shell, program: Command): string {
  const commands = program.commands.map(
    (command): CommandWords => ({
      name: command.name(),
      text: firstLine(command.description()),
      options: command.createHelp().visibleOptions(command).map(optionWords),
      words: command.registeredArguments[0]?.argChoices ?? null,
    }),
  );
  const name = program.name();
  if (shell === "bash") return bash(name, commands);
  return shell === "zsh" ? zsh(name, commands) : fish(name, commands);
}

function optionWords(option: Option): OptionWords {
  const names = [option.short, option.long].filter((each) => each !== undefined);
  const values = option.required || option.optional ? (option.argChoices ?? null) : undefined;
  return { names, text: firstLine(option.description), values };
}

function firstLine(text: string): string {
  return text.split("\n")[0]?.replace(/['"`\\$[\]:]/g, "") ?? "";
}

const functionName = (name: string) => `_${name.replaceAll("-", "_")}`;

function bash(name: string, commands: readonly CommandWords[]): string {
  const own = functionName(name);
  const lines = [
    `# bash completion of ${name}. Add to ~/.bashrc:  source <(npx ${name} completion bash)`,
    `${own}() {`,
    `  local word=$2 before=$3 command=\${COMP_WORDS[1]} words=""`,
    "  COMPREPLY=()",
    '  if [ "$COMP_CWORD" -eq 1 ]; then',
    `    COMPREPLY=($(compgen -W '${commands.map((each) => each.name).join(" ")} --help --version' -- "$word")); return`,
    "  fi",
    '  case "$command $before" in',
  ];
  for (const { name: command, options } of commands)
    for (const { names, values } of options)
      if (values)
        lines.push(
          `    ${names.map((each) => `"${command} ${each}"`).join("|")}) COMPREPLY=($(compgen -W '${values.join(" ")}' -- "$word")); return ;;`,
        );
  lines.push("  esac", '  case "$command" in');
  for (const { name: command, options, words } of commands)
    lines.push(
      `    ${command}) words='${[...options.flatMap((each) => each.names.filter((one) => one.startsWith("--"))), ...(words ?? [])].join(" ")}' ;;`,
    );
  lines.push(
    "  esac",
    '  COMPREPLY=($(compgen -W "$words" -- "$word"))',
    "}",
    // Files where no word of ours fits.
    `complete -o default -F ${own} ${name}`,
  );
  return `${lines.join("\n")}\n`;
}

function zsh(name: string, commands: readonly CommandWords[]): string {
  const own = functionName(name);
  const spec = ({ names, text, values }: OptionWords) => {
    const value = values === undefined ? "" : values === null ? ":file:_files" : `:value:(${values.join(" ")})`;
    return names.map((each) => `'${each}[${text}]${value}'`).join(" ");
  };
  const lines = [
    `#compdef ${name}`,
    `# zsh completion of ${name}. Add to ~/.zshrc, after compinit:  source <(npx ${name} completion zsh)`,
    `${own}() {`,
    "  local -a commands",
    `  commands=(${commands.map((each) => `'${each.name}:${each.text}'`).join(" ")})`,
    "  if (( CURRENT == 2 )); then _describe command commands; return; fi",
    "  local command=$words[2]",
    "  shift words; (( CURRENT-- ))",
    "  case $command in",
  ];
  for (const { name: command, options, words } of commands) {
    const argument = words ? `'1:value:(${words.join(" ")})'` : "'*:file:_files'";
    lines.push(`    ${command}) _arguments ${options.map(spec).join(" ")} ${argument} ;;`);
  }
  lines.push("  esac", "}", `compdef ${own} ${name}`);
  return `${lines.join("\n")}\n`;
}

function fish(name: string, commands: readonly CommandWords[]): string {
  const lines = [
    `# fish completion of ${name}. Once:  npx ${name} completion fish > ~/.config/fish/completions/${name}.fish`,
    `complete -c ${name} -n __fish_use_subcommand -f`,
  ];
  for (const { name: command, text, options, words } of commands) {
    lines.push(`complete -c ${name} -n __fish_use_subcommand -a ${command} -d '${text}'`);
    const inside = `complete -c ${name} -n '__fish_seen_subcommand_from ${command}'`;
    if (words) lines.push(`${inside} -f -a '${words.join(" ")}'`);
    for (const { names, text: what, values } of options) {
      const flags = names.map((each) => (each.startsWith("--") ? `-l ${each.slice(2)}` : `-s ${each.slice(1)}`));
      const value = values === undefined ? "" : values === null ? " -r -F" : ` -x -a '${values.join(" ")}'`;
      lines.push(`${inside} ${flags.join(" ")}${value} -d '${what}'`);
    }
  }
  return `${lines.join("\n")}\n`;
}
