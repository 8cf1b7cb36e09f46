#!/usr/bin/env node
import { readFileSync } from "node:fs";
import path from "node:path";
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from "commander";
import type { Side } from "../codemods/index.js";
import { toolRoot } from "../codemods/project/tool.js";
import { WriteError } from "../codemods/project/write-error.js";
import type { CheckFlags } from "./check.js";
import { completionScript, SHELLS, type Shell } from "./completion.js";
import { excludedFiles, findConfig } from "./config.js";
import { EXIT_CODES } from "./exit-code.js";
import type { FinishFlags } from "./finish.js";
import type { MigrateFlags, Terminal } from "./migrate.js";
import { MODES } from "./modes.js";
import type { PlanFlags } from "./plan.js";
import type { ReportFlags } from "./reports/write-reports.js";
import type { StatusFlags } from "./status.js";
import { UsageError } from "./usage-error.js";
import type { VerifyFlags } from "./verify.js";

const { version } = JSON.parse(readFileSync(path.join(toolRoot(), "package.json"), "utf8")) as { version: string };
const terminal: Terminal = { version, cwd: process.cwd(), stdout: process.stdout, stderr: process.stderr };

const fileName = (value: string): string => {
  if (value.startsWith("-")) throw new InvalidArgumentError("a file name is expected.");
  return value;
};

const program = new Command("connect-migrate")
  .description(
    "Moves Node code from @grpc/grpc-js to Connect, one file per pull request, without breaking a client on the way.",
  )
  .version(version)
  .showHelpAfterError("(connect-migrate --help shows what there is)")
  .exitOverride()
  .addHelpText("after", EXIT_CODES);

const choices = (flag: string, text: string, values: readonly string[]) =>
  new Option(flag, text).choices(values).default(values[0]);
const withTargets = (command: Command) =>
  command
    .addOption(choices("--target <target>", "what migrated code imports", MODES.target))
    .addOption(choices("--messages <mode>", "the shape of messages", MODES.messages))
    .addOption(
      choices("--runtime <from>", "where the runtime comes from: a packed copy in vendor/, or npm", MODES.runtime),
    );
const withModes = (command: Command) =>
  withTargets(command)
    .option("--json <file>", "write a report (schema version 1) to a file", fileName)
    .option("--verbose", "name every file that was looked at")
    .option("--no-cache", "analyse anew what an earlier run already knows")
    .addHelpText("after", EXIT_CODES);
const withReports = (command: Command) =>
  command
    .option("--patch <file>", "write the changes as a patch that `git apply` takes", fileName)
    .option("--markdown <file>", "write a report for a comment on a pull request", fileName)
    .option("--html <file>", "write a report with side-by-side diffs as one page", fileName)
    .option("--sarif <file>", "write SARIF 2.1.0, for code scanning", fileName)
    .option("--github", "print findings as annotations of GitHub Actions");

/** Flags, and for those that were not given what the project's configuration says. */
function configured<T>(command: Command): T {
  const found = findConfig(terminal.cwd);
  const { target, messages, runtime, cache, baseline } = found.config;
  const own = {
    target,
    messages,
    runtime,
    cache,
    baseline: baseline && found.file ? path.join(path.dirname(found.file), baseline) : undefined,
  };
  for (const [name, value] of Object.entries(own))
    if (value !== undefined && command.getOptionValueSource(name) === "default")
      command.setOptionValueWithSource(name, value, "config");
  const given = Object.keys(MODES).flatMap((name) =>
    command.getOptionValueSource(name) === "cli" ? [`--${name}`, String(command.getOptionValue(name))] : [],
  );
  return { ...command.opts(), exclude: excludedFiles(found), given } as T;
}

let exitCode = 0;

// `connect-migrate … | head`: whoever reads has read enough.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(exitCode);
});

withModes(
  program
    .command("scan")
    .description("list what is there: what would be migrated, what is not automatic and why; writes nothing")
    .argument("[paths...]", "files and folders (default: this folder)"),
).action(async (paths: string[], _flags, command: Command) => {
  const { scan } = await import("./scan.js");
  exitCode = await scan(paths, configured<MigrateFlags>(command), terminal);
});

program
  .command("generate")
  .description("make protobuf-es code from the project's .proto files")
  .argument("[paths...]", "files and folders (default: this folder)")
  .option("--out <folder>", "where the code goes")
  .option("--dry-run", "say what would be written")
  .option("--json <file>", "write a report to a file", fileName)
  .action(async (paths: string[], flags) => {
    const { generateCommand } = await import("./generate.js");
    exitCode = await generateCommand(paths, flags, terminal);
  });

program
  .command("recover")
  .description("write the .proto files of generated code that has lost them, as far as the code knows them")
  .argument("[paths...]", "files and folders of generated code (default: this folder)")
  .option("--out <folder>", "where the .proto files go", "proto")
  .option("--dry-run", "say what would be written")
  .action(async (paths: string[], flags) => {
    const { recoverCommand } = await import("./recover.js");
    exitCode = await recoverCommand(paths, flags, terminal);
  });

for (const [side, what] of [
  ["services", "migrate server-side code: handlers, service registration, server start"],
  ["clients", "migrate client-side code: client construction, calls, streams, errors"],
] as const satisfies readonly (readonly [Side, string])[]) {
  const command = program
    .command(side)
    .description(what)
    .argument("[paths...]", "files, folders and globs (default: this folder)")
    .option("--changed [base]", "only files that differ from a commit (default: from the last one), by git")
    .option("--service <name...>", "only what belongs to a service, by its full name: shop.v1.Inventory")
    .option("--rule <id...>", "only what a rule changes, and what has to change with it: services/write-to-yield")
    .option("--shard <i/n>", "with --dry-run: only one of n parts; `merge` makes one report of their --json files")
    .option("-i, --interactive", "show each hunk and ask whether to take it")
    .option("--dry-run", "show the diff and the report, write nothing")
    .option("--undo", "put back what the last run in this project wrote")
    .option("--allow-dirty", "run although the git tree has uncommitted changes");
  withModes(withReports(command)).action(async (paths: string[], flags: { undo?: true }) => {
    if (flags.undo) {
      const { undo } = await import("./undo.js");
      exitCode = undo(paths[0], terminal);
      return;
    }
    const { migrate } = await import("./migrate.js");
    exitCode = await migrate(side, paths, configured<MigrateFlags>(command), terminal);
  });
}

withReports(
  program
    .command("merge")
    .description("make one report of the parts that --shard made")
    .argument("<reports...>", "the --json files of all parts")
    .option("--json <file>", "write the report of the whole (schema version 1)", fileName)
    .addHelpText("after", EXIT_CODES),
).action(async (reports: string[], flags: ReportFlags) => {
  const { merge } = await import("./merge.js");
  exitCode = merge(reports, flags, terminal);
});

withModes(
  program
    .command("plan")
    .description("propose pull requests: which files change together, in an order that works, with their owners")
    .argument("[paths...]", "files, folders and globs (default: this folder)"),
).action(async (paths: string[], _flags, command: Command) => {
  const { plan } = await import("./plan.js");
  exitCode = await plan(paths, configured<PlanFlags>(command), terminal);
});

program
  .command("status")
  .description("how far the migration is: uses of grpc-js, bridges and TODOs, per package")
  .argument("[paths...]", "files and folders (default: this folder)")
  .option("--json <file>", "write the figures, and those of the git history", fileName)
  .option("--svg <file>", "draw the burn-down over the git history", fileName)
  .action(async (paths: string[], flags: StatusFlags) => {
    const { status } = await import("./status.js");
    exitCode = await status(paths, flags, terminal);
  });

program
  .command("check")
  .description("the ratchet for CI: fail where the use of grpc-js grew, shrink the baseline where it fell")
  .argument("[paths...]", "files and folders (default: this folder)")
  .option("--baseline <file>", "where the figures are kept", fileName, "connect-migrate.baseline.json")
  .option("--update", "take what is there as the baseline")
  .action(async (paths: string[], _flags, command: Command) => {
    const { check } = await import("./check.js");
    exitCode = await check(paths, configured<CheckFlags>(command), terminal);
  });

program
  .command("finish")
  .description("when nothing is left: remove grpc-js, its generators and their scripts from package.json")
  .argument("[paths...]", "files and folders (default: this folder)")
  .option("--dry-run", "say what would be removed")
  .action(async (paths: string[], flags: FinishFlags) => {
    const { finish } = await import("./finish.js");
    exitCode = await finish(paths, flags, terminal);
  });

program
  .command("undo")
  .description("put back what the last run in this project wrote")
  .argument("[path]", "a file or folder of the project (default: this folder)")
  .action(async (given: string | undefined) => {
    const { undo } = await import("./undo.js");
    exitCode = undo(given, terminal);
  });

withTargets(
  program
    .command("verify")
    .description("is what a branch changed exactly what the tool makes of its base? For pull requests")
    .addArgument(new Argument("<side>", "what the branch migrates").choices(["services", "clients"]))
    .argument("[paths...]", "what the run was given (default: the source files that the branch changed)")
    .requiredOption("--base <commit>", "where the branch began: origin/main")
    .option("--baseline <file>", "the figures of `check`, which may change", fileName, "connect-migrate.baseline.json"),
).action(async (side: Side, paths: string[], _flags, command: Command) => {
  const { verify } = await import("./verify.js");
  exitCode = await verify(side, paths, configured<VerifyFlags>(command), terminal);
});

program
  .command("completion")
  .description("print a script that completes commands and flags, for bash, zsh or fish")
  .addArgument(new Argument("<shell>", "whose script").choices(SHELLS))
  .action((shell: Shell) => {
    process.stdout.write(completionScript(shell, program));
  });

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) exitCode = error.exitCode === 0 ? 0 : 1;
  else {
    exitCode = 1;
    const known = error instanceof UsageError || error instanceof WriteError;
    const { message, stack, code } = error as NodeJS.ErrnoException;
    if (process.env.CONNECT_MIGRATE_DEBUG && stack !== undefined) process.stderr.write(`${stack}\n`);
    else if (known || code !== undefined) process.stderr.write(`error: ${message}\n`);
    else
      process.stderr.write(
        `error: connect-migrate itself failed: ${message}\nNothing was written. Run again with CONNECT_MIGRATE_DEBUG=1 for details to report.\n`,
      );
  }
}
process.exitCode = exitCode;
