import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { project, removeProjects, run } from "./testing/cli.js";

let root: string;
vi.setConfig({ testTimeout: 60_000 });
beforeAll(() => {
  root = project({ "package.json": "{}\n", "src/server.js": "1;\n" });
  mkdirSync(path.join(root, "bin"));
  writeFileSync(path.join(root, "bin/connect-migrate"), "#!/bin/sh\n", { mode: 0o755 });
  for (const shell of ["bash", "zsh", "fish"])
    writeFileSync(path.join(root, `completion.${shell}`), run(root, "completion", shell).out);
});
afterAll(removeProjects);

const hasShell = (name: string) => spawnSync(name, ["--version"]).status === 0;

/** What a shell offers after these words. */
const offers: Record<string, (words: string[]) => string[]> = {
  bash(words) {
    const script = `source ./completion.bash
COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}
_connect_migrate connect-migrate '${words.at(-1)}' '${words.at(-2)}'
printf '%s\\n' "\${COMPREPLY[@]}"`;
    return spawnSync("bash", ["--norc", "-c", script], { cwd: root, encoding: "utf8" }).stdout.split("\n");
  },
  zsh(words) {
    // zpty gives zsh the terminal without which it completes nothing; a second Tab lists what the first could not decide.
    // Nothing is typed before the prompt is there, and what is offered is read until it has been quiet for two seconds; for six, where
    // there is hardly more than what was typed: other tests may run beside.
    writeFileSync(
      path.join(root, ".zshrc"),
      `PS1='READY '; LISTMAX=10000; stty columns 400
autoload -Uz compinit; compinit -u -D; source ./completion.zsh\n`,
    );
    const script = `zmodload zsh/zpty zsh/zselect
zpty z ZDOTDIR=. zsh -d -i
shown=; repeat 400; do zpty -r -t z part && shown+=$part; [[ $shown == *READY* ]] && break; zselect -t 5; done
[[ $shown == *READY* ]] || { print -r -- "no prompt, but: $shown" >&2; exit 1 }
zpty -w -n z $'${words.join(" ")}\\t\\t'
shown=; quiet=0; repeat 400; do
  if zpty -r -t z part; then shown+=$part; quiet=0; else (( quiet += 1 )); zselect -t 5; fi
  (( quiet > (\${#shown} < 200 ? 120 : 40) )) && break
done
print -r -- $shown`;
    const { stdout, stderr, status } = spawnSync("zsh", ["-f", "-c", script], { cwd: root, encoding: "utf8" });
    if (status !== 0) throw new Error(`zsh: ${stderr}`);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the terminal's own
    return stdout.replace(/\u001b\[[\d;?]*[A-Za-z]/g, " ").split(/\s+/);
  },
  fish(words) {
    const script = `source ./completion.fish; complete -C '${words.join(" ")}'`;
    const out = spawnSync("fish", ["--no-config", "-c", script], { cwd: root, encoding: "utf8" }).stdout;
    return out.split("\n").map((line) => line.split("\t")[0] ?? "");
  },
};

// `.ci/run` installs zsh and fish; where they are not, their scripts are not tried.
describe.each(Object.keys(offers))("%s", (shell) => {
  const complete = (...words: string[]) =>
    (offers[shell] as (words: string[]) => string[])(["connect-migrate", ...words]);
  const isThere = hasShell(shell);

  it.skipIf(!isThere)("offers commands", () => {
    expect(complete("")).toEqual(expect.arrayContaining(["services", "clients", "verify", "merge", "completion"]));
    expect(complete("s")).toEqual(expect.arrayContaining(["services", "scan", "status"]));
    expect(complete("s")).not.toContain("clients");
  });

  it.skipIf(!isThere)("offers the flags of a command", () => {
    expect(complete("services", "--s")).toEqual(expect.arrayContaining(["--service", "--shard", "--sarif"]));
    expect(complete("services", "--s")).not.toContain("--svg");
    expect(complete("status", "--s")).toContain("--svg");
  });

  it.skipIf(!isThere)("offers the values of a flag and of an argument", () => {
    expect(complete("services", "--target", "")).toEqual(expect.arrayContaining(["bundled", "connectrpc"]));
    expect(complete("completion", "")).toEqual(expect.arrayContaining(["bash", "zsh", "fish"]));
  });
});

it("another shell is named as such", () => {
  const { code, err } = run(root, "completion", "tcsh");
  expect(code).toBe(1);
  expect(err).toMatch(/Allowed choices are bash, zsh, fish/);
});
